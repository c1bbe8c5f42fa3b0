//! Servers behind the proxy.
//!
//! Owns: [`Origin`], an HTTP server whose behaviour the request's query and the test choose and
//! which records each request; [`RawOrigin`], where a test's own function speaks each connection
//! byte by byte. Leaves to others: sockets (`Host::tcp_listen` or a plain listener).
//!
//! Query words of [`Origin`]: `delay=MS` before the head, `status=N`, `size=N` bytes of body,
//! `chunked=1`, `close=1`, `header=NAME:VALUE`; a request with `Upgrade:` is answered 101 and
//! every byte after it is echoed.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::Client;

mod accept;

/// Largest body a query may ask for, bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What an [`Origin`] saw.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub from: SocketAddr,
    pub method: String,
    /// Path and query.
    pub target: String,
    pub version: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Recorded {
    /// The value of the first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

#[derive(Debug)]
struct Shared {
    name: String,
    requests: Mutex<Vec<Recorded>>,
    record: AtomicBool,
    status: AtomicU16,
    delay_ms: AtomicU64,
    served: AtomicU64,
    connections: AtomicU64,
}

/// An HTTP/1 server on a thread of its own; ends when dropped.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Origin {
    /// Serves on this listener; `name` is in each answer's body and `x-origin` header.
    ///
    /// # Errors
    /// The listener's and the runtime's.
    pub fn start(name: &str, listener: TcpListener) -> io::Result<Origin> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            name: name.to_string(),
            requests: Mutex::default(),
            record: AtomicBool::new(true),
            status: AtomicU16::new(200),
            delay_ms: AtomicU64::new(0),
            served: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let state = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(format!("origin-{name}")).spawn(move || {
            runtime.block_on(async move {
                tokio::select! { () = serve(listener, state) => {}, _ = stopped => {} }
            });
        })?;
        Ok(Origin { shared, address, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves on a free port of the test's own network.
    ///
    /// # Errors
    /// As [`Origin::start`].
    pub fn local(name: &str) -> io::Result<Origin> {
        Origin::start(name, TcpListener::bind("127.0.0.1:0")?)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The status of each answer whose query does not choose one. 503 makes HTTP checks fail.
    pub fn set_status(&self, status: u16) {
        self.shared.status.store(status, Ordering::Relaxed);
    }

    /// The delay of each answer whose query does not choose one.
    pub fn set_delay_ms(&self, delay_ms: u64) {
        self.shared.delay_ms.store(delay_ms, Ordering::Relaxed);
    }

    /// Whether requests are recorded; switch it off for load.
    pub fn set_recording(&self, on: bool) {
        self.shared.record.store(on, Ordering::Relaxed);
    }

    /// The requests so far; health checks are among them.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests for a target that starts with this.
    pub fn requests_for(&self, prefix: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|r| r.target.starts_with(prefix)).collect()
    }

    pub fn served(&self) -> u64 {
        self.shared.served.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, from)) = listener.accept().await else { continue };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |request| answer(Arc::clone(&shared), from, request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // A peer that goes away mid-way is part of many tests.
            let _ = connection.await;
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(
    shared: Arc<Shared>,
    from: SocketAddr,
    mut request: Request<Incoming>,
) -> std::result::Result<Response<Body>, hyper::Error> {
    let target = request.uri().to_string();
    if request.headers().contains_key("upgrade") {
        record(&shared, from, &request, Vec::new());
        return Ok(upgrade(&mut request));
    }
    let query: Vec<(&str, &str)> =
        target.split_once('?').map_or("", |(_, q)| q).split('&').filter_map(|w| w.split_once('=')).collect();
    let word = |name: &str| query.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    let number = |name: &str| word(name).and_then(|v| v.parse::<u64>().ok());
    let headers = request.headers().clone();
    let (method, version, uri) = (request.method().clone(), request.version(), request.uri().clone());
    let body = request.into_body().collect().await?.to_bytes();
    if shared.record.load(Ordering::Relaxed) {
        let mut copy = Request::new(());
        (*copy.headers_mut(), *copy.method_mut(), *copy.version_mut(), *copy.uri_mut()) =
            (headers, method, version, uri);
        record(&shared, from, &copy, body.to_vec());
    }
    let delay_ms = number("delay").unwrap_or(shared.delay_ms.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    let status =
        number("status").and_then(|n| u16::try_from(n).ok()).unwrap_or(shared.status.load(Ordering::Relaxed));
    let bytes = match number("size").and_then(|n| usize::try_from(n).ok()) {
        Some(size) => Bytes::from(vec![b'x'; size.min(BODY_BYTES_MAX)]),
        None => Bytes::from(format!("{}\n", shared.name)),
    };
    let chunked = word("chunked") == Some("1");
    let mut response = Response::new(if chunked { in_chunks(bytes) } else { Full::new(bytes).boxed() });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut put = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    };
    put("x-origin", &shared.name);
    for (name, value) in query.iter().filter(|(n, _)| *n == "header").filter_map(|(_, v)| v.split_once(':')) {
        put(name, value);
    }
    if word("close") == Some("1") {
        put("connection", "close");
    }
    shared.served.fetch_add(1, Ordering::Relaxed);
    Ok(response)
}

fn record<B>(shared: &Shared, from: SocketAddr, request: &Request<B>, body: Vec<u8>) {
    let headers = request.headers().iter();
    let entry = Recorded {
        from,
        method: request.method().to_string(),
        target: request.uri().to_string(),
        version: format!("{:?}", request.version()),
        headers: headers
            .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect(),
        body,
    };
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
}

fn in_chunks(bytes: Bytes) -> Body {
    let parts: Vec<_> = bytes.chunks(1000).map(|c| Ok(Frame::data(Bytes::copy_from_slice(c)))).collect();
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(parts)))
}

fn upgrade(request: &mut Request<Incoming>) -> Response<Body> {
    let protocol = request.headers().get("upgrade").cloned();
    let upgraded = hyper::upgrade::on(&mut *request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let mut stream = TokioIo::new(upgraded);
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Full::default().boxed());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", hyper::header::HeaderValue::from_static("Upgrade"));
    let key = request.headers().get("sec-websocket-key").and_then(|k| k.to_str().ok());
    if let Some(accepted) = key.and_then(|k| accept::accept(k).parse().ok()) {
        response.headers_mut().insert("sec-websocket-accept", accepted);
    }
    if let Some(protocol) = protocol {
        response.headers_mut().insert("upgrade", protocol);
    }
    response
}

/// A server where the test's own function speaks: it gets each connection, on a thread of its own.
#[derive(Debug)]
pub struct RawOrigin {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl RawOrigin {
    /// Serves on this listener.
    ///
    /// # Errors
    /// The listener's.
    pub fn start(
        listener: TcpListener,
        speak: impl Fn(RawConnection) + Send + Sync + 'static,
    ) -> io::Result<RawOrigin> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, speak) = (Arc::clone(&stop), Arc::new(speak));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let Ok((stream, from)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                let speak = Arc::clone(&speak);
                let Ok(connection) = RawConnection::new(stream, from) else { continue };
                std::thread::spawn(move || speak(connection));
            }
        });
        Ok(RawOrigin { address, stop, thread: Some(thread) })
    }

    /// Serves on a free port of the test's own network.
    ///
    /// # Errors
    /// As [`RawOrigin::start`].
    pub fn local(speak: impl Fn(RawConnection) + Send + Sync + 'static) -> io::Result<RawOrigin> {
        RawOrigin::start(TcpListener::bind("127.0.0.1:0")?, speak)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RawOrigin {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection that a [`RawOrigin`] accepted: reads and sends exact bytes (see [`Client`]).
#[derive(Debug)]
pub struct RawConnection {
    pub from: SocketAddr,
    pub bytes: Client,
    stream: TcpStream,
}

impl RawConnection {
    fn new(stream: TcpStream, from: SocketAddr) -> io::Result<RawConnection> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        Ok(RawConnection { from, bytes: Client::over(stream.try_clone()?), stream })
    }

    /// Closes with a reset instead of an orderly end.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    /// Says that nothing more will be sent, and goes on reading.
    ///
    /// # Errors
    /// As `shutdown(2)`.
    pub fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }
}
