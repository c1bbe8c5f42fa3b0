//! Stick tables on the way of a stream: the server that an entry names, and servers that are remembered.

use std::sync::Arc;

use super::Stream;
use crate::{
    compile::plan::{Backend, Server, StickRule},
    engine::{
        sample::Ctx,
        stick::{Key, Table, track::Event},
    },
};

/// Keys that a request, or an answer, may have stored (manual 4.2, `stick store-request`).
const STORES_MAX: usize = 8;

/// Keys found in a request, waiting for the server.
pub(super) type Stores = Vec<(Arc<Table>, Key)>;

impl Stream<'_> {
    /// Counts an event for whoever tracks.
    pub(super) fn note_tracked(&self, event: Event) {
        let Some(record) = &self.record else { return };
        let of_session = &self.session.conn.tracked;
        if !record.txn.tracked.is_empty() || !of_session.is_empty() {
            record.txn.tracked.note(of_session, event, self.now_ms());
        }
    }

    /// The server that a stick rule names, where neither cookie nor `use-server` did; and the keys to remember.
    pub(super) fn stick(&mut self, backend: &Backend) {
        let rules = &backend.stick;
        if rules.matching.is_empty() && rules.store_request.is_empty() {
            return;
        }
        let now_ms = self.now_ms();
        if self.named.is_none() {
            let found = self.with_context(false, |ctx| {
                rules.matching.iter().find_map(|r| matched(r, ctx, backend, now_ms))
            });
            self.named = found.flatten();
        }
        let keys = self.with_context(false, |ctx| keys(&rules.store_request, ctx));
        self.stores = keys.unwrap_or_default();
    }

    /// The server is connected: it is the one to remember.
    pub(super) fn remember_server(&mut self) {
        if !self.stores.is_empty() {
            let stores = std::mem::take(&mut self.stores);
            self.store(&stores);
        }
    }

    /// `stick store-response`.
    pub(super) fn stick_to_response(&mut self, backend: &Backend) {
        let rules = &backend.stick.store_response;
        if !rules.is_empty() {
            let stores = self.with_context(true, |ctx| keys(rules, ctx)).unwrap_or_default();
            self.store(&stores);
        }
    }

    fn store(&self, stores: &Stores) {
        let server = self.server.and_then(|s| self.backend.as_ref()?.servers.get(s));
        let Some(server) = server.filter(|s| !s.non_stick) else { return };
        let now_ms = self.now_ms();
        for (table, key) in stores {
            if let Some(entry) = table.find_or_make(key.clone(), now_ms) {
                table.set_server(&entry, server.id, &name_of(server, table), now_ms);
            }
        }
    }
}

/// How a table remembers a server: by name, or by address where it says so (`srvkey addr`).
fn name_of(server: &Server, table: &Table) -> String {
    let address = || server.state.addr().or_else(|| server.inet());
    match table.spec.by_address.then(address).flatten() {
        Some(a) => a.to_string(),
        None => server.name.to_string(),
    }
}

/// The usable server that the entry of this rule's key names.
fn matched(rule: &StickRule, ctx: &Ctx<'_>, backend: &Backend, now_ms: u64) -> Option<usize> {
    if !rule.cond.as_ref().is_none_or(|c| c.eval(ctx)) {
        return None;
    }
    let key = Key::of(rule.table.spec.key, rule.key.eval(ctx)?)?;
    let entry = rule.table.find(&key, now_ms)?;
    rule.table.touch(&entry, now_ms);
    let (id, name) = rule.table.server(&entry);
    let by_name = || name.and_then(|n| backend.servers.iter().find(|s| name_of(s, &rule.table) == *n));
    let by_id = || id.and_then(|id| backend.servers.iter().find(|s| s.id == id));
    let server = by_name().or_else(by_id)?;
    (server.state.accepts_persistent() || backend.persist).then_some(server.ix)
}

/// The keys of the rules that apply, one for each table.
fn keys(rules: &[Arc<StickRule>], ctx: &Ctx<'_>) -> Stores {
    let mut out = Stores::new();
    for rule in rules {
        let known = out.iter().any(|(t, _)| Arc::ptr_eq(t, &rule.table));
        if known || out.len() >= STORES_MAX || !rule.cond.as_ref().is_none_or(|c| c.eval(ctx)) {
            continue;
        }
        if let Some(key) = rule.key.eval(ctx).and_then(|v| Key::of(rule.table.spec.key, v)) {
            out.push((rule.table.clone(), key));
        }
    }
    out
}
