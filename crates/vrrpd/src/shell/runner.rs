//! The VRRP process at work: waits for the world, feeds the router, performs its actions in order.
//!
//! Owns: the router and every shell. Invariants: `now` is read once per wake-up; actions are performed in the
//! order in which the router gave them, so an advert leaves before the address is added; nothing that a script
//! does can hold an advert back. Leaves to others: signals' meaning (`process::child`), dumps (`admin`).

mod asked;

use std::{io, path::PathBuf, sync::Arc};

use nix::sys::signal::Signal;
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::{
    arp::Announcer,
    clock::{self, Timer},
    control::{Asked, Control, Outlets},
    fence::{self, Fence, Orders},
    files::Files,
    journal::Keeper,
    netlink::{self, Change, Netlink},
    notify::{self, Fifos, Telling},
    processes::{Count, Processes},
    proxy::{Heard, Proxies},
    script::{End, Scripts},
    socket::{Arrival, Content, Sockets},
    words::{self, Loudness},
};
use crate::{
    engine::{
        Time,
        instance::{State, Told},
        plan::Plan,
        router::{Action, Event, Router, Socket, Who},
        track::{Status, proxy, script},
        wire::Received,
    },
    program::Commands,
};

/// Packets heard in one turn; what is left is heard in the next, before timers again.
const PACKETS_MAX: usize = 1_024;

/// Why the process cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Netlink(#[from] netlink::Error),
    #[error("cannot open a packet socket for gratuitous ARP: {0} (CAP_NET_RAW is needed)")]
    Announcer(io::Error),
    #[error("cannot watch sockets: {0}")]
    Sockets(io::Error),
    #[error("cannot make a timer: {0}")]
    Timer(io::Error),
    #[error("cannot watch processes: {0}")]
    Processes(io::Error),
    #[error("cannot watch files: {0}")]
    Files(io::Error),
    #[error("the kernel closed the netlink socket")]
    Closed,
    /// An interface of the configuration is not there, and may not come later either.
    #[error("{0}")]
    NoInterface(String),
}

/// Everything of one VRRP process.
#[derive(Debug)]
pub struct Runner {
    router: Router,
    /// The plan and the programs that the router's actions speak of.
    plan: Arc<Plan>,
    commands: Commands,
    /// The programs of a reload, until the router has changed over.
    next: Option<Commands>,
    netlink: Netlink,
    sockets: Sockets,
    /// Sockets that could not be opened, tried again when an address or interface changes.
    failed: Vec<Socket>,
    announcer: Announcer,
    scripts: Scripts,
    ends: mpsc::Receiver<End>,
    proxies: Proxies,
    heard: mpsc::Receiver<Heard>,
    processes: Processes,
    files: Files,
    control: Control,
    asked: mpsc::Receiver<Asked>,
    journal: Keeper,
    /// The state of each instance as the journal knows it.
    shown: Vec<&'static str>,
    host: String,
    fence: Fence,
    fifos: Fifos,
    timer: Timer,
    /// The VIPs stay when we go (`-V`).
    keep_addresses: bool,
    watch_addresses: bool,
    stopping: bool,
}

/// What the runner waits for.
#[derive(Debug)]
pub enum Happening {
    Arrival,
    Change(Change),
    End(End),
    Proxy(Heard),
    Count(Count),
    /// Index and number of a tracked file.
    File(usize, i64),
    Asked(Asked),
    Timeout,
}

/// How the runner was asked to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The host's name, for the journal and the metrics.
    pub host: String,
    /// The directory of the journal.
    pub journal: PathBuf,
    /// `dynamic_interfaces`: interfaces may be absent.
    pub dynamic_interfaces: bool,
    /// `-V`
    pub keep_addresses: bool,
    /// `-a`
    pub watch_addresses: bool,
    pub fence: fence::Options,
}

impl Runner {
    /// Opens everything, learns the interfaces and starts the router. Needs a runtime and the capabilities
    /// NET_ADMIN and NET_RAW.
    pub async fn start(plan: Arc<Plan>, commands: Commands, options: Options) -> Result<Runner, Error> {
        let (scripts, ends) = Scripts::new();
        let (proxies, heard) = Proxies::new();
        let (control, asked) = Control::new();
        let mut runner = Runner {
            router: Router::new(plan.clone()),
            plan: plan.clone(),
            next: None,
            netlink: Netlink::open()?,
            sockets: Sockets::new().map_err(Error::Sockets)?,
            failed: Vec::new(),
            announcer: Announcer::open().map_err(Error::Announcer)?,
            scripts,
            ends,
            proxies,
            heard,
            processes: Processes::watch(&plan.patterns).map_err(Error::Processes)?,
            files: Files::watch(&commands.files).map_err(Error::Files)?,
            control,
            asked,
            journal: Keeper::open(&options.journal, &options.host),
            shown: Vec::new(),
            host: options.host,
            fence: Fence::new(options.fence),
            fifos: Fifos::default(),
            timer: Timer::new().map_err(Error::Timer)?,
            keep_addresses: options.keep_addresses,
            watch_addresses: options.watch_addresses,
            stopping: false,
            commands,
        };
        promote_secondaries(&runner.plan);
        runner.fifos.set(&runner.commands.fifos);
        for change in runner.netlink.dump().await? {
            runner.change(change, clock::now());
        }
        if !options.dynamic_interfaces {
            check_interfaces(&runner.router)?;
        }
        runner.proxies.set(&runner.plan.proxies);
        let now = runner.now();
        runner.router.handle(Event::Start, now);
        runner.perform().await;
        Ok(runner)
    }

    /// Serves these sockets beside VRRP from now on.
    pub fn serve(&mut self, outlets: &Outlets) {
        self.control.set(outlets);
    }

    /// Waits for one thing to happen. Safe to drop and call again: the waiting loses nothing.
    pub async fn next(&mut self) -> Result<Happening, Error> {
        let deadline = [self.router.deadline(), self.fence.deadline()].into_iter().flatten().min();
        self.timer.arm(deadline).map_err(Error::Timer)?;
        Ok(tokio::select! {
            // Adverts before timers: after a stall the advert that waits must be heard before the timer that
            // would have made us master.
            biased;
            () = self.sockets.readable() => Happening::Arrival,
            change = self.netlink.next() => Happening::Change(change.ok_or(Error::Closed)?),
            Some(end) = self.ends.recv() => Happening::End(end),
            Some(heard) = self.heard.recv() => Happening::Proxy(heard),
            count = self.processes.next() => Happening::Count(count),
            (index, value) = self.files.next() => Happening::File(index, value),
            Some(asked) = self.asked.recv() => Happening::Asked(asked),
            () = self.timer.expired() => Happening::Timeout,
        })
    }

    /// Deals with what happened. Must run to its end.
    pub async fn deal(&mut self, happening: Happening) {
        let now = self.now();
        self.fence.beat(now);
        match happening {
            Happening::Arrival => self.hear(now).await,
            Happening::Change(change) => self.change(change, now),
            Happening::End(end) => {
                self.scripts.ended(&end.script);
                self.router.handle(Event::Exited { script: &end.script, exit: end.exit }, now);
            }
            Happening::Proxy((name, event)) => {
                self.router.handle(Event::Proxy { name: &name, event }, now);
            }
            Happening::Asked(asked) => {
                let answer = self.answer(&asked.request, now);
                // Whoever asked may be gone.
                let _ = asked.reply.send(answer);
            }
            Happening::Timeout => {
                // After a stall the adverts that wait must be heard before the timer that would make us master.
                self.hear(now).await;
                self.router.handle(Event::Timeout, now);
            }
            Happening::Count(Count { pattern, count, first }) => {
                self.router.handle(Event::Processes { pattern, count, first }, now);
            }
            Happening::File(index, value) => self.router.handle(Event::File { index, value }, now),
        }
        self.perform().await;
    }

    /// The time of a wake-up; the engine is told the calendar's too where it signs adverts.
    fn now(&mut self) -> Time {
        let now = clock::now();
        if self.plan.signs() {
            self.router.handle(Event::Wall(clock::wall()), now);
        }
        now
    }

    /// Hears every packet that is there already.
    async fn hear(&mut self, now: Time) {
        for _ in 0..PACKETS_MAX {
            let Some(Arrival { socket, content }) = self.sockets.take() else { return };
            match &content {
                Content::Packet(bytes) => self.router.handle(Event::Packet { socket, bytes }, now),
                Content::Message { source, destination, hops, bytes } => {
                    let received =
                        Received { source: *source, destination: *destination, ttl: *hops, message: bytes };
                    self.router.handle(Event::Message { socket, received }, now);
                }
            }
            self.perform().await;
        }
    }

    /// Puts a new configuration under the running router. With `tell_states` the FIFOs hear every state again.
    pub async fn reload(
        &mut self,
        plan: Arc<Plan>,
        commands: Commands,
        dynamic: bool,
        tell_states: bool,
    ) -> Result<(), Error> {
        if !dynamic {
            missing_interface(&plan, &self.router).map_or(Ok(()), |e| Err(Error::NoInterface(e)))?;
        }
        promote_secondaries(&plan);
        // Counts of the new patterns come in by themselves; those of the old ones mean nothing any more.
        let same = plan.patterns == self.plan.patterns && plan.processes == self.plan.processes;
        let processes = if same { None } else { Some(Processes::watch(&plan.patterns)) };
        let files = match commands.files == self.commands.files {
            true => None,
            false => Some(Files::watch(&commands.files).map_err(Error::Files)?),
        };
        if let Some(processes) = processes.transpose().map_err(Error::Processes)? {
            self.processes = processes;
        }
        if let Some(files) = files {
            self.files = files;
        }
        self.fifos.set(&commands.fifos);
        self.next = Some(commands);
        let now = self.now();
        self.router.handle(Event::Reload(plan), now);
        self.perform().await;
        if tell_states {
            for index in 0..self.router.instances().len() {
                self.tell_state(index);
            }
        }
        Ok(())
    }

    fn tell_state(&mut self, index: usize) {
        let Some(instance) = self.router.instances().get(index) else { return };
        let state = match instance.state() {
            State::Master => "MASTER",
            State::Backup => "BACKUP",
            State::Fault | State::Init => "FAULT",
        };
        let (name, priority) = (instance.plan().name.clone(), instance.priority());
        let telling = Telling { kind: "INSTANCE", name: &name, told: Told::Priority, priority };
        self.fifos.tell(telling, state);
    }

    /// Resigns, gives the addresses back and waits for the stop scripts (at most a second, as keepalived).
    pub async fn stop(&mut self) {
        self.stopping = true;
        let now = self.now();
        self.router.handle(Event::Stop, now);
        self.perform().await;
        self.fence.good_bye();
        self.scripts.stop();
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), self.scripts.notified()).await;
    }

    pub fn router(&self) -> &Router {
        &self.router
    }

    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    pub fn router_mut(&mut self) -> &mut Router {
        &mut self.router
    }

    fn change(&mut self, change: Change, now: Time) {
        match change {
            Change::Link(link) => {
                let before = self.router.links().by_name(&link.name).map(|l| l.running);
                if before.is_some_and(|b| b != link.running) {
                    let way = if link.running { "up" } else { "down" };
                    info!("Netlink reports {} {way}", link.name);
                    self.journal.fact(None, format!("interface {} went {way}", link.name), now);
                }
                self.router.handle(Event::Link(link), now);
            }
            Change::LinkGone { index, name } => {
                info!("Netlink reports {name} deleted");
                self.router.handle(Event::LinkGone(index), now);
            }
            Change::Address { link, address, prefix } => {
                self.tell_address("Assigned", address, link);
                self.router.handle(Event::Address { link, address, prefix }, now);
            }
            Change::AddressGone { link, address } => {
                self.tell_address("Deassigned", address, link);
                self.router.handle(Event::AddressGone { link, address }, now);
            }
        }
        for socket in std::mem::take(&mut self.failed) {
            self.open(socket);
        }
    }

    fn tell_address(&self, what: &str, address: std::net::IpAddr, link: u32) {
        let interface = self.interface(link);
        if self.watch_addresses {
            info!("{what} address {address} on interface {interface}");
        } else {
            debug!("{what} address {address} on interface {interface}");
        }
    }

    /// Performs what the router wants, in its order, until it wants nothing more.
    async fn perform(&mut self) {
        while let Some(action) = self.router.poll_action() {
            self.fence.stale |= matches!(action, Action::AddAddress { .. } | Action::RemoveAddress { .. });
            // The companion must know of an address before the host has it.
            if self.fence.stale && matches!(action, Action::AddAddress { .. }) {
                self.arm_fence();
            }
            self.act(action).await;
        }
        if self.fence.stale {
            self.arm_fence();
        }
    }

    /// Tells the fencing companion what is held now.
    fn arm_fence(&mut self) {
        if !self.fence.wanted() {
            return;
        }
        let now = clock::now();
        let orders = Orders {
            silence: self.router.patience_of_peers().unwrap_or_default(),
            deletions: self.router.held().map(|(link, a)| netlink::deletion(link, a)).collect(),
            adverts: self
                .router
                .resignations(now)
                .into_iter()
                .map(|(s, p)| (self.interface(s.link), s, p))
                .collect(),
            ..Orders::default()
        };
        self.fence.order(orders, now);
    }

    /// Changes whether and when the companion acts.
    pub fn set_fence(&mut self, options: fence::Options) {
        self.fence.set(options);
        if self.fence.stale {
            self.arm_fence();
        }
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Open(socket) => self.open(socket),
            Action::Close(socket) => {
                self.failed.retain(|s| *s != socket);
                self.sockets.close(socket);
            }
            Action::Send { socket, parcel } => {
                if let Err(e) = self.sockets.send(socket, &parcel) {
                    debug!("cannot send an advert to {}: {e}", parcel.destination);
                }
            }
            Action::AddAddress { link, address } => {
                if let Err(e) = self.netlink.add(link, &address).await {
                    error!("cannot add {}/{} to {}: {e}", address.address, address.prefix, address.interface);
                }
            }
            Action::RemoveAddress { link, address } => {
                if self.keep_addresses && self.stopping {
                    return;
                }
                let there = self.netlink.remove(link, &address).await.unwrap_or_else(|e| {
                    error!(
                        "cannot remove {}/{} from {}: {e}",
                        address.address, address.prefix, address.interface
                    );
                    false
                });
                if !there {
                    let address = address.address;
                    self.router.handle(Event::NotRemoved { link, address }, clock::now());
                }
            }
            Action::Announce { link, address, frame } => match self.announcer.send(link, &frame) {
                Ok(()) if address.is_ipv6() => {
                    debug!("Sending unsolicited Neighbour Advert on {} for {address}", self.interface(link));
                }
                Ok(()) => debug!("Sending gratuitous ARP on {} for {address}", self.interface(link)),
                Err(e) => warn!("cannot announce {address}: {e}"),
            },
            Action::Proxy { index, what } => self.proxy(index, what),
            Action::Script { index, what } => self.script(index, what),
            Action::Notify { who, told, priority } => self.notify(who, told, priority),
            Action::Note { instance, note } => {
                let Some(i) = self.plan.instances.get(instance) else { return };
                let (loudness, text) = words::note(&self.plan, i, &note);
                match loudness {
                    Loudness::Warning => warn!("VRRP_Instance({}) {text}", i.name),
                    Loudness::Info => info!("VRRP_Instance({}) {text}", i.name),
                    Loudness::Detail => debug!("VRRP_Instance({}) {text}", i.name),
                }
                self.note_for_journal(instance, &note, &text, loudness);
            }
            Action::Tracked(what) => {
                let text = words::tracked(&self.plan, what);
                info!("{text}");
                self.journal.fact(None, text, clock::now());
            }
            Action::Reloaded => {
                self.plan = self.router.plan().clone();
                self.proxies.set(&self.plan.proxies);
                self.commands = self.next.take().unwrap_or_default();
                self.show_states_anew();
            }
            // Whoever asked for it awaits our return.
            Action::Stopped => {}
        }
    }

    fn open(&mut self, socket: Socket) {
        let interface = self.interface(socket.link);
        if let Err(e) = self.sockets.open(socket, &interface) {
            warn!("cannot open a VRRP socket on {interface}: {e}; tried again when the interface changes");
            self.failed.push(socket);
        }
    }

    fn interface(&self, link: u32) -> String {
        self.router.links().iter().find(|l| l.index == link).map(|l| l.name.clone()).unwrap_or_default()
    }

    fn script(&mut self, index: usize, what: script::Action) {
        let (Some(script), Some(program)) = (self.plan.scripts.get(index), self.commands.scripts.get(index))
        else {
            return;
        };
        let name = &script.name;
        match what {
            script::Action::Run => {
                if let Err(e) = self.scripts.run(name, program) {
                    error!("VRRP_Script({name}) cannot run {}: {e}", program.path.display());
                }
            }
            script::Action::Terminate => self.scripts.signal(name, Signal::SIGTERM),
            script::Action::Kill => self.scripts.signal(name, Signal::SIGKILL),
            script::Action::Skipped => {
                info!("Track script {name} is already running, expect idle - skipping run");
            }
            script::Action::Returned(code) => info!("Script `{name}` now returning {code}"),
            script::Action::Changed(status, why) => {
                let what = if status == Status::Up { "succeeded".to_owned() } else { words::failure(why) };
                info!("VRRP_Script({name}) {what}");
                self.journal.fact(None, format!("script {name} {what}"), clock::now());
            }
        }
    }

    fn proxy(&mut self, index: usize, what: proxy::Action) {
        let Some(plan) = self.plan.proxies.get(index) else { return };
        let name = &plan.name;
        match what {
            proxy::Action::Inspect { slot, pid } => {
                let event = proxy::Event::Inspected { slot, found: self.proxies.inspect(pid) };
                self.router.handle(Event::Proxy { name, event }, clock::now());
            }
            proxy::Action::Ping { slot, number } => self.proxies.ping(name, slot, number),
            proxy::Action::Changed(status, cause) => {
                let text = words::proxy(name, &cause);
                match status {
                    Status::Down => warn!("{text}"),
                    _ => info!("{text}"),
                }
                self.journal.fact(None, text, clock::now());
            }
        }
    }

    fn notify(&mut self, who: Who, told: Told, priority: u8) {
        self.stop_for_journal(who, told);
        let (plan, commands) = (&self.plan, &self.commands);
        let (kind, name, notify) = match who {
            Who::Instance(i) => {
                ("INSTANCE", plan.instances.get(i).map(|p| p.name.as_str()), commands.instances.get(i))
            }
            Who::Group(g) => ("GROUP", plan.groups.get(g).map(|p| p.name.as_str()), commands.groups.get(g)),
        };
        let (Some(name), Some(notify)) = (name, notify) else { return };
        let telling = Telling { kind, name, told, priority };
        notify::run(&mut self.scripts, notify, telling);
        let state = match told {
            Told::Priority => match who {
                Who::Instance(i) if self.is_master(i) => "MASTER_PRIORITY",
                _ => "BACKUP_PRIORITY",
            },
            other => notify::word(other, notify.tell_deleted),
        };
        self.fifos.tell(telling, state);
    }

    fn is_master(&self, index: usize) -> bool {
        let state = self.router.instances().get(index).map(|i| i.state());
        state == Some(State::Master)
    }
}

/// keepalived.conf(5), `promote_secondaries`: else the removal of one address takes others of its prefix along.
fn promote_secondaries(plan: &Plan) {
    for i in plan.instances.iter().filter(|i| i.promote_secondaries) {
        let path = format!("/proc/sys/net/ipv4/conf/{}/promote_secondaries", i.interface);
        if let Err(e) = std::fs::write(&path, "1\n") {
            warn!("cannot set promote_secondaries of {}: {path}: {e}", i.interface);
        }
    }
}

fn check_interfaces(router: &Router) -> Result<(), Error> {
    missing_interface(router.plan(), router).map_or(Ok(()), |e| Err(Error::NoInterface(e)))
}

/// The first interface of the plan that the host does not have, as a sentence.
fn missing_interface(wanted: &Plan, host: &Router) -> Option<String> {
    let known = |name: &str| host.links().by_name(name).is_some();
    wanted.instances.iter().find_map(|i| {
        if !known(&i.interface) {
            return Some(format!(
                "interface {} of vrrp_instance {} doesn't exist (dynamic_interfaces would wait for it)",
                i.interface, i.name
            ));
        }
        let of_address = i.addresses.iter().find(|a| !known(&a.interface)).map(|a| &a.interface);
        of_address
            .map(|name| format!("interface {name} of an address of vrrp_instance {} doesn't exist", i.name))
    })
}
