//! Checks that speak another protocol for a moment: MySQL, PostgreSQL, Redis, SMTP, LDAP, SPOP (manual 4.2, `option
//! mysql-check` and its neighbours).
//!
//! Each is a short script: what is sent, and a reader for each answer. Readers look at the bytes that have come so
//! far and say whether more have to come, or what they mean. The words of the reports are HAProxy's.

use super::Status;

/// A protocol with what its configuration says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Without a user only the server's greeting is read.
    Mysql {
        user: Option<String>,
        pre_41: bool,
    },
    Pgsql {
        user: String,
    },
    Redis,
    /// `HELO name` or `EHLO name`.
    Smtp {
        hello: String,
    },
    Ldap,
    Spop,
}

/// One exchange: what goes out, or whose answer is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    MysqlGreeting,
    MysqlAnswer,
    Pgsql,
    Redis,
    SmtpGreeting,
    SmtpHello,
    SmtpBye,
    Ldap,
    Spop,
}

/// What is done next by a script of such a protocol.
pub(super) enum Turn {
    Send(Vec<u8>),
    Expect(Step),
}

/// What an answer means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    More,
    Good { code: u16, info: String },
    Bad { status: Status, code: u16, info: String },
}

/// Longest info that is taken out of an answer, bytes.
const INFO_MAX: usize = 128;

impl Protocol {
    pub(super) fn turns(&self) -> Vec<Turn> {
        match self {
            Protocol::Mysql { user: None, .. } => vec![Turn::Expect(Step::MysqlGreeting)],
            // The login does not wait for the greeting, as HAProxy's does not.
            Protocol::Mysql { user: Some(user), pre_41 } => vec![
                Turn::Send(mysql_login(user, *pre_41)),
                Turn::Expect(Step::MysqlGreeting),
                Turn::Expect(Step::MysqlAnswer),
            ],
            Protocol::Pgsql { user } => {
                let mut body = vec![0, 3, 0, 0];
                body.extend_from_slice(b"user\0");
                body.extend_from_slice(user.as_bytes());
                body.extend_from_slice(&[0, 0]);
                let mut start = (body.len() as u32 + 4).to_be_bytes().to_vec();
                start.extend_from_slice(&body);
                vec![Turn::Send(start), Turn::Expect(Step::Pgsql)]
            }
            Protocol::Redis => {
                vec![Turn::Send(b"*1\r\n$4\r\nPING\r\n".to_vec()), Turn::Expect(Step::Redis)]
            }
            Protocol::Smtp { hello } => vec![
                Turn::Expect(Step::SmtpGreeting),
                Turn::Send(format!("{hello}\r\n").into_bytes()),
                Turn::Expect(Step::SmtpHello),
                Turn::Send(b"QUIT\r\n".to_vec()),
                Turn::Expect(Step::SmtpBye),
            ],
            // An anonymous bind of version 3 (RFC 4511 section 4.2).
            Protocol::Ldap => vec![
                Turn::Send(vec![0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0]),
                Turn::Expect(Step::Ldap),
            ],
            Protocol::Spop => vec![Turn::Send(spop_hello()), Turn::Expect(Step::Spop)],
        }
    }
}

impl Step {
    /// Reads an answer; `closed`: no more bytes will come.
    pub(super) fn read(self, got: &[u8], closed: bool) -> Reading {
        let reading = match self {
            Step::MysqlGreeting => mysql(got, false),
            Step::MysqlAnswer => mysql(got, true),
            Step::Pgsql => pgsql(got),
            Step::Redis => redis(got),
            Step::SmtpGreeting | Step::SmtpHello | Step::SmtpBye => smtp(got),
            Step::Ldap => ldap(got),
            Step::Spop => spop(got),
        };
        match reading {
            Reading::More if closed => self.cut(got),
            other => other,
        }
    }

    /// The peer closed in the middle of its answer.
    fn cut(self, got: &[u8]) -> Reading {
        match self {
            Step::SmtpGreeting | Step::SmtpHello | Step::SmtpBye => bad(Status::L7Rsp, 0, &line(got)),
            Step::Ldap => bad(Status::L7Rsp, 0, "Not LDAPv3 protocol"),
            Step::Spop => bad(Status::L7Rsp, 0, "invalid frame received"),
            Step::Pgsql => bad(Status::L7Rsp, 0, "PostgreSQL unknown error"),
            Step::Redis => bad(Status::L7Sts, 0, &line(got)),
            Step::MysqlGreeting | Step::MysqlAnswer => bad(Status::L7Rsp, 0, "mysql error"),
        }
    }
}

fn good(code: u16, info: &str) -> Reading {
    Reading::Good { code, info: info.to_owned() }
}

fn bad(status: Status, code: u16, info: &str) -> Reading {
    Reading::Bad { status, code, info: info.to_owned() }
}

/// The first line of an answer, bounded and readable.
fn line(got: &[u8]) -> String {
    let end = got.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(got.len());
    text(got.get(..end).unwrap_or(got))
}

fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..INFO_MAX).unwrap_or(bytes);
    String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The login packet of a user without a password, as version 4.0 or 4.1 of the protocol writes it.
fn mysql_login(user: &str, pre_41: bool) -> Vec<u8> {
    let mut body = Vec::new();
    if pre_41 {
        // CLIENT_SECURE_CONNECTION alone; packets of at most 64 KiB; an empty password.
        body.extend_from_slice(&[0, 0x80, 0, 0, 1]);
        body.extend_from_slice(user.as_bytes());
        body.extend_from_slice(&[0, 0]);
    } else {
        // CLIENT_PROTOCOL_41 and CLIENT_SECURE_CONNECTION; packets of at most 16 MiB; utf8.
        body.extend_from_slice(&[0, 0x82, 0, 0, 0, 0x80, 0, 1, 0x21]);
        body.extend_from_slice(&[0; 23]);
        body.extend_from_slice(user.as_bytes());
        body.extend_from_slice(&[0, 0]);
    }
    let mut packet = (body.len() as u32).to_le_bytes().to_vec();
    packet.truncate(3);
    packet.push(1);
    packet.extend_from_slice(&body);
    // The pre-4.1 form ends with COM_QUIT as a packet of its own, so that the server does not count an aborted
    // client; the newer one likewise.
    packet.extend_from_slice(&[1, 0, 0, 0, 1]);
    packet
}

/// A MySQL packet: length in three bytes, number, payload (its manual, "MySQL Packets").
fn mysql(got: &[u8], answer: bool) -> Reading {
    let packet = |from: usize| -> Option<(u8, &[u8])> {
        let [a, b, c, number, ..] = *got.get(from..)? else { return None };
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        Some((number, got.get(from + 4..from + 4 + length)?))
    };
    let Some((greeted, greeting)) = packet(0) else { return Reading::More };
    // What follows the greeting is the answer to the login.
    let found = if answer { packet(4 + greeting.len()) } else { Some((greeted, greeting)) };
    let Some((number, payload)) = found else { return Reading::More };
    let Some(&first) = payload.first() else { return Reading::More };
    if number != if answer { 2 } else { 0 } {
        return bad(Status::L7Rsp, 0, if answer { "mysql error" } else { "MySQL Error packet too short" });
    }
    if first == 0xff {
        let code = match payload {
            [_, l, h, ..] => u16::from_le_bytes([*l, *h]),
            _ => 0,
        };
        // Since 4.1 `#` and a five-letter state stand before the text.
        let words = payload.get(3..).unwrap_or(&[]);
        let words = if words.first() == Some(&b'#') { words.get(6..).unwrap_or(&[]) } else { words };
        return bad(Status::L7Sts, code, &text(words));
    }
    if answer {
        // Whoever answers something else than an error lets the user in, or asks for another way to log in.
        return Reading::Good { code: 0, info: String::new() };
    }
    let version = payload.get(1..).unwrap_or(&[]);
    let end = version.iter().position(|b| *b == 0).unwrap_or(version.len());
    good(0, &text(version.get(..end).unwrap_or(version)))
}

/// A PostgreSQL message: a letter, a length, a payload (its manual, "Message Formats").
fn pgsql(got: &[u8]) -> Reading {
    let Some(&kind) = got.first() else { return Reading::More };
    match kind {
        b'R' => {
            let Some(head) = got.get(1..9) else { return Reading::More };
            match head.first_chunk::<4>().map(|l| u32::from_be_bytes(*l)) {
                Some(8..) => good(0, "PostgreSQL server is ok"),
                _ => bad(Status::L7Rsp, 0, "PostgreSQL unknown error"),
            }
        }
        b'E' => {
            // Fields of a letter and a text; the severity comes first.
            let Some(fields) = got.get(5..) else { return Reading::More };
            let severity = fields.strip_prefix(b"S").unwrap_or(fields);
            let end = severity.iter().position(|b| *b == 0);
            match end {
                Some(end) => bad(Status::L7Rsp, 0, &text(severity.get(..end).unwrap_or(severity))),
                None => Reading::More,
            }
        }
        _ => bad(Status::L7Sts, 0, "PostgreSQL unknown error"),
    }
}

fn redis(got: &[u8]) -> Reading {
    const PONG: &[u8] = b"+PONG\r\n";
    if got.starts_with(PONG) {
        return good(0, "Redis server is ok");
    }
    match got.ends_with(b"\n") || got.len() > INFO_MAX {
        true => bad(Status::L7Sts, 0, &line(got)),
        false => Reading::More,
    }
}

/// A reply of SMTP, perhaps of several lines (RFC 5321 section 4.2.1).
fn smtp(got: &[u8]) -> Reading {
    let mut lines = got.split_inclusive(|b| *b == b'\n');
    let last = loop {
        let Some(one) = lines.next() else { return Reading::More };
        if !one.ends_with(b"\n") {
            return Reading::More;
        }
        if one.get(3) != Some(&b'-') {
            break one;
        }
    };
    let digits = last.get(..3).and_then(|d| std::str::from_utf8(d).ok());
    let Some(code) = digits.and_then(|d| d.parse::<u16>().ok()) else {
        return bad(Status::L7Rsp, 0, &line(got));
    };
    let info = line(last.get(4..).unwrap_or(&[]));
    // Any positive completion will do.
    match code / 100 == 2 {
        true => good(code, &info),
        false => bad(Status::L7Sts, code, &info),
    }
}

/// A BindResponse and its result (RFC 4511 sections 4.1.1, 4.2.2): lengths may take one byte or five.
fn ldap(got: &[u8]) -> Reading {
    const NOT_LDAP: &str = "Not LDAPv3 protocol";
    let mut rest = got;
    let Some((0x30, after)) = rest.split_first().map(|(f, a)| (*f, a)) else {
        return if got.is_empty() { Reading::More } else { bad(Status::L7Rsp, 0, NOT_LDAP) };
    };
    rest = after;
    for tag in [None, Some([2, 1, 1].as_slice()), Some([0x61].as_slice())] {
        if let Some(tag) = tag {
            let Some((head, after)) = rest.split_at_checked(tag.len()) else { return Reading::More };
            if head != tag {
                return bad(Status::L7Rsp, 0, NOT_LDAP);
            }
            rest = after;
            if tag.len() > 1 {
                continue;
            }
        }
        let Some(&length) = rest.first() else { return Reading::More };
        let bytes = if length & 0x80 == 0 { 1 } else { 1 + usize::from(length & 0x7f) };
        let Some(after) = rest.get(bytes..) else { return Reading::More };
        rest = after;
    }
    match rest {
        [0x0a, 1, 0, ..] => good(0, "Success"),
        [0x0a, 1, code, ..] => {
            let text = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
            bad(Status::L7Sts, u16::from(*code), text)
        }
        [_, _, _, ..] => bad(Status::L7Rsp, 0, NOT_LDAP),
        _ => Reading::More,
    }
}

/// The HAPROXY-HELLO of a health check (SPOE's specification, 3.2.4).
fn spop_hello() -> Vec<u8> {
    let mut frame = vec![1, 0, 0, 0, 1, 0, 0];
    let mut pair = |name: &str, value: &[u8]| {
        frame.push(name.len() as u8);
        frame.extend_from_slice(name.as_bytes());
        frame.extend_from_slice(value);
    };
    let string = |text: &str| {
        let mut v = vec![8, text.len() as u8];
        v.extend_from_slice(text.as_bytes());
        v
    };
    pair("supported-versions", &string("2.0"));
    // 16380 as a variable-length integer.
    pair("max-frame-size", &[3, 0xfc, 0xf0, 0x06]);
    pair("capabilities", &string(""));
    pair("healthcheck", &[0x11]);
    let mut out = (frame.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&frame);
    out
}

/// The AGENT-HELLO (SPOE's specification, 3.2.5): an agent that speaks version 2.0.
fn spop(got: &[u8]) -> Reading {
    const INVALID: &str = "invalid frame received";
    let Some(length) = got.first_chunk::<4>().map(|l| u32::from_be_bytes(*l) as usize) else {
        return Reading::More;
    };
    if length < 7 {
        return bad(Status::L7Rsp, 0, INVALID);
    }
    let Some(frame) = got.get(4..4 + length) else { return Reading::More };
    // Type 101, the flag that it is whole, stream and frame 0.
    let Some(pairs) = frame.strip_prefix(&[101, 0, 0, 0, 1, 0, 0]) else {
        return bad(Status::L7Rsp, 0, INVALID);
    };
    let version = memchr::memmem::find(pairs, b"\x07version\x08").and_then(|at| pairs.get(at + 9..));
    match version.and_then(|v| v.split_first()).and_then(|(n, v)| v.get(..usize::from(*n))) {
        Some(v) if v.starts_with(b"2.") => good(0, "SPOA server is ok"),
        Some(_) => bad(Status::L7Rsp, 0, "unsupported version"),
        None => bad(Status::L7Rsp, 0, INVALID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        crate::engine::pattern::unhex(text.replace(' ', "").as_bytes()).unwrap()
    }

    #[test]
    fn a_reader_waits_for_the_rest_of_an_answer() {
        for (step, whole) in [
            (Step::Ldap, hex("308400000010020101 61 84000000070A0100 04000400")),
            (Step::Pgsql, hex("520000000800000000")),
            (Step::Redis, b"+PONG\r\n".to_vec()),
            (Step::SmtpHello, b"250-a\r\n250 b\r\n".to_vec()),
        ] {
            assert!(matches!(step.read(&whole, false), Reading::Good { .. }), "{step:?}");
            for n in 0..6 {
                assert_eq!(step.read(&whole[..n], false), Reading::More, "{step:?} {n}");
                assert!(matches!(step.read(&whole[..n], true), Reading::Bad { .. }), "{step:?} {n}");
            }
        }
    }

    #[test]
    fn what_the_answers_say_is_told() {
        assert_eq!(smtp(b"421 Try again later\r\n"), bad(Status::L7Sts, 421, "Try again later"));
        assert_eq!(smtp(b"what?\r\n"), bad(Status::L7Rsp, 0, "what?"));
        assert_eq!(redis(b"-Error message\r\n"), bad(Status::L7Sts, 0, "-Error message"));
        assert_eq!(pgsql(&hex("450000000B53464154414C00")), bad(Status::L7Rsp, 0, "FATAL"));
        assert!(matches!(ldap(&hex("300C020101 61 070A01 01 04000400")), Reading::Bad { code: 1, .. }));
        assert_eq!(
            ldap(&hex("300C020101 60 070A01 00 04000400")),
            bad(Status::L7Rsp, 0, "Not LDAPv3 protocol")
        );
        assert_eq!(spop(&hex("0000001465000000010000 0776657273696F6E 0803312E30")).clone(), {
            bad(Status::L7Rsp, 0, "unsupported version")
        });
        let refused = [&[8, 0, 0, 2, 0xff, 0xe3, 4][..], b"#08S01"].concat();
        assert_eq!(mysql(&refused, true), Reading::More);
    }

    #[test]
    fn logins_are_those_of_the_protocols() {
        assert_eq!(mysql_login("user", true), hex("0B000001 0080000001 757365720000 0100000001"));
        assert_eq!(mysql_login("user", false).len(), 47);
        let turns = Protocol::Pgsql { user: "postgres".into() }.turns();
        let Some(Turn::Send(start)) = turns.into_iter().next() else { panic!() };
        assert_eq!(start, hex("00000017000300007573657200706f7374677265730000"));
        assert_eq!(spop_hello().len(), 82);
    }
}
