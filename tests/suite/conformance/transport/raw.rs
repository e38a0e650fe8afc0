//! A TLS connection on which a case writes what it wants, as slowly as it wants.
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::house::{ADDRESS, House};

/// A client that believes the CI of the house and shows no certificate.
pub(super) fn client(
    house: &House,
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(house.pki.ci.der.clone())).unwrap();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub(super) struct Raw {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) http: u16,
    /// Status line and headers, in small letters.
    pub(super) head: String,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Raw {
    pub(super) async fn connect(house: &House, to: SocketAddr) -> Self {
        let config = client(house, default_provider(), rustls::ALL_VERSIONS);
        Self::connect_with(Arc::new(config), to).await.unwrap()
    }

    pub(super) async fn connect_with(config: Arc<ClientConfig>, to: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(ADDRESS).unwrap();
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Self { stream, read: Vec::new() })
    }

    pub(super) fn suite(&self) -> rustls::CipherSuite {
        self.stream.get_ref().1.negotiated_cipher_suite().unwrap().suite()
    }

    pub(super) fn handshake_kind(&self) -> HandshakeKind {
        self.stream.get_ref().1.handshake_kind().unwrap()
    }

    pub(super) fn tickets(&self) -> u32 {
        self.stream.get_ref().1.tls13_tickets_received()
    }

    pub(super) fn server_certificate(&self) -> Vec<u8> {
        self.stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    /// False once the server has closed.
    pub(super) async fn send(&mut self, octets: &[u8]) -> bool {
        self.stream.write_all(octets).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Reads until the server closes; what came before an interruption is kept.
    pub(super) async fn read(&mut self) {
        while self.stream.read_buf(&mut self.read).await.is_ok_and(|count| count > 0) {}
    }

    /// One request with just these headers, and the end of the connection after it.
    pub(super) async fn ask(mut self, method: &str, path: &str, headers: &[&str], body: &str) -> Reply {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {ADDRESS}\r\n{headers}Content-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        assert!(self.send(request.as_bytes()).await);
        self.reply().await
    }

    pub(super) async fn reply(mut self) -> Reply {
        self.read().await;
        let answer = String::from_utf8(self.read).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        Reply {
            http: status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head:?}")),
            head: head.to_lowercase(),
            text: text.to_owned(),
            body: serde_json::from_str(text).unwrap_or_default(),
        }
    }
}

impl Reply {
    /// `Executed-Success`, or subject and reason, or `HTTP 404`.
    pub(super) fn verdict(&self) -> String {
        let answer = crate::house::Answer {
            http: self.http,
            body: self.body.clone(),
            headers: std::collections::BTreeMap::new(),
        };
        answer.verdict()
    }
}
