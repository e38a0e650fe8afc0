//! The operator's own HTTPS endpoint for HandleDownloadProgressInfo (SGP.22 5.3.5): records calls, and misbehaves on
//! demand.
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::error::RigError;

/// The name in its certificate, and where it is reached.
const HOST: &str = "localhost";

/// What it does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this HTTP status and no body.
    Answers(u16),
    /// The same, after a while.
    AnswersLate(u16, Duration),
}

/// A call as it arrived, whatever was answered.
#[derive(Debug, Clone)]
pub struct ProgressCall {
    pub path: String,
    pub admin_protocol: String,
    pub content_type: String,
    pub body: Value,
    /// The certificate that the caller showed.
    pub certificate: Vec<u8>,
    pub at: Instant,
}

impl ProgressCall {
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `3 Executed-Success`, or `2 Failed 8.2.7/3.8`.
    pub fn says(&self) -> String {
        let point = self.body.get("notificationPointId").unwrap_or(&Value::Null);
        let status = self.text("/notificationPointStatus/status");
        let code = |name: &str| self.text(&format!("/notificationPointStatus/statusCodeData/{name}"));
        match (code("subjectCode"), code("reasonCode")) {
            ("", "") => format!("{point} {status}"),
            (subject, reason) => format!("{point} {status} {subject}/{reason}"),
        }
    }
}

#[derive(Debug)]
struct Desk {
    calls: Mutex<Vec<ProgressCall>>,
    manner: Mutex<Manner>,
    rings: Notify,
}

/// Listens on a free port of this machine, and demands a client certificate.
pub struct OperatorEndpoint {
    address: SocketAddr,
    ca_pem: String,
    tls: TlsAcceptor,
    desk: Arc<Desk>,
    listener: Option<JoinHandle<()>>,
}

impl OperatorEndpoint {
    /// Believes callers whose certificate comes from `client_root` (DER).
    pub async fn start(client_root: &[u8]) -> Result<Self, RigError> {
        let (ca_pem, tls) = tls(client_root)?;
        let manner = Mutex::new(Manner::Answers(204));
        let desk = Arc::new(Desk { calls: Mutex::default(), manner, rings: Notify::new() });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut endpoint = Self { address, ca_pem, tls, desk, listener: None };
        endpoint.up().await?;
        Ok(endpoint)
    }

    pub fn url(&self) -> String {
        format!("https://{HOST}:{}", self.address.port())
    }

    /// Who issued its server certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub fn behave(&self, manner: Manner) {
        *lock(&self.desk.manner) = manner;
    }

    /// Nobody listens any more: connections are refused.
    pub async fn down(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.abort();
            // The port is free when the task is gone.
            listener.await.ok();
        }
    }

    /// Listens again, at the same address.
    pub async fn up(&mut self) -> Result<(), RigError> {
        self.down().await;
        let failed = |error: std::io::Error| RigError::Wrong(format!("the operator's endpoint: {error}"));
        let socket = TcpListener::bind(self.address).await.map_err(failed)?;
        self.address = socket.local_addr().map_err(failed)?;
        let (tls, desk) = (self.tls.clone(), Arc::clone(&self.desk));
        self.listener = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(tls.clone(), stream, Arc::clone(&desk)));
            }
        }));
        Ok(())
    }

    /// All calls so far, in the order of their arrival.
    pub fn calls(&self) -> Vec<ProgressCall> {
        lock(&self.desk.calls).clone()
    }

    /// Waits until there were `count` calls, or `limit` is over; gives what there is.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Vec<ProgressCall> {
        let enough = async {
            loop {
                let ring = self.desk.rings.notified();
                if self.calls().len() >= count {
                    return;
                }
                ring.await;
            }
        };
        timeout(limit, enough).await.ok();
        self.calls()
    }
}

impl Drop for OperatorEndpoint {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A caller without a certificate of ours ends here.
async fn serve(tls: TlsAcceptor, stream: TcpStream, desk: Arc<Desk>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = shown.map(|certificate| certificate.to_vec()).unwrap_or_default();
    let service = service_fn(move |request| answer(request, certificate.clone(), Arc::clone(&desk)));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn answer(
    request: Request<Incoming>,
    certificate: Vec<u8>,
    desk: Arc<Desk>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (admin_protocol, content_type) = (header("x-admin-protocol"), header("content-type"));
    let path = request.uri().path().to_owned();
    let octets = request.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&octets).unwrap_or(Value::Null);
    let call = ProgressCall { path, admin_protocol, content_type, body, certificate, at: Instant::now() };
    // Before anybody hears of the call and asks for another manner.
    let manner = *lock(&desk.manner);
    lock(&desk.calls).push(call);
    desk.rings.notify_waiters();
    let status = match manner {
        Manner::Answers(status) => status,
        Manner::AnswersLate(status, late) => {
            sleep(late).await;
            status
        }
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    Ok(response)
}

/// A CA of its own, a certificate from it, and the demand for one of the caller's.
fn tls(client_root: &[u8]) -> Result<(String, TlsAcceptor), RigError> {
    let wrong = |error: rcgen::Error| RigError::Wrong(format!("the operator's certificate: {error}"));
    let mut params = CertificateParams::new([]).map_err(wrong)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(wrong)?).map_err(wrong)?;
    let key = KeyPair::generate().map_err(wrong)?;
    let params = CertificateParams::new([HOST.to_owned()]).map_err(wrong)?;
    let certificate = params.signed_by(&key, &ca).map_err(wrong)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|why| RigError::Wrong(why.to_owned()))?;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(client_root.to_vec()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| RigError::Wrong(format!("the operator's demand for a certificate: {error}")))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((ca.pem(), TlsAcceptor::from(Arc::new(config))))
}
