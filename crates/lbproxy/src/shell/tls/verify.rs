//! Whom we trust: clients' certificates on `bind … verify`, servers' on `server … verify`.
//!
//! Chains are judged by webpki. What OpenSSL (and so HAProxy) takes beyond that is added here: a certificate that
//! itself stands in the CA file is trusted, common names count, and without `verifyhost` and SNI no name is
//! compared at all (manual 5.2 `verifyhost`).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Loader, cert, stream::untrusted};
use crate::{
    compile::plan::{BindTls, ServerTls, Verify},
    sys,
};

/// Means the certificates that the operating system trusts.
const SYSTEM_CA: &str = "@system-ca";
/// Where distributions keep them: Debian and its like, Fedora and its like, SUSE, Alpine.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

impl Loader<'_> {
    pub(super) fn client_verifier(
        &mut self,
        tls: &BindTls,
        provider: Arc<CryptoProvider>,
        here: &str,
    ) -> Option<Arc<dyn ClientCertVerifier>> {
        let Some(ca) = &tls.ca_file else {
            self.alert(format!("{here}: verify is enabled but no CA file is specified (add 'ca-file')"));
            return None;
        };
        let (roots, _) = self.roots(ca, here)?;
        let crls = self.crls(tls.crl_file.as_deref(), here)?;
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if !crls.is_empty() {
            builder = builder.with_crls(crls).allow_unknown_revocation_status();
        }
        if tls.verify == Verify::Optional {
            builder = builder.allow_unauthenticated();
        }
        match builder.build() {
            Ok(v) => Some(v),
            Err(e) => {
                self.alert(format!("{here}: the CA file '{}' cannot be used: {e}", ca.display()));
                None
            }
        }
    }

    pub(super) fn server_verifier(
        &mut self,
        tls: &ServerTls,
        provider: Arc<CryptoProvider>,
        here: &str,
    ) -> Option<Arc<dyn ServerCertVerifier>> {
        if tls.verify == Verify::None || self.trust_servers {
            return Some(Arc::new(Anyone { provider }));
        }
        let Some(ca) = &tls.ca_file else {
            self.alert(format!(
                "{here}: verify is enabled but no CA file is specified (add 'ca-file', '@system-ca' for the system's)"
            ));
            return None;
        };
        let (roots, trusted) = self.roots(ca, here)?;
        let crls = self.crls(tls.crl_file.as_deref(), here)?;
        let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        if !crls.is_empty() {
            builder = builder.with_crls(crls).allow_unknown_revocation_status();
        }
        match builder.build() {
            Ok(chain) => Some(Arc::new(Known { chain, trusted, verifyhost: tls.verifyhost.clone() })),
            Err(e) => {
                self.alert(format!("{here}: the CA file '{}' cannot be used: {e}", ca.display()));
                None
            }
        }
    }

    /// The anchors of a CA file or directory, and the certificates themselves.
    fn roots(&mut self, path: &Path, here: &str) -> Option<(RootCertStore, Vec<CertificateDer<'static>>)> {
        let certs = if path == Path::new(SYSTEM_CA) {
            self.system_certificates()
        } else {
            self.ca_certificates(path, here)?
        };
        let mut roots = RootCertStore::empty();
        let (added, _ignored) = roots.add_parsable_certificates(certs.iter().cloned());
        if added == 0 {
            self.alert(format!("{here}: no usable CA certificate found in '{}'", path.display()));
            return None;
        }
        Some((roots, certs))
    }

    /// What the operating system trusts: the first bundle that is there. Read like any other file, so that it can
    /// be had from inside a jail, too.
    fn system_certificates(&mut self) -> Vec<CertificateDer<'static>> {
        let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let places = named.into_iter().chain(SYSTEM_BUNDLES.iter().map(PathBuf::from));
        let mut certs = Vec::new();
        for place in places {
            if let Ok(pem) = self.files.read(&place) {
                certs.extend(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
            }
            if !certs.is_empty() {
                break;
            }
        }
        certs
    }

    fn ca_certificates(&mut self, path: &Path, here: &str) -> Option<Vec<CertificateDer<'static>>> {
        let files: Vec<PathBuf> = match self.files.list(path) {
            Ok(Some(list)) => list,
            _ => vec![path.to_owned()],
        };
        let mut certs = Vec::new();
        for file in files {
            let shown = file.display();
            let read = self
                .files
                .read(&file)
                .map_err(|e| format!("unable to open CA file '{shown}': {}", sys::reason(&e)));
            match read
                .map(|pem| CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect::<Vec<_>>())
            {
                Ok(found) => certs.extend(found),
                Err(why) => {
                    self.alert(format!("{here}: {why}"));
                    return None;
                }
            }
        }
        Some(certs)
    }

    fn crls(
        &mut self,
        path: Option<&Path>,
        here: &str,
    ) -> Option<Vec<CertificateRevocationListDer<'static>>> {
        let Some(path) = path else { return Some(Vec::new()) };
        let crls = self.files.read(path).map_err(|e| sys::reason(&e)).and_then(|pem| {
            CertificateRevocationListDer::pem_slice_iter(&pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| e.to_string())
        });
        match crls {
            Ok(list) if !list.is_empty() => Some(list),
            Ok(_) => {
                self.alert(format!("{here}: no revocation list found in '{}'", path.display()));
                None
            }
            Err(why) => {
                self.alert(format!("{here}: unable to read revocation list '{}': {why}", path.display()));
                None
            }
        }
    }
}

/// `verify none`: any certificate will do.
#[derive(Debug)]
struct Anyone {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        lenient(verify_tls12_signature(message, cert, dss, &cert::algorithms(&self.provider)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        lenient(verify_tls13_signature(message, cert, dss, &cert::algorithms(&self.provider)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        cert::algorithms(&self.provider).supported_schemes()
    }
}

/// A certificate of an old form (version 1) cannot be read by webpki, so its signature cannot be checked either.
/// Where any certificate is taken, nothing is lost by taking it: whoever sits between could show one of his own.
fn lenient(
    checked: Result<HandshakeSignatureValid, rustls::Error>,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    match checked {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::BadEncoding
            | CertificateError::Other(_)
            | CertificateError::UnhandledCriticalExtension,
        )) => Ok(HandshakeSignatureValid::assertion()),
        other => other,
    }
}

/// `verify required`: a chain to the CA file, and the right name where one is known.
#[derive(Debug)]
struct Known {
    chain: Arc<WebPkiServerVerifier>,
    /// The certificates of the CA file, any of which may be the server's own.
    trusted: Vec<CertificateDer<'static>>,
    verifyhost: Option<String>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.chain.verify_server_cert(leaf, chain, name, ocsp, now);
        match judged {
            Ok(_) => {}
            // The chain holds; names are compared below, by OpenSSL's rules.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {}
            Err(_) if self.trusted.iter().any(|t| t.as_ref() == leaf.as_ref()) => in_time(leaf, now)?,
            Err(e) => return Err(e),
        }
        let wanted = match (&self.verifyhost, name) {
            (Some(host), _) => Some(host.as_str()),
            (None, ServerName::DnsName(n)) => Some(n.as_ref()),
            (None, _) => None,
        };
        match wanted {
            Some(host) if !is_for(leaf, host) => {
                Err(untrusted(format!("the server's certificate is not for '{host}'")))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// A pinned certificate still has to be within its time.
fn in_time(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let Ok((_, cert)) = X509Certificate::from_der(leaf) else {
        return Err(CertificateError::BadEncoding.into());
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < cert.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > cert.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// The certificate names `host`: a DNS name (with a wildcard for its first label), a common name, or an address.
fn is_for(leaf: &CertificateDer<'_>, host: &str) -> bool {
    if let Ok(ip) = host.parse::<std::net::IpAddr>() {
        return has_address(leaf, ip);
    }
    let host = host.to_ascii_lowercase();
    cert::names(leaf).iter().any(|pattern| match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == parent),
        None => *pattern == host,
    })
}

fn has_address(leaf: &CertificateDer<'_>, ip: std::net::IpAddr) -> bool {
    let Ok((_, cert)) = X509Certificate::from_der(leaf) else { return false };
    let wanted = match ip {
        std::net::IpAddr::V4(a) => a.octets().to_vec(),
        std::net::IpAddr::V6(a) => a.octets().to_vec(),
    };
    let Ok(Some(san)) = cert.subject_alternative_name() else { return false };
    san.value.general_names.iter().any(|n| matches!(n, GeneralName::IPAddress(b) if *b == wanted.as_slice()))
}
