//! Health checks: what a check does on the wire, and the words of its verdicts.

pub mod agent;
mod http;
pub mod protocol;
pub mod script;
pub mod status;

use std::{net::IpAddr, sync::Arc};

use super::{
    action::variable::Change,
    logformat::LogFormat,
    sample::{Ctx, Expr},
};

pub use status::{Status, Verdict};

/// The check of a server, compiled: the server's own settings, its backend's script, the defaults filled in.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Milliseconds between checks; `fastinter` and `downinter` fall back to `inter` when 0.
    pub inter_ms: u32,
    pub fastinter_ms: u32,
    pub downinter_ms: u32,
    pub rise: u32,
    pub fall: u32,
    /// `timeout check`; 0: not set (then `timeout connect` bounds the connection and `inter` the rest).
    pub timeout_check_ms: u32,
    /// `timeout connect`; 0: not set.
    pub timeout_connect_ms: u32,
    /// Where to check when not at the server itself.
    pub addr: Option<IpAddr>,
    pub port: Option<u16>,
    /// `check-ssl`, or the server's `ssl` when neither address nor port of the check is given.
    pub ssl: bool,
    /// `check-sni`.
    pub sni: Option<String>,
    /// `check-alpn`.
    pub alpn: Vec<Vec<u8>>,
    /// `check-send-proxy`, or the server's `send-proxy` when neither address nor port of the check is given.
    pub send_proxy: bool,
    pub init: InitState,
    pub script: Script,
    /// `http-check disable-on-404`, `http-check send-state`.
    pub disable_on_404: bool,
    pub send_state: bool,
}

/// `init-state` of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InitState {
    /// Up; the first failed check takes it down.
    #[default]
    Up,
    FullyUp,
    /// Down; the first good check takes it up.
    Down,
    FullyDown,
}

/// What is done once per check.
#[derive(Clone, Debug, Default)]
pub enum Script {
    /// Connect, and handshake when TLS is on.
    #[default]
    Connect,
    /// `option httpchk` and `http-check …`: an empty list gets the default exchange.
    Http(Vec<Step>),
    /// `option tcp-check` and `tcp-check …`.
    Tcp(Vec<Step>),
    /// `option ssl-hello-chk`.
    SslHello,
    /// `option mysql-check`, `redis-check` and their like.
    Protocol(protocol::Protocol),
    /// `option external-check`: the shell runs it.
    External(Arc<External>),
}

/// A program that checks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    pub command: String,
    /// `PATH` of its environment.
    pub path: Option<String>,
    /// It gets the environment of the process, too.
    pub keep_env: bool,
}

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Step {
    Connect(Connect),
    Send(Send),
    Expect(Expect),
    Comment(String),
    /// `set-var`, `set-var-fmt`, `unset-var`.
    Variable(Box<Change>),
}

/// A text as written, or computed when it is needed.
#[derive(Clone, Debug)]
pub enum Text {
    Plain(Vec<u8>),
    Format(Box<LogFormat>),
}

impl Default for Text {
    fn default() -> Text {
        Text::Plain(Vec::new())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::Plain(text.into())
    }
}

impl Text {
    /// What it says now.
    pub fn render(&self, ctx: &mut Ctx<'_>) -> Vec<u8> {
        match self {
            Text::Plain(t) => t.clone(),
            Text::Format(f) => f.to_vec(ctx),
        }
    }
}

/// `tcp-check connect`, `http-check connect`: what differs from the server.
#[derive(Clone, Debug, Default)]
pub struct Connect {
    /// `default`: the server's own settings.
    pub default: bool,
    pub addr: Option<IpAddr>,
    pub port: Option<u16>,
    /// `port <expression>`.
    pub port_expr: Option<Expr>,
    pub ssl: bool,
    pub sni: Option<String>,
    pub alpn: Vec<Vec<u8>>,
    pub send_proxy: bool,
    pub linger: bool,
    pub comment: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Send {
    /// `tcp-check send`, `send-binary`.
    Bytes { bytes: Vec<u8>, comment: Option<String> },
    /// `tcp-check send-lf`, `send-binary-lf` (then hexadecimal digits come out of the format).
    Format { format: Box<LogFormat>, hex: bool, comment: Option<String> },
    /// `http-check send`, with what `option httpchk` says filled in.
    Http(HttpSend),
}

/// `http-check send`.
#[derive(Clone, Debug)]
pub struct HttpSend {
    pub method: String,
    pub uri: Text,
    /// `HTTP/1.0`, `HTTP/1.1`.
    pub version: String,
    pub headers: Vec<(String, Text)>,
    pub body: Text,
    pub comment: Option<String>,
}

impl Default for HttpSend {
    fn default() -> HttpSend {
        HttpSend {
            method: "OPTIONS".into(),
            uri: "/".into(),
            version: "HTTP/1.0".into(),
            headers: Vec::new(),
            body: Text::default(),
            comment: None,
        }
    }
}

/// `tcp-check expect`, `http-check expect`.
#[derive(Clone, Debug)]
pub struct Expect {
    pub negated: bool,
    pub what: What,
    /// Bytes to have before a mismatch counts; -1: as many as come.
    pub min_recv: i32,
    pub comment: Option<String>,
    /// `ok-status`, `error-status`, `tout-status`, by the words of the log (`L7OK`); defaults when `None`.
    pub ok_status: Option<String>,
    pub error_status: Option<String>,
    pub tout_status: Option<String>,
    /// `on-success`, `on-error`: what the report says then.
    pub on_success: Option<Box<LogFormat>>,
    pub on_error: Option<Box<LogFormat>>,
    /// `status-code`: the number that goes with the report.
    pub status_code: Option<Expr>,
}

/// What an answer must hold.
#[derive(Clone, Debug)]
pub enum What {
    /// Codes, as inclusive ranges.
    Status(Vec<(u16, u16)>),
    Rstatus(regex::bytes::Regex),
    /// In the body (`http-check`), in the bytes received (`tcp-check`).
    String(Vec<u8>),
    Rstring(regex::bytes::Regex),
    Binary(Vec<u8>),
    StringLf(Box<LogFormat>),
    BinaryLf(Box<LogFormat>),
    /// Matched against the bytes received in upper-case hexadecimal digits.
    Rbinary(regex::bytes::Regex),
    /// The beginning of a TLS record, whatever it says (`option ssl-hello-chk`).
    TlsRecord,
    /// The next answer of a protocol's exchange.
    Protocol(protocol::Step),
    /// A header of that name whose value (or one of its comma-separated values unless `full`) matches.
    Header {
        name: NameMatch,
        value: Option<(NameMatch, bool)>,
    },
}

/// How a header's name or value is compared.
#[derive(Clone, Debug)]
pub enum NameMatch {
    Exact(Text),
    Begin(Text),
    End(Text),
    Contains(Text),
    Regex(regex::bytes::Regex),
}

/// `observe`: how traffic tells of a server's health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observe {
    /// Answers count as well, not connections alone.
    pub layer7: bool,
    /// `error-limit`: errors in a row that mean something.
    pub limit: u32,
    pub then: OnError,
}

/// `on-error`: what they mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnError {
    /// Check again soon.
    Fastinter,
    /// As a failed check.
    #[default]
    FailCheck,
    /// As the last but one failed check.
    SuddenDeath,
    MarkDown,
}

/// `agent-check` of a server.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AgentSpec {
    pub inter_ms: u32,
    /// The server's own address when `None`.
    pub addr: Option<IpAddr>,
    pub port: u16,
    /// `agent-send`: what is sent first.
    pub send: Vec<u8>,
}
