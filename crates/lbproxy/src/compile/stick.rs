//! Stick tables and stick rules: `stick-table`, `table` in a peers section, `stick on|match|store-*`.

use std::sync::Arc;

use common::{
    diag::{Diagnostic, codes},
    haproxy::model::{self, StickKey, StickRuleKind},
    source::At,
};

use super::{Compiler, plan};
use crate::engine::{
    sample::Place,
    stick::{DataType, KeyType, Layout, Spec, Table, key},
};

impl Compiler<'_> {
    /// Every table, by the name that rules know it by. Servers are stored in all of them: any may be named by a
    /// stick rule, which is what brings these types in.
    pub(super) fn tables(&mut self) {
        let config = self.config;
        let sticky = |name: &str| {
            config.proxies.iter().any(|p| {
                let own = |r: &At<model::StickRule>| {
                    r.table.as_ref().map_or(p.name.as_str(), |t| t.as_str()) == name
                };
                p.back.stick_rules.iter().any(own)
            })
        };
        for p in &config.proxies {
            if let Some(t) = &p.stick_table {
                self.table(p.name.value.clone(), t, sticky(&p.name));
            }
        }
        for peers in &config.peers {
            for t in &peers.tables {
                let name = format!("{}/{}", peers.name.value, t.name.as_deref().unwrap_or(""));
                let learns = sticky(&name);
                self.table(name, t, learns);
            }
        }
    }

    fn table(&mut self, name: String, t: &At<model::StickTable>, sticky: bool) {
        let len = |l: Option<u32>| l.map_or(key::LEN_DEFAULT, |l| l as usize);
        let mut wanted: Vec<(DataType, usize, u32)> = t
            .store
            .iter()
            .filter_map(|d| {
                let period = d.period_ms.map_or(1, |p| u32::try_from(p).unwrap_or(u32::MAX));
                Some((DataType::by_name(&d.name)?, d.elements.unwrap_or(1) as usize, period))
            })
            .collect();
        if sticky {
            wanted.extend([(DataType::ServerId, 1, 1), (DataType::ServerKey, 1, 1)]);
        }
        let spec = Spec {
            name,
            key: match t.key {
                StickKey::Ip => KeyType::Ip,
                StickKey::Ipv6 => KeyType::Ipv6,
                StickKey::Integer => KeyType::Integer,
                StickKey::String(l) => KeyType::String(len(l)),
                StickKey::Binary(l) => KeyType::Binary(len(l)),
            },
            size: t.size,
            expire_ms: t.expire_ms,
            nopurge: t.nopurge,
            by_address: t.srvkey_addr,
            layout: Layout::new(&wanted, t.brates_factor.unwrap_or(1)),
        };
        if spec.size == 0 {
            let d = Diagnostic::alert(codes::BAD_ARGUMENT, "a stick table needs room for an entry");
            self.say(d.at(t.span, "`size` is 0"));
        }
        let table = self.registry.table(spec);
        self.table_order.push(table.clone());
        self.expressions.tables.insert(table.spec.name.clone(), table);
    }

    /// The rules of a backend, those that choose a server and those that remember one.
    pub(super) fn stick_rules(&mut self, p: &model::Proxy) -> plan::StickRules {
        let mut out = plan::StickRules::default();
        for rule in &p.back.stick_rules {
            let Some(table) = self.stick_table_of(p, rule) else { continue };
            let place = match rule.kind {
                StickRuleKind::StoreResponse => Place::StickStore,
                _ => Place::ServerChoice,
            };
            let mut scope = self.scope(Some(p));
            let Some(key) = scope.sample(&rule.expr, table.spec.key.sample_type(), &[place]) else {
                continue;
            };
            let cond = match &rule.cond {
                None => None,
                Some(c) => match scope.cond_at(c, &[place]) {
                    Some(c) => Some(c),
                    None => continue,
                },
            };
            let made = Arc::new(plan::StickRule { key, table, cond });
            let (matches, requests, responses) = match rule.kind {
                StickRuleKind::On => (true, true, false),
                StickRuleKind::Match => (true, false, false),
                StickRuleKind::StoreRequest => (false, true, false),
                StickRuleKind::StoreResponse => (false, false, true),
            };
            if matches {
                out.matching.push(made.clone());
            }
            if requests {
                out.store_request.push(made.clone());
            }
            if responses {
                out.store_response.push(made);
            }
        }
        out
    }

    fn stick_table_of(&mut self, p: &model::Proxy, rule: &At<model::StickRule>) -> Option<Arc<Table>> {
        let (name, span) =
            rule.table.as_ref().map_or((p.name.as_str(), rule.span), |t| (t.value.as_str(), t.span));
        let found = self.expressions.tables.get(name).cloned();
        if found.is_none() {
            let known: Vec<String> = self.expressions.tables.keys().cloned().collect();
            let d = Diagnostic::alert(codes::UNRESOLVED_NAME, format!("there is no stick table '{name}'"))
                .at(span, "used here")
                .did_you_mean(name, known.iter().map(String::as_str));
            self.say(d);
        }
        found
    }
}
