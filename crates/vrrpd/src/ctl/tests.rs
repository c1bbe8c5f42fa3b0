//! What vrrpctl shows and takes.

use super::*;
use crate::admin::{
    journal::Link,
    snapshot::{AddressView, InstanceView, TrackerView, WatchView},
};

fn sample() -> Snapshot {
    let watch = |kind: &str, name: &str, status: &str, effect: &str| WatchView {
        kind: kind.into(),
        name: name.into(),
        status: status.into(),
        weight: 2,
        effect: effect.into(),
    };
    Snapshot {
        program: "vrrpd 1".into(),
        host: "host1".into(),
        time_s: 1_000.5,
        instances: vec![InstanceView {
            name: "VI_1".into(),
            state: "BACKUP".into(),
            since_s: 3_725.0,
            interface: "eth0".into(),
            vrid: 51,
            version: 2,
            base_priority: 101,
            priority: 1,
            master: Some("10.0.0.2".into()),
            master_priority: Some(102),
            addresses: vec![AddressView { address: "10.0.0.9/32".into(), ..AddressView::default() }],
            watches: vec![
                watch("script", "chk", "up", "+2"),
                watch("proxy", "local", "down", "lowest"),
                watch("proxy", "other", "unknown", ""),
            ],
            order: Some("handover".into()),
            ..InstanceView::default()
        }],
        trackers: vec![TrackerView {
            kind: "proxy".into(),
            name: "local".into(),
            status: "down".into(),
            detail: "the proxy of this host died".into(),
        }],
        ..Snapshot::default()
    }
}

#[test]
fn the_status_says_state_priority_master_and_what_moves_it() {
    let text = show::status(&sample(), show::Paint(false));
    let want = "\
vrrpd 1 on host1

INSTANCE  STATE   SINCE  PRIORITY  MASTER          INTERFACE  VRID  ADDRESSES
VI_1      BACKUP  1h2m   1 (101)   10.0.0.2 (102)  eth0       51    10.0.0.9/32

VI_1:
  ordered by an operator: handover (vrrpctl resume ends it)
  tracks script chk up (+2), proxy local down (lowest)

TRACKER  NAME   STATUS
proxy    local  down    the proxy of this host died
";
    assert_eq!(text, want);
    assert!(!text.contains('\x1b') && show::status(&sample(), show::Paint(true)).contains("\x1b[36mBACKUP"));
}

#[test]
fn the_journal_shows_the_chain_of_causes() {
    let because = vec![
        Link { before_ms: 12, fact: "the proxy of this host died".into() },
        Link { before_ms: 0, fact: "Changing effective priority from 103 to 1".into() },
    ];
    let entry = Entry {
        instance: "VI_1".into(),
        from: "MASTER".into(),
        to: "BACKUP".into(),
        because,
        ..Entry::default()
    };
    let text = show::journal(&[entry], show::Paint(false));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with("VI_1  MASTER -> BACKUP"), "{text}");
    assert_eq!(lines[1].trim_start(), "-12 ms the proxy of this host died");
    assert_eq!(show::journal(&[], show::Paint(false)), "Nothing has moved yet.\n");
}

#[test]
fn a_snapshot_survives_json() {
    let text = serde_json::to_string(&sample()).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), sample());
    // A newer daemon says more.
    assert!(serde_json::from_str::<Snapshot>("{\"host\":\"h\",\"new\":1}").is_ok());
}

#[test]
fn options_are_taken_short_and_long_and_unknown_words_are_refused() {
    let names = |w: &str| switch(w).unwrap().map(|(s, v)| (s.long, v));
    assert_eq!(names("-s/x"), Some(("socket", Some("/x".into()))));
    assert_eq!(names("--socket=/x"), Some(("socket", Some("/x".into()))));
    assert_eq!(names("--json"), Some(("json", None)));
    assert_eq!(names("status"), None);
    assert!(switch("--nope").is_err() && switch("-x").is_err());
    for wrong in [vec!["stauts"], vec![], vec!["status", "-s"]] {
        let said = run(wrong.into_iter().map(str::to_owned).collect());
        assert!(matches!(said, Err(Failure::Usage(_))), "{said:?}");
    }
}

#[test]
fn help_and_manual_page_name_every_command_and_option() {
    let (help, page) = (manual::help(), manual::page());
    for c in COMMANDS {
        assert!(help.contains(c.doc) && page.contains(&format!(".B {}", c.name)), "{}", c.name);
    }
    for s in SWITCHES {
        assert!(help.contains(&format!("--{}", s.long)), "{}", s.long);
    }
    let names: Vec<_> = COMMANDS.iter().map(|c| c.name).collect();
    assert!(names.is_sorted());
}

#[test]
fn the_socket_stands_beside_the_pid_file() {
    let beside = |p: &str| socket_beside(Path::new(p));
    assert_eq!(beside("/run/keepalived_vrrp.pid"), PathBuf::from(SOCKET));
    assert_eq!(beside("/run/keepalived_vrrp_blue.pid"), PathBuf::from("/run/vrrpd_blue.sock"));
    assert_eq!(beside("/run/keepalived/vrrp.pid"), PathBuf::from("/run/keepalived/vrrp.sock"));
}
