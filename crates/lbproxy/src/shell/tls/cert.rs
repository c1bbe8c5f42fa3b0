//! Certificates and keys from PEM files, and the choice among them by server name.
//!
//! Files are read as HAProxy reads them (manual 5.1 `crt`, 3.1 `ssl-load-extra-files`): certificate, chain and key
//! in one file in any order, or the key beside it in `FILE.key`, the chain in `FILE.issuer`, a stapled OCSP answer
//! in `FILE.ocsp`; `FILE.rsa` and `FILE.ecdsa` where `FILE` itself is missing; every file of a directory.

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use common::source::Span;
use rustls::{
    InconsistentKeys,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Loader;
use crate::{compile::plan::BindTls, sys};

/// Extensions that belong to another file of the same name.
const COMPANIONS: &[&str] = &["key", "issuer", "ocsp", "sctl", "dh"];
/// Most certificates in one chain.
const CHAIN_MAX: usize = 32;

/// A certificate with its key and the names it is for.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    names: Arc<[String]>,
}

impl Loader<'_> {
    /// Every certificate of a `bind` line, ready to be chosen from.
    pub(super) fn certificates(&mut self, tls: &BindTls, here: &str) -> Option<Choice> {
        let mut choice = Choice { strict: tls.strict_sni, ..Choice::default() };
        let mut whole = true;
        for path in &tls.crts {
            if path.span != Span::default() {
                self.place = Some(path.span);
            }
            for file in self.expand(path, here)? {
                match self.certificate(&file, here) {
                    Some(loaded) => choice.add(&loaded),
                    None => whole = false,
                }
            }
        }
        if whole && choice.default.is_empty() {
            let why = if tls.crts.is_empty() {
                "no SSL certificate specified"
            } else {
                "no certificate found in the directory"
            };
            self.alert(format!("{here}: {why} (use 'crt' with a PEM file)"));
            whole = false;
        }
        whole.then_some(choice)
    }

    /// The files that one `crt` argument stands for.
    fn expand(&mut self, path: &Path, here: &str) -> Option<Vec<PathBuf>> {
        match self.files.list(path) {
            Ok(Some(files)) => {
                let own = |p: &PathBuf| {
                    let hidden = p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
                    let beside =
                        p.extension().and_then(|e| e.to_str()).is_some_and(|e| COMPANIONS.contains(&e));
                    !hidden && !beside
                };
                Some(files.into_iter().filter(own).collect())
            }
            Ok(None) => Some(vec![path.to_owned()]),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let variants: Vec<PathBuf> = ["ecdsa", "rsa"].iter().map(|kind| beside(path, kind)).collect();
                let there: Vec<PathBuf> =
                    variants.into_iter().filter(|p| matches!(self.files.list(p), Ok(None))).collect();
                if there.is_empty() {
                    self.cannot_read(path, &e, here);
                    return None;
                }
                Some(there)
            }
            Err(e) => {
                self.cannot_read(path, &e, here);
                None
            }
        }
    }

    fn cannot_read(&mut self, path: &Path, e: &io::Error, here: &str) {
        let why = sys::reason(e);
        self.alert(format!("{here}: unable to read SSL certificate from file '{}': {why}", path.display()));
    }

    /// One certificate; a file that fails is complained about once per place that names it.
    pub(super) fn certificate(&mut self, path: &Path, here: &str) -> Option<Loaded> {
        if let Some(Some(known)) = self.certs.get(path) {
            return Some(known.clone());
        }
        let loaded = match self.read_certificate(path) {
            Ok(l) => Some(l),
            Err(why) => {
                self.alert(format!("{here}: {why}"));
                None
            }
        };
        self.certs.insert(path.to_owned(), loaded.clone());
        loaded
    }

    fn read_certificate(&mut self, path: &Path) -> Result<Loaded, String> {
        let shown = path.display();
        let pem = self.files.read(path).map_err(|e| {
            format!("unable to read SSL certificate from file '{shown}': {}", sys::reason(&e))
        })?;
        let mut chain = certificates(&pem).map_err(|e| format!("'{shown}' is no PEM file: {e}"))?;
        if chain.is_empty() {
            return Err(format!("no certificate found in file '{shown}'"));
        }
        let key = match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(k) => k,
            Err(_) => self.key_beside(path)?,
        };
        if chain.len() == 1
            && let Ok(issuer) = self.files.read(&beside(path, "issuer"))
        {
            chain.extend(certificates(&issuer).unwrap_or_default());
        }
        let names = chain.first().map(|leaf| names(leaf)).unwrap_or_default();
        let key = aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(key)
            .map_err(|e| format!("the private key of '{shown}' cannot be used: {e}"))?;
        let mut certified = CertifiedKey::new(chain, key);
        // Only a proven mismatch counts; a certificate too odd to be compared is the peer's to judge.
        if matches!(
            certified.keys_match(),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch))
        ) {
            return Err(format!("the private key does not belong to the certificate of '{shown}'"));
        }
        certified.ocsp = self.files.read(&beside(path, "ocsp")).ok().filter(|o| !o.is_empty());
        Ok(Loaded { key: Arc::new(certified), names: names.into() })
    }

    fn key_beside(&mut self, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
        // HAProxy also takes `x.key` for `x.crt` (`ssl-load-extra-del-ext`).
        for candidate in [beside(path, "key"), path.with_extension("key")] {
            if let Ok(pem) = self.files.read(&candidate) {
                return PrivateKeyDer::from_pem_slice(&pem)
                    .map_err(|e| format!("no private key found in '{}': {e}", candidate.display()));
            }
        }
        Err(format!(
            "no private key found in '{0}', nor in '{0}.key' (an encrypted key must be decrypted first)",
            path.display()
        ))
    }
}

/// `path` with one more extension.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Every certificate of a PEM text, in order.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).take(CHAIN_MAX).collect::<Result<_, _>>().map_err(|e| e.to_string())
}

/// Lower-case DNS names of a certificate: subject alternative names, then common names.
pub(super) fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return Vec::new() };
    let mut out: Vec<String> = Vec::new();
    if let Ok(Some(san)) = cert.subject_alternative_name() {
        for name in &san.value.general_names {
            if let GeneralName::DNSName(n) = name {
                out.push(n.to_ascii_lowercase());
            }
        }
    }
    let common = cert.subject().iter_common_name().filter_map(|cn| cn.as_str().ok());
    out.extend(common.map(str::to_ascii_lowercase));
    out.sort();
    out.dedup();
    out
}

/// Chooses a certificate by server name: exact, then wildcard, then the first one.
#[derive(Default)]
pub(super) struct Choice {
    exact: HashMap<String, Keys>,
    /// By what follows `*`, with its dot.
    wildcard: HashMap<String, Keys>,
    default: Keys,
    strict: bool,
}

/// Certificates for one name, one per kind of key.
type Keys = Vec<Arc<CertifiedKey>>;

impl Choice {
    /// The first certificate of a name and kind of key counts, as in HAProxy.
    fn add(&mut self, loaded: &Loaded) {
        for name in loaded.names.iter() {
            match name.strip_prefix('*') {
                Some(rest) => put(self.wildcard.entry(rest.to_owned()).or_default(), &loaded.key),
                None => put(self.exact.entry(name.clone()).or_default(), &loaded.key),
            }
        }
        // The default certificate may have a twin with another kind of key, if it is for the same names.
        let twin = self.default.first().is_none_or(|d| {
            d.cert.first().map(|leaf| names(leaf)).is_some_and(|n| n.iter().eq(loaded.names.iter()))
        });
        if twin {
            put(&mut self.default, &loaded.key);
        }
    }

    fn named(&self, name: &str) -> Option<&Keys> {
        let lower;
        let name = if name.bytes().any(|b| b.is_ascii_uppercase()) {
            lower = name.to_ascii_lowercase();
            &lower
        } else {
            name
        };
        self.exact.get(name).or_else(|| {
            let dot = name.find('.')?;
            self.wildcard.get(name.get(dot..)?)
        })
    }
}

fn put(keys: &mut Keys, key: &Arc<CertifiedKey>) {
    if !keys.iter().any(|k| k.key.algorithm() == key.key.algorithm()) {
        keys.push(key.clone());
        // An ECDSA signature costs a tenth of an RSA one: where the client takes both it is preferred.
        keys.sort_by_key(|k| k.key.algorithm() == rustls::SignatureAlgorithm::RSA);
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choice")
            .field("exact", &self.exact.len())
            .field("wildcard", &self.wildcard.len())
            .field("strict", &self.strict)
            .finish()
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|n| self.named(n));
        let keys = match named {
            Some(k) => k,
            // `strict-sni`: no certificate for an unknown name, nor for none.
            None if self.strict => return None,
            None => &self.default,
        };
        let fits = |k: &&Arc<CertifiedKey>| k.key.choose_scheme(hello.signature_schemes()).is_some();
        keys.iter().find(fits).or_else(|| keys.first()).cloned()
    }
}

/// The certificate that we show to a server that asks for one.
#[derive(Debug)]
pub(super) struct Own(pub(super) Arc<CertifiedKey>);

impl rustls::client::ResolvesClientCert for Own {
    fn resolve(&self, _issuers: &[&[u8]], schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).map(|_| self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The algorithms with which certificates are checked.
pub(super) fn algorithms(provider: &CryptoProvider) -> rustls::crypto::WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}
