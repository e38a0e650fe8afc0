//! ES2+.DownloadOrder: conformance cases DO-01 to DO-04.
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use smdpp::asn1::Pprs;
use smdpp::types::State;
use tokio::task::JoinSet;

use crate::house::{House, TYPE};
use crate::scene::with;

async fn order(house: &House, request: Value) -> crate::house::Answer {
    house.es2("downloadOrder", "acme", request).await
}

fn header(call: &str) -> Value {
    json!({ "functionRequesterIdentifier": "acme.example.com", "functionCallIdentifier": call })
}

/// DO-01 (a to e).
#[tokio::test]
async fn an_order_by_iccid_or_type_reserves_one_profile_for_an_eid_or_for_none() {
    for (by_iccid, by_type, for_eid) in [
        (true, false, false),
        (false, true, false),
        (true, false, true),
        (false, true, true),
        (true, true, false),
        (true, true, true),
    ] {
        let house = House::new().await;
        let (iccid, _) = house.stock(1).await;
        let mut request = json!({});
        if by_iccid {
            request["iccid"] = json!(iccid);
        }
        if by_type {
            request["profileType"] = json!(TYPE);
        }
        if for_eid {
            request["eid"] = json!(house.eid(0));
        }
        let body = order(&house, request).await.ok();
        assert_eq!(body["iccid"], json!(iccid));
        let state = if for_eid { State::Linked } else { State::Allocated };
        assert_eq!(house.state(&iccid).await, state);
        house.verify_trail().await;
    }
}

/// DO-01 (f): the pad of a 19-digit ICCID changes nothing but the spelling of the answer.
#[tokio::test]
async fn an_iccid_of_19_digits_is_one_profile_with_and_without_its_pad() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    assert_eq!(iccid.len(), 19);
    let padded = format!("{iccid}F");
    let body = order(&house, json!({ "iccid": padded })).await.ok();
    assert_eq!(body["iccid"], json!(padded));
    let body = order(&house, json!({ "iccid": iccid })).await.ok();
    assert_eq!(body["iccid"], json!(iccid));
    assert_eq!(house.profile(&padded).await.orders(), 1);
    house.es2("confirmOrder", "acme", json!({ "iccid": padded, "releaseFlag": false })).await.ok();
    house.es2("releaseProfile", "acme", json!({ "iccid": padded })).await.ok();
    assert_eq!(house.state(&iccid).await, State::Released);
}

/// DO-02: what is ordered already, for somebody else.
#[tokio::test]
async fn a_profile_that_is_ordered_is_not_ordered_again_with_other_input() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    order(&house, json!({ "iccid": iccid })).await.ok();
    let before = house.profile(&iccid).await;
    let answer = order(&house, json!({ "iccid": iccid, "eid": house.eid(0) })).await;
    assert_eq!(answer.verdict(), "8.2.1/3.3");
    assert_eq!(house.profile(&iccid).await, before);
}

/// DO-03: the same call again is the same reservation; another call for a type takes another Profile.
#[tokio::test]
async fn a_repeated_call_reserves_nothing_more() {
    let house = House::new().await;
    for n in 1..=3 {
        house.stock(n).await;
    }
    let request = json!({ "profileType": TYPE, "header": header("first") });
    let first = order(&house, request.clone()).await.ok();
    let trail = house.verify_trail().await;
    assert_eq!(order(&house, request.clone()).await.ok(), first);
    assert_eq!(house.verify_trail().await, trail);
    let second = order(&house, with(&request, "header", header("second"))).await.ok();
    assert_ne!(second["iccid"], first["iccid"]);

    let named = json!({ "iccid": first["iccid"], "header": header("third") });
    assert_eq!(order(&house, named.clone()).await.ok()["iccid"], first["iccid"]);
    assert_eq!(order(&house, named).await.ok()["iccid"], first["iccid"]);
}

/// DO-03: the name of a call is the caller's own: another operator may use it too.
#[tokio::test]
async fn the_same_call_identifier_of_another_operator_is_another_call() {
    let house = House::new().await;
    let (ours, _) = house.stock(1).await;
    let (theirs, _) = house.stock_as(2, "beta", TYPE, Pprs::default(), None).await;
    let request = json!({ "profileType": TYPE, "header": header("same") });
    assert_eq!(order(&house, request.clone()).await.ok()["iccid"], json!(ours));
    assert_eq!(house.es2("downloadOrder", "beta", request).await.ok()["iccid"], json!(theirs));
}

/// DO-04 (a to c).
#[tokio::test]
async fn a_type_that_is_unknown_or_empty_or_of_another_iccid_is_refused() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    house.stock_as(2, "acme", "OTHER", Pprs::default(), None).await;
    let before = house.profile(&iccid).await;
    for (request, verdict) in [
        (json!({ "profileType": "NONE" }), "8.2.5/3.9"),
        (json!({ "iccid": iccid, "profileType": "OTHER" }), "8.2.5/3.8"),
        (json!({ "iccid": iccid, "profileType": "NONE" }), "8.2.5/3.8"),
    ] {
        assert_eq!(order(&house, request).await.verdict(), verdict);
    }
    assert_eq!(house.profile(&iccid).await, before);
    order(&house, json!({ "profileType": TYPE })).await.ok();
    assert_eq!(order(&house, json!({ "profileType": TYPE })).await.verdict(), "8.2.5/3.7");
}

/// DO-04 (d).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_orders_at_once_for_49_profiles_each_gets_its_own_and_one_gets_none() {
    let house = Arc::new(House::new().await);
    for n in 1..=49 {
        house.stock(n).await;
    }
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let house = house.clone();
        callers.spawn(async move { order(&house, json!({ "profileType": TYPE })).await });
    }
    let answers = callers.join_all().await;
    let refused: Vec<String> =
        answers.iter().map(|answer| answer.verdict()).filter(|verdict| verdict != "ok").collect();
    assert_eq!(refused, ["8.2.5/3.7"]);
    let iccids: BTreeSet<&str> = answers.iter().filter_map(|answer| answer.body["iccid"].as_str()).collect();
    assert_eq!(iccids.len(), 49);
    house.verify_trail().await;
}
