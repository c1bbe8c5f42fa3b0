//! The control socket, and the page of metrics: who asks, and how the question reaches the runner.
//!
//! Owns: the listening sockets and a task per conversation. Invariants: the control socket is root's (mode 0600) and
//! asks the kernel who is there; a conversation is one question; nobody waits longer than [`PATIENCE`]; the runner
//! answers between two of its events and is never waited for by an advert. hyper stands only here.

use std::{
    convert::Infallible,
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::unistd::geteuid;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tracing::{info, warn};

use crate::admin::{
    self,
    control::{REQUEST_BYTES_MAX, Request},
};

/// Conversations at a time, on either socket.
const CONVERSATIONS_MAX: usize = 16;
/// Questions that wait for the runner.
const WAITING_MAX: usize = 32;
/// For a whole conversation.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a failed accept.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(200);

/// A question and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    pub request: Request,
    pub reply: oneshot::Sender<String>,
}

/// What is served beside VRRP.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outlets {
    pub control: Option<PathBuf>,
    pub metrics: Option<SocketAddr>,
}

/// The sockets that are open.
#[derive(Debug)]
pub struct Control {
    asked: mpsc::Sender<Asked>,
    open: Outlets,
    control: Option<JoinHandle<()>>,
    metrics: Option<JoinHandle<()>>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.close_control();
        self.metrics.take().iter().for_each(JoinHandle::abort);
    }
}

impl Control {
    pub fn new() -> (Control, mpsc::Receiver<Asked>) {
        let (asked, receiver) = mpsc::channel(WAITING_MAX);
        (Control { asked, open: Outlets::default(), control: None, metrics: None }, receiver)
    }

    /// Serves these from now on; what stays is not touched. Needs a runtime. A socket that cannot be had is said and
    /// costs nothing else.
    pub fn set(&mut self, wanted: &Outlets) {
        if wanted.control != self.open.control {
            self.close_control();
            if let Some(path) = &wanted.control {
                match listen(path) {
                    Ok(listener) => {
                        self.control = Some(tokio::spawn(accept(listener, self.asked.clone())));
                        self.open.control = Some(path.clone());
                    }
                    Err(e) => warn!("no control socket {}: {e}; vrrpctl cannot be used", path.display()),
                }
            }
        }
        if wanted.metrics != self.open.metrics {
            self.metrics.take().iter().for_each(JoinHandle::abort);
            self.open.metrics = None;
            if let Some(address) = wanted.metrics {
                match std::net::TcpListener::bind(address)
                    .and_then(|l| l.set_nonblocking(true).map(|()| l))
                    .and_then(TcpListener::from_std)
                {
                    Ok(listener) => {
                        info!("Metrics are served at http://{address}/metrics");
                        self.metrics = Some(tokio::spawn(serve_metrics(listener, self.asked.clone())));
                        self.open.metrics = Some(address);
                    }
                    Err(e) => warn!("cannot serve metrics at {address}: {e}"),
                }
            }
        }
    }

    fn close_control(&mut self) {
        self.control.take().iter().for_each(JoinHandle::abort);
        if let Some(path) = self.open.control.take() {
            // Gone already is as good.
            let _ = fs::remove_file(path);
        }
    }
}

/// Binds a socket that root alone may use. One that nobody listens on any more is replaced.
fn listen(path: &Path) -> io::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon listens there"));
    }
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    // Whoever connects before is asked for by the kernel all the same.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, asked: mpsc::Sender<Asked>) {
    let places = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let asked = asked.clone();
                tokio::spawn(async move {
                    // The client's going away, or its being slow, ends the conversation.
                    let _ = timeout(PATIENCE, converse(stream, asked)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(EXHAUSTED_PAUSE).await,
        }
    }
}

async fn converse(mut stream: UnixStream, asked: mpsc::Sender<Asked>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != 0 && uid != geteuid().as_raw() {
        return stream.write_all(b"error only root may ask\n").await;
    }
    let mut line = Vec::new();
    while !line.contains(&b'\n') {
        if line.len() >= REQUEST_BYTES_MAX {
            return stream.write_all(b"error the question is too long\n").await;
        }
        if stream.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&line);
    let answer = match Request::parse(text.lines().next().unwrap_or_default()) {
        Ok(request) => ask(&asked, request).await,
        Err(e) => format!("error {e}\n"),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn ask(asked: &mpsc::Sender<Asked>, request: Request) -> String {
    let (reply, answer) = oneshot::channel();
    let gone = || "error the daemon is stopping\n".to_owned();
    if asked.send(Asked { request, reply }).await.is_err() {
        return gone();
    }
    answer.await.unwrap_or_else(|_| gone())
}

async fn serve_metrics(listener: TcpListener, asked: mpsc::Sender<Asked>) {
    let places = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(EXHAUSTED_PAUSE).await;
            continue;
        };
        let asked = asked.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| page(request, asked.clone()));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(true);
            // A scraper that breaks off is its own affair.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

async fn page(
    request: hyper::Request<Incoming>,
    asked: mpsc::Sender<Asked>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let text = ask(&asked, Request::Metrics).await;
            match admin::control::answer(&text) {
                Ok((_, data)) => (StatusCode::OK, admin::CONTENT_TYPE, data.to_owned()),
                Err(e) => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", e + "\n"),
            }
        }
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "text/plain", "The metrics are at /metrics.\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "Only GET and HEAD.\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// Answers every question with its own text.
    async fn echo(mut asked: mpsc::Receiver<Asked>) {
        while let Some(a) = asked.recv().await {
            let _ = a.reply.send(format!("ok\n{}\n", a.request));
        }
    }

    fn run(test: impl AsyncFnOnce(Control)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (control, asked) = Control::new();
            tokio::spawn(echo(asked));
            test(control).await;
        });
    }

    async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(f).await.unwrap()
    }

    #[test]
    fn root_asks_and_is_answered_and_the_file_is_nobody_elses() {
        run(async |mut control| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("c.sock");
            // What a daemon that was killed left.
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            control.set(&Outlets { control: Some(path.clone()), metrics: None });
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let to = path.clone();
            let answer = blocking(move || {
                let mut s = std::os::unix::net::UnixStream::connect(to).unwrap();
                s.write_all(b"journal 7\n").unwrap();
                let mut text = String::new();
                s.read_to_string(&mut text).unwrap();
                text
            })
            .await;
            assert_eq!(answer, "ok\njournal 7\n");
            let (mut second, _asked) = Control::new();
            second.set(&Outlets { control: Some(path.clone()), metrics: None });
            drop(second);
            assert!(path.exists(), "a socket in use was taken away");
            drop(control);
            assert!(!path.exists());
        });
    }

    #[test]
    fn metrics_are_pages_and_nothing_else_is() {
        run(async |mut control| {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            control.set(&Outlets { control: None, metrics: Some(port) });
            let get = async |head: &'static str| {
                blocking(move || {
                    let mut s = std::net::TcpStream::connect(port).unwrap();
                    write!(s, "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
                    let mut text = String::new();
                    s.read_to_string(&mut text).unwrap();
                    text
                })
                .await
            };
            let page = get("GET /metrics").await;
            assert!(page.starts_with("HTTP/1.1 200") && page.contains(admin::CONTENT_TYPE), "{page}");
            assert!(page.ends_with("metrics\n"), "{page}");
            assert!(get("GET /").await.starts_with("HTTP/1.1 404"));
            assert!(get("POST /metrics").await.starts_with("HTTP/1.1 405"));
        });
    }
}
