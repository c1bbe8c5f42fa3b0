//! User lists (manual 12.1).

use std::sync::Arc;

use common::{
    diag::{Diagnostic, codes},
    haproxy::model,
    source::At,
};

use super::Scope;
use crate::engine::action::auth::{Password, User, UserList};

impl Scope<'_> {
    /// The list of that name, compiled once.
    pub(super) fn users(&mut self, name: &At<String>) -> Option<Arc<UserList>> {
        if let Some(known) = self.cache.users.get(&name.value) {
            return known.clone();
        }
        let config = self.config;
        let made = match config.userlists.iter().find(|u| u.name.value == name.value) {
            Some(list) => self.user_list(list).map(Arc::new),
            None => {
                let known = config.userlists.iter().map(|u| u.name.as_str());
                let text = format!("there is no userlist '{}'", name.value);
                let d = Diagnostic::alert(codes::UNRESOLVED_NAME, text).at(name.span, "named here");
                self.say(d.did_you_mean(name, known));
                None
            }
        };
        self.cache.users.insert(name.value.clone(), made.clone());
        made
    }

    fn user_list(&mut self, list: &model::Userlist) -> Option<UserList> {
        let mut users = Vec::with_capacity(list.users.len());
        let mut ok = true;
        for user in &list.users {
            let password = match (&user.insecure_password, &user.password) {
                (Some(plain), _) => Some(Password::Plain(plain.as_bytes().into())),
                (None, Some(hash)) => match Password::parse_crypt(hash) {
                    Ok(p) => Some(p),
                    Err(why) => {
                        let text = format!("user '{}': {why}", user.name);
                        let d = Diagnostic::alert(codes::NOT_YET, text).at(user.span, "this password");
                        self.say(d.help("hash it with `mkpasswd -m sha-512`, or use `insecure-password`"));
                        None
                    }
                },
                (None, None) => Some(Password::None),
            };
            ok &= password.is_some();
            let own = user.groups.iter().map(|g| g.value.as_str().into());
            let of_groups = list.groups.iter().filter(|g| g.users.iter().any(|u| u.value == user.name));
            let groups = own.chain(of_groups.map(|g| g.name.as_str().into())).collect();
            users.extend(password.map(|password| User {
                name: user.name.as_bytes().into(),
                password,
                groups,
            }));
        }
        ok.then(|| UserList { name: list.name.as_str().into(), users })
    }
}
