//! ES9+.CancelSession: conformance cases CS-01 to CS-08.
use euicc::{Fault, Faults};
use serde_json::json;
use smdpp::types::State;

use crate::house::Answer;
use crate::scene::{Scene, faulty, with};

const FUNCTION: &str = "cancelSession";

/// A scene in a session: after AuthenticateClient, or after GetBoundProfilePackage too.
async fn in_session(bound: bool) -> (Scene, euicc::lpa::Offer) {
    let mut scene = Scene::released().await;
    let offer = if bound { scene.download().await.0 } else { scene.authenticate().await };
    scene.mark().await;
    (scene, offer)
}

fn after(bound: bool) -> State {
    if bound { State::Downloaded } else { State::Released }
}

/// CS-01, CS-02, CS-06, CS-07, CS-08 (f): what each reason does to the order, and to the next session.
#[tokio::test]
async fn a_postponed_session_can_be_tried_again_and_a_rejected_order_is_over() {
    for bound in [false, true] {
        for reason in [0, 1, 2, 3, 4, 5, 99, 127] {
            let (mut scene, offer) = in_session(bound).await;
            let answer = scene.try_cancel(&offer, reason).await;
            assert_eq!(answer.verdict(), "ok", "reason {reason}");
            assert_eq!(answer.body.as_object().unwrap().len(), 1, "the header only");
            let postponed = matches!(reason, 1 | 2);
            let (state, next) = if postponed { (after(bound), "ok") } else { (State::Error, "8.2.6/3.8") };
            assert_eq!(scene.state().await, state, "reason {reason}");
            assert_eq!(scene.try_authenticate().await.verdict(), next, "reason {reason}");
            scene.house.verify_trail().await;
        }
    }
}

/// CS-03 (a, b): unknown in JSON, and another session's in what is signed; then the right one works.
#[tokio::test]
async fn a_cancellation_of_another_session_is_refused_and_the_right_one_works() {
    for bound in [false, true] {
        let (mut scene, offer) = in_session(bound).await;
        let mut other = scene.house.card(0);
        let others = scene.house.authenticate(&mut other, Some(&scene.id)).await;
        scene.mark().await;
        let request = scene.house.cancel_request(&mut other, &others.transaction_id, 0);
        let ours = json!(offer.transaction_id);
        for id in [json!("00".repeat(16)), ours] {
            let answer = scene.house.es9(FUNCTION, &with(&request, "transactionId", id)).await;
            scene.refuses(&answer, "8.10.1/3.9").await;
        }
        scene.house.es9(FUNCTION, &request).await.ok();
        assert_eq!(scene.state().await, State::Error);
    }
}

/// CS-04, CS-05, CS-08 (e): bad signature, another SM-DP+, the eUICC's own refusal; then the right one works.
#[tokio::test]
async fn a_cancellation_that_cannot_be_believed_is_refused_and_the_right_one_works() {
    for bound in [false, true] {
        for (faults, verdict) in [
            (faulty(Fault::CancelSignatureBad), "8.1/6.1"),
            (faulty(Fault::CancelOidWrong), "8.8/3.10"),
            (Faults::none().with_value(Fault::CancelError, 5), "8.1/4.2"),
            (faulty(Fault::CancelError), "8.1/4.2"),
        ] {
            let (mut scene, offer) = in_session(bound).await;
            let mut honest = scene.card.clone();
            scene.card.faults = faults;
            let answer = scene.try_cancel(&offer, 0).await;
            scene.refuses(&answer, verdict).await;
            honest.faults = Faults::none();
            scene.card = honest;
            scene.try_cancel(&offer, 0).await.ok();
            assert_eq!(scene.state().await, State::Error);
        }
    }
}

/// CS-08 (a, b): what follows a cancellation in its session is refused.
#[tokio::test]
async fn nothing_follows_a_cancellation_in_its_session() {
    let mut scene = Scene::released().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let authenticate = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let body = scene.house.es9("authenticateClient", &authenticate).await.ok();
    let offer = euicc::lpa::Offer::read("authenticateClient", &body).unwrap();
    let bind = scene.house.bind_request(&mut scene.card, &offer, None);
    let cancel = scene.house.cancel_request(&mut scene.card, &offer.transaction_id, 1);
    scene.house.es9(FUNCTION, &cancel).await.ok();
    scene.mark().await;
    for (function, request) in
        [(FUNCTION, &cancel), ("authenticateClient", &authenticate), ("getBoundProfilePackage", &bind)]
    {
        let answer: Answer = scene.house.es9(function, request).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
}

/// CS-08 (c, d): after the result, and before AuthenticateClient.
#[tokio::test]
async fn a_cancellation_out_of_order_is_refused() {
    let mut scene = Scene::released().await;
    let (offer, package) = scene.download().await;
    let mut other = scene.card.clone();
    let late = scene.house.cancel_request(&mut other, &offer.transaction_id, 0);
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.deliver(&mut scene.card).await;
    scene.mark().await;
    let answer = scene.house.es9(FUNCTION, &late).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
    assert_eq!(scene.state().await, State::Installed);

    let server = scene.house.initiate(&mut scene.card).await;
    scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let early = scene.house.cancel_request(&mut scene.card, &server.transaction_id, 0);
    let answer = scene.house.es9(FUNCTION, &early).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
}

/// An older session of the same order has been superseded: its cancellation is taken, and ends nothing.
#[tokio::test]
async fn the_cancellation_of_a_superseded_session_leaves_the_order() {
    let mut scene = Scene::released().await;
    let older = scene.authenticate().await;
    let request = scene.house.cancel_request(&mut scene.card.clone(), &older.transaction_id, 0);
    let newer = scene.authenticate().await;
    scene.mark().await;
    let answer = scene.house.es9(FUNCTION, &request).await;
    scene.refuses(&answer, "ok").await;
    scene.try_bind(&newer, None).await.ok();
}
