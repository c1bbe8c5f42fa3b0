//! User lists: who may pass with which password (manual 12.1).

use crate::engine::crypt::{Sha, equal, md5::Md5};

/// A `userlist` section.
#[derive(Clone, Debug, Default)]
pub struct UserList {
    pub name: Box<str>,
    pub users: Vec<User>,
}

/// One user, with the groups it belongs to.
#[derive(Clone)]
pub struct User {
    pub name: Box<[u8]>,
    pub password: Password,
    pub groups: Vec<Box<str>>,
}

impl std::fmt::Debug for User {
    /// Passwords never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.name))
    }
}

/// How a password is kept.
#[derive(Clone)]
pub enum Password {
    /// `insecure-password`: as it is.
    Plain(Box<[u8]>),
    /// `password`: hashed as crypt(3) does.
    Sha(Sha),
    Md5(Md5),
    /// The user exists but no password opens it.
    None,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Password {
    /// A password as crypt(3) hashed it; the reason when the method is not one of ours.
    pub fn parse_crypt(hash: &str) -> Result<Password, String> {
        if let Some(sha) = Sha::parse(hash) {
            return Ok(Password::Sha(sha));
        }
        if let Some(md5) = Md5::parse(hash) {
            return Ok(Password::Md5(md5));
        }
        let method = match hash.split('$').nth(1) {
            Some("1") => "MD5",
            Some("2a" | "2b" | "2y") => "bcrypt",
            Some("5" | "6") => {
                return Err("this SHA hash is malformed or asks for too many rounds".to_owned());
            }
            Some("y" | "gy" | "7") => "yescrypt or scrypt",
            _ => "DES",
        };
        Err(format!("passwords hashed with {method} cannot be checked yet"))
    }
}

impl UserList {
    /// Whether the password is the user's.
    pub fn check(&self, user: &[u8], password: &[u8]) -> bool {
        let Some(found) = self.users.iter().find(|u| *u.name == *user) else { return false };
        match &found.password {
            Password::Plain(p) => equal(p, password),
            Password::Sha(sha) => sha.check(password),
            Password::Md5(md5) => md5.check(password),
            Password::None => false,
        }
    }

    /// The users that belong to any of the groups.
    pub fn members<'l>(&'l self, groups: &'l [&'l str]) -> impl Iterator<Item = &'l User> {
        self.users.iter().filter(move |u| u.groups.iter().any(|g| groups.contains(&&**g)))
    }
}
