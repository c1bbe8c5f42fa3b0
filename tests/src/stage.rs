//! A stage for tests of the proxy's features: a proxy host, a client, origins, and one proxy at a
//! time, ours or the peer, with the same configuration.
//!
//! Owns: the hosts and starting a proxy in the foreground with its log captured. Each feature
//! test is written once and run with both ([`crate::with_both_proxies`]); what holds for the peer
//! is the control that the test is right.

use std::time::Duration;

use crate::client::Client;
use crate::daemon::{Daemon, Program};
use crate::netns::{Error, Exit, Host, Lab, Result, Signal};
use crate::origin::{Origin, RawConnection, RawOrigin};
use crate::syslog::Syslog;

/// The proxy's host; every `bind` is there.
pub const PROXY: &str = "10.9.0.1";
/// Where the clients are.
pub const CLIENT: &str = "10.9.0.2";
/// The origins' host; each origin has a port of its own.
pub const ORIGIN: &str = "10.9.0.3";
/// How long anything may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Lines for the `defaults` section that most tests want.
pub const DEFAULTS: &str = "\
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
";

/// The hosts and what runs in them.
#[derive(Debug)]
pub struct Stage {
    pub program: Program,
    pub proxy: Host,
    pub client: Host,
    pub origin: Host,
    /// What the proxy sends to `127.0.0.1:514` on its host.
    pub log: Syslog,
    pub daemon: Option<Daemon>,
    lab: Lab,
}

impl Stage {
    /// Makes the hosts; the proxy is not started yet.
    ///
    /// # Errors
    /// No namespaces, or the program is not there.
    pub fn new(program: Program) -> Result<Stage> {
        program.path()?;
        let lab = Lab::new()?;
        let host = |name: &str, address: &str| lab.host(name, &format!("{address}/24"));
        let (proxy, client, origin) =
            (host("proxy", PROXY)?, host("client", CLIENT)?, host("origin", ORIGIN)?);
        let log = Syslog::udp(&proxy, "127.0.0.1:514")?;
        Ok(Stage { program, proxy, client, origin, log, daemon: None, lab })
    }

    /// Another host, for tests that need one more address.
    ///
    /// # Errors
    /// As [`Lab::host`].
    pub fn host(&self, name: &str, address: &str) -> Result<Host> {
        self.lab.host(name, &format!("{address}/24"))
    }

    /// An HTTP origin at this port of the origins' host; its body is its name.
    ///
    /// # Errors
    /// The port is taken.
    pub fn origin(&self, name: &str, port: u16) -> Result<Origin> {
        Ok(Origin::start(name, self.origin.tcp_listen(&format!("{ORIGIN}:{port}"))?)?)
    }

    /// An origin that says what the test says.
    ///
    /// # Errors
    /// The port is taken.
    pub fn raw_origin(
        &self,
        port: u16,
        speak: impl Fn(RawConnection) + Send + Sync + 'static,
    ) -> Result<RawOrigin> {
        Ok(RawOrigin::start(self.origin.tcp_listen(&format!("{ORIGIN}:{port}"))?, speak)?)
    }

    /// Starts the proxy with this configuration ([`DEFAULTS`] is put before it unless it has a
    /// `defaults` section of its own) and waits until it serves the port.
    ///
    /// # Errors
    /// It does not start; the message has its words.
    pub fn start(&mut self, config: &str, port: u16) -> Result<()> {
        self.write(config)?;
        let daemon = Daemon::start(&self.proxy, self.program, ["-db", "-f", "/etc/proxy.cfg"])?;
        let at = format!("{PROXY}:{port}");
        let port_open = || self.proxy.listens(port).unwrap_or(false).then_some(());
        let found = daemon.while_running(&format!("it serves {at}"), PATIENCE, || {
            if let Some(Exit::Code(0)) = daemon.process().wait(Duration::ZERO) {
                return Some(Err(Error(format!("it ended before it served {at}:\n{}", daemon.log()))));
            }
            port_open().map(Ok)
        });
        self.daemon = Some(daemon);
        found?
    }

    /// Writes the configuration without starting anything, for a reload.
    ///
    /// # Errors
    /// The host's.
    pub fn write(&self, config: &str) -> Result<()> {
        let own = config.lines().any(|l| l.starts_with("defaults"));
        let text = if own { config.to_string() } else { format!("{DEFAULTS}{config}") };
        self.proxy.write("/etc/proxy.cfg", text)
    }

    /// A client's connection to a port of the proxy.
    ///
    /// # Errors
    /// It is not accepted.
    pub fn connect(&self, port: u16) -> Result<Client> {
        Client::connect(&self.client, &format!("{PROXY}:{port}"))
    }

    /// The body of one `GET` on a connection of its own.
    ///
    /// # Errors
    /// No answer.
    pub fn get(&self, port: u16, target: &str) -> Result<crate::client::Response> {
        self.connect(port)?.get(target, "Connection: close\r\n")
    }

    /// Sends a command to a stats socket of the proxy and returns the whole answer.
    ///
    /// # Errors
    /// The socket is not there.
    pub fn command(&self, socket: &str, line: &str) -> Result<String> {
        let mut client = Client::connect_unix(&self.proxy, socket)?;
        client.send(format!("{line}\n"))?;
        Ok(String::from_utf8_lossy(&client.to_end()?).into_owned())
    }

    /// Sends the proxy a signal.
    ///
    /// # Errors
    /// It is not started, or as `kill(2)`.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.daemon.as_ref().ok_or_else(|| Error("the proxy is not started".into()))?.signal(signal)
    }
}

/// Runs each named function of the calling file with both proxies, as tests of their own:
/// `haproxy::NAME` is the control, `lbproxy::NAME` the test.
#[macro_export]
macro_rules! with_both_proxies {
    ($($name:ident),* $(,)?) => {
        mod haproxy { $(#[test] fn $name() { super::$name($crate::daemon::Program::Haproxy); })* }
        mod lbproxy { $(#[test] fn $name() { super::$name($crate::daemon::Program::Lbproxy); })* }
    };
}
