//! `userlist` and `http-errors`.

use super::{Cx, OWN, RegistryRow, duplicate, lines, name};
use crate::{
    diag::codes,
    haproxy::{
        model::{Config, HttpErrors, User, UserGroup, Userlist},
        section::{
            cx::{Status, rows},
            proxy::errorfile_in,
        },
        tree::Section,
    },
    keyword::ANY,
    source::At,
};

const FULL: Status = Status::FULL;

rows! {
    const USERLIST: [Userlist];
    "group", OWN, (1, ANY), FULL, group, "A group and its users.";
    "user", OWN, (3, ANY), FULL, user, "A user with password and groups.";
}

rows! {
    const HTTP_ERRORS: [HttpErrors];
    "errorfile", OWN, (2, 2), FULL, |e, cx| errorfile_in(&mut e.pages, cx), "File that is sent for a status.";
}

pub(super) fn rows() -> Vec<RegistryRow> {
    let mut all: Vec<_> = USERLIST.iter().map(|k| RegistryRow::of("userlist", k)).collect();
    all.extend(HTTP_ERRORS.iter().map(|k| RegistryRow::of("http-errors", k)));
    all
}

pub(super) fn userlist(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut list = Userlist { name: name(section, cx), ..Userlist::default() };
    lines(USERLIST, section, &mut list, cx);
    duplicate(&list.name, config.userlists.iter().map(|u| &u.name), cx);
    resolve(&list, cx);
    config.userlists.push(list);
}

/// Groups and users name each other.
fn resolve(list: &Userlist, cx: &mut Cx<'_>) {
    for member in list.groups.iter().flat_map(|g| &g.users) {
        if !list.users.iter().any(|u| u.name == member.value) {
            cx.alert(
                codes::UNRESOLVED_NAME,
                member.span,
                format!("there is no user `{}` in this list", member.value),
            );
        }
    }
    for group in list.users.iter().flat_map(|u| &u.groups) {
        if !list.groups.iter().any(|g| g.name == group.value) {
            cx.alert(
                codes::UNRESOLVED_NAME,
                group.span,
                format!("there is no group `{}` in this list", group.value),
            );
        }
    }
}

pub(super) fn http_errors(section: &Section, config: &mut Config, cx: &mut Cx<'_>) {
    let mut errors = HttpErrors { name: name(section, cx), ..HttpErrors::default() };
    lines(HTTP_ERRORS, section, &mut errors, cx);
    duplicate(&errors.name, config.http_errors.iter().map(|e| &e.name), cx);
    config.http_errors.push(errors);
}

fn list(word: &At<String>) -> Vec<At<String>> {
    word.split(',').filter(|p| !p.is_empty()).map(|p| At::new(p.to_owned(), word.span)).collect()
}

fn group(u: &mut Userlist, cx: &mut Cx<'_>) {
    let users = match cx.args {
        [_] => Vec::new(),
        [_, word, users] if word.as_str() == "users" => list(users),
        [_, word, ..] => return cx.bad(word, "`users` and a list of names"),
        [] => return,
    };
    let name = cx.text(0).unwrap_or_default();
    u.groups.push(At::new(UserGroup { name, users }, cx.span()));
}

fn user(u: &mut Userlist, cx: &mut Cx<'_>) {
    let args = cx.args;
    let Some((name, mut rest)) = args.split_first() else { return };
    if let Some(first) = u.users.iter().find(|x| x.name == name.value) {
        let message = format!("there is another user `{}` in this list", name.value);
        let d = crate::diag::Diagnostic::alert(codes::DUPLICATE_NAME, message).at(name.span, "");
        return cx.diags.push(d.also(first.span, "the other one"));
    }
    let mut user = User { name: name.value.clone(), ..User::default() };
    while let [word, value, after @ ..] = rest {
        rest = after;
        match word.as_str() {
            "password" => user.password = Some(value.value.clone()),
            "insecure-password" => user.insecure_password = Some(value.value.clone()),
            "groups" => user.groups = list(value),
            _ => return cx.bad_word(word, ["password", "insecure-password", "groups"]),
        }
    }
    if let Some(word) = rest.first() {
        return cx.missing(word, "an argument");
    }
    u.users.push(At::new(user, cx.span()));
}
