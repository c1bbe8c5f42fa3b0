//! One check as a state machine: what to do next, given what happened; no socket, no clock.
//!
//! Owns [`Program`], the steps of a check with the implied ones filled in, and [`Run`], one passage through them.
//! The shell performs each [`Action`] and reports back. Invariants: every path ends in [`Action::Done`]; at most
//! [`RECEIVED_MAX`] bytes are kept. The words of the outcome are HAProxy 3.5's, since people's alerts match them.

use std::{fmt::Write, net::IpAddr};

use super::{
    Connect, Expect, HttpSend, NameMatch, Script, Send, Spec, Status, Step, Text, What, http,
    protocol::{self, Reading, Turn},
};
use crate::engine::{
    conn::ConnInfo,
    http::{
        Head,
        parse::{self, Limits},
    },
    logformat::LogFormat,
    pattern::unhex,
    sample::{Ctx, Names, World},
    txn::Txn,
};

/// Bytes of an answer that a check looks at.
pub const RECEIVED_MAX: usize = 16_384;

/// The steps of a check.
#[derive(Clone, Debug)]
pub struct Program {
    steps: Vec<Numbered>,
    kind: Kind,
    disable_on_404: bool,
    /// `http-check send-state`.
    pub send_state: bool,
}

/// A step and its number in messages; 0 for the implied connection.
#[derive(Clone, Debug)]
struct Numbered {
    number: usize,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Connect,
    Http,
    Tcp,
    SslHello,
    Protocol,
}

/// Where and how to connect: what differs from the server's own settings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Target {
    pub addr: Option<IpAddr>,
    pub port: Option<u16>,
    pub ssl: bool,
    pub sni: Option<String>,
    pub alpn: Vec<Vec<u8>>,
    pub send_proxy: bool,
}

/// What the shell does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Close what is open, connect, and handshake if `ssl`; then [`Run::connected`].
    Connect(Target),
    /// Then [`Run::sent`].
    Send(Vec<u8>),
    /// Then [`Run::received`].
    Receive,
    Done(Outcome),
}

/// How a check ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    pub status: Status,
    pub code: u16,
    pub info: String,
}

/// What went wrong below the script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The connection could not be made, or broke; what the system says of it.
    Connection(String),
    /// The TLS handshake failed.
    Handshake,
    /// The socket could not be made or bound.
    Socket(String),
    Timeout,
}

/// What the check is doing, for the verdict of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Connecting,
    Handshaking,
    Talking,
}

/// What the expressions of a script may ask of the world around the check.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub names: Names<'a>,
    pub world: &'a dyn World,
    /// `unique-id-format` of the proxy.
    pub unique_id: Option<&'a LogFormat>,
    pub now_us: u64,
    pub seed: u64,
}

/// What the expressions of a script look at.
#[derive(Debug)]
struct Scene<'a> {
    around: Around<'a>,
    conn: ConnInfo,
    /// Variables (`check.`) live here.
    txn: Txn,
    /// The head of the last HTTP answer.
    res: Head,
}

impl Scene<'_> {
    /// Evaluates something; `body` are the bytes received, or an answer's body.
    fn ask<R>(&mut self, body: Option<&[u8]>, ask: impl FnOnce(&mut Ctx<'_>) -> R) -> R {
        let a = self.around;
        let mut ctx = Ctx::new(&self.conn, &mut self.txn, a.names, a.world);
        ctx.res = Some(&mut self.res).filter(|r| r.status > 0);
        ctx.responding = true;
        ctx.body = body;
        (ctx.now_us, ctx.seed) = (a.now_us, a.seed);
        ask(&mut ctx)
    }
}

/// One passage through a program.
#[derive(Debug)]
pub struct Run<'a> {
    scene: Scene<'a>,
    /// What a protocol's last answer said.
    said: (u16, String),
    /// The texts of the step's expectation as they were computed.
    computed: Option<(usize, Vec<u8>)>,
    program: &'a Program,
    spec: &'a Spec,
    at: usize,
    phase: Phase,
    received: Vec<u8>,
    closed: bool,
    /// Status of the last HTTP answer.
    code: u16,
    ok_status: Option<Status>,
    /// Added to HTTP requests by `send-state`.
    state_header: Option<String>,
    secure: bool,
}

impl Program {
    /// Fills in what HAProxy implies: the connection, the default request, the default expectation.
    pub fn new(spec: &Spec) -> Program {
        let (kind, mut steps) = match &spec.script {
            Script::Connect | Script::External(_) => (Kind::Connect, Vec::new()),
            Script::Http(s) => (Kind::Http, s.clone()),
            Script::Tcp(s) => (Kind::Tcp, s.clone()),
            Script::SslHello => (Kind::SslHello, ssl_hello()),
            Script::Protocol(p) => (Kind::Protocol, p.turns().into_iter().map(step_of).collect()),
        };
        if kind == Kind::Http {
            let first = steps.iter().position(|s| !matches!(s, Step::Comment(_)));
            if !steps.iter().any(|s| matches!(s, Step::Send(_))) {
                let after = first.filter(|&i| matches!(steps.get(i), Some(Step::Connect(_))));
                let at = after.map_or(0, |i| i + 1);
                steps.insert(at, Step::Send(Send::Http(HttpSend::default())));
            }
            if !steps.iter().any(|s| matches!(s, Step::Expect(_))) {
                steps.push(Step::Expect(expect(What::Status(vec![(200, 399)]))));
            }
        }
        let connects = steps.iter().find(|s| !matches!(s, Step::Comment(_)));
        let implied = !matches!(connects, Some(Step::Connect(_)));
        let mut all: Vec<Numbered> = Vec::with_capacity(steps.len() + 1);
        if implied {
            let own = Connect { default: true, ..Connect::default() };
            all.push(Numbered { number: 0, step: Step::Connect(own) });
        }
        all.extend(steps.into_iter().enumerate().map(|(i, step)| Numbered { number: i + 1, step }));
        Program { steps: all, kind, disable_on_404: spec.disable_on_404, send_state: spec.send_state }
    }

    /// Whether the check asks for TLS anywhere.
    pub fn needs_tls(&self, spec: &Spec) -> bool {
        spec.ssl || self.steps.iter().any(|s| matches!(&s.step, Step::Connect(c) if c.ssl))
    }
}

fn step_of(turn: Turn) -> Step {
    match turn {
        Turn::Send(bytes) => Step::Send(Send::Bytes { bytes, comment: None }),
        Turn::Expect(step) => Step::Expect(expect(What::Protocol(step))),
    }
}

fn expect(what: What) -> Expect {
    Expect {
        negated: false,
        what,
        min_recv: -1,
        comment: None,
        ok_status: None,
        error_status: None,
        tout_status: None,
        on_success: None,
        on_error: None,
        status_code: None,
    }
}

impl<'a> Run<'a> {
    /// `state_header` is the value of `X-Haproxy-Server-State` when the program wants it.
    pub fn new(
        program: &'a Program,
        spec: &'a Spec,
        state_header: Option<String>,
        around: Around<'a>,
    ) -> Run<'a> {
        let mut scene =
            Scene { around, conn: ConnInfo::default(), txn: Txn::default(), res: Head::default() };
        if let Some(format) = around.unique_id {
            let id = scene.ask(None, |ctx| format.to_vec(ctx));
            scene.txn.unique_id = Some(id);
        }
        Run {
            scene,
            said: (0, String::new()),
            computed: None,
            program,
            spec,
            at: 0,
            phase: Phase::Connecting,
            received: Vec::new(),
            closed: false,
            code: 0,
            ok_status: None,
            state_header,
            secure: false,
        }
    }

    /// What to do now.
    pub fn next_action(&mut self) -> Action {
        let program = self.program;
        while let Some(n) = program.steps.get(self.at) {
            match &n.step {
                Step::Comment(_) => self.at += 1,
                Step::Variable(change) => {
                    let body = std::mem::take(&mut self.received);
                    self.scene.ask(Some(&body), |ctx| change.run(ctx));
                    self.received = body;
                    self.at += 1;
                }
                Step::Connect(c) => return self.connect(c),
                Step::Send(s) => {
                    let bytes = self.bytes_of(s);
                    self.received.clear();
                    return Action::Send(bytes);
                }
                Step::Expect(e) => match self.judge(e, n.number) {
                    Judged::Met => {
                        self.computed = None;
                        self.tell_success(e);
                        self.ok_status = e.ok_status.as_deref().and_then(Status::parse);
                        self.at += 1;
                    }
                    Judged::More => return Action::Receive,
                    Judged::Failed(o) => return Action::Done(o),
                },
            }
        }
        Action::Done(self.passed())
    }

    /// The connection stands; with TLS, before the handshake.
    pub fn transport_ready(&mut self) {
        self.phase = if self.secure { Phase::Handshaking } else { Phase::Talking };
    }

    /// The connection stands, the handshake is done.
    pub fn connected(&mut self) -> Action {
        self.phase = Phase::Talking;
        self.at += 1;
        self.next_action()
    }

    pub fn sent(&mut self) -> Action {
        self.at += 1;
        self.next_action()
    }

    /// Bytes came; none: the peer closed.
    pub fn received(&mut self, bytes: &[u8]) -> Action {
        self.closed |= bytes.is_empty();
        let room = RECEIVED_MAX - self.received.len().min(RECEIVED_MAX);
        self.received.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or(bytes));
        self.next_action()
    }

    /// The check is over because of `failure`.
    pub fn failed(&self, failure: &Failure) -> Outcome {
        let expect = self.current_expect();
        let named = |word: &Option<String>| word.as_deref().and_then(Status::parse);
        let hello = self.program.kind == Kind::SslHello;
        let status = match (failure, self.phase) {
            (Failure::Socket(_), _) => Status::SockErr,
            (Failure::Handshake, _) => Status::L6Rsp,
            (Failure::Connection(_), Phase::Connecting) => Status::L4Con,
            (Failure::Connection(_), Phase::Handshaking) => Status::L6Rsp,
            (Failure::Connection(_), Phase::Talking) => Status::SockErr,
            (Failure::Timeout, Phase::Connecting) => Status::L4Tout,
            (Failure::Timeout, Phase::Handshaking) => Status::L6Tout,
            (Failure::Timeout, Phase::Talking) if hello => Status::L6Tout,
            (Failure::Timeout, Phase::Talking) => {
                expect.and_then(|e| named(&e.tout_status)).unwrap_or(Status::L7Tout)
            }
        };
        let mut info = match failure {
            Failure::Connection(_) if self.phase == Phase::Handshaking => "SSL handshake failure".into(),
            Failure::Connection(t) | Failure::Socket(t) => t.clone(),
            Failure::Handshake => "SSL handshake failure".to_owned(),
            Failure::Timeout => String::new(),
        };
        self.say_step(&mut info);
        Outcome { status, code: 0, info }
    }

    fn current_expect(&self) -> Option<&Expect> {
        match &self.program.steps.get(self.at)?.step {
            Step::Expect(e) => Some(e),
            _ => None,
        }
    }

    /// ` at step 2 of tcp-check (expect string 'hello')`: only scripts of `tcp-check` say where they stopped.
    fn say_step(&self, info: &mut String) {
        let Some(n) = self.program.steps.get(self.at) else { return };
        if self.program.kind != Kind::Tcp || n.number == 0 {
            return;
        }
        // Writing to a string cannot fail.
        let _ = write!(info, " at step {} of tcp-check ", n.number);
        let (what, comment) = match &n.step {
            Step::Connect(c) => match c.port {
                Some(p) => (format!("(connect port {p})"), &c.comment),
                None => ("(connect)".to_owned(), &c.comment),
            },
            Step::Send(Send::Bytes { comment, .. } | Send::Format { comment, .. }) => {
                ("(send)".to_owned(), comment)
            }
            Step::Send(Send::Http(h)) => ("(send)".to_owned(), &h.comment),
            Step::Expect(e) => (format!("(expect {})", expected_words(&e.what)), &e.comment),
            Step::Comment(_) | Step::Variable(_) => (String::new(), &None),
        };
        info.push_str(&what);
        if let Some(c) = comment {
            let _ = write!(info, " comment: '{c}'");
        }
    }

    fn connect(&mut self, c: &Connect) -> Action {
        (self.phase, self.closed) = (Phase::Connecting, false);
        self.received.clear();
        let own = c.default;
        let computed = c
            .port_expr
            .as_ref()
            .and_then(|e| self.scene.ask(None, |ctx| e.eval(ctx).and_then(|v| v.to_int())));
        let computed = computed.and_then(|n| u16::try_from(n).ok());
        let target = Target {
            addr: c.addr.or(self.spec.addr),
            port: computed.or(c.port).or(self.spec.port),
            ssl: c.ssl || (own && self.spec.ssl),
            sni: c.sni.clone().or_else(|| self.spec.sni.clone()),
            alpn: if c.alpn.is_empty() { self.spec.alpn.clone() } else { c.alpn.clone() },
            send_proxy: c.send_proxy || (own && self.spec.send_proxy),
        };
        self.secure = target.ssl;
        Action::Connect(target)
    }

    fn bytes_of(&mut self, s: &Send) -> Vec<u8> {
        let state = self.state_header.clone();
        self.scene.ask(Some(&self.received), |ctx| match s {
            Send::Bytes { bytes, .. } => bytes.clone(),
            Send::Format { format, hex, .. } => {
                let text = format.to_vec(ctx);
                // What is no hexadecimal text sends nothing, as HAProxy does.
                if *hex { unhex(&text).unwrap_or_default() } else { text }
            }
            Send::Http(h) => http::request(h, state.as_deref(), ctx),
        })
    }

    /// `on-success` and `status-code` of an expectation that was met.
    fn tell_success(&mut self, e: &Expect) {
        if e.on_success.is_none() && e.status_code.is_none() {
            return;
        }
        let body = std::mem::take(&mut self.received);
        if let Some(format) = &e.on_success {
            let text = self.scene.ask(Some(&body), |ctx| format.to_vec(ctx));
            self.said.1 = String::from_utf8_lossy(&text).into_owned();
        }
        if let Some(code) = self.code_of(e, &body) {
            self.said.0 = code;
        }
        self.received = body;
    }

    fn code_of(&mut self, e: &Expect, body: &[u8]) -> Option<u16> {
        let expr = e.status_code.as_ref()?;
        let n = self.scene.ask(Some(body), |ctx| expr.eval(ctx).and_then(|v| v.to_int()));
        n.and_then(|n| u16::try_from(n).ok())
    }

    /// `on-error` and `status-code` of one that was not.
    fn tell_error(&mut self, e: &Expect, mut outcome: Outcome) -> Outcome {
        let body = std::mem::take(&mut self.received);
        if let Some(format) = &e.on_error {
            let text = self.scene.ask(Some(&body), |ctx| format.to_vec(ctx));
            outcome.info = String::from_utf8_lossy(&text).into_owned();
        }
        if let Some(code) = self.code_of(e, &body) {
            outcome.code = code;
        }
        self.received = body;
        outcome
    }

    fn passed(&self) -> Outcome {
        let last = self.program.steps.iter().rev().find(|s| !matches!(s.step, Step::Comment(_)));
        let talked = matches!(last.map(|s| &s.step), Some(Step::Send(_) | Step::Expect(_)));
        let (status, code, info) = match self.program.kind {
            Kind::Http if talked => (Status::L7Ok, self.code, ""),
            Kind::Protocol => (Status::L7Ok, 0, ""),
            Kind::Tcp if talked => (Status::L7Ok, 0, "(tcp-check)"),
            Kind::SslHello => (Status::L6Ok, 0, ""),
            _ if self.secure => (Status::L6Ok, 0, ""),
            _ => (Status::L4Ok, 0, ""),
        };
        let (told, words) = &self.said;
        Outcome {
            status: self.ok_status.unwrap_or(status),
            code: if *told > 0 { *told } else { code },
            info: if words.is_empty() { info.to_owned() } else { words.clone() },
        }
    }

    // ---- expectations --------------------------------------------------------------------------------

    fn judge(&mut self, e: &Expect, number: usize) -> Judged {
        if self.received.is_empty() && !self.closed {
            return Judged::More;
        }
        let judged = match (&e.what, self.program.kind) {
            (What::Protocol(step), _) => self.judge_protocol(*step),
            (_, Kind::Http) => self.judge_http(e, number),
            _ => self.judge_bytes(e, number),
        };
        match judged {
            Judged::Failed(o) if o.status != Status::L7OkCond => Judged::Failed(self.tell_error(e, o)),
            other => other,
        }
    }

    fn judge_protocol(&mut self, step: protocol::Step) -> Judged {
        match step.read(&self.received, self.closed) {
            Reading::More => Judged::More,
            Reading::Good { code, info } => {
                // A later answer without words leaves those of an earlier one.
                if code > 0 || !info.is_empty() {
                    self.said = (code, info);
                }
                Judged::Met
            }
            Reading::Bad { status, code, info } => Judged::Failed(Outcome { status, code, info }),
        }
    }

    /// The text of an expectation, computed once for its step.
    fn text_of(&mut self, what: &What, body: &[u8]) -> Option<Vec<u8>> {
        let format = match what {
            What::StringLf(f) | What::BinaryLf(f) => f,
            _ => return None,
        };
        if self.computed.as_ref().is_none_or(|(at, _)| *at != self.at) {
            let text = self.scene.ask(Some(body), |ctx| format.to_vec(ctx));
            let text =
                if matches!(what, What::BinaryLf(_)) { unhex(&text).unwrap_or_default() } else { text };
            self.computed = Some((self.at, text));
        }
        self.computed.as_ref().map(|(_, t)| t.clone())
    }

    fn judge_bytes(&mut self, e: &Expect, number: usize) -> Judged {
        let received = self.received.clone();
        let computed = self.text_of(&e.what, &received).map(What::String);
        let what = computed.as_ref().unwrap_or(&e.what);
        let got = received.as_slice();
        let bad = match self.program.kind {
            Kind::SslHello => Status::L6Rsp,
            _ => e.error_status.as_deref().and_then(Status::parse).unwrap_or(Status::L7Rsp),
        };
        let fail = |mut info: String| {
            if let Some(c) = &e.comment {
                let _ = write!(info, " comment: {c}");
            }
            Judged::Failed(Outcome { status: bad, code: 0, info })
        };
        if got.is_empty() {
            return fail(format!("TCPCHK got an empty response at step {number}"));
        }
        let wanted = match what {
            // Of an exact text no more than its own length need come.
            What::String(s) | What::Binary(s) => e.min_recv.min(s.len() as i32),
            _ => e.min_recv,
        };
        let full = self.closed || got.len() >= RECEIVED_MAX;
        if !full && wanted > 0 && got.len() < wanted as usize {
            return Judged::More;
        }
        let conclusive = full || e.min_recv >= 0;
        match (matches_bytes(what, got), e.negated) {
            (true, false) => Judged::Met,
            (false, true) if conclusive => Judged::Met,
            (false, _) if !conclusive => Judged::More,
            _ if self.program.kind == Kind::SslHello => fail(String::new()),
            (true, _) => {
                fail(format!("TCPCHK matched unwanted content {} at step {number}", content_words(what)))
            }
            (false, _) => {
                fail(format!("TCPCHK did not match content {} at step {number}", content_words(what)))
            }
        }
    }

    fn judge_http(&mut self, e: &Expect, number: usize) -> Judged {
        let answer = match http::parse(&self.received, self.closed) {
            http::Parsed::Partial => return Judged::More,
            // As HAProxy 3.5: an answer that is none is a broken connection.
            http::Parsed::Invalid => {
                return Judged::Failed(Outcome { status: Status::SockErr, ..Outcome::default() });
            }
            http::Parsed::Answer(a) => a,
        };
        self.code = answer.status;
        // What expressions read is the answer as any message is read.
        let limits = Limits { head_bytes_max: usize::MAX, ..Limits::default() };
        if parse::response(&self.received, &limits, &mut self.scene.res).is_err() {
            self.scene.res.clear();
        }
        let computed = self.text_of(&e.what, &answer.body).map(What::String);
        let what = computed.as_ref().unwrap_or(&e.what);
        if self.program.disable_on_404 && answer.status == 404 {
            return Judged::Failed(Outcome { status: Status::L7OkCond, code: 404, info: String::new() });
        }
        let on_head = matches!(e.what, What::Status(_) | What::Rstatus(_) | What::Header { .. });
        let error = e.error_status.as_deref().and_then(Status::parse);
        let comment = |mut info: String| {
            if let Some(c) = &e.comment {
                let _ = write!(info, " comment: {c}");
            }
            info
        };
        if on_head {
            if self.scene.ask(None, |ctx| matches_head(&e.what, &answer, ctx)) != e.negated {
                return Judged::Met;
            }
            let status = error.unwrap_or(Status::L7Sts);
            let info = match answer.reason.is_empty() {
                true => format!("TCPCHK did not match content(status codes) at step {number}"),
                false => answer.reason.clone(),
            };
            return Judged::Failed(Outcome { status, code: self.code, info: comment(info) });
        }
        let status = error.unwrap_or(Status::L7Rsp);
        let fail =
            |info: &str| Judged::Failed(Outcome { status, code: self.code, info: comment(info.to_owned()) });
        let complete = answer.complete || self.received.len() >= RECEIVED_MAX;
        if answer.body.is_empty() && complete {
            return fail("HTTP content check could not find a response body");
        }
        match (matches_bytes(what, &answer.body), e.negated) {
            (true, false) => Judged::Met,
            (true, true) => fail("HTTP check matched unwanted content"),
            (false, _) if !complete => Judged::More,
            (false, true) => Judged::Met,
            (false, false) => fail("HTTP content check did not match"),
        }
    }
}

enum Judged {
    Met,
    More,
    Failed(Outcome),
}

fn matches_bytes(what: &What, got: &[u8]) -> bool {
    match what {
        What::String(s) | What::Binary(s) => memchr::memmem::find(got, s).is_some(),
        What::Rstring(r) => r.is_match(got),
        What::Rbinary(r) => {
            let hex = got.iter().fold(String::with_capacity(got.len() * 2), |mut h, b| {
                let _ = write!(h, "{b:02X}");
                h
            });
            r.is_match(hex.as_bytes())
        }
        // Alert or handshake: whoever answers so speaks TLS.
        What::TlsRecord => matches!(got.first(), Some(0x15 | 0x16)),
        What::Status(_)
        | What::Rstatus(_)
        | What::Header { .. }
        | What::StringLf(_)
        | What::BinaryLf(_)
        | What::Protocol(_) => false,
    }
}

fn matches_head(what: &What, a: &http::Answer, ctx: &mut Ctx<'_>) -> bool {
    match what {
        What::Status(ranges) => ranges.iter().any(|&(from, to)| (from..=to).contains(&a.status)),
        What::Rstatus(r) => r.is_match(a.status.to_string().as_bytes()),
        What::Header { name, value } => {
            let name = name.ready(ctx);
            let value = value.as_ref().map(|(m, full)| (m.ready(ctx), *full));
            a.headers.iter().filter(|(n, _)| name.fits(n, true)).any(|(_, v)| match &value {
                None => true,
                Some((m, true)) => m.fits(v, false),
                Some((m, false)) => v.split(|&b| b == b',').any(|part| m.fits(part.trim_ascii(), false)),
            })
        }
        _ => false,
    }
}

impl NameMatch {
    /// With its text computed.
    fn ready(&self, ctx: &mut Ctx<'_>) -> NameMatch {
        let mut now = |t: &Text| Text::Plain(t.render(ctx));
        match self {
            NameMatch::Exact(t) => NameMatch::Exact(now(t)),
            NameMatch::Begin(t) => NameMatch::Begin(now(t)),
            NameMatch::End(t) => NameMatch::End(now(t)),
            NameMatch::Contains(t) => NameMatch::Contains(now(t)),
            NameMatch::Regex(r) => NameMatch::Regex(r.clone()),
        }
    }

    fn fits(&self, text: &[u8], fold: bool) -> bool {
        let lower = |t: &[u8]| if fold { t.to_ascii_lowercase() } else { t.to_vec() };
        // `ready` left nothing to compute.
        let plain = |t: &Text| match t {
            Text::Plain(t) => lower(t),
            Text::Format(_) => Vec::new(),
        };
        let whole = text;
        let text = lower(text);
        match self {
            NameMatch::Exact(m) => text == plain(m),
            NameMatch::Begin(m) => text.starts_with(&plain(m)),
            NameMatch::End(m) => text.ends_with(&plain(m)),
            NameMatch::Contains(m) => memchr::memmem::find(&text, &plain(m)).is_some(),
            NameMatch::Regex(r) => r.is_match(whole),
        }
    }
}

/// An expectation as failures name it.
fn content_words(what: &What) -> String {
    match what {
        What::String(s) => format!("'{}'", String::from_utf8_lossy(s)),
        What::Rstring(_) => "(regex)".into(),
        What::Binary(_) => "(binary)".into(),
        What::Rbinary(_) => "(binary regex)".into(),
        _ => String::new(),
    }
}

/// An expectation as time-outs name it.
fn expected_words(what: &What) -> String {
    match what {
        What::String(s) => format!("string '{}'", String::from_utf8_lossy(s)),
        What::Rstring(_) => "regex".into(),
        What::Binary(b) => {
            let hex: String = b.iter().map(|x| format!("{x:02X}")).collect();
            format!("binary '{hex}'")
        }
        What::Rbinary(_) => "binary regex".into(),
        _ => String::new(),
    }
}

/// `option ssl-hello-chk`: an SSLv3 client hello, which every TLS server answers, if only with an alert (manual 4.2).
fn ssl_hello() -> Vec<Step> {
    let suites: Vec<u8> = (0x01..=0x1b_u8).chain(0x2f..=0x3a).flat_map(|s| [0, s]).collect();
    let mut hello = vec![0x03, 0x00];
    hello.extend_from_slice(b"TLS server, are you there? OK...");
    hello.push(0);
    hello.extend_from_slice(&(suites.len() as u16).to_be_bytes());
    hello.extend_from_slice(&suites);
    hello.extend_from_slice(&[1, 0]);
    let mut bytes = vec![0x16, 0x03, 0x00];
    bytes.extend_from_slice(&(hello.len() as u16 + 4).to_be_bytes());
    bytes.extend_from_slice(&[0x01, 0x00]);
    bytes.extend_from_slice(&(hello.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&hello);
    vec![Step::Send(Send::Bytes { bytes, comment: None }), Step::Expect(expect(What::TlsRecord))]
}

#[cfg(test)]
mod tests;
