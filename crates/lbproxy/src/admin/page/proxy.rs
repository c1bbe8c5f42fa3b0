//! One proxy's part of the page: a table with a row for the frontend, each listener, each server, and the backend.

use std::fmt::Write;

use super::{
    act::ACTIONS,
    html::{Page, bar, bytes, duration, escape, grouped},
};
use crate::{
    admin::{
        columns::Kind,
        view::{BackendSide, ServerSide, Side, View},
    },
    compile::plan::Mode,
    engine::state::{OpState, admin},
};

/// How urgent a row is: `up`, `warn`, `down`, `maint`, `calm`. The text of the status says the same in words.
pub(super) fn class(v: &View) -> &'static str {
    match &v.side {
        Side::Client if v.status == "OPEN" => "up",
        Side::Client => "down",
        Side::Backend(b) => {
            if b.up {
                "up"
            } else {
                "down"
            }
        }
        Side::Server(s) => {
            let x = &s.state;
            let partly = !v.status.ends_with(|c: char| c.is_ascii_uppercase()) && v.status.contains('/');
            match x.op {
                _ if x.admin & admin::MAINT != 0 => "maint",
                OpState::Stopped if partly => "warn",
                OpState::Stopped => "down",
                OpState::Stopping => "warn",
                _ if partly || x.admin & admin::DRAIN != 0 => "warn",
                _ if !x.checked && x.tracked.is_none() => "calm",
                _ => "up",
            }
        }
    }
}

/// The part of all rows of one proxy.
pub(super) fn section(page: &Page<'_>, rows: &[View], out: &mut String) {
    let Some(first) = rows.first() else { return };
    let acting = page.admin && rows.iter().any(|v| v.kind == Kind::Server);
    let name = escape(&first.proxy);
    let _ = write!(out, "<section id=\"{name}\"><div class=\"head\"><h2><a href=\"#{name}\">{name}</a></h2>");
    let _ = write!(out, "<span class=\"dim\">{}</span>", about(page, rows));
    if let Some(d) = first.description.as_ref() {
        let _ = write!(out, "<span>{}</span>", escape(d));
    }
    out.push_str("</div>");
    if acting {
        // Back to where the reader was.
        let here = page.options.link(page.page, |_| {});
        let _ = write!(out, "<form method=\"post\" action=\"{}\">", escape(&here));
    }
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    for (i, title) in COLUMNS.iter().map(|c| c.title).enumerate() {
        let _ = write!(out, "<th{}>{title}</th>", if i < 2 { " class=\"text\"" } else { "" });
    }
    out.push_str("</tr></thead><tbody>");
    for v in rows {
        row(page, v, acting, out);
    }
    out.push_str("</tbody></table></div>");
    if acting {
        let _ = write!(out, "<div class=\"act\"><input type=\"hidden\" name=\"b\" value=\"#{}\">", first.iid);
        out.push_str(
            "<label>With the chosen servers: <select name=\"action\"><option value=\"\">(choose)</option>",
        );
        for a in ACTIONS {
            let _ = write!(out, "<option value=\"{}\">{}</option>", a.word, a.label);
        }
        out.push_str("</select></label><button>Apply</button></div></form>");
    }
    out.push_str("</section>");
}

fn about(page: &Page<'_>, rows: &[View]) -> String {
    let mut words = vec![if rows.iter().any(|v| v.mode == Mode::Http) { "HTTP" } else { "TCP" }.to_owned()];
    for v in rows {
        if let Side::Backend(b) = &v.side {
            words.push(format!("{} of {} servers usable", b.active + b.backup, b.servers));
            if page.page.show_legends {
                words.push(format!("balance {}", b.algorithm));
                words.extend(v.cookie.as_ref().map(|c| format!("cookie {}", escape(c))));
            }
        }
    }
    if page.page.show_legends {
        words.extend(rows.first().map(|v| format!("id {}", v.iid)));
    }
    words.join(" · ")
}

/// A column: its title on wide screens, its label on small ones, what it holds. `None`: nothing to say.
struct Column {
    title: &'static str,
    label: &'static str,
    cell: fn(&View) -> Option<Cell>,
}

/// What a cell shows, and whether it is all zero, which small screens leave out.
struct Cell {
    html: String,
    zero: bool,
}

const COLUMNS: &[Column] = &[
    Column { title: "Name", label: "", cell: |_| None },
    Column { title: "Status", label: "Status", cell: status },
    Column { title: "Weight", label: "Weight", cell: weight },
    Column { title: "Queue", label: "Queue", cell: queue },
    Column { title: "Sessions<br>now / most / limit", label: "Sessions", cell: sessions },
    Column { title: "per second<br>now / most", label: "Sessions per second", cell: rate },
    Column { title: "Total", label: "Sessions in all", cell: |v| count(&[v.totals.sessions]) },
    Column {
        title: "Bytes<br>in / out",
        label: "Bytes in / out",
        cell: |v| {
            let (i, o) = (v.totals.bytes_in, v.totals.bytes_out);
            Some(Cell { html: format!("{} / {}", bytes(i), bytes(o)), zero: i == 0 && o == 0 })
        },
    },
    Column {
        title: "Denied<br>req / resp",
        label: "Denied requests / responses",
        cell: |v| match v.kind {
            Kind::Server => count(&[v.totals.denied_responses]),
            _ => count(&[v.totals.denied_requests, v.totals.denied_responses]),
        },
    },
    Column {
        title: "Errors req<br>or conn / resp",
        label: "Errors (request, or connection / response)",
        cell: |v| match v.side {
            Side::Client => count(&[v.totals.request_errors]),
            _ => count(&[v.totals.connect_errors, v.totals.response_errors]),
        },
    },
    Column {
        title: "Retries /<br>elsewhere",
        label: "Retries / sent elsewhere",
        cell: |v| match v.side {
            Side::Client => None,
            _ => count(&[v.totals.retries, v.totals.redispatches]),
        },
    },
    Column { title: "Last check", label: "Last check", cell: last_check },
    Column {
        title: "Failed checks /<br>times down, long",
        label: "Failed checks / times down, for",
        cell: failures,
    },
];

fn row(page: &Page<'_>, v: &View, acting: bool, out: &mut String) {
    let kind = match v.kind {
        Kind::Backend | Kind::Frontend => "sum",
        Kind::Listener => "listener",
        Kind::Server => "server",
    };
    let id = escape(&format!("{}/{}", v.proxy, v.service));
    let _ = write!(out, "<tr id=\"{id}\" class=\"{kind} s-{}\"><td class=\"text\">", class(v));
    let service = escape(&v.service);
    let shown = match v.kind {
        Kind::Frontend => "Frontend",
        Kind::Backend => "Backend",
        _ => &service,
    };
    match acting && v.kind == Kind::Server {
        true => {
            let _ = write!(
                out,
                "<label class=\"name\"><input type=\"checkbox\" name=\"s\" value=\"{service}\">{shown}</label>"
            );
        }
        false => {
            let _ = write!(out, "<span class=\"name\">{shown}</span>");
        }
    }
    details(page, v, out);
    out.push_str("</td>");
    for c in COLUMNS.iter().skip(1) {
        let text = if c.label == "Status" { "text " } else { "" };
        let _ = match (c.cell)(v) {
            None => write!(out, "<td class=\"{text}none\"></td>"),
            Some(Cell { html, zero: true }) => {
                write!(out, "<td class=\"{text}zero\" data-l=\"{}\">{html}</td>", c.label)
            }
            Some(Cell { html, zero: false }) => {
                write!(out, "<td class=\"{text}\" data-l=\"{}\"><span>{html}</span></td>", c.label)
            }
        };
    }
    out.push_str("</tr>");
}

fn count(parts: &[u64]) -> Option<Cell> {
    let texts: Vec<String> = parts.iter().map(|n| grouped(*n)).collect();
    Some(Cell { html: texts.join(" / "), zero: parts.iter().all(|n| *n == 0) })
}

fn server(v: &View) -> Option<&ServerSide> {
    if let Side::Server(s) = &v.side { Some(s) } else { None }
}

fn backend(v: &View) -> Option<&BackendSide> {
    if let Side::Backend(b) = &v.side { Some(b) } else { None }
}

fn status(v: &View) -> Option<Cell> {
    let mut html = format!("<span class=\"pill {}\">{}</span>", class(v), escape(&v.status));
    let since = server(v)
        .map(|s| s.state.since_change_ms / 1_000)
        .or(backend(v).filter(|b| b.servers > 0).map(|b| b.since_change_s));
    if let Some(s) = since {
        let _ = write!(html, " <small>for {}</small>", duration(s));
    }
    if let Some(p) = server(v).and_then(|s| s.state.throttle_percent) {
        let _ = write!(html, " <small>warming up, {p} %</small>");
    }
    Some(Cell { html, zero: false })
}

fn weight(v: &View) -> Option<Cell> {
    let html = match &v.side {
        Side::Server(s) => {
            let of = if s.state.weight == s.state.uweight {
                String::new()
            } else {
                format!(" of {}", s.state.uweight)
            };
            let role = if s.state.backup { "backup" } else { "active" };
            format!("{}{of} <small>{role}</small>", s.state.weight)
        }
        Side::Backend(b) => format!("{} <small>{} active, {} backup</small>", b.weight, b.active, b.backup),
        Side::Client => return None,
    };
    Some(Cell { html, zero: false })
}

fn queue(v: &View) -> Option<Cell> {
    if matches!(v.side, Side::Client) {
        return None;
    }
    let limit = server(v).map_or(0, |s| s.queue_limit);
    Some(levels(v.queued, v.queued_max, Some(limit).filter(|l| *l > 0)))
}

/// Now, most, limit.
fn levels(now: u32, most: u32, limit: Option<u32>) -> Cell {
    let mut html = format!("{} / {}", grouped(now.into()), grouped(most.into()));
    if let Some(l) = limit {
        let _ = write!(html, " / {}", grouped(l.into()));
    }
    Cell { html, zero: now == 0 && most == 0 }
}

fn sessions(v: &View) -> Option<Cell> {
    let limit = v.sessions_limit.filter(|l| *l > 0);
    let mut cell = levels(v.sessions, v.sessions_max, limit);
    if let Some(l) = limit.filter(|_| v.sessions > 0) {
        bar(v.sessions, l, &mut cell.html);
    }
    Some(cell)
}

fn rate(v: &View) -> Option<Cell> {
    if v.kind == Kind::Listener {
        return None;
    }
    Some(levels(v.rates.sessions, v.rates.sessions_max, Some(v.rate_limit).filter(|l| *l > 0)))
}

fn last_check(v: &View) -> Option<Cell> {
    let s = server(v)?;
    if let Some(t) = &s.state.tracked {
        return Some(Cell { html: format!("follows {}", escape(t)), zero: false });
    }
    let r = s.state.report.as_ref()?;
    let code = if r.code > 0 { format!("/{}", r.code) } else { String::new() };
    let running = if s.state.in_progress { "* " } else { "" };
    let html = format!("{running}{}{code} <small>in {} ms</small>", r.status.word(), r.duration_ms);
    Some(Cell { html, zero: false })
}

fn failures(v: &View) -> Option<Cell> {
    let (mut cell, down_s) = match &v.side {
        Side::Server(s) if s.state.checked => {
            let counts = [s.state.failed_checks, s.state.down_transitions.into()];
            (count(&counts)?, s.state.downtime_ms / 1_000)
        }
        Side::Backend(b) if b.servers > 0 => (count(&[b.downs.into()])?, b.downtime_s),
        _ => return None,
    };
    if down_s > 0 {
        let _ = write!(cell.html, ", {}", duration(down_s));
        cell.zero = false;
    }
    Some(cell)
}

/// What is looked up less often.
fn details(page: &Page<'_>, v: &View, out: &mut String) {
    let mut list: Vec<(&str, String)> = Vec::new();
    let t = &v.totals;
    if page.page.show_legends {
        list.extend(v.address.as_ref().map(|a| ("address", escape(a))));
        if v.kind == Kind::Server {
            list.extend(v.cookie.as_ref().map(|c| ("cookie", escape(c))));
        }
        list.push(("id", format!("{}", if v.sid > 0 { v.sid } else { v.iid })));
    }
    if v.kind == Kind::Frontend {
        let r = &v.rates;
        list.push(("connections", grouped(t.connections)));
        list.push((
            "connections per second, now / most",
            format!("{} / {}", r.connections, r.connections_max),
        ));
        list.push(("requests per second, now / most", format!("{} / {}", r.requests, r.requests_max)));
        list.push(("connections and sessions denied", grouped(t.denied_connections + t.denied_sessions)));
    }
    if v.mode == Mode::Http && v.kind != Kind::Listener {
        http_details(v, &mut list);
    }
    if !matches!(v.side, Side::Client) {
        server_details(v, &mut list);
    }
    list.push(("internal errors", grouped(t.internal_errors)));
    out.push_str("<details><summary>More</summary><dl>");
    for (name, value) in list {
        let _ = write!(out, "<dt>{name}</dt><dd>{value}</dd>");
    }
    out.push_str("</dl></details>");
}

fn http_details(v: &View, list: &mut Vec<(&'static str, String)>) {
    let t = &v.totals;
    list.push(("requests", grouped(t.requests)));
    for (name, n) in [
        ("answers 1xx", t.status_1xx),
        ("answers 2xx", t.status_2xx),
        ("answers 3xx", t.status_3xx),
        ("answers 4xx", t.status_4xx),
        ("answers 5xx", t.status_5xx),
        ("other answers", t.status_other),
        ("answered here", t.intercepted),
        ("failed rewrites", t.rewrite_failures),
    ] {
        list.push((name, grouped(n)));
    }
}

fn server_details(v: &View, list: &mut Vec<(&'static str, String)>) {
    let t = &v.totals;
    let names = [
        "queue time, mean / most",
        "connect time, mean / most",
        "response time, mean / most",
        "total time, mean / most",
    ];
    let most = [t.queue_time_max_ms, t.connect_time_max_ms, t.response_time_max_ms, t.total_time_max_ms];
    for ((name, mean), most) in names.into_iter().zip(v.times_ms).zip(most) {
        list.push((name, format!("{mean} / {most} ms")));
    }
    list.push(("chosen by balancing", grouped(t.picked)));
    list.push((
        "connections begun / reused",
        format!("{} / {}", grouped(t.connect_attempts), grouped(t.connection_reuses)),
    ));
    list.push((
        "aborted by client / server",
        format!("{} / {}", grouped(t.client_aborts), grouped(t.server_aborts)),
    ));
    let last = server(v).map(|s| s.since_session_s).or(backend(v).map(|b| b.since_session_s)).flatten();
    list.push(("last session", last.map_or_else(|| "never".to_owned(), |s| format!("{} ago", duration(s)))));
    if let Some(s) = server(v) {
        list.push(("idle connections", grouped(t.idle_connections)));
        if let Some(r) = &s.state.report {
            let said = if r.info.is_empty() { String::new() } else { format!(": {}", escape(&r.info)) };
            list.push(("last check", format!("{}{said}", r.status.text())));
            list.push((
                "health, rise, fall",
                format!("{}, {}, {}", s.state.health, s.state.rise, s.state.fall),
            ));
        }
    }
}
