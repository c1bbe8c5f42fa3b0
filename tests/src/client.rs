//! A client that sends the bytes a test says and shows the bytes that come back.
//!
//! Owns: one connection, reading heads and bodies by HTTP/1 framing without changing a byte.
//! Leaves to others: load ([`crate::load`]), TLS (wrap the stream).

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::netns::{Error, Host, Result};

/// Longest head a test may receive, bytes.
const HEAD_BYTES_MAX: usize = 1 << 20;
/// How long a read may take before a test fails, s.
const PATIENCE_S: u64 = 20;

/// A stream that a client can speak on: TCP, Unix or TLS over one of them.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection. What was read beyond a message is kept for the next.
pub struct Client {
    stream: Box<dyn Stream>,
    kept: Vec<u8>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("kept", &String::from_utf8_lossy(&self.kept)).finish_non_exhaustive()
    }
}

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The status line and the headers, byte for byte, with the empty line.
    pub head: String,
    /// Names and values in order, names as they were written.
    pub headers: Vec<(String, String)>,
    /// The body with chunked framing taken off.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The values of every header of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Connects from inside a host.
    ///
    /// # Errors
    /// As [`Host::tcp_connect`].
    pub fn connect(host: &Host, address: &str) -> Result<Client> {
        let stream = host.tcp_connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(PATIENCE_S)))?;
        stream.set_nodelay(true)?;
        Ok(Client::over(stream))
    }

    /// Connects to a Unix socket of a host.
    ///
    /// # Errors
    /// As [`Host::unix_connect`].
    pub fn connect_unix(host: &Host, path: &str) -> Result<Client> {
        let stream = host.unix_connect(path)?;
        stream.set_read_timeout(Some(Duration::from_secs(PATIENCE_S)))?;
        Ok(Client::over(stream))
    }

    /// Speaks on any stream.
    pub fn over(stream: impl Stream + 'static) -> Client {
        Client { stream: Box::new(stream), kept: Vec::new() }
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// The stream's.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        Ok(self.stream.flush()?)
    }

    /// Sends a `GET` with these extra header lines (each ends with `\r\n`) and reads the answer.
    ///
    /// # Errors
    /// As [`Client::response`].
    pub fn get(&mut self, target: &str, headers: &str) -> Result<Response> {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"))?;
        self.response("GET")
    }

    /// Reads up to and including the empty line.
    ///
    /// # Errors
    /// The stream's, its end before the empty line, a head beyond the limit.
    pub fn head(&mut self) -> Result<String> {
        loop {
            if let Some(at) = self.kept.windows(4).position(|w| w == b"\r\n\r\n") {
                let head: Vec<u8> = self.kept.drain(..at + 4).collect();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            if self.kept.len() > HEAD_BYTES_MAX || self.more()? == 0 {
                let got = String::from_utf8_lossy(&self.kept).into_owned();
                return Err(Error(format!("no complete head; what came: {got:?}")));
            }
        }
    }

    /// Reads one response to a request of this method; interim (1xx) ones but 101 are passed over.
    ///
    /// # Errors
    /// As [`Client::head`]; a body that ends early or is framed wrongly.
    pub fn response(&mut self, method: &str) -> Result<Response> {
        loop {
            let head = self.head()?;
            let status = head.split(' ').nth(1).and_then(|s| s.get(..3)?.parse().ok());
            let status: u16 = status.ok_or_else(|| Error(format!("no status line: {head:?}")))?;
            let lines = head.split("\r\n").skip(1).filter_map(|l| l.split_once(':'));
            let headers = lines.map(|(n, v)| (n.to_string(), v.trim().to_string())).collect();
            let mut response = Response { status, head, headers, body: Vec::new() };
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = method == "HEAD" || status == 204 || status == 304 || status == 101;
            let connected = method == "CONNECT" && (200..300).contains(&status);
            if !bodiless && !connected {
                response.body = self.body(&response)?;
            }
            return Ok(response);
        }
    }

    fn body(&mut self, response: &Response) -> Result<Vec<u8>> {
        if response.header("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().ends_with("chunked")) {
            return self.chunks();
        }
        match response.header("content-length") {
            Some(length) => {
                let length = length.parse().map_err(|_| Error(format!("content-length: {length}")))?;
                self.exactly(length)
            }
            None => self.to_end(),
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or("").trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| Error(format!("chunk size: {line:?}")))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.exactly(size)?);
            if !self.line()?.is_empty() {
                return Err(Error("a chunk is longer than it said".into()));
            }
        }
    }

    /// Reads a line and returns it without its end.
    ///
    /// # Errors
    /// The stream's, and its end before the line's.
    pub fn line(&mut self) -> Result<String> {
        loop {
            if let Some(at) = self.kept.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.kept.drain(..=at).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_string());
            }
            if self.more()? == 0 {
                return Err(Error(format!(
                    "no complete line; what came: {:?}",
                    String::from_utf8_lossy(&self.kept)
                )));
            }
        }
    }

    /// Reads this many bytes.
    ///
    /// # Errors
    /// The stream's, and its end before.
    pub fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.kept.len() < length {
            if self.more()? == 0 {
                return Err(Error(format!("{} of {length} bytes, then the end", self.kept.len())));
            }
        }
        Ok(self.kept.drain(..length).collect())
    }

    /// Reads to the end of the stream.
    ///
    /// # Errors
    /// The stream's.
    pub fn to_end(&mut self) -> Result<Vec<u8>> {
        while self.more()? > 0 {}
        Ok(std::mem::take(&mut self.kept))
    }

    /// True if the other side has closed and nothing is left to read.
    ///
    /// # Errors
    /// The stream's; also when nothing at all happens, neither a byte nor the end.
    pub fn closed(&mut self) -> Result<bool> {
        Ok(self.kept.is_empty() && self.more()? == 0)
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let n = match self.stream.read(&mut buffer) {
            // TLS peers and resets alike: the conversation is over.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        self.kept.extend_from_slice(&buffer[..n]);
        Ok(n)
    }
}
