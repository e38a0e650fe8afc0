//! ConfirmOrder (5.3.2): cases CO, all but those of an SM-DS.
use serde_json::{Value, json};
use smdpp::types::State;

use super::{Still, call, in_state, ordered, stocked};
use crate::case::{Case, case};
use crate::house::{ADDRESS, Answer, House};
use crate::scene::{CODE, with};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("CO-01", "an order for an Activation Code", "5.3.2, T26, 4.1.1", "")
            .part("a1", "no matchingId, releaseFlag true", "OK; a MatchingID of ours; state Released", || {
                confirmed(json!({}), State::Released)
            })
            .part(
                "a2",
                "no matchingId, releaseFlag false",
                "OK; a MatchingID of ours; state Confirmed",
                || confirmed(json!({ "releaseFlag": false }), State::Confirmed),
            )
            .part("b", "a matchingId of the operator's", "OK, that MatchingID; state Released", || {
                confirmed(json!({ "matchingId": "OWN-ID-1" }), State::Released)
            })
            .part("c", "a Confirmation Code", "OK; state Released", || {
                confirmed(json!({ "confirmationCode": CODE }), State::Released)
            })
            .part("d", "an eid", "OK with that EID; state Released", with_eid),
        case("CO-02", "an order of the default SM-DP+", "Table 6a", "")
            .part("1", "matchingId empty, the EID in DownloadOrder", "OK; matchingId empty", || {
                default_smdp(true)
            })
            .part("2", "matchingId empty, the EID in ConfirmOrder", "OK; matchingId empty", || {
                default_smdp(false)
            }),
        case("CO-04", "the same ConfirmOrder again", "choice", "")
            .part("1", "releaseFlag true", "OK, the same MatchingID; nothing changed", || repeated(true))
            .part("2", "releaseFlag false", "OK, the same MatchingID; nothing changed", || repeated(false)),
        case("CO-05", "the MatchingID of another order", "T27", "").part(
            "",
            "two orders, one matchingId",
            "8.2.6/3.3; free again when the other is cancelled",
            taken,
        ),
        case("CO-07", "an EID is needed", "T27", "")
            .part("a", "none in either call, with smdsAddress", "8.1.1/2.2", || {
                asked(false, json!({ "smdsAddress": "smds.example.com" }), "8.1.1/2.2")
            })
            .part("b", "none in either call, matchingId empty", "8.1.1/2.2", || {
                asked(false, json!({ "matchingId": "" }), "8.1.1/2.2")
            }),
        case("CO-08", "another EID than that of DownloadOrder", "5.3.2, T27", "").part(
            "",
            "two EIDs",
            "8.1.1/3.10; the answer names neither",
            other_eid,
        ),
        not_confirmed(),
    ]
}

fn not_confirmed() -> Case {
    case("CO-09", "what cannot be confirmed", "5.3.2, 4.1.1; codes: choice", "")
        .part("a", "a Profile that is Available", "8.2.1/3.5", || {
            in_wrong_state(State::Available, "8.2.1/3.5")
        })
        .part("b", "Released already, with other input", "8.2.1/3.3", released_otherwise)
        .part("c1", "Downloaded", "8.2.1/3.3", || in_wrong_state(State::Downloaded, "8.2.1/3.3"))
        .part("c2", "Installed", "8.2.1/3.3", || in_wrong_state(State::Installed, "8.2.1/3.3"))
        .part("d", "smdsAddress and an empty matchingId", "8.2.6/2.1", || {
            asked(true, json!({ "smdsAddress": "smds.example.com", "matchingId": "" }), "8.2.6/2.1")
        })
        .part("e1", "a matchingId in lower case", "8.2.6/2.1", || {
            asked(true, json!({ "matchingId": "lower-case" }), "8.2.6/2.1")
        })
        .part("e2", "a matchingId with \"_\"", "8.2.6/2.1", || {
            asked(true, json!({ "matchingId": "UNDER_SCORE" }), "8.2.6/2.1")
        })
}

async fn confirm(house: &House, iccid: &str, more: Value) -> Answer {
    call(house, "confirmOrder", iccid, more).await
}

fn matching_id(body: &Value) -> &str {
    let id = body["matchingId"].as_str().unwrap();
    assert!(id.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'A'..=b'Z' | b'-')), "{id}");
    id
}

/// For no EID: the answer has the MatchingID and our address; two orders have two MatchingIDs.
async fn confirmed(more: Value, state: State) {
    let (house, iccid) = ordered(false).await;
    let body = confirm(&house, &iccid, more.clone()).await.ok();
    let id = matching_id(&body);
    match more["matchingId"].as_str() {
        Some(own) => assert_eq!(id, own),
        None => {
            let (second, _) = house.stock(2).await;
            call(&house, "downloadOrder", &second, json!({})).await.ok();
            let other = confirm(&house, &second, more).await.ok();
            assert!(id.len() >= 20 && matching_id(&other) != id);
        }
    }
    assert_eq!((&body["smdpAddress"], body.get("eid")), (&json!(ADDRESS), None));
    assert!(!body.to_string().contains(CODE));
    assert_eq!(house.state(&iccid).await, state);
    house.verify_trail().await;
}

async fn with_eid() {
    let (house, iccid) = ordered(false).await;
    let body = confirm(&house, &iccid, json!({ "eid": house.eid(0) })).await.ok();
    assert_eq!(body["eid"], json!(house.eid(0)));
    assert_eq!(house.state(&iccid).await, State::Released);
    let answer = house.try_authenticate(&mut house.card(1), Some(matching_id(&body))).await;
    assert_eq!(answer.verdict(), "8.1.1/3.8");
    house.authenticate(&mut house.card(0), Some(matching_id(&body))).await;
}

async fn default_smdp(in_download_order: bool) {
    let (house, iccid) = ordered(in_download_order).await;
    let mut more = json!({ "matchingId": "" });
    if !in_download_order {
        more["eid"] = json!(house.eid(0));
    }
    let body = confirm(&house, &iccid, more).await.ok();
    assert_eq!((&body["matchingId"], &body["eid"]), (&json!(""), &json!(house.eid(0))));
    house.authenticate(&mut house.card(0), Some("")).await;
}

async fn repeated(flag: bool) {
    let (house, iccid) = ordered(false).await;
    let more = json!({ "releaseFlag": flag, "confirmationCode": CODE });
    let first = confirm(&house, &iccid, more.clone()).await.ok();
    let still = Still::of(&house, &iccid).await;
    let named = with(&more, "matchingId", first["matchingId"].clone());
    for more in [&more, &more, &named] {
        assert_eq!(confirm(&house, &iccid, more.clone()).await.ok(), first);
        still.stands().await;
    }
}

async fn taken() {
    let (house, first) = ordered(false).await;
    let (second, _) = house.stock(2).await;
    call(&house, "downloadOrder", &second, json!({})).await.ok();
    let named = || json!({ "matchingId": "SHARED" });
    confirm(&house, &first, named()).await.ok();
    let still = Still::of(&house, &second).await;
    for _ in 0..2 {
        let answer = confirm(&house, &second, named()).await;
        still.refuses(&answer, "8.2.6/3.3").await;
    }
    call(&house, "cancelOrder", &first, named()).await.ok();
    confirm(&house, &second, named()).await.ok();
    house.verify_trail().await;
}

/// What is asked of a right order before anything happens.
async fn asked(for_eid: bool, more: Value, verdict: &str) {
    let (house, iccid) = ordered(for_eid).await;
    let still = Still::of(&house, &iccid).await;
    for _ in 0..2 {
        let answer = confirm(&house, &iccid, more.clone()).await;
        still.refuses(&answer, verdict).await;
    }
    confirm(&house, &iccid, json!({})).await.ok();
}

async fn other_eid() {
    let (house, iccid) = ordered(true).await;
    let still = Still::of(&house, &iccid).await;
    let answer = confirm(&house, &iccid, json!({ "eid": house.eid(1) })).await;
    still.refuses(&answer, "8.1.1/3.10").await;
    let text = answer.body.to_string();
    assert!(!text.contains(&house.eid(0)) && !text.contains(&house.eid(1)), "{text}");
}

async fn in_wrong_state(state: State, verdict: &str) {
    let (house, iccid, id) = if state == State::Available {
        let (house, iccid) = stocked().await;
        (house, iccid, None)
    } else {
        in_state(state).await
    };
    let still = Still::of(&house, &iccid).await;
    let answer = confirm(&house, &iccid, json!({})).await;
    still.refuses(&answer, verdict).await;
    if let Some(id) = id {
        let answer = confirm(&house, &iccid, json!({ "matchingId": id })).await;
        still.refuses(&answer, verdict).await;
    }
}

async fn released_otherwise() {
    let (house, iccid) = ordered(false).await;
    let body = confirm(&house, &iccid, json!({ "confirmationCode": CODE })).await.ok();
    let still = Still::of(&house, &iccid).await;
    for more in [
        json!({}),
        json!({ "confirmationCode": "other" }),
        json!({ "confirmationCode": CODE, "matchingId": "OTHER" }),
        json!({ "confirmationCode": CODE, "releaseFlag": false }),
        json!({ "confirmationCode": CODE, "eid": house.eid(0) }),
    ] {
        let answer = confirm(&house, &iccid, more).await;
        still.refuses(&answer, "8.2.1/3.3").await;
        assert!(!answer.body.to_string().contains(matching_id(&body)));
    }
}
