//! The works that are measured, one row each, and the configuration that all proxies get.

/// What a run does.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Which of the proxy's ports.
    pub(crate) port: Port,
    pub(crate) load: Load,
    /// `http-reuse`.
    pub(crate) reuse: &'static str,
    /// A log target, `httplog` and ten rules.
    pub(crate) full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Http,
    Tls,
    Relay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// wrk: connections, target, a connection for each request or not.
    Wrk { conns: u32, target: &'static str, close: bool },
    /// h2load, HTTP/2.
    H2 { target: &'static str },
    /// Connections that wait for their next request.
    Idle,
}

impl Work {
    pub(crate) fn is_memory(&self) -> bool {
        self.load == Load::Idle
    }
}

const fn wrk(conns: u32, target: &'static str, close: bool) -> Load {
    Load::Wrk { conns, target, close }
}

const SMALL: &str = "/api/small";
const BIG: &str = "/api/big";

const fn work(name: &'static str, what: &'static str, port: Port, load: Load) -> Work {
    Work { name, what, port, load, reuse: "safe", full: false }
}

#[rustfmt::skip]
pub(crate) const WORKS: &[Work] = &[
    work("W1", "keep-alive, 200 bytes, 64 connections", Port::Http, wrk(64, SMALL, false)),
    work("W1c8", "the same with 8 connections", Port::Http, wrk(8, SMALL, false)),
    Work { full: true, ..work("W1L", "the same as W1 with log lines and ten rules", Port::Http, wrk(64, SMALL, false)) },
    work("W2", "a connection for each request, http-reuse safe", Port::Http, wrk(64, SMALL, true)),
    Work { reuse: "always", ..work("W2R", "the same with http-reuse always", Port::Http, wrk(64, SMALL, true)) },
    work("W3", "1 MiB bodies", Port::Http, wrk(16, BIG, false)),
    work("W4", "TLS 1.3, 200 bytes", Port::Tls, wrk(64, SMALL, false)),
    work("W4B", "TLS 1.3, 1 MiB bodies", Port::Tls, wrk(16, BIG, false)),
    work("W4H", "a TLS handshake for each request", Port::Tls, wrk(16, SMALL, true)),
    work("W5", "TCP relay, 200 bytes", Port::Relay, wrk(64, "/small", false)),
    work("W5B", "TCP relay, 1 MiB", Port::Relay, wrk(16, "/big", false)),
    work("W6", "HTTP/2 over TLS to HTTP/1", Port::Tls, Load::H2 { target: SMALL }),
    work("MEM", "memory of an idle kept-alive connection, bytes", Port::Http, Load::Idle),
    work("MEMT", "the same over TLS", Port::Tls, Load::Idle),
];

/// Addresses and files of a run.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) http: u16,
    pub(crate) tls: u16,
    pub(crate) relay: u16,
    pub(crate) origin: u16,
    /// Where log lines go.
    pub(crate) log: u16,
    pub(crate) pem: &'a str,
    pub(crate) threads: usize,
}

/// The haproxy.cfg of a work.
pub(crate) fn config(work: &Work, p: &Places<'_>) -> String {
    let Places { http, tls, relay, origin, log, pem, threads } = p;
    let reuse = work.reuse;
    let (target, option, rules) = match work.full {
        true => (format!("log 127.0.0.1:{log} local0"), "log global\n  option httplog", RULES),
        false => (String::new(), "", ""),
    };
    format!(
        "global\n  nbthread {threads}\n  maxconn 9000\n  {target}\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n\
         defaults\n  {option}\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         \x20 timeout http-request 30s\n  timeout http-keep-alive 60s\n  http-reuse {reuse}\n\
         frontend web\n  mode http\n  bind 127.0.0.1:{http}\n  bind 127.0.0.1:{tls} ssl crt {pem} alpn h2,http/1.1\n\
         \x20 option forwardfor\n{rules}\n  acl api path_beg /api\n  use_backend api if api\n  default_backend rest\n\
         backend api\n  mode http\n  balance roundrobin\n  server s1 127.0.0.1:{origin}\n  server s2 127.0.0.2:{origin}\n\
         backend rest\n  mode http\n  server s1 127.0.0.1:{origin}\n\
         frontend relay\n  mode tcp\n  bind 127.0.0.1:{relay}\n  default_backend raw\n\
         backend raw\n  mode tcp\n  balance roundrobin\n  server s1 127.0.0.1:{origin}\n  server s2 127.0.0.2:{origin}\n"
    )
}

const RULES: &str = "\
  http-request set-header X-Request-Start t=%[date()]
  http-request del-header X-Internal
  http-request set-var(txn.host) req.hdr(host),lower
  http-request deny deny_status 403 if { path_sub -i ../ }
  http-request deny if { src 203.0.113.0/24 }
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  acl host_bad var(txn.host) -m end .invalid
  http-request deny if host_bad
  http-response del-header Server
  http-response set-header Strict-Transport-Security max-age=31536000 if { ssl_fc }";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_work_has_a_configuration_that_names_its_places() {
        let p = Places { http: 1, tls: 2, relay: 3, origin: 4, log: 5, pem: "/x.pem", threads: 1 };
        for w in WORKS {
            let text = config(w, &p);
            let all = ["127.0.0.1:1\n", "127.0.0.1:2 ssl crt /x.pem", "127.0.0.1:3\n", "127.0.0.1:4\n"];
            assert!(all.iter().all(|part| text.contains(part)), "{}:\n{text}", w.name);
            assert_eq!(text.contains("127.0.0.1:5"), w.full, "{}", w.name);
        }
    }
}
