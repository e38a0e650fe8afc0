//! ES9+.AuthenticateClient, all but the certificates: conformance cases AC-01 to AC-11 and AE-07 to AE-22.
use euicc::Fault;
use euicc::lpa::{Authentication, Offer};
use serde_json::json;
use smdpp::asn1::Pprs;
use smdpp::profile::Limits;
use smdpp::time::{DAY_MS, MINUTE_MS};
use smdpp::types::State;

use crate::house::{House, TYPE, Wishes};
use crate::scene::{CODE, Scene, changed, faulty, octets, with};

const FUNCTION: &str = "authenticateClient";

/// AC-01, AC-04, AC-05, AC-06, AC-07: which order, by which MatchingID, with and without Confirmation Code.
#[tokio::test]
async fn the_order_is_found_by_matching_id_or_by_eid() {
    for code in [None, Some(CODE)] {
        for (bound, named, sent) in [
            (true, Some(""), None),
            (true, Some(""), Some("")),
            (true, None, None),
            (true, None, Some("")),
            (true, Some("OURS-1"), Some("OURS-1")),
            (false, Some("OURS-1"), Some("OURS-1")),
        ] {
            let house = House::new().await;
            let (iccid, _) = house.stock(1).await;
            let mut confirm = json!({});
            if bound {
                confirm["eid"] = json!(house.eid(0));
            }
            if let Some(named) = named {
                confirm["matchingId"] = json!(named);
            }
            if let Some(code) = code {
                confirm["confirmationCode"] = json!(code);
            }
            house.order(&iccid, confirm).await;
            let offer = house.authenticate(&mut house.card(0), sent).await;
            assert_eq!(offer.confirmation_code_required(), code.is_some());
            assert_eq!(offer.metadata.iccid_digits(), iccid);
        }
    }
}

/// AC-02: a refusal does not stand in the way of the next session.
#[tokio::test]
async fn after_a_refused_matching_id_the_right_one_succeeds() {
    let mut scene = Scene::released().await;
    let answer = scene.house.try_authenticate(&mut scene.card, Some("WRONG")).await;
    scene.refuses(&answer, "8.2.6/3.8").await;
    scene.authenticate().await;
}

/// AC-08: what a later version adds is skipped, and the signature is checked over what arrived.
#[tokio::test]
async fn elements_that_we_do_not_know_are_skipped() {
    let mut scene = Scene::released().await;
    scene.card.faults = faulty(Fault::UnknownTlvs);
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
}

/// AC-10: two orders of one eUICC are told apart by the MatchingID.
#[tokio::test]
async fn an_eid_with_two_orders_gets_the_one_that_it_names() {
    let house = House::new().await;
    for (n, id) in [(1, "FIRST"), (2, "SECOND")] {
        let (iccid, _) = house.stock(n).await;
        house.order(&iccid, json!({ "eid": house.eid(0), "matchingId": id })).await;
        let offer = house.authenticate(&mut house.card(0), Some(id)).await;
        assert_eq!(offer.metadata.iccid_digits(), iccid);
    }
    house.authenticate(&mut house.card(0), None).await;
}

/// AC-10 with an order of nobody: an eUICC for which an order waits may still scan another Activation Code.
#[tokio::test]
async fn an_eid_with_an_order_may_use_an_unbound_activation_code() {
    let scene = Scene::released().await;
    let (default, _) = scene.house.stock(2).await;
    scene.house.order(&default, json!({ "eid": scene.house.eid(0), "matchingId": "" })).await;
    for (sent, iccid) in [(Some(&*scene.id), &scene.iccid), (None, &default)] {
        let offer = scene.house.authenticate(&mut scene.house.card(0), sent).await;
        assert_eq!(offer.metadata.iccid_digits(), *iccid);
    }
}

/// AC-11 (c to e): after a lost download the order is found again, and the old one-time key is offered.
#[tokio::test]
async fn a_second_session_after_a_lost_download_offers_the_old_key() {
    let mut scene = Scene::released().await;
    let (first, _) = scene.download().await;
    assert_eq!(first.offered_otpk(), None);
    let used = scene.card.session_otpk().unwrap().to_vec();
    let again = scene.authenticate().await;
    assert_eq!(again.offered_otpk(), Some(used));
    let default = scene.house.authenticate(&mut scene.card, None).await;
    assert_eq!(default.metadata.iccid_digits(), scene.iccid);
}

/// AE-07 (a to c), AE-08 (a, b), AE-19 (a, b): whatever is not what the eUICC of this session signs.
#[tokio::test]
async fn what_does_not_verify_or_belongs_to_no_session_of_ours_is_refused() {
    let mut scene = Scene::released().await;
    scene.authenticate().await;
    scene.mark().await;
    for (fault, verdict) in [
        (Fault::Signature1Bad, "8.1/6.1"),
        (Fault::Signature1Der, "8.1/6.1"),
        (Fault::Signature1ZeroR, "8.1/6.1"),
        (Fault::ChallengeWrong, "8.1/6.1"),
        (Fault::ChallengeReplayed, "8.1/6.1"),
        (Fault::SvnWrong, "8.1/6.1"),
        (Fault::AddressWrong, "8.1/6.1"),
        (Fault::TransactionIdWrong1, "8.10.1/3.9"),
    ] {
        scene.card.faults = faulty(fault);
        let answer = scene.try_authenticate().await;
        assert_eq!(answer.verdict(), verdict, "{fault:?}");
        scene.unmoved().await;
    }
}

/// AE-10.
#[tokio::test]
async fn an_order_that_is_not_released_is_not_downloaded() {
    let scene = Scene::with(Wishes::default(), json!({ "releaseFlag": false })).await;
    let answer = scene.house.try_authenticate(&mut scene.house.card(0), Some(&scene.id)).await;
    scene.refuses(&answer, "8.2/1.2").await;
    assert_eq!(scene.state().await, State::Confirmed);
}

/// AE-11 (a, c, d): unknown, another open session's, too late.
#[tokio::test]
async fn a_transaction_that_is_unknown_or_another_or_over_is_refused() {
    let mut scene = Scene::released().await;
    let other = scene.house.initiate(&mut scene.house.card(1)).await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    for id in [&"00".repeat(16), &other.transaction_id] {
        let answer = scene.house.es9(FUNCTION, &with(&request, "transactionId", json!(id))).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
    scene.house.advance_ms(15 * MINUTE_MS);
    let answer = scene.house.es9(FUNCTION, &request).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
}

/// AE-12, AE-13: another MatchingID, and what can be none at all.
#[tokio::test]
async fn a_matching_id_without_an_order_is_refused() {
    let long = "A".repeat(256);
    for bound in [true, false] {
        let confirm = |house: &House| if bound { json!({ "eid": house.eid(0) }) } else { json!({}) };
        let house = House::new().await;
        let (iccid, _) = house.stock(1).await;
        let id = house.order(&iccid, confirm(&house)).await;
        let before = house.profile(&iccid).await;
        for wrong in ["NOBODYS", &id.to_lowercase(), "A_B", "A\0B", &long, "Ä"] {
            let answer = house.try_authenticate(&mut house.card(0), Some(wrong)).await;
            assert_eq!(answer.verdict(), "8.2.6/3.8", "{wrong:?}");
        }
        assert_eq!(house.profile(&iccid).await, before);
    }
}

/// AE-14: (a) no order for this EID, (c) the Activation Code of another EID; neither answer shows whose it is.
#[tokio::test]
async fn the_order_of_another_eid_is_refused() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let id = house.order(&iccid, json!({ "eid": house.eid(0) })).await;
    let before = house.profile(&iccid).await;
    for sent in [None, Some(""), Some(&*id)] {
        let answer = house.try_authenticate(&mut house.card(1), sent).await;
        assert_eq!(answer.verdict(), "8.1.1/3.8", "{sent:?}");
        let text = answer.body.to_string();
        assert!(!text.contains(&house.eid(0)) && !text.contains(&iccid), "{text}");
    }
    assert_eq!(house.profile(&iccid).await, before);
}

/// AE-15 (a): a policy rule of the Profile that the eUICC forbids ends the order.
#[tokio::test]
async fn a_forbidden_policy_rule_ends_the_order() {
    let house = House::new().await;
    let pprs = Pprs { ppr1: true, ppr2: false };
    let (iccid, _) = house.stock_as(1, "acme", TYPE, pprs, None).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    card.info.forbidden_pprs = 0x40;
    let answer = house.try_authenticate(&mut card, Some(&id)).await;
    assert_eq!(answer.verdict(), "8.2.5/4.3");
    assert_eq!(house.state(&iccid).await, State::Error);
    house.verify_trail().await;
}

/// AE-16: the user can make room and try again, so the order lives on.
#[tokio::test]
async fn too_little_memory_is_said_and_the_order_lives_on() {
    let mut scene = Scene::released().await;
    scene.card.info.free_memory_bytes = 100;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1/4.8").await;
    scene.card.info.free_memory_bytes = 100_000;
    scene.authenticate().await;
}

/// AE-17, and AE-22 (b): the signature is checked first, and a bad one does not end the order.
#[tokio::test]
async fn an_expired_order_is_ended_by_the_first_believed_euicc_that_asks() {
    let mut scene = Scene::with(Wishes { order_ms: Some(DAY_MS), ..Wishes::default() }, json!({})).await;
    scene.house.advance_ms(DAY_MS);
    scene.card.faults = faulty(Fault::Signature1Bad);
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1/6.1").await;
    scene.card.faults = euicc::Faults::none();
    for _ in 0..2 {
        assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/4.10");
        assert_eq!(scene.state().await, State::Error);
    }
    scene.house.verify_trail().await;
}

/// AE-18: a limit of two allows two; the third ends the order, and says the same ever after.
#[tokio::test]
async fn one_attempt_too_many_ends_the_order() {
    let limits = Limits { download_attempts_max: 2, confirmation_code_attempts_max: 3 };
    let mut scene = Scene::with(Wishes { limits, ..Wishes::default() }, json!({})).await;
    for attempt in 1..=2 {
        scene.authenticate().await;
        assert_eq!(scene.attempts().await, (attempt, 0));
    }
    for _ in 0..2 {
        assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/6.4");
        assert_eq!(scene.state().await, State::Error);
    }
    scene.house.verify_trail().await;
}

/// AE-20: the eUICC's own refusal ends the session, not the order.
#[tokio::test]
async fn the_refusal_of_the_euicc_ends_the_session_and_not_the_order() {
    for code in [1, 2, 3, 4, 5, 6, 7, 127] {
        let mut scene = Scene::released().await;
        let server = scene.house.initiate(&mut scene.card).await;
        let mut other = scene.card.clone();
        scene.card.faults = euicc::Faults::none().with_value(Fault::AuthenticateError, code);
        let error = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
        let answer = scene.house.es9(FUNCTION, &error).await;
        scene.refuses(&answer, "8.1/4.2").await;
        let consent = scene.house.authenticate_request(&mut other, &server, Some(&scene.id));
        let answer = scene.house.es9(FUNCTION, &consent).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
}

/// AE-21 (a, b): a repetition gets the same answer; another request in the same session does not.
#[tokio::test]
async fn a_repeated_request_is_answered_again_and_counted_once() {
    let mut scene = Scene::released().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let other = scene.house.authenticate_request(&mut scene.card, &server, Some("OTHER"));
    let refused = scene.house.es9(FUNCTION, &other).await;
    assert_eq!(scene.house.es9(FUNCTION, &other).await, refused);
    scene.refuses(&refused, "8.2.6/3.8").await;

    let first = scene.house.es9(FUNCTION, &request).await;
    assert_eq!(first.verdict(), "ok");
    scene.mark().await;
    assert_eq!(scene.house.es9(FUNCTION, &request).await, first);
    assert_eq!(scene.attempts().await, (1, 0));
    let bent = changed(&request, "authenticateServerResponse", |octets| *octets.last_mut().unwrap() ^= 1);
    for request in [other, bent] {
        let answer = scene.house.es9(FUNCTION, &request).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
}

/// AE-21 (c).
#[tokio::test]
async fn the_same_request_twice_at_once_is_counted_once_and_answered_alike() {
    for _ in 0..10 {
        let mut scene = Scene::released().await;
        let server = scene.house.initiate(&mut scene.card).await;
        let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
        let (one, two) =
            tokio::join!(scene.house.es9(FUNCTION, &request), scene.house.es9(FUNCTION, &request));
        assert_eq!(one.verdict(), "ok");
        assert_eq!(one, two);
        assert_eq!(scene.attempts().await, (1, 0));
        scene.house.verify_trail().await;
    }
}

/// AC-09, and no secret: the answer names its transaction twice, and the MatchingID and the code not at all.
#[tokio::test]
async fn an_offer_carries_the_transaction_and_no_secret() {
    let mut scene = Scene::guarded().await;
    let server: Authentication = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let body = scene.house.es9(FUNCTION, &request).await.ok();
    let offer = Offer::read(FUNCTION, &body).unwrap();
    assert_eq!(offer.transaction_id, server.transaction_id);
    let id = euicc::hex::decode(&server.transaction_id).unwrap();
    assert_eq!(octets(&body, "smdpSigned2")[4..20], id);
    for member in ["profileMetadata", "smdpSigned2", "smdpSignature2", "smdpCertificate"] {
        let octets = octets(&body, member);
        for secret in [scene.id.as_bytes(), CODE.as_bytes()] {
            assert!(!octets.windows(secret.len()).any(|window| window == secret), "{member}");
        }
    }
}

/// AE-15: an eUICC that says it is full is refused, and the order lives on: the user can delete another Profile.
#[tokio::test]
async fn an_euicc_without_room_for_one_more_profile_may_try_again() {
    use euicc::info::{ADDITIONAL_PROFILE, TEST_PROFILE_SUPPORT};
    let mut scene = Scene::released().await;
    scene.card.info.rsp_capability = TEST_PROFILE_SUPPORT;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.2.5/4.3").await;
    scene.card.info.rsp_capability = ADDITIONAL_PROFILE | TEST_PROFILE_SUPPORT;
    assert_eq!(scene.try_authenticate().await.verdict(), "ok");
}
