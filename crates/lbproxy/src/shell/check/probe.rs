//! One check on the wire: connects, handshakes, sends and receives as the script says.
//!
//! Time-outs are the manual's (4.2, `timeout check`): with `timeout check`, the connection has the smaller of
//! `timeout connect` and `inter`, and what follows has `timeout check`; without, everything together has `inter`.

use std::{
    io,
    net::SocketAddr,
    os::{linux::net::SocketAddrExt, unix::net::SocketAddr as UnixAddr},
    time::Duration,
};

use super::world::CheckWorld;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream, UnixStream},
    time::Instant,
};

use crate::{
    compile::plan::{Backend, Endpoint, SendProxy, Server},
    engine::{
        check::{
            Spec,
            script::{Action, Around, Failure, Outcome, Program, Run, Target},
        },
        conn::Addr,
        proxy_protocol,
    },
    shell::runtime::Runtime,
};

/// Bytes received at once.
const PIECE: usize = 4_096;

/// Bytes of a padded abstract name: the kernel's `sun_path` without its leading zero.
const ABSTRACT_NAME_BYTES: usize = 107;

/// What a check needs to know.
pub(super) struct Probe<'a> {
    pub runtime: &'a Runtime,
    pub backend: &'a Backend,
    pub server: &'a Server,
    pub spec: &'a Spec,
    pub program: &'a Program,
    pub state_header: Option<String>,
    pub around: CheckWorld<'a>,
    pub now_us: u64,
    pub seed: u64,
}

/// What a check talks through.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The server's address now: the one set at run time, or the configured one.
pub(super) fn address(server: &Server) -> Option<SocketAddr> {
    let configured = match &server.endpoint {
        Some(Endpoint::Inet(a)) => Some(*a),
        _ => None,
    };
    server.state.addr().or(configured)
}

impl Probe<'_> {
    /// Runs the check to its end.
    pub(super) async fn run(mut self) -> Outcome {
        let state = self.state_header.take();
        let world = self.around;
        let around = Around {
            names: world.names(),
            world: &world,
            unique_id: self.backend.unique_id.as_ref(),
            now_us: self.now_us,
            seed: self.seed,
        };
        let mut run = Run::new(self.program, self.spec, state, around);
        let mut io: Option<Box<dyn Io>> = None;
        let inter = Duration::from_millis(u64::from(self.spec.inter_ms.max(1)));
        let begun = Instant::now();
        let mut deadline = begun + inter;
        let mut action = run.next_action();
        let mut piece = Vec::new();
        loop {
            let step = async {
                match &action {
                    Action::Connect(target) => {
                        io = None;
                        let made = self.connect(target, &mut run, self.connect_deadline(begun)).await?;
                        io = Some(made);
                        Ok(Step::Connected)
                    }
                    Action::Send(bytes) => {
                        let Some(io) = &mut io else { return Err(closed()) };
                        io.write_all(bytes).await.map_err(|e| broken(&e))?;
                        io.flush().await.map_err(|e| broken(&e))?;
                        Ok(Step::Sent)
                    }
                    Action::Receive => {
                        let Some(io) = &mut io else { return Err(closed()) };
                        piece.resize(PIECE, 0);
                        Ok(Step::Received(io.read(&mut piece).await.map_err(|e| broken(&e))?))
                    }
                    Action::Done(_) => Ok(Step::Done),
                }
            };
            let done = match tokio::time::timeout_at(deadline, step).await {
                Ok(done) => done,
                Err(_) => Err(Failure::Timeout),
            };
            action = match done {
                Ok(Step::Connected) => {
                    if self.spec.timeout_check_ms > 0 {
                        deadline = Instant::now() + ms(self.spec.timeout_check_ms);
                    }
                    run.connected()
                }
                Ok(Step::Sent) => run.sent(),
                Ok(Step::Received(n)) => run.received(piece.get(..n).unwrap_or(&[])),
                Ok(Step::Done) => match action {
                    Action::Done(outcome) => return outcome,
                    other => other,
                },
                Err(failure) => return run.failed(&failure),
            };
        }
    }

    fn connect_deadline(&self, begun: Instant) -> Instant {
        let s = self.spec;
        let limit = match (s.timeout_check_ms, s.timeout_connect_ms) {
            (1.., connect @ 1..) => connect.min(s.inter_ms),
            _ => s.inter_ms,
        };
        // A later connection of the script counts anew where `timeout check` bounds the rest.
        let from = if s.timeout_check_ms > 0 { Instant::now() } else { begun };
        from + ms(limit.max(1))
    }

    /// Connects, and does the handshake if the step asks for one.
    async fn connect(
        &self,
        target: &Target,
        run: &mut Run<'_>,
        deadline: Instant,
    ) -> Result<Box<dyn Io>, Failure> {
        let late = |_| Failure::Timeout;
        let transport = tokio::time::timeout_at(deadline, self.transport(target)).await.map_err(late)?;
        let mut transport = transport?;
        run.transport_ready();
        if target.send_proxy {
            let header = self.proxy_header(&transport);
            transport.io.write_all(&header).await.map_err(|e| broken(&e))?;
        }
        if !target.ssl {
            return Ok(transport.io);
        }
        let Some(connector) = self.runtime.tls.check_connector(self.backend.ix, self.server.ix) else {
            return Err(Failure::Socket("no TLS material for this check".into()));
        };
        let alpn = (!target.alpn.is_empty()).then_some(target.alpn.as_slice());
        let handshake = connector.connect(transport.io, target.sni.as_deref(), alpn);
        let (stream, _) = handshake.await.map_err(|_| Failure::Handshake)?;
        Ok(Box::new(stream))
    }

    async fn transport(&self, target: &Target) -> Result<Transport, Failure> {
        let stream = match (&self.server.endpoint, target.addr) {
            (Some(Endpoint::Unix(path)), None) => UnixStream::connect(path).await,
            (Some(Endpoint::Abstract { name, padded }), None) => abstract_stream(name, *padded).await,
            _ => {
                let own = address(self.server);
                let ip = target.addr.or(own.map(|a| a.ip()));
                let Some(ip) = ip else {
                    return Err(Failure::Socket("the server has no address yet".into()));
                };
                let port = target.port.or(self.server.state.check_port()).or(own.map(|a| a.port()));
                return self.tcp(SocketAddr::new(ip, port.unwrap_or(0))).await;
            }
        };
        let stream = stream.map_err(|e| broken(&e))?;
        Ok(Transport { io: Box::new(stream), ends: None })
    }

    async fn tcp(&self, to: SocketAddr) -> Result<Transport, Failure> {
        let socket = |e: io::Error| Failure::Socket(words(&e));
        let s = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(socket)?;
        if let Some(from) = self.server.source.or(self.backend.source) {
            s.set_reuseaddr(true).map_err(socket)?;
            s.bind(from).map_err(socket)?;
        }
        let stream: TcpStream = s.connect(to).await.map_err(|e| broken(&e))?;
        // Small exchanges, closed at once: nothing shall wait for more, nor remain in TIME_WAIT.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_zero_linger();
        let ends = stream.local_addr().ok().map(|from| (from, to));
        Ok(Transport { io: Box::new(stream), ends })
    }

    /// What stands before everything else: our own end as the client's, or in version 2 that there is none.
    fn proxy_header(&self, t: &Transport) -> Vec<u8> {
        let mut out = Vec::new();
        let (from, to) = match t.ends {
            Some((from, to)) => (Addr::Inet(from), Addr::Inet(to)),
            None => (Addr::Unix, Addr::Unix),
        };
        match self.server.send_proxy {
            SendProxy::V2 => proxy_protocol::encode_v2_local(&mut out),
            SendProxy::V1 | SendProxy::No => proxy_protocol::encode_v1(from, to, &mut out),
        }
        out
    }
}

enum Step {
    Connected,
    Sent,
    Received(usize),
    Done,
}

struct Transport {
    io: Box<dyn Io>,
    ends: Option<(SocketAddr, SocketAddr)>,
}

async fn abstract_stream(name: &str, padded: bool) -> io::Result<UnixStream> {
    let mut name = name.as_bytes().to_vec();
    if padded {
        name.resize(ABSTRACT_NAME_BYTES, 0);
    }
    let addr = UnixAddr::from_abstract_name(&name)?;
    let stream = std::os::unix::net::UnixStream::connect_addr(&addr)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn ms(n: u32) -> Duration {
    Duration::from_millis(u64::from(n))
}

fn closed() -> Failure {
    Failure::Connection("not connected".into())
}

fn broken(e: &io::Error) -> Failure {
    Failure::Connection(words(e))
}

/// `ECONNREFUSED returned by OS (Connection refused)`; what keeps a connection from being tried at all is general.
fn words(e: &io::Error) -> String {
    use nix::errno::Errno;
    match e.raw_os_error().map(Errno::from_raw) {
        Some(errno @ (Errno::ENETUNREACH | Errno::EACCES | Errno::EPERM | Errno::EAFNOSUPPORT)) => {
            format!("General socket error ({})", errno.desc())
        }
        Some(errno) => format!("{errno:?} returned by OS ({})", errno.desc()),
        None => e.to_string(),
    }
}
