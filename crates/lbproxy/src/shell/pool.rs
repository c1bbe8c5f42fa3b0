//! Connections to servers: opening them, and keeping idle ones for the next request.
//!
//! Owns: the idle connections of one thread and one plan, per server. Invariants: a connection from here has no
//! unread bytes and was open when last looked at; one that carries something of its client (PROXY header, a name
//! computed per request) never comes here; the number and the age of idle connections are bounded by
//! `pool-max-conn` and `pool-purge-delay`. Which request may take one is `http-reuse`'s and decided in `http`.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    net::SocketAddr,
};

use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::{stream::Io, worker::Session};
use crate::{
    compile::plan::{Backend, Endpoint, Plan, Port, SendProxy, Server},
    engine::{conn::Addr, proxy_protocol},
};

/// A connection to a server.
#[derive(Debug)]
pub struct ServerConn {
    pub io: Io,
    /// Our address and the server's.
    pub src: Addr,
    pub dst: Addr,
    /// Requests that it has carried.
    pub requests: u32,
}

/// The idle connections of one thread, by backend and server.
#[derive(Debug)]
pub struct IdlePools {
    backends: Vec<Vec<Idle>>,
    closed: Cell<bool>,
}

#[derive(Debug)]
struct Idle {
    /// The longest idle ones are at the front.
    list: RefCell<VecDeque<(u64, ServerConn)>>,
    most: usize,
    purge_delay_ms: u64,
}

impl IdlePools {
    pub fn new(plan: &Plan) -> IdlePools {
        let threads = plan.global.threads.max(1);
        let of_server = |s: &std::sync::Arc<Server>| Idle {
            list: RefCell::default(),
            most: match usize::try_from(s.pool_max_conn) {
                Err(_) => plan.global.tune.idle_max,
                Ok(0) => 0,
                Ok(n) => n.div_ceil(threads).min(plan.global.tune.idle_max),
            },
            purge_delay_ms: u64::from(s.pool_purge_delay_ms),
        };
        let backends = plan.backends.iter().map(|b| b.servers.iter().map(of_server).collect()).collect();
        IdlePools { backends, closed: Cell::new(false) }
    }

    fn idle(&self, backend: usize, server: usize) -> Option<&Idle> {
        self.backends.get(backend)?.get(server)
    }

    /// An idle connection to that server that has carried at least `requests_min` requests, the last used first.
    pub fn take(&self, backend: usize, server: usize, requests_min: u32) -> Option<ServerConn> {
        let mut list = self.idle(backend, server)?.list.borrow_mut();
        loop {
            let at = list.iter().rposition(|(_, c)| c.requests >= requests_min)?;
            let (_, conn) = list.remove(at)?;
            if conn.io.is_quiet() {
                return Some(conn);
            }
        }
    }

    /// Keeps an idle connection, or closes it where enough are kept.
    pub fn put(&self, backend: usize, server: usize, conn: ServerConn, now_ms: u64) {
        let Some(idle) = self.idle(backend, server).filter(|_| !self.closed.get()) else { return };
        let mut list = idle.list.borrow_mut();
        if idle.most == 0 || idle.purge_delay_ms == 0 {
            return;
        }
        if list.len() >= idle.most {
            list.pop_front();
        }
        list.push_back((now_ms, conn));
    }

    /// How many idle connections to that server this thread keeps.
    pub fn count(&self, backend: usize, server: usize) -> usize {
        self.idle(backend, server).map_or(0, |i| i.list.borrow().len())
    }

    /// Closes connections that were idle for longer than `pool-purge-delay`.
    pub fn purge(&self, now_ms: u64) {
        for idle in self.backends.iter().flatten() {
            let mut list = idle.list.borrow_mut();
            while list.front().is_some_and(|(since, _)| since + idle.purge_delay_ms <= now_ms) {
                list.pop_front();
            }
        }
    }

    /// Writes how many idle connections there are where `show stat` and `show servers conn` read it.
    pub fn report(&self, plan: &Plan, thread: u16) {
        for (backend, lists) in plan.backends.iter().zip(&self.backends) {
            for (server, idle) in backend.servers.iter().zip(lists) {
                server.state.counters.at(thread).idle_connections.set(idle.list.borrow().len() as u64);
            }
        }
    }

    /// Closes everything and keeps nothing more.
    pub fn close_all(&self) {
        self.closed.set(true);
        for idle in self.backends.iter().flatten() {
            idle.list.borrow_mut().clear();
        }
    }
}

/// Why no connection came about.
#[derive(Debug)]
pub enum ConnectError {
    /// The server, or the way to it, refused.
    Refused(io::Error),
    /// This host has no descriptor, port or memory for it.
    Resources(io::Error),
    /// The TLS handshake failed.
    Tls(super::tls::HandshakeError),
    /// The server has no address (yet).
    NoAddress,
}

impl From<io::Error> for ConnectError {
    fn from(e: io::Error) -> ConnectError {
        match e.raw_os_error() {
            Some(
                libc::EMFILE
                | libc::ENFILE
                | libc::ENOMEM
                | libc::ENOBUFS
                | libc::EADDRNOTAVAIL
                | libc::EAGAIN,
            ) => ConnectError::Resources(e),
            _ => ConnectError::Refused(e),
        }
    }
}

/// Opens a connection to a server, PROXY header and TLS handshake included. Time limits are the caller's.
pub async fn connect(
    session: &Session,
    backend: &Backend,
    server: &Server,
    sni: Option<&str>,
) -> Result<ServerConn, ConnectError> {
    let (io, src, dst) = match endpoint(session, server).ok_or(ConnectError::NoAddress)? {
        Endpoint::Inet(to) => {
            let s = connect_tcp(to, server.source.or(backend.source), backend).await?;
            let src = s.local_addr().map_or(Addr::Unix, Addr::Inet);
            (Io::Tcp(s), src, Addr::Inet(to))
        }
        Endpoint::Unix(path) => (Io::Unix(UnixStream::connect(path).await?), Addr::Unix, Addr::Unix),
        Endpoint::Abstract { name, padded } => {
            (Io::Unix(connect_abstract(&name, padded).await?), Addr::Unix, Addr::Unix)
        }
        Endpoint::Fd(_) => return Err(ConnectError::NoAddress),
    };
    let mut conn = ServerConn { io, src, dst, requests: 0 };
    send_proxy(session, server, &mut conn).await?;
    if server.tls.is_some() {
        conn.io = start_tls(session, backend, server, sni, conn.io).await?;
    }
    Ok(conn)
}

/// Where the server is to be found for this client.
fn endpoint(session: &Session, server: &Server) -> Option<Endpoint> {
    let configured = match server.state.addr() {
        Some(a) => Endpoint::Inet(a),
        None => server.endpoint.clone()?,
    };
    let Endpoint::Inet(mut a) = configured else { return Some(configured) };
    if let Port::Relative(offset) = server.port {
        let port = i32::from(session.conn.dst.port()).saturating_add(offset);
        a.set_port(u16::try_from(port).ok()?);
    }
    Some(Endpoint::Inet(a))
}

async fn connect_tcp(to: SocketAddr, from: Option<SocketAddr>, backend: &Backend) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    if backend.tcp.keepalive {
        socket.set_keepalive(true)?;
    }
    if let Some(from) = from {
        if from.port() == 0 {
            // Lets the kernel choose the port at connect time, when it knows both ends.
            nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
        } else {
            socket.set_reuseaddr(true)?;
        }
        socket.bind(from)?;
    }
    socket.connect(to).await
}

async fn connect_abstract(name: &str, padded: bool) -> io::Result<UnixStream> {
    use std::os::linux::net::SocketAddrExt as _;
    /// Bytes of a name in the abstract namespace.
    const NAME_MAX: usize = 107;
    let mut bytes = name.as_bytes().to_vec();
    if padded {
        bytes.resize(NAME_MAX, 0);
    }
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&bytes)?;
    // Connecting to a local socket does not wait but for its backlog.
    let stream = std::os::unix::net::UnixStream::connect_addr(&address)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

async fn send_proxy(session: &Session, server: &Server, conn: &mut ServerConn) -> Result<(), ConnectError> {
    let mut header = Vec::new();
    match server.send_proxy {
        SendProxy::No => return Ok(()),
        SendProxy::V1 => proxy_protocol::encode_v1(session.conn.src, session.conn.dst, &mut header),
        SendProxy::V2 => proxy_protocol::encode_v2(session.conn.src, session.conn.dst, &mut header),
    }
    let mut sent = 0;
    while sent < header.len() {
        sent += std::future::poll_fn(|cx| conn.io.poll_write(cx, &header[sent..])).await?;
    }
    Ok(())
}

async fn start_tls(
    session: &Session,
    backend: &Backend,
    server: &Server,
    sni: Option<&str>,
    io: Io,
) -> Result<Io, ConnectError> {
    let connector =
        session.installed.runtime.tls.connector(backend.ix, server.ix).ok_or(ConnectError::NoAddress)?;
    match io {
        Io::Tcp(s) => Ok(Io::Tls(connector.connect(s, sni, None).await.map_err(ConnectError::Tls)?.0)),
        Io::Unix(s) => Ok(Io::TlsUnix(connector.connect(s, sni, None).await.map_err(ConnectError::Tls)?.0)),
        tls @ (Io::Tls(_) | Io::TlsUnix(_)) => Ok(tls),
    }
}
