//! Recognises checks that ask whether a process runs: `pkill -0`, `killall -0`, `pidof`, `pgrep`.
//!
//! Owns: their command lines. Invariant: what is recognised only says when a check is worth running again; its
//! verdict stays the program's. So a pattern may take in more processes than the check does (options that narrow
//! it by user, terminal or age are passed over), never fewer; a command that is not understood is `None`.

use crate::engine::track::process::Pattern;

/// The processes that a command asks for.
pub(super) fn pattern(argv: &[String]) -> Option<Pattern> {
    let (program, rest) = argv.split_first()?;
    match program.rsplit('/').next()? {
        "pgrep" => grep(rest, false),
        "pkill" => grep(rest, true),
        "killall" => killall(rest),
        "pidof" => pidof(rest),
        "sh" | "bash" | "dash" => shell(rest),
        _ => None,
    }
}

/// `sh -c 'COMMAND'` with nothing in it that only a shell understands.
fn shell(rest: &[String]) -> Option<Pattern> {
    let [option, command] = rest else { return None };
    if option != "-c" || command.contains(|c: char| "|&;<>()$`\\\"'*?[]#~=%!{}\n".contains(c)) {
        return None;
    }
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    match words.first().map(String::as_str) {
        Some("sh" | "bash" | "dash") | None => None,
        Some(_) => pattern(&words),
    }
}

/// The options given, with their arguments, and the operands.
struct Words<'a> {
    options: Vec<(String, Option<&'a str>)>,
    operands: Vec<&'a str>,
}

/// Reads options as getopt_long(3) does; `short` and `long` list those that take an argument.
fn words<'a>(rest: &'a [String], short: &str, long: &[&str]) -> Option<Words<'a>> {
    let mut found = Words { options: Vec::new(), operands: Vec::new() };
    let mut rest = rest.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        if word == "--" {
            found.operands.extend(rest.by_ref());
        } else if let Some(name) = word.strip_prefix("--") {
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None if long.contains(&name) => (name, Some(rest.next()?)),
                None => (name, None),
            };
            found.options.push((name.to_owned(), value));
        } else if let Some(number) = word.strip_prefix('-').filter(|w| w.bytes().all(|b| b.is_ascii_digit()))
        {
            if number.is_empty() {
                return None;
            }
            found.options.push((number.to_owned(), None));
        } else if let Some(cluster) = word.strip_prefix('-') {
            for (at, letter) in cluster.char_indices() {
                if !short.contains(letter) {
                    found.options.push((letter.to_string(), None));
                    continue;
                }
                let attached = cluster.get(at + letter.len_utf8()..).filter(|v| !v.is_empty());
                let value = if attached.is_some() { attached } else { Some(rest.next()?) };
                found.options.push((letter.to_string(), value));
                break;
            }
        } else {
            found.operands.push(word);
        }
    }
    Some(found)
}

impl Words<'_> {
    fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// Whether signal 0 is sent, which only asks.
    fn asks(&self, names: &[&str]) -> bool {
        self.has(&["0"]) || self.options.iter().any(|(n, v)| names.contains(&n.as_str()) && *v == Some("0"))
    }
}

/// pgrep(1), pkill(1)
fn grep(rest: &[String], kill: bool) -> Option<Pattern> {
    let long = [
        "delimiter",
        "pgroup",
        "group",
        "parent",
        "session",
        "signal",
        "terminal",
        "euid",
        "uid",
        "pidfile",
        "runstates",
        "cgroup",
        "env",
        "ns",
        "nslist",
        "older",
        "queue",
    ];
    let words = words(rest, "dgGPstuUFrOq", &long)?;
    if words.has(&["v", "inverse"]) || (kill && !words.asks(&["signal"])) {
        return None;
    }
    let [regex] = words.operands.as_slice() else { return None };
    let regex = (*regex).to_owned();
    let whole = words.has(&["x", "exact"]);
    let ignore_case = words.has(&["i", "ignore-case"]);
    Some(match words.has(&["f", "full"]) {
        true => Pattern::Command { regex, whole, ignore_case },
        false => Pattern::Name { regex, whole, ignore_case },
    })
}

/// killall(1)
fn killall(rest: &[String]) -> Option<Pattern> {
    let words = words(rest, "suyonZ", &["signal", "user", "younger-than", "older-than", "ns", "context"])?;
    if !words.asks(&["s", "signal"]) || words.operands.is_empty() {
        return None;
    }
    let ignore_case = words.has(&["I", "ignore-case"]);
    if words.has(&["r", "regexp"]) || ignore_case {
        let regex = words.operands.join("|");
        return Some(Pattern::Name { regex, whole: false, ignore_case });
    }
    // A path is compared with the file that runs, whose last part is its name.
    let names = words.operands.iter().map(|n| n.rsplit('/').next().unwrap_or(n).to_owned()).collect();
    Some(Pattern::Program(names))
}

/// pidof(8)
fn pidof(rest: &[String]) -> Option<Pattern> {
    let words = words(rest, "oSd", &["omit-pid", "separator"])?;
    let names: Vec<String> = words.operands.iter().map(|n| (*n).to_owned()).collect();
    (!names.is_empty()).then_some(Pattern::Program(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Pattern> {
        pattern(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn name(regex: &str, whole: bool) -> Option<Pattern> {
        Some(Pattern::Name { regex: regex.into(), whole, ignore_case: false })
    }

    fn program(names: &[&str]) -> Option<Pattern> {
        Some(Pattern::Program(names.iter().map(|n| (*n).to_owned()).collect()))
    }

    #[test]
    fn checks_as_people_write_them_are_understood() {
        assert_eq!(of("pkill -0 haproxy"), name("haproxy", false));
        assert_eq!(of("/usr/bin/pkill --signal 0 -x haproxy"), name("haproxy", true));
        assert_eq!(of("pgrep -u root,daemon nginx"), name("nginx", false));
        assert_eq!(of("/usr/bin/killall -0 haproxy"), program(&["haproxy"]));
        assert_eq!(of("killall -q -s 0 /usr/sbin/haproxy nginx"), program(&["haproxy", "nginx"]));
        assert_eq!(of("/bin/pidof -s haproxy"), program(&["haproxy"]));
        let full = Pattern::Command { regex: "proxy -f".into(), whole: false, ignore_case: false };
        assert_eq!(pattern(&["pgrep".into(), "-f".into(), "proxy -f".into()]), Some(full));
        assert_eq!(
            pattern(&["/bin/sh".into(), "-c".into(), "pkill -0 haproxy".into()]),
            name("haproxy", false)
        );
    }

    #[test]
    fn what_kills_or_inverts_or_is_a_real_shell_line_is_not_taken_for_a_check() {
        for line in [
            "pkill haproxy",
            "pkill -9 haproxy",
            "killall haproxy",
            "killall -0",
            "pgrep -v haproxy",
            "pgrep",
            "pidof",
            "pgrep a b",
            "/usr/local/bin/check.sh haproxy",
            "pkill -0 -",
            "pgrep -u",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
        assert_eq!(pattern(&["sh".into(), "-c".into(), "pidof haproxy || exit 1".into()]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_words_break_it(words in proptest::collection::vec("[-a-z0= ]{0,6}", 0..6), which in 0..4_usize) {
            let mut argv = vec![["pkill", "pgrep", "killall", "pidof"][which].to_owned()];
            argv.extend(words);
            let _ = pattern(&argv);
        }
    }
}
