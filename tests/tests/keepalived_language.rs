//! The corpus of keepalived.conf files, judged by the keepalived that is installed.
//!
//! The `.expect` files hold what our reader says; here keepalived reads the same files, so that a golden cannot
//! drift from what keepalived takes. Where it is silent we are; where it complains we do.

use std::{
    fs,
    path::{Path, PathBuf},
};

use e2e::{
    daemon::Program,
    netns::{Cmd, Lab},
};

/// Files on which the two differ, and why. Debian's keepalived is 2.2; the language followed is 2.4.
const DIFFERENT: &[(&str, &str)] = &[
    ("trackers", "2.2 does not know `multihop`; we warn that files, processes and BFD are not watched"),
    ("usual", "2.2 takes whole seconds only for `timeout` of a script, and its test run does not end"),
    ("vrrp3", "2.2 does not know `v3_checksum_as_v2` and `no_virtual_ipaddress`"),
];

/// What keepalived says of scripts that run as root, whatever else it finds.
const VIOLATION: &str = "SECURITY VIOLATION";

fn corpus() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/keepalived")).unwrap()
}

/// Whether our reader finds fault, by its `.expect`.
fn ours_complains(name: &str) -> bool {
    let text = fs::read_to_string(corpus().join(format!("{name}.expect"))).unwrap();
    let said = text.split("\n---\n").next().unwrap_or_default();
    said.lines().any(|l| l.starts_with("Alert") || l.starts_with("Warning"))
}

#[test]
fn keepalived_complains_of_the_goldens_of_which_we_complain() {
    let lab = Lab::builder().share(corpus()).build().unwrap();
    let host = lab.host("h", "10.1.0.1/24").unwrap();
    host.sh("ip link add eth1 type veth peer name eth2 && ip link set eth1 up && ip link set eth2 up")
        .unwrap();
    let keepalived = Program::Keepalived.path().unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(corpus()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let skipped = DIFFERENT.iter().any(|(n, _)| *n == name);
        if path.extension().is_none_or(|e| e != "conf") || skipped {
            continue;
        }
        seen += 1;
        let cmd = Cmd::new(&keepalived).arg("-t").arg("-f").arg(&path).arg("-i").arg("main");
        let out = host.exec(cmd).unwrap();
        let said = format!("{}{}", out.stdout, out.stderr);
        let faults = said.lines().filter(|l| l.contains("Line ") && !l.contains("files missing")).count();
        let violation = said.contains(VIOLATION);
        // Script security has exit code 6 and hides the 5 of other errors, which then show as lines only.
        let complains = match out.exit.code() {
            Some(0) => false,
            Some(6) if violation => faults > 0,
            _ => true,
        };
        if complains != ours_complains(&name) {
            wrong.push(format!("{name}: keepalived exits {:?} and says\n{said}", out.exit));
        }
    }
    assert!(seen >= 12, "only {seen} files were compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
