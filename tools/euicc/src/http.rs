//! HTTPS to one server: hyper over rustls, with the SM-DP+ reachable under another address for a bench.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Largest answer we read; a package of 512 KiB in Base64 fits.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the certificate given as TLS root is unusable: {0}")]
    Root(rustls::Error),
    #[error("{0} is no host name")]
    Name(String),
    #[error("connect to {0}: {1}")]
    Connect(String, std::io::Error),
    #[error("TLS with {0}: {1}")]
    Tls(String, std::io::Error),
    #[error("HTTP with {0}: {1}")]
    Http(String, String),
    #[error("{0} gave no answer in time")]
    TimedOut(String),
}

/// How to reach the server.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// `host:port` to connect to in place of the server's own; SNI and Host keep the name.
    pub connect: Option<String>,
    /// DER certificates that may have issued the server's TLS certificate.
    pub tls_roots: Vec<Vec<u8>>,
    /// One connection for all calls; otherwise a fresh one for each, as lpac does.
    pub keep_alive: bool,
    pub tls12_only: bool,
    /// Offer brainpoolP256r1 and nothing else; TLS 1.2.
    pub brainpool_only: bool,
    pub timeout: Duration,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The first header with this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub struct Http {
    host: String,
    target: String,
    config: HttpConfig,
    tls: TlsConnector,
    /// Idle connections; many tasks may call at once.
    kept: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Http {
    /// The authority is `host` or `host:port`.
    pub fn new(authority: &str, config: HttpConfig) -> Result<Self, HttpError> {
        let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
        let target = config.connect.clone().unwrap_or_else(|| format!("{host}:{port}"));
        let tls = TlsConnector::from(Arc::new(tls_config(&config)?));
        Ok(Self { host: host.to_owned(), target, config, tls, kept: Mutex::new(Vec::new()) })
    }

    /// `host:port` of the connection.
    pub fn target(&self) -> &str {
        &self.target
    }

    pub async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<HttpAnswer, HttpError> {
        let exchange = self.exchange(path, content_type, body);
        tokio::time::timeout(self.config.timeout, exchange)
            .await
            .map_err(|_| HttpError::TimedOut(self.target.clone()))?
    }

    async fn exchange(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<HttpAnswer, HttpError> {
        let mut request = hyper::Request::post(path)
            .header("host", &self.host)
            .header("content-type", content_type)
            .header("accept", content_type);
        for (name, value) in &self.config.headers {
            request = request.header(name, value);
        }
        if !self.config.keep_alive {
            request = request.header("connection", "close");
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|e| self.http_error(&e))?;
        let mut connection = match self.idle() {
            Some(open) => open,
            None => self.connect().await?,
        };
        connection.ready().await.map_err(|e| self.http_error(&e))?;
        let response = connection.send_request(request).await.map_err(|e| self.http_error(&e))?;
        let (parts, body) = response.into_parts();
        let limited = Limited::new(body, ANSWER_BYTES_MAX);
        let body = limited.collect().await.map_err(|e| self.http_error(&e))?.to_bytes().to_vec();
        let last = parts.headers.get("connection").is_some_and(|value| value == "close");
        if self.config.keep_alive && !last {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(HttpAnswer { status: parts.status.as_u16(), headers, body })
    }

    fn idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|connection| !connection.is_closed());
        kept.pop()
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, HttpError> {
        let name = ServerName::try_from(self.host.clone()).map_err(|_| HttpError::Name(self.host.clone()))?;
        let stream = TcpStream::connect(&self.target)
            .await
            .map_err(|cause| HttpError::Connect(self.target.clone(), cause))?;
        stream.set_nodelay(true).map_err(|cause| HttpError::Connect(self.target.clone(), cause))?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(|cause| HttpError::Tls(self.target.clone(), cause))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| self.http_error(&e))?;
        // Its errors reach us through the sender.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn http_error(&self, cause: &dyn std::fmt::Display) -> HttpError {
        HttpError::Http(self.target.clone(), cause.to_string())
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http({} at {})", self.host, self.target)
    }
}

fn tls_config(config: &HttpConfig) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    for root in &config.tls_roots {
        roots.add(CertificateDer::from(root.clone())).map_err(HttpError::Root)?;
    }
    let versions: &[&rustls::SupportedProtocolVersion] = if config.tls12_only || config.brainpool_only {
        &[&rustls::version::TLS12]
    } else {
        rustls::ALL_VERSIONS
    };
    let provider = if config.brainpool_only {
        crate::brainpool_tls::provider()
    } else {
        rustls::crypto::ring::default_provider()
    };
    let mut tls = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .map_err(HttpError::Root)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // 3.1.2: a new key exchange for each session.
    tls.resumption = Resumption::disabled();
    Ok(tls)
}
