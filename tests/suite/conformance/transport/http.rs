//! HTTP and JSON (6.2, 6.3, 6.5): cases TR-05 to TR-07.

use euicc::lpa::Offer;
use serde_json::{Value, json};

use super::raw::{Raw, Reply};
use crate::begin;
use crate::case::{Case, case};
use crate::house::{House, TYPE, Wishes};
use crate::scene::with;
use crate::sockets::{self, Sockets};

const INITIATE: &str = "/gsma/rsp2/es9plus/initiateAuthentication";
const JSON: &str = "Content-Type: application/json";
const AGENT: &str = "User-Agent: gsma-rsp-lpad";
const PROTOCOL: &str = "X-Admin-Protocol: gsma/rsp/v2.2.0";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("TR-05", "how answers look", "6.2, 6.3, 6.5, 6.5.1", "all")
            .part("1", "a session, its Profile named beyond ASCII; each function refused too", FORM, form)
            .part("2", "HandleNotification", "204, no body, X-Admin-Protocol", notified),
        case("TR-06", "how requests may look", "6.2; c to f: choice", "")
            .part("a", "Content-Type with \"; charset=UTF-8\"", "OK", || {
                headers(&["Content-Type: application/json; charset=UTF-8", AGENT, PROTOCOL])
            })
            .part("b", "User-Agent with text after \";\"", "OK", || {
                headers(&[JSON, "User-Agent: gsma-rsp-lpad; Acme/1.0 (Ω)", PROTOCOL])
            })
            .part("c", "unknown members, also lists and numbers", "OK, each time", unknown_members)
            .part("d", "no X-Admin-Protocol", "OK, each time", || headers(&[JSON, AGENT]))
            .part("e", "X-Admin-Protocol: gsma/rsp/v3.0.0", "OK, each time", || {
                headers(&[JSON, AGENT, "X-Admin-Protocol: gsma/rsp/v3.0.0"])
            })
            .part("f", "transactionId in lower case", "OK, each time; capitals in the answer", small_letters),
        case("TR-07", "no function", "6.3 (4xx); choice", "")
            .part("a", "GET on the path of a function", "HTTP 405", || nothing("GET", INITIATE, 405))
            .part("b1", "an unknown function", "HTTP 404", || {
                nothing("POST", "/gsma/rsp2/es9plus/nothing", 404)
            })
            .part("b2", "the root", "HTTP 404", || nothing("POST", "/", 404))
            .part("b3", "a function in other letters", "HTTP 404", || {
                nothing("POST", "/gsma/rsp2/es9plus/InitiateAuthentication", 404)
            })
            .part("c", "DownloadOrder at the door of ES9+", "HTTP 404", || {
                nothing("POST", "/gsma/rsp2/es2plus/downloadOrder", 404)
            }),
    ]
}

const FORM: &str = "200; X-Admin-Protocol v2; application/json; functionExecutionStatus; no \\/ and no \\u";

async fn ask(house: &House, sockets: &Sockets, function: &str, body: &Value) -> Reply {
    let raw = Raw::connect(house, sockets.es9plus).await;
    let path = format!("/gsma/rsp2/es9plus/{function}");
    raw.ask("POST", &path, &[JSON, AGENT, PROTOCOL], &body.to_string()).await
}

/// Its form is right; gives how many slashes the text has.
fn formed(reply: &Reply, verdict: &str) -> usize {
    assert_eq!((reply.http, reply.verdict().as_str()), (200, verdict));
    assert!(reply.head.contains("\r\nx-admin-protocol: gsma/rsp/v2."), "{}", reply.head);
    assert!(reply.head.contains("\r\ncontent-type: application/json"), "{}", reply.head);
    assert!(reply.body.pointer("/header/functionExecutionStatus/status").is_some());
    assert!(!reply.text.contains("\\/") && !reply.text.contains("\\u"), "{}", reply.text);
    reply.text.matches('/').count()
}

async fn form() {
    let (house, sockets) = sockets::opened(Wishes::default()).await;
    let (iccid, _) = house
        .stock_with(1, "acme", TYPE, |metadata| "Tarif „Groß“ / 電話".clone_into(&mut metadata.profile_name))
        .await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let elsewhere = json!("Ärger / 電話");
    let request = house.initiate_request(&mut card);
    let mut slashes = formed(
        &ask(&house, &sockets, "initiateAuthentication", &with(&request, "smdpAddress", elsewhere)).await,
        "8.8.1/3.8",
    );
    let reply = ask(&house, &sockets, "initiateAuthentication", &request).await;
    slashes += formed(&reply, "ok");
    let server = euicc::lpa::Authentication::read("initiateAuthentication", &reply.body).unwrap();
    let nowhere = || json!("00".repeat(16));
    let request = house.authenticate_request(&mut card, &server, Some(&id));
    formed(
        &ask(&house, &sockets, "authenticateClient", &with(&request, "transactionId", nowhere())).await,
        "8.10.1/3.9",
    );
    let reply = ask(&house, &sockets, "authenticateClient", &request).await;
    slashes += formed(&reply, "ok");
    let offer = Offer::read("authenticateClient", &reply.body).unwrap();
    let cancel = house.cancel_request(&mut card.clone(), &offer.transaction_id, 1);
    let request = house.bind_request(&mut card, &offer, None);
    formed(
        &ask(&house, &sockets, "getBoundProfilePackage", &with(&request, "transactionId", nowhere())).await,
        "8.10.1/3.9",
    );
    slashes += formed(&ask(&house, &sockets, "getBoundProfilePackage", &request).await, "ok");
    formed(
        &ask(&house, &sockets, "cancelSession", &with(&cancel, "transactionId", nowhere())).await,
        "8.10.1/3.9",
    );
    formed(&ask(&house, &sockets, "cancelSession", &cancel).await, "ok");
    assert!(slashes > 20, "base64 with slashes: {slashes}");
}

async fn notified() {
    let (house, sockets) = sockets::opened(Wishes::default()).await;
    let (iccid, _) = house.stock(1).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    card.load_bound_profile_package(&package).unwrap();
    for pending in card.list_notifications() {
        let request = house.lpa.handle_notification_request(&pending.bytes);
        let reply = ask(&house, &sockets, "handleNotification", &request).await;
        assert_eq!((reply.http, reply.text.as_str()), (204, ""));
        assert!(reply.head.contains("\r\nx-admin-protocol: gsma/rsp/v2."), "{}", reply.head);
    }
}

/// A session begins three times under these headers and no others.
async fn headers(headers: &[&str]) {
    let (house, sockets) = sockets::opened(Wishes::default()).await;
    for _ in 0..3 {
        let request = house.initiate_request(&mut house.card(0)).to_string();
        let raw = Raw::connect(&house, sockets.es9plus).await;
        assert_eq!(raw.ask("POST", INITIATE, headers, &request).await.verdict(), "ok");
    }
}

async fn unknown_members() {
    let mut scene = begin(json!({})).await;
    for _ in 0..3 {
        let server = scene.house.initiate(&mut scene.card).await;
        let mut request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
        for (name, value) in [
            ("useMatchingIdForAcr", json!(true)),
            ("list", json!([1, { "a": null }])),
            ("number", json!(1.5e3)),
        ] {
            request[name] = value;
        }
        scene.house.es9("authenticateClient", &request).await.ok();
    }
}

async fn small_letters() {
    let mut scene = begin(json!({})).await;
    for _ in 0..3 {
        let server = scene.house.initiate(&mut scene.card).await;
        let small = json!(server.transaction_id.to_lowercase());
        assert_ne!(small, json!(server.transaction_id));
        let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
        let body =
            scene.house.es9("authenticateClient", &with(&request, "transactionId", small.clone())).await.ok();
        assert_eq!(body["transactionId"], json!(server.transaction_id));
        let offer = Offer::read("authenticateClient", &body).unwrap();
        let request = scene.house.bind_request(&mut scene.card, &offer, None);
        scene.house.es9("getBoundProfilePackage", &with(&request, "transactionId", small)).await.ok();
    }
}

async fn nothing(method: &str, path: &str, http: u16) {
    let (house, sockets) = sockets::opened(Wishes::default()).await;
    let (iccid, _) = house.stock(1).await;
    let body = json!({ "iccid": iccid }).to_string();
    for _ in 0..2 {
        let raw = Raw::connect(&house, sockets.es9plus).await;
        let body = if method == "GET" { "" } else { &body };
        assert_eq!(raw.ask(method, path, &[JSON, AGENT, PROTOCOL], body).await.http, http);
    }
    assert_eq!(house.verify_trail().await, 1, "the import and nothing else");
    house.initiate(&mut house.card(0)).await;
}
