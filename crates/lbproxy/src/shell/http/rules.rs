//! Where the configured rules meet a request and its answer: in which order sets run, and what their verdicts do.

mod collect;
mod failed;
mod tcp;

pub(in crate::shell) use failed::log_failed;
pub(in crate::shell) use tcp::admits;

use std::sync::Arc;

use super::{
    Answer, End, Failure, Interrupt, Record, Session, Stream,
    answer::{Message, from_reply},
    world::Around,
};
use crate::{
    compile::plan::{Backend, SwitchTarget},
    engine::{
        action,
        cookie::Named,
        http::HeaderId,
        rule::{Rules, Verdict, Waiting},
        sample::{Ctx, World, list},
        stick::track::Event,
        txn::{Cause, Phase},
    },
    shell::worker::Stage,
};

/// The context of an evaluation. Free-standing, so that the borrow checker sees the parts of the stream apart.
pub(super) fn context<'a>(record: &'a mut Record, around: &'a Around<'_>, responding: bool) -> Ctx<'a> {
    let worker = &around.session.worker;
    let world: &dyn World = around;
    let mut ctx = Ctx::new(&around.session.conn, &mut record.txn, around.names(), world);
    ctx.req = Some(&mut record.req).filter(|r| !r.method().is_empty());
    ctx.res = if responding { Some(&mut record.res) } else { None };
    ctx.responding = responding;
    ctx.now_us = worker.clock.wall_us();
    ctx.now_ms = worker.clock.now_ms();
    ctx.seed = worker.random();
    ctx
}

impl Stream<'_> {
    /// Evaluates something that asks about this stream.
    pub(super) fn with_context<R>(
        &mut self,
        responding: bool,
        ask: impl FnOnce(&mut Ctx<'_>) -> R,
    ) -> Option<R> {
        self.with_body(responding, None, ask)
    }

    /// The same with what has arrived of the body.
    fn with_body<R>(
        &mut self,
        responding: bool,
        body: Option<&[u8]>,
        ask: impl FnOnce(&mut Ctx<'_>) -> R,
    ) -> Option<R> {
        let record = self.record.as_mut()?;
        let around = Around { session: self.session, backend: self.backend.as_deref(), server: self.server };
        let mut ctx = context(record, &around, responding);
        ctx.body = body;
        Some(ask(&mut ctx))
    }

    /// Everything of the frontend that may answer before a backend is chosen.
    pub(super) async fn frontend_rules(&mut self) -> Result<(), End> {
        let frontend = self.session.frontend.clone();
        self.capture_request();
        if let Some(uri) = &frontend.monitor_uri {
            self.monitor(uri)?;
        }
        if frontend.http.buffer_request {
            Box::pin(self.buffer_request()).await?;
        }
        let rules = &frontend.rules;
        if !rules.tcp_content.is_empty() {
            self.run_rules(&rules.tcp_content).await?;
        }
        if !rules.http_request.is_empty() {
            self.run_rules(&rules.http_request).await?;
        }
        match &frontend.stats {
            Some(stats) => Box::pin(self.stats_page(stats, &frontend.name)).await,
            None => Ok(()),
        }
    }

    /// The backend's rules, unless they are the frontend's (`listen`) and have run already.
    pub(super) async fn backend_rules(&mut self) -> Result<(), End> {
        let Some(backend) = self.backend.clone() else { return Ok(()) };
        if backend.http.buffer_request {
            Box::pin(self.buffer_request()).await?;
        }
        if backend.same_as != Some(self.session.frontend.ix) {
            if !backend.rules.tcp_content.is_empty() {
                self.run_rules(&backend.rules.tcp_content).await?;
            }
            if !backend.rules.http_request.is_empty() {
                self.run_rules(&backend.rules.http_request).await?;
            }
            if let Some(stats) = &backend.stats {
                Box::pin(self.stats_page(stats, &backend.name)).await?;
            }
        }
        self.capture_cookie();
        self.unique_id();
        self.note_rewrites();
        Ok(())
    }

    /// `monitor-uri` (manual 4.2): answered here, 503 while a `monitor fail` condition holds.
    fn monitor(&mut self, uri: &str) -> Result<(), End> {
        // Of a target in absolute form the path counts as well.
        let asked = self
            .record
            .as_ref()
            .is_some_and(|r| r.req.uri() == uri.as_bytes() || r.req.path_and_query() == uri.as_bytes());
        if !asked {
            return Ok(());
        }
        let session = self.session;
        let failing = |ctx: &mut Ctx<'_>| session.frontend.monitor_fail.iter().any(|cond| cond.eval(ctx));
        let status = if self.with_context(false, failing) == Some(true) { 503 } else { 200 };
        Err(End::Answered(Answer {
            message: Message::Page(status),
            cause: Cause::Local,
            phase: Phase::Request,
            close: false,
        }))
    }

    /// Runs a set of the request direction to its end, waiting where a rule says so.
    async fn run_rules(&mut self, rules: &Rules) -> Result<(), End> {
        let mut from = 0;
        loop {
            let body = self.take_body_view();
            let verdict = self.with_body(false, body.as_deref(), |ctx| rules.resume(ctx, from));
            match verdict.ok_or(Failure::Internal)? {
                Verdict::Continue | Verdict::Allow => return Ok(()),
                Verdict::Wait { resume, what } => {
                    Box::pin(self.wait(what)).await?;
                    from = resume;
                }
                Verdict::Tarpit(answer) => {
                    Box::pin(self.tarpit()).await?;
                    self.session.count(|c| &c.denied_requests);
                    self.note_tracked(Event::RequestError);
                    return Err(End::Answered(from_rule(answer, Cause::Proxy, Phase::Tarpit)));
                }
                other => return Err(self.final_verdict(other)),
            }
        }
    }

    fn final_verdict(&mut self, verdict: Verdict) -> End {
        match verdict {
            Verdict::Deny(answer) => {
                self.capture_cookie();
                self.session.count(|c| &c.denied_requests);
                self.note_tracked(Event::RequestError);
                End::Answered(from_rule(answer, Cause::Proxy, Phase::Request))
            }
            Verdict::Auth(answer) => {
                self.note_tracked(Event::RequestError);
                End::Answered(from_rule(answer, Cause::Local, Phase::Request))
            }
            Verdict::Return(answer) | Verdict::Redirect(answer) => {
                End::Answered(from_rule(answer, Cause::Local, Phase::Request))
            }
            Verdict::SilentDrop { .. } => {
                self.session.count(|c| &c.denied_requests);
                End::Dropped
            }
            _ => {
                self.session.count(|c| &c.denied_requests);
                self.client.set_abort_on_close();
                End::Dropped
            }
        }
    }

    async fn wait(&mut self, what: Waiting) -> Result<(), Failure> {
        match what {
            Waiting::Time { ms } => self.sleep(ms).await,
            Waiting::Body { time_ms, at_least } => Box::pin(self.collect_body(time_ms, at_least)).await,
            // In HTTP the head is whole before any rule runs, so nothing more can come.
            Waiting::Data => Ok(()),
        }
    }

    /// Keeps the client waiting, unless it leaves first.
    async fn tarpit(&mut self) -> Result<(), Failure> {
        self.session.slot().stage.set(Stage::Tarpit);
        let ms = self.tarpit_ms();
        self.sleep(ms).await
    }

    async fn sleep(&mut self, ms: u32) -> Result<(), Failure> {
        if ms == 0 {
            return Ok(());
        }
        self.session.arm_in(ms);
        match self.session.unless_interrupted(std::future::pending::<()>()).await {
            Err(Interrupt::Killed(k)) => Err(k.into()),
            _ => Ok(()),
        }
    }

    /// The first `use_backend` whose condition holds, else the default backend.
    pub(super) fn switch(&mut self) -> Option<usize> {
        let session = self.session;
        let frontend = &session.frontend;
        let force = |ctx: &mut Ctx<'_>| frontend.force_switch.iter().any(|c| c.eval(ctx));
        let forced = !frontend.force_switch.is_empty() && self.with_context(false, force) == Some(true);
        for switch in &frontend.switching {
            let found = self.with_context(false, |ctx| {
                if !switch.cond.as_ref().is_none_or(|c| c.eval(ctx)) {
                    return None;
                }
                Some(match &switch.target {
                    SwitchTarget::Fixed(ix) => Some(*ix),
                    SwitchTarget::Dynamic(format) => {
                        let name = format.to_vec(ctx);
                        session.installed.plan().backends.iter().position(|b| b.name.as_bytes() == name)
                    }
                })
            });
            match found.flatten() {
                None => {}
                Some(Some(ix)) if forced || self.is_on_offer(ix) => return Some(ix),
                Some(Some(_)) => {}
                // A computed name that no backend has ends the search (manual 4.2, `use_backend`).
                Some(None) => break,
            }
        }
        frontend.default_backend
    }

    /// Whether rules may choose the backend.
    fn is_on_offer(&self, ix: usize) -> bool {
        let backend = self.session.installed.plan().backends.get(ix);
        backend.is_some_and(|b| !b.disabled && b.state.is_published(!b.unpublished))
    }

    /// The server that a cookie or a `use-server` rule names; the cookie counts first.
    pub(super) fn find_named_server(&mut self) {
        let Some(backend) = self.backend.clone() else { return };
        self.read_cookie(&backend);
        self.named = self.cookie.server;
        if self.named.is_none() && !backend.use_server.is_empty() {
            let named = self.with_context(false, |ctx| {
                let holds = |c: &Option<_>, ctx: &Ctx<'_>| {
                    c.as_ref().is_none_or(|c: &crate::engine::rule::Cond| c.eval(ctx))
                };
                backend.use_server.iter().find(|(_, c)| holds(c, ctx)).map(|(ix, _)| *ix)
            });
            self.named = named.flatten();
        }
        self.stick(&backend);
    }

    fn read_cookie(&mut self, backend: &Backend) {
        let (Some(spec), Some(record)) = (&backend.cookie, &mut self.record) else { return };
        let now_s = self.session.worker.clock.wall_us() / 1_000_000;
        self.cookie = spec.on_request(&mut record.req, now_s, |value| {
            let named = |s: &&Arc<crate::compile::plan::Server>| {
                s.cookie.as_ref().is_some_and(|c| c.as_bytes() == value)
            };
            match backend.servers.iter().find(named) {
                Some(s) if s.state.accepts_persistent() || backend.persist => Named::Usable(s.ix),
                Some(_) => Named::Down,
                None => Named::Unknown,
            }
        });
        record.txn.cookies.request = self.cookie.flag;
        // Until a response says more: nothing was done to its cookies (manual 8.5).
        record.txn.cookies.response = if self.cookie.flag == b'-' { b'-' } else { b'N' };
    }

    /// Rules and cookies of the response direction.
    pub(super) fn response_rules(&mut self, backend: &Backend) -> Result<(), Failure> {
        self.capture_response();
        let session = self.session;
        let front = &session.frontend.rules;
        let own = backend.same_as != Some(session.frontend.ix);
        let sets = [own.then_some(&backend.rules.http_response), Some(&front.http_response)];
        for rules in sets.into_iter().flatten().filter(|r| !r.is_empty()) {
            match self.with_context(true, |ctx| rules.run(ctx)).ok_or(Failure::Internal)? {
                Verdict::Deny(answer) => {
                    session.counters().denied_responses.inc();
                    backend.state.counters.at(session.worker.thread).denied_responses.inc();
                    return self.replace(from_rule(answer, Cause::Proxy, Phase::Headers));
                }
                Verdict::Return(answer) | Verdict::Redirect(answer) => {
                    return self.replace(from_rule(answer, Cause::Local, Phase::Headers));
                }
                Verdict::Continue | Verdict::Allow => {}
                // Compile leaves no other verdict in these sets.
                _ => {}
            }
        }
        self.write_cookie(backend);
        self.stick_to_response(backend);
        self.note_rewrites();
        Ok(())
    }

    /// Puts an answer of our own in the place of the server's.
    fn replace(&mut self, answer: Answer) -> Result<(), Failure> {
        self.replacement = Some(answer);
        Err(Failure::Replaced)
    }

    fn write_cookie(&mut self, backend: &Backend) {
        let (Some(spec), Some(server)) = (&backend.cookie, self.server) else { return };
        let Some(record) = &mut self.record else { return };
        let now_s = self.session.worker.clock.wall_us() / 1_000_000;
        let value = backend.servers.get(server).and_then(|s| s.cookie.as_ref()).map(|c| c.as_bytes());
        let method = record.req.method();
        record.txn.cookies.response =
            spec.on_response(&self.cookie, server, value, method, now_s, &mut record.res);
    }

    /// `http-after-response`: for every answer, whoever made it.
    pub(super) fn after_response(&mut self) {
        let session = self.session;
        let front = &session.frontend.rules.http_after_response;
        let backend = self.backend.clone().filter(|b| b.same_as != Some(session.frontend.ix));
        let back = backend.as_ref().map(|b| &b.rules.http_after_response);
        for rules in [back, Some(front)].into_iter().flatten().filter(|r| !r.is_empty()) {
            self.with_context(true, |ctx| rules.run(ctx));
        }
    }

    fn capture_request(&mut self) {
        let (captures, Some(record)) = (&self.session.frontend.captures, &mut self.record) else { return };
        if captures.request.is_empty() && captures.response.is_empty() && captures.cookie.is_none() {
            return;
        }
        record.txn.prepare_captures(captures.request.len(), captures.response.len());
        for ((name, most), slot) in captures.request.iter().zip(&mut record.txn.request_captures) {
            *slot = captured(&record.req, name, *most);
        }
    }

    /// The cookie of a request that is sent on or denied, as rules left it; of one that a rule answered in another
    /// way HAProxy keeps none.
    fn capture_cookie(&mut self) {
        let Some((name, most)) = &self.session.frontend.captures.cookie else { return };
        let Some(record) = &mut self.record else { return };
        let values = record.req.values(HeaderId::Cookie, b"cookie");
        record.txn.request_cookie = values.flat_map(list::cookies).find_map(|c| cut_cookie(c, name, *most));
    }

    fn capture_response(&mut self) {
        let (captures, Some(record)) = (&self.session.frontend.captures, &mut self.record) else { return };
        for ((name, most), slot) in captures.response.iter().zip(&mut record.txn.response_captures) {
            *slot = captured(&record.res, name, *most);
        }
        if let Some((name, most)) = &captures.cookie {
            let mut values = record.res.values(HeaderId::SetCookie, b"set-cookie");
            record.txn.response_cookie =
                values.find_map(|v| cut_cookie(list::cookies(v).next().unwrap_or(v), name, *most));
        }
    }

    fn unique_id(&mut self) {
        let session = self.session;
        let Some(unique) = &session.frontend.unique_id else { return };
        let Some(id) = self.with_context(false, |ctx| unique.format.to_vec(ctx)) else { return };
        let Some(record) = &mut self.record else { return };
        if let Some(header) = &unique.header {
            record.req.set(header.as_bytes(), &id);
        }
        record.txn.unique_id = Some(id);
    }

    /// Rewrites that failed are counted where they were configured to happen.
    fn note_rewrites(&mut self) {
        let Some(record) = &mut self.record else { return };
        let failed = std::mem::take(&mut record.txn.rewrite_failures);
        if failed > 0 {
            self.session.counters().rewrite_failures.add(failed.into());
        }
    }
}

/// The last value of a header, cut to the length that logs keep.
fn captured(head: &crate::engine::http::Head, name: &str, most: usize) -> Option<Vec<u8>> {
    let name = name.as_bytes();
    let value = head.values(HeaderId::of(name), name).next_back()?;
    Some(value.get(..most).unwrap_or(value).to_vec())
}

/// `name=value` of a cookie whose name begins with `wanted`, or is it where `wanted` ends in `=`.
fn cut_cookie(cookie: &[u8], wanted: &str, most: usize) -> Option<Vec<u8>> {
    let cookie = cookie.trim_ascii();
    let text = cookie.starts_with(wanted.as_bytes()).then_some(cookie)?;
    Some(text.get(..most).unwrap_or(text).to_vec())
}

/// An answer that a rule computed.
fn from_rule(answer: action::Answer, cause: Cause, phase: Phase) -> Answer {
    Answer { message: from_reply(answer, &[]), cause, phase, close: false }
}

/// The session of a stream, for contexts without a request.
pub(super) fn around(session: &Session) -> Around<'_> {
    Around { session, backend: None, server: None }
}
