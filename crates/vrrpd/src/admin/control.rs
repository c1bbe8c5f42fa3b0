//! The words of the control socket: one line asks, the answer runs to the end of the connection.
//!
//! An answer begins with `ok` or `error` and a sentence; data follow on further lines. Leaves to others: the socket
//! (`shell::control`), who asks (`ctl`).

use crate::engine::router::Order;

/// Bytes of a request.
pub const REQUEST_BYTES_MAX: usize = 512;
/// Transitions that `journal` tells without a number.
const JOURNAL_ENTRIES: usize = 20;

/// What can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// The snapshot as JSON.
    Status,
    /// The last transitions as lines of JSON.
    Journal(usize),
    /// The snapshot as Prometheus text.
    Metrics,
    /// `None` for the instance: all of them. `None` for the order: take part as before.
    Order { order: Option<Order>, instance: Option<String> },
}

impl Request {
    /// # Errors
    /// A sentence about what cannot be understood.
    pub fn parse(line: &str) -> Result<Request, String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let order = |order, rest: &[&str]| match rest {
            [] => Ok(Request::Order { order, instance: None }),
            [name] => Ok(Request::Order { order, instance: Some((*name).to_owned()) }),
            _ => Err("one instance, or none for all".to_owned()),
        };
        match words.as_slice() {
            ["status"] => Ok(Request::Status),
            ["metrics"] => Ok(Request::Metrics),
            ["journal"] => Ok(Request::Journal(JOURNAL_ENTRIES)),
            ["journal", number] => {
                number.parse().map(Request::Journal).map_err(|_| format!("`{number}` is no number"))
            }
            ["handover", rest @ ..] => order(Some(Order::Handover), rest),
            ["stop", rest @ ..] => order(Some(Order::Stop), rest),
            ["resume", rest @ ..] => order(None, rest),
            [] => Err("nothing was asked".to_owned()),
            [other, ..] => Err(format!("`{other}` is not known here")),
        }
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Request::Status => f.write_str("status"),
            Request::Metrics => f.write_str("metrics"),
            Request::Journal(number) => write!(f, "journal {number}"),
            Request::Order { order, instance } => {
                f.write_str(order.map_or("resume", Order::word))?;
                instance.iter().try_for_each(|name| write!(f, " {name}"))
            }
        }
    }
}

/// Takes an answer apart: the data, or why there are none.
///
/// # Errors
/// The sentence of the daemon.
pub fn answer(text: &str) -> Result<(&str, &str), String> {
    let (first, data) = text.split_once('\n').unwrap_or((text, ""));
    match first.split_once(' ').unwrap_or((first, "")) {
        ("ok", sentence) => Ok((sentence, data)),
        ("error", sentence) => Err(sentence.to_owned()),
        _ => Err("the answer was cut off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_asked_is_understood() {
        let order =
            |order, instance: Option<&str>| Request::Order { order, instance: instance.map(Into::into) };
        for r in [
            Request::Status,
            Request::Metrics,
            Request::Journal(3),
            order(Some(Order::Handover), None),
            order(Some(Order::Stop), Some("VI_1")),
            order(None, Some("VI_1")),
        ] {
            assert_eq!(Request::parse(&r.to_string()), Ok(r));
        }
        assert_eq!(Request::parse("journal x"), Err("`x` is no number".to_owned()));
        assert!(Request::parse("handover a b").is_err() && Request::parse("").is_err());
    }

    #[test]
    fn an_answer_is_taken_apart() {
        assert_eq!(answer("ok\nx\ny\n"), Ok(("", "x\ny\n")));
        assert_eq!(answer("ok done\n"), Ok(("done", "")));
        assert_eq!(answer("error no such instance\n"), Err("no such instance".to_owned()));
        assert!(answer("").is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_harm(line in ".{0,600}") {
            let _ = (Request::parse(&line), answer(&line));
        }
    }
}
