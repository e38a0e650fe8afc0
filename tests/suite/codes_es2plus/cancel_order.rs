//! ES2+.CancelOrder: conformance cases XO-01 to XO-04.
use serde_json::{Value, json};
use smdpp::types::State;

use crate::house::{Answer, House, Wishes};
use crate::scene::{Scene, with, without};

async fn cancel(house: &House, iccid: &str, more: Value) -> Answer {
    let mut request = json!({ "iccid": iccid, "finalProfileStatusIndicator": "Available" });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    house.es2("cancelOrder", "acme", request).await
}

/// An order with an EID and a MatchingID.
async fn linked() -> Scene {
    let eid = smdpp::mint::nth_eid(0).unwrap().to_string();
    Scene::with(Wishes::default(), json!({ "eid": eid })).await
}

/// XO-01: back to stock or out of it; the old MatchingID opens nothing any more. The states are in `lifecycle`.
#[tokio::test]
async fn a_cancelled_order_leaves_the_profile_in_stock_or_out_of_it() {
    for (indicator, state, orderable) in
        [("Available", State::Available, "ok"), ("Unavailable", State::Unavailable, "8.2.1/3.3")]
    {
        let mut scene = Scene::released().await;
        let more = json!({ "matchingId": scene.id, "finalProfileStatusIndicator": indicator });
        cancel(&scene.house, &scene.iccid, more).await.ok();
        assert_eq!(scene.state().await, state);
        assert_eq!(scene.try_authenticate().await.verdict(), "8.2.6/3.8");
        let again = scene.house.es2("downloadOrder", "acme", json!({ "iccid": scene.iccid })).await;
        assert_eq!(again.verdict(), orderable);
        scene.house.verify_trail().await;
    }
}

/// XO-02.
#[tokio::test]
async fn a_downloaded_or_installed_profile_is_not_cancelled() {
    let mut scene = Scene::released().await;
    scene.download().await;
    for state in [State::Downloaded, State::Installed] {
        scene.mark().await;
        let answer = cancel(&scene.house, &scene.iccid, json!({ "matchingId": scene.id })).await;
        scene.refuses(&answer, "8.2.1/3.3").await;
        assert_eq!(scene.state().await, state);
        if state == State::Downloaded {
            scene.install().await;
        }
    }
}

/// XO-03, XO-04 (a, b): the call names what the order has; the refusal does not say it for the caller.
#[tokio::test]
async fn a_call_that_does_not_name_the_order_rightly_is_refused() {
    let scene = linked().await;
    let right = json!({ "eid": scene.house.eid(0), "matchingId": scene.id });
    for (more, verdict) in [
        (with(&right, "matchingId", json!("OTHER")), "8.2.6/3.10"),
        (with(&right, "matchingId", json!("no_id")), "8.2.6/2.1"),
        (without(&right, "matchingId"), "8.2.6/2.3"),
        (with(&right, "matchingId", json!("")), "8.2.6/2.3"),
        (with(&right, "eid", json!(scene.house.eid(1))), "8.2.1/3.10"),
        (without(&right, "eid"), "8.1.1/2.3"),
    ] {
        let answer = cancel(&scene.house, &scene.iccid, more).await;
        scene.refuses(&answer, verdict).await;
        let text = answer.body.to_string();
        assert!(!text.contains(&scene.id) && !text.contains(&scene.house.eid(0)), "{text}");
    }
    cancel(&scene.house, &scene.iccid, right).await.ok();
}

/// XO-03: what the order does not have cannot be named either.
#[tokio::test]
async fn an_eid_or_matching_id_that_the_order_has_not_is_refused() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid })).await.ok();
    let before = house.profile(&iccid).await;
    for (more, verdict) in
        [(json!({ "matchingId": "SOME" }), "8.2.6/3.10"), (json!({ "eid": house.eid(0) }), "8.2.1/3.10")]
    {
        assert_eq!(cancel(&house, &iccid, more).await.verdict(), verdict);
    }
    assert_eq!(house.profile(&iccid).await, before);
    cancel(&house, &iccid, json!({})).await.ok();
}

/// XO-04 (c): nothing is ordered; but the call that cancelled may be repeated, until the next order.
#[tokio::test]
async fn what_is_not_ordered_is_not_cancelled_except_by_the_same_call_again() {
    for indicator in ["Available", "Unavailable"] {
        let scene = Scene::released().await;
        let header = |call| json!({ "functionRequesterIdentifier": "acme", "functionCallIdentifier": call });
        let more = json!({
            "matchingId": scene.id, "finalProfileStatusIndicator": indicator, "header": header("the-call")
        });
        cancel(&scene.house, &scene.iccid, more.clone()).await.ok();
        let trail = scene.house.verify_trail().await;
        cancel(&scene.house, &scene.iccid, more.clone()).await.ok();
        assert_eq!(scene.house.verify_trail().await, trail);
        let other = with(&more, "header", header("another-call"));
        assert_eq!(cancel(&scene.house, &scene.iccid, other).await.verdict(), "8.2.1/3.5");

        if indicator == "Available" {
            scene.house.es2("downloadOrder", "acme", json!({ "iccid": scene.iccid })).await.ok();
            assert_eq!(cancel(&scene.house, &scene.iccid, more).await.verdict(), "8.2.6/3.10");
            assert_eq!(scene.state().await, State::Allocated);
        }
    }
}

/// XO-04 (e): the session that was open on the order gets no package, also not of the next order.
#[tokio::test]
async fn a_session_on_a_cancelled_order_gets_no_package() {
    let mut scene = Scene::released().await;
    let offer = scene.authenticate().await;
    cancel(&scene.house, &scene.iccid, json!({ "matchingId": scene.id })).await.ok();
    assert_eq!(scene.try_bind(&offer, None).await.verdict(), "8.2/3.7");
    assert_eq!(scene.state().await, State::Available);
    scene.house.order(&scene.iccid, json!({ "matchingId": scene.id })).await;
    assert_eq!(scene.try_bind(&offer, None).await.verdict(), "8.2/3.7");
    assert_eq!(scene.state().await, State::Released);
    scene.authenticate().await;
    scene.house.verify_trail().await;
}
