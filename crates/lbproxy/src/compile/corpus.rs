//! Configurations as people write them, from 1.4 to today: every one compiles without a refusal.

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use common::{
    diag::Severity,
    haproxy::{self, Env},
};

use super::{World, compile};
use crate::engine::state::Registry;

/// A machine on which every file, name and user is there.
struct Machine;

impl World for Machine {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let text = match path.extension().and_then(|e| e.to_str()) {
            Some("http") => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\n\r\nno\n",
            _ => "",
        };
        Ok(text.as_bytes().to_vec())
    }

    fn resolve(&mut self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![[192, 0, 2, 1].into()])
    }

    fn user(&mut self, _: &str) -> Option<(u32, u32)> {
        Some((99, 99))
    }

    fn group(&mut self, _: &str) -> Option<u32> {
        Some(99)
    }

    fn hostname(&mut self) -> String {
        "machine".to_owned()
    }

    fn env(&mut self, _: &str) -> Option<String> {
        None
    }

    fn processors(&mut self) -> usize {
        2
    }
}

/// What keeps the text from being served, a line each.
fn refusals(name: &str, text: String) -> Vec<String> {
    let parsed = haproxy::load_text(vec![(name.to_owned(), text)], &Env::default());
    let compiled = compile(&parsed.config, &mut Machine, &Registry::new(1));
    let said = parsed.diagnostics.iter().chain(compiled.diagnostics.iter());
    said.filter(|d| d.severity == Severity::Alert)
        .map(|d| {
            let place = d.primary.as_ref().map_or_else(String::new, |p| parsed.sources.place(p.span));
            format!("{place}: {}", d.message)
        })
        .collect()
}

fn corpus() -> Vec<PathBuf> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/haproxy");
    let mut all: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    // Those that begin with a number are whole configurations; the others show single words of the language.
    all.retain(|p| p.file_name().unwrap().as_encoded_bytes()[0].is_ascii_digit());
    all.sort();
    all
}

#[test]
fn configurations_of_every_release_are_taken() {
    let all = corpus();
    assert!(all.len() >= 25, "{}", all.len());
    let mut refused = Vec::new();
    for path in all {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        refused.extend(refusals(&name, std::fs::read_to_string(&path).unwrap()));
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Each of these keeps real files from starting with HAProxy 3.5.
#[test]
fn each_spelling_that_was_dropped_is_taken_by_itself() {
    let around = |global: &str, front: &str, back: &str| {
        format!(
            "global\n{global}\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\nfrontend \
             a{front}\n default_backend b\nbackend b\n{back}\n server s 192.0.2.1:80\n"
        )
    };
    let same_name = around("", "\n bind :80", "").replace("frontend a", "frontend b");
    for (what, text) in [
        ("frontend and backend of one name", same_name),
        ("address on the section line", around("", " 192.0.2.9:80", "")),
        (
            "contimeout and its like",
            around("", "\n bind :80\n clitimeout 5s", " contimeout 5s\n srvtimeout 5s"),
        ),
        (
            "req and rsp rules",
            around("", "\n bind :80\n reqadd X:\\ 1\n rspirep ^a(.*) b\\1\n reqideny ^x", ""),
        ),
        ("master-worker in global", around(" master-worker", "\n bind :80", "")),
        ("httpchk with headers", around("", "\n bind :80", " option httpchk GET / HTTP/1.1\\r\\nHost:\\ x")),
        ("bare redispatch", around("", "\n bind :80", " redispatch")),
        ("nbproc", around(" nbproc 4", "\n bind :80", "")),
        ("http-use-htx", around("", "\n bind :80\n option http-use-htx", "")),
        ("debug", around(" debug", "\n bind :80", "")),
        ("duplicate server names", around("", "\n bind :80", " server s 192.0.2.2:80")),
        ("tcpsplice", around("", "\n bind :80\n option tcpsplice", "")),
    ] {
        assert_eq!(refusals("x", text), Vec::<String>::new(), "{what}");
    }
}
