//! Receives the log lines that daemons send by UDP or to a Unix datagram socket (`/dev/log`).
//!
//! Owns: a thread that reads datagrams as they come. Leaves to others: what the lines mean.

use std::io;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::netns::{Error, Host, Result};
use crate::wait;

/// Longest datagram, bytes.
const LINE_BYTES_MAX: usize = 65536;
/// How often the thread looks whether it is to end, ms.
const LOOK_MS: u64 = 100;

/// A log receiver; ends when dropped.
#[derive(Debug)]
pub struct Syslog {
    lines: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

impl Syslog {
    /// Receives at a UDP address of a host, `127.0.0.1:514` for one.
    ///
    /// # Errors
    /// The address is taken.
    pub fn udp(host: &Host, address: &str) -> Result<Syslog> {
        Ok(Syslog::on_udp(host.udp_bind(address)?)?)
    }

    /// Receives on a socket.
    ///
    /// # Errors
    /// The socket's.
    pub fn on_udp(socket: UdpSocket) -> io::Result<Syslog> {
        socket.set_read_timeout(Some(Duration::from_millis(LOOK_MS)))?;
        Syslog::start(move |buffer| socket.recv(buffer))
    }

    /// Receives what the programs of a host send to a Unix datagram socket.
    ///
    /// # Errors
    /// The path cannot be made.
    pub fn unix(host: &Host, path: &str) -> Result<Syslog> {
        let socket: UnixDatagram = host.unix_datagram(path, 0o666)?;
        socket.set_read_timeout(Some(Duration::from_millis(LOOK_MS)))?;
        Ok(Syslog::start(move |buffer| socket.recv(buffer))?)
    }

    fn start(receive: impl Fn(&mut [u8]) -> io::Result<usize> + Send + 'static) -> io::Result<Syslog> {
        let (lines, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, stopped) = (Arc::clone(&lines), Arc::clone(&stop));
        std::thread::Builder::new().name("syslog".into()).spawn(move || {
            let mut buffer = vec![0; LINE_BYTES_MAX];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok(n) = receive(&mut buffer) {
                    let line = String::from_utf8_lossy(&buffer[..n]).into_owned();
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        })?;
        Ok(Syslog { lines, stop })
    }

    /// The datagrams so far, whole.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a line that contains this and returns it.
    ///
    /// # Errors
    /// It did not come within `patience`; the message has what came instead.
    pub fn wait_for(&self, part: &str, patience: Duration) -> Result<String> {
        self.wait_for_all(&[part], patience)
    }

    /// Waits for a line that contains each of these and returns it.
    ///
    /// # Errors
    /// As [`Syslog::wait_for`].
    pub fn wait_for_all(&self, parts: &[&str], patience: Duration) -> Result<String> {
        let look = || self.lines().into_iter().find(|l| parts.iter().all(|p| l.contains(p)));
        wait::until(&format!("a log line with {parts:?}"), patience, look)
            .map_err(|e| Error(format!("{e}; what came:\n{}", self.lines().join("\n"))))
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
