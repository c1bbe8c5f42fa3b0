//! The table of bytes: what has been used to make two servers read one stream as two different things.
//!
//! Each row is what a client sends on one connection, what it is answered, and which requests the proxy takes the
//! stream for. What stands behind `/hidden` must never be seen by anybody. Written from the descriptions of the
//! attacks: the classical CL.TE, TE.CL and TE.TE (Watchfire 2005, PortSwigger 2019), the findings of differential
//! tests of parsers (HTTP Garden, T-Reqs), and what has been reported against HAProxy since 2018.

/// A row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) bytes: &'static [u8],
    /// The statuses of all answers, in order.
    pub(crate) statuses: &'static [u16],
    /// Method and target of the requests as the proxy reads them, in order; the last may be cut short.
    pub(crate) reads: &'static [&'static str],
}

macro_rules! rows {
    ($($name:literal: $bytes:expr => $statuses:expr, $reads:expr;)*) => {
        &[$(Row { name: $name, bytes: $bytes, statuses: &$statuses, reads: &$reads },)*]
    };
}

/// A request that follows the attack, to see what became of the connection.
macro_rules! then {
    ($head:literal) => {
        concat!($head, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()
    };
}

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = rows![
    // What everybody agrees on: the harness sees what passes.
    "a plain request": then!("GET /a HTTP/1.1\r\nHost: a\r\n\r\n") => [200, 200], ["GET /a", "GET /next"];
    "a length": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "chunks": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n") => [200, 200], ["POST /a", "GET /next"];
    "GET with a body": then!("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\nGET /hidden HTTP/1.1\r\nA: b\r") => [200, 200], ["GET /a", "GET /next"];
    "equal lengths": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "a list of equal lengths": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "zeros before a length": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000000000000000000003\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];

    // Content-Length against Transfer-Encoding: the length is dropped, the connection ends.
    "CL.TE": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nX: y\r\n\r\n") => [200], ["POST /a"];
    "TE.CL": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1d\r\nGET /hidden HTTP/1.1\r\nHost: a\r\r\n0\r\n\r\n") => [400], ["POST /a"];
    "TE.CL, whole": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1f\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n") => [200], ["POST /a"];
    // (These pass, without the length; the origin of this test, hyper, refuses chunks in HTTP/1.0.)
    "CL.TE in HTTP/1.0": b"POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n" => [400], ["POST /a"];
    "a malformed length beside chunks": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") => [400], [];

    // Two lengths, or one that is none.
    "two lengths": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 27\r\n\r\nGET /hidden HTTP/1.1\r\nX: y\r") => [400], [];
    "a list of two lengths": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 27\r\n\r\n") => [400], [];
    "an empty length (HAProxy 2023)": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n") => [400], [];
    "an empty length before another": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "a length with a sign": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc") => [400], [];
    "a negative length": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n") => [400], [];
    "a hexadecimal length": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc") => [400], [];
    "a length with an underscore": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n0123456789") => [400], [];
    "a length with a space inside": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\n0123456789") => [400], [];
    "a length with a comma": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3,\r\n\r\nabc") => [400], [];
    "a length behind a comma": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ,3\r\n\r\nabc") => [400], [];
    "a length behind a vertical tab": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \x0b3\r\n\r\nabc") => [400], [];
    "a length beyond 64 bits": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\nabc") => [400], [];
    "a length in quotes": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \"3\"\r\n\r\nabc") => [400], [];
    "a folded length of two numbers": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n 0\r\n\r\n0123456789") => [400], [];
    "a length folded whole": then!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "a length with other digits": "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ٣\r\n\r\nabc".as_bytes() => [400], [];

    // Transfer-Encoding that one reader takes for chunked and another does not.
    "chunked with a vertical tab": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "chunked with a form feed": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked with a letter before": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked with a parameter": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked in quotes": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked twice": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked in two fields": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked then identity": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n") => [400], [];
    "chunked then another": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n") => [400], [];
    "another then chunked": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") => [422], [];
    "identity": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "gzip, chunked": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n") => [422], [];
    "an empty coding": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "chunked and a comma": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n") => [400], [];
    "a comma and chunked": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n") => [400], [];
    "space before the colon": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "tab before the colon": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "a coding on a folded line": then!("POST /a HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "chunked folded": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n") => [200, 200], ["POST /a", "GET /next"];
    "a coding behind LF alone": then!("POST /a HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") => [200, 200], ["POST /a", "GET /next"];
    "a coding behind CR alone": then!("POST /a HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "a coding behind NUL": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \0chunked\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "another letter for the name": "POST /a HTTP/1.1\r\nHost: a\r\nTran\u{17f}fer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc".as_bytes() => [400], [];
    "an underscore in the name": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "the coding in HTTP/1.0": then!("POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") => [400], ["POST /a"];
    "a body with GET in HTTP/1.0": then!("GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc") => [413], [];

    // Chunks.
    "LF alone behind the size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "LF alone behind the data": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n") => [400], ["POST /a"];
    "LF alone in an extension (TERM.EXT)": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "LF inside an extension (EXT.TERM)": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "CR alone in an extension": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "CR in a quoted extension": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "an extension": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n") => [200, 200], ["POST /a", "GET /next"];
    "a size with 0x": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "a size with a sign": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "a negative size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "a size with an underscore": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0_3\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "a size that wraps at 64 bits": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "a size that wraps at 32 bits": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000003\r\nabc\r\n0\r\n\r\n") => [408], ["POST /a"];
    "an empty size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "an empty size with an extension": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n;x\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "space before the size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "junk behind the size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 x\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "data longer than its size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n") => [400], ["POST /a"];
    "two bytes skipped behind the data": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n") => [400], ["POST /a"];
    "NUL in the size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\0\r\nabc\r\n0\r\n\r\n") => [400], ["POST /a"];
    "zeros before the size": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0000003\r\nabc\r\n0000\r\n\r\n") => [200, 200], ["POST /a", "GET /next"];
    "trailers": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n") => [200, 200], ["POST /a", "GET /next"];
    "a length as trailer": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 27\r\n\r\n") => [400], ["POST /a"];
    "a trailer with space before its colon": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n") => [400], ["POST /a"];
    "a request as trailers": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n") => [400], ["POST /a"];
    "a request behind CR alone": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\rGET /hidden HTTP/1.1\rHost: a\r\r" => [400], ["POST /a"];
    "LF alone at the end": then!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n") => [400], ["POST /a"];

    // Lines and names.
    "an empty name (HAProxy, CVE-2023-25725)": then!("GET /a HTTP/1.1\r\nHost: a\r\n:\r\nContent-Length: 27\r\n\r\n") => [400], [];
    "an empty name with a value": then!("GET /a HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n") => [400], [];
    "a long name (HAProxy, CVE-2021-40346)": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:\r\nContent-Length: 23\r\n\r\nGET /hidden HTTP/1.1\r\nX" => [200], ["POST /a"];
    "a fragment (HAProxy, CVE-2023-45539)": then!("GET /a#.png HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "a line without a colon": then!("GET /a HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n") => [400], [];
    "a first line that continues": then!("GET /a HTTP/1.1\r\n Host: a\r\n\r\n") => [400], [];
    "NUL in a name": then!("GET /a HTTP/1.1\r\nHost: a\r\nX\0Y: z\r\n\r\n") => [400], [];
    "NUL in a value": then!("GET /a HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n") => [400], [];
    "CR in a value": then!("GET /a HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 27\r\n\r\n") => [400], [];
    "CR CR LF": then!("GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n") => [400], [];
    "the end by CR CR": b"GET /a HTTP/1.1\r\nHost: a\r\n\r\rGET /hidden HTTP/1.1\r\n\r\n" => [400], [];
    "a name in another alphabet": "GET /a HTTP/1.1\r\nHost: a\r\nX\u{e9}: y\r\n\r\n".as_bytes() => [400], [];
    "brackets in a name": then!("GET /a HTTP/1.1\r\nHost: a\r\n(Content-Length): 27\r\n\r\n") => [400], [];
    "LF alone everywhere": b"GET /a HTTP/1.1\nHost: a\n\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" => [200, 200], ["GET /a", "GET /next"];

    // The first line.
    "HTTP/0.9": then!("GET /a\r\n\r\n") => [400], [];
    "version 0.9": then!("GET /a HTTP/0.9\r\nHost: a\r\n\r\n") => [400], [];
    "version 2.0": then!("GET /a HTTP/2.0\r\nHost: a\r\n\r\n") => [400], [];
    "version 1.10": then!("GET /a HTTP/1.10\r\nHost: a\r\n\r\n") => [400], [];
    "version 1.01": then!("GET /a HTTP/01.1\r\nHost: a\r\n\r\n") => [400], [];
    "a small version": then!("GET /a http/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "a space behind the version": then!("GET /a HTTP/1.1 \r\nHost: a\r\n\r\n") => [400], [];
    "two versions": then!("GET /a HTTP/1.1 HTTP/1.0\r\nHost: a\r\n\r\n") => [400], [];
    "a space in the target": then!("GET /a /hidden HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "a tab for a space": then!("GET\t/a\tHTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "a vertical tab for a space": then!("GET\x0b/a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "several spaces": then!("GET  /a  HTTP/1.1\r\nHost: a\r\n\r\n") => [200, 200], ["GET /a", "GET /next"];
    "a control byte in the target": then!("GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "CR in the target": then!("GET /a\r HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "NUL before the method": b"\0GET /a HTTP/1.1\r\nHost: a\r\n\r\n" => [400], [];
    "a space before the method": then!(" GET /a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "a byte order mark": "\u{feff}GET /a HTTP/1.1\r\nHost: a\r\n\r\n".as_bytes() => [400], [];
    "empty lines before": b"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" => [200, 200], ["GET /a", "GET /next"];
    "a target without a slash": then!("GET a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "an asterisk for GET": then!("GET * HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" => [400], [];
    "TLS to a plain port": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n" => [400], [];

    // Who is asked.
    "two hosts": then!("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") => [400], [];
    "a host and another in the target": then!("GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "another port in the target": then!("GET http://a:81/a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "a host with a comma": then!("GET /a HTTP/1.1\r\nHost: a,b\r\n\r\n") => [400], [];
    "a host with a space": then!("GET /a HTTP/1.1\r\nHost: a b\r\n\r\n") => [400], [];
    "a host with user information": then!("GET /a HTTP/1.1\r\nHost: u@a\r\n\r\n") => [400], [];
    "a host with a path": then!("GET /a HTTP/1.1\r\nHost: a/hidden\r\n\r\n") => [400], [];
    "a host with a bad port": then!("GET /a HTTP/1.1\r\nHost: a:80x\r\n\r\n") => [400], [];
    "a host with NUL": then!("GET /a HTTP/1.1\r\nHost: a\0b\r\n\r\n") => [400], [];
    "no authority": then!("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];
    "two times user information": then!("GET http://u@b@a/a HTTP/1.1\r\nHost: a\r\n\r\n") => [400], [];

    // Connections.
    "HTTP/2 by upgrade (h2c)": b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" => [200], ["GET /a"];
    "a WebSocket without its key": then!("GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n") => [400], [];
    "a connection that names the length": then!("POST /a HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "CONNECT with a body": then!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 3\r\n\r\nabc") => [400], [];
    "an expectation with a length": then!("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc") => [200, 200], ["POST /a", "GET /next"];
    "HEAD with a body": then!("HEAD /a HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET /hidden HTTP/1.1\r\nX: yz\r") => [200, 200], ["HEAD /a", "GET /next"];
];
