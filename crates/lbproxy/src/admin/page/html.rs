//! The page as a whole: what stands at its top and bottom. One proxy's part is in `proxy`.

use std::fmt::Write;

use super::{Form, Options, proxy, style::STYLE};
use crate::{
    admin::{
        columns::Kind,
        info,
        view::{Side, View},
    },
    compile::plan::StatsPage,
    shell::runtime::{Runtime, Shared},
};

/// What a page is made from.
pub(super) struct Page<'a> {
    pub(super) page: &'a StatsPage,
    pub(super) options: &'a Options,
    pub(super) admin: bool,
    pub(super) shared: &'a Shared,
    pub(super) runtime: &'a Runtime,
}

impl Page<'_> {
    pub(super) fn render(&self, views: &[View]) -> String {
        let mut out = String::with_capacity(16_384 + views.len() * 4_096);
        self.head(&mut out);
        out += "<main>";
        self.outcome(&mut out);
        self.tiles(views, &mut out);
        troubles(views, &mut out);
        self.navigation(&mut out);
        out += LEGEND;
        for group in views.chunk_by(|a, b| a.iid == b.iid) {
            proxy::section(self, group, &mut out);
        }
        if views.is_empty() {
            out += "<p>No proxy has that name. Clear the filter to see all.</p>";
        }
        out += "</main>";
        out += FOOT;
        out
    }

    fn head(&self, out: &mut String) {
        let global = &self.runtime.plan.global;
        let node = self.page.show_node.as_ref().map(|n| if n.is_empty() { &global.node } else { n });
        let of = node.map(|n| format!(" of {}", escape(n))).unwrap_or_default();
        let _ = write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <link rel=\"icon\" href=\"data:,\"><title>Statistics{of}</title><style>{STYLE}</style></head><body>\
             <header><h1>Statistics{of}</h1>"
        );
        if let Some(d) = &self.page.show_desc {
            let d = if d.is_empty() { global.description.as_deref().unwrap_or("") } else { d };
            let _ = write!(out, "<div>{}</div>", escape(d));
        }
        let uptime = u32::try_from(self.shared.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        let version = match self.page.hide_version {
            true => String::new(),
            false => format!("{} {} · ", info::NAME, info::VERSION),
        };
        let _ = write!(
            out,
            "<div class=\"dim num\">{version}pid {} · {} threads · up {}</div></header>",
            std::process::id(),
            global.threads,
            info::uptime_text(uptime)
        );
    }

    /// What came of the last action.
    fn outcome(&self, out: &mut String) {
        let Some(code) = &self.options.said else { return };
        let (class, text) = match &**code {
            "DONE" => ("ok", "Done."),
            "NONE" => ("bad", "Nothing was changed: choose servers and an action."),
            "PART" => ("bad", "Done in part: some of the servers did not take the action."),
            "ERRP" => {
                ("bad", "Nothing was changed: no such server or action, or the servers do not take it.")
            }
            "EXCD" => ("bad", "Nothing was changed: the form is too long. Choose fewer servers at a time."),
            "DENY" => ("bad", "Nothing was changed: this is not allowed here."),
            _ => ("bad", "The outcome of the last action is not known."),
        };
        let _ = write!(
            out,
            "<p class=\"note {class}\" role=\"status\">{text} <a href=\"{}\">Hide</a></p>",
            escape(&self.options.link(self.page, |_| {}))
        );
    }

    /// The whole process at a glance.
    fn tiles(&self, views: &[View], out: &mut String) {
        let process = self.shared.registry.process();
        let servers: Vec<&View> = views.iter().filter(|v| v.kind == Kind::Server).collect();
        let serving = servers.iter().filter(|v| proxy::class(v) == "up" || v.status == "no check").count();
        let sum = |kind: Kind, get: fn(&View) -> u64| -> u64 {
            views.iter().filter(|v| v.kind == kind).map(get).sum()
        };
        let limit = self.shared.registry.maxconn(self.runtime.plan.global.maxconn);
        let now = self.shared.connections.now();
        out.push_str("<div class=\"tiles\">");
        tile(out, &format!("{serving} / {}", servers.len()), "servers in service", None);
        tile(
            out,
            &grouped(now.into()),
            &format!("connections of {}", grouped(limit.into())),
            Some((now, limit)),
        );
        let rate = process.connections.now();
        tile(
            out,
            &format!("{}/s", grouped(rate.into())),
            &format!("new connections, most {}/s", process.connections.max()),
            None,
        );
        tile(
            out,
            &format!("{}/s", grouped(sum(Kind::Frontend, |v| v.rates.requests.into()))),
            &format!("requests, {} since start", grouped(sum(Kind::Frontend, |v| v.totals.requests))),
            None,
        );
        tile(out, &format!("{}/s", bytes(process.bytes_out.now().into())), "sent to clients", None);
        tile(
            out,
            &grouped(sum(Kind::Backend, |v| v.queued.into()) + sum(Kind::Server, |v| v.queued.into())),
            "requests wait in queues",
            None,
        );
        tile(out, &grouped(sum(Kind::Backend, |v| v.totals.status_5xx)), "answers 5xx from backends", None);
        tile(
            out,
            &format!("{} %", process.idle_percent()),
            "idle",
            Some((100 - process.idle_percent().min(100), 100)),
        );
        out.push_str("</div>");
    }

    fn navigation(&self, out: &mut String) {
        let o = self.options;
        let _ = write!(
            out,
            "<nav><form method=\"get\" action=\"{}\"><input type=\"text\" name=\"scope\" value=\"{}\" \
             placeholder=\"Proxy name\" aria-label=\"Only proxies whose name holds\"><button>Filter</button></form>",
            escape(&o.link(self.page, |o| o.scope = None)),
            escape(o.scope.as_deref().unwrap_or(""))
        );
        let every = format!("Refresh every {} s", self.page.refresh_s);
        type Change = fn(&mut Options);
        let links: &[(bool, &str, Change)] = &[
            (true, "Refresh now", |_| {}),
            (o.scope.is_some(), "All proxies", |o| o.scope = None),
            (o.up, "Show servers that are down", |o| o.up = false),
            (!o.up, "Hide servers that are down", |o| o.up = true),
            (self.page.refresh_s > 0 && o.refresh, "Stop refreshing", |o| o.refresh = false),
            (self.page.refresh_s > 0 && !o.refresh, &every, |o| o.refresh = true),
            (true, "CSV", |o| o.form = Form::Csv),
            (true, "JSON", |o| o.form = Form::Json),
            (true, "Schema", |o| o.form = Form::Schema),
        ];
        for (_, text, change) in links.iter().filter(|l| l.0) {
            let _ = write!(out, "<a href=\"{}\">{text}</a>", escape(&o.link(self.page, change)));
        }
        out.push_str("</nav>");
    }
}

const FOOT: &str = "<footer>Numbers in pairs are now / most; a third one is the limit. NOLB and DRAIN: up, but taking \
no new sessions. Averages look back on about 1,024 requests.</footer></body></html>\n";

const LEGEND: &str = "<div class=\"legend\" aria-label=\"Legend\"><span class=\"pill up\">UP, OPEN</span>\
<span class=\"pill warn\">UP going down, DOWN going up, NOLB, DRAIN</span><span class=\"pill down\">DOWN, STOP</span>\
<span class=\"pill maint\">MAINT</span><span class=\"pill calm\">no check</span></div>";

fn tile(out: &mut String, value: &str, text: &str, part: Option<(u32, u32)>) {
    let _ = write!(out, "<div class=\"tile\"><b>{value}</b><span>{text}</span>");
    if let Some((n, of)) = part {
        bar(n, of, out);
    }
    out.push_str("</div>");
}

/// How much of a limit is used.
pub(super) fn bar(n: u32, of: u32, out: &mut String) {
    if of == 0 {
        return;
    }
    let percent = (u64::from(n) * 100 / u64::from(of)).min(100);
    let hot = if percent >= 90 { " hot" } else { "" };
    let _ = write!(
        out,
        "<span class=\"bar{hot}\" aria-hidden=\"true\"><i style=\"width:{percent}%\"></i></span>"
    );
}

/// Servers and backends that need somebody.
fn troubles(views: &[View], out: &mut String) {
    /// More than these are not read; the tables have them all.
    const NAMED_MAX: usize = 12;
    let down: Vec<&View> =
        views.iter().filter(|v| v.kind == Kind::Server && proxy::class(v) == "down").collect();
    let dead = views.iter().filter(|v| matches!(&v.side, Side::Backend(b) if !b.up));
    let dead: Vec<String> = dead.map(|v| escape(&v.proxy)).collect();
    if down.is_empty() && dead.is_empty() {
        return;
    }
    let mut names: Vec<String> = down
        .iter()
        .take(NAMED_MAX)
        .map(|v| {
            let id = escape(&format!("{}/{}", v.proxy, v.service));
            format!("<a href=\"#{id}\">{id}</a>")
        })
        .collect();
    if down.len() > NAMED_MAX {
        names.push(format!("and {} more", down.len() - NAMED_MAX));
    }
    out.push_str("<p class=\"note bad\">");
    if !dead.is_empty() {
        let _ = write!(out, "<b>No server left</b> for {}. ", dead.join(", "));
    }
    if !names.is_empty() {
        let _ = write!(out, "<b>Down:</b> {}", names.join(", "));
    }
    out.push_str("</p>");
}

/// Text in HTML, in elements and quoted attributes.
pub(super) fn escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

/// `1 234 567`, with spaces that do not break.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// `1.4 GiB`.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1_024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1_024.0;
    let mut unit = "KiB";
    for next in UNITS.into_iter().skip(1) {
        if value < 1_000.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `3d 4h`, `5m 12s`: the two greatest units.
pub(super) fn duration(s: u64) -> String {
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m {}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h {}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d {}h", s / 86_400, s / 3_600 % 24),
    }
}
