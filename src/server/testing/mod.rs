//! A listener on a real socket, and clients that behave well or badly (tests only).
mod abuse;
mod handshakes;
mod requests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::routing::{get, post};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Figures, Identity, Limits, Listener, Peer, TlsConfig, es2plus_config, es9plus_config};

/// An issuer of test certificates.
pub(super) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    /// What the rig wants to be an operator.
    pub(super) fn client_identity(&self) -> rig::pki::ClientIdentity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["acme".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem().into_bytes();
        rig::pki::ClientIdentity { certificate, key: key.serialize_pem().into_bytes() }
    }

    pub(super) fn new() -> Self {
        Self::named("Operator CA")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(super) fn issue(&self, not_after_year: i32) -> Identity {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(not_after_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
}

/// Limits that make a test short.
pub(super) fn short() -> Limits {
    Limits {
        connections_max: 256,
        handshake_ms: 400,
        header_ms: 400,
        idle_ms: 400,
        body_ms: 400,
        connection_ms: 20_000,
        grace_ms: 3_000,
        request_bytes_max: 64 * 1024,
        ..Limits::default()
    }
}

pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) ca: Ca,
    pub(super) figures: Arc<Figures>,
    pub(super) config: TlsConfig,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) task: JoinHandle<()>,
}

pub(super) async fn es9plus(limits: Limits) -> Running {
    let ca = Ca::new();
    let config = es9plus_config(ca.issue(4000)).unwrap();
    start(ca, config, limits).await
}

/// A listener that takes client certificates of its own `ca`.
pub(super) async fn es2plus(limits: Limits) -> Running {
    let ca = Ca::new();
    let config = es2plus_config(ca.issue(4000), &[ca.root()]).unwrap();
    start(ca, config, limits).await
}

async fn start(ca: Ca, config: rustls::ServerConfig, limits: Limits) -> Running {
    let config = TlsConfig::new(config);
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(anywhere, config.clone(), router(), limits).await.unwrap();
    let (address, figures) = (listener.local_addr(), listener.figures());
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(listener.run(async {
        stopped.await.ok();
    }));
    Running { address, ca, figures, config, stop, task }
}

fn router() -> Router {
    Router::new()
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/who", get(|Extension(peer): Extension<Peer>| async move { who(&peer) }))
        .route("/slow", post(|| tokio::time::sleep(Duration::from_millis(600))))
        .route("/panic", post(panics))
        .route("/gsma/rsp2/es2plus/downloadOrder", post(echo))
}

fn who(peer: &Peer) -> String {
    peer.certificate.as_ref().map_or_else(|| "anonymous".to_owned(), |it| it.der.len().to_string())
}

/// A client configuration that trusts `running`, shows `identity` if given, and speaks only `version`.
pub(super) fn client(
    running: &Running,
    version: &'static SupportedProtocolVersion,
    identity: Option<Identity>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(running.ca.root()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

pub(super) async fn connect(
    running: &Running,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(running.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

/// A well-behaved anonymous connection.
pub(super) async fn connected(running: &Running) -> TlsStream<TcpStream> {
    connect(running, &client(running, &rustls::version::TLS13, None)).await.unwrap()
}

/// One request on a fresh connection that closes after it; the whole answer as text.
pub(super) async fn exchange(
    stream: &mut TlsStream<TcpStream>,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<String> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    rest(stream).await
}

/// All that the server still sends.
pub(super) async fn rest(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

pub(super) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("no answer")
}

/// A key that the listeners must not take.
pub(super) fn p384_identity() -> Identity {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Identity { chain: vec![certificate.der().clone()], key }
}

/// Succeeds, and shows what was asked.
async fn echo(body: Bytes) -> String {
    let asked: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let header = serde_json::json!({ "functionExecutionStatus": { "status": "Executed-Success" } });
    serde_json::json!({ "header": header, "asked": asked }).to_string()
}

async fn panics() -> &'static str {
    panic!("on purpose")
}
