//! Mutual TLS around a link: both ends show a certificate of one authority. One thread may read while another writes, which
//! a rustls connection by itself does not allow: its state is locked only while bytes are turned, never while they travel.
use super::transport::Transport;
use crate::run::control::locked;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Bytes are received in pieces of at most this size.
const RECEIVED_MAX: usize = 64 << 10;

/// What a process proves with who it is, and what it asks of others.
#[derive(Clone)]
pub struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads PEM files: this process's certificate with its chain, its key, and the authority that has signed the
    /// certificates of all processes. A certificate must be valid for the host by which --hosts names its process, both
    /// as a server's and as a client's.
    ///
    /// # Errors
    /// Where a file cannot be read, or is not what it should be: names it.
    pub fn read(certificate: &Path, key: &Path, authority: &Path) -> Result<Self, String> {
        let chain = certificates(certificate)?;
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|e| format!("{}: no private key: {e}", key.display()))?;
        let mut roots = RootCertStore::empty();
        for root in certificates(authority)? {
            roots.add(root).map_err(|e| format!("{}: no authority: {e}", authority.display()))?;
        }
        let wrong = |e: rustls::Error| format!("{} and {}: {e}", certificate.display(), key.display());
        let (provider, roots) = (Arc::new(rustls::crypto::ring::default_provider()), Arc::new(roots));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let verifier = verifier.build().map_err(|e| format!("{}: {e}", authority.display()))?;
        let newest = &[&rustls::version::TLS13];
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(newest);
        let client = client.map_err(wrong)?.with_root_certificates(roots);
        let server = ServerConfig::builder_with_provider(provider).with_protocol_versions(newest).map_err(wrong)?;
        let server = server.with_client_cert_verifier(verifier);
        Ok(Self {
            client: Arc::new(client.with_client_auth_cert(chain.clone(), private.clone_key()).map_err(wrong)?),
            server: Arc::new(server.with_single_cert(chain, private).map_err(wrong)?),
        })
    }

    /// The end of a connection that was accepted.
    pub(crate) fn accept(&self, stream: TcpStream) -> Result<Arc<dyn Transport>, String> {
        let connection = ServerConnection::new(Arc::clone(&self.server)).map_err(|e| e.to_string())?;
        shake_hands(connection.into(), stream)
    }

    /// The end of a connection that was made to `address`.
    pub(crate) fn connect(&self, stream: TcpStream, address: &str) -> Result<Arc<dyn Transport>, String> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_string()).map_err(|e| e.to_string())?;
        let connection = ClientConnection::new(Arc::clone(&self.client), name).map_err(|e| e.to_string())?;
        shake_hands(connection.into(), stream)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |e: rustls::pki_types::pem::Error| format!("{}: no certificates: {e}", path.display());
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    match all.map_err(wrong)? {
        none if none.is_empty() => Err(format!("{}: no certificate is in it", path.display())),
        all => Ok(all),
    }
}

fn shake_hands(mut connection: Connection, mut stream: TcpStream) -> Result<Arc<dyn Transport>, String> {
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|e| format!("no TLS with it: {e}"))?;
    }
    let connection = Mutex::new(connection);
    Ok(Arc::new(Secured { stream, connection, received: Mutex::default(), sent: Mutex::default() }))
}

struct Secured {
    stream: TcpStream,
    connection: Mutex<Connection>,
    received: Mutex<Received>,
    /// Turned, on its way; the lock keeps the order.
    sent: Mutex<Vec<u8>>,
}

/// Bytes that have arrived and are not turned yet.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    at: usize,
}

impl Secured {
    /// What is readable now; none where more must arrive first.
    fn turned(&self, received: &mut Received, bytes: &mut [u8]) -> io::Result<Option<usize>> {
        let mut connection = locked(&self.connection);
        loop {
            match connection.reader().read(bytes) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                done => return done.map(Some),
            }
            let mut rest = received.bytes.get(received.at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            received.at += connection.read_tls(&mut rest)?;
            connection.process_new_packets().map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
        }
    }
}

impl Transport for Secured {
    fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut received = locked(&self.received);
        loop {
            if let Some(read) = self.turned(&mut received, bytes)? {
                return Ok(read);
            }
            received.at = 0;
            received.bytes.resize(RECEIVED_MAX, 0);
            let read = Read::read(&mut &self.stream, &mut received.bytes);
            received.bytes.truncate(*read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(0);
            }
        }
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = locked(&self.sent);
        let mut rest = bytes;
        loop {
            sent.clear();
            let mut connection = locked(&self.connection);
            let taken = connection.writer().write(rest)?;
            rest = rest.get(taken..).unwrap_or_default();
            while connection.wants_write() {
                connection.write_tls(&mut *sent)?;
            }
            drop(connection);
            Write::write_all(&mut &self.stream, &sent)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn allow(&self, at_most: Duration) -> io::Result<()> {
        self.stream.allow(at_most)
    }

    fn close(&self) {
        self.stream.close();
    }
}
