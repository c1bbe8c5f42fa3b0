//! What a backend's health checks send and expect.

use super::{Deserialize, Format, JsonSchema, Serialize, SetVar, model, model_enum};
use crate::{
    haproxy::{address::Port, expr::SampleExpr},
    source::At,
};

model! {
    /// `option httpchk`: the request line of the default check; `http-check` steps complete it.
    pub struct HttpChk {
        /// OPTIONS when absent.
        pub method: Option<String>,
        /// `/` when absent.
        pub uri: Option<String>,
        /// HTTP/1.0 when absent.
        pub version: Option<String>,
        /// `Host` value given as fourth argument.
        pub host: Option<String>,
        /// Name and value of each, from the spelling that was removed in 2.7.
        pub headers: Vec<(String, String)>,
        pub body: Option<String>,
    }

    /// `healthcheck name`: a check that servers name.
    pub struct Healthcheck {
        pub name: At<String>,
        pub check: CheckKind,
        pub http_check: Vec<At<CheckStep>>,
        pub tcp_check: Vec<At<CheckStep>>,
        pub disable_on_404: bool,
        pub send_state: bool,
    }

    /// `http-check send`.
    pub struct CheckSend {
        pub method: Option<String>,
        pub uri: Option<String>,
        pub uri_lf: Option<Format>,
        pub version: Option<String>,
        pub headers: Vec<super::ReplyHeader>,
        pub body: Option<String>,
        pub body_lf: Option<Format>,
        pub comment: Option<String>,
    }

    /// `http-check connect`, `tcp-check connect`.
    pub struct CheckConnect {
        pub default: bool,
        pub port: Option<CheckPort>,
        pub addr: Option<At<crate::haproxy::address::Address>>,
        pub send_proxy: bool,
        pub via_socks4: bool,
        pub ssl: bool,
        pub sni: Option<At<String>>,
        pub alpn: Option<Vec<String>>,
        pub linger: bool,
        pub proto: Option<At<String>>,
        pub comment: Option<String>,
    }

    /// `http-check expect`, `tcp-check expect`.
    pub struct CheckExpect {
        pub negated: bool,
        pub what: ExpectWhat,
        /// Bytes needed before the answer is judged; may be -1 for no limit.
        pub min_recv: Option<i32>,
        pub comment: Option<String>,
        pub ok_status: Option<String>,
        pub error_status: Option<String>,
        pub tout_status: Option<String>,
        pub on_success: Option<Format>,
        pub on_error: Option<Format>,
        pub status_code: Option<SampleExpr>,
    }
}

model_enum! {
    /// The kind of check that `option …chk` chose; the last one given counts.
    #[derive(Default)]
    pub enum CheckKind {
        /// A TCP (or TLS) connection, nothing sent.
        #[default]
        Connect,
        /// `option httpchk`.
        Http(HttpChk),
        /// `option tcp-check`.
        Tcp,
        SslHello,
        Smtp { hello: String, domain: String },
        Mysql { user: Option<String>, pre_41: bool },
        Pgsql { user: String },
        Redis,
        Ldap,
        Spop,
        External,
    }

    /// A port as such or by expression.
    pub enum CheckPort {
        Port(Port),
        Expr(SampleExpr),
    }

    /// One step of `http-check` or `tcp-check`, in order.
    pub enum CheckStep {
        Connect(CheckConnect),
        /// `http-check send`.
        Send(CheckSend),
        /// `tcp-check send`.
        SendText { text: At<String>, comment: Option<String> },
        SendTextLf { text: Format, comment: Option<String> },
        /// Hexadecimal digits.
        SendBinary { hex: At<String>, comment: Option<String> },
        SendBinaryLf { hex: Format, comment: Option<String> },
        Expect(CheckExpect),
        SetVar(SetVar),
        UnsetVar(At<String>),
        Comment(String),
    }

    /// What an answer must hold.
    #[derive(Default)]
    pub enum ExpectWhat {
        /// Codes and ranges as written: `200,201,300-399`.
        Status(At<String>),
        Rstatus(At<String>),
        String(At<String>),
        Rstring(At<String>),
        StringLf(Format),
        Hdr(ExpectHeader),
        Fhdr(ExpectHeader),
        /// Hexadecimal digits.
        Binary(At<String>),
        Rbinary(At<String>),
        BinaryLf(Format),
        #[default]
        Custom,
    }
}

model! {
    /// `hdr name [-m method] n value [-m method] v`.
    pub struct ExpectHeader {
        pub name: At<String>,
        pub name_match: Option<String>,
        pub name_is_format: bool,
        pub value: Option<At<String>>,
        pub value_match: Option<String>,
        pub value_is_format: bool,
    }
}
