//! The few system calls for which no crate of ours has a safe form: the only `unsafe` of this daemon.
//!
//! Every function here is safe to call; what makes it so stands at the `unsafe` block.

#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
};

use nix::{sys::signal::Signal, unistd::Pid};
use tokio::io::{Interest, unix::AsyncFd};

/// An I/O error in the words of strerror(3), without the number that Rust adds.
pub fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// A close-on-exec duplicate of a descriptor that the process inherited under the number `fd`.
///
/// # Errors
/// EBADF: no such descriptor is open.
pub fn duplicate_inherited(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the number is only lent to fcntl(F_DUPFD_CLOEXEC), which answers EBADF where nothing is open; the
    // borrow ends before this function returns.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// Takes over a descriptor that arrived in a control message (SCM_RIGHTS).
pub fn adopt_received(fd: i32) -> OwnedFd {
    use std::os::fd::FromRawFd as _;
    // SAFETY: recvmsg(2) has just made this descriptor for us and nobody else knows its number.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Ignores a signal from now on.
///
/// # Errors
/// Those of sigaction(2).
pub fn ignore_signal(which: Signal) -> io::Result<()> {
    // SAFETY: SIG_IGN runs no code of ours, so nothing unsafe can happen in a handler.
    unsafe { nix::sys::signal::signal(which, nix::sys::signal::SigHandler::SigIgn) }?;
    Ok(())
}

/// Ends the process by a signal as if nobody had caught it; returns only where that cannot be done.
pub fn end_by_signal(which: Signal) {
    // SAFETY: SIG_DFL runs no code of ours, so nothing unsafe can happen in a handler.
    if unsafe { nix::sys::signal::signal(which, nix::sys::signal::SigHandler::SigDfl) }.is_ok() {
        // What remains when it fails is the exit code.
        let _ = nix::sys::signal::raise(which);
    }
}

/// The two sides of a fork.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fork {
    Parent(Pid),
    Child,
}

/// Forks a process that has no other thread.
///
/// # Errors
/// Those of fork(2); EBUSY when the process already has threads, whose locks the child would inherit.
pub fn fork() -> io::Result<Fork> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: the process has one thread, so no lock can be held by a thread that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(Fork::Parent(child)),
        nix::unistd::ForkResult::Child => Ok(Fork::Child),
    }
}

/// TCP_DEFER_ACCEPT: a connection is handed over when data arrive, or after `seconds`.
///
/// # Errors
/// Those of setsockopt(2).
pub fn set_defer_accept(socket: &impl AsFd, seconds: u32) -> io::Result<()> {
    set_int(socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, i32::try_from(seconds).unwrap_or(i32::MAX))
}

/// TCP_FASTOPEN: data in the first packet, `queue` such connections waiting at most.
///
/// # Errors
/// Those of setsockopt(2).
pub fn set_fastopen(socket: &impl AsFd, queue: i32) -> io::Result<()> {
    set_int(socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, queue)
}

/// Lets tokio tell when a descriptor can be read.
///
/// # Errors
/// Those of epoll_ctl(2).
pub fn watch_readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor belongs to the `AsyncFd` from here on, which gives nobody a way to close it earlier.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

fn set_int(socket: &impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to an i32 that outlives the call, and the length says so.
    let rc = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
