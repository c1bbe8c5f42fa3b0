//! Messages with descriptors, and what is granted.

use std::{
    io::{Read as _, Seek as _, Write as _},
    path::PathBuf,
};

use super::*;

#[test]
fn messages_arrive_whole_with_their_descriptor() {
    let (a, b) = UnixStream::pair().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"secret").unwrap();
    file.rewind().unwrap();
    let long = "x".repeat(1 << 20);
    let sender = std::thread::spawn(move || {
        send(&a, &Request::Resolve(long), None).unwrap();
        send(&a, &Ok::<_, Failure>(Answer::Descriptor), Some(file.into())).unwrap();
    });
    let (first, none): (Request, _) = receive(&b).unwrap();
    assert!(matches!(first, Request::Resolve(h) if h.len() == 1 << 20) && none.is_none());
    let (second, fd): (Result<Answer, Failure>, _) = receive(&b).unwrap();
    assert_eq!(second, Ok(Answer::Descriptor));
    let mut text = String::new();
    fs::File::from(fd.unwrap()).read_to_string(&mut text).unwrap();
    assert_eq!(text, "secret");
    sender.join().unwrap();
    assert_eq!(receive::<Request>(&b).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_message_that_is_too_long_is_refused_before_it_is_read() {
    let (mut a, b) = UnixStream::pair().unwrap();
    a.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert!(receive::<Request>(&b).unwrap_err().to_string().contains("too long"));
}

/// A configuration directory with one frontend and an error page.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        fs::write(site.path("503.http"), "HTTP/1.1 503 X\r\n\r\n").unwrap();
        fs::write(site.path("secret"), "root's").unwrap();
        site.write(
            "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n \
             errorfile 503 DIR/503.http\nfrontend f\n bind 127.0.0.1:0\n",
        );
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, text: &str) {
        let text = text.replace("DIR", &self.0.path().display().to_string());
        fs::write(self.path("a.cfg"), text).unwrap();
    }

    fn origin(&self) -> Origin {
        Origin { files: vec![self.path("a.cfg")], ..Origin::default() }
    }
}

#[test]
fn only_what_the_configuration_names_is_granted() {
    let site = Site::new();
    let mut granted = Granted::default();
    granted.renew(&site.origin());
    for named in ["a.cfg", "503.http"] {
        let (_, fd) = granted.ask(&Request::Open(site.path(named)), &site.origin()).unwrap();
        assert!(fd.is_some(), "{named}");
    }
    let dotted = site.path("x/../503.http");
    for foreign in [site.path("secret"), dotted, PathBuf::from("/etc/passwd")] {
        let refused = granted.ask(&Request::Open(foreign), &site.origin()).unwrap_err();
        assert_eq!(refused.errno, Some(libc::EPERM));
    }
    let mut spec = granted
        .0
        .iter()
        .find_map(|r| match r {
            Request::Bind(s) => Some(s.clone()),
            _ => None,
        })
        .unwrap();
    assert!(granted.ask(&Request::Bind(spec.clone()), &site.origin()).is_ok());
    spec.transparent = true;
    assert!(granted.ask(&Request::Bind(spec), &site.origin()).is_err());
    assert!(granted.ask(&Request::User("root".to_owned()), &site.origin()).is_err());
}

#[test]
fn a_renewal_takes_back_what_is_no_longer_named_unless_the_configuration_is_broken() {
    let site = Site::new();
    let mut granted = Granted::default();
    granted.renew(&site.origin());
    let page = Request::Open(site.path("503.http"));
    site.write("frontend f\n bind 127.0.0.1:0\n nonsense\n");
    granted.ask(&Request::Renew, &site.origin()).unwrap();
    assert!(granted.allows(&page), "the old configuration stays in use");
    site.write("frontend f\n bind 127.0.0.1:0\n");
    granted.ask(&Request::Renew, &site.origin()).unwrap();
    assert!(!granted.allows(&page));
    assert!(granted.allows(&Request::Open(site.path("a.cfg"))));
}
