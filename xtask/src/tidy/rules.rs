//! The rules, one row each, with the reason that is printed when one is broken.
//!
//! Owns: what is forbidden where. To add a rule of words, add a row to [`FORBIDDEN`].

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

/// Directories that are looked at.
pub(super) const TREES: &[&str] = &["crates", "tests", "xtask", "docs", "deploy", ".ci"];
/// Files of the root that are looked at.
pub(super) const ROOT_FILES: &[&str] = &["README.md", "Cargo.toml"];
/// Endings of the files that are text of ours.
pub(super) const TEXT_ENDINGS: &[&str] =
    &[".rs", ".md", ".toml", ".cfg", ".conf", ".yaml", ".yml", ".service", "run", ".sh", ".txt"];

/// Longest file without its tests, lines.
const FILE_LINES_MAX: usize = 800;
/// Longest function, lines. The house asks for 70; this is the hard end.
const FUNCTION_LINES_MAX: usize = 100;

/// Words that may not stand in code at some place.
struct Forbidden {
    name: &'static str,
    /// Paths that begin so are under the rule.
    within: &'static [&'static str],
    /// … but not those that begin so.
    except: &'static [&'static str],
    words: &'static [&'static str],
    reason: &'static str,
}

const ENGINES: &[&str] = &["crates/lbproxy/src/engine", "crates/vrrpd/src/engine"];
const CODE: &[&str] = &["crates/", "xtask/", "tests/"];

const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        name: "pure-engine",
        within: ENGINES,
        except: &[],
        words: &[
            "async fn",
            "common::haproxy",
            "common::keepalived",
            "hyper::",
            "Instant::now",
            "libc::",
            "nix::",
            "rand::",
            "socket2::",
            "std::fs",
            "std::process",
            "std::thread",
            "SystemTime::now",
            "TcpListener",
            "TcpStream",
            "tokio::",
            "tracing::",
            "UdpSocket",
            "UnixListener",
            "UnixStream",
        ],
        reason: "an engine is a pure function of state, event and time: no runtime, clock, chance, socket, log or configuration type",
    },
    Forbidden {
        name: "pure-common",
        within: &["crates/common/src"],
        except: &[],
        words: &[
            "async fn",
            "hyper::",
            "Instant::now",
            "nix::",
            "socket2::",
            "std::process",
            "std::thread",
            "TcpListener",
            "TcpStream",
            "tokio::",
            "tracing::",
            "UdpSocket",
        ],
        reason: "the configuration languages touch nothing of the world but the files they load",
    },
    Forbidden {
        name: "two-daemons",
        within: &["crates/lbproxy"],
        except: &[],
        words: &["vrrpd::"],
        reason: "lbproxy and vrrpd meet only through a socket",
    },
    Forbidden {
        name: "two-daemons",
        within: &["crates/vrrpd"],
        except: &[],
        words: &["lbproxy::"],
        reason: "lbproxy and vrrpd meet only through a socket",
    },
    Forbidden {
        name: "two-daemons",
        within: &["tests/", "xtask/"],
        except: &["tests/fuzz/", "xtask/src/docs"],
        words: &["lbproxy::", "vrrpd::"],
        reason: "end-to-end tests use binaries and sockets only",
    },
    Forbidden {
        name: "door-rustls",
        within: &["crates/"],
        except: &["crates/lbproxy/src/shell/tls"],
        words: &["rustls::", "tokio_rustls::", "rustls_pki_types::"],
        reason: "rustls is behind shell/tls alone, so that an upgrade touches one folder",
    },
    Forbidden {
        name: "door-netlink",
        within: CODE,
        except: &["crates/vrrpd/src/shell/netlink", "tests/src/netns/links.rs", "tests/src/watch.rs"],
        words: &["rtnetlink::", "netlink_packet_route::", "netlink_packet_core::"],
        reason: "rtnetlink is behind shell/netlink alone, so that an upgrade touches one folder",
    },
    Forbidden {
        name: "door-pnet",
        within: CODE,
        except: &["crates/vrrpd/src/engine/wire"],
        words: &["pnet_packet::", "pnet_base::", "pnet_macros::", "pnet_macros_support::"],
        reason: "pnet is behind engine/wire alone, so that an upgrade touches one folder",
    },
    Forbidden {
        name: "door-h2",
        within: &["crates/"],
        except: &["crates/lbproxy/src/shell/h2"],
        words: &["h2::"],
        reason: "h2 is behind shell/h2 alone, so that an upgrade touches one folder",
    },
    Forbidden {
        name: "door-quic",
        within: &["crates/"],
        except: &["crates/lbproxy/src/shell/quic"],
        words: &["quinn::", "h3::"],
        reason: "quinn is behind shell/quic alone, so that an upgrade touches one folder",
    },
    Forbidden {
        name: "hot-path",
        within: &[
            "crates/lbproxy/src/shell/stream",
            "crates/lbproxy/src/shell/worker",
            "crates/lbproxy/src/shell/pool",
        ],
        except: &[],
        words: &["hyper::", "hyper_util::"],
        reason: "requests are carried by our own engine; hyper serves where HTTP is not the hot path",
    },
    Forbidden {
        name: "blind-shell",
        within: &["crates/lbproxy/src/shell", "crates/vrrpd/src/shell"],
        except: &["crates/lbproxy/src/shell/harness.rs"],
        words: &["common::haproxy", "common::keepalived"],
        reason: "only compile sees the configuration; a shell works from the plan",
    },
    Forbidden {
        name: "unsafe-door",
        within: CODE,
        except: &["crates/lbproxy/src/sys.rs", "crates/vrrpd/src/sys.rs", "tests/src/sys.rs"],
        words: &["unsafe"],
        reason: "unsafe code stands in one sys.rs per program, each use with a SAFETY reason",
    },
    Forbidden {
        name: "unfinished",
        within: CODE,
        except: &[],
        words: &["todo!", "unimplemented!", "dbg!"],
        reason: "what is not built is refused by name, it does not panic",
    },
];

/// Folders in which each file is one family of a registry.
const REGISTRY_FOLDERS: &[&str] = &[
    "crates/common/src/haproxy/section/",
    "crates/common/src/keepalived/block/",
    "crates/lbproxy/src/admin/command/",
    "crates/lbproxy/src/engine/action/",
    "crates/lbproxy/src/engine/balance/",
    "crates/lbproxy/src/engine/check/",
    "crates/lbproxy/src/engine/sample/convert/",
    "crates/lbproxy/src/engine/sample/fetch/",
    "crates/vrrpd/src/engine/track/",
];

/// Modules in those folders that are no family: what families of one folder share and what is too
/// long for the parent. (In `section/`: how rows read their words, what `bind` and `server` lines
/// have in common, and the parts that the proxy sections are built of.)
const SHARED: &[(&str, &[&str])] = &[
    ("crates/common/src/haproxy/section/", &["check", "cx", "params", "proxy", "rule", "set"]),
    ("crates/lbproxy/src/engine/action/", &["auth", "crypt"]),
    ("crates/lbproxy/src/engine/balance/", &["hash"]),
    ("crates/lbproxy/src/engine/sample/convert/", &["slice"]),
];

/// Constants whose rows are sorted.
const SORTED: &[&str] = &["FAMILIES"];

/// Parts of paths that exist on one machine only; written in two pieces so that this file may say them.
const MACHINE_PATHS: &[(&str, &str)] =
    &[("/wo", "rk/"), ("/Use", "rs/"), ("/home/run", "ner/"), ("/tmp/ba", "sh_")];

type Check = fn(&Source, &mut Vec<Finding>);
const CHECKS: &[Check] = &[
    head,
    mod_rs,
    file_length,
    function_length,
    forbidden,
    registry_neighbour,
    sorted_registry,
    machine_path,
];

/// How many rules there are.
pub(super) fn count() -> usize {
    FORBIDDEN.len() + CHECKS.len() - 1
}

/// All rules on one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in CHECKS {
        check(source, &mut findings);
    }
    findings
}

fn finding(source: &Source, line: usize, rule: &'static str, text: String) -> Finding {
    Finding { path: source.path.clone(), line, rule, text }
}

fn head(source: &Source, findings: &mut Vec<Finding>) {
    // A `tests.rs` belongs to the file it is named after, and that one has a head.
    if source.is_rust() && !source.path.ends_with("/tests.rs") && !source.text.starts_with("//!") {
        let text = "the file does not begin with `//!`: say what it is, owns, promises and leaves to others";
        findings.push(finding(source, 1, "head", text.into()));
    }
}

fn mod_rs(source: &Source, findings: &mut Vec<Finding>) {
    if source.path.ends_with("/mod.rs") {
        findings.push(finding(
            source,
            1,
            "mod-rs",
            "name it after its module: `foo.rs` beside `foo/`".into(),
        ));
    }
}

fn file_length(source: &Source, findings: &mut Vec<Finding>) {
    let n = source.lines_without_tests;
    if source.is_rust() && n > FILE_LINES_MAX {
        let text =
            format!("{n} lines without tests, {FILE_LINES_MAX} at most: cut it where two things are told");
        findings.push(finding(source, 1, "file-length", text));
    }
}

fn function_length(source: &Source, findings: &mut Vec<Finding>) {
    for f in source.functions().into_iter().filter(|f| f.length > FUNCTION_LINES_MAX) {
        let text =
            format!("`{}` has {} lines, {FUNCTION_LINES_MAX} at most (70 is a screen)", f.name, f.length);
        findings.push(finding(source, f.line, "function-length", text));
    }
}

fn forbidden(source: &Source, findings: &mut Vec<Finding>) {
    let under = |list: &[&str]| list.iter().any(|p| source.path.starts_with(p));
    for rule in FORBIDDEN.iter().filter(|r| under(r.within) && !under(r.except)) {
        let mut seen = BTreeSet::new();
        for (word, line) in
            rule.words.iter().flat_map(|w| source.lines_with(w).into_iter().map(move |l| (w, l)))
        {
            if seen.insert(line) {
                findings.push(finding(source, line, rule.name, format!("`{word}`: {}", rule.reason)));
            }
        }
    }
}

fn registry_neighbour(source: &Source, findings: &mut Vec<Finding>) {
    let Some((folder, family)) =
        REGISTRY_FOLDERS.iter().find_map(|f| Some((f, source.path.strip_prefix(f)?)))
    else {
        return;
    };
    let shared = SHARED.iter().find(|(f, _)| f == folder).map_or(&[][..], |(_, m)| *m);
    let own = family.split(['/', '.']).next().unwrap_or("");
    let parent = folder.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    for (i, line) in source.code.iter().enumerate() {
        let at_top = !family.contains('/');
        let through_super = at_top.then(|| after(line, "super::")).flatten();
        let through_path = after(line, &format!("{parent}::")).filter(|_| line.contains("crate::"));
        for name in [through_super, through_path].into_iter().flatten() {
            // A module is lower-case and followed by a path; functions of the parent are fine.
            let length = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
            let (module, rest) = name.split_at(length);
            let is_module = rest.starts_with("::") || rest.starts_with(';') && line.contains("crate::");
            let lower =
                module.chars().all(|c| c.is_lowercase() || c == '_' || c.is_numeric()) && !module.is_empty();
            if lower && is_module && module != own && module != "super" && !shared.contains(&module) {
                let text =
                    format!("`{module}` is a neighbour in this registry: what both need moves to the parent");
                findings.push(finding(source, i + 1, "registry-neighbour", text));
            }
        }
    }
}

fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.find(word).map(|at| &line[at + word.len()..])
}

fn sorted_registry(source: &Source, findings: &mut Vec<Finding>) {
    for name in SORTED {
        for line in source.lines_with(name) {
            let Some(start) = source.code[line - 1].find("= &[") else { continue };
            let first = source.code[line - 1][start + 4..].to_string();
            let rest = source.code[line..].iter().cloned();
            let all: Vec<String> = std::iter::once(first).chain(rest).collect();
            let body = all.join("\n");
            let Some(end) = body.find("];") else { continue };
            let rows: Vec<&str> = body[..end].split(',').map(str::trim).filter(|r| !r.is_empty()).collect();
            if let Some(pair) = rows.windows(2).find(|w| w[0] > w[1]) {
                let text = format!("{name} is not sorted: `{}` stands before `{}`", pair[0], pair[1]);
                findings.push(finding(source, line, "sorted-registry", text));
            }
        }
    }
}

fn machine_path(source: &Source, findings: &mut Vec<Finding>) {
    for (i, line) in source.text.lines().enumerate() {
        for (a, b) in MACHINE_PATHS {
            if line.contains(&format!("{a}{b}")) {
                let text = format!("`{a}{b}` exists on one machine only");
                findings.push(finding(source, i + 1, "machine-path", text));
            }
        }
    }
}
