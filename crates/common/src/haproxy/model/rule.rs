//! Rules: ACLs, switching rules, and the ordered rule sets with their actions.

use super::{Deserialize, JsonSchema, LogLevel, Serialize, model, model_enum};
use crate::{
    haproxy::expr::{AclTest, Cond, SampleExpr},
    source::At,
};

/// Text in log-format syntax, segmented by [`crate::haproxy::expr::segments`].
pub type Format = At<String>;

model! {
    /// `acl name test`; several of one name are alternatives.
    pub struct Acl {
        pub name: At<String>,
        pub test: AclTest,
    }

    /// `use_backend name if …`; the name may hold log-format items.
    pub struct UseBackend {
        pub backend: Format,
        pub cond: Option<Cond>,
    }

    /// `use-server name if …`; the name may hold log-format items.
    pub struct UseServer {
        pub server: Format,
        pub cond: Option<Cond>,
    }

    /// One rule of a rule set, its place in the [`At`] around it.
    pub struct Rule {
        pub action: Action,
        pub cond: Option<Cond>,
    }

    /// The rule sets in the order in which they run; those inherited from `defaults` come first.
    pub struct RuleSets {
        pub tcp_request_connection: Vec<At<Rule>>,
        pub tcp_request_session: Vec<At<Rule>>,
        pub tcp_request_content: Vec<At<Rule>>,
        pub tcp_response_content: Vec<At<Rule>>,
        pub quic_initial: Vec<At<Rule>>,
        /// `http-request`; `redirect` and `block` lines are appended in their modern form.
        pub http_request: Vec<At<Rule>>,
        pub http_response: Vec<At<Rule>>,
        pub http_after_response: Vec<At<Rule>>,
        pub tcp_request_inspect_delay_ms: Option<u64>,
        pub tcp_response_inspect_delay_ms: Option<u64>,
    }

    /// What `deny`, `tarpit` and `return` answer.
    pub struct Reply {
        /// deny 403 (502 in a response), tarpit 500, return 200 when absent.
        pub status: Option<At<u16>>,
        pub content_type: Option<String>,
        pub body: Option<ReplyBody>,
        /// Each `hdr name format`.
        pub headers: Vec<ReplyHeader>,
    }

    /// `hdr name format` of a reply.
    pub struct ReplyHeader {
        pub name: At<String>,
        pub value: Format,
    }

    /// `redirect`.
    pub struct Redirect {
        pub to: RedirectTo,
        /// 302 when absent.
        pub code: Option<At<u16>>,
        pub drop_query: bool,
        pub keep_query: bool,
        pub append_slash: bool,
        pub ignore_empty: bool,
        /// `set-cookie NAME[=value]`, `set-cookie-fmt`.
        pub set_cookie: Option<String>,
        pub set_cookie_fmt: Option<Format>,
        pub clear_cookie: Option<String>,
    }

    /// `track-sc<n> key [table name]`.
    pub struct Track {
        pub counter: u32,
        pub key: SampleExpr,
        pub table: Option<At<String>>,
    }

    /// `do-resolve(var,resolvers[,ipv4|ipv6]) expr`.
    pub struct DoResolve {
        pub var: At<String>,
        pub resolvers: At<String>,
        pub options: Vec<String>,
        pub expr: SampleExpr,
    }

    /// `set-var(name[,cond…]) expr` and its format form.
    pub struct SetVar {
        /// With its scope: `txn.name`.
        pub name: At<String>,
        /// `ifexists`, `ifnotexists`, `ifgt` …
        pub conditions: Vec<String>,
        pub value: VarValue,
    }
}

model_enum! {
    /// Where a redirect leads.
    pub enum RedirectTo {
        Location(Format),
        Prefix(Format),
        Scheme(Format),
    }

    /// Where the body of a reply comes from.
    pub enum ReplyBody {
        DefaultErrorfiles,
        /// A whole response, head included.
        Errorfile(At<String>),
        /// The `http-errors` section to take the status from.
        Errorfiles(At<String>),
        File(At<String>),
        LfFile(At<String>),
        String(At<String>),
        LfString(Format),
    }

    /// A variable gets an expression's value or a formatted text.
    pub enum VarValue {
        Expr(SampleExpr),
        Format(Format),
    }

    /// What a matching line leads to.
    #[derive(Copy, Eq)]
    pub enum LineVerdict {
        Allow,
        Deny,
        Tarpit,
    }

    /// How `del-header` finds the names.
    #[derive(Copy, Eq)]
    pub enum NameMatch {
        Str,
        Beg,
        End,
        Sub,
        Reg,
    }

    /// `set-timeout` and what it may change.
    #[derive(Copy, Eq)]
    pub enum StreamTimeout {
        Client,
        Connect,
        Queue,
        Server,
        Tarpit,
        Tunnel,
    }

    /// A number given as such or by an expression.
    pub enum NumberOr {
        Number(i64),
        Expr(SampleExpr),
    }

    /// Everything that a rule can do. In which rule sets an action may stand is checked when the line is read.
    #[derive(Default)]
    pub enum Action {
        /// `accept`, in HTTP rules `allow`: no further rule of this set.
        #[default]
        Accept,
        Reject,
        Deny(Reply),
        Tarpit(Reply),
        Return(Reply),
        /// 401, or 407 to a proxy request.
        Auth { realm: Option<Format> },
        Redirect(Redirect),
        SetHeader { name: Format, value: Format },
        AddHeader { name: Format, value: Format },
        DelHeader { name: Format, matching: Option<NameMatch> },
        /// The whole value against a regular expression.
        ReplaceHeader { name: At<String>, regex: At<String>, value: Format },
        /// Each comma-separated value.
        ReplaceValue { name: At<String>, regex: At<String>, value: Format },
        ReplacePath { regex: At<String>, value: Format },
        ReplacePathq { regex: At<String>, value: Format },
        ReplaceUri { regex: At<String>, value: Format },
        /// `reqrep`, `rsprep` and their like, removed in 2.1: the first match of the expression in the start line
        /// and in each header line (`Name: value`) is replaced; `\1` to `\9` are groups.
        ReplaceLine { regex: At<String>, ignore_case: bool, value: At<String> },
        /// `reqdel`, `rspdel`: header lines that match are deleted.
        DelLine { regex: At<String>, ignore_case: bool },
        /// `reqdeny`, `reqallow`, `reqtarpit`, `rspdeny`: when the start line or a header line matches.
        MatchLine { regex: At<String>, ignore_case: bool, then: LineVerdict },
        SetMethod(Format),
        SetPath(Format),
        SetPathq(Format),
        SetQuery(Format),
        SetUri(Format),
        SetStatus { status: At<u16>, reason: Option<String> },
        SetVar(SetVar),
        UnsetVar(At<String>),
        /// `capture expr len n` makes a slot of its own; `id` names a declared one.
        Capture { expr: SampleExpr, len: Option<u32>, id: Option<At<u32>> },
        SetSrc(SampleExpr),
        SetSrcPort(SampleExpr),
        SetDst(SampleExpr),
        SetDstPort(SampleExpr),
        SetFcMark(NumberOr),
        SetFcTos(NumberOr),
        SetBcMark(NumberOr),
        SetBcTos(NumberOr),
        SetNice(i32),
        /// `None` is `silent`: no log.
        SetLogLevel(Option<LogLevel>),
        SetPriorityClass(SampleExpr),
        SetPriorityOffset(SampleExpr),
        /// Milliseconds when a number.
        SetTimeout { which: StreamTimeout, to: NumberOr },
        SetRetries(NumberOr),
        SilentDrop { rst_ttl: Option<u8> },
        StrictMode(bool),
        DisableL7Retry,
        Track(Track),
        /// `sc-inc-gpc(idx,counter)`, and `gpc0`/`gpc1` as index 0 and 1 of the old pair.
        ScIncGpc { index: u32, counter: u32 },
        ScIncGpc0 { counter: u32 },
        ScIncGpc1 { counter: u32 },
        ScAddGpc { index: u32, counter: u32, by: NumberOr },
        ScSetGpt { index: u32, counter: u32, to: NumberOr },
        ScSetGpt0 { counter: u32, to: NumberOr },
        AddAcl { file: At<String>, key: Format },
        DelAcl { file: At<String>, key: Format },
        SetMap { file: At<String>, key: Format, value: Format },
        DelMap { file: At<String>, key: Format },
        CacheUse(At<String>),
        CacheStore(At<String>),
        EarlyHint { name: At<String>, value: Format },
        NormalizeUri { method: At<String>, options: Vec<String> },
        Pause(NumberOr),
        DoResolve(DoResolve),
        DoLog { profile: Option<At<String>> },
        /// `use-service name`, such as `prometheus-exporter` or `lua.name`.
        UseService { name: At<String>, args: Vec<At<String>> },
        WaitForBody { time_ms: u64, at_least_bytes: Option<u64> },
        WaitForHandshake,
        /// `tcp-request connection expect-proxy layer4`.
        ExpectProxy,
        ExpectNetscalerCip,
        /// `tcp-request content switch-mode http [proto …]`.
        SwitchMode { proto: Option<At<String>> },
        /// `tcp-response content close`.
        Close,
        AttachSrv { server: At<String>, name: Option<SampleExpr> },
        SendSpoeGroup { engine: At<String>, group: At<String> },
        SetBandwidthLimit { name: At<String>, limit: Option<NumberOr>, period: Option<NumberOr> },
        /// `lua.name args…`.
        Lua { name: At<String>, args: Vec<At<String>> },
        /// A known action that is not typed, kept as written for `compile` to refuse or take.
        Other { name: At<String>, args: Vec<At<String>> },
    }
}

impl Default for RedirectTo {
    fn default() -> RedirectTo {
        RedirectTo::Location(Format::default())
    }
}

impl Default for VarValue {
    fn default() -> VarValue {
        VarValue::Expr(SampleExpr::default())
    }
}
