//! Spoiled ES2+ requests of a registered operator: each is refused and no Profile moves.
use std::collections::BTreeMap;

use rig::{Confirm, Es2Plus};
use serde_json::{Map, Value, json};
use smdpp::types::{State, StatusCode};

use crate::house::House;
use crate::json;

/// What may be done to a text that can be anything, such as who asks.
const FORMS: [&str; 7] =
    ["removed", "null", "a number", "a boolean", "an array", "an object", "doubled, the last wrong"];

fn request(members: Value) -> Map<String, Value> {
    let mut request = members.as_object().unwrap().clone();
    let header = json!({ "functionRequesterIdentifier": "acme", "functionCallIdentifier": "call-1" });
    request.insert("header".to_owned(), header);
    request
}

/// The request's own members spoiled, and those of its header.
fn spoil(request: &Map<String, Value>) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = json::spoil(request)
        .into_iter()
        .filter(|body| !(body.place == "releaseFlag" && body.kind == "a boolean"))
        .map(|body| (format!("{} {}", body.kind, body.place), body.octets))
        .collect();
    let mut rest = request.clone();
    let header = rest.remove("header").unwrap();
    let rest = Value::Object(rest).to_string();
    let (_, rest) = rest.split_once('{').unwrap();
    for body in json::spoil(header.as_object().unwrap()) {
        if FORMS.contains(&body.kind) {
            let header = String::from_utf8(body.octets).unwrap();
            let text = format!("{{\"header\":{header},{rest}");
            all.push((format!("{} header.{}", body.kind, body.place), text.into_bytes()));
        }
    }
    all
}

async fn refuses(house: &House, operator: &Es2Plus, function: &str, request: &Map<String, Value>) -> usize {
    let eye = house.eye();
    let before = (eye.trail_entries().await, eye.states().await);
    let mutants = spoil(request);
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    for (what, octets) in &mutants {
        let (status, answer) = operator.post(function, octets.clone()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let code = |name: &str| {
            let path = format!("/header/functionExecutionStatus/statusCodeData/{name}Code");
            answer.pointer(&path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let codes = (code("subject"), code("reason"));
        let known =
            StatusCode::ALL.iter().any(|known| (known.subject, known.reason) == (&*codes.0, &*codes.1));
        assert!(
            (400..500).contains(&status) || (status == 200 && known),
            "{function} {what}: {status} {answer}"
        );
        let after = (eye.trail_entries().await, eye.states().await);
        assert_eq!(after, before, "{function} {what}");
        *tally.entry(format!("{status} {}/{}", codes.0, codes.1)).or_default() += 1;
    }
    println!("{function}: {} mutants {tally:?}", mutants.len());
    let right = Value::Object(request.clone()).to_string().into_bytes();
    let (status, answer) = operator.post(function, right).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(status == 200 && answer.contains("Executed-Success"), "{function}: {answer}");
    mutants.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spoiled_order_is_taken() {
    let (house, stock) = House::open(1, 3);
    let operator = house.operator("acme");
    let iccid = |place: usize| stock[place].iccid.as_str();
    let mut count = 0;

    let order = request(json!({ "iccid": iccid(0) }));
    count += refuses(&house, &operator, "downloadOrder", &order).await;
    let by_type = request(json!({ "profileType": "consumer" }));
    count += refuses(&house, &operator, "downloadOrder", &by_type).await;
    let confirm = request(json!({ "iccid": iccid(0), "releaseFlag": false }));
    count += refuses(&house, &operator, "confirmOrder", &confirm).await;
    let release = request(json!({ "iccid": iccid(0) }));
    count += refuses(&house, &operator, "releaseProfile", &release).await;

    let states = house.eye().states().await;
    let free = states.iter().find(|(_, state)| *state == State::Available).map(|(iccid, _)| iccid.clone());
    let free = free.expect("one is left");
    let code = house.order(&operator, &free, None, Confirm::default()).await;
    let cancel = request(json!({
        "iccid": free,
        "matchingId": code.matching_id,
        "finalProfileStatusIndicator": "Available",
    }));
    count += refuses(&house, &operator, "cancelOrder", &cancel).await;
    assert!(count > 400, "{count}");
    house.eye().verify_trail().await;
}
