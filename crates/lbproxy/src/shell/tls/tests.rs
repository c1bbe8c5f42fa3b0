//! Handshakes over in-memory pipes with certificates made for the test.

use std::collections::BTreeMap;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[derive(Default)]
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    fn with(mut self, path: &str, text: impl Into<String>) -> Memory {
        self.0.insert(path.into(), text.into().into_bytes());
        self
    }
}

impl Files for Memory {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from_raw_os_error(2))
    }
    fn list(&mut self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        let below: Vec<_> = self.0.keys().filter(|p| p.parent() == Some(path)).cloned().collect();
        match (self.0.contains_key(path), below.is_empty()) {
            (true, _) => Ok(None),
            (false, false) => Ok(Some(below)),
            (false, true) => Err(io::Error::from_raw_os_error(2)),
        }
    }
}

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Ca {
        let mut p = CertificateParams::new(Vec::new()).unwrap();
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        p.distinguished_name.push(DnType::CommonName, "test ca");
        Ca(CertifiedIssuer::self_signed(p, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key for `names`, as two PEM texts.
    fn issue(&self, names: &[&str]) -> (String, String) {
        let mut p = CertificateParams::new(names.iter().map(|n| n.to_string()).collect::<Vec<_>>()).unwrap();
        p.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nobody"));
        let key = KeyPair::generate().unwrap();
        (p.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn both(&self, names: &[&str]) -> String {
        let (cert, key) = self.issue(names);
        key + &cert
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

fn load<T>(mut files: Memory, f: impl FnOnce(&mut Loader<'_>) -> T) -> (T, Vec<String>) {
    let mut l = Loader::new(&mut files);
    let made = f(&mut l);
    (made, l.diagnostics.iter().map(|d| d.message.clone()).collect())
}

fn acceptor(files: Memory, tls: &BindTls) -> (Option<Acceptor>, Vec<String>) {
    load(files, |l| l.acceptor(tls, aws_lc_rs::Ticketer::new().unwrap(), "'bind :443'"))
}

fn connector(files: Memory, tls: &ServerTls) -> Connector {
    let (c, said) = load(files, |l| l.connector(tls, "server 'b/s'"));
    c.unwrap_or_else(|| panic!("{said:?}"))
}

fn bind(crts: &[&str]) -> BindTls {
    BindTls { crts: crts.iter().map(|c| PathBuf::from(c).into()).collect(), ..BindTls::default() }
}

type Ended = (Result<TlsInfo, HandshakeError>, Result<TlsInfo, HandshakeError>);

/// Both sides shake hands and exchange one byte each way.
async fn meet(a: &Acceptor, c: &Connector, sni: Option<&str>) -> Ended {
    let (near, far) = tokio::io::duplex(16_384);
    let server = async {
        let (mut s, info) = a.accept(near).await?;
        s.write_all(b"s").await.map_err(|e| HandshakeError::from_io(&e))?;
        s.flush().await.map_err(|e| HandshakeError::from_io(&e))?;
        s.read_u8().await.map_err(|e| HandshakeError::from_io(&e))?;
        Ok(info)
    };
    let client = async {
        let (mut s, info) = c.connect(far, sni, None).await?;
        s.read_u8().await.map_err(|e| HandshakeError::from_io(&e))?;
        s.write_all(b"c").await.map_err(|e| HandshakeError::from_io(&e))?;
        s.flush().await.map_err(|e| HandshakeError::from_io(&e))?;
        Ok(info)
    };
    tokio::join!(server, client)
}

/// A client that trusts `ca` and compares the name: it only succeeds when the right certificate was shown.
fn trusting(ca: &Ca) -> Connector {
    let tls = ServerTls { verify: Verify::Required, ca_file: Some("/ca".into()), ..ServerTls::default() };
    connector(Memory::default().with("/ca", ca.pem()), &tls)
}

#[tokio::test]
async fn the_certificate_is_chosen_by_name_exact_before_wildcard_before_first() {
    let ca = Ca::new();
    let files = Memory::default()
        .with("/d/1.pem", ca.both(&["first.test"]))
        .with("/d/2.pem", ca.both(&["*.wild.test"]))
        .with("/d/3.pem", ca.both(&["Exact.wild.test"]))
        .with("/d/3.pem.key", "not read")
        .with("/d/.hidden", "not read");
    let (a, said) = acceptor(files, &bind(&["/d"]));
    let (a, c) = (a.unwrap_or_else(|| panic!("{said:?}")), trusting(&ca));
    for name in ["first.test", "a.wild.test", "exact.WILD.test"] {
        let (s, c) = meet(&a, &c, Some(name)).await;
        assert_eq!(s.unwrap().sni.as_deref(), Some(name.to_ascii_lowercase().as_str()));
        assert!(c.is_ok(), "{name}: {c:?}");
    }
    // Nobody's name: the first certificate is shown, which the client refuses for its name.
    let (_, refused) = meet(&a, &c, Some("a.b.wild.test")).await;
    assert!(matches!(refused, Err(HandshakeError::Certificate(_))), "{refused:?}");
    // Without a name nothing is compared.
    assert!(meet(&a, &c, None).await.1.is_ok());
}

#[tokio::test]
async fn strict_sni_refuses_unknown_names() {
    let ca = Ca::new();
    let tls = BindTls { strict_sni: true, ..bind(&["/c"]) };
    let (a, _) = acceptor(Memory::default().with("/c", ca.both(&["a.test"])), &tls);
    let (a, c) = (a.unwrap(), trusting(&ca));
    assert!(meet(&a, &c, Some("a.test")).await.0.is_ok());
    assert!(matches!(meet(&a, &c, Some("b.test")).await.0, Err(HandshakeError::Failure(_))));
    assert!(meet(&a, &c, None).await.0.is_err());
}

#[tokio::test]
async fn the_second_handshake_resumes_and_facts_have_openssl_names() {
    let ca = Ca::new();
    let tls = BindTls { alpn: vec![b"http/1.1".to_vec()], ..bind(&["/c"]) };
    let (a, _) = acceptor(Memory::default().with("/c", ca.both(&["a.test"])), &tls);
    let a = a.unwrap();
    for (max, suite) in
        [(TlsVersion::V13, "TLS_AES_256_GCM_SHA384"), (TlsVersion::V12, "ECDHE-ECDSA-AES256-GCM-SHA384")]
    {
        let tls = ServerTls {
            max_version: max,
            alpn: vec![b"http/1.1".to_vec()],
            ciphers: Some("AES256".to_owned()),
            ciphersuites: Some("TLS_AES_256_GCM_SHA384".to_owned()),
            ..ServerTls::default()
        };
        let c = connector(Memory::default(), &tls);
        let first = meet(&a, &c, Some("a.test")).await.0.unwrap();
        assert_eq!((first.cipher, first.resumed), (suite, false));
        assert_eq!(first.version, if max == TlsVersion::V12 { "TLSv1.2" } else { "TLSv1.3" });
        assert_eq!(first.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert!(meet(&a, &c, Some("a.test")).await.0.unwrap().resumed);
    }
}

#[tokio::test]
async fn client_certificates_are_asked_for_and_judged() {
    let (ca, other) = (Ca::new(), Ca::new());
    let with = |verify| {
        let tls = BindTls { verify, ca_file: Some("/ca".into()), ..bind(&["/c"]) };
        let files = Memory::default().with("/c", ca.both(&["a.test"])).with("/ca", ca.pem());
        acceptor(files, &tls).0.unwrap()
    };
    let showing = |from: &Ca| {
        let tls = ServerTls { crt: Some("/own".into()), ..ServerTls::default() };
        connector(Memory::default().with("/own", from.both(&["client"])), &tls)
    };
    let silent = connector(Memory::default(), &ServerTls::default());
    let required = with(Verify::Required);
    assert!(meet(&required, &showing(&ca), None).await.0.unwrap().client_cert.is_some());
    assert!(matches!(meet(&required, &silent, None).await.0, Err(HandshakeError::Certificate(_))));
    assert!(matches!(meet(&required, &showing(&other), None).await.0, Err(HandshakeError::Certificate(_))));
    let optional = with(Verify::Optional);
    assert_eq!(meet(&optional, &silent, None).await.0.unwrap().client_cert, None);
    assert!(meet(&optional, &showing(&other), None).await.0.is_err());
}

#[tokio::test]
async fn servers_are_verified_by_chain_then_name_and_a_pinned_certificate_is_trusted() {
    let (ca, other) = (Ca::new(), Ca::new());
    let (cert, key) = ca.issue(&["a.test"]);
    let (a, _) = acceptor(Memory::default().with("/c", format!("{cert}{key}")), &bind(&["/c"]));
    let a = a.unwrap();
    let knowing = |pem: &str, verifyhost: Option<&str>| {
        let tls = ServerTls {
            verify: Verify::Required,
            ca_file: Some("/ca".into()),
            verifyhost: verifyhost.map(str::to_owned),
            ..ServerTls::default()
        };
        connector(Memory::default().with("/ca", pem), &tls)
    };
    assert!(meet(&a, &knowing(&ca.pem(), None), None).await.1.is_ok());
    assert!(meet(&a, &knowing(&other.pem(), None), None).await.1.is_err());
    assert!(meet(&a, &knowing(&cert, None), None).await.1.is_ok(), "the server's own certificate as CA file");
    assert!(meet(&a, &knowing(&ca.pem(), Some("A.test")), Some("b.test")).await.1.is_ok());
    assert!(meet(&a, &knowing(&ca.pem(), Some("b.test")), Some("a.test")).await.1.is_err());
    let anyone = connector(Memory::default(), &ServerTls::default());
    assert!(meet(&a, &anyone, Some("whatever.test")).await.1.is_ok());
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_or_leaves_is_told_apart() {
    let ca = Ca::new();
    let (a, _) = acceptor(Memory::default().with("/c", ca.both(&["a.test"])), &bind(&["/c"]));
    let a = a.unwrap();
    let (near, mut far) = tokio::io::duplex(1_024);
    far.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let e = a.accept(near).await.unwrap_err();
    assert_eq!(e.to_string(), "SSL handshake failure");
    let (near, far) = tokio::io::duplex(1_024);
    drop(far);
    let e = a.accept(near).await.unwrap_err();
    assert_eq!(e.to_string(), "Connection closed during SSL handshake");
}

#[test]
fn keys_are_found_in_the_file_or_beside_it_and_must_belong() {
    let ca = Ca::new();
    let ((cert, key), (_, wrong)) = (ca.issue(&["a.test"]), ca.issue(&["b.test"]));
    let ok = |files| acceptor(files, &bind(&["/x.crt"]));
    assert!(ok(Memory::default().with("/x.crt", format!("{cert}{key}"))).0.is_some());
    assert!(ok(Memory::default().with("/x.crt", cert.clone()).with("/x.crt.key", key.clone())).0.is_some());
    assert!(ok(Memory::default().with("/x.crt", cert.clone()).with("/x.key", key.clone())).0.is_some());
    assert!(ok(Memory::default().with("/x.crt.ecdsa", format!("{key}{cert}"))).0.is_some());
    for (files, complaint) in [
        (Memory::default(), "unable to read SSL certificate from file '/x.crt': No such file or directory"),
        (Memory::default().with("/x.crt", cert.clone()), "no private key found in '/x.crt'"),
        (Memory::default().with("/x.crt", key), "no certificate found in file '/x.crt'"),
        (Memory::default().with("/x.crt", format!("{cert}{wrong}")), "private key does not belong"),
    ] {
        let (made, said) = ok(files);
        assert!(made.is_none());
        assert!(matches!(&said[..], [one] if one.contains(complaint)), "{said:?}");
    }
}

#[test]
fn what_cannot_be_honoured_is_said() {
    let ca = Ca::new();
    let files = || Memory::default().with("/c", ca.both(&["a.test"]));
    let old = BindTls { max_version: TlsVersion::V11, ..bind(&["/c"]) };
    assert!(acceptor(files(), &old).1[0].contains("no TLS version is left"));
    let no_ca = BindTls { verify: Verify::Required, ..bind(&["/c"]) };
    assert!(acceptor(files(), &no_ca).1[0].contains("no CA file"));
    let rc4 = BindTls { ciphers: Some("RC4".to_owned()), ..bind(&["/c"]) };
    let (made, said) = acceptor(files(), &rc4);
    assert!(made.is_some() && said[0].contains("nothing in the ciphers"), "{said:?}");
    assert!(acceptor(files(), &bind(&[])).1[0].contains("no SSL certificate specified"));
}
