//! Commands of HAProxy that are known and not served: each says why, instead of being unknown.

use super::Reply;
use crate::{admin::session::Session, compile::plan::Level};

const TLS: &str = "certificates cannot be changed or listed while running yet: replace the files and reload";
const DEBUG: &str = "it pokes into HAProxy's own memory, which is not there";
const DYNAMIC: &str = "backends come with the configuration: reload";
const TRACE: &str = "there are no trace sources: use the logs, or perf and strace";

/// Words, level and reason.
const REFUSED: &[(&str, Level, &str)] = &[
    ("abort ssl", Level::Admin, TLS),
    ("add backend", Level::Admin, DYNAMIC),
    ("add ssl", Level::Admin, TLS),
    ("commit ssl", Level::Admin, TLS),
    ("debug counters", Level::Admin, DEBUG),
    ("debug dev", Level::Admin, DEBUG),
    ("del backend", Level::Admin, DYNAMIC),
    ("del ssl", Level::Admin, TLS),
    ("disable dynamic-cookie", Level::Admin, "dynamic cookies cannot be changed while running yet"),
    ("dump ssl", Level::Admin, TLS),
    (
        "dump stats-file",
        Level::User,
        "counters live as long as the process, over reloads: no file is needed for that",
    ),
    ("enable dynamic-cookie", Level::Admin, "dynamic cookies cannot be changed while running yet"),
    ("httpclient", Level::Admin, "there is no HTTP client inside: use curl"),
    ("new ssl", Level::Admin, TLS),
    ("set anon", Level::User, "dumps show names as they are"),
    ("set dynamic-cookie-key", Level::Admin, "dynamic cookies cannot be changed while running yet"),
    ("set profiling", Level::Admin, "the process does not profile itself: use perf or a profiler"),
    ("set ssl", Level::Admin, TLS),
    ("show anon", Level::User, "dumps show names as they are"),
    ("show cache", Level::Operator, "responses are not cached"),
    ("show default-server", Level::User, "servers cannot be added while running"),
    ("show defaults", Level::User, "proxies cannot be added while running"),
    ("show peers", Level::Operator, "tables are not shared between processes"),
    ("show quic", Level::Operator, "QUIC is not spoken"),
    ("show ssl", Level::Operator, TLS),
    ("show tasks", Level::User, "tasks are the runtime's, which does not list them: see 'show activity'"),
    ("show trace", Level::User, TRACE),
    ("trace", Level::Admin, TRACE),
];

/// The reason why a command is not served, where the words are one of those; with its level.
pub(super) fn find(words: &[String]) -> Option<(&'static str, Level, &'static str)> {
    let begins = |name: &str| {
        let mut have = words.iter();
        name.split(' ').all(|w| have.next().is_some_and(|h| h == w))
    };
    REFUSED.iter().filter(|r| begins(r.0)).max_by_key(|r| r.0.len()).copied()
}

/// For documentation: every command that is known and not served, with the reason.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    REFUSED.iter().map(|r| (r.0, r.2))
}

/// Says why, to whoever could have used it.
pub(super) fn answer(session: &Session, (name, level, why): (&str, Level, &str)) -> Reply {
    if session.level < level {
        return Reply::text("Permission denied");
    }
    Reply::Text(format!("'{name}' is not served here: {why}.\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::command::FAMILIES;

    #[test]
    fn rows_are_sorted_and_none_of_them_is_served_after_all() {
        assert!(REFUSED.windows(2).all(|w| w[0].0 < w[1].0));
        let served = FAMILIES.iter().flat_map(|f| f.iter()).map(|c| c.words);
        for words in served {
            assert!(!REFUSED.iter().any(|r| r.0 == words), "{words}");
        }
    }
}
