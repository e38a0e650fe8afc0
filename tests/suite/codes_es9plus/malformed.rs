//! Requests that are no requests: conformance case TR-08, for all five functions, and TR-05 and TR-06.
use euicc::lpa::Offer;
use serde_json::{Value, json};

use crate::house::{Answer, House};
use crate::scene::{Scene, changed, with, without};

/// One function with a right request, and which of its members are base64 of DER.
struct Right {
    function: &'static str,
    request: Value,
    der: &'static [&'static str],
}

async fn send(scene: &Scene, function: &str, request: &Value) -> Answer {
    scene.house.es9(function, request).await
}

/// `1.6/2.x`, or HTTP 400 where the answer has no place for it.
async fn refuses(scene: &Scene, right: &Right, request: &Value, code: &str) {
    let answer = send(scene, right.function, request).await;
    let http = if right.function == "handleNotification" { 400 } else { 200 };
    assert_eq!((answer.http, answer.code().as_str()), (http, code), "{} {request}", right.function);
}

/// Refuses every malformation; then serves the right request, so nothing was lost on the way.
async fn is_strict(scene: &Scene, right: &Right) -> Value {
    let text = right.request.to_string();
    for body in ["", "null", "[]", "\"text\"", "{\"transactionId\":", &text[..text.len() - 1], "\u{FFFD}{}"] {
        let answer = scene.house.es9_raw(right.function, body.as_bytes().to_vec()).await;
        assert_eq!(answer.http, 400, "{} {body}", right.function);
    }
    let answer = scene.house.es9_raw(right.function, vec![b'[', 0xFF, 0xFE]).await;
    assert_eq!(answer.http, 400);

    for name in right.request.as_object().unwrap().keys() {
        refuses(scene, right, &without(&right.request, name), "1.6/2.2").await;
        refuses(scene, right, &with(&right.request, name, Value::Null), "1.6/2.2").await;
        for wrong in [json!(7), json!(true), json!([]), json!({})] {
            refuses(scene, right, &with(&right.request, name, wrong), "1.6/2.1").await;
        }
    }
    for name in right.der {
        for wrong in ["", "no base64!", "AAAA", "/////w==", "BF38"] {
            refuses(scene, right, &with(&right.request, name, json!(wrong)), "1.6/2.1").await;
        }
        let tail = changed(&right.request, name, |octets| octets.push(0));
        let cut = changed(&right.request, name, |octets| octets.truncate(octets.len() - 1));
        let other_tag = changed(&right.request, name, |octets| octets[0] ^= 0x02);
        let huge = changed(&right.request, name, |octets| octets.extend([0; 70_000]));
        for request in [tail, cut, other_tag, huge] {
            refuses(scene, right, &request, "1.6/2.1").await;
        }
    }
    if right.request.get("transactionId").is_some() {
        for wrong in ["", "zz", "0", &"00".repeat(17), "0x00"] {
            refuses(scene, right, &with(&right.request, "transactionId", json!(wrong)), "1.6/2.1").await;
        }
    }
    scene.unmoved().await;
    send(scene, right.function, &right.request).await.ok()
}

/// TR-08, one session long.
#[tokio::test]
async fn each_function_refuses_what_it_cannot_read_and_loses_nothing() {
    let mut scene = Scene::released().await;
    let request = scene.house.initiate_request(&mut scene.card);
    let right = Right { function: "initiateAuthentication", request, der: &["euiccInfo1"] };
    for octets in [0, 15, 17] {
        let request = changed(&right.request, "euiccChallenge", |challenge| challenge.resize(octets, 0));
        refuses(&scene, &right, &request, "1.6/2.1").await;
    }
    let body = is_strict(&scene, &right).await;

    let server = euicc::lpa::Authentication::read("initiateAuthentication", &body).unwrap();
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let right = Right { function: "authenticateClient", request, der: &["authenticateServerResponse"] };
    let offer = Offer::read("authenticateClient", &is_strict(&scene, &right).await).unwrap();

    scene.mark().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    let right = Right { function: "getBoundProfilePackage", request, der: &["prepareDownloadResponse"] };
    let package = crate::house::bpp(&is_strict(&scene, &right).await);

    scene.mark().await;
    let result = scene.card.load_bound_profile_package(&package).unwrap();
    let request = scene.house.lpa.handle_notification_request(&result);
    let right = Right { function: "handleNotification", request, der: &["pendingNotification"] };
    is_strict(&scene, &right).await;

    scene.house.verify_trail().await;
}

/// TR-08 for the function that ends a session early.
#[tokio::test]
async fn cancel_session_refuses_what_it_cannot_read_and_loses_nothing() {
    let mut scene = Scene::released().await;
    let offer = scene.authenticate().await;
    scene.mark().await;
    let request = scene.house.cancel_request(&mut scene.card, &offer.transaction_id, 0);
    let right = Right { function: "cancelSession", request, der: &["cancelSessionResponse"] };
    is_strict(&scene, &right).await;
}

/// TR-05: the form of every answer.
#[tokio::test]
async fn every_answer_has_its_headers_and_escapes_nothing_needlessly() {
    let mut scene = Scene::released().await;
    let request = scene.house.initiate_request(&mut scene.card);
    for request in [request.clone(), with(&request, "smdpAddress", json!("nowhere"))] {
        let answer = scene.house.es9("initiateAuthentication", &request).await;
        assert_eq!(answer.http, 200);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert!(answer.headers["x-admin-protocol"].starts_with("gsma/rsp/v2."));
        assert!(answer.body.pointer("/header/functionExecutionStatus/status").is_some());
    }
    let answer = scene.house.notify(b"nonsense").await;
    assert_eq!((answer.http, answer.code().as_str()), (400, "1.6/2.1"));
}

/// TR-06 (c, f): more members than we know, and a transactionId in small letters, are served.
#[tokio::test]
async fn unknown_members_and_small_letters_are_served() {
    let mut scene = Scene::released().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let request = with(&request, "transactionId", json!(server.transaction_id.to_lowercase()));
    let request = with(&request, "useMatchingIdForAcr", json!(true));
    let body = scene.house.es9("authenticateClient", &request).await.ok();
    assert_eq!(body["transactionId"], json!(server.transaction_id));
}

/// TR-07: other paths and methods are HTTP's business.
#[tokio::test]
async fn a_path_that_is_no_function_is_not_found() {
    let house = House::new().await;
    for function in ["", "nothing", "InitiateAuthentication", "../es2plus/downloadOrder"] {
        let answer = house.es9(function, &json!({})).await;
        assert_eq!(answer.http, 404, "{function}");
    }
}
