//! Bytes in the buffer, before any protocol is understood: lengths, pieces, the TLS ClientHello (manual 7.3.5).
//!
//! What is not there yet may come: such samples are unsettled while more bytes may arrive, and rules wait.

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};

const TWO: &[ArgType] = &[ArgType::Int, ArgType::Int];

pub(super) const FETCHES: &[Fetch] = &[
    row!("payload", TWO, 2, Bin, MESSAGE, "Bytes of the buffer: offset and length (0 for all).", piece),
    row!("rep_ssl_hello_type", &[], 0, Sint, RESPONSE, "Old spelling of `res.ssl_hello_type`.", hello_type),
    row!("req.len", &[], 0, Sint, REQUEST, "Bytes in the request's buffer.", len),
    row!(
        "req.payload",
        TWO,
        2,
        Bin,
        REQUEST,
        "Bytes of the request's buffer: offset and length (0 for all).",
        piece
    ),
    row!("req.ssl_alpn", &[], 0, Str, REQUEST, "Protocols that a ClientHello in the buffer offers.", alpn),
    row!(
        "req.ssl_hello_type",
        &[],
        0,
        Sint,
        REQUEST,
        "Type of a TLS hello in the buffer: 1 of a client, 2 of a server.",
        hello_type
    ),
    row!("req.ssl_sni", &[], 0, Str, REQUEST, "Server name in a ClientHello in the buffer.", sni),
    row!(
        "req.ssl_ver",
        &[],
        0,
        Sint,
        REQUEST,
        "TLS version of a ClientHello in the buffer, major times 65536 plus minor.",
        ssl_ver
    ),
    row!("req_len", &[], 0, Sint, REQUEST, "Old spelling of `req.len`.", len),
    row!("req_ssl_hello_type", &[], 0, Sint, REQUEST, "Old spelling of `req.ssl_hello_type`.", hello_type),
    row!("req_ssl_sni", &[], 0, Str, REQUEST, "Old spelling of `req.ssl_sni`.", sni),
    row!("req_ssl_ver", &[], 0, Sint, REQUEST, "Old spelling of `req.ssl_ver`.", ssl_ver),
    row!("res.len", &[], 0, Sint, RESPONSE, "Bytes in the response's buffer.", len),
    row!(
        "res.payload",
        TWO,
        2,
        Bin,
        RESPONSE,
        "Bytes of the response's buffer: offset and length (0 for all).",
        piece
    ),
    row!(
        "res.ssl_hello_type",
        &[],
        0,
        Sint,
        RESPONSE,
        "Type of a TLS hello in the response's buffer.",
        hello_type
    ),
];

fn len<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    cursor.unsettled = c.more;
    Some(Value::Int(c.body?.len() as i64))
}

fn piece<'c>(c: &'c Ctx<'_>, a: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    let data = c.body.unwrap_or(b"");
    let offset = usize::try_from(a.int(0)?).ok()?;
    let found = match usize::try_from(a.int(1)?).ok()? {
        0 => {
            cursor.unsettled = c.more;
            data.get(offset..).filter(|d| !d.is_empty())
        }
        n => data.get(offset..offset.checked_add(n)?),
    };
    if found.is_none() {
        cursor.unsettled = c.more;
    }
    found.map(Value::bin)
}

/// A reader of TLS structures that remembers whether it ran out of bytes.
struct Reader<'c> {
    data: &'c [u8],
}

impl<'c> Reader<'c> {
    fn take(&mut self, n: usize) -> Option<&'c [u8]> {
        let (head, rest) = self.data.split_at_checked(n)?;
        self.data = rest;
        Some(head)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |n, &b| n << 8 | usize::from(b)))
    }

    fn vector(&mut self, length_bytes: usize) -> Option<Reader<'c>> {
        let n = self.number(length_bytes)?;
        Some(Reader { data: self.take(n)? })
    }
}

/// Why there is no hello: the bytes end too early, or they are something else.
enum NoHello {
    Short,
    Other,
}

/// The handshake message in the first TLS record (RFC 8446 section 5.1, 4): its type and body.
fn hello(data: &[u8]) -> Result<(u8, Reader<'_>), NoHello> {
    let mut r = Reader { data };
    match r.number(1) {
        None => return Err(NoHello::Short),
        Some(22) => {}
        Some(_) => return Err(NoHello::Other),
    }
    let version = r.number(2).ok_or(NoHello::Short)?;
    if version >> 8 != 3 {
        return Err(NoHello::Other);
    }
    let mut record = r.vector(2).ok_or(NoHello::Short)?;
    let kind = record.number(1).ok_or(NoHello::Other)?;
    let body = record.vector(3).ok_or(NoHello::Other)?;
    Ok((kind as u8, body))
}

fn settle<T>(r: Result<T, NoHello>, c: &Ctx<'_>, cursor: &mut Cursor) -> Option<T> {
    if matches!(r, Err(NoHello::Short)) {
        cursor.unsettled = c.more;
    }
    r.ok()
}

fn hello_type<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    let (kind, _) = settle(hello(c.body.unwrap_or(b"")), c, cursor)?;
    Some(Value::Int(i64::from(kind)))
}

fn ssl_ver<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    let (kind, mut body) = settle(hello(c.body.unwrap_or(b"")), c, cursor)?;
    let version = body.number(2).filter(|_| kind == 1)? as i64;
    Some(Value::Int((version >> 8) << 16 | version & 0xff))
}

/// The extension of that number in the ClientHello (RFC 8446 section 4.1.2).
fn extension<'c>(c: &'c Ctx<'_>, cursor: &mut Cursor, wanted: usize) -> Option<Reader<'c>> {
    let (kind, mut body) = settle(hello(c.body.unwrap_or(b"")), c, cursor)?;
    if kind != 1 {
        return None;
    }
    body.take(34)?;
    body.vector(1)?;
    body.vector(2)?;
    body.vector(1)?;
    let mut extensions = body.vector(2)?;
    loop {
        let number = extensions.number(2)?;
        let data = extensions.vector(2)?;
        if number == wanted {
            return Some(data);
        }
    }
}

/// RFC 6066 section 3: the entry of type 0 is a host name.
fn sni<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    let mut names = extension(c, cursor, 0)?.vector(2)?;
    loop {
        let kind = names.number(1)?;
        let name = names.vector(2)?;
        if kind == 0 {
            return Some(Value::str(name.data));
        }
    }
}

/// RFC 7301 section 3.1; the names separated by commas.
fn alpn<'c>(c: &'c Ctx<'_>, _: Args<'c>, cursor: &mut Cursor) -> Option<Value<'c>> {
    let mut list = extension(c, cursor, 16)?.vector(2)?;
    let mut out = Vec::new();
    while let Some(name) = list.vector(1) {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(name.data);
    }
    Some(Value::string(out))
}
