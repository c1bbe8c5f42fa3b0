//! What operators ask of the running daemon, and what goes into the journal.

use tracing::info;

use super::Runner;
use crate::{
    admin::{
        self,
        control::Request,
        snapshot::{Snapshot, snapshot},
    },
    engine::{
        Time,
        instance::{self, Told},
        router::{Event, Note, Order, Who},
    },
    shell::{
        clock,
        words::{self, Loudness},
    },
};

impl Runner {
    pub fn snapshot(&self) -> Snapshot {
        snapshot(&self.router, &self.host, clock::wall(), clock::now())
    }

    /// The answer to a question, in the form of `admin::control`.
    pub(super) fn answer(&mut self, request: &Request, now: Time) -> String {
        let json = |value: serde_json::Result<String>| match value {
            Ok(text) => format!("ok\n{text}\n"),
            Err(e) => format!("error {e}\n"),
        };
        match request {
            Request::Status => json(serde_json::to_string(&self.snapshot())),
            Request::Metrics => format!("ok\n{}", admin::metrics(&self.snapshot())),
            Request::Journal(number) => {
                let entries: Vec<_> = self.journal.journal().entries().collect();
                let last = entries.iter().skip(entries.len().saturating_sub(*number));
                let lines = last.map(|e| serde_json::to_string(e).map(|l| l + "\n"));
                match lines.collect::<Result<String, _>>() {
                    Ok(text) => format!("ok\n{text}"),
                    Err(e) => format!("error {e}\n"),
                }
            }
            Request::Order { order, instance } => self.order(*order, instance.as_deref(), now),
        }
    }

    fn order(&mut self, order: Option<Order>, name: Option<&str>, now: Time) -> String {
        let all = 0..self.router.instances().len();
        let chosen: Vec<usize> = match name.map(|n| (n, self.router.named(n))) {
            None => all.collect(),
            Some((_, Some(index))) => vec![index],
            Some((name, None)) => {
                let known: Vec<_> = self.router.instances().iter().map(|i| i.plan().name.clone()).collect();
                return format!("error there is no instance {name} (there are: {})\n", known.join(", "));
            }
        };
        let owner = |at: &usize| {
            self.router.instances().get(*at).is_some_and(|i| i.plan().priority == instance::OWNER)
        };
        if order == Some(Order::Handover)
            && let Some(at) = chosen.iter().find(|at| owner(at))
        {
            let name = self.router.instances().get(*at).map_or("", |i| i.plan().name.as_str());
            return format!("error {name} owns its addresses (priority 255) and cannot go below; use stop\n");
        }
        let what = order.map_or("resume", Order::word);
        info!("An operator orders: {what} {}", name.unwrap_or("all instances"));
        for index in &chosen {
            let name = self.router.instances().get(*index).map(|i| i.plan().name.clone());
            self.journal.fact(name.as_deref(), format!("an operator ordered {what}"), now);
            self.router.handle(Event::Order { instance: *index, order }, now);
        }
        format!("ok {what} of {} instance(s)\n", chosen.len())
    }

    /// Notes what the log says, too, and what it came to.
    pub(super) fn note_for_journal(&mut self, index: usize, note: &Note, text: &str, loudness: Loudness) {
        let Some(plan) = self.plan.instances.get(index) else { return };
        let name = plan.name.clone();
        let now = clock::now();
        match note {
            Note::Own(instance::Note::EnteringMaster) => self.moved(index, &name, "MASTER", now),
            Note::Own(instance::Note::EnteringBackup(_)) => self.moved(index, &name, "BACKUP", now),
            Note::Own(instance::Note::EnteringFault) => self.moved(index, &name, "FAULT", now),
            Note::Own(
                instance::Note::AdvertTimeout | instance::Note::ZeroHeard(_) | instance::Note::MasterIs(_),
            ) => self.journal.fact(Some(&name), text.to_owned(), now),
            _ if loudness != Loudness::Detail => self.journal.fact(Some(&name), text.to_owned(), now),
            _ => {}
        }
    }

    /// A stop has no note of its own.
    pub(super) fn stop_for_journal(&mut self, who: Who, told: Told) {
        if let (Who::Instance(index), Told::Stop | Told::Deleted) = (who, told)
            && let Some(name) = self.plan.instances.get(index).map(|p| p.name.clone())
        {
            self.moved(index, &name, "INIT", clock::now());
        }
    }

    fn moved(&mut self, index: usize, name: &str, to: &'static str, now: Time) {
        if self.shown.len() <= index {
            self.shown.resize(index + 1, "INIT");
        }
        let from = self.shown.get_mut(index).map_or("INIT", |s| std::mem::replace(s, to));
        if from != to {
            self.journal.moved(name, from, to, clock::wall(), now);
        }
    }

    /// After a reload the instances stand in other places.
    pub(super) fn show_states_anew(&mut self) {
        self.shown = self.router.instances().iter().map(|i| words::state(i.state())).collect();
    }
}
