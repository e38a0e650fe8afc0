//! CancelOrder (5.3.3): cases XO.
use serde_json::{Value, json};
use smdpp::types::State;

use super::{Still, call, in_state, ordered};
use crate::begin;
use crate::case::{Case, case};
use crate::house::{Answer, House};
use crate::scene::{with, without};

pub(super) fn cases() -> Vec<Case> {
    vec![
        given_back(),
        case("XO-02", "a Profile that has left", "T30", "")
            .part("1", "Downloaded", "8.2.1/3.3", || has_left(State::Downloaded))
            .part("2", "Installed", "8.2.1/3.3", || has_left(State::Installed)),
        case("XO-03", "what is not the order's", "T30", "")
            .part("a", "another EID", "8.2.1/3.10", || {
                misnamed(|right| with(right, "eid", json!("89".repeat(16))), "8.2.1/3.10")
            })
            .part("b", "another matchingId", "8.2.6/3.10", || {
                misnamed(|right| with(right, "matchingId", json!("OTHER")), "8.2.6/3.10")
            }),
        case("XO-04", "a cancellation that says too little, or comes at a wrong time", "5.3.3; choice", "")
            .part("a", "the EID left out though bound", "8.1.1/2.3", || {
                misnamed(|right| without(right, "eid"), "8.1.1/2.3")
            })
            .part("b", "the matchingId left out though set", "8.2.6/2.3", || {
                misnamed(|right| without(right, "matchingId"), "8.2.6/2.3")
            })
            .part("c", "a Profile that is Available", "8.2.1/3.5", not_ordered)
            .part("d1", "the indicator missing", "1.6/2.2", || {
                misnamed(|right| with(right, INDICATOR, Value::Null), "1.6/2.2")
            })
            .part("d2", "the indicator unknown", "1.6/2.1", || {
                misnamed(|right| with(right, INDICATOR, json!("Gone")), "1.6/2.1")
            })
            .part(
                "e",
                "a session is open, after AuthenticateClient",
                "OK; the package is 8.2/3.7",
                session_open,
            ),
    ]
}

const INDICATOR: &str = "finalProfileStatusIndicator";

fn given_back() -> Case {
    let again = "OK; orderable again, the old MatchingID 8.2.6/3.8";
    let never = "OK; not orderable, the old MatchingID 8.2.6/3.8";
    case("XO-01", "an order is cancelled", "5.3.3, T29, 3.1.6", "")
        .part("a1", "from Allocated, Available", again, || cancelled(State::Allocated, true))
        .part("a2", "from Linked, Available", again, || cancelled(State::Linked, true))
        .part("a3", "from Confirmed, Available", again, || cancelled(State::Confirmed, true))
        .part("a4", "from Released, Available", again, || cancelled(State::Released, true))
        .part("a5", "from Error, Available", again, || cancelled(State::Error, true))
        .part("b1", "from Allocated, Unavailable", never, || cancelled(State::Allocated, false))
        .part("b2", "from Linked, Unavailable", never, || cancelled(State::Linked, false))
        .part("b3", "from Confirmed, Unavailable", never, || cancelled(State::Confirmed, false))
        .part("b4", "from Released, Unavailable", never, || cancelled(State::Released, false))
        .part("b5", "from Error, Unavailable", never, || cancelled(State::Error, false))
}

async fn cancel(house: &House, iccid: &str, more: Value) -> Answer {
    call(house, "cancelOrder", iccid, more).await
}

async fn cancelled(state: State, available: bool) {
    let (house, iccid, id) = in_state(state).await;
    let indicator = if available { "Available" } else { "Unavailable" };
    let mut more = json!({ INDICATOR: indicator });
    if state == State::Linked {
        more["eid"] = json!(house.eid(0));
    }
    if let Some(id) = &id {
        more["matchingId"] = json!(id);
    }
    let body = cancel(&house, &iccid, more).await.ok();
    assert_eq!(body.as_object().unwrap().len(), 1, "the header alone");
    let after = if available { State::Available } else { State::Unavailable };
    assert_eq!(house.state(&iccid).await, after);
    if let Some(id) = &id {
        let answer = house.try_authenticate(&mut house.card(0), Some(id)).await;
        assert_eq!(answer.verdict(), "8.2.6/3.8");
    }
    let again = call(&house, "downloadOrder", &iccid, json!({})).await;
    assert_eq!(again.verdict(), if available { "ok" } else { "8.2.1/3.3" });
    house.verify_trail().await;
}

async fn has_left(state: State) {
    let (house, iccid, id) = in_state(state).await;
    let still = Still::of(&house, &iccid).await;
    for indicator in ["Available", "Unavailable"] {
        let answer = cancel(&house, &iccid, json!({ "matchingId": id, INDICATOR: indicator })).await;
        still.refuses(&answer, "8.2.1/3.3").await;
    }
}

/// A released order for one EID, a call that is right but for one thing, and then the right one.
async fn misnamed(bend: impl FnOnce(&Value) -> Value, verdict: &str) {
    let (house, iccid) = ordered(true).await;
    let body = call(&house, "confirmOrder", &iccid, json!({})).await.ok();
    let right = json!({ "eid": house.eid(0), "matchingId": body["matchingId"], INDICATOR: "Available" });
    let still = Still::of(&house, &iccid).await;
    let answer = cancel(&house, &iccid, bend(&right)).await;
    still.refuses(&answer, verdict).await;
    let text = answer.body.to_string();
    assert!(!text.contains(body["matchingId"].as_str().unwrap()) && !text.contains(&house.eid(0)), "{text}");
    cancel(&house, &iccid, right).await.ok();
}

async fn not_ordered() {
    let (house, iccid, _) = in_state(State::Available).await;
    let still = Still::of(&house, &iccid).await;
    for _ in 0..2 {
        let answer = cancel(&house, &iccid, json!({})).await;
        still.refuses(&answer, "8.2.1/3.5").await;
    }
}

async fn session_open() {
    let mut scene = begin(json!({})).await;
    let offer = scene.authenticate().await;
    cancel(&scene.house, &scene.iccid, json!({ "matchingId": scene.id })).await.ok();
    for _ in 0..2 {
        assert_eq!(scene.try_bind(&offer, None).await.verdict(), "8.2/3.7");
        assert_eq!(scene.state().await, State::Available);
    }
    scene.house.verify_trail().await;
}
