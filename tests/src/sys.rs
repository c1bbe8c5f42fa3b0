//! The few lines of the test library that the compiler cannot check.
//!
//! Owns: turning received descriptor numbers into owners, and the hook that lets any
//! program linked with this library become the first process of a host.
//! Leaves to others: everything else; no other file of this crate may say `unsafe`.
#![allow(unsafe_code)]

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Takes ownership of a descriptor that the kernel has just handed to this process.
pub(crate) fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the callers pass numbers out of a fresh SCM_RIGHTS message, or descriptor 0 of a
    // process that was started with a control socket there; nobody else owns either.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Runs before `main`: a program started with [`crate::netns::ROLE`] in its environment is the
/// keeper of a host and never reaches `main`. Test programs and xtask need no second binary.
// SAFETY: the loader calls each pointer of this section once, before `main`, on the only thread.
#[used]
#[unsafe(link_section = ".init_array")]
static BECOME_KEEPER: extern "C" fn() = become_keeper;

extern "C" fn become_keeper() {
    if let Some(role) = std::env::var_os(crate::netns::ROLE) {
        // A panic must not leave this frame: beyond it stands the loader.
        let code = std::panic::catch_unwind(|| crate::netns::keeper::run(&role)).unwrap_or(101);
        std::process::exit(code);
    }
}
