use super::*;
use crate::{
    diag::Severity,
    haproxy::{self, Env, Loaded, address::Address, model::*},
};

fn load(text: &str) -> Loaded {
    haproxy::load_text(vec![("t.cfg".to_owned(), text.to_owned())], &Env::default())
}

/// What was said, as `severity line code words`.
fn said(loaded: &Loaded) -> Vec<String> {
    let one = |d: &Diagnostic| {
        let (line, words) = d
            .primary
            .as_ref()
            .map_or((0, ""), |p| (loaded.sources.line_col(p.span).line, loaded.sources.text(p.span)));
        format!("{:?} {line} {} {words}", d.severity, d.code.0)
    };
    loaded.diagnostics.iter().map(one).collect()
}

fn clean(text: &str) -> Config {
    let loaded = load(text);
    assert!(loaded.diagnostics.is_empty(), "{:#?}", said(&loaded));
    loaded.config
}

#[test]
fn registries_are_sorted_and_every_row_says_what_it_is() {
    let mut last = ("", "");
    for family in proxy::FAMILIES.iter().map(|f| f.iter().map(|k| k.name).collect::<Vec<_>>()) {
        assert!(family.windows(2).all(|w| w[0] < w[1]), "{family:?}");
    }
    for family in global::FAMILIES.iter().map(|f| f.iter().map(|k| k.name).collect::<Vec<_>>()) {
        assert!(family.windows(2).all(|w| w[0] < w[1]), "{family:?}");
    }
    for row in registry() {
        assert!(row.doc.ends_with('.') && row.doc.len() > 5, "{row:?}");
        if !matches!(row.family, "proxy" | "global") {
            assert!(row.family != last.0 || row.name > last.1, "{last:?} {row:?}");
        }
        last = (row.family, row.name);
    }
    assert!(KINDS.windows(2).all(|w| w[0].name < w[1].name));
}

#[test]
fn no_keyword_has_two_rows() {
    let mut names: Vec<_> = registry().iter().map(|r| (r.family, r.name)).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

const SEED_OPENSTACK: &str = include_str!("../../../../../tests/corpus/haproxy/openstack.cfg");
const SEED_WEB: &str = include_str!("../../../../../tests/corpus/haproxy/web.cfg");

#[test]
fn the_web_file_loads_with_one_warning_for_the_address_on_the_frontend_line() {
    let loaded = load(SEED_WEB);
    assert_eq!(said(&loaded), ["Warning 31 H006 *:5000"]);
    let [main, fixed, app] = &loaded.config.proxies[..] else { panic!("three proxies") };
    assert_eq!(main.front.binds[0].addresses[0].value, Address::parse("*:5000").unwrap());
    assert_eq!(main.acls.len(), 2);
    assert!(main.acls[0].test.ignore_case && main.acls[0].test.patterns.len() == 4);
    assert_eq!(main.front.use_backend[0].cond.as_ref().unwrap().to_string(), "if url_static");
    assert_eq!(main.front.default_backend.as_ref().unwrap().as_str(), "app");
    assert_eq!(main.front.maxconn.as_ref().unwrap().value, 3000);
    assert_eq!(main.timeouts.http_request_ms, Some(10_000));
    assert_eq!((main.timeouts.connect_ms, app.timeouts.connect_ms), (None, Some(10_000)));
    assert_eq!(main.options.forwardfor.as_ref().unwrap().except[0].as_str(), "127.0.0.0/8");
    assert_eq!(main.options.http_mode, HttpMode::ServerClose);
    assert_eq!(fixed.back.redispatch, Some(Redispatch::LastRetry));
    assert!(fixed.back.servers[0].check.on);
    assert_eq!(loaded.config.global.stats.sockets[0].addresses[0].to_string(), "/var/lib/haproxy/stats");
}

#[test]
fn the_openstack_file_loads_with_one_warning_for_each_old_spelling() {
    let loaded = load(SEED_OPENSTACK);
    assert_eq!(loaded.diagnostics.count(Severity::Alert), 0, "{:#?}", said(&loaded));
    let codes: std::collections::BTreeMap<_, usize> =
        loaded.diagnostics.iter().fold(Default::default(), |mut m, d| {
            *m.entry((format!("{:?}", d.severity), d.code.0)).or_default() += 1;
            m
        });
    // contimeout, clitimeout, srvtimeout, the address of `listen stats`, and eleven times reqadd.
    let expected = [(("Warning".to_owned(), "H006"), 15)];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), expected, "{:#?}", said(&loaded));
    let horizon = loaded.config.proxies.iter().find(|p| p.name.value == "horizon_frontend").unwrap();
    assert_eq!(horizon.options.http_mode, HttpMode::Close);
    let Action::AddHeader { name, value } = &horizon.rules.http_request[0].action else { panic!() };
    assert_eq!((name.as_str(), value.as_str()), ("X-Forwarded-Protocol", "https"));
    assert_eq!(horizon.front.binds[0].addresses[0].name(), Some("horizon.app.com"));
    assert_eq!(horizon.front.binds[0].tls.crt[0].as_str(), "/home/app/cert/appcert/app.crt");
    let keystone = loaded.config.proxies.iter().find(|p| p.name.value == "keystone_server").unwrap();
    let address = &keystone.back.servers[1].address;
    assert_eq!(loaded.sources.text(address.span), "10.224.155.xx:5000");
    assert_eq!(address.name(), Some("10.224.155.xx"));
    let stats = &loaded.config.proxies[0];
    assert_eq!(stats.back.balance.as_ref().unwrap().value, Balance::Roundrobin);
    let page = stats.stats.as_ref().unwrap();
    assert_eq!(page.realm.as_deref(), Some("HAProxy Statistics"));
    assert_eq!(page.auth[0].user, "admin");
    assert_eq!(page.admin[0].cond.as_ref().unwrap().to_string(), "if TRUE");
    assert_eq!(stats.timeouts.client_ms, Some(5_000));
}

#[test]
fn all_errors_of_a_file_are_said_in_one_run_at_the_exact_word() {
    let text = "global\n foo bar\n maxcon 5\n maxconn 10x\nlisten x\n bind :99999\n option htpplog\n \
                server a 1.2.3.4:80 chekc inter\n timeout connnect 5\n mode htp\n balance roundrbin\n";
    let loaded = load(text);
    let expected = [
        "Alert 2 H001 foo",
        "Alert 3 H001 maxcon",
        "Alert 4 H003 10x",
        "Alert 6 C003 99999",
        "Alert 7 H001 htpplog",
        "Alert 8 H001 chekc",
        "Alert 9 H001 connnect",
        "Alert 10 H003 htp",
        "Alert 11 H003 roundrbin",
    ];
    assert_eq!(said(&loaded), expected);
    let help: Vec<_> = loaded.diagnostics.iter().filter_map(|d| d.help.as_deref()).collect();
    for word in ["maxconn", "httplog", "check", "connect", "http", "roundrobin"] {
        assert!(help.iter().any(|h| h.contains(&format!("`{word}`"))), "{word}: {help:?}");
    }
}

#[test]
fn a_listener_without_a_port_is_refused() {
    assert_eq!(
        said(&load("listen a\n bind 10.0.0.1\n bind ,:80\n")),
        ["Alert 2 C003 10.0.0.1", "Alert 3 C003 ,:80"]
    );
    let config = clean(
        "listen a\n bind 10.0.0.1:80,[::1]:80 name both maxconn 5 accept-proxy\n bind /run/a.sock mode 660 user x\n",
    );
    let binds = &config.proxies[0].front.binds;
    assert_eq!(binds[0].addresses.len(), 2);
    assert!(binds[0].accept_proxy && binds[0].maxconn == Some(5));
    assert_eq!(binds[1].unix.mode, Some(0o660));
}
