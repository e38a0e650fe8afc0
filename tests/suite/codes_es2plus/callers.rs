//! Who may call, and what every ES2+ request must have: conformance cases TR-04, OP-01 to OP-03, TR-08.
use serde_json::{Value, json};
use smdpp::mint::{Overrides, Press, issue_operator, issue_operator_ca};
use smdpp::random::SeededRandom;
use smdpp::types::Oid;

use crate::house::{House, TYPE};
use crate::scene::{Scene, with, without};

/// One right request for each function, about one Profile.
fn requests(iccid: &str) -> [(&'static str, Value); 4] {
    [
        ("downloadOrder", json!({ "iccid": iccid })),
        ("confirmOrder", json!({ "iccid": iccid, "releaseFlag": true })),
        ("cancelOrder", json!({ "iccid": iccid, "finalProfileStatusIndicator": "Available" })),
        ("releaseProfile", json!({ "iccid": iccid })),
    ]
}

fn header() -> Value {
    json!({ "functionRequesterIdentifier": "acme.example.com", "functionCallIdentifier": "call-1" })
}

/// OP-01.
#[tokio::test]
async fn an_unknown_iccid_is_said_to_be_unknown() {
    let house = House::new().await;
    for (function, request) in requests("8900000000000000000") {
        assert_eq!(house.es2(function, "acme", request).await.verdict(), "8.2.1/3.9", "{function}");
    }
}

/// OP-02: the Profile and the Profile Type of another operator.
#[tokio::test]
async fn an_operator_does_nothing_with_what_is_anothers() {
    let scene = Scene::released().await;
    for (function, request) in requests(&scene.iccid) {
        let answer = scene.house.es2(function, "beta", request).await;
        scene.refuses(&answer, "8.2.1/1.2").await;
        assert!(!answer.body.to_string().contains(&scene.id));
    }
    let answer = scene.house.es2("downloadOrder", "beta", json!({ "profileType": TYPE })).await;
    scene.refuses(&answer, "8.2.5/1.2").await;
}

/// TR-04: no certificate, one of an operator that nobody registered, one of a foreign issuer, and none at all.
#[tokio::test]
async fn a_caller_that_is_not_registered_is_turned_away_before_its_request_is_read() {
    let scene = Scene::released().await;
    let random = SeededRandom::new(3);
    let press = Press::new(scene.house.now(), &random);
    let right = Overrides::default();
    let oid = Oid::parse("2.999.77").unwrap();
    let gamma = issue_operator(press, &scene.house.pki.operator_ca, "gamma", &oid, &right).unwrap();
    let foreign_ca = issue_operator_ca(press, &right).unwrap();
    let foreign = issue_operator(press, &foreign_ca, "acme", &oid, &right).unwrap();
    for certificate in [None, Some(gamma.der), Some(foreign.der), Some(b"nonsense".to_vec())] {
        for (function, request) in requests(&scene.iccid) {
            for body in [with(&request, "header", header()).to_string(), "no JSON".to_owned()] {
                let answer = scene.house.es2_with(function, certificate.clone(), body.into()).await;
                assert_eq!((answer.http, answer.code().as_str()), (403, "1.1/1.1"), "{function}");
            }
        }
    }
    scene.unmoved().await;
}

/// OP-03 (a, b), TR-08 (a, b, c): a request needs JSON, and a header with two texts.
#[tokio::test]
async fn a_request_without_its_header_is_refused() {
    let scene = Scene::released().await;
    for (function, request) in requests(&scene.iccid) {
        let requester = "functionRequesterIdentifier";
        for (headed, code) in [
            (request.clone(), "1.6/2.2"),
            (with(&request, "header", Value::Null), "1.6/2.2"),
            (with(&request, "header", json!("text")), "1.6/2.1"),
            (with(&request, "header", without(&header(), requester)), "1.6/2.2"),
            (with(&request, "header", without(&header(), "functionCallIdentifier")), "1.6/2.2"),
            (with(&request, "header", with(&header(), requester, json!(7))), "1.6/2.1"),
            (with(&request, "header", with(&header(), "functionCallIdentifier", json!(""))), "1.6/2.1"),
            (
                with(&request, "header", with(&header(), "functionCallIdentifier", json!("x".repeat(300)))),
                "1.6/2.1",
            ),
        ] {
            let answer = scene.house.es2_raw(function, "acme", headed.to_string().into()).await;
            scene.refuses(&answer, code).await;
        }
        for body in ["", "{", "null", "[]", "7"] {
            let answer = scene.house.es2_raw(function, "acme", body.into()).await;
            assert_eq!((answer.http, answer.code().as_str()), (400, "1.6/2.1"), "{function} {body}");
        }
    }
}

/// OP-03 (c to f): each member in a wrong form, and each mandatory one left out.
#[tokio::test]
async fn a_member_of_a_wrong_form_is_refused() {
    let scene = Scene::released().await;
    let eid_of_31 = "8".repeat(31);
    for (function, request) in requests(&scene.iccid) {
        let mut wrong = vec![
            (with(&request, "iccid", json!("89000000000000000")), "1.6/2.1"),
            (with(&request, "iccid", json!("8900000000000000000G")), "1.6/2.1"),
            (with(&request, "iccid", json!(89)), "1.6/2.1"),
        ];
        if function != "downloadOrder" {
            wrong.push((without(&request, "iccid"), "1.6/2.2"));
        }
        if function != "releaseProfile" {
            wrong.push((with(&request, "eid", json!(eid_of_31)), "1.6/2.1"));
            wrong.push((with(&request, "eid", json!([])), "1.6/2.1"));
        }
        for (request, code) in wrong {
            let answer = scene.house.es2(function, "acme", request).await;
            scene.refuses(&answer, code).await;
        }
    }
    let [(_, order), (_, confirm), (_, cancel), _] = requests(&scene.iccid);
    for (function, request, code) in [
        ("downloadOrder", without(&order, "iccid"), "1.6/2.3"),
        ("downloadOrder", with(&order, "profileType", json!("x".repeat(65))), "1.6/2.1"),
        ("confirmOrder", without(&confirm, "releaseFlag"), "1.6/2.2"),
        ("confirmOrder", with(&confirm, "releaseFlag", json!("true")), "1.6/2.1"),
        ("confirmOrder", with(&confirm, "confirmationCode", json!(1234)), "1.6/2.1"),
        ("cancelOrder", without(&cancel, "finalProfileStatusIndicator"), "1.6/2.2"),
        ("cancelOrder", with(&cancel, "finalProfileStatusIndicator", json!("Gone")), "1.6/2.1"),
    ] {
        let answer = scene.house.es2(function, "acme", request).await;
        scene.refuses(&answer, code).await;
    }
}
