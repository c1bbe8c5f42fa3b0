//! The client's TLS session (manual 7.3.4).

use super::{Ctx, Fetch, Scope, Type, Value};
use crate::engine::conn::TlsInfo;

pub(super) const FETCHES: &[Fetch] = &[
    row!("ssl_bc", &[], 0, Bool, ANSWERED, "Whether the server connection is TLS.", |c, _, _| Some(
        Value::Bool(c.txn.server_tls.is_some())
    )),
    row!("ssl_bc_alpn", &[], 0, Str, ANSWERED, "ALPN protocol of the server connection.", |c, _, _| bc(c)?
        .alpn
        .as_deref()
        .map(Value::str)),
    row!("ssl_bc_cipher", &[], 0, Str, ANSWERED, "Cipher suite of the server connection.", |c, _, _| Some(
        Value::str(bc(c)?.cipher.as_bytes())
    )),
    row!(
        "ssl_bc_is_resumed",
        &[],
        0,
        Bool,
        ANSWERED,
        "Whether the server connection resumed a session.",
        |c, _, _| Some(Value::Bool(bc(c)?.resumed))
    ),
    row!("ssl_bc_protocol", &[], 0, Str, ANSWERED, "TLS version of the server connection.", |c, _, _| Some(
        Value::str(bc(c)?.version.as_bytes())
    )),
    row!("ssl_bc_sni", &[], 0, Str, ANSWERED, "Server name sent to the server.", |c, _, _| bc(c)?
        .sni
        .as_deref()
        .map(|s| Value::str(s.as_bytes()))),
    row!(
        "ssl_c_ca_err",
        &[],
        0,
        Sint,
        SESSION,
        "Error of the client certificate's chain, 0 for none.",
        |c, _, _| fc(c).map(|_| Value::Int(0))
    ),
    row!("ssl_c_der", &[], 0, Bin, SESSION, "The client's certificate in DER.", |c, _, _| fc(c)?
        .client_cert
        .as_deref()
        .map(Value::bin)),
    row!("ssl_c_err", &[], 0, Sint, SESSION, "Error of the client's certificate, 0 for none.", |c, _, _| fc(
        c
    )
    .map(|_| Value::Int(0))),
    row!("ssl_c_used", &[], 0, Bool, SESSION, "Whether the client presented a certificate.", |c, _, _| Some(
        Value::Bool(fc(c).is_some_and(|t| t.client_cert.is_some()))
    )),
    row!(
        "ssl_c_verify",
        &[],
        0,
        Sint,
        SESSION,
        "Result of verifying the client's certificate, 0 for success.",
        |c, _, _| fc(c).map(|_| Value::Int(0))
    ),
    row!("ssl_fc", &[], 0, Bool, SESSION, "Whether the client's connection is TLS.", |c, _, _| Some(
        Value::Bool(c.conn.tls.is_some())
    )),
    row!("ssl_fc_alpn", &[], 0, Str, SESSION, "ALPN protocol of the client's connection.", |c, _, _| fc(c)?
        .alpn
        .as_deref()
        .map(Value::str)),
    row!("ssl_fc_cipher", &[], 0, Str, SESSION, "Cipher suite of the client's connection.", |c, _, _| Some(
        Value::str(fc(c)?.cipher.as_bytes())
    )),
    row!(
        "ssl_fc_err",
        &[],
        0,
        Sint,
        SESSION,
        "Error of the client's TLS handshake, 0 for none.",
        |c, _, _| fc(c).map(|_| Value::Int(0))
    ),
    row!(
        "ssl_fc_has_crt",
        &[],
        0,
        Bool,
        SESSION,
        "Whether the client presented a certificate on this connection.",
        |c, _, _| fc(c).map(|t| Value::Bool(t.client_cert.is_some()))
    ),
    row!(
        "ssl_fc_has_early",
        &[],
        0,
        Bool,
        SESSION,
        "Whether early data came (never accepted here).",
        |c, _, _| fc(c).map(|_| Value::Bool(false))
    ),
    row!("ssl_fc_has_sni", &[], 0, Bool, SESSION, "Whether the client named a server.", |c, _, _| fc(c)
        .map(|t| Value::Bool(t.sni.is_some()))),
    row!(
        "ssl_fc_is_resumed",
        &[],
        0,
        Bool,
        SESSION,
        "Whether the client resumed a session.",
        |c, _, _| Some(Value::Bool(fc(c).is_some_and(|t| t.resumed)))
    ),
    row!("ssl_fc_protocol", &[], 0, Str, SESSION, "TLS version of the client's connection.", |c, _, _| Some(
        Value::str(fc(c)?.version.as_bytes())
    )),
    row!("ssl_fc_sni", &[], 0, Str, SESSION, "Server name the client asked for.", |c, _, _| fc(c)?
        .sni
        .as_deref()
        .map(|s| Value::str(s.as_bytes()))),
];

fn fc<'c>(c: &'c Ctx<'_>) -> Option<&'c TlsInfo> {
    c.conn.tls.as_deref()
}

fn bc<'c>(c: &'c Ctx<'_>) -> Option<&'c TlsInfo> {
    c.txn.server_tls.as_deref()
}
