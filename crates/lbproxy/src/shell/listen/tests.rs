//! Sockets on loopback and in a temporary directory.

use std::{
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
};

use super::*;

fn spec(place: Place) -> Spec {
    Spec {
        place,
        backlog: 16,
        transparent: false,
        v6only: None,
        interface: None,
        defer_accept: false,
        tfo: false,
        mss: None,
        keepalive: false,
        rcvbuf: None,
        sndbuf: None,
    }
}

fn inet(text: &str) -> Spec {
    spec(Place::Inet(text.parse().unwrap()))
}

#[test]
fn an_address_that_the_host_does_not_hold_can_be_bound() {
    // TEST-NET-1 and the documentation prefix are never configured anywhere.
    for text in ["192.0.2.77:0", "[2001:db8::77]:0"] {
        let fd = inet(text).bind().unwrap_or_else(|e| panic!("{e}"));
        assert!(Socket::from(fd).is_listener().unwrap());
    }
}

#[test]
fn threads_may_each_have_a_socket_on_one_port_and_a_stranger_is_named() {
    let first = TcpListener::from(inet("127.0.0.1:0").bind().unwrap());
    let addr = first.local_addr().unwrap();
    let again = inet(&addr.to_string());
    assert!(again.bind().is_ok());
    drop(first);
    // A socket without SO_REUSEPORT keeps the port to itself.
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = stranger.local_addr().unwrap();
    let e = inet(&addr.to_string()).bind().unwrap_err();
    assert!(e.in_use());
    assert_eq!(
        e.to_string(),
        format!("protocol tcpv4: cannot bind socket (Address already in use) for [{addr}]")
    );
}

#[test]
fn accepted_connections_inherit_nodelay() {
    let listener = TcpListener::from(inet("127.0.0.1:0").bind().unwrap());
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.set_nonblocking(false).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    assert!(accepted.nodelay().unwrap());
}

#[test]
fn a_unix_socket_replaces_a_stale_one_with_its_rights_and_leaves_nothing_beside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let make = |mode| spec(Place::Unix { path: path.clone(), mode: Some(mode), uid: None, gid: None });
    drop(make(0o600).bind().unwrap());
    let _live = make(0o660).bind().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert!(UnixStream::connect(&path).is_ok());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    fs::write(&path, "data").unwrap();
    let e = spec(Place::Unix { path: path.clone(), mode: None, uid: None, gid: None }).bind().unwrap_err();
    assert!(e.to_string().contains("no socket"), "{e}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    let missing = spec(Place::Unix { path: dir.path().join("no/s"), mode: None, uid: None, gid: None });
    assert!(missing.bind().unwrap_err().to_string().contains("No such file or directory"));
}

#[test]
fn abstract_sockets_are_reached_by_their_exact_name() {
    let name = format!("lbproxy-test-{}", std::process::id());
    let fd = spec(Place::Abstract { name: name.clone(), padded: false }).bind().unwrap();
    let mut bytes = vec![0];
    bytes.extend(name.as_bytes());
    use std::os::unix::ffi::OsStrExt as _;
    let addr = SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes)).unwrap();
    assert!(Socket::new(Domain::UNIX, Type::STREAM, None).unwrap().connect(&addr).is_ok());
    drop(fd);
}

#[test]
fn inherited_descriptors_are_shared_and_checked() {
    use std::os::fd::AsRawFd as _;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let fd = spec(Place::Fd(listener.as_raw_fd())).bind().unwrap();
    assert_eq!(TcpListener::from(fd).local_addr().unwrap(), listener.local_addr().unwrap());
    assert!(spec(Place::Fd(9_999)).bind().unwrap_err().to_string().contains("Bad file descriptor"));
    let file = tempfile::tempfile().unwrap();
    assert!(spec(Place::Fd(file.as_raw_fd())).bind().is_err());
}

#[test]
fn identity_tells_different_sockets_apart_and_holds_over_reloads() {
    let (a, b) = (inet("127.0.0.1:80"), inet("127.0.0.1:81"));
    assert_eq!(a.key(0), inet("127.0.0.1:80").key(0));
    assert_ne!(a.key(0), a.key(1));
    assert_ne!(a.key(0), b.key(0));
    assert_ne!(a.key(0), Spec { interface: Some("eth0".to_owned()), ..a.clone() }.key(0));
}
