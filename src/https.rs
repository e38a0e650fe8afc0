//! HTTPS for the calls that this server makes: one JSON object there, one answer back (SGP.22 6.1 to 6.3).
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, version};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fault::Fault;
use crate::server::{Identity, gathered};
use crate::wire::ADMIN_PROTOCOL;

/// The answers of ES12 and of an operator's endpoint are a header of a few hundred octets.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Whom to call: the name that its certificate must bear, and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// SNI, the name in the certificate, and the `Host` header.
    pub host: String,
    /// `host:port` of the connection: another one than `host` in a laboratory.
    pub connect: String,
}

impl Target {
    /// Port 443 of the host itself.
    pub fn of(host: &str) -> Self {
        Self { host: host.to_owned(), connect: format!("{host}:443") }
    }
}

/// How patient a call is. `total_ms` bounds all of it; the others their part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Name look-up and TCP.
    pub connect_ms: u64,
    pub handshake_ms: u64,
    pub total_ms: u64,
}

/// Looks at the peer's certificate before anything is sent: what X.509 alone does not ask, such as its role.
pub type PeerCheck = fn(&[u8]) -> bool;

/// Calls peers whose certificates come from the roots given, and shows our own certificate if they ask.
#[derive(Clone)]
pub struct Client {
    tls: TlsConnector,
    patience: Patience,
    check: Option<PeerCheck>,
}

/// An HTTP answer, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer. Only the last two leave open whether the peer has acted.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("could not connect to {0}")]
    Unreachable(String, #[source] io::Error),
    #[error("TLS with {0} failed")]
    Untrusted(String, #[source] io::Error),
    #[error("{0} gave no answer")]
    NoAnswer(String, #[source] hyper::Error),
    #[error("{0} took too long to answer")]
    TimedOut(String),
    #[error("{0} gave an answer that is none: {1}")]
    Malformed(String, &'static str),
}

impl CallError {
    /// True unless it is certain that the request did not reach the peer.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Unreachable(..) | Self::Untrusted(..) => false,
            Self::NoAnswer(..) | Self::TimedOut(_) | Self::Malformed(..) => true,
        }
    }

    /// The whole story on one line, for a log.
    pub fn story(&self) -> String {
        crate::fault::story(self)
    }
}

impl Client {
    /// `identity` is what we show a peer that asks for a certificate (6.1); without one we stay anonymous.
    pub fn new(
        identity: Option<Identity>,
        roots: &[CertificateDer<'static>],
        patience: Patience,
    ) -> Result<Self, Fault> {
        let mut trusted = RootCertStore::empty();
        for root in roots {
            trusted.add(root.clone()).map_err(Fault::caused("https: read a root certificate"))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(Fault::caused("https: choose the protocol versions"))?
            .with_root_certificates(trusted);
        let mut tls = match identity {
            Some(Identity { chain, key }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(Fault::caused("https: use the client certificate with its key"))?,
            None => builder.with_no_client_auth(),
        };
        tls.resumption = Resumption::disabled();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)), patience, check: None })
    }

    /// The same client, which also asks `check` about every peer.
    #[must_use]
    pub fn checking(self, check: PeerCheck) -> Self {
        Self { check: Some(check), ..self }
    }

    /// One connection, one POST, one answer.
    pub async fn post(&self, to: &Target, path: &str, body: &Value) -> Result<Answer, CallError> {
        let end = after(Instant::now(), self.patience.total_ms);
        let stream = self.connect(to, end).await?;
        let (name, version) = ADMIN_PROTOCOL;
        let request = Request::post(path)
            .header("host", &to.host)
            .header("content-type", "application/json")
            .header(name, version)
            .header("connection", "close")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|_| CallError::Unreachable(to.host.clone(), io::ErrorKind::InvalidInput.into()))?;
        let late = |_| CallError::TimedOut(to.host.clone());
        timeout_at(end, exchange(to, stream, request)).await.map_err(late)?
    }

    /// TCP, TLS and the look at the certificate. Nothing of a request has left when this fails.
    async fn connect(&self, to: &Target, end: Instant) -> Result<TlsStream<TcpStream>, CallError> {
        let unreachable = |cause| CallError::Unreachable(to.host.clone(), cause);
        let untrusted = |cause| CallError::Untrusted(to.host.clone(), cause);
        let name = ServerName::try_from(to.host.clone())
            .map_err(|_| unreachable(io::Error::new(io::ErrorKind::InvalidInput, "no host name")))?;
        let patience = self.patience;
        let stream = within(patience.connect_ms, end, TcpStream::connect(&to.connect)).await;
        let stream = stream.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream = within(patience.handshake_ms, end, self.tls.connect(name, stream)).await;
        let stream = stream.map_err(untrusted)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let passes = |check: PeerCheck| certificate.is_some_and(|certificate| check(certificate));
        if self.check.is_some_and(|check| !passes(check)) {
            return Err(untrusted(io::Error::other("its certificate is not one for this role")));
        }
        Ok(stream)
    }
}

/// Sends the request and reads the whole answer.
async fn exchange(
    to: &Target,
    stream: TlsStream<TcpStream>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, CallError> {
    let silent = |cause| CallError::NoAnswer(to.host.clone(), cause);
    let (mut sender, connection) = http1::Builder::new()
        // `X-Admin-Protocol` as 6.2 spells it.
        .title_case_headers(true)
        .max_buf_size(HEADER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(silent)?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(silent)?;
        let status = response.status().as_u16();
        let body = gathered(response.into_body(), ANSWER_BYTES_MAX).await;
        let cut = |_| CallError::Malformed(to.host.clone(), "too long, or cut off");
        Ok(Answer { status, body: body.map_err(cut)? })
    };
    let (mut asking, mut connection) = (pin!(asking), pin!(connection));
    tokio::select! {
        answer = &mut asking => answer,
        // Its errors reach us through the sender; and what it has read is still to be taken.
        _ended = &mut connection => asking.await,
    }
}

/// Waits at most so long, and never past `end`; being late is an error like any other here.
async fn within<T>(most_ms: u64, end: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let until = end.min(after(Instant::now(), most_ms));
    timeout_at(until, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn after(now: Instant, ms: u64) -> Instant {
    now.checked_add(Duration::from_millis(ms)).unwrap_or(now)
}

#[cfg(test)]
mod tests;
