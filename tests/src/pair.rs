//! The scene of the demo and of the document's test: two hosts with a proxy and a VRRP daemon
//! each, one address between them, a web server behind, a client in front.
//!
//! Owns: topology, configuration files (`deploy/examples/pair`), starting and restarting the
//! daemons, knowing who holds the address. Leaves to others: what happens to the pair.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, Program};
use crate::netns::{Cmd, Error, Exit, Host, INTERFACE, Lab, Result, Signal};
use crate::origin::Origin;
use crate::syslog::Syslog;
use crate::wait;
use crate::watch::AddressWatch;

/// The address that moves.
pub const VIP: &str = "10.224.147.208";
/// The port the proxies serve.
pub const PORT: u16 = 5000;
/// The port of the statistics page, where it is asked for.
pub const STATS_PORT: u16 = 9000;
const STATS_FILE: &str = "/etc/haproxy/stats.cfg";
/// Name and address of each host.
pub const HOSTS: [(&str, &str); 4] = [
    ("host1", "10.224.147.166"),
    ("host2", "10.224.147.167"),
    ("origin", "10.224.147.154"),
    ("client", "10.224.147.200"),
];
/// How long the first election may take: two check intervals, the master-down time, a slow machine.
const ELECTION_S_MAX: u64 = 30;

/// Who plays.
#[derive(Debug, Clone, Copy)]
pub struct Players {
    pub proxy: Program,
    pub vrrp: Program,
}

impl Players {
    /// Our daemons.
    pub const OURS: Players = Players { proxy: Program::Lbproxy, vrrp: Program::Vrrpd };
    /// The peers, as installed.
    pub const PEERS: Players = Players { proxy: Program::Haproxy, vrrp: Program::Keepalived };
}

/// One of the two hosts.
#[derive(Debug)]
pub struct Node {
    pub host: Host,
    pub watch: AddressWatch,
    /// What the proxy sends to `127.0.0.1:514`.
    pub proxy_log: Syslog,
    /// What the programs of the host send to `/dev/log`.
    pub system_log: Syslog,
    pub vrrp: Option<Daemon>,
    players: Players,
    /// Whether the proxy shows its statistics page too.
    stats: bool,
}

/// The whole scene.
#[derive(Debug)]
pub struct Pair {
    pub nodes: [Node; 2],
    pub client: Host,
    pub origin: Origin,
    pub origin_host: Host,
    pub players: Players,
    pub lab: Lab,
}

impl Pair {
    /// Makes the hosts and writes the configuration files; starts nothing but the web server.
    ///
    /// # Errors
    /// No namespaces, a program that is not there, a configuration that cannot be read.
    pub fn new(players: Players) -> Result<Pair> {
        players.proxy.path()?;
        players.vrrp.path()?;
        let names = HOSTS.iter().map(|(n, a)| (*n, a.parse::<IpAddr>()));
        let mut builder = Lab::builder();
        for (name, address) in names {
            builder = builder.name(address.map_err(|e| Error(e.to_string()))?, name);
        }
        let lab = builder.build()?;
        let host = |name: &str| {
            let (_, address) = HOSTS.iter().find(|(n, _)| *n == name).copied().unwrap_or_default();
            lab.host(name, &format!("{address}/24"))
        };
        let (one, two) = (Node::new(host("host1")?, players)?, Node::new(host("host2")?, players)?);
        let one_id = one.host.dropped().iter().any(|d| d.contains("user id"));
        if one_id && players.vrrp == Program::Keepalived {
            let why = "keepalived cannot run its check where only one user id is mapped (it may not set its groups)";
            return Err(Error(format!("{why}: be root, or have ids in /etc/subuid and the package uidmap")));
        }
        let origin_host = host("origin")?;
        let origin = Origin::start("origin", origin_host.tcp_listen("0.0.0.0:80")?)?;
        origin.set_recording(false);
        Ok(Pair { nodes: [one, two], client: host("client")?, origin, origin_host, players, lab })
    }

    /// Starts proxies and VRRP daemons, host1 first, and waits until host1 alone holds the address
    /// and the client gets an answer through it.
    ///
    /// # Errors
    /// A daemon that does not start, or no such state within half a minute.
    pub fn start(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.start_proxy()?;
        }
        for node in &mut self.nodes {
            node.start_vrrp()?;
        }
        self.wait_for_holder(0, Duration::from_secs(ELECTION_S_MAX))?;
        let at = format!("{VIP}:{PORT}");
        wait::until_true("an answer through the shared address", Duration::from_secs(ELECTION_S_MAX), || {
            let client = crate::client::Client::connect(&self.client, &at);
            client.and_then(|mut c| c.get("/", "Connection: close\r\n")).is_ok_and(|r| r.status == 200)
        })
        .map_err(|e| self.explain(e))
    }

    /// Lets the proxies show their statistics at port [`STATS_PORT`] of each host, from a second
    /// configuration file.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn show_stats(&mut self) -> Result<()> {
        let file = std::fs::read(examples().join("pair/stats.cfg"))?;
        for node in &mut self.nodes {
            node.host.write(STATS_FILE, &file)?;
            node.stats = true;
        }
        Ok(())
    }

    /// Which hosts hold the address.
    ///
    /// # Errors
    /// A host that does not answer.
    pub fn holders(&self) -> Result<Vec<usize>> {
        let vip = vip();
        let mut list = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if node.host.holds(vip)? {
                list.push(i);
            }
        }
        Ok(list)
    }

    /// Waits until this host (0 or 1) holds the address and the other does not.
    ///
    /// # Errors
    /// It does not come to that within `patience`; the message has the daemons' logs.
    pub fn wait_for_holder(&self, node: usize, patience: Duration) -> Result<()> {
        let what = format!("{} alone holds {VIP}", self.nodes[node].host.name());
        wait::until_true(&what, patience, || self.holders().is_ok_and(|h| h == [node]))
            .map_err(|e| self.explain(e))
    }

    fn explain(&self, e: Error) -> Error {
        let mut text = e.to_string();
        for node in &self.nodes {
            let log = node.vrrp.as_ref().map(Daemon::log).unwrap_or_default();
            let sent = node.system_log.lines().join("\n");
            text.push_str(&format!("\n--- {}, {}:\n{log}{sent}", node.host.name(), self.players.vrrp.name()));
        }
        Error(text)
    }
}

impl Node {
    fn new(host: Host, players: Players) -> Result<Node> {
        // A proxy that waits for its address must be able to bind it before it is there.
        host.sysctl("net.ipv4.ip_nonlocal_bind", "1")?;
        let proxy = std::fs::read_to_string(examples().join("pair/haproxy.cfg"))?;
        let proxy = if players.proxy == Program::Haproxy { modern_spelling(&proxy) } else { proxy };
        host.write("/etc/haproxy/haproxy.cfg", proxy)?;
        let vrrp = examples().join(format!("pair/{}.keepalived.conf", host.name()));
        host.write("/etc/keepalived/keepalived.conf", std::fs::read(vrrp)?)?;
        let proxy_log = Syslog::udp(&host, "127.0.0.1:514")?;
        let system_log = Syslog::unix(&host, "/dev/log")?;
        Ok(Node {
            watch: AddressWatch::start(&host)?,
            host,
            proxy_log,
            system_log,
            vrrp: None,
            players,
            stats: false,
        })
    }

    /// Starts the proxy as the service manager would; its configuration makes it a daemon.
    ///
    /// # Errors
    /// It does not start; the message has its words.
    pub fn start_proxy(&self) -> Result<()> {
        let path = self.players.proxy.called("haproxy", self.host.work())?;
        let mut command = Cmd::new(path).args(["-f", "/etc/haproxy/haproxy.cfg"]);
        if self.stats {
            command = command.args(["-f", STATS_FILE]);
        }
        let out = self.host.exec(command)?;
        if out.exit != Exit::Code(0) {
            let said = format!("{}{}", out.stdout, out.stderr);
            return Err(Error(format!(
                "{}: the proxy did not start ({:?}):\n{said}",
                self.host.name(),
                out.exit
            )));
        }
        Ok(())
    }

    /// Starts the VRRP daemon in the foreground, its log on its standard output.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_vrrp(&mut self) -> Result<()> {
        let args = ["-n", "-l", "-D", "-f", "/etc/keepalived/keepalived.conf"];
        self.vrrp = Some(Daemon::start(&self.host, self.players.vrrp, args)?);
        Ok(())
    }

    /// Kills every process of the proxy, at once and without a warning.
    ///
    /// # Errors
    /// There is none.
    pub fn kill_proxy(&self) -> Result<Instant> {
        let at = Instant::now();
        match self.host.kill_named("haproxy", Signal::SIGKILL)? {
            0 => Err(Error(format!("{}: there is no process called haproxy", self.host.name()))),
            _ => Ok(at),
        }
    }

    /// The prefix length under which it holds the shared address.
    ///
    /// # Errors
    /// The host does not answer.
    pub fn vip_prefix_len(&self) -> Result<Option<u8>> {
        let vip = vip();
        Ok(self.host.addresses(INTERFACE)?.into_iter().find(|a| a.address == vip).map(|a| a.prefix_len))
    }
}

/// The shared address.
pub fn vip() -> IpAddr {
    IpAddr::from([10, 224, 147, 208])
}

/// Where the example configurations are.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples")
}

/// Current HAProxy refuses an address on the `frontend` line; this is the same with `bind`.
fn modern_spelling(config: &str) -> String {
    config.replace("frontend  main *:5000", "frontend  main\n    bind *:5000")
}
