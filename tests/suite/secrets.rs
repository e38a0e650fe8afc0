//! What no answer and no file may carry: Confirmation Codes, and who and what another order is for.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::house::{Answer, House};
use crate::scene::{CODE, Scene};

/// Looks through the texts of an answer, and through the octets of those that are base64.
fn carries(value: &Value, secret: &str) -> bool {
    match value {
        Value::String(text) => {
            let octets = STANDARD.decode(text).unwrap_or_default();
            text.contains(secret) || octets.windows(secret.len()).any(|window| window == secret.as_bytes())
        }
        Value::Array(values) => values.iter().any(|value| carries(value, secret)),
        Value::Object(members) => members.values().any(|value| carries(value, secret)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// All that somebody can ask who knows the ICCID of another's order but not its secrets.
async fn asked_by_strangers(house: &House, iccid: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for operator in ["beta", "nobody"] {
        for (function, request) in [
            ("downloadOrder", json!({ "iccid": iccid })),
            ("confirmOrder", json!({ "iccid": iccid, "releaseFlag": true, "matchingId": "GUESS" })),
            ("cancelOrder", json!({ "iccid": iccid, "finalProfileStatusIndicator": "Available" })),
            ("releaseProfile", json!({ "iccid": iccid })),
        ] {
            answers.push(house.es2(function, operator, request).await);
        }
    }
    for id in [None, Some("GUESS"), Some(iccid)] {
        answers.push(house.try_authenticate(&mut house.card(1), id).await);
    }
    answers
}

#[tokio::test]
async fn no_answer_to_a_stranger_says_anything_about_an_order() {
    let eid = smdpp::mint::nth_eid(0).unwrap().to_string();
    let confirm = json!({ "eid": eid, "confirmationCode": CODE });
    let scene = Scene::with(crate::house::Wishes::default(), confirm).await;
    for answer in asked_by_strangers(&scene.house, &scene.iccid).await {
        assert_ne!(answer.verdict(), "ok");
        for secret in [&*scene.id, CODE, &eid, "acme"] {
            assert!(!carries(&answer.body, secret), "{secret}: {}", answer.body);
        }
    }
    scene.unmoved().await;
}

/// The holder of an order hears its own MatchingID, and never the Confirmation Code again.
#[tokio::test]
async fn no_answer_and_no_file_carries_a_confirmation_code() {
    let mut scene = Scene::guarded().await;
    let again = json!({ "iccid": scene.iccid, "releaseFlag": true, "confirmationCode": CODE });
    let mut answers = vec![scene.house.es2("confirmOrder", "acme", again).await];
    let offer = scene.authenticate().await;
    answers.push(scene.try_bind(&offer, Some("wrong")).await);
    answers.push(scene.try_bind(&offer, Some(CODE)).await);
    answers.iter().for_each(|answer| assert!(!carries(&answer.body, CODE), "{}", answer.body));
    assert!(!answers.iter().skip(1).any(|answer| carries(&answer.body, &scene.id)));

    for entry in std::fs::read_dir(scene.house.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let octets = std::fs::read(&path).unwrap();
        for secret in [CODE, scene.id.as_str()] {
            let found = octets.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} has {secret}", path.display());
        }
    }
}
