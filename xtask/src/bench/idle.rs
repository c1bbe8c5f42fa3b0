//! Connections that have had an answer and wait: what one of them costs in memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Idle connections to a port, over TLS where there is a certificate to trust.
pub(crate) struct Idle {
    tls: Option<Arc<ClientConfig>>,
    kept: Vec<Box<dyn Connection>>,
}

trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

impl Idle {
    /// # Errors
    /// The certificate cannot be read.
    pub(crate) fn new(trusted_pem: Option<&str>) -> Result<Idle, String> {
        let tls = trusted_pem.map(client_config).transpose()?;
        Ok(Idle { tls, kept: Vec::new() })
    }

    /// Opens `n` more, each with one request answered.
    ///
    /// # Errors
    /// One of them fails.
    pub(crate) fn add(&mut self, port: u16, n: usize) -> Result<(), String> {
        for _ in 0..n {
            let connection = self.open(port).map_err(|e| format!("an idle connection: {e}"))?;
            self.kept.push(connection);
        }
        Ok(())
    }

    fn open(&self, port: u16) -> std::io::Result<Box<dyn Connection>> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut connection: Box<dyn Connection> = match &self.tls {
            None => Box::new(stream),
            Some(config) => {
                let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
                let tls = ClientConnection::new(Arc::clone(config), name).map_err(std::io::Error::other)?;
                Box::new(StreamOwned::new(tls, stream))
            }
        };
        connection.write_all(b"GET /api/small HTTP/1.1\r\nHost: lab\r\n\r\n")?;
        let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
        // The answer's body is 200 bytes, its last ones the same letter.
        while !got.ends_with(&[b'x'; 100]) {
            match connection.read(&mut buffer)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                n => got.extend_from_slice(&buffer[..n]),
            }
        }
        Ok(connection)
    }
}

fn client_config(pem: &str) -> Result<Arc<ClientConfig>, String> {
    let certificate = CertificateDer::from_pem_file(pem).map_err(|e| format!("{pem}: {e}"))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|e| format!("{pem}: {e}"))?;
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
