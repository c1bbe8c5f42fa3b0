//! What the log says: the engine's facts in the words that people's greps know.
//!
//! Transitions read `VRRP_Instance(NAME) Entering MASTER STATE`, which holds keepalived 1.x's line and, since it
//! ends in `(NAME) Entering MASTER STATE`, that of 2.x too. Everything else follows 2.x with the same prefix.

use crate::engine::{
    instance::{self, Fault},
    plan::{InstancePlan, Plan, Target},
    router::{Note, Tracked},
    track::{
        proxy,
        script::{Exit, Reason},
    },
    wire::Verdict,
};

/// How loud.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loudness {
    Warning,
    Info,
    /// Only with `-D`.
    Detail,
}

/// The line for a fact, without the name of the instance.
pub fn note(plan: &Plan, instance: &InstancePlan, note: &Note) -> (Loudness, String) {
    use Loudness::{Detail, Info, Warning};
    match note {
        Note::Own(own) => own_note(plan, instance, own),
        Note::Dropped { from, verdict } => {
            (Warning, format!("dropped advert from {from}: {}", reason(*verdict)))
        }
        Note::AddressesDiffer { from } => {
            let count = instance.dialect.addresses.len();
            (Info, format!("advert from {from} lists other addresses than our {count}; accepted"))
        }
        Note::PutBack(address) => {
            (Warning, format!("{address} was removed from the interface by somebody else; put back"))
        }
        Note::Removed => (Detail, "removing VIPs.".into()),
    }
}

fn own_note(plan: &Plan, instance: &InstancePlan, note: &instance::Note) -> (Loudness, String) {
    use Loudness::{Detail, Info, Warning};
    use instance::Note as N;
    match note {
        N::EnteringBackup(true) => (Info, "Entering BACKUP STATE (init)".into()),
        N::EnteringBackup(false) => (Info, "Entering BACKUP STATE".into()),
        N::EnteringMaster => (Info, "Entering MASTER STATE".into()),
        N::EnteringFault => (Info, "Entering FAULT STATE".into()),
        N::Faulty(fault) => (Info, format!("entering FAULT state ({})", cause(plan, instance, *fault))),
        N::AdvertTimeout => (Detail, "Receive advertisement timeout".into()),
        N::Priority { from, to } => (Info, format!("Changing effective priority from {from} to {to}")),
        N::HigherHeard { from, theirs, ours } => {
            (Info, format!("Master received advert from {from} with higher priority {theirs}, ours {ours}"))
        }
        N::EqualHeard { from, priority } => (
            Info,
            format!("Master received advert from {from} with same priority {priority} but higher IP address"),
        ),
        N::LowerHeard { from, theirs, ours } => {
            (Info, format!("Master received advert from {from} with lower priority {theirs}, ours {ours}"))
        }
        N::LowerDiscarded { from, theirs } => {
            (Detail, format!("received lower priority ({theirs}) advert from {from} - discarding"))
        }
        N::MasterIs(address) => (Detail, format!("master set to {address}")),
        N::Preempting { delay } => (Info, format!("start preempt delay ({:.3} s)", delay.as_secs_f64())),
        N::AddressLost(address) => {
            (Warning, format!("{address} was removed from the interface by somebody else"))
        }
        N::OwnerKeepsPriority => {
            (Warning, "priority 255 owns the addresses: weights of trackers have no effect".into())
        }
        N::SentZero => (Detail, "sent 0 priority".into()),
        N::ZeroHeard(_) => (Detail, "Backup received priority 0 advertisement".into()),
        N::FastTakeover { from, theirs: 0, .. } => {
            (Info, format!("master {from} goes, taking over without waiting for the skew"))
        }
        N::FastTakeover { from, theirs, ours } => (
            Info,
            format!("master {from} fell to priority {theirs}, ours {ours}; taking over without waiting"),
        ),
        N::Late(late) => (
            Detail,
            format!("we were held up for {} ms; adverts missed meanwhile do not count", late.as_millis()),
        ),
        N::Frozen(silent) => (
            Warning,
            format!(
                "we were held up and sent no advert for {} ms, peers have given us up; stepping back",
                silent.as_millis()
            ),
        ),
        N::IntervalLearnt(interval) => {
            (Detail, format!("advert interval changed to {} ms by the master", interval.as_millis()))
        }
    }
}

/// The name of a state.
pub fn state(state: instance::State) -> &'static str {
    match state {
        instance::State::Init => "INIT",
        instance::State::Backup => "BACKUP",
        instance::State::Master => "MASTER",
        instance::State::Fault => "FAULT",
    }
}

/// Kind and name of something watched.
pub fn target(plan: &Plan, target: &Target) -> (&'static str, String) {
    match target {
        Target::Interface(name) => ("interface", name.clone()),
        Target::Proxy(at) => ("proxy", plan.proxies.get(*at).map_or("?".into(), |p| p.name.clone())),
        Target::Script(at) => ("script", plan.scripts.get(*at).map_or("?".into(), |s| s.name.clone())),
        Target::Process(at) => ("process", plan.processes.get(*at).map_or("?".into(), |p| p.name.clone())),
        Target::File(at) => ("file", plan.files.get(*at).map_or("?".into(), Clone::clone)),
    }
}

/// Why an instance is in FAULT.
pub fn cause(plan: &Plan, instance: &InstancePlan, fault: Fault) -> String {
    let interface = &instance.interface;
    match fault {
        Fault::NoInterface => format!("interface {interface} does not exist"),
        Fault::InterfaceDown => format!("interface {interface} down"),
        Fault::NoAddress if instance.is_v6() => format!("no IPv6 address for interface {interface}"),
        Fault::NoAddress => format!("no IPv4 address for interface {interface}"),
        Fault::NoPeer => "no unicast peers".into(),
        Fault::Group => "sync group in fault state".into(),
        Fault::Watch(at) => match instance.watches.get(at).map(|w| &w.target) {
            Some(Target::Interface(name)) => format!("tracked interface {name} down"),
            Some(Target::Script(script)) => {
                format!("script {} failed", plan.scripts.get(*script).map_or("?", |s| s.name.as_str()))
            }
            Some(Target::Process(at)) => {
                format!("process {} down", plan.processes.get(*at).map_or("?", |p| p.name.as_str()))
            }
            Some(Target::File(at)) => {
                format!("file {} says so", plan.files.get(*at).map_or("?", String::as_str))
            }
            // A proxy never means FAULT.
            Some(Target::Proxy(_)) | None => "tracker".into(),
        },
    }
}

/// What came of a tracked proxy.
pub fn proxy(name: &str, cause: &proxy::Cause) -> String {
    use proxy::Cause;
    let proxy = match name {
        proxy::LOCAL => "the proxy of this host".to_owned(),
        socket => format!("the proxy at {socket}"),
    };
    let why = match cause {
        Cause::Ready => "is ready".to_owned(),
        Cause::Absent => "is not there".to_owned(),
        Cause::Died => "died".to_owned(),
        Cause::Stopped => "is stopped by a signal".to_owned(),
        Cause::Silent => "hangs: it is silent although it could run".to_owned(),
        Cause::WorkerHangs { ms } => format!("hangs: a worker thread has not answered for {ms} ms"),
        Cause::NotReady => "is not ready yet".to_owned(),
        Cause::Draining => "takes no new connections".to_owned(),
        Cause::Stopping => "is stopping".to_owned(),
        Cause::NoServer(backend) => format!("has no server for backend {backend}"),
        Cause::NoBackend(backend) => format!("has no backend {backend} (see require_backend)"),
    };
    format!("{proxy} {why}")
}

/// What happened to something tracked.
pub fn tracked(plan: &Plan, what: Tracked) -> String {
    match what {
        Tracked::Process { index, up } => {
            let name = plan.processes.get(index).map_or("?", |p| p.name.as_str());
            format!("Quorum {} for tracked process {name}", if up { "gained" } else { "lost" })
        }
        Tracked::File { index, value } => {
            let name = plan.files.get(index).map_or("?", String::as_str);
            format!("track file {name}: {value}")
        }
    }
}

/// Why a script counts as failed.
pub fn failure(reason: Reason) -> String {
    match reason {
        Reason::TimedOut => "timed_out".into(),
        Reason::Exited(Exit::Code(code)) => format!("failed (exited with status {code})"),
        Reason::Exited(Exit::Signal(signal)) => format!("failed (due to signal {signal})"),
        Reason::Exited(Exit::NotStarted) => "failed (could not be started)".into(),
    }
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Length => "it is too short".into(),
        Verdict::Ttl(ttl) => format!("its TTL {ttl} is not acceptable, so it came through a router"),
        Verdict::Version(theirs) => format!("VRRP version {theirs} is not ours"),
        Verdict::AuthType(kind) => format!("unknown authentication type {kind}"),
        Verdict::AuthMismatch(kind) => format!("authentication type {kind} is not ours"),
        Verdict::AuthFailure => "the password is wrong".into(),
        Verdict::Interval(theirs) => format!("advert_int of {} s is not ours", theirs.as_secs()),
        Verdict::Type(kind) => format!("type {kind} is no advertisement"),
        Verdict::Checksum => "the checksum is wrong (v3: see v3_checksum_as_v2)".into(),
        Verdict::Cast => "multicast and unicast do not match".into(),
        Verdict::NoTrailer => "no signature behind it".into(),
        Verdict::BadTrailer => "what is behind it is no signature".into(),
        Verdict::Signature => "the signature is wrong: another key, or somebody forges adverts".into(),
        Verdict::Stale(skew) => {
            format!("its time differs by {} s: set the clocks, or somebody replays adverts", skew.as_secs())
        }
        Verdict::Replayed => "its sequence number was used before: somebody replays adverts".into(),
        Verdict::NotPeer => "the sender is no unicast_peer".into(),
    }
}
