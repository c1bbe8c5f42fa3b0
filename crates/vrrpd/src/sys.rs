//! The system calls that need `unsafe`, each behind a safe function.
//!
//! Nothing else in this crate may be unsafe. What nix, socket2 and std offer safely is used from there.

#![allow(unsafe_code)]

use std::{
    io,
    os::{
        fd::{FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use nix::{
    sys::signal::Signal,
    unistd::{ForkResult, Gid, Pid},
};
use socket2::SockAddr;
use tokio::io::unix::AsyncFd;

/// Which side of a fork goes on.
#[derive(Debug)]
pub enum Forked {
    Parent(Pid),
    Child,
}

/// Forks. Must be called while the process has one thread, before any runtime exists.
pub fn fork() -> nix::Result<Forked> {
    // SAFETY: the daemon is single-threaded whenever it forks (before the runtime is built, and in the parent,
    // which never builds one), so the child inherits no lock that another thread holds.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child)),
        ForkResult::Child => Ok(Forked::Child),
    }
}

/// Blocks these signals and makes a descriptor that delivers them; real-time signals too, which nix does not name.
pub fn signals(numbers: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: the set is a live local that sigemptyset initialises; the descriptor that signalfd returns is new
    // and nobody else's.
    unsafe {
        let set = set_of(numbers);
        if libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// Lets these signals through again, in a child that handles them otherwise.
pub fn unblock(numbers: &[i32]) {
    // SAFETY: the set is a live local that sigemptyset initialises.
    unsafe {
        let set = set_of(numbers);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
    }
}

/// Sets what a signal does, to something that is no function of ours.
pub fn set_signal(signal: Signal, handler: nix::sys::signal::SigHandler) -> nix::Result<()> {
    debug_assert!(!matches!(handler, nix::sys::signal::SigHandler::Handler(_)));
    // SAFETY: only SIG_IGN and SIG_DFL are set, so that no code of ours runs in a signal.
    unsafe { nix::sys::signal::signal(signal, handler) }.map(drop)
}

/// Sends a signal by number.
pub fn kill(pid: Pid, number: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    match unsafe { libc::kill(pid.as_raw(), number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The number of the next signal that [`signals`] delivers, if one waits.
pub fn next_signal(fd: &OwnedFd) -> Option<i32> {
    let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
    match nix::unistd::read(fd, &mut info) {
        // The number is the first field (signalfd(2)).
        Ok(length) if length == info.len() => {
            info.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes) as i32)
        }
        _ => None,
    }
}

/// # Safety
/// None beyond that of the calls it makes on its own local.
unsafe fn set_of(numbers: &[i32]) -> libc::sigset_t {
    // SAFETY: sigemptyset initialises the zeroed set, sigaddset changes it; unknown numbers are refused by it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for number in numbers {
            libc::sigaddset(&mut set, *number);
        }
        set
    }
}

/// Registers a descriptor with the runtime, which must exist.
pub fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open, always names the same descriptor, and is closed only when dropped, which the
    // AsyncFd that owns it does after its own deregistration.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// A descriptor that becomes readable when the process ends (pidfd_open(2)).
pub fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the descriptor that comes back is new and nobody else's.
    unsafe {
        match libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) {
            fd if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd as i32)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Makes a command die with us (SIGTERM when its parent goes), and gives it supplementary groups if there are
/// any to give.
pub fn die_with_parent(command: &mut Command, groups: Option<Vec<Gid>>) {
    let hook = move || -> io::Result<()> {
        if let Some(groups) = &groups {
            nix::unistd::setgroups(groups)?;
        }
        nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
        Ok(())
    };
    // SAFETY: between fork and exec the hook makes two system calls and touches memory that was allocated
    // before; it takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(hook);
    }
}

/// The link-layer address of an interface for sending Ethernet frames (packet(7)).
/// `protocol` is the frame's Ethernet type.
pub fn packet_address(link: u32, protocol: u16) -> io::Result<SockAddr> {
    // SAFETY: the storage is zeroed and large enough for a sockaddr_ll; family, protocol and index are written
    // in their places and the length set to that of the structure.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let ll = storage.cast::<libc::sockaddr_ll>();
            (*ll).sll_family = libc::AF_PACKET as u16;
            (*ll).sll_protocol = protocol.to_be();
            (*ll).sll_ifindex = link as i32;
            (*ll).sll_halen = 6;
            (*ll).sll_addr = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })
    }?;
    Ok(address)
}

/// A moment of the local calendar.
#[derive(Clone, Copy, Debug)]
pub struct LocalTime {
    pub year: i32,
    /// 0 is January.
    pub month: usize,
    pub day: i32,
    /// 0 is Sunday.
    pub weekday: usize,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
}

/// What the local calendar says at a moment, in seconds since 1970.
pub fn local_time(seconds: i64) -> LocalTime {
    let seconds: libc::time_t = seconds;
    // SAFETY: both pointers are to live values of the right types, and localtime_r is the reentrant form. On
    // failure it leaves the zeroed structure, which is a valid one.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        libc::localtime_r(&seconds, &mut tm);
        tm
    };
    LocalTime {
        year: tm.tm_year + 1900,
        month: tm.tm_mon.clamp(0, 11) as usize,
        day: tm.tm_mday,
        weekday: tm.tm_wday.clamp(0, 6) as usize,
        hour: tm.tm_hour,
        minute: tm.tm_min,
        second: tm.tm_sec,
    }
}

/// Sets the nice value of this process.
pub fn set_nice(nice: i32) -> io::Result<()> {
    // SAFETY: plain numbers; 0 means this process.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Puts this process under SCHED_RR with this priority, 1..=99.
pub fn set_realtime(priority: i32) -> io::Result<()> {
    // SAFETY: the structure is a live local of the type that the call reads; 0 means this process.
    let result = unsafe {
        let mut param: libc::sched_param = std::mem::zeroed();
        param.sched_priority = priority;
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &param)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps all memory of this process, present and future, out of swap.
pub fn lock_memory() -> io::Result<()> {
    // SAFETY: flags only.
    match unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
