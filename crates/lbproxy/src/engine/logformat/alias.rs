//! The aliases of log formats (manual 8.2.6): one row each, sorted by name.

use std::net::IpAddr;

use super::encode::Out;
use crate::engine::{
    conn::Addr,
    sample::{
        Ctx, Fact, Origin, Subject,
        fetch::transaction::{request_line_part, tq, user},
        time::Civil,
    },
};

/// A row of the registry.
#[derive(Debug)]
pub struct Alias {
    pub name: &'static str,
    /// Has a meaning in HTTP only.
    pub http: bool,
    pub doc: &'static str,
    pub run: fn(&Ctx<'_>, &mut Out<'_>),
}

const fn any(name: &'static str, doc: &'static str, run: fn(&Ctx<'_>, &mut Out<'_>)) -> Alias {
    Alias { name, http: false, doc, run }
}

const fn http(name: &'static str, doc: &'static str, run: fn(&Ctx<'_>, &mut Out<'_>)) -> Alias {
    Alias { name, http: true, doc, run }
}

pub fn find(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|a| a.name == name)
}

/// The name of the listener, or its number: part of the error log line, and not to be had by users.
pub static LISTENER: Alias = any("", "Name or number of the listener.", |c, o| match c.names.listener {
    Some(name) if !name.is_empty() => o.out.extend_from_slice(name.as_bytes()),
    _ => o.number(c.world.number(Fact::ListenerId, Subject::None).unwrap_or(i64::from(c.conn.listener) + 1)),
});

/// Every alias, in the order of their bytes.
pub static ALIASES: &[Alias] = &[
    any("B", "Bytes from server to client.", |c, o| {
        early(c, o);
        o.number(c.txn.bytes_out as i64);
    }),
    http("CC", "Captured request cookie.", |c, o| o.text(c.txn.request_cookie.as_deref())),
    http("CS", "Captured response cookie.", |c, o| o.text(c.txn.response_cookie.as_deref())),
    any("H", "Name of the host.", |c, o| o.text(Some(c.world.facts().hostname.as_bytes()))),
    http("HM", "Method.", |c, o| line(c, o, |l| request_line_part(l, 0))),
    http("HP", "Request target without its query.", |c, o| {
        line(c, o, |l| request_line_part(l, 1)?.split(|&b| b == b'?').next())
    }),
    http("HPO", "Path only.", |c, o| line(c, o, |l| path_of(request_line_part(l, 1)?))),
    http("HQ", "Query with its question mark.", query),
    http("HU", "Request target.", |c, o| line(c, o, |l| request_line_part(l, 1))),
    http("HV", "HTTP version.", |c, o| line(c, o, |l| request_line_part(l, 2))),
    any("ID", "Unique id.", |c, o| o.text(c.txn.unique_id.as_deref())),
    any("OG", "At which moment the line was written.", |c, o| o.text(Some(c.origin.name().as_bytes()))),
    any("ST", "Status.", |c, o| o.number(if c.txn.status == 0 { -1 } else { i64::from(c.txn.status) })),
    any("T", "Accept date in UTC.", |c, o| date(c, o, c.conn.accept_date_us, true)),
    http("TR", "Time to receive the request.", |c, o| o.number(c.txn.timers.request_ms.into())),
    http("Ta", "Active time of the request.", |c, o| {
        early(c, o);
        o.number(c.txn.timers.active_ms.into());
    }),
    any("Tc", "Time to connect to the server.", |c, o| o.number(c.txn.timers.connect_ms.into())),
    any("Td", "Time to transfer the data.", |c, o| {
        early(c, o);
        o.number(c.txn.timers.data_ms.into());
    }),
    any("Th", "Time of handshakes.", |c, o| o.number(c.txn.timers.handshake_ms.into())),
    http("Ti", "Idle time before the request.", |c, o| o.number(c.txn.timers.idle_ms.into())),
    any("Tl", "Accept date in local time.", |c, o| date(c, o, c.conn.accept_date_us, false)),
    http("Tq", "Time to the end of the request's head.", |c, o| o.number(tq(&c.txn.timers).into())),
    http("Tr", "Time of the server to answer.", |c, o| o.number(c.txn.timers.response_ms.into())),
    any("Ts", "Accept date as seconds since the epoch.", |c, o| {
        o.number_or_hex((c.conn.accept_date_us / 1_000_000) as i64)
    }),
    any("Tt", "Total time.", |c, o| {
        early(c, o);
        o.number(c.txn.timers.total_ms.into());
    }),
    any("Tu", "Total time as the user saw it.", |c, o| {
        early(c, o);
        o.number(user(&c.txn.timers).into());
    }),
    any("Tw", "Time in queues.", |c, o| o.number(c.txn.timers.wait_ms.into())),
    any("U", "Bytes from client to server.", |c, o| {
        early(c, o);
        o.number(c.txn.bytes_in as i64);
    }),
    any("ac", "Connections of the process.", |c, o| o.number(c.txn.conns.process.into())),
    any("b", "Name of the backend.", |c, o| {
        o.text(Some(c.names.backend.unwrap_or(c.names.frontend).as_bytes()))
    }),
    any("bc", "Connections of the backend.", |c, o| o.number(c.txn.conns.backend.into())),
    any("bi", "Our address towards the server.", |c, o| address(o, has_server(c, &c.txn.server_src))),
    any("bp", "Our port towards the server.", |c, o| port(o, has_server(c, &c.txn.server_src))),
    any("bq", "Requests before this one in the backend's queue.", |c, o| {
        o.number(c.txn.backend_queue.into())
    }),
    any("ci", "Address of the client.", |c, o| address(o, Some(c.txn.src(c.conn)))),
    any("cp", "Port of the client.", |c, o| client_port(c, o, c.txn.src(c.conn))),
    any("f", "Name of the frontend.", |c, o| o.text(Some(c.names.frontend.as_bytes()))),
    any("fc", "Connections of the frontend.", |c, o| o.number(c.txn.conns.frontend.into())),
    any("fi", "Address the client connected to.", |c, o| address(o, Some(&c.conn.dst))),
    any("fp", "Port the client connected to.", |c, o| client_port(c, o, &c.conn.dst)),
    any("ft", "Name of the frontend, with `~` for TLS.", frontend_transport),
    any("hr", "Captured request headers.", |c, o| captures(o, &c.txn.request_captures)),
    any("hrl", "Captured request headers, one by one.", |c, o| capture_list(o, &c.txn.request_captures)),
    any("hs", "Captured response headers.", |c, o| captures(o, &c.txn.response_captures)),
    any("hsl", "Captured response headers, one by one.", |c, o| capture_list(o, &c.txn.response_captures)),
    any("lc", "Number of the log line of the frontend.", |c, o| {
        o.number(c.world.number(Fact::FrontendLogCount, Subject::None).unwrap_or(0));
    }),
    any("ms", "Milliseconds of the accept date.", |c, o| millis(o, c.conn.accept_date_us)),
    any("pid", "Id of the process.", |c, o| o.number_or_hex(c.names.pid.into())),
    http("r", "Request line.", |c, o| line(c, o, |l| Some(l))),
    any("rc", "Retries of the connection, with `+` when the request went to another server.", |c, o| {
        if c.txn.redispatched {
            o.out.push(b'+');
        }
        o.number(c.txn.retries.into());
    }),
    any("rt", "Number of the stream in the process.", |c, o| o.number_or_hex(i64::from(c.txn.id as u32))),
    any("s", "Name of the server.", |c, o| {
        o.text(Some(c.names.server.or(c.txn.served_by).unwrap_or("<NOSRV>").as_bytes()))
    }),
    any("sc", "Connections of the server.", |c, o| o.number(c.txn.conns.server.into())),
    any("si", "Address of the server.", |c, o| address(o, has_server(c, &c.txn.server_dst))),
    any("sp", "Port of the server.", |c, o| port(o, has_server(c, &c.txn.server_dst))),
    any("sq", "Requests before this one in the server's queue.", |c, o| o.number(c.txn.server_queue.into())),
    any("sslc", "Cipher suite of the client's connection.", |c, o| {
        o.text(c.conn.tls.as_deref().map(|t| t.cipher.as_bytes()));
    }),
    any("sslv", "TLS version of the client's connection.", |c, o| {
        o.text(c.conn.tls.as_deref().map(|t| t.version.as_bytes()));
    }),
    any("t", "Accept date in local time with milliseconds.", |c, o| date_ms(c, o, c.conn.accept_date_us)),
    http("tr", "Request date in local time with milliseconds.", |c, o| date_ms(c, o, request_date(c))),
    http("trg", "Request date in UTC.", |c, o| date(c, o, request_date(c), true)),
    http("trl", "Request date in local time.", |c, o| date(c, o, request_date(c), false)),
    any("ts", "Termination state, two characters.", |c, o| {
        o.quote();
        o.out.extend([c.txn.cause.as_char() as u8, c.txn.phase.as_char() as u8]);
        o.quote();
    }),
    http("tsc", "Termination state with the state of cookies.", |c, o| {
        o.quote();
        o.out.extend([c.txn.cause.as_char() as u8, c.txn.phase.as_char() as u8]);
        o.out.extend([c.txn.cookies.request, c.txn.cookies.response]);
        o.quote();
    }),
];

/// The number will still grow: the line is written before the stream ends (`option logasap`).
fn early(c: &Ctx<'_>, o: &mut Out<'_>) {
    if matches!(c.origin, Origin::Accept | Origin::Request | Origin::Connect | Origin::Response) {
        o.out.push(b'+');
    }
}

/// A part of the request line; a request that could not be read has none.
fn line(c: &Ctx<'_>, o: &mut Out<'_>, part: impl for<'l> FnOnce(&'l [u8]) -> Option<&'l [u8]>) {
    let found = Some(&c.txn.request_line[..]).filter(|l| !l.is_empty()).and_then(part);
    o.safe_text(Some(found.unwrap_or(b"<BADREQ>")), false);
}

fn path_of(uri: &[u8]) -> Option<&[u8]> {
    let path = match memchr::memmem::find(uri, b"://") {
        Some(i) if uri.first() != Some(&b'/') => {
            let rest = uri.get(i + 3..)?;
            rest.get(memchr::memchr(b'/', rest)?..)?
        }
        _ => uri,
    };
    path.split(|&b| b == b'?').next()
}

/// A request without a query prints nothing, not even in a log.
fn query(c: &Ctx<'_>, o: &mut Out<'_>) {
    if c.txn.request_line.is_empty() {
        return o.safe_text(Some(b"<BADREQ>"), false);
    }
    let uri = request_line_part(&c.txn.request_line, 1).unwrap_or(b"");
    let found = memchr::memchr(b'?', uri).and_then(|i| uri.get(i..)).unwrap_or(b"");
    o.quote();
    o.hashed(found, false);
    o.quote();
}

fn request_date(c: &Ctx<'_>) -> u64 {
    if c.txn.request_date_us == 0 { c.conn.accept_date_us } else { c.txn.request_date_us }
}

/// `22/Nov/2026:10:19:24 +0000`
fn date(c: &Ctx<'_>, o: &mut Out<'_>, us: u64, utc: bool) {
    use std::io::Write;
    let s = (us / 1_000_000) as i64;
    let d = Civil::at(s, if utc { 0 } else { c.world.facts().zone.offset_at(s) });
    // Writing to a vector cannot fail.
    let _ = write!(
        o.out,
        "{:02}/{}/{}:{:02}:{:02}:{:02} {}",
        d.day,
        d.month_name(),
        d.year,
        d.hour,
        d.minute,
        d.second,
        d.zone()
    );
}

/// `22/Nov/2026:10:19:24.969`
fn date_ms(c: &Ctx<'_>, o: &mut Out<'_>, us: u64) {
    let s = (us / 1_000_000) as i64;
    let d = Civil::at(s, c.world.facts().zone.offset_at(s));
    let two = |out: &mut Vec<u8>, n: u8| out.extend([b'0' + n / 10, b'0' + n % 10]);
    two(o.out, d.day);
    o.out.push(b'/');
    o.out.extend_from_slice(d.month_name().as_bytes());
    o.out.push(b'/');
    o.number(d.year);
    for n in [d.hour, d.minute, d.second] {
        o.out.push(b':');
        two(o.out, n);
    }
    o.out.push(b'.');
    millis(o, us);
}

fn millis(o: &mut Out<'_>, us: u64) {
    let ms = (us / 1_000 % 1_000) as u16;
    o.out.extend([b'0' + (ms / 100) as u8, b'0' + (ms / 10 % 10) as u8, b'0' + (ms % 10) as u8]);
}

/// The address of a server connection, once there is one.
fn has_server<'c>(c: &Ctx<'_>, addr: &'c Addr) -> Option<&'c Addr> {
    Some(addr).filter(|a| **a != Addr::Unix || c.names.server.is_some() && c.txn.timers.connect_ms >= 0)
}

fn address(o: &mut Out<'_>, addr: Option<&Addr>) {
    use std::io::Write;
    match addr {
        None => o.missing(),
        Some(Addr::Unix) => o.text(Some(b"unix")),
        Some(Addr::Inet(a)) => {
            o.quote();
            // Writing to a vector cannot fail.
            let _ = match (a.ip(), o.flags.hex) {
                (IpAddr::V4(ip), true) => write!(o.out, "{:08X}", u32::from(ip)),
                (IpAddr::V6(ip), true) => write!(o.out, "{:032X}", u128::from(ip)),
                (ip, false) => write!(o.out, "{ip}"),
            };
            o.quote();
        }
    }
}

fn port(o: &mut Out<'_>, addr: Option<&Addr>) {
    match addr {
        Some(a) if a.ip().is_some() => o.number_or_hex(a.port().into()),
        _ => o.missing(),
    }
}

/// A client on a Unix socket has no port: the listener's id stands for it (manual 8.2.3).
fn client_port(c: &Ctx<'_>, o: &mut Out<'_>, addr: &Addr) {
    match addr.ip() {
        Some(_) => o.number_or_hex(addr.port().into()),
        None => o.number_or_hex(
            c.world.number(Fact::ListenerId, Subject::None).unwrap_or(i64::from(c.conn.listener) + 1),
        ),
    }
}

fn frontend_transport(c: &Ctx<'_>, o: &mut Out<'_>) {
    o.quote();
    o.escaped(c.names.frontend.as_bytes());
    if c.conn.tls.is_some() {
        o.out.push(b'~');
    }
    o.quote();
}

/// `{a||b}`: nothing at all when nothing is captured.
fn captures(o: &mut Out<'_>, slots: &[Option<Vec<u8>>]) {
    if slots.is_empty() {
        return;
    }
    o.quote();
    o.out.push(b'{');
    for (i, slot) in slots.iter().enumerate() {
        if i > 0 {
            o.out.push(b'|');
        }
        o.hashed(slot.as_deref().unwrap_or(b""), true);
    }
    o.out.push(b'}');
    o.quote();
}

/// `"a" "" "b"` in CLF style.
fn capture_list(o: &mut Out<'_>, slots: &[Option<Vec<u8>>]) {
    for (i, slot) in slots.iter().enumerate() {
        if i > 0 {
            o.out.push(b' ');
        }
        o.safe_text(slot.as_deref(), true);
    }
}
