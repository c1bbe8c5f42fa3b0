//! The file system a host sees: the machine's programs and libraries, read-only, and around
//! them directories of its own, so that a daemon may write where its configuration says and
//! nothing of it reaches the machine.
//!
//! Owns: building the new root, `/etc` with the users that configurations name, `/dev`, `/run`.
//! Invariant: outside `Setup::shared` no path of the machine can be written from a host.
//! Leaves to others: the files of a test (`Host::write`).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, pivot_root};

use super::wire::Setup;

/// Where the new root is put together; hidden below it afterwards.
const NEW_ROOT: &str = "/tmp";
/// Top directories that each host has for itself.
const OWN: &[&str] =
    &["dev", "etc", "home", "media", "mnt", "proc", "root", "run", "srv", "sys", "tmp", "var"];
/// Device nodes that programs expect.
const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];
/// A file of `/etc` longer than this is of no use to a daemon under test, bytes.
const ETC_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Depth of `/etc` that is copied.
const ETC_DEPTH_MAX: u32 = 8;

/// Furnishes the mount namespace of this process and moves it in. Says what had to be left out.
pub(crate) fn furnish(setup: &Setup) -> io::Result<Vec<String>> {
    let mut dropped = Vec::new();
    let shared: Vec<(PathBuf, fs::File)> =
        setup.shared.iter().map(|p| Ok((p.clone(), hold(p)?))).collect::<io::Result<_>>()?;
    let old_tmp = hold(Path::new(NEW_ROOT))?;
    // The staging directory hides what lies below it; those descriptors keep the old ones in reach.
    mount_new("tmpfs", Path::new(NEW_ROOT), "mode=755")?;
    let root = Path::new(NEW_ROOT);
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let name = entry.file_name();
        let target = root.join(&name);
        if OWN.iter().any(|o| name.to_str() == Some(o)) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else if kind.is_dir() {
            fs::create_dir(&target)?;
            bind(&entry.path(), &target, true)?;
        }
    }
    for name in OWN {
        fs::create_dir_all(root.join(name))?;
    }
    furnish_var(root)?;
    furnish_dev(root, &mut dropped)?;
    copy_tree(Path::new("/etc"), &root.join("etc"), 0)?;
    mount_new("proc", &root.join("proc"), "")?;
    if let Err(e) = mount_new("sysfs", &root.join("sys"), "") {
        dropped.push(format!("/sys is empty: {e}"));
    }
    for (path, held) in &shared {
        let inside = path.strip_prefix("/").unwrap_or(path);
        fs::create_dir_all(root.join(inside))
            .or_else(|e| if root.join(inside).is_dir() { Ok(()) } else { Err(e) })?;
        let source = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(held)));
        bind(&source, &root.join(inside), false)?;
    }
    drop(old_tmp);
    move_in(root)?;
    furnish_etc(setup, &mut dropped)?;
    for path in &setup.directories {
        fs::create_dir_all(path).map_err(|e| at(path, e))?;
    }
    Ok(dropped)
}

/// True if a host cannot see the machine's `path`, because it has that top directory for itself.
pub(crate) fn hides(path: &Path) -> bool {
    let top = path.components().nth(1);
    OWN.iter().any(|o| top.is_some_and(|t| t.as_os_str() == *o))
}

fn at(path: &Path, e: impl Into<io::Error>) -> io::Error {
    let e = e.into();
    io::Error::new(e.kind(), format!("{}: {e}", path.display()))
}

/// A descriptor that stays valid when something is mounted over the path.
fn hold(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = nix::fcntl::OFlag::O_PATH.bits();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|e| at(path, e))
}

fn mount_new(kind: &str, target: &Path, options: &str) -> io::Result<()> {
    mount(Some(kind), target, Some(kind), MsFlags::empty(), Some(options)).map_err(|e| at(target, e))
}

/// Shows `source` at `target` too.
fn bind(source: &Path, target: &Path, read_only: bool) -> io::Result<()> {
    let none: Option<&str> = None;
    mount(Some(source), target, none, MsFlags::MS_BIND | MsFlags::MS_REC, none).map_err(|e| at(target, e))?;
    if !read_only {
        return Ok(());
    }
    // A remount does not go down the tree, so each mount below is taken in turn.
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let mounts = table.lines().filter_map(|l| l.split(' ').nth(4)).map(PathBuf::from);
    for place in mounts.filter(|m| m.starts_with(target)) {
        remount_read_only(&place)?;
    }
    Ok(())
}

fn remount_read_only(target: &Path) -> io::Result<()> {
    let none: Option<&str> = None;
    // Inside a user namespace the flags a mount already has must be repeated, or the kernel refuses.
    let has = statvfs(target).map_err(|e| at(target, e))?.flags();
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for (fs_flag, flag) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if has.contains(fs_flag) {
            flags |= flag;
        }
    }
    mount(none, target, none, flags, none).map_err(|e| at(target, e))
}

fn furnish_var(root: &Path) -> io::Result<()> {
    for name in ["cache", "lib", "log", "spool", "tmp"] {
        fs::create_dir_all(root.join("var").join(name))?;
    }
    symlink("/run", root.join("var/run"))?;
    symlink("/run/lock", root.join("var/lock"))?;
    fs::create_dir_all(root.join("run/lock"))?;
    for open in ["tmp", "var/tmp", "run/lock"] {
        fs::set_permissions(root.join(open), fs::Permissions::from_mode(0o1777))?;
    }
    fs::set_permissions(root.join("root"), fs::Permissions::from_mode(0o700))
}

fn furnish_dev(root: &Path, dropped: &mut Vec<String>) -> io::Result<()> {
    let dev = root.join("dev");
    for name in DEVICES {
        let target = dev.join(name);
        fs::write(&target, "")?;
        if let Err(e) = bind(&Path::new("/dev").join(name), &target, false) {
            dropped.push(format!("no /dev/{name}: {e}"));
        }
    }
    for (name, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, dev.join(name))?;
    }
    fs::create_dir(dev.join("shm"))?;
    mount_new("tmpfs", &dev.join("shm"), "mode=1777")?;
    fs::create_dir(dev.join("pts"))?;
    if let Err(e) = mount_new("devpts", &dev.join("pts"), "newinstance,ptmxmode=0666,mode=620") {
        dropped.push(format!("no terminals: {e}"));
    }
    symlink("pts/ptmx", dev.join("ptmx"))
}

/// Copies what can be read; a host's `/etc` is its own to change.
fn copy_tree(from: &Path, to: &Path, depth: u32) -> io::Result<()> {
    if depth > ETC_DEPTH_MAX {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    // What this user may not read on the machine is not there in the host either.
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries.filter_map(Result::ok) {
        let target = to.join(entry.file_name());
        let Ok(about) = entry.metadata() else { continue };
        if about.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else if about.is_dir() {
            copy_tree(&entry.path(), &target, depth + 1)?;
        } else if about.is_file() && about.len() <= ETC_FILE_BYTES_MAX {
            let _unreadable = fs::copy(entry.path(), &target);
        }
    }
    Ok(())
}

fn move_in(root: &Path) -> io::Result<()> {
    let step = |e: nix::Error| at(root, e);
    chdir(root).map_err(step)?;
    // The old root is stacked on the new one and taken away again (pivot_root(2), notes).
    pivot_root(".", ".").map_err(step)?;
    umount2(".", MntFlags::MNT_DETACH).map_err(step)?;
    chdir("/").map_err(step)
}

fn furnish_etc(setup: &Setup, dropped: &mut Vec<String>) -> io::Result<()> {
    let mut passwd =
        fs::read_to_string("/etc/passwd").unwrap_or_else(|_| "root:x:0:0:root:/root:/bin/sh\n".into());
    let mut group = fs::read_to_string("/etc/group").unwrap_or_else(|_| "root:x:0:\n".into());
    let one_id = only_one_id();
    let known = |table: &str, name: &str| table.lines().any(|l| l.split(':').next() == Some(name));
    if one_id {
        // Any other id would be refused by the kernel, so every name the configurations may use is root.
        let names: BTreeSet<&str> = setup.users.iter().map(|(n, _)| n.as_str()).collect();
        let keep = |table: &str| -> String {
            table
                .lines()
                .filter(|l| !names.contains(l.split(':').next().unwrap_or("")))
                .map(|l| format!("{l}\n"))
                .collect()
        };
        (passwd, group) = (keep(&passwd), keep(&group));
        let names: Vec<&str> = setup.users.iter().map(|(n, _)| n.as_str()).collect();
        dropped.push(format!(
            "only one user id is mapped: {} are the namespace's root, giving up privileges changes nothing",
            names.join(", ")
        ));
    }
    for (name, id) in &setup.users {
        let id = if one_id { 0 } else { *id };
        if !known(&group, name) {
            group.push_str(&format!("{name}:x:{id}:\n"));
        }
        if !known(&passwd, name) {
            passwd.push_str(&format!("{name}:x:{id}:{id}:{name}:/var/lib/{name}:/usr/sbin/nologin\n"));
        }
        let home = PathBuf::from(format!("/var/lib/{name}"));
        fs::create_dir_all(&home)?;
        let line = passwd.lines().find(|l| l.split(':').next() == Some(name)).unwrap_or_default().to_string();
        let ids: Vec<u32> = line.split(':').skip(2).take(2).filter_map(|n| n.parse().ok()).collect();
        if let [uid, gid] = ids[..] {
            chown(&home, Some(uid), Some(gid)).map_err(|e| at(&home, e))?;
        }
    }
    fs::write("/etc/passwd", passwd)?;
    fs::write("/etc/group", group)?;
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
    for (address, name) in &setup.hosts {
        hosts.push_str(&format!("{address} {name}\n"));
    }
    fs::write("/etc/hosts", hosts)?;
    fs::write("/etc/hostname", format!("{}\n", setup.name))?;
    // Names are looked up in /etc/hosts alone: a lab has no name server, and waiting for one takes seconds.
    let _ = fs::remove_file("/etc/resolv.conf");
    fs::write("/etc/resolv.conf", "")?;
    fs::write(
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n",
    )
}

/// True where the user namespace knows no id but the caller's.
fn only_one_id() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().filter_map(|l| l.split_ascii_whitespace().nth(2)?.parse::<u64>().ok()).sum::<u64>() <= 1
}
