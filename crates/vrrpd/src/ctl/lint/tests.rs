//! Pairs with a known weakness, and pairs without.

use super::*;

const CHECK: &str = "vrrp_script chk {\nscript \"/bin/pidof haproxy\"\ninterval 2\nWEIGHT\n}\n";

/// The document's file, with its weight line and what is added to the instance.
fn conf(priority: u8, weight: &str, more: &str) -> String {
    CHECK.replace("WEIGHT", weight)
        + &format!(
            "vrrp_instance VI_1 {{\ninterface eth0\nstate BACKUP\nvirtual_router_id 51\npriority {priority}\n{more}\n\
             virtual_ipaddress {{\n10.224.147.208\n}}\ntrack_script {{\nchk\n}}\n}}\n"
        )
}

fn hosts(texts: &[&str]) -> Vec<Host> {
    let of = |(n, text): (usize, &&str)| {
        let name = format!("host{}", n + 1);
        let loaded = keepalived::parse(&name, text, &Env::default());
        from_loaded(&name, loaded)
    };
    texts.iter().enumerate().map(of).collect()
}

fn lint(texts: &[&str]) -> (String, usize) {
    report(&hosts(texts), &[], false)
}

#[track_caller]
fn says(texts: &[&str], parts: &[&str]) {
    let (text, errors) = lint(texts);
    assert!(errors > 0, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn the_documents_pair_moves_whatever_breaks() {
    let (text, errors) = lint(&[&conf(101, "weight 2", ""), &conf(100, "weight 2", "")]);
    assert_eq!(errors, 0, "{text}");
    assert!(text.contains("4 failure(s) simulated: 4 move the address, 0 do not"), "{text}");
}

#[test]
fn a_weight_below_the_gap_is_found_with_the_number_that_is_missing() {
    let (a, b) = (conf(150, "weight 2", ""), conf(100, "weight 2", ""));
    says(
        &[&a, &b],
        &["if tracked script chk fails on host1", "it stays on host1", "the weight is 49 too small"],
    );
}

#[test]
fn nopreempt_with_weights_is_found() {
    let (a, b) = (conf(101, "weight 2", "nopreempt"), conf(100, "weight 2", "nopreempt"));
    says(&[&a, &b], &["if tracked script chk fails", "nopreempt keeps it from taking over"]);
    // Without a weight a failure is FAULT, and that moves.
    let (a, b) = (conf(101, "", "nopreempt"), conf(100, "", "nopreempt"));
    assert_eq!(lint(&[&a, &b]).1, 0, "{}", lint(&[&a, &b]).0);
}

#[test]
fn what_makes_two_masters_is_found_by_name() {
    let good = conf(101, "weight 2", "");
    let other = conf(100, "weight 2", "").replace("virtual_router_id 51", "virtual_router_id 52");
    says(&[&good, &other], &["is held by 2 hosts at once: host1, host2", "virtual_router_id is 51 and 52"]);
    let slow = conf(100, "weight 2", "advert_int 3");
    says(&[&good, &slow], &["advert_int is 1 s and 3 s"]);
    let secret = conf(100, "weight 2", "authentication {\nauth_type PASS\nauth_pass secret\n}");
    says(&[&good, &secret], &["is held by 2 hosts at once"]);
}

#[test]
fn unicast_peers_that_do_not_match_are_two_masters() {
    let own = |priority, own: &str, peer: &str| {
        conf(priority, "weight 2", &format!("unicast_src_ip {own}\nunicast_peer {{\n{peer}\n}}"))
    };
    let (a, b) = (own(101, "10.0.0.1", "10.0.0.2"), own(100, "10.0.0.2", "10.0.0.1"));
    assert_eq!(lint(&[&a, &b]).1, 0, "{}", lint(&[&a, &b]).0);
    let wrong = own(101, "10.0.0.1", "10.0.0.3");
    says(&[&wrong, &own(100, "10.0.0.2", "10.0.0.4")], &["is held by 2 hosts at once"]);
}

#[test]
fn peers_without_a_source_are_recognised_by_what_the_other_calls_them() {
    let own = |priority, peer: &str| conf(priority, "weight 2", &format!("unicast_peer {{\n{peer}\n}}"));
    let (a, b) = (own(101, "10.0.0.2"), own(100, "10.0.0.1"));
    assert_eq!(lint(&[&a, &b]).1, 0, "{}", lint(&[&a, &b]).0);
}

#[test]
fn one_host_alone_and_scripts_that_decide_nothing_are_told() {
    let a = conf(101, "weight 2", "");
    says(&[&a], &["is on one host only"]);
    let unused = a.clone() + "vrrp_script other {\nscript \"/bin/true\"\n}\n";
    says(&[&unused, &conf(100, "weight 2", "")], &["script other is run and decides nothing"]);
}

#[test]
fn checks_and_binds_that_need_the_address_are_told() {
    let asks =
        |p| conf(p, "weight 2", "").replace("/bin/pidof haproxy", "/usr/bin/curl http://10.224.147.208:80/");
    says(&[&asks(101), &asks(100)], &["script chk asks 10.224.147.208"]);
    let hosts = hosts(&[&conf(101, "weight 2", ""), &conf(100, "weight 2", "")]);
    let proxy = |bind: &str| {
        let text = format!("defaults\n mode http\nfrontend f\n bind {bind}\n default_backend b\nbackend b\n");
        let loaded = haproxy::load_text(vec![("haproxy.cfg".into(), text)], &haproxy::Env::default());
        report(&hosts, &[("haproxy.cfg".into(), loaded)], false)
    };
    let (text, errors) = proxy("10.224.147.208:80");
    assert!(errors == 1 && text.contains("this bind needs 10.224.147.208 of VI_1"), "{text}");
    assert_eq!(proxy("10.224.147.208:80 transparent").1, 0);
    assert_eq!(proxy("*:80").1, 0);
}

#[test]
fn three_hosts_are_simulated_together() {
    let (a, b, c) = (conf(103, "weight -10", ""), conf(102, "weight -10", ""), conf(101, "weight -10", ""));
    let (text, errors) = lint(&[&a, &b, &c]);
    assert_eq!(errors, 0, "{text}");
}
