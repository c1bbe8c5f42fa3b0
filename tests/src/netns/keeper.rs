//! The first process of a host (and of the switch between hosts): it makes the namespaces,
//! starts and reaps the host's processes, opens sockets and files there for the test.
//!
//! Owns: everything that must happen *inside* the namespaces. Lives as long as its control
//! socket: when the test goes, however it goes, the socket closes, this process ends, and the
//! kernel ends every process of its pid namespace with it.
//! Leaves to others: what to start and when (the test).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, geteuid, sethostname};

use super::wire::{self, Answer, Ask, Mapped, Open, Question, Word};
use super::{ProcessInfo, ROLE, WORK, links, rootfs, sockets};

/// How long an idle reaper waits before it looks for orphans again: they can appear without a
/// word to us only when somebody has entered the host from outside.
const ORPHAN_LOOK_MS: u64 = 50;

/// The control socket of a keeper is its standard input.
pub(crate) fn run(role: &OsStr) -> i32 {
    let role = role.to_string_lossy().into_owned();
    let (stage, name) = role.split_once(':').unwrap_or(("", role.as_str()));
    let outcome = match stage {
        "switch" | "host" => enter(stage, name),
        "switch-init" | "host-init" => keep(stage, name),
        _ => Err(io::Error::other(format!("unknown role {role}"))),
    };
    match outcome {
        Ok(code) => code,
        Err(e) => {
            // The other side prints it; if even that fails there is nobody left to tell.
            let _ = wire::send(io::stdin().as_fd(), &Word::Broken(e.to_string()), &[]);
            1
        }
    }
}

/// First stage: leaves the old namespaces and starts the second, which is process 1 of the new.
fn enter(stage: &str, name: &str) -> io::Result<i32> {
    let apart = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS;
    let step = |what: &'static str| move |e: io::Error| io::Error::new(e.kind(), format!("{what}: {e}"));
    if stage == "switch" && !may_unshare() {
        unshare_user().map_err(step("cannot make a user namespace"))?;
    }
    unshare(apart).map_err(io::Error::from).map_err(step("cannot make namespaces"))?;
    let status = Command::new("/proc/self/exe")
        .arg0(format!("lab-{name}"))
        .env(ROLE, format!("{stage}-init:{name}"))
        .status()
        .map_err(step("cannot start the first process of a namespace"))?;
    Ok(status.code().unwrap_or(1))
}

/// True if this process may make namespaces as it is.
fn may_unshare() -> bool {
    // A child tries, because a successful attempt cannot be taken back.
    geteuid().is_root()
        && std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWUTS).is_ok()).join().unwrap_or(false)
}

/// A user namespace in which the caller's own id is root's; with more ids where the machine has
/// given this user some (`/etc/subuid`), which only a program outside can map (`newuidmap(1)`).
fn unshare_user() -> io::Result<()> {
    let (uid, gid) = (geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    let control = io::stdin();
    wire::send(control.as_fd(), &Word::Unmapped, &[])?;
    if wire::receive::<Mapped>(control.as_fd())?.is_some_and(|m| m.message.0) {
        return Ok(());
    }
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// Second stage: process 1.
fn keep(stage: &str, name: &str) -> io::Result<i32> {
    let step =
        |what: &'static str| move |e: Errno| io::Error::other(format!("{what}: {}", io::Error::from(e)));
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .map_err(step("cannot tie the host to its parent"))?;
    let comm = std::ffi::CString::new(format!("lab-{name}")).map_err(io::Error::other)?;
    nix::sys::prctl::set_name(&comm).map_err(step("cannot name the process"))?;
    sethostname(name).map_err(step("cannot set the host name"))?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(step("cannot make mounts private"))?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).map_err(step("cannot mount /proc"))?;
    let control = Arc::new(take_control()?);
    let bus = links::Bus::open()?;
    bus.link_up("lo")?;
    if stage == "switch-init" {
        bus.add_bridge(super::BRIDGE)?;
    }
    wire::send(control.as_fd(), &Word::Ready, &[])?;
    let reaper = Reaper::start(Arc::clone(&control));
    let mut keeper = Keeper { bus, reaper, dropped: Vec::new() };
    while let Some(got) = wire::receive::<Question>(control.as_fd())? {
        let mut opened = None;
        let answer = keeper.answer(got.message.ask, got.descriptors, &mut opened);
        let answer = answer.unwrap_or_else(|e| Answer::Failed(e.to_string()));
        let fds: Vec<BorrowedFd<'_>> = opened.iter().map(|f| f.as_fd()).collect();
        wire::send(control.as_fd(), &Word::Answer { id: got.message.id, answer }, &fds)?;
    }
    if let Some(work) = std::env::var_os(WORK).filter(|_| stage == "switch-init") {
        // Gone already where the test has ended in order.
        let _ = fs::remove_dir_all(work);
    }
    Ok(0)
}

/// Moves the control socket from descriptor 0, where children would inherit it.
fn take_control() -> io::Result<OwnedFd> {
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let null = fs::File::open("/dev/null")?;
    nix::unistd::dup2_stdin(&null).map_err(io::Error::from)?;
    Ok(control)
}

struct Keeper {
    bus: links::Bus,
    reaper: Reaper,
    dropped: Vec<String>,
}

impl Keeper {
    fn answer(&mut self, ask: Ask, fds: Vec<OwnedFd>, opened: &mut Option<OwnedFd>) -> io::Result<Answer> {
        match ask {
            Ask::Furnish(setup) => {
                self.dropped = rootfs::furnish(&setup)?;
                return Ok(Answer::Dropped(self.dropped.clone()));
            }
            Ask::StartHost { name } => return self.start_host(&name, fds),
            Ask::Spawn { argv, env, cwd, user } => {
                let [program, arguments @ ..] = argv.as_slice() else {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "nothing to run"));
                };
                let mut command = Command::new(program);
                command.args(arguments).env_clear().envs(&env).current_dir(cwd).process_group(0);
                if let Some((uid, gid)) = user {
                    command.uid(uid).gid(gid);
                }
                return self.spawn(command, fds);
            }
            Ask::Cable { port, pid, interface } => {
                self.bus.add_cable(super::BRIDGE, &port, pid, &interface)?
            }
            Ask::Link { interface, up: true } => self.bus.link_up(&interface)?,
            Ask::Link { interface, up: false } => self.bus.link_down(&interface)?,
            Ask::Address { interface, address, prefix_len, add: true } => {
                self.bus.add_address(&interface, address, prefix_len)?;
            }
            Ask::Address { interface, address, prefix_len, add: false } => {
                self.bus.del_address(&interface, address, prefix_len)?;
            }
            Ask::Gateway { gateway } => self.bus.add_gateway(gateway)?,
            Ask::Addresses { interface } => return Ok(Answer::Addresses(self.bus.addresses(&interface)?)),
            Ask::Processes => return Ok(Answer::Processes(processes()?)),
            Ask::Signal { pid, signal } => {
                let signal = nix::sys::signal::Signal::try_from(signal)?;
                nix::sys::signal::kill(Pid::from_raw(pid), signal)?;
            }
            Ask::Socket(socket) => *opened = Some(sockets::open(&socket)?),
            Ask::Open { path, open } => *opened = Some(open_file(&path, open)?),
            Ask::MakeDirectory { path, owner } => {
                fs::create_dir_all(&path)?;
                own_as(&path, owner)?;
            }
            Ask::Remove { path } => match fs::symlink_metadata(&path)?.is_dir() {
                true => fs::remove_dir_all(&path)?,
                false => fs::remove_file(&path)?,
            },
            Ask::Symlink { target, link } => std::os::unix::fs::symlink(target, link)?,
            Ask::Permissions { path, mode, owner } => {
                own_as(&path, owner)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            }
            Ask::List { path } => {
                let names = fs::read_dir(path)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned()));
                return Ok(Answer::Names(names.collect::<io::Result<_>>()?));
            }
        }
        Ok(Answer::Done)
    }

    fn start_host(&self, name: &str, fds: Vec<OwnedFd>) -> io::Result<Answer> {
        let [control] =
            <[OwnedFd; 1]>::try_from(fds).map_err(|_| io::Error::other("a host needs a control socket"))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0(format!("lab-{name}")).env(ROLE, format!("host:{name}")).stdin(Stdio::from(control));
        command.stdout(Stdio::null());
        let child = command.spawn()?;
        self.reaper.wake();
        Ok(Answer::Pid(child.id().cast_signed()))
    }

    fn spawn(&self, mut command: Command, fds: Vec<OwnedFd>) -> io::Result<Answer> {
        let [input, output, error] = <[OwnedFd; 3]>::try_from(fds)
            .map_err(|_| io::Error::other("a program needs three descriptors"))?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(input).stdout(output).stderr(error).spawn();
        let child = child.map_err(|e| io::Error::new(e.kind(), format!("cannot run {name}: {e}")))?;
        self.reaper.wake();
        Ok(Answer::Pid(child.id().cast_signed()))
    }
}

fn own_as(path: &std::path::Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    match owner {
        Some((uid, gid)) => std::os::unix::fs::chown(path, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

fn open_file(path: &std::path::Path, open: Open) -> io::Result<OwnedFd> {
    let mut how = fs::OpenOptions::new();
    match open {
        Open::Read => how.read(true),
        Open::Write => how.write(true).create(true).truncate(true).mode(0o644),
        Open::Append => how.append(true).create(true).mode(0o644),
        Open::Existing => how.write(true),
    };
    how.open(path)
        .map(OwnedFd::from)
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}

/// Every process of this pid namespace but this one.
fn processes() -> io::Result<Vec<ProcessInfo>> {
    let mut list = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        // A process may end between the listing and the reading; then it is no process any more.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else { continue };
        let mut rest = stat[close + 1..].split_ascii_whitespace();
        let state = rest.next().and_then(|s| s.chars().next()).unwrap_or('?');
        let parent = rest.next().and_then(|s| s.parse().ok()).unwrap_or(0);
        if pid != 1 {
            list.push(ProcessInfo { pid, parent, name: stat[open + 1..close].to_string(), state });
        }
    }
    list.sort_by_key(|p| p.pid);
    Ok(list)
}

/// The thread that waits for ended children, own and adopted, at once when they end: a zombie
/// would still look alive to `pkill -0`.
struct Reaper {
    thread: std::thread::Thread,
}

impl Reaper {
    fn start(control: Arc<OwnedFd>) -> Reaper {
        let handle = std::thread::spawn(move || reap(&control));
        Reaper { thread: handle.thread().clone() }
    }

    /// Says that there is a child to wait for.
    fn wake(&self) {
        self.thread.unpark();
    }
}

fn reap(control: &OwnedFd) {
    loop {
        let word = match waitpid(Pid::from_raw(-1), None) {
            Ok(WaitStatus::Exited(pid, code)) => {
                Word::Ended { pid: pid.as_raw(), code: Some(code), signal: None }
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                Word::Ended { pid: pid.as_raw(), code: None, signal: Some(signal as i32) }
            }
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => {
                std::thread::park_timeout(Duration::from_millis(ORPHAN_LOOK_MS));
                continue;
            }
        };
        if wire::send(control.as_fd(), &word, &[]).is_err() {
            return;
        }
    }
}
