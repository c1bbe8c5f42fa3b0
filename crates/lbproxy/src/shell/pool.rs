//! Connections to servers: opening them, and keeping idle ones for the next request.
//!
//! Owns: the idle connections of one thread and one plan, per server. Invariants: a connection from here has no
//! unread bytes and was open when last looked at; one that carries something of its client (PROXY header, a name
//! computed per request) never comes here; the number and the age of idle connections are bounded by
//! `pool-max-conn` and `pool-purge-delay`. Which request may take one is `http-reuse`'s and decided in `http`.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::Path,
    rc::Rc,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{sock::Sock, stream::Io, worker::Session};
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
    /// It counts as used, unless it is idle.
    _used: Option<Used>,
}

/// The idle connections of one thread, by backend and server.
#[derive(Debug)]
pub struct IdlePools {
    backends: Vec<Vec<Rc<Idle>>>,
    closed: Cell<bool>,
}

/// The connections of this thread to one server.
#[derive(Debug)]
struct Idle {
    /// The longest idle ones are at the front.
    list: RefCell<VecDeque<(u64, ServerConn)>>,
    most: usize,
    purge_delay_ms: u64,
    /// Connections in use now, the most there were in this period, and in the one before: more than were ever
    /// needed at once are not kept.
    used: Cell<usize>,
    peak: Cell<usize>,
    last_peak: Cell<usize>,
    period_ms: Cell<u64>,
}

impl Idle {
    fn room(&self) -> usize {
        self.most.min(self.peak.get().max(self.last_peak.get()))
    }

    /// Forgets, over two purge delays, how many were needed.
    fn begin_period(&self, now_ms: u64) {
        if now_ms >= self.period_ms.get() + self.purge_delay_ms {
            self.period_ms.set(now_ms);
            self.last_peak.set(self.peak.replace(self.used.get()));
        }
    }
}

/// A connection in use.
#[derive(Debug)]
struct Used(Rc<Idle>);

impl Used {
    fn new(of: &Rc<Idle>) -> Used {
        of.used.set(of.used.get() + 1);
        of.peak.set(of.peak.get().max(of.used.get()));
        Used(of.clone())
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        self.0.used.set(self.0.used.get() - 1);
    }
}

impl IdlePools {
    pub fn new(plan: &Plan) -> IdlePools {
        let threads = plan.global.threads.max(1);
        let of_server = |s: &std::sync::Arc<Server>| {
            Rc::new(Idle {
                list: RefCell::default(),
                most: match usize::try_from(s.pool_max_conn) {
                    Err(_) => plan.global.tune.idle_max,
                    Ok(0) => 0,
                    Ok(n) => n.div_ceil(threads).min(plan.global.tune.idle_max),
                },
                purge_delay_ms: u64::from(s.pool_purge_delay_ms),
                used: Cell::new(0),
                peak: Cell::new(0),
                last_peak: Cell::new(0),
                period_ms: Cell::new(0),
            })
        };
        let backends = plan.backends.iter().map(|b| b.servers.iter().map(of_server).collect()).collect();
        IdlePools { backends, closed: Cell::new(false) }
    }

    fn idle(&self, backend: usize, server: usize) -> Option<&Rc<Idle>> {
        self.backends.get(backend)?.get(server)
    }

    /// An idle connection to that server that has carried at least `requests_min` requests, the last used first.
    pub fn take(&self, backend: usize, server: usize, requests_min: u32) -> Option<ServerConn> {
        let idle = self.idle(backend, server)?;
        let mut list = idle.list.borrow_mut();
        loop {
            let at = list.iter().rposition(|(_, c)| c.requests >= requests_min)?;
            let (_, mut conn) = list.remove(at)?;
            if conn.io.is_quiet() {
                conn._used = Some(Used::new(idle));
                return Some(conn);
            }
        }
    }

    /// Keeps an idle connection, or closes it where enough are kept. Its server has nothing more to say and has
    /// taken everything, so that the close may be an abort: it leaves nothing behind in the kernel.
    pub fn put(&self, backend: usize, server: usize, mut conn: ServerConn, now_ms: u64) {
        let Some(idle) = self.idle(backend, server).filter(|_| !self.closed.get()) else { return };
        let mut list = idle.list.borrow_mut();
        if list.len() >= idle.room() || idle.purge_delay_ms == 0 {
            conn.io.set_abort_on_close();
            return;
        }
        if !conn.io.is_quiet() {
            return;
        }
        conn._used = None;
        conn.io.forget_waiter();
        conn.io.transport().without_nagle();
        list.push_back((now_ms, conn));
    }

    /// How many idle connections to that server this thread keeps.
    pub fn count(&self, backend: usize, server: usize) -> usize {
        self.idle(backend, server).map_or(0, |i| i.list.borrow().len())
    }

    /// Closes connections that were idle for longer than `pool-purge-delay`.
    pub fn purge(&self, now_ms: u64) {
        for idle in self.backends.iter().flatten() {
            idle.begin_period(now_ms);
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

/// Opens a connection to a server, PROXY header and TLS handshake included, and sends what it takes of `first` at
/// once: a connection is there when its first bytes are taken, which spares waiting for it. Gives how many. Time
/// limits are the caller's.
pub async fn connect(
    session: &Session,
    backend: &Backend,
    server: &Server,
    sni: Option<&str>,
    first: &[u8],
) -> Result<(ServerConn, usize), ConnectError> {
    let reactor = session.worker.reactor();
    let (sock, dst) = match endpoint(session, server).ok_or(ConnectError::NoAddress)? {
        Endpoint::Inet(to) => {
            let fd = connect_tcp(to, server.source.or(backend.source), backend)?;
            (Sock::connecting(reactor, fd), Addr::Inet(to))
        }
        Endpoint::Unix(path) => (Sock::unix(reactor, connect_unix(&path)?), Addr::Unix),
        Endpoint::Abstract { name, padded } => {
            (Sock::unix(reactor, connect_abstract(&name, padded)?), Addr::Unix)
        }
        Endpoint::Fd(_) => return Err(ConnectError::NoAddress),
    };
    let mut header = Vec::new();
    write_proxy_header(session, server, &mut header);
    let plain = server.tls.is_none() && header.is_empty();
    let mut sent = 0;
    if plain && !first.is_empty() {
        sent = poll_fn(|cx| sock.poll_send(cx, first)).await?;
    } else if !sock.is_unix() {
        poll_fn(|cx| sock.poll_connected(cx)).await?;
    }
    // Asking the kernel is a system call, and few want to know.
    let src = if session.installed.plan().global.asks_server_src { sock.local_addr() } else { None };
    let used = session.installed.idle.idle(backend.ix, server.ix).map(Used::new);
    let src = src.map_or(Addr::Unix, Addr::Inet);
    let mut conn = ServerConn { io: Io::Plain(sock), src, dst, requests: 0, _used: used };
    let mut written = 0;
    while let Some(rest) = header.get(written..).filter(|r| !r.is_empty()) {
        written += poll_fn(|cx| conn.io.poll_write(cx, rest)).await?;
    }
    if server.tls.is_some() {
        conn.io = start_tls(session, backend, server, sni, conn.io).await?;
    }
    Ok((conn, sent))
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

/// Begins to connect; whether it succeeds is seen when the socket becomes writable.
fn connect_tcp(to: SocketAddr, from: Option<SocketAddr>, backend: &Backend) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if backend.tcp.keepalive {
        socket.set_keepalive(true)?;
    }
    if let Some(from) = from {
        if from.port() == 0 {
            // Lets the kernel choose the port at connect time, when it knows both ends.
            nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
        } else {
            socket.set_reuse_address(true)?;
        }
        socket.bind(&from.into())?;
    }
    match socket.connect(&to.into()) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => Err(e),
        _ => Ok(socket.into()),
    }
}

/// Connecting to a local socket does not wait: where its backlog is full, it fails.
fn connect_unix(path: &Path) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket.into())
}

fn connect_abstract(name: &str, padded: bool) -> io::Result<OwnedFd> {
    use std::os::linux::net::SocketAddrExt as _;
    /// Bytes of a name in the abstract namespace.
    const NAME_MAX: usize = 107;
    let mut bytes = name.as_bytes().to_vec();
    if padded {
        bytes.resize(NAME_MAX, 0);
    }
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&bytes)?;
    let stream = std::os::unix::net::UnixStream::connect_addr(&address)?;
    stream.set_nonblocking(true)?;
    Ok(stream.into())
}

fn write_proxy_header(session: &Session, server: &Server, header: &mut Vec<u8>) {
    match server.send_proxy {
        SendProxy::No => {}
        SendProxy::V1 => proxy_protocol::encode_v1(session.conn.src, session.conn.dst, header),
        SendProxy::V2 => proxy_protocol::encode_v2(session.conn.src, session.conn.dst, header),
    }
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
        Io::Plain(s) => Ok(Io::Tls(connector.connect(s, sni, None).await.map_err(ConnectError::Tls)?.0)),
        tls @ Io::Tls(_) => Ok(tls),
    }
}
