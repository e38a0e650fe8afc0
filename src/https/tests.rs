//! A client against peers that behave well or badly, over real sockets.
use std::net::SocketAddr;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::server::es2plus_config;

const PATIENCE: Patience = Patience { connect_ms: 500, handshake_ms: 500, total_ms: 900 };

/// An issuer of test certificates, for servers and clients alike.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    fn client(&self) -> Client {
        Client::new(Some(self.issue("client.example.com")), &[self.root()], PATIENCE).unwrap()
    }
}

/// Answers each connection with `answer`, or never; gives what the last request said.
async fn peer(
    ca: &Ca,
    name: &str,
    answer: Option<Vec<u8>>,
) -> (SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    let tls = TlsAcceptor::from(Arc::new(es2plus_config(ca.issue(name), &[ca.root()]).unwrap()));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (heard, hearing) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            let mut request = vec![0; 64 * 1024];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let _heard = heard.send(String::from_utf8_lossy(&request[..length]).into_owned()).await;
            match &answer {
                Some(answer) => {
                    let _sent = stream.write_all(answer).await;
                    let _closed = stream.shutdown().await;
                }
                None => tokio::time::sleep(Duration::from_secs(30)).await,
            }
        }
    });
    (address, hearing)
}

fn target(address: SocketAddr) -> Target {
    Target { host: "smds.example.com".to_owned(), connect: address.to_string() }
}

fn ok(body: &str) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

#[tokio::test]
async fn one_post_carries_the_name_the_version_and_the_object_and_brings_the_answer_back() {
    let ca = Ca::new();
    let (address, mut heard) = peer(&ca, "smds.example.com", ok("{\"x\":1}")).await;
    let answer = ca.client().post(&target(address), "/a/b", &json!({"eid": "1"})).await.unwrap();
    assert_eq!(answer, Answer { status: 200, body: b"{\"x\":1}".to_vec() });
    let request = heard.recv().await.unwrap();
    assert!(request.starts_with("POST /a/b HTTP/1.1\r\nHost: smds.example.com\r\n"), "{request}");
    assert!(request.contains("Content-Type: application/json\r\n"), "{request}");
    assert!(request.contains("X-Admin-Protocol: gsma/rsp/v2."), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"eid\":\"1\"}"), "{request}");
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer_and_a_redirection_is_not_followed() {
    let ca = Ca::new();
    for status in ["500 Oops", "302 Found\r\nlocation: https://smds.example.com/x", "204 No Content"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes();
        let (address, _heard) = peer(&ca, "smds.example.com", Some(answer)).await;
        let answer = ca.client().post(&target(address), "/", &json!({})).await.unwrap();
        assert_eq!(answer.status.to_string(), status[..3]);
    }
}

#[tokio::test]
async fn a_refused_connection_a_foreign_issuer_and_another_name_are_certain_not_to_have_acted() {
    let ca = Ca::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = ca.client().post(&target(closed), "/", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable(..)), "{error:?}");
    assert!(!error.may_have_acted());

    let (address, _heard) = peer(&ca, "other.example.com", ok("{}")).await;
    let error = ca.client().post(&target(address), "/", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::Untrusted(..)), "{error:?}");

    let (address, _heard) = peer(&Ca::new(), "smds.example.com", ok("{}")).await;
    let error = ca.client().post(&target(address), "/", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::Untrusted(..)), "{error:?}");
    assert!(!error.may_have_acted());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let target = Target::of("no-such-host.invalid");
    let error = Ca::new().client().post(&target, "/", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable(..)), "{error:?}");
}

#[tokio::test]
async fn what_is_no_host_name_is_an_error_and_no_panic() {
    for host in ["", "a b", "x\r\ny", "*"] {
        let error = Ca::new().client().post(&Target::of(host), "/", &json!({})).await.unwrap_err();
        assert!(matches!(error, CallError::Unreachable(..)), "{error:?}");
    }
}

#[tokio::test]
async fn a_peer_that_is_of_another_role_hears_nothing() {
    let ca = Ca::new();
    let (address, mut heard) = peer(&ca, "smds.example.com", ok("{}")).await;
    let error = ca.client().checking(|_| false).post(&target(address), "/", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::Untrusted(..)), "{error:?}");
    assert_eq!(heard.recv().await.as_deref(), Some(""));
    ca.client().checking(|der| der.len() > 100).post(&target(address), "/", &json!({})).await.unwrap();
}

#[tokio::test]
async fn a_silent_peer_a_hang_up_and_nonsense_leave_open_whether_it_acted() {
    let ca = Ca::new();
    let answers = [None, Some(Vec::new()), Some(b"nonsense\r\n\r\n".to_vec())];
    for answer in answers {
        let (address, _heard) = peer(&ca, "smds.example.com", answer).await;
        let error = ca.client().post(&target(address), "/", &json!({})).await.unwrap_err();
        assert!(error.may_have_acted(), "{error:?}");
        assert!(matches!(error, CallError::NoAnswer(..) | CallError::TimedOut(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_or_cut_off_is_malformed() {
    let ca = Ca::new();
    let long = "x".repeat(ANSWER_BYTES_MAX + 1);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}".to_vec();
    for answer in [ok(&long), Some(cut)] {
        let (address, _heard) = peer(&ca, "smds.example.com", answer).await;
        let error = ca.client().post(&target(address), "/", &json!({})).await.unwrap_err();
        assert!(matches!(error, CallError::Malformed(..)), "{error:?}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_costs_no_more_than_the_patience() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (ca, to, body) = (Ca::new(), target(address), json!({}));
    let client = ca.client();
    let call = client.post(&to, "/", &body);
    let ended = tokio::time::timeout(Duration::from_secs(30), call).await;
    let error = ended.expect("the patience ends long before").unwrap_err();
    assert!(matches!(error, CallError::Untrusted(..)), "{error:?}");
}

#[tokio::test]
async fn without_an_identity_a_peer_that_asks_for_one_does_not_answer() {
    let ca = Ca::new();
    let (address, _heard) = peer(&ca, "smds.example.com", ok("{}")).await;
    let anonymous = Client::new(None, &[ca.root()], PATIENCE).unwrap();
    let error = anonymous.post(&target(address), "/", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::NoAnswer(..) | CallError::Untrusted(..)), "{error:?}");
}
