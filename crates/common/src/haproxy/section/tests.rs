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

fn proxy<'a>(config: &'a Config, name: &str) -> &'a Proxy {
    config.proxies.iter().find(|p| p.name.value == name).unwrap()
}

#[test]
fn a_proxy_takes_the_last_defaults_or_the_named_ones_and_keeps_what_it_says_itself() {
    let config = clean(
        "defaults web\n mode http\n timeout client 1s\n retries 5\ndefaults db from web\n mode tcp\n\
         frontend a\n bind :81\nfrontend b from web\n bind :82\n timeout client 9s\n\
         defaults\n timeout server 3s\nbackend c\nbackend d from web\n retries 1\n",
    );
    let of = |n: &str| {
        let p = proxy(&config, n);
        (p.mode, p.timeouts.client_ms, p.timeouts.server_ms, p.back.retries)
    };
    assert_eq!(of("a"), (Mode::Tcp, Some(1_000), None, None));
    assert_eq!(of("b"), (Mode::Http, Some(9_000), None, None));
    assert_eq!(of("c"), (Mode::Tcp, None, Some(3_000), None));
    assert_eq!(of("d"), (Mode::Http, None, None, Some(1)));
}

#[test]
fn inheritance_from_nothing_and_rules_in_nameless_defaults_are_refused() {
    let loaded = load(
        "defaults web\n http-request deny\ndefaults\n http-request deny\n acl a path /\nbackend b from wb\n",
    );
    assert_eq!(said(&loaded), ["Alert 4 C006 http-request", "Alert 5 C006 acl", "Alert 6 C001 wb"]);
    let help = loaded.diagnostics.iter().last().unwrap().help.clone();
    assert_eq!(help.as_deref(), Some("did you mean `web`?"));
}

#[test]
fn each_old_spelling_is_warned_of_once_and_means_what_it_meant() {
    let text = include_str!("../../../../../tests/corpus/haproxy/old.cfg");
    let loaded = load(text);
    let warned: Vec<_> = said(&loaded).into_iter().filter(|s| s.starts_with("Warning")).collect();
    let lines: Vec<&str> = warned.iter().map(|s| s.split(' ').nth(1).unwrap()).collect();
    let mut once = lines.clone();
    once.dedup();
    assert_eq!(lines, once, "one warning for a line");
    let p = proxy(&loaded.config, "old");
    assert_eq!(p.timeouts.connect_ms, Some(5_000));
    assert_eq!(p.back.redispatch, Some(Redispatch::LastRetry));
    assert_eq!(p.options.http_mode, HttpMode::Close);
    let CheckKind::Http(chk) = &p.back.check else { panic!("http check") };
    assert_eq!(
        (chk.version.as_deref(), chk.headers.as_slice()),
        (Some("HTTP/1.1"), &[("Host".to_owned(), "www.example".to_owned())][..])
    );
    let kinds: Vec<_> = p.rules.http_request.iter().map(|r| r.action.clone()).collect();
    assert!(matches!(&kinds[0], Action::Deny(_)), "block comes first");
    assert!(matches!(&kinds[1], Action::AddHeader { value, .. } if value.as_str() == "100%%"));
    assert!(matches!(&kinds[2], Action::DelHeader { name, .. } if name.as_str() == "X-Forwarded-For"));
    assert!(matches!(&kinds[3], Action::DelLine { ignore_case: false, .. }));
    assert!(matches!(&kinds[4], Action::ReplaceLine { ignore_case: true, .. }));
    assert!(matches!(&kinds[6], Action::MatchLine { then: LineVerdict::Deny, ignore_case: true, .. }));
    assert!(matches!(kinds.last(), Some(Action::Redirect(_))), "redirect comes last");
    assert_eq!(p.rules.http_response.len(), 4);
    assert_eq!(p.back.servers.len(), 2, "two servers of one name are both kept");
}

#[test]
fn old_spellings_that_cannot_be_honoured_are_refused_with_what_to_write() {
    let loaded = load(
        "backend b\n mode http\n appsession A len 5\n dispatch 1.2.3.4:80\n reqsetbe x y\n option http_proxy\n",
    );
    let codes: Vec<_> =
        said(&loaded).iter().map(|s| s.split(' ').take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(codes, ["Alert 3 H008", "Alert 4 H008", "Alert 5 H008", "Alert 6 H008"]);
    assert!(loaded.diagnostics.iter().all(|d| d.message.contains("write")));
}

#[test]
fn a_keyword_without_effect_is_said_once_as_a_notice() {
    let loaded = load(
        "global\n lua-load a.lua\n lua-load b.lua\n tune.h2.fe.rxbuf 5\n busy-polling\nring r\nring s\n",
    );
    let expected = [
        "Notice 2 H014 lua-load",
        "Notice 4 H014 tune.h2.fe.rxbuf",
        "Notice 5 H007 busy-polling",
        "Notice 6 H014 ring",
    ];
    assert_eq!(said(&loaded), expected);
    assert_eq!(loaded.config.global.lua.len(), 2);
}

#[test]
fn names_are_unique_where_haproxy_needs_them_to_be() {
    let loaded = load(
        "frontend a\nfrontend a\nlisten l\nbackend l\nfrontend t\nbackend t\n server s 1.1.1.1:1\n server s 1.1.1.2:1\nuserlist u\nuserlist u\n",
    );
    let expected =
        ["Alert 2 C002 a", "Alert 4 C002 l", "Warning 8 C002 s", "Warning 6 C002 t", "Alert 10 C002 u"];
    assert_eq!(said(&loaded), expected);
}

#[test]
fn a_rule_behind_one_that_is_evaluated_later_is_warned_of() {
    let text = "listen a\n bind :80\n mode http\n use_backend b if TRUE\n http-request deny\n tcp-request content accept\n http-request allow\n";
    let loaded = load(text);
    let expected =
        ["Warning 5 H013 http-request", "Warning 6 H013 tcp-request content", "Warning 7 H013 http-request"];
    assert_eq!(said(&loaded), expected);
}

#[test]
fn keywords_of_the_missing_half_are_warned_of_and_servers_refused() {
    let loaded = load(
        "frontend a\n balance source\n server s 1.1.1.1:1\nbackend b\n bind :80\n maxconn 5\n no maxconn\n",
    );
    let expected = [
        "Warning 2 C006 balance",
        "Alert 3 C006 server",
        "Warning 5 C006 bind",
        "Warning 6 C006 maxconn",
        "Alert 7 H003 no",
    ];
    assert_eq!(said(&loaded), expected);
}

#[test]
fn no_and_default_take_options_back() {
    let config = clean(
        "defaults\n mode http\n option httpclose\n option dontlognull\n option abortonclose\n log global\n option redispatch\n\
         listen a\n bind :80\n no option httpclose\n no option dontlognull\n default option abortonclose\n no log\n no option redispatch\n\
         listen b\n bind :81\n no option abortonclose\n option redispatch 3\n",
    );
    let (a, b) = (proxy(&config, "a"), proxy(&config, "b"));
    assert_eq!((a.options.http_mode, a.options.http_mode_given), (HttpMode::KeepAlive, false));
    assert!(!a.options.dontlognull && a.options.abortonclose.is_none() && a.logs.is_empty());
    assert_eq!((a.back.redispatch, b.back.redispatch), (Some(Redispatch::Never), Some(Redispatch::Every(3))));
    assert_eq!(b.options.abortonclose, Some(false));
}

#[test]
fn servers_start_from_default_server_and_templates_keep_their_range() {
    let config = clean(
        "backend b\n default-server check inter 3s weight 10\n default-server rise 5\n server a 10.0.0.1:80 weight 20 no-check\n \
         server-template w 2-4 pool.example:+10 check port 81 addr 10.0.0.9 source 10.0.0.3:1000-2000 backup\n",
    );
    let back = &config.proxies[0].back;
    let a = &back.servers[0];
    assert_eq!(
        (a.check.on, a.check.inter_ms, a.check.rise, a.weight.unwrap().value),
        (false, Some(3_000), Some(5), 20)
    );
    let t = &back.templates[0];
    assert_eq!((t.prefix.as_str(), t.first, t.last), ("w", 2, 4));
    assert!(t.server.backup && t.server.check.port.unwrap().value == 81);
    assert_eq!(t.server.source.as_ref().unwrap().address.to_string(), "10.0.0.3:1000-2000");
    assert_eq!(t.server.address.to_string(), "pool.example:+10");
}

#[test]
fn values_out_of_range_are_pointed_at() {
    let loaded = load(
        "backend b\n server a 1.1.1.1:80-90\n server b 1.1.1.1:80 weight 300\n server c 1.1.1.1:80 check inter 0\n \
         server d 1.1.1.1:80 cookie\n cookie A preserve\n hash-balance-factor 50\n http-reuse sometimes\n retry-on 418\n \
         errorfile 299 /x\n timeout server 1.5s\n balance random(x)\n",
    );
    let expected = [
        "Alert 2 C003 1.1.1.1:80-90",
        "Alert 3 H003 300",
        "Alert 4 H003 0",
        "Alert 5 H004 cookie",
        "Alert 6 C005 A",
        "Alert 7 H003 50",
        "Alert 8 H003 sometimes",
        "Alert 9 H003 418",
        "Alert 10 H003 299",
        "Alert 11 H003 .5s",
        "Alert 12 H003 random(x)",
    ];
    assert_eq!(said(&loaded), expected);
}

#[test]
fn rules_keep_their_arguments_and_conditions() {
    let config = clean(
        "frontend f\n mode http\n bind :80\n http-request return status 418 content-type text/plain lf-string \"%[src]\" hdr A b if { path /x }\n \
         http-request redirect scheme https code 308 unless { ssl_fc }\n http-request set-var(txn.a,ifexists) req.hdr(b), lower\n \
         http-request track-sc2 src table t if TRUE\n http-request capture req.hdr(x) len 10\n http-request silent-drop rst-ttl 5\n",
    );
    let rules = &config.proxies[0].rules.http_request;
    let Action::Return(reply) = &rules[0].action else { panic!() };
    assert_eq!(reply.status.unwrap().value, 418);
    assert!(matches!(&reply.body, Some(ReplyBody::LfString(f)) if f.as_str() == "%[src]"));
    assert_eq!(rules[0].cond.as_ref().unwrap().to_string(), "if { path /x }");
    let Action::Redirect(r) = &rules[1].action else { panic!() };
    assert!(matches!(&r.to, RedirectTo::Scheme(s) if s.as_str() == "https") && r.code.unwrap().value == 308);
    let Action::SetVar(v) = &rules[2].action else { panic!() };
    assert_eq!((v.name.as_str(), v.conditions[0].as_str()), ("txn.a", "ifexists"));
    assert!(matches!(&v.value, VarValue::Expr(e) if e.to_string() == "req.hdr(b),lower"));
    assert!(
        matches!(&rules[3].action, Action::Track(t) if t.counter == 2 && t.table.as_ref().unwrap().as_str() == "t")
    );
    assert!(matches!(&rules[5].action, Action::SilentDrop { rst_ttl: Some(5) }));
}

#[test]
fn actions_that_do_not_exist_or_stand_in_the_wrong_set_are_told_apart() {
    let loaded = load(
        "listen f\n bind :80\n mode http\n tcp-request connection set-header a b\n http-request set-heder a b\n http-request deny iff x\n",
    );
    assert_eq!(said(&loaded), ["Alert 4 H003 set-header", "Alert 5 H003 set-heder", "Alert 6 H003 iff"]);
    let messages: Vec<_> = loaded.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert!(messages[0].contains("may not stand") && messages[1].contains("does not know"), "{messages:?}");
}

#[test]
fn log_lines_are_typed_and_bad_facilities_named() {
    let config = clean(
        "global\n log 127.0.0.1:514 len 2000 format rfc5424 sample 1,3-4:10 local0 info err\n log stdout format raw daemon\n log ring@r local1\n",
    );
    let logs = &config.global.logs;
    assert!(matches!(&logs[0].target, LogDestination::Address(a) if a.to_string() == "udp@127.0.0.1:514"));
    assert_eq!((logs[0].level, logs[0].min_level), (Some(LogLevel::Info), Some(LogLevel::Err)));
    assert_eq!(logs[0].sample.as_ref().unwrap().ranges, [(1, 1), (3, 4)]);
    assert_eq!(logs[1].target, LogDestination::Stdout);
    assert_eq!(said(&load("global\n log /dev/log lokal0\n log global\n log /dev/log\n")).len(), 3);
}

#[test]
fn words_that_haproxy_passes_over_are_passed_over_with_a_notice() {
    assert!(TOLERANT.windows(2).all(|w| w[0] < w[1]));
    let loaded = load("backend b zzz\n stats realm Haproxy Statistics\n balance source x\n retries 3 4\n");
    let expected = ["Notice 1 H005 zzz", "Notice 2 H005 Statistics", "Notice 3 H005 x", "Alert 4 H005 4"];
    assert_eq!(said(&loaded), expected);
    assert_eq!(loaded.config.proxies[0].stats.as_ref().unwrap().realm.as_deref(), Some("Haproxy"));
}

#[test]
fn quoting_goldens_come_out_as_the_words_meant() {
    let text = include_str!("../../../../../tests/corpus/haproxy/quoting.cfg");
    let config = clean(text);
    assert_eq!(config.global.description.as_deref(), Some("single #1 double \"x\" 18090 back slash"));
    assert_eq!(config.global.log_tag.as_deref(), Some("proxy-18090"));
    assert_eq!(config.global.limits.maxconn.unwrap().value, 500);
    let q = &config.proxies[0];
    assert_eq!(
        q.acls[0].test.patterns.iter().map(|p| p.as_str()).collect::<Vec<_>>(),
        ["one", "two", "three"]
    );
    let Action::SetHeader { value, .. } = &q.rules.http_request[1].action else { panic!() };
    assert_eq!(value.as_str(), "tab\there A # \\");
    let Action::SetPath(path) = &q.rules.http_request[2].action else { panic!() };
    assert_eq!(path.as_str(), "%[path,regsub(\"(foo|bar)\",blah,g)]");
}
