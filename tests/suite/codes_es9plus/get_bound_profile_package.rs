//! ES9+.GetBoundProfilePackage, the refusals: conformance cases GE-01 to GE-09.
use euicc::{Fault, Faults};
use serde_json::json;
use smdpp::time::{DAY_MS, MINUTE_MS};
use smdpp::types::State;

use crate::house::{Wishes, bpp};
use crate::scene::{CODE, Scene, faulty, with};

const FUNCTION: &str = "getBoundProfilePackage";

/// GE-01 (a, b), GE-02 (b), GE-08: what the eUICC signed is not right; the same session serves the right request.
#[tokio::test]
async fn what_does_not_verify_gets_no_package() {
    for (fault, verdict) in [
        (Fault::Signature2Bad, "8.1/6.1"),
        (Fault::TransactionIdWrong2, "8.10.1/3.9"),
        (Fault::Otpk64, "8.1/6.1"),
        (Fault::Otpk66, "8.1/6.1"),
        (Fault::OtpkCompressed, "8.1/6.1"),
        (Fault::OtpkOffCurve, "8.1/6.1"),
        (Fault::OtpkInfinity, "8.1/6.1"),
        (Fault::OtpkOtherCurve, "8.1/6.1"),
    ] {
        let mut scene = Scene::released().await;
        let offer = scene.authenticate().await;
        scene.mark().await;
        scene.card.faults = faulty(fault);
        let answer = scene.try_bind(&offer, None).await;
        assert_eq!(answer.verdict(), verdict, "{fault:?}");
        scene.refuses(&answer, verdict).await;
        assert!(answer.body.get("boundProfilePackage").is_none());
        scene.card.faults = Faults::none();
        scene.try_bind(&offer, None).await.ok();
    }
}

/// GE-01 (b): the eUICC signed another smdpSignature2 than ours.
#[tokio::test]
async fn a_signature_over_another_offer_is_refused() {
    let mut scene = Scene::released().await;
    let mut offer = scene.authenticate().await;
    scene.mark().await;
    *offer.smdp_signature2.last_mut().unwrap() ^= 1;
    scene.card.faults = faulty(Fault::TrustAnyone);
    let answer = scene.try_bind(&offer, None).await;
    scene.refuses(&answer, "8.1/6.1").await;
}

/// GE-01 (c), GE-02 (a, c): another eUICC's answer, and another session's.
#[tokio::test]
async fn the_answer_of_another_session_is_refused() {
    let mut scene = Scene::released().await;
    let mut other = scene.house.card(1);
    let others = scene.house.authenticate(&mut other, Some(&scene.id)).await;
    let older = scene.authenticate().await;
    let older_request = scene.house.bind_request(&mut scene.card, &older, None);
    let offer = scene.authenticate().await;
    scene.mark().await;
    let request = scene.house.bind_request(&mut other, &others, None);
    for request in [request, older_request] {
        let request = with(&request, "transactionId", json!(offer.transaction_id));
        let answer = scene.house.es9(FUNCTION, &request).await;
        scene.refuses(&answer, "8.1/6.1").await;
        let request = with(&request, "transactionId", json!("00".repeat(16)));
        let answer = scene.house.es9(FUNCTION, &request).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
}

/// GE-03 (a to c): only a wrong code is counted, and the session stays open for the right one.
#[tokio::test]
async fn a_missing_code_is_asked_for_and_a_wrong_one_is_counted() {
    let mut scene = Scene::guarded().await;
    let stale = scene.authenticate().await;
    let offer = scene.authenticate().await;
    scene.mark().await;
    scene.card.faults = faulty(Fault::HashCcMissing);
    let answer = scene.try_bind(&offer, Some(CODE)).await;
    scene.refuses(&answer, "8.2.7/2.2").await;
    scene.card.faults = Faults::none();
    assert_eq!(scene.try_bind(&offer, Some("tulip-4712")).await.verdict(), "8.2.7/3.8");
    assert_eq!((scene.state().await, scene.attempts().await), (State::Released, (2, 1)));
    scene.card.faults = faulty(Fault::HashCcWrong);
    assert_eq!(scene.try_bind(&offer, Some(CODE)).await.verdict(), "8.2.7/3.8");
    assert_eq!(scene.attempts().await, (2, 2));
    assert_ne!(stale.transaction_id, offer.transaction_id);
    scene.card.faults = Faults::none();
    scene.try_bind(&offer, Some(CODE)).await.ok();
    assert_eq!((scene.state().await, scene.attempts().await), (State::Downloaded, (2, 2)));
    scene.house.verify_trail().await;
}

/// GE-03 (d): our choice is to serve it, the same every time.
#[tokio::test]
async fn a_code_that_nobody_asked_for_is_ignored() {
    let mut scene = Scene::released().await;
    for _ in 0..2 {
        let offer = scene.authenticate().await;
        scene.card.faults = faulty(Fault::HashCcUnasked);
        scene.try_bind(&offer, None).await.ok();
    }
}

/// GE-04: three wrong codes are counted over all sessions; then even the right one ends the order.
#[tokio::test]
async fn one_wrong_code_too_many_ends_the_order() {
    let mut scene = Scene::guarded().await;
    for attempt in 1..=3 {
        let offer = scene.authenticate().await;
        assert_eq!(scene.try_bind(&offer, Some("0000")).await.verdict(), "8.2.7/3.8");
        assert_eq!(scene.attempts().await, (attempt, attempt));
    }
    let offer = scene.authenticate().await;
    assert_eq!(scene.try_bind(&offer, Some(CODE)).await.verdict(), "8.2.7/6.4");
    assert_eq!(scene.state().await, State::Error);
    scene.mark().await;
    let answer = scene.try_bind(&offer, Some(CODE)).await;
    scene.refuses(&answer, "8.2/3.7").await;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.2.6/3.8").await;
    scene.house.verify_trail().await;
}

/// GE-05: expiry is asked before the code.
#[tokio::test]
async fn an_order_that_expires_within_the_session_is_ended() {
    let wishes = Wishes { order_ms: Some(10 * MINUTE_MS), ..Wishes::default() };
    let mut scene = Scene::with(wishes, json!({ "confirmationCode": CODE })).await;
    let offer = scene.authenticate().await;
    scene.house.advance_ms(10 * MINUTE_MS);
    assert_eq!(scene.try_bind(&offer, Some("0000")).await.verdict(), "8.8.5/4.10");
    assert_eq!((scene.state().await, scene.attempts().await), (State::Error, (1, 0)));
}

/// GE-06 (a, b, c, d): before AuthenticateClient, after a failed one, after CancelSession, too late.
#[tokio::test]
async fn no_package_leaves_out_of_order() {
    let mut scene = Scene::released().await;
    let offer = scene.authenticate().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    scene.mark().await;

    let fresh = scene.house.initiate(&mut scene.card).await;
    let early = with(&request, "transactionId", json!(fresh.transaction_id));
    let answer = scene.house.es9(FUNCTION, &early).await;
    scene.refuses(&answer, "8.10.1/3.9").await;

    let wrong = scene.house.authenticate_request(&mut scene.card, &fresh, Some("WRONG"));
    assert_eq!(scene.house.es9("authenticateClient", &wrong).await.verdict(), "8.2.6/3.8");
    let answer = scene.house.es9(FUNCTION, &early).await;
    scene.refuses(&answer, "8.10.1/3.9").await;

    let cancelled = scene.authenticate().await;
    let late = scene.house.bind_request(&mut scene.card, &cancelled, None);
    scene.try_cancel(&cancelled, 1).await.ok();
    scene.mark().await;
    let answer = scene.house.es9(FUNCTION, &late).await;
    scene.refuses(&answer, "8.10.1/3.9").await;

    scene.house.advance_ms(15 * MINUTE_MS);
    let answer = scene.house.es9(FUNCTION, &request).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
}

/// GE-07: the eUICC's own refusal ends the session, not the order.
#[tokio::test]
async fn the_refusal_of_the_euicc_ends_the_session_and_not_the_order() {
    for code in [1, 2, 3, 4, 5, 127] {
        let mut scene = Scene::released().await;
        let offer = scene.authenticate().await;
        scene.mark().await;
        scene.card.faults = Faults::none().with_value(Fault::DownloadError, code);
        let answer = scene.try_bind(&offer, None).await;
        scene.refuses(&answer, "8.2.10/4.2").await;
        scene.card.faults = Faults::none();
        let answer = scene.try_bind(&offer, None).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
        scene.download().await;
    }
}

/// GE-09: a lost answer is given again, octet by octet; another request in that session is not answered.
#[tokio::test]
async fn a_repeated_request_gets_the_same_package() {
    let mut scene = Scene::guarded().await;
    let offer = scene.authenticate().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, Some(CODE));
    let first = scene.house.es9(FUNCTION, &request).await;
    assert_eq!(first.verdict(), "ok");
    scene.mark().await;
    assert_eq!(scene.house.es9(FUNCTION, &request).await, first);
    scene.card.load_bound_profile_package(&bpp(&first.body)).unwrap();
    assert_eq!(scene.card.profiles().len(), 1);

    scene.house.deliver(&mut scene.card).await;
    scene.mark().await;
    let answer = scene.house.es9(FUNCTION, &request).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
}

/// GE-09: twice at once is one binding: one package, and one line in the trail.
#[tokio::test]
async fn the_same_request_twice_at_once_is_bound_once() {
    for _ in 0..10 {
        let mut scene = Scene::released().await;
        let offer = scene.authenticate().await;
        let request = scene.house.bind_request(&mut scene.card, &offer, None);
        let before = scene.house.verify_trail().await;
        let (one, two) =
            tokio::join!(scene.house.es9(FUNCTION, &request), scene.house.es9(FUNCTION, &request));
        assert_eq!(one.verdict(), "ok");
        assert_eq!(one, two);
        assert_eq!(scene.house.verify_trail().await, before + 1);
    }
}

/// GE-09 for a refusal: whoever repeats a lost guess has guessed once.
#[tokio::test]
async fn the_same_wrong_code_twice_at_once_is_counted_once() {
    let mut scene = Scene::guarded().await;
    let offer = scene.authenticate().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, Some("0000"));
    let (one, two) = tokio::join!(scene.house.es9(FUNCTION, &request), scene.house.es9(FUNCTION, &request));
    assert_eq!((one.verdict().as_str(), &one), ("8.2.7/3.8", &two));
    assert_eq!(scene.house.es9(FUNCTION, &request).await, one);
    assert_eq!(scene.attempts().await, (1, 1));
    scene.try_bind(&offer, Some(CODE)).await.ok();
}

/// A guess in a session that is over is no guess.
#[tokio::test]
async fn a_wrong_code_in_a_session_that_is_over_is_not_counted() {
    let mut scene = Scene::guarded().await;
    let offer = scene.authenticate().await;
    scene.house.advance_ms(DAY_MS);
    scene.mark().await;
    let answer = scene.try_bind(&offer, Some("0000")).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
}
