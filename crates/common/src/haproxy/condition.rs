//! Conditional blocks: the expressions of `.if`, `.elif` and `-cc` (manual, chapter 2.4).
//!
//! Owns: [`evaluate`]. Invariants: the whole expression is read before anything is evaluated, so that an error in
//! a part that would not be looked at is still found; nesting is bounded. What the predicates look at is handed
//! in as an [`Env`].

use std::cmp::Ordering;

use super::{env::Env, expr};
use crate::source::At;

/// Deepest nesting of parentheses and negations.
const DEPTH_MAX: usize = 256;

/// Predicates, with the number of arguments each takes; sorted by name.
pub const PREDICATES: &[Predicate] = &[
    Predicate { name: "awslc_api_atleast", args: 1, test: |a, e| awslc(a, e).is_some_and(Ordering::is_ge) },
    Predicate { name: "awslc_api_before", args: 1, test: |a, e| awslc(a, e).is_some_and(Ordering::is_lt) },
    Predicate { name: "defined", args: 1, test: |a, e| e.vars.contains_key(arg(a, 0)) },
    Predicate { name: "enabled", args: 1, test: |a, e| e.enabled.contains(arg(a, 0)) },
    Predicate { name: "feature", args: 1, test: |a, e| e.features.contains(arg(a, 0)) },
    Predicate { name: "fips_mode", args: 0, test: |_, _| false },
    Predicate { name: "openssl_version_atleast", args: 1, test: |a, e| openssl(a, e).is_ge() },
    Predicate { name: "openssl_version_before", args: 1, test: |a, e| openssl(a, e).is_lt() },
    Predicate { name: "ssllib_name_startswith", args: 1, test: |a, e| e.ssl_library.starts_with(arg(a, 0)) },
    Predicate { name: "streq", args: 2, test: |a, _| arg(a, 0) == arg(a, 1) },
    Predicate { name: "strneq", args: 2, test: |a, _| arg(a, 0) != arg(a, 1) },
    Predicate { name: "strstr", args: 2, test: |a, _| arg(a, 0).contains(arg(a, 1)) },
    Predicate { name: "version_atleast", args: 1, test: |a, e| version(a, e).is_ge() },
    Predicate { name: "version_before", args: 1, test: |a, e| version(a, e).is_lt() },
];

/// A row of [`PREDICATES`].
#[derive(Clone, Copy, Debug)]
pub struct Predicate {
    pub name: &'static str,
    pub args: usize,
    pub test: fn(&[At<String>], &Env) -> bool,
}

/// Why a condition cannot be read, and the byte at which.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    pub message: String,
    pub at: usize,
}

/// The value of a condition; an empty one is false.
pub fn evaluate(text: &str, env: &Env) -> Result<bool, ConditionError> {
    let text = At::from(text.trim_end().to_owned());
    if text.trim().is_empty() {
        return Ok(false);
    }
    let mut parser = Parser { text: &text, at: 0, depth: 0, env };
    let value = parser.or()?;
    parser.skip_spaces();
    match parser.rest() {
        "" => Ok(value),
        rest => {
            let c = rest.chars().next().unwrap_or(' ');
            parser.error(format!("unexpected `{c}` at the end of the condition"))
        }
    }
}

struct Parser<'a> {
    text: &'a At<String>,
    at: usize,
    depth: usize,
    env: &'a Env,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.value.get(self.at..).unwrap_or("")
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, ConditionError> {
        Err(ConditionError { message: message.into(), at: self.at })
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn take(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn or(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.and()?;
        while self.take("||") {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.term()?;
        while self.take("&&") {
            value &= self.term()?;
        }
        Ok(value)
    }

    fn term(&mut self) -> Result<bool, ConditionError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.error("the condition is nested too deeply");
        }
        let value = if self.take("!") {
            !self.term()?
        } else if self.take("(") {
            let value = self.or()?;
            if !self.take(")") {
                return self.error("a `)` is missing");
            }
            value
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn atom(&mut self) -> Result<bool, ConditionError> {
        self.skip_spaces();
        let rest = self.rest();
        let digits = rest.strip_prefix('-').unwrap_or(rest).bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let len = digits + usize::from(rest.starts_with('-'));
            let number = rest.get(..len).unwrap_or("");
            self.at += len;
            return Ok(number.bytes().any(|b| (b'1'..=b'9').contains(&b)));
        }
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or("");
        let Some(predicate) = PREDICATES.iter().find(|p| p.name == name) else {
            let names: Vec<_> = PREDICATES.iter().map(|p| p.name).collect();
            let hint = crate::diag::suggest::nearest(name, names.iter().copied());
            let hint = hint.map(|h| format!("; did you mean `{h}`?")).unwrap_or_default();
            let what = if rest.is_empty() { "nothing" } else { rest };
            return self.error(format!("expected a number or a predicate, found `{what}`{hint}"));
        };
        self.at += len;
        let args = self.arguments(predicate)?;
        Ok((predicate.test)(&args, self.env))
    }

    fn arguments(&mut self, predicate: &Predicate) -> Result<Vec<At<String>>, ConditionError> {
        if !self.rest().starts_with('(') {
            if predicate.args > 0 {
                return self.error(format!("{} takes {} arguments", predicate.name, predicate.args));
            }
            return Ok(Vec::new());
        }
        let (mut args, end) = expr::arguments(self.text, self.at + 1)
            .map_err(|e| ConditionError { message: e.message, at: self.text.value.len() })?;
        // `defined()` asks for the empty name.
        if args.is_empty() && predicate.args > 0 {
            args.push(At::from(String::new()));
        }
        if args.len() != predicate.args {
            let message =
                format!("{} takes {} arguments, not {}", predicate.name, predicate.args, args.len());
            return self.error(message);
        }
        self.at = end;
        Ok(args)
    }
}

fn arg(args: &[At<String>], i: usize) -> &str {
    args.get(i).map_or("", |a| a.value.as_str())
}

/// How the version in use compares with the one asked about.
fn version(args: &[At<String>], env: &Env) -> Ordering {
    version_key(&env.version).cmp(&version_key(arg(args, 0)))
}

/// `major.minor[-dev<n>|-pre<n>|-rc<n>][.patch]`; what is missing or no number counts as zero, and a development
/// version comes before its release.
fn version_key(text: &str) -> (u32, u32, u32, u32, u32) {
    let number = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
    let value = |t: &str| t.get(..number(t)).and_then(|d| d.parse().ok()).unwrap_or(0);
    let mut parts = text.splitn(2, '-');
    let (numbers, suffix) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let mut numbers = numbers.split('.').map(value);
    let (major, minor, patch) =
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let stage = [("dev", 0), ("pre", 1), ("rc", 2)];
    let found = stage.iter().find_map(|&(word, rank)| suffix.strip_prefix(word).map(|n| (rank, value(n))));
    let (rank, n) = found.unwrap_or((3, 0));
    (major, minor, rank, n, patch)
}

fn openssl(args: &[At<String>], env: &Env) -> Ordering {
    openssl_key(&env.openssl_version).cmp(&openssl_key(arg(args, 0)))
}

/// `1.1.1w`: numbers, then a letter.
fn openssl_key(text: &str) -> (Vec<u32>, String) {
    let letters = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
    let numbers = text.get(..text.len() - letters.len()).unwrap_or("");
    let mut numbers: Vec<u32> = numbers.split('.').map(|n| n.parse().unwrap_or(0)).collect();
    numbers.resize(3, 0);
    (numbers, letters)
}

fn awslc(args: &[At<String>], env: &Env) -> Option<Ordering> {
    Some(env.awslc_api?.cmp(&arg(args, 0).parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eval(text: &str) -> Result<bool, String> {
        let env = Env::new([("A".to_owned(), "x".to_owned())]);
        evaluate(text, &env).map_err(|e| e.message)
    }

    /// Each was also given to HAProxy 3.5.
    #[test]
    fn conditions_have_the_value_that_haproxy_gives_them() {
        for (text, value) in [
            ("", false),
            ("0", false),
            ("1", true),
            ("-1", true),
            ("streq(a, a) || 0", false),
            ("( 1 && 0 ) || !0", true),
            ("defined()", false),
            ("defined(A)", true),
            ("version_atleast(3.5-dev2) && version_before(3.5.1)", true),
            ("version_before(3.5-dev2)", false),
            ("version_atleast(x)", true),
            ("version_atleast(2.9.99)", true),
            ("enabled(FOO)", false),
            ("enabled(splice)", false),
            ("feature(openssl)", false),
            ("feature(OPENSSL)", true),
            ("!1 && 0 || 1", true),
            ("! 0", true),
            ("!!1", true),
            (r#"streq(a,"a)")"#, false),
            (r#"streq("a)",'a)')"#, true),
            ("strstr(abc,b) && strneq(a,b)", true),
            ("0 && 1 || 1 && 1", true),
            ("1 || 0 && 0", true),
            ("fips_mode()", false),
        ] {
            assert_eq!(eval(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn conditions_that_haproxy_refuses_are_refused() {
        for text in
            ["foo", "1 1", "streq(a)", "feature(OPENSSL", "1 &&", "01x", "(1", "foo(", "0 && foo", "||"]
        {
            assert!(eval(text).is_err(), "{text}");
        }
        assert!(eval(&"!".repeat(100_000)).is_err());
        assert!(eval("versionatleast(1)").unwrap_err().contains("version_atleast"));
    }

    #[test]
    fn predicates_are_sorted() {
        assert!(PREDICATES.windows(2).all(|w| w[0].name < w[1].name));
    }

    proptest! {
        #[test]
        fn no_condition_makes_it_panic(text in "[ -~]{0,60}") {
            let _ = eval(&text);
        }
    }
}
