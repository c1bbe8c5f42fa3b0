//! `cargo xtask tidy`: the rules of the house, checked. It is a test too, so that a tree that
//! breaks one does not pass.
//!
//! Owns: reading the sources and reporting. The rules are rows in [`rules`]; telling code from
//! comments and tests is [`source`]. Leaves to others: formatting and lints (rustfmt, clippy).

use std::fs;
use std::path::Path;

use crate::{Outcome, root};

mod rules;
mod source;

use source::Source;

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    pub(crate) text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.text)
    }
}

pub(crate) fn run() -> Outcome {
    let (files, findings) = check(&root())?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {files} files, {} rules, nothing to say", rules::count());
            Ok(())
        }
        n => Err(format!("tidy: {n} findings in {files} files")),
    }
}

/// Checks the tree below `root`; the number of files looked at, and what was found.
pub(crate) fn check(root: &Path) -> Result<(usize, Vec<Finding>), String> {
    let mut sources = Vec::new();
    for top in rules::TREES {
        collect(root, &root.join(top), &mut sources)?;
    }
    for name in rules::ROOT_FILES {
        if let Ok(text) = fs::read_to_string(root.join(name)) {
            sources.push(Source::new((*name).to_string(), text));
        }
    }
    let mut findings: Vec<Finding> = sources.iter().flat_map(rules::check).collect();
    findings.sort();
    Ok((sources.len(), findings))
}

fn collect(root: &Path, directory: &Path, into: &mut Vec<Source>) -> Outcome {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(format!("{}: {e}", directory.display())),
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" {
                collect(root, &path, into)?;
            }
        } else if rules::TEXT_ENDINGS.iter().any(|e| name.ends_with(e)) {
            let inside = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            // A golden may hold bytes that are no text on purpose; the rules do not apply to it.
            if let Ok(text) = fs::read_to_string(&path) {
                into.push(Source::new(inside, text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_own_rules() {
        let (files, findings) = check(&root()).unwrap();
        let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(files > 10, "the workspace was not found");
        assert!(list.is_empty(), "\n{}", list.join("\n"));
    }

    /// What the rules say about one file.
    fn said(path: &str, text: &str) -> Vec<&'static str> {
        rules::check(&Source::new(path.into(), text.into())).into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn an_engine_may_not_touch_the_world() {
        let head = "//! Head.\n";
        let engine = "crates/lbproxy/src/engine/x.rs";
        for line in [
            "use tokio::net::TcpStream;",
            "let t = Instant::now();",
            "use common::haproxy::model;",
            "use std::net::TcpStream;",
        ] {
            assert_eq!(said(engine, &format!("{head}{line}\n")), ["pure-engine"], "{line}");
        }
        assert!(
            said(
                engine,
                &format!("{head}use std::net::IpAddr; // not tokio::net\nconst S: &str = \"tokio::x\";\n")
            )
            .is_empty()
        );
        assert!(
            said(engine, &format!("{head}#[cfg(test)]\nmod tests {{\n use tokio::net;\n}}\n")).is_empty()
        );
        assert!(
            said("crates/lbproxy/src/shell/x.rs", &format!("{head}use tokio::net::TcpStream;\n")).is_empty()
        );
    }

    #[test]
    fn each_risky_crate_has_one_door() {
        assert_eq!(said("crates/lbproxy/src/shell/x.rs", "//! H.\nuse rustls::X;\n"), ["door-rustls"]);
        assert!(said("crates/lbproxy/src/shell/tls/x.rs", "//! H.\nuse rustls::X;\n").is_empty());
        assert_eq!(said("crates/vrrpd/src/process.rs", "//! H.\nuse rtnetlink::X;\n"), ["door-netlink"]);
        assert_eq!(said("crates/vrrpd/src/process.rs", "//! H.\nuse pnet_packet::X;\n"), ["door-pnet"]);
    }

    #[test]
    fn neighbours_in_a_registry_folder_do_not_import_one_another() {
        let path = "crates/lbproxy/src/engine/balance/first.rs";
        assert_eq!(said(path, "//! H.\nuse super::source::hash;\n"), ["registry-neighbour"]);
        assert_eq!(said(path, "//! H.\nuse crate::engine::balance::source;\n"), ["registry-neighbour"]);
        assert!(said(path, "//! H.\nuse super::{Server, pick};\nfn f() { super::pick(a::B) }\n").is_empty());
    }

    #[test]
    fn sizes_heads_and_names_are_checked() {
        let long = format!("//! H.\n{}", "fn a() {}\n".repeat(900));
        assert_eq!(said("crates/common/src/x.rs", &long), ["file-length"]);
        let body = "    let a = 1;\n".repeat(120);
        assert_eq!(
            said("crates/common/src/x.rs", &format!("//! H.\nfn a() {{\n{body}}}\n")),
            ["function-length"]
        );
        assert_eq!(said("crates/common/src/x.rs", "fn a() {}\n"), ["head"]);
        assert_eq!(said("crates/common/src/x/mod.rs", "//! H.\n"), ["mod-rs"]);
        assert_eq!(said("crates/lbproxy/src/x.rs", "//! H.\nfn a() { unsafe { b() } }\n"), ["unsafe-door"]);
        assert!(said("crates/lbproxy/src/sys.rs", "//! H.\nfn a() { unsafe { b() } }\n").is_empty());
        assert_eq!(said("crates/lbproxy/src/x.rs", "//! H.\nfn a() { todo!() }\n"), ["unfinished"]);
        assert_eq!(said("docs/x.md", &["see ", "/work", "/main"].concat()), ["machine-path"]);
    }

    #[test]
    fn registries_are_sorted() {
        let text = "//! H.\npub const FAMILIES: &[&[F]] = &[\n    b::F,\n    a::F,\n];\n";
        assert_eq!(said("crates/lbproxy/src/engine/x.rs", text), ["sorted-registry"]);
        let text = "//! H.\npub const FAMILIES: &[&[F]] = &[a::F, b::F];\n";
        assert!(said("crates/lbproxy/src/engine/x.rs", text).is_empty());
    }
}
