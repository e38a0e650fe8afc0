//! A TLS connection to ES9+ on which a test writes what it wants, as slowly as it wants.
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::house::House;

pub(crate) struct Raw {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(house: &House) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(house.server.pki().ci().unwrap())).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(&house.server.ready().unwrap().es9plus).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(house.server.address().to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        Self { stream, read: Vec::new() }
    }

    /// The header of a POST with a body of so many octets, and the end of the connection after it.
    pub(crate) fn header(path: &str, body_octets: usize) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nhost: smdp.example.com\r\ncontent-type: application/json\r\n\
             content-length: {body_octets}\r\nconnection: close\r\n\r\n"
        )
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) {
        assert!(self.try_send(octets).await, "the server closed");
    }

    /// False once the server has closed.
    pub(crate) async fn try_send(&mut self, octets: &[u8]) -> bool {
        self.stream.write_all(octets).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Reads until the server closes; what came before an interruption is kept.
    pub(crate) async fn answer(&mut self) {
        while self.stream.read_buf(&mut self.read).await.is_ok_and(|count| count > 0) {}
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    pub(crate) fn server_certificate(&self) -> Vec<u8> {
        self.stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}
