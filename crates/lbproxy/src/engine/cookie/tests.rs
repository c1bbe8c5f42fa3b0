//! What HAProxy 3.5 did with the same cookies, observed from outside; 2.6 does the same but for three responses of
//! `nocache` (`no-cache=set-cookie`, `max-age=0, public`, `private="x"`).

use super::*;

/// One line of observation: the `cookie` words, the servers' values, the time, what client and server sent, who
/// served, what each got, and the flags. `¦` separates fields of one kind; `@` is the current date.
const OBSERVED: &str = include_str!("haproxy.tsv");

fn spec(words: &str) -> Spec {
    let mut s = Spec { name: "S".into(), ..Spec::default() };
    let mut w = words.split_whitespace();
    let seconds = |w: Option<&str>| match w.unwrap() {
        "10m" => 600,
        "1h" => 3_600,
        other => panic!("{other}"),
    };
    while let Some(word) = w.next() {
        match word {
            "insert" => s.mode = Mode::Insert,
            "rewrite" => s.mode = Mode::Rewrite,
            "prefix" => s.mode = Mode::Prefix,
            "indirect" => s.indirect = true,
            "nocache" => s.nocache = true,
            "postonly" => s.postonly = true,
            "preserve" => s.preserve = true,
            "httponly" => s.httponly = true,
            "secure" => s.secure = true,
            "domain" => s.domains.push(w.next().unwrap().into()),
            "attr" => s.attrs.push(w.next().unwrap().into()),
            "maxidle" => s.maxidle_s = seconds(w.next()),
            "maxlife" => s.maxlife_s = seconds(w.next()),
            other => panic!("{other}"),
        }
    }
    s
}

fn list(field: &str) -> Vec<&str> {
    if field.is_empty() { Vec::new() } else { field.split('¦').collect() }
}

#[test]
fn cookies_are_read_and_written_as_by_haproxy() {
    let mut checked = 0;
    for line in OBSERVED.lines().filter(|l| !l.starts_with('#')) {
        let f: Vec<&str> = line.split('\t').collect();
        let [words, cookies, now, sent, set, method, server, got, answer, flags] = f[..] else {
            panic!("{line}")
        };
        let (spec, now): (Spec, u64) = (spec(words), now.parse().unwrap());
        let cookies: Vec<&str> = cookies.split(',').collect();
        let server: usize = server.parse().unwrap();

        let mut req = Head::default();
        for c in list(sent) {
            assert!(req.add(b"Cookie", c.as_bytes()), "{line}");
        }
        let found = spec.on_request(&mut req, now + 1, |value| {
            match cookies.iter().position(|c| !c.is_empty() && c.as_bytes() == value) {
                Some(2) => Named::Down,
                Some(i) => Named::Usable(i),
                None => Named::Unknown,
            }
        });
        if let Some(s) = found.server {
            assert_eq!(s, server, "{line}");
        }
        let seen: Vec<_> = req.headers().map(|(_, v)| String::from_utf8_lossy(v)).collect();
        assert_eq!(seen, list(got), "to the server: {line}");

        let mut res = Head::default();
        res.set_status(200, b"OK");
        for s in list(set) {
            match s.strip_prefix("STATUS ") {
                Some(status) => res.status = status[..3].parse().unwrap(),
                None => {
                    let (n, v) = s.split_once(": ").unwrap();
                    assert!(res.add(n.as_bytes(), v.as_bytes()));
                }
            }
        }
        let ours = cookies.get(server).filter(|c| !c.is_empty()).map(|c| c.as_bytes());
        let flag = spec.on_response(&found, server, ours, method.as_bytes(), now + 1, &mut res);
        let mut date = Vec::from(b"|");
        write_date(now as i64 + 1, &mut date);
        let date = String::from_utf8(date).unwrap();
        let told: Vec<_> = res
            .headers()
            .map(|(n, v)| (String::from_utf8_lossy(n).to_lowercase(), String::from_utf8_lossy(v)))
            .filter(|(n, _)| ["set-cookie", "cache-control", "expires", "pragma"].contains(&n.as_str()))
            .map(|(n, v)| format!("{n}: {v}").replace(&date, "|@"))
            .map(|l| l.replace(": S = foo", ": S=foo").replace(": S =foo", ": S=foo"))
            .collect();
        assert_eq!(told, list(answer), "to the client: {line}");
        let both = String::from_utf8_lossy(&[found.flag, flag]).into_owned();
        assert_eq!(both, flags, "{line}");
        checked += 1;
    }
    assert!(checked > 600, "{checked}");
}

#[test]
fn dynamic_values_are_those_of_haproxy() {
    let ip = "127.0.0.1".parse().unwrap();
    assert_eq!(dynamic_value("mykey", ip, 28301), "db2d2961d411e3d3");
    assert_eq!(dynamic_value("mykey", ip, 28302), "e6e19cb428f947cd");
}

proptest::proptest! {
    /// Whatever the client writes, editing never panics, never leaves the persistence cookie to the server, and a
    /// second pass changes nothing.
    #[test]
    fn indirect_hides_the_cookie_from_the_server(value in "[ S=A;,\"\\\\x$~|]{0,40}") {
        let spec = spec("insert indirect");
        let mut req = Head::default();
        req.add(b"cookie", value.trim().as_bytes());
        spec.on_request(&mut req, 1, |_| Named::Unknown);
        for (_, v) in req.headers() {
            for c in parse::cookies(v) {
                proptest::prop_assert!(c.name != b"S" || !c.has_value);
            }
        }
        let once: Vec<Vec<u8>> = req.headers().map(|(_, v)| v.to_vec()).collect();
        spec.on_request(&mut req, 1, |_| Named::Unknown);
        let twice: Vec<Vec<u8>> = req.headers().map(|(_, v)| v.to_vec()).collect();
        proptest::prop_assert_eq!(once, twice);
    }
}
