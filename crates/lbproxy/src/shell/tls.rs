//! TLS on both sides: the only door to rustls.
//!
//! Owns: [`Store`], the material of one loaded plan (one [`Acceptor`] per `bind … ssl`, one [`Connector`] per
//! `server … ssl`), and [`TlsStream`], which both sides read and write. Invariants: everything is loaded before
//! the first connection, nothing opens a file later; material is shared by all threads; the choice of a
//! certificate is one hash look-up. Certificates and keys are read in `tls/cert.rs`, cipher names mapped in
//! `tls/cipher.rs`, peers verified in `tls/verify.rs`. Time limits are left to the caller.

mod cert;
mod cipher;
mod stream;
mod verify;

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::{
    diag::{Diagnostic, Diagnostics, codes},
    source::Span,
};
use rustls::{
    ClientConfig, ServerConfig, SupportedProtocolVersion,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::ServerName,
    server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    compile::plan::{BackendIx, BindTls, FrontendIx, Plan, ServerIx, ServerTls, TlsVersion, Verify},
    engine::conn::TlsInfo,
};

pub use stream::{HandshakeError, TlsStream};

/// TLS 1.2 sessions kept per listener for clients that resume by id instead of by ticket.
const SESSIONS_PER_BIND_MAX: usize = 1_024;
/// Sessions kept per server line, by server name, for resumption towards servers.
const SESSIONS_PER_SERVER_MAX: usize = 256;

/// Reads what the configuration names; `process` gives one that works inside a chroot, too.
pub trait Files {
    /// A whole file.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
    /// The plain files of a directory, sorted by name; `None` when `path` is no directory.
    fn list(&mut self, path: &Path) -> io::Result<Option<Vec<PathBuf>>>;
}

/// The TLS material of one plan.
#[derive(Debug, Default)]
pub struct Store {
    binds: HashMap<(FrontendIx, usize), Arc<Acceptor>>,
    servers: HashMap<(BackendIx, ServerIx), Arc<Connector>>,
    /// For checks with TLS of servers without.
    checks: HashMap<(BackendIx, ServerIx), Arc<Connector>>,
    /// Ticket keys by trust: a ticket is taken only where the same client certificates would have been asked for.
    tickets: HashMap<Trust, Arc<dyn ProducesTickets>>,
}

/// What a ticket vouches for.
type Trust = (u8, Option<PathBuf>, Option<PathBuf>);

impl Store {
    /// Loads everything that `plan` names. Ticket keys of `previous` live on, so that a reload costs no client a
    /// full handshake. With an alert among the diagnostics the store must not be used.
    /// `trust_servers`: certificates of servers are not verified, whatever the plan says (`-dV`).
    pub fn load(
        plan: &Plan,
        files: &mut dyn Files,
        previous: Option<&Store>,
        trust_servers: bool,
    ) -> (Store, Diagnostics) {
        let mut loader = Loader { trust_servers, ..Loader::new(files) };
        let mut store = Store::default();
        for f in &plan.frontends {
            for (b, bind) in f.binds.iter().enumerate() {
                let Some(tls) = &bind.tls else { continue };
                loader.place = Some(bind.place);
                let tickets = match store.tickets(tls, previous) {
                    Ok(t) => t,
                    Err(e) => {
                        loader.alert(format!("no session tickets can be made: {e}"));
                        continue;
                    }
                };
                let here = format!("'bind {}' in frontend '{}'", bind.text, f.name);
                if let Some(a) = loader.acceptor(tls, tickets, &here) {
                    store.binds.insert((f.ix, b), Arc::new(a));
                }
            }
        }
        loader.place = None;
        for b in &plan.backends {
            for s in &b.servers {
                let here = format!("server '{}/{}'", b.name, s.name);
                let of = [(&s.tls, &mut store.servers), (&s.check_tls, &mut store.checks)];
                for (tls, connectors) in of.into_iter().filter_map(|(t, c)| Some((t.as_ref()?, c))) {
                    if let Some(c) = loader.connector(tls, &here) {
                        connectors.insert((b.ix, s.ix), Arc::new(c));
                    }
                }
            }
        }
        (store, loader.diagnostics)
    }

    /// Serves the TLS of a `bind` line; `None` for one without `ssl`.
    pub fn acceptor(&self, frontend: FrontendIx, bind: usize) -> Option<&Arc<Acceptor>> {
        self.binds.get(&(frontend, bind))
    }

    /// Calls a server with TLS; `None` for one without `ssl`.
    pub fn connector(&self, backend: BackendIx, server: ServerIx) -> Option<&Arc<Connector>> {
        self.servers.get(&(backend, server))
    }

    /// Checks a server with TLS: with the server's own settings, also where its traffic has none.
    pub fn check_connector(&self, backend: BackendIx, server: ServerIx) -> Option<&Arc<Connector>> {
        self.checks.get(&(backend, server)).or_else(|| self.connector(backend, server))
    }

    fn tickets(
        &mut self,
        tls: &BindTls,
        previous: Option<&Store>,
    ) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
        let trust = (tls.verify as u8, tls.ca_file.clone(), tls.crl_file.clone());
        if let Some(t) = self.tickets.get(&trust) {
            return Ok(t.clone());
        }
        let kept = previous.and_then(|p| p.tickets.get(&trust)).cloned();
        let tickets = kept.map_or_else(aws_lc_rs::Ticketer::new, Ok)?;
        self.tickets.insert(trust, tickets.clone());
        Ok(tickets)
    }
}

/// The server side of TLS for one listener.
pub struct Acceptor(tokio_rustls::TlsAcceptor);

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    /// Does the handshake with a client.
    ///
    /// # Errors
    /// [`HandshakeError`]: the client left, spoke no TLS, offered nothing that fits, or its certificate was refused.
    pub async fn accept<IO>(&self, io: IO) -> Result<(TlsStream<IO>, TlsInfo), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = self.0.accept(io).await.map_err(|e| HandshakeError::from_io(&e))?;
        Ok(TlsStream::finished(stream.into()))
    }
}

/// The client side of TLS for one server.
pub struct Connector {
    inner: tokio_rustls::TlsConnector,
    /// `sni str(…)`.
    sni: Option<String>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    /// Does the handshake with a server. `sni` is the server name computed for this connection; without one the
    /// fixed name of the `server` line is sent, and without that none. `alpn` replaces the protocols of the line.
    ///
    /// # Errors
    /// [`HandshakeError`]: the server left, spoke no TLS, took nothing of what was offered, or its certificate was
    /// refused (`verify required`).
    pub async fn connect<IO>(
        &self,
        io: IO,
        sni: Option<&str>,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<(TlsStream<IO>, TlsInfo), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let sni = sni.or(self.sni.as_deref());
        let name = sni.and_then(|s| ServerName::try_from(s.to_owned()).ok()).unwrap_or_else(unnamed);
        let stream = match alpn {
            Some(protocols) => self.inner.with_alpn(protocols.to_vec()).connect(name, io).await,
            None => self.inner.connect(name, io).await,
        };
        let stream = stream.map_err(|e| HandshakeError::from_io(&e))?;
        Ok(TlsStream::finished(stream.into()))
    }
}

/// A name that is never sent: rustls sends no SNI for addresses, and `verify.rs` knows this one as "none".
fn unnamed() -> ServerName<'static> {
    ServerName::from(std::net::IpAddr::from(std::net::Ipv4Addr::UNSPECIFIED))
}

/// One run over a plan; each file is read once.
struct Loader<'a> {
    files: &'a mut dyn Files,
    certs: HashMap<PathBuf, Option<cert::Loaded>>,
    /// The line that is being served now.
    place: Option<Span>,
    trust_servers: bool,
    diagnostics: Diagnostics,
}

impl<'a> Loader<'a> {
    fn new(files: &'a mut dyn Files) -> Loader<'a> {
        Loader {
            files,
            certs: HashMap::new(),
            place: None,
            trust_servers: false,
            diagnostics: Diagnostics::default(),
        }
    }

    fn say(&mut self, d: Diagnostic) {
        self.diagnostics.push(match self.place {
            Some(span) => d.at(span, ""),
            None => d,
        });
    }

    fn alert(&mut self, message: String) {
        self.say(Diagnostic::alert(codes::BAD_FILE, message));
    }

    fn acceptor(&mut self, tls: &BindTls, tickets: Arc<dyn ProducesTickets>, here: &str) -> Option<Acceptor> {
        let versions = self.versions(tls.min_version, tls.max_version, here)?;
        let provider = self.provider(tls.ciphers.as_deref(), tls.ciphersuites.as_deref(), here);
        let resolver = self.certificates(tls, here)?;
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions);
        let builder = match builder {
            Ok(b) => b,
            Err(e) => {
                self.alert(format!("{here}: the ciphers do not fit the TLS versions: {e}"));
                return None;
            }
        };
        let builder = match tls.verify {
            Verify::None => builder.with_no_client_auth(),
            Verify::Optional | Verify::Required => {
                builder.with_client_cert_verifier(self.client_verifier(tls, provider, here)?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols.clone_from(&tls.alpn);
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_PER_BIND_MAX);
        if tls.no_tickets {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else {
            config.ticketer = tickets;
        }
        Some(Acceptor(Arc::new(config).into()))
    }

    fn connector(&mut self, tls: &ServerTls, here: &str) -> Option<Connector> {
        let versions = self.versions(tls.min_version, tls.max_version, here)?;
        let provider = self.provider(tls.ciphers.as_deref(), tls.ciphersuites.as_deref(), here);
        let verifier = self.server_verifier(tls, provider.clone(), here)?;
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions);
        let builder = match builder {
            Ok(b) => b.dangerous().with_custom_certificate_verifier(verifier),
            Err(e) => {
                self.alert(format!("{here}: the ciphers do not fit the TLS versions: {e}"));
                return None;
            }
        };
        let mut config = match &tls.crt {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let own = self.certificate(path, here)?;
                builder.with_client_cert_resolver(Arc::new(cert::Own(own.key)))
            }
        };
        config.alpn_protocols.clone_from(&tls.alpn);
        config.resumption = Resumption::in_memory_sessions(SESSIONS_PER_SERVER_MAX);
        Some(Connector { inner: Arc::new(config).into(), sni: tls.sni.clone() })
    }

    /// The versions between the bounds; rustls speaks TLS 1.2 and 1.3 only.
    fn versions(
        &mut self,
        min: TlsVersion,
        max: TlsVersion,
        here: &str,
    ) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let fits = |v| min <= v && (max == TlsVersion::Default || v <= max);
        let table = [(TlsVersion::V12, &rustls::version::TLS12), (TlsVersion::V13, &rustls::version::TLS13)];
        let versions: Vec<_> = table.into_iter().filter(|(v, _)| fits(*v)).map(|(_, s)| s).collect();
        if versions.is_empty() {
            self.diagnostics.push(
                Diagnostic::alert(
                    codes::REFUSED,
                    format!("{here}: no TLS version is left that can be spoken"),
                )
                .help("TLSv1.2 and TLSv1.3 are spoken; older versions are not, they are not safe"),
            );
            return None;
        }
        if matches!(min, TlsVersion::V10 | TlsVersion::V11) {
            let text = format!("{here}: TLSv1.0 and TLSv1.1 are not spoken, TLSv1.2 is the oldest version");
            self.say(Diagnostic::notice(codes::NO_EFFECT, text));
        }
        Some(versions)
    }

    /// aws-lc-rs with the cipher suites that the lists leave.
    fn provider(&mut self, list: Option<&str>, suites: Option<&str>, here: &str) -> Arc<CryptoProvider> {
        let mut provider = aws_lc_rs::default_provider();
        let (chosen, unmatched) = cipher::choose(&provider.cipher_suites, list, suites);
        provider.cipher_suites = chosen;
        for what in unmatched {
            let text = format!(
                "{here}: nothing in the {what} fits a cipher that is spoken here; the default ones are used"
            );
            self.say(Diagnostic::notice(codes::NO_EFFECT, text));
        }
        Arc::new(provider)
    }
}

#[cfg(test)]
mod tests;
