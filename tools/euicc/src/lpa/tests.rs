//! The LPA over real TLS against the small SM-DP+.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivateSec1KeyDer};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::activation::ActivationCode;
use crate::card::tests::pki::{self, SMDP_OID};
use crate::card::tests::smdp::{ADDRESS, ICCID, Package, Smdp, TRANSACTION_ID, metadata};
use crate::faults::{Fault, Faults};
use crate::hex;
use crate::metadata::iccid_coded;
use crate::tlv::{self, Tlv};

/// What the server was asked, by function name, with the headers seen.
type Seen = Arc<Mutex<Vec<(String, hyper::HeaderMap, Value)>>>;

struct Server {
    smdp: Smdp,
    package: Package,
    /// Function and codes of a refusal.
    refuses: Option<(&'static str, &'static str, &'static str)>,
    seen: Seen,
}

impl Server {
    fn new() -> Self {
        Self { smdp: Smdp::new(), package: Package::default(), refuses: None, seen: Seen::default() }
    }

    /// The answer to one function; `None` is 204.
    fn answer(&self, function: &str, request: &Value) -> Option<Value> {
        if let Some((_, subject, reason)) = self.refuses.filter(|(refused, ..)| *refused == function) {
            let data = json!({ "subjectCode": subject, "reasonCode": reason, "message": "no" });
            let status = json!({ "status": "Failed", "statusCodeData": data });
            return Some(json!({ "header": { "functionExecutionStatus": status } }));
        }
        let member = |name: &str| STANDARD.decode(request[name].as_str().unwrap()).unwrap();
        let mut body = match function {
            steps::INITIATE_AUTHENTICATION => self.initiate(&member("euiccChallenge")),
            steps::AUTHENTICATE_CLIENT => self.offer(&member("authenticateServerResponse")),
            steps::GET_BOUND_PROFILE_PACKAGE => self.package(&member("prepareDownloadResponse")),
            steps::HANDLE_NOTIFICATION => return None,
            _ => json!({}),
        };
        body["transactionId"] = json!(hex::encode(TRANSACTION_ID));
        body["header"] = json!({ "functionExecutionStatus": { "status": "Executed-Success" } });
        Some(body)
    }

    fn initiate(&self, challenge: &[u8]) -> Value {
        let signed1 = Smdp::signed1(challenge);
        let ci = crate::x509::Certificate::parse(&self.smdp.ci.der).unwrap();
        json!({
            "serverSigned1": STANDARD.encode(&signed1),
            "serverSignature1": STANDARD.encode(tlv::write(0x5F37, &self.smdp.auth.signer.sign(&signed1).unwrap())),
            "euiccCiPKIdToBeUsed": STANDARD.encode(tlv::write(0x04, &ci.subject_key_id)),
            "serverCertificate": STANDARD.encode(&self.smdp.auth.der),
        })
    }

    fn offer(&self, response: &[u8]) -> Value {
        let Some(consent) = Tlv::parse(response, 0xBF38).unwrap().find(0xA0).unwrap() else {
            return json!({});
        };
        let flag = if self.smdp.cc_required { 0xFF } else { 0 };
        let signed2 = tlv::nest(0x30, &[&tlv::write(0x80, TRANSACTION_ID), &tlv::write(0x01, &[flag])]);
        let covered = [&signed2[..], consent.child(0x5F37).unwrap().raw].concat();
        json!({
            "profileMetadata": STANDARD.encode(&Package::default().metadata),
            "smdpSigned2": STANDARD.encode(&signed2),
            "smdpSignature2": STANDARD.encode(tlv::write(0x5F37, &self.smdp.binding.signer.sign(&covered).unwrap())),
            "smdpCertificate": STANDARD.encode(&self.smdp.binding.der),
        })
    }

    fn package(&self, response: &[u8]) -> Value {
        let Some(consent) = Tlv::parse(response, 0xBF21).unwrap().find(0xA0).unwrap() else {
            return json!({});
        };
        let otpk = consent.child(0x30).unwrap().child(0x5F49).unwrap().value;
        json!({ "boundProfilePackage": STANDARD.encode(self.smdp.bind(otpk, &self.package)) })
    }

    fn tls(&self) -> rustls::ServerConfig {
        let wish = pki::Wish { host: Some(ADDRESS), policy_critical: false, ..pki::dp("TLS", 3, SMDP_OID) };
        let holder = pki::issue(Some(&self.smdp.ci), &wish);
        let sec1 = tlv::nest(
            0x30,
            &[
                &[2, 1, 1],
                &tlv::write(0x04, holder.signer.secret()),
                &tlv::write(0xA0, &tlv::write(0x06, crate::curve::Curve::NistP256.oid())),
                &tlv::write(0xA1, &tlv::nest(0x03, &[&[0], &holder.signer.public().point])),
            ],
        );
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(holder.der)],
                PrivateKeyDer::from(PrivateSec1KeyDer::from(sec1)),
            )
            .unwrap()
    }

    /// Serves until the test ends; gives an LPA that reaches it and what it will have seen.
    async fn start(self) -> (Lpa, crate::Card, Seen) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = LpaConfig {
            connect: Some(listener.local_addr().unwrap().to_string()),
            tls_roots: vec![self.smdp.ci.der.clone()],
            ..LpaConfig::default()
        };
        let (card, seen) = (self.smdp.card(), self.seen.clone());
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(self.tls()));
        let server = Arc::new(self);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, server) = (acceptor.clone(), server.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| serve(server.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        (Lpa::new(ADDRESS, config).unwrap(), card, seen)
    }
}

async fn serve(
    server: Arc<Server>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, hyper::Error> {
    let function = request.uri().path().trim_start_matches(PATH).to_owned();
    let headers = request.headers().clone();
    let body: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes()).unwrap();
    server.seen.lock().unwrap().push((function.clone(), headers, body.clone()));
    let (status, text) = match server.answer(&function, &body) {
        Some(answer) => (200, answer.to_string()),
        None => (204, String::new()),
    };
    Ok(hyper::Response::builder().status(status).body(Full::new(Bytes::from(text))).unwrap())
}

fn code() -> ActivationCode {
    format!("LPA:1${ADDRESS}$MATCH-1").parse().unwrap()
}

fn functions(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().iter().map(|(function, ..)| function.clone()).collect()
}

#[tokio::test]
async fn a_download_goes_through_five_steps_and_delivers_in_order() {
    let (lpa, mut card, seen) = Server::new().start().await;
    let installed = lpa.download(&mut card, &code(), None).await.unwrap();
    assert_eq!(installed.iccid, ICCID);
    assert_eq!(installed.upp, Package::default().upp);
    assert_eq!(installed.delivered, 2);
    // The third notification is for another server.
    assert_eq!(card.list_notifications().len(), 1);
    let expected = [
        "initiateAuthentication",
        "authenticateClient",
        "getBoundProfilePackage",
        "handleNotification",
        "handleNotification",
    ];
    assert_eq!(functions(&seen), expected);
}

#[tokio::test]
async fn requests_carry_the_headers_of_the_standard() {
    let (lpa, mut card, seen) = Server::new().start().await;
    lpa.initiate_authentication(&mut card).await.unwrap();
    let seen = seen.lock().unwrap();
    let (_, headers, body) = &seen[0];
    assert_eq!(headers["user-agent"], "gsma-rsp-lpad");
    assert_eq!(headers["x-admin-protocol"], "gsma/rsp/v2.2.0");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["host"], ADDRESS);
    assert_eq!(body["smdpAddress"], ADDRESS);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_codes() {
    let server = Server { refuses: Some(("authenticateClient", "8.2.6", "3.8")), ..Server::new() };
    let (lpa, mut card, _) = server.start().await;
    let error = lpa.download(&mut card, &code(), None).await.unwrap_err();
    assert_eq!(error.codes(), Some(("8.2.6", "3.8")));
    assert_eq!(error.to_string(), "authenticateClient: the server refuses: 8.2.6/3.8 no");
}

#[tokio::test]
async fn other_metadata_in_the_package_cancels_the_session() {
    let package = Package {
        metadata: metadata(&iccid_coded(ICCID).unwrap(), &tlv::write(0x95, &[1])),
        ..Package::default()
    };
    let (lpa, mut card, seen) = Server { package, ..Server::new() }.start().await;
    let error = lpa.download(&mut card, &code(), None).await.unwrap_err();
    assert!(matches!(error, LpaError::MetadataMismatch));
    let (function, _, body) = seen.lock().unwrap().last().unwrap().clone();
    assert_eq!(function, "cancelSession");
    let response = STANDARD.decode(body["cancelSessionResponse"].as_str().unwrap()).unwrap();
    let signed = Tlv::parse(&response, 0xBF41).unwrap().child(0xA0).unwrap().child(0x30).unwrap();
    assert_eq!(signed.child(0x82).unwrap().value, [4]);
    assert!(card.profiles().is_empty());
}

#[tokio::test]
async fn a_bad_package_ends_with_the_result_sent_and_nothing_installed() {
    let package = Package { bend_signature: true, ..Package::default() };
    let (lpa, mut card, seen) = Server { package, ..Server::new() }.start().await;
    let error = lpa.download(&mut card, &code(), None).await.unwrap_err();
    assert!(matches!(error, LpaError::Installation { command: 0, reason: 2, .. }), "{error}");
    assert_eq!(functions(&seen).last().unwrap(), "handleNotification");
    assert!(card.profiles().is_empty() && card.list_notifications().is_empty());
}

#[tokio::test]
async fn a_missing_confirmation_code_postpones() {
    let mut server = Server::new();
    server.smdp.cc_required = true;
    let (lpa, mut card, seen) = server.start().await;
    let error = lpa.download(&mut card, &code(), None).await.unwrap_err();
    assert!(matches!(error, LpaError::ConfirmationCodeRequired));
    assert_eq!(functions(&seen).last().unwrap(), "cancelSession");
    assert!(lpa.download(&mut card, &code(), Some("1234")).await.is_ok());
}

#[tokio::test]
async fn an_oid_of_the_code_that_is_not_the_servers_is_refused() {
    let (lpa, mut card, _) = Server::new().start().await;
    let wrong = format!("1${ADDRESS}$M$2.999.11").parse().unwrap();
    assert!(matches!(lpa.download(&mut card, &wrong, None).await, Err(LpaError::Oid { .. })));
    let right = format!("1${ADDRESS}$M$2.999.10").parse().unwrap();
    assert!(lpa.download(&mut card, &right, None).await.is_ok());
}

#[tokio::test]
async fn a_tls_certificate_of_an_unknown_issuer_is_refused() {
    let (lpa, mut card, _) = Server::new().start().await;
    let connect = lpa.http.target().to_owned();
    let tls_roots = vec![Smdp::new().ci.der];
    let config = LpaConfig { connect: Some(connect), tls_roots, ..LpaConfig::default() };
    let stranger = Lpa::new(ADDRESS, config).unwrap();
    let error = stranger.initiate_authentication(&mut card).await.unwrap_err();
    assert!(matches!(error, LpaError::Http(HttpError::Tls(..))), "{error}");
}

#[tokio::test]
async fn faults_send_twice_replay_and_stop() {
    let (lpa, mut card, seen) = Server::new().start().await;
    card.faults = Faults::none().with_value(Fault::StopAfter, 2);
    assert!(matches!(lpa.download(&mut card, &code(), None).await, Err(LpaError::Stopped(2))));
    assert_eq!(functions(&seen).len(), 2);
    card.faults = Faults::none().with(Fault::SendTwice).with(Fault::NotificationReplayed);
    lpa.download(&mut card, &code(), None).await.unwrap();
    assert_eq!(functions(&seen).len(), 2 + 6 + 8);
}

#[tokio::test]
async fn many_cards_share_one_lpa_with_kept_connections() {
    let server = Server::new();
    let cards: Vec<_> = (0..8).map(|_| server.smdp.card()).collect();
    let root = server.smdp.ci.der.clone();
    let (lpa, ..) = server.start().await;
    let config = LpaConfig {
        connect: Some(lpa.http.target().to_owned()),
        tls_roots: vec![root],
        keep_alive: true,
        ..LpaConfig::default()
    };
    let lpa = Arc::new(Lpa::new(ADDRESS, config).unwrap());
    let tasks: Vec<_> = cards
        .into_iter()
        .map(|mut card| {
            let lpa = lpa.clone();
            tokio::spawn(async move { lpa.download(&mut card, &code(), None).await.map(|_| ()) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}
