//! A way from the machine's own network into a host of the lab, so that a browser can look.
//!
//! Owns: a listener on the machine's loopback and a thread per connection that copies bytes.
//! Leaves to others: what is at the other end.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use e2e::netns::Host;

/// Relays a port of the machine's loopback (`wish` if it is free, else any) to an address as this
/// host sees it. Ends with the process.
pub(crate) fn start(host: &Host, to: String, wish: u16) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", wish)).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let host = host.clone();
    thread::Builder::new().name("relay".into()).spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let (host, to) = (host.clone(), to.clone());
            thread::spawn(move || {
                if let Ok(inside) = host.tcp_connect(&to) {
                    join(stream, inside);
                }
            });
        }
    })?;
    Ok(address)
}

/// Copies both ways until both have ended.
fn join(a: TcpStream, b: TcpStream) {
    let (Ok(a2), Ok(b2)) = (a.try_clone(), b.try_clone()) else { return };
    let back = thread::spawn(move || copy(b2, a2));
    copy(a, b);
    let _ = back.join();
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // Either end going away ends this direction; the other has its own copy of the news.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
