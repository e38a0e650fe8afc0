//! What the server says to an SM-DS, member by member: case DS-01, with one that writes everything down.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri, header};
use serde_json::{Value, json};
use smdpp::mint::{Issued, SMDS_ADDRESS};
use smdpp::server::{Limits, Peer, TlsConfig, es2plus_config};
use smdpp::types::State as ProfileState;

use super::{confirm, fqdn, send_courier};
use crate::case::{self, Case};
use crate::house::{ADDRESS, House, Wishes};
use crate::papers::Papers;
use crate::{smds, sockets};

pub(super) fn case() -> Case {
    case::case("DS-01", "what an SM-DS is told", "3.6.1, 5.9.1, 5.9.2, 6.1", "")
        .part("1", "ConfirmOrder with releaseFlag true", TOLD, || told(true))
        .part("2", "ReleaseProfile", TOLD, || told(false))
        .part(
            "3",
            "an SM-DS whose TLS certificate is none of an SM-DS",
            "8.9/5.1; nothing is sent",
            other_role,
        )
}

const TOLD: &str = "CERT.DP.TLS shown; RegisterEvent: header, eid, our FQDN, eventId, forwardingIndicator true; nothing else";

/// One call as it came.
#[derive(Debug, Clone)]
struct Call {
    path: String,
    protocol: String,
    media_type: String,
    body: Value,
    certificate: Option<Vec<u8>>,
}

type Book = Arc<Mutex<Vec<Call>>>;

async fn record(
    State(book): State<Book>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> ([(header::HeaderName, &'static str); 2], String) {
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let call = Call {
        path: uri.path().to_owned(),
        protocol: text("x-admin-protocol"),
        media_type: text("content-type"),
        body: serde_json::from_slice(&body).unwrap(),
        certificate: peer.certificate.as_ref().map(|certificate| certificate.der.clone()),
    };
    book.lock().unwrap().push(call);
    let done = json!({ "header": { "functionExecutionStatus": { "status": "Executed-Success" } } });
    let protocol = header::HeaderName::from_static("x-admin-protocol");
    ([(header::CONTENT_TYPE, "application/json"), (protocol, "gsma/rsp/v2.2.0")], done.to_string())
}

/// A house whose SM-DS is the recorder; it shows this certificate.
async fn recorded(certificate: impl FnOnce(&Papers) -> Issued) -> (House, Book) {
    let papers = Papers::of(Wishes::default().euiccs, sockets::start());
    let roots = [papers.pki.ci.der.clone().into()];
    let shown = certificate(&papers);
    let tls = TlsConfig::new(es2plus_config(sockets::identity(&shown), &roots).unwrap());
    let book = Book::default();
    let router = Router::new().fallback(record).with_state(book.clone());
    let address = sockets::listen(tls, router, Limits::default()).await;
    let (mut wishes, _) = smds::beside(Wishes::default(), &[]).await;
    wishes.smds.get_mut(&fqdn(SMDS_ADDRESS)).unwrap().connect = Some(address.to_string());
    (sockets::house(wishes).await, book)
}

fn is_ours(house: &House, call: &Call, path: &str) {
    assert_eq!((call.path.as_str(), call.media_type.as_str()), (path, "application/json"));
    assert!(call.protocol.starts_with("gsma/rsp/v2."), "{}", call.protocol);
    assert_eq!(call.certificate.as_ref(), Some(&house.pki.dptls.der));
    let header = call.body["header"].as_object().unwrap();
    for member in ["functionRequesterIdentifier", "functionCallIdentifier"] {
        assert!(header[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
}

async fn told(at_once: bool) {
    let (house, book) = recorded(|papers| papers.pki.dstls.clone()).await;
    let _courier = send_courier(&house);
    let (iccid, _) = house.stock(1).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid, "eid": house.eid(0) })).await.ok();
    let body = confirm(&house, &iccid, json!({ "releaseFlag": at_once })).await.ok();
    if !at_once {
        assert!(book.lock().unwrap().is_empty());
        house.es2("releaseProfile", "acme", json!({ "iccid": iccid })).await.ok();
    }
    assert_eq!(house.state(&iccid).await, ProfileState::Released);
    let calls = book.lock().unwrap().clone();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    is_ours(&house, call, "/gsma/rsp2/es12/registerEvent");
    let mut members = call.body.clone();
    members.as_object_mut().unwrap().remove("header");
    let id = &body["matchingId"];
    let event = json!({
        "eid": house.eid(0), "rspServerAddress": ADDRESS, "eventId": id, "forwardingIndicator": true,
    });
    assert_eq!(members, event);

    let cancel = json!({
        "iccid": iccid, "eid": house.eid(0), "matchingId": id, "finalProfileStatusIndicator": "Available",
    });
    house.es2("cancelOrder", "acme", cancel).await.ok();
    while book.lock().unwrap().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut deleted = book.lock().unwrap()[1].clone();
    is_ours(&house, &deleted, "/gsma/rsp2/es12/deleteEvent");
    deleted.body.as_object_mut().unwrap().remove("header");
    assert_eq!(deleted.body, json!({ "eid": house.eid(0), "eventId": id }));
}

/// Its chain and its name are right; it is an SM-DP+'s.
async fn other_role() {
    let (house, book) = recorded(|papers| {
        let random = smdpp::random::SeededRandom::new(17);
        let press = smdpp::mint::Press::new(sockets::start(), &random);
        let oid = smdpp::types::Oid::parse("2.999.15").unwrap();
        let right = smdpp::mint::Overrides::default();
        smdpp::mint::issue_dptls(press, &papers.pki.ci, SMDS_ADDRESS, &oid, &right).unwrap()
    })
    .await;
    let (iccid, _) = house.stock(1).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid, "eid": house.eid(0) })).await.ok();
    assert_eq!(confirm(&house, &iccid, json!({})).await.verdict(), "8.9/5.1");
    assert_eq!((house.state(&iccid).await, book.lock().unwrap().len()), (ProfileState::Linked, 0));
}
