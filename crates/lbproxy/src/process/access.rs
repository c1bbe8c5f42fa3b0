//! What loading a configuration asks of the outside world, as messages: so that it can be done at once, recorded,
//! or sent to the root companion.
//!
//! Owns: [`Request`] and [`Answer`], the trait [`Access`] with its direct form [`Direct`], and [`Outside`], through
//! which `compile` and `shell::tls` see any of them. Invariant: a request says everything that is needed to decide
//! whether it is allowed.

use std::{
    fs, io,
    io::Read as _,
    net::{IpAddr, ToSocketAddrs as _},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    compile::World,
    shell::{
        listen::{BindError, Place, Spec},
        tls,
    },
};

/// Largest file that is read whole.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Most entries of a directory that are looked at.
const DIRECTORY_ENTRIES_MAX: usize = 100_000;

/// One thing that is wanted of the outside world.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A file, opened for reading.
    Open(PathBuf),
    /// The plain files of a directory.
    List(PathBuf),
    /// A listening socket.
    Bind(Spec),
    /// A socket connected to a Unix datagram socket (`/dev/log`).
    Datagram(PathBuf),
    /// The addresses of a host name.
    Resolve(String),
    /// User id and group id of a user.
    User(String),
    /// Group id of a group.
    Group(String),
    /// Read the configuration again, and let that be what is allowed from now on.
    Renew,
}

/// What comes back; descriptors travel beside it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The descriptor that was asked for comes with the answer.
    Descriptor,
    /// `None`: it is no directory.
    Files(Option<Vec<PathBuf>>),
    Addresses(Vec<IpAddr>),
    User(Option<(u32, u32)>),
    Group(Option<u32>),
    Done,
}

/// Why a request failed, in a form that can travel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Step of [`BindError`].
    pub step: Option<String>,
    pub errno: Option<i32>,
    pub text: String,
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Failure {
        Failure { step: None, errno: e.raw_os_error(), text: e.to_string() }
    }
}

impl From<Failure> for io::Error {
    fn from(f: Failure) -> io::Error {
        f.errno.map_or_else(|| io::Error::other(f.text), io::Error::from_raw_os_error)
    }
}

/// An answer and the descriptor that belongs to it.
pub type Reply = Result<(Answer, Option<OwnedFd>), Failure>;

/// Somebody who can satisfy requests.
pub trait Access {
    fn ask(&mut self, request: &Request) -> Reply;
}

/// Satisfies requests with this process's own rights.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct {
    /// `-4`
    pub ipv4_only: bool,
}

impl Access for Direct {
    fn ask(&mut self, request: &Request) -> Reply {
        let plain = |a| Ok((a, None));
        match request {
            Request::Open(path) => Ok((Answer::Descriptor, Some(fs::File::open(path)?.into()))),
            Request::List(path) => plain(Answer::Files(list(path)?)),
            Request::Bind(spec) => match spec.bind() {
                Ok(fd) => Ok((Answer::Descriptor, Some(fd))),
                Err(e) => Err(Failure { step: Some(e.step.into_owned()), ..Failure::from(e.cause) }),
            },
            Request::Datagram(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                socket.connect(path)?;
                Ok((Answer::Descriptor, Some(socket.into())))
            }
            Request::Resolve(host) => plain(Answer::Addresses(self.resolve(host)?)),
            Request::User(name) => {
                let user = nix::unistd::User::from_name(name).map_err(io::Error::from)?;
                plain(Answer::User(user.map(|u| (u.uid.as_raw(), u.gid.as_raw()))))
            }
            Request::Group(name) => {
                let group = nix::unistd::Group::from_name(name).map_err(io::Error::from)?;
                plain(Answer::Group(group.map(|g| g.gid.as_raw())))
            }
            Request::Renew => plain(Answer::Done),
        }
    }
}

impl Direct {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut found: Vec<IpAddr> = (host, 0).to_socket_addrs()?.map(|a| a.ip()).collect();
        found.retain(|a| a.is_ipv4() || !self.ipv4_only);
        Ok(found)
    }
}

fn list(path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)?.take(DIRECTORY_ENTRIES_MAX) {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(Some(files))
}

/// Any [`Access`] as `compile` and `shell::tls` want to see it.
pub struct Outside<'a>(pub &'a mut dyn Access);

impl std::fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outside")
    }
}

impl Outside<'_> {
    pub fn read_file(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let fd = self.descriptor(&Request::Open(path.to_owned()))?;
        let mut bytes = Vec::new();
        fs::File::from(fd).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        Ok(bytes)
    }

    /// A socket connected to a Unix datagram socket.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn datagram(&mut self, path: &Path) -> io::Result<OwnedFd> {
        self.descriptor(&Request::Datagram(path.to_owned()))
    }

    fn descriptor(&mut self, request: &Request) -> io::Result<OwnedFd> {
        let (_, fd) = self.0.ask(request)?;
        fd.ok_or_else(|| io::Error::other("no descriptor came with the answer"))
    }

    /// The plain files of a directory; `None` when it is none.
    ///
    /// # Errors
    /// It does not exist or cannot be read.
    pub fn files(&mut self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        match self.0.ask(&Request::List(path.to_owned()))? {
            (Answer::Files(files), _) => Ok(files),
            _ => Err(io::Error::other("an answer to something else")),
        }
    }

    /// A listening socket.
    ///
    /// # Errors
    /// As [`Spec::bind`].
    pub fn bind(&mut self, spec: &Spec) -> Result<OwnedFd, BindError> {
        // An inherited descriptor is this process's own, wherever other sockets come from.
        if let Place::Fd(_) = spec.place {
            return spec.bind();
        }
        let step = "cannot be asked for";
        match self.0.ask(&Request::Bind(spec.clone())) {
            Ok((_, Some(fd))) => Ok(fd),
            Ok((_, None)) => {
                Err(BindError::new(spec, step, io::Error::other("no descriptor came with the answer")))
            }
            Err(f) => {
                let step = f.step.clone().unwrap_or_else(|| step.to_owned());
                Err(BindError::new(spec, step, f.into()))
            }
        }
    }
}

impl World for Outside<'_> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_file(path)
    }

    fn resolve(&mut self, host: &str) -> io::Result<Vec<IpAddr>> {
        match self.0.ask(&Request::Resolve(host.to_owned()))? {
            (Answer::Addresses(a), _) => Ok(a),
            _ => Err(io::Error::other("an answer to something else")),
        }
    }

    fn user(&mut self, name: &str) -> Option<(u32, u32)> {
        match self.0.ask(&Request::User(name.to_owned())) {
            Ok((Answer::User(u), _)) => u,
            _ => None,
        }
    }

    fn group(&mut self, name: &str) -> Option<u32> {
        match self.0.ask(&Request::Group(name.to_owned())) {
            Ok((Answer::Group(g), _)) => g,
            _ => None,
        }
    }

    fn hostname(&mut self) -> String {
        nix::unistd::gethostname().map(|h| h.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn env(&mut self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn processors(&mut self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

impl tls::Files for Outside<'_> {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_file(path)
    }

    fn list(&mut self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        self.files(path)
    }
}
