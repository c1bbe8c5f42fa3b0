//! The statistics page (manual 4.2, `stats uri` and its kin): what is asked, by whom, and what is answered.
//!
//! Owns: the options behind the address (`;csv`, `;up`, `;norefresh`, …), the password, the administrator's form.
//! How it looks is in `page/html`. Invariants: nothing is told without the password where one is set; nothing is
//! changed without `stats admin`, nor on behalf of another site. Called by the data plane with a whole request; the
//! answer is one piece. Addresses, fields and redirects are HAProxy's, so that scripts work.

mod act;
mod html;
mod proxy;
mod style;

use base64::Engine as _;

use super::{
    columns::row,
    export::{Row, csv_header, csv_row, json_rows, schema},
    view::{View, Wanted, collect},
};
use crate::{
    compile::plan::StatsPage,
    shell::runtime::{Runtime, Shared},
};

/// Most bytes of a form (HAProxy's limit is its buffer).
pub const FORM_BYTES_MAX: usize = 16_384;

/// A request for the page.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a [u8],
    /// Path, options and query.
    pub target: &'a [u8],
    pub authorization: Option<&'a [u8]>,
    pub host: Option<&'a [u8]>,
    pub origin: Option<&'a [u8]>,
    pub body: &'a [u8],
    /// A condition of `stats admin` holds.
    pub admin: bool,
    /// Name of the proxy that carries the page, for `stats scope .`.
    pub proxy: &'a str,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 401 with the page of that status.
    Unauthorized {
        realm: String,
    },
    Built {
        status: u16,
        fields: Vec<(&'static str, String)>,
        body: String,
    },
}

/// Whether the page is asked for: GET, HEAD and POST of its address and everything that begins with it.
pub fn is_asked(page: &StatsPage, method: &[u8], target: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"POST") && target.starts_with(page.uri.as_bytes())
}

/// Answers.
pub fn answer(page: &StatsPage, request: &Request<'_>, shared: &Shared, runtime: &Runtime) -> Answer {
    if !is_known(page, request.authorization) {
        return Answer::Unauthorized { realm: page.realm.clone() };
    }
    let options = Options::read(page, request.target);
    if request.method == b"POST" {
        let code = match request.admin && !is_foreign(request) {
            true => act::on_form(request.body, shared, runtime, |id, name| shows(page, request, id, name)),
            false => "DENY",
        };
        return redirect(page, &options, code);
    }
    let mut fields = vec![("cache-control", "no-cache".to_owned())];
    let (kind, body) = match options.form {
        Form::Html => {
            // All of it is one document: no script, nothing from elsewhere, forms to here only.
            let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'";
            fields.push(("content-security-policy", policy.to_owned()));
            fields.push(("x-content-type-options", "nosniff".to_owned()));
            let views = views(page, request, &options, shared, runtime);
            let page = html::Page { page, options: &options, admin: request.admin, shared, runtime };
            ("text/html", page.render(&views))
        }
        Form::Csv => {
            let mut out = csv_header();
            rows(page, request, &options, shared, runtime).iter().for_each(|r| csv_row(r, &mut out));
            ("text/plain", out)
        }
        Form::Json => ("application/json", json_rows(&rows(page, request, &options, shared, runtime)) + "\n"),
        Form::Schema => ("application/json", schema() + "\n"),
    };
    fields.push(("content-type", kind.to_owned()));
    if page.refresh_s > 0 && options.refresh {
        fields.push(("refresh", page.refresh_s.to_string()));
    }
    Answer::Built { status: 200, fields, body }
}

fn redirect(page: &StatsPage, options: &Options, code: &str) -> Answer {
    let location = options.link(page, |o| o.said = Some(code.to_owned()));
    let fields = vec![
        ("cache-control", "no-cache".to_owned()),
        ("content-type", "text/plain".to_owned()),
        ("location", location),
    ];
    Answer::Built { status: 303, fields, body: String::new() }
}

/// Whether the password is one of the page's, if it has any. Takes the same time whichever it is compared with.
fn is_known(page: &StatsPage, authorization: Option<&[u8]>) -> bool {
    if page.auth.is_empty() {
        return true;
    }
    let given = authorization
        .and_then(|v| v.split_at_checked(6))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic "))
        .and_then(|(_, v)| base64::engine::general_purpose::STANDARD.decode(v.trim_ascii()).ok());
    let Some(given) = given else { return false };
    let mut known = false;
    for (user, password) in &page.auth {
        known |= is_equal(format!("{user}:{password}").as_bytes(), &given);
    }
    known
}

/// Compares all of both, wherever they differ.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let differ = (0..a.len().max(b.len())).fold(a.len() ^ b.len(), |d, i| {
        d | usize::from(a.get(i).copied().unwrap_or(0) ^ b.get(i).copied().unwrap_or(0))
    });
    std::hint::black_box(differ) == 0
}

/// Whether a browser says that the form comes from another site (RFC 6454). Programs say nothing, and may act.
fn is_foreign(request: &Request<'_>) -> bool {
    let Some(origin) = request.origin else { return false };
    let host = origin.splitn(2, |&b| b == b':').nth(1).and_then(|o| o.strip_prefix(b"//"));
    match (host, request.host) {
        (Some(o), Some(h)) => !o.eq_ignore_ascii_case(h),
        _ => true,
    }
}

/// `stats scope`.
fn shows(page: &StatsPage, request: &Request<'_>, _id: u32, name: &str) -> bool {
    page.scope.is_empty() || page.scope.iter().any(|s| s == name || (s == "." && name == request.proxy))
}

fn views(
    page: &StatsPage,
    request: &Request<'_>,
    options: &Options,
    shared: &Shared,
    runtime: &Runtime,
) -> Vec<View> {
    let wanted = Wanted { up: options.up, no_maint: options.no_maint, ..Wanted::default() };
    let now_ms = u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let filter = options.scope.as_deref().unwrap_or("");
    collect(&runtime.plan, &shared.registry, now_ms, wanted, |id, name| {
        shows(page, request, id, name) && name.contains(filter)
    })
}

fn rows(
    page: &StatsPage,
    request: &Request<'_>,
    options: &Options,
    shared: &Shared,
    runtime: &Runtime,
) -> Vec<Row> {
    views(page, request, options, shared, runtime).iter().map(row).collect()
}

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Form {
    #[default]
    Html,
    Csv,
    Json,
    Schema,
}

/// What follows the address.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Options {
    form: Form,
    refresh: bool,
    up: bool,
    no_maint: bool,
    /// Only proxies whose name holds this.
    scope: Option<String>,
    /// What came of the last action.
    said: Option<String>,
}

/// Longest filter; a longer one is nobody's proxy.
const SCOPE_MAX: usize = 128;

impl Options {
    fn read(page: &StatsPage, target: &[u8]) -> Options {
        let text = String::from_utf8_lossy(target.get(page.uri.len()..).unwrap_or(&[]));
        let (path, query) = text.split_once('?').unwrap_or((&text, ""));
        let mut o =
            Options { form: Form::Html, refresh: true, up: false, no_maint: false, scope: None, said: None };
        // HAProxy finds these words behind a question mark, too.
        for word in path.split(';').chain(query.split([';', '&'])) {
            match word.split_once('=').unwrap_or((word, "")) {
                ("csv", _) => o.form = Form::Csv,
                ("json", _) => o.form = Form::Json,
                ("json-schema", _) => o.form = Form::Schema,
                ("norefresh", _) => o.refresh = false,
                ("up", _) => o.up = true,
                ("no-maint", _) => o.no_maint = true,
                ("st", code) => o.said = Some(code.to_owned()),
                ("scope", name) => o.set_scope(name),
                _ => {}
            }
        }
        for (name, value) in act::fields(query.as_bytes()) {
            if name == "scope" {
                o.set_scope(&value);
            }
        }
        o
    }

    fn set_scope(&mut self, name: &str) {
        self.scope = Some(name.to_owned()).filter(|n| !n.is_empty() && n.len() <= SCOPE_MAX);
    }

    /// The address of the page with these options but what `change` changes.
    fn link(&self, page: &StatsPage, change: impl FnOnce(&mut Options)) -> String {
        let mut o = Options { said: None, form: Form::Html, ..self.clone() };
        change(&mut o);
        let mut out = page.uri.clone();
        if let Some(code) = &o.said {
            out += &format!(";st={code}");
        }
        for (set, word) in [
            (o.up, ";up"),
            (o.no_maint, ";no-maint"),
            (!o.refresh, ";norefresh"),
            (o.form == Form::Csv, ";csv"),
            (o.form == Form::Json, ";json"),
            (o.form == Form::Schema, ";json-schema"),
        ] {
            if set {
                out += word;
            }
        }
        if let Some(scope) = &o.scope {
            out += "?scope=";
            out += &escape_query(scope);
        }
        out
    }
}

/// A value in a query (RFC 3986 section 2.3: only unreserved characters stay).
fn escape_query(s: &str) -> String {
    let mut out = String::new();
    for b in s.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(b.into()),
            b => out += &format!("%{b:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests;
