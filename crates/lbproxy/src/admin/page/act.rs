//! What the administrator's form does: an action on some servers of a backend.

use crate::{
    admin::effect::{carry_out, end},
    compile::plan::{Backend, Server},
    engine::state::{HealthWord, StateWord},
    shell::runtime::{Runtime, Shared},
};

/// One action: the word that is sent, what people read, and what it does.
pub(super) struct Action {
    pub(super) word: &'static str,
    pub(super) label: &'static str,
    /// Gives whether the server took it.
    run: fn(&Target<'_>) -> bool,
}

pub(super) struct Target<'a> {
    shared: &'a Shared,
    runtime: &'a Runtime,
    backend: &'a Backend,
    server: &'a Server,
    now_ms: u64,
}

/// The words are HAProxy's.
pub(super) const ACTIONS: &[Action] = &[
    Action { word: "ready", label: "Ready: serve again", run: |t| t.state(StateWord::Ready) },
    Action { word: "drain", label: "Drain: no new sessions", run: |t| t.state(StateWord::Drain) },
    Action {
        word: "maint",
        label: "Maintenance: no sessions, no checks",
        run: |t| t.state(StateWord::Maint),
    },
    Action {
        word: "dhlth",
        label: "Health checks off",
        run: |t| t.server.state.enable_checks(false).is_ok(),
    },
    Action { word: "ehlth", label: "Health checks on", run: |t| t.server.state.enable_checks(true).is_ok() },
    Action { word: "hrunn", label: "Health: force UP", run: |t| t.health(HealthWord::Up) },
    Action { word: "hnolb", label: "Health: force NOLB", run: |t| t.health(HealthWord::Stopping) },
    Action { word: "hdown", label: "Health: force DOWN", run: |t| t.health(HealthWord::Down) },
    Action {
        word: "shutdown",
        label: "End all sessions",
        run: |t| {
            end(t.shared, &t.backend.name, &t.server.name);
            true
        },
    },
];

impl Target<'_> {
    fn state(&self, word: StateWord) -> bool {
        carry_out(self.shared, self.runtime, self.server.state.set_state(word, self.now_ms));
        true
    }

    fn health(&self, word: HealthWord) -> bool {
        match self.server.state.set_health(word, self.now_ms) {
            Ok(change) => {
                carry_out(self.shared, self.runtime, change);
                true
            }
            Err(_) => false,
        }
    }
}

/// Does what the form asks and gives the code of the outcome: `DONE`, `PART` (some servers did not take it), `NONE`,
/// `ERRP` (no such backend, server or action), `EXCD` (too long), `DENY` (not on this page).
pub(super) fn on_form(
    body: &[u8],
    shared: &Shared,
    runtime: &Runtime,
    shows: impl Fn(u32, &str) -> bool,
) -> &'static str {
    if body.len() > super::FORM_BYTES_MAX {
        return "EXCD";
    }
    let (mut backend, mut action, mut servers) = (None, None, Vec::new());
    for (name, value) in fields(body) {
        match &*name {
            "b" => backend = Some(value),
            "action" => action = Some(value),
            "s" => servers.push(value),
            _ => {}
        }
    }
    let (Some(backend), Some(action)) = (backend, action) else { return "NONE" };
    let Some(action) = ACTIONS.iter().find(|a| a.word == action) else { return "ERRP" };
    let Some(backend) = find(runtime, &backend) else { return "ERRP" };
    if !shows(backend.id, &backend.name) {
        return "DENY";
    }
    let now_ms = u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut done = 0;
    for name in &servers {
        if let Some(server) = backend.servers.iter().find(|s| *s.name == **name)
            && (action.run)(&Target { shared, runtime, backend, server, now_ms })
        {
            done += 1;
        }
    }
    match (done, servers.len()) {
        (_, 0) => "NONE",
        (0, _) => "ERRP",
        (d, n) if d < n => "PART",
        _ => "DONE",
    }
}

/// A backend by name, or by `#id`.
fn find<'a>(runtime: &'a Runtime, name: &str) -> Option<&'a Backend> {
    let id: Option<u32> = name.strip_prefix('#').and_then(|n| n.parse().ok());
    runtime.plan.backends.iter().map(|b| &**b).find(|b| id.map_or(*b.name == *name, |id| b.id == id))
}

/// Most fields of a form; what follows is not looked at.
const FIELDS_MAX: usize = 4_096;

/// The fields of a form (`application/x-www-form-urlencoded`).
pub(super) fn fields(body: &[u8]) -> impl Iterator<Item = (String, String)> {
    body.split(|&b| b == b'&').filter(|f| !f.is_empty()).take(FIELDS_MAX).map(|field| {
        let mut halves = field.splitn(2, |&b| b == b'=');
        let mut next = || decode(halves.next().unwrap_or(&[]));
        (next(), next())
    })
}

fn decode(raw: &[u8]) -> String {
    let digit = |i: usize| raw.get(i).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(raw.len());
    let mut i = 0;
    while let Some(&b) = raw.get(i) {
        match (b, digit(i + 1), digit(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(b),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
