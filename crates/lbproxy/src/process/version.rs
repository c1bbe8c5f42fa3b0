//! `-v` and `-vv`: our own version, and the level of HAProxy's language that is followed.
//!
//! Scripts read the first line (`HAProxy version 3.5…`) and `TARGET`; `.if feature(…)` and `-cc` answer from the
//! same list that is printed here.

use common::haproxy::{Env, condition, env};

use crate::cli::Version;

/// The text that an option of the `-v` family prints.
pub fn text(which: Version, env: &Env) -> String {
    match which {
        Version::Quiet | Version::QuietShort => format!("{}\n", env::LEVEL),
        Version::Branch => format!("{}\n", env::BRANCH),
        Version::Short => short(),
        Version::Long => short() + &long(env),
    }
}

fn short() -> String {
    format!(
        "HAProxy version {}-lbproxy-{} - level of the language that lbproxy follows\n\
         lbproxy version {}\n",
        env::LEVEL,
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_VERSION"),
    )
}

/// What a report should tell of the program (`show dev`).
pub fn summary() -> String {
    short() + &long(&Env::default())
}

fn long(env: &Env) -> String {
    let features: Vec<String> = env.features.iter().map(|f| format!("+{f}")).collect();
    let predicates: Vec<&str> = condition::PREDICATES.iter().map(|p| p.name).collect();
    format!(
        "Build options :\n  TARGET  = linux-glibc\n\n\
         Feature list : {}\n\n\
         Default settings :\n  bufsize = 16384, maxrewrite = 1024\n\n\
         Built with multi-threading support (one runtime per thread).\n\
         Built with SSL library version : {} (rustls)\n\
         SSL library supports : TLSv1.2 TLSv1.3\n\
         Built with transparent proxy support using: IP_TRANSPARENT IPV6_TRANSPARENT IP_FREEBIND\n\
         Predicates of -cc and .if : {}\n\n\
         Available polling systems :\n      epoll : pref=300,  test result OK\nTotal: 1 (1 usable), will use epoll.\n",
        features.join(" "),
        env.ssl_library,
        predicates.join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_and_the_target_are_in_the_form_that_scripts_read() {
        let t = text(Version::Long, &Env::default());
        let first = t.lines().next().unwrap();
        // `grep -E 'HA-?Proxy version'`, third word; `TARGET.*=`.
        assert!(first.starts_with("HAProxy version 3.5"), "{first}");
        assert!(first.split(' ').nth(2).unwrap().starts_with("3.5."));
        assert!(t.lines().any(|l| l.trim_start().starts_with("TARGET") && l.ends_with("= linux-glibc")));
    }

    #[test]
    fn every_printed_feature_is_what_conditions_answer() {
        let env = Env::default();
        let t = text(Version::Long, &env);
        let line = t.lines().find(|l| l.starts_with("Feature list")).unwrap();
        for f in line.split(" +").skip(1) {
            assert_eq!(condition::evaluate(&format!("feature({f})"), &env), Ok(true), "{f}");
        }
        assert!(line.contains("+OPENSSL"));
    }
}
