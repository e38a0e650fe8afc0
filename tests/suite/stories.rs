//! Stories of what once went wrong, or would have: each bug is a test first.
use euicc::Card;
use serde_json::{Value, json};
use smdpp::profile::Limits;
use smdpp::types::State;

use crate::house::{House, Wishes, bpp};

fn one_attempt() -> Wishes {
    let limits = Limits { download_attempts_max: 1, confirmation_code_attempts_max: 3 };
    Wishes { limits, ..Wishes::default() }
}

fn one_hour() -> Wishes {
    Wishes { order_ms: Some(3_600_000), ..Wishes::default() }
}

/// An order that the first eUICC has installed; its result is still on the card.
async fn installed_unreported(house: &House) -> (String, String, Card) {
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&code)).await;
    let package = house.bind(&mut card, &offer).await;
    card.load_bound_profile_package(&package).unwrap();
    (iccid, code, card)
}

fn cancel_order(iccid: &str, code: &str, indicator: &str) -> Value {
    json!({ "iccid": iccid, "matchingId": code, "finalProfileStatusIndicator": indicator })
}

async fn scans_again_and_declines(house: &House, n: usize, code: &str) -> String {
    let mut card = house.card(n);
    let server = house.initiate(&mut card).await;
    let request = house.authenticate_request(&mut card, &server, Some(code));
    let answer = house.es9("authenticateClient", &request).await.ok();
    let cancel = house.cancel_request(&mut card, answer["transactionId"].as_str().unwrap(), 0);
    house.es9("cancelSession", &cancel).await.verdict()
}

#[tokio::test]
async fn a_profile_installed_before_its_limit_was_hit_is_installed_all_the_same() {
    for wishes in [one_attempt(), one_hour()] {
        let house = House::with(wishes).await;
        let (iccid, code, mut card) = installed_unreported(&house).await;
        house.advance_ms(3_600_001);
        let refused = house.try_authenticate(&mut house.card(0), Some(&code)).await.verdict();
        assert!(["8.8.5/6.4", "8.8.5/4.10"].contains(&refused.as_str()), "{refused}");
        assert_eq!(house.state(&iccid).await, State::Error);
        house.deliver(&mut card).await;
        assert_eq!(house.state(&iccid).await, State::Installed);
        house.verify_trail().await;
    }
}

#[tokio::test]
async fn a_profile_that_may_be_installed_is_not_sold_again() {
    let house = House::with(one_attempt()).await;
    let (iccid, code, _card) = installed_unreported(&house).await;
    house.try_authenticate(&mut house.card(0), Some(&code)).await;
    let again = house.es2("cancelOrder", "acme", cancel_order(&iccid, &code, "Available")).await;
    assert_eq!(again.verdict(), "8.2.1/3.3");
    house.es2("cancelOrder", "acme", cancel_order(&iccid, &code, "Unavailable")).await.ok();
    assert_eq!(house.state(&iccid).await, State::Unavailable);
}

#[tokio::test]
async fn a_profile_whose_euicc_signed_that_it_has_it_not_is_sold_again() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&code)).await;
    house.bind(&mut card, &offer).await;
    let cancel = house.cancel_request(&mut card, &offer.transaction_id, 5);
    house.es9("cancelSession", &cancel).await.ok();
    house.es2("cancelOrder", "acme", cancel_order(&iccid, &code, "Available")).await.ok();
    assert_eq!(house.state(&iccid).await, State::Available);
}

#[tokio::test]
async fn a_result_that_comes_after_a_rejection_is_in_the_trail() {
    let house = House::new().await;
    let (iccid, code, mut card) = installed_unreported(&house).await;
    assert_eq!(scans_again_and_declines(&house, 0, &code).await, "ok");
    assert_eq!(house.state(&iccid).await, State::Error);
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed);
    house.verify_trail().await;
}

#[tokio::test]
async fn an_euicc_that_lost_the_race_cannot_cancel_the_winner_s_order() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    let (mut winner, mut loser) = (house.card(0), house.card(1));
    let offer = house.authenticate(&mut winner, Some(&code)).await;
    let lost = house.authenticate(&mut loser, Some(&code)).await;
    let package = house.bind(&mut winner, &offer).await;
    winner.load_bound_profile_package(&package).unwrap();
    let cancel = house.cancel_request(&mut loser, &lost.transaction_id, 0);
    house.es9("cancelSession", &cancel).await;
    assert_eq!(house.state(&iccid).await, State::Downloaded);
    house.deliver(&mut winner).await;
    assert_eq!(house.state(&iccid).await, State::Installed);
}

#[tokio::test]
async fn an_euicc_that_lost_the_race_cannot_burn_the_winner_s_confirmation_code() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({ "confirmationCode": "1234" })).await;
    let (mut winner, mut loser) = (house.card(0), house.card(1));
    let offer = house.authenticate(&mut winner, Some(&code)).await;
    let lost = house.authenticate(&mut loser, Some(&code)).await;
    let request = house.bind_request(&mut winner, &offer, Some("1234"));
    bpp(&house.es9("getBoundProfilePackage", &request).await.ok());
    let wrong = house.bind_request(&mut loser, &lost, Some("9999"));
    for _ in 0..5 {
        assert_eq!(house.es9("getBoundProfilePackage", &wrong).await.verdict(), "8.1.1/3.8");
    }
    assert_eq!(house.profile(&iccid).await.order().unwrap().confirmation_code_attempts, 0);
}

#[tokio::test]
async fn a_package_is_not_handed_out_again_when_its_order_is_over() {
    let house = House::with(one_hour()).await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&code)).await;
    let request = house.bind_request(&mut card, &offer, None);
    house.es9("getBoundProfilePackage", &request).await.ok();
    house.advance_ms(86_400_000);
    house.try_authenticate(&mut house.card(0), Some(&code)).await;
    assert_eq!(house.es9("getBoundProfilePackage", &request).await.verdict(), "8.2/3.7");
}

#[tokio::test]
async fn a_flood_of_strangers_is_forgotten_in_two_minutes() {
    let house = House::with(Wishes { open_sessions_max: 20, ..Wishes::default() }).await;
    let request = house.initiate_request(&mut house.card(0));
    for _ in 0..20 {
        house.es9("initiateAuthentication", &request).await.ok();
    }
    let busy = house.es9("initiateAuthentication", &request).await;
    assert_eq!(busy.verdict(), "HTTP 503");
    assert!(busy.headers.contains_key("retry-after"));
    house.advance_ms(121_000);
    house.smdp.sweep().await.unwrap();
    house.es9("initiateAuthentication", &request).await.ok();
}

#[tokio::test]
async fn sessions_that_went_on_do_not_count_as_waiting() {
    let house = House::with(Wishes { open_sessions_max: 2, ..Wishes::default() }).await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    for _ in 0..6 {
        house.authenticate(&mut house.card(0), Some(&code)).await;
    }
}

#[tokio::test]
async fn two_messages_of_one_device_at_the_same_moment_leave_a_sound_trail() {
    for _ in 0..20 {
        let house = House::new().await;
        let (iccid, _, card) = installed_unreported(&house).await;
        let pending: Vec<_> = card.list_notifications().to_vec();
        assert_eq!(pending.len(), 2);
        let (one, two) = tokio::join!(house.notify(&pending[0].bytes), house.notify(&pending[1].bytes));
        assert_eq!((one.verdict().as_str(), two.verdict().as_str()), ("ok", "ok"));
        assert_eq!(house.state(&iccid).await, State::Installed);
        house.verify_trail().await;
    }
}

#[tokio::test]
async fn a_forged_result_beside_the_right_one_leaves_a_sound_trail() {
    let house = House::new().await;
    let (iccid, code, first) = installed_unreported(&house).await;
    let mut second = house.card(0);
    let offer = house.authenticate(&mut second, Some(&code)).await;
    let package = house.bind(&mut second, &offer).await;
    second.load_bound_profile_package(&package).unwrap();
    let right = second.list_notifications()[0].bytes.clone();
    let mut forged = first.list_notifications()[0].bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    let _answers = tokio::join!(house.notify(&right), house.notify(&forged));
    assert_eq!(house.state(&iccid).await, State::Installed);
    house.verify_trail().await;
}

#[tokio::test]
async fn notifications_that_come_in_falling_order_are_taken_in_once_each() {
    let house = House::new().await;
    let (iccid, _, mut card) = installed_unreported(&house).await;
    card.enable(&iccid).unwrap();
    let all: Vec<_> = card.list_notifications().to_vec();
    let before = house.verify_trail().await;
    for notification in all.iter().skip(1).rev().chain(&all[1..]) {
        house.notify(&notification.bytes).await.ok();
    }
    // Late is not replayed: LPAs deliver again after failures, and for several servers side by side.
    assert_eq!(house.verify_trail().await, before + i64::try_from(all.len()).unwrap() - 1);
    assert_eq!(house.state(&iccid).await, State::Downloaded);
}

#[tokio::test]
async fn an_order_through_an_smds_is_checked_before_it_is_refused() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid, "eid": house.eid(0) })).await.ok();
    let confirm = |eid: String| json!({ "iccid": iccid, "eid": eid, "releaseFlag": true, "smdsAddress": "smds.example.com" });
    assert_eq!(house.es2("confirmOrder", "acme", confirm(house.eid(1))).await.verdict(), "8.1.1/3.10");
    assert_eq!(house.es2("confirmOrder", "acme", confirm(house.eid(0))).await.verdict(), "8.9/5.1");
    assert_eq!(house.state(&iccid).await, State::Linked);
}

#[tokio::test]
async fn what_describes_an_order_shows_no_secret() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({ "confirmationCode": "1234" })).await;
    let shown = format!("{:?}", house.profile(&iccid).await);
    assert!(!shown.contains(&code), "{shown}");
    assert!(!shown.contains("3, 172, 103"), "the hash of a short code is the code: {shown}");
}

#[tokio::test]
async fn a_second_package_given_back_does_not_speak_for_the_first() {
    let house = House::new().await;
    let (iccid, code, mut first) = installed_unreported(&house).await;
    let mut again = house.card(0);
    let offer = house.authenticate(&mut again, Some(&code)).await;
    house.bind(&mut again, &offer).await;
    let cancel = house.cancel_request(&mut again, &offer.transaction_id, 0);
    house.es9("cancelSession", &cancel).await.ok();
    let sold = house.es2("cancelOrder", "acme", cancel_order(&iccid, &code, "Available")).await;
    assert_eq!(sold.verdict(), "8.2.1/3.3");
    house.deliver(&mut first).await;
    assert_eq!(house.state(&iccid).await, State::Installed);
}

#[tokio::test]
async fn a_package_is_given_back_also_after_its_order_ended() {
    let house = House::with(one_attempt()).await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&code)).await;
    house.bind(&mut card, &offer).await;
    house.try_authenticate(&mut house.card(0), Some(&code)).await;
    assert_eq!(house.state(&iccid).await, State::Error);
    let cancel = house.cancel_request(&mut card, &offer.transaction_id, 5);
    house.es9("cancelSession", &cancel).await.ok();
    house.es2("cancelOrder", "acme", cancel_order(&iccid, &code, "Available")).await.ok();
    house.verify_trail().await;
}

#[tokio::test]
async fn an_euicc_with_a_long_life_still_finds_its_newest_order() {
    let house = House::new().await;
    for n in 1..70 {
        let (iccid, _) = house.stock(n).await;
        house.order(&iccid, json!({ "eid": house.eid(0), "matchingId": "" })).await;
        let mut card = house.card(0);
        let offer = house.authenticate(&mut card, None).await;
        let package = house.bind(&mut card, &offer).await;
        card.load_bound_profile_package(&package).unwrap();
        let result = card.list_notifications()[0].bytes.clone();
        house.notify(&result).await.ok();
        assert_eq!(house.state(&iccid).await, State::Installed, "download {n}");
    }
}

#[tokio::test]
async fn a_retry_without_matching_id_goes_on_with_the_profile_it_began() {
    let house = House::new().await;
    for n in [1, 2] {
        let (iccid, _) = house.stock(n).await;
        house.order(&iccid, json!({ "eid": house.eid(0), "matchingId": "" })).await;
        house.advance_ms(1);
    }
    let mut card = house.card(0);
    let first = house.authenticate(&mut card, None).await;
    house.bind(&mut card, &first).await;
    let again = house.authenticate(&mut card, None).await;
    assert_eq!(again.metadata.iccid, first.metadata.iccid);
    assert!(again.offered_otpk().is_some(), "the one-time key of the first try is offered");
}

#[tokio::test]
async fn an_order_that_is_over_does_not_hide_a_fresh_one() {
    let house = House::with(one_hour()).await;
    let (old, _) = house.stock(1).await;
    house.order(&old, json!({ "eid": house.eid(0), "matchingId": "" })).await;
    house.advance_ms(3_600_001);
    let (fresh, _) = house.stock(2).await;
    house.order(&fresh, json!({ "eid": house.eid(0), "matchingId": "" })).await;
    let offer = house.authenticate(&mut house.card(0), None).await;
    assert_eq!(euicc::metadata::iccid_digits(&offer.metadata.iccid), fresh);
}

/// lpac calls CancelSession with undefinedReason after any failure.
#[tokio::test]
async fn an_lpa_that_cleans_up_after_a_wrong_code_does_not_end_the_order() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({ "confirmationCode": "1234" })).await;
    for wrong in ["9999", "8888"] {
        let mut card = house.card(0);
        let offer = house.authenticate(&mut card, Some(&code)).await;
        let request = house.bind_request(&mut card, &offer, Some(wrong));
        assert_eq!(house.es9("getBoundProfilePackage", &request).await.verdict(), "8.2.7/3.8");
        let cancel = house.cancel_request(&mut card, &offer.transaction_id, 127);
        house.es9("cancelSession", &cancel).await.ok();
        assert_eq!(house.state(&iccid).await, State::Released);
    }
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&code)).await;
    let request = house.bind_request(&mut card, &offer, Some("1234"));
    house.es9("getBoundProfilePackage", &request).await.ok();
}

#[tokio::test]
async fn an_expired_order_is_neither_confirmed_nor_released() {
    let house = House::with(one_hour()).await;
    let (iccid, _) = house.stock(1).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid })).await.ok();
    house.es2("confirmOrder", "acme", json!({ "iccid": iccid, "releaseFlag": false })).await.ok();
    house.advance_ms(3_600_001);
    assert_eq!(house.es2("releaseProfile", "acme", json!({ "iccid": iccid })).await.verdict(), "8.8.5/4.10");
}

/// An eUICC signs both: that it gives up, and that it has installed. Whatever it does, what it has is not sold again.
#[tokio::test]
async fn a_result_that_comes_after_the_cancellation_of_its_own_session_counts() {
    for (reason, before) in [(5, State::Error), (1, State::Downloaded)] {
        let house = House::new().await;
        let (iccid, _) = house.stock(1).await;
        let code = house.order(&iccid, json!({})).await;
        let mut card = house.card(0);
        let offer = house.authenticate(&mut card, Some(&code)).await;
        let package = house.bind(&mut card, &offer).await;
        let cancel = house.cancel_request(&mut card.clone(), &offer.transaction_id, reason);
        let result = card.load_bound_profile_package(&package).unwrap();
        house.es9("cancelSession", &cancel).await.ok();
        assert_eq!(house.state(&iccid).await, before);
        for _ in 0..2 {
            house.notify(&result).await.ok();
            assert_eq!(house.state(&iccid).await, State::Installed);
        }
        house.verify_trail().await;
    }
}

/// Two sessions on one order: what ended it in the first is not asked for again in the second.
#[tokio::test]
async fn no_code_is_asked_for_when_the_order_is_over() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let code = house.order(&iccid, json!({ "confirmationCode": "1234" })).await;
    let (mut one, mut two) = (house.card(0), house.card(0));
    let other = house.authenticate(&mut one, Some(&code)).await;
    let offer = house.authenticate(&mut two, Some(&code)).await;
    let cancel = house.cancel_request(&mut two, &offer.transaction_id, 0);
    house.es9("cancelSession", &cancel).await.ok();
    let before = house.profile(&iccid).await;
    let request = house.bind_request(&mut one, &other, None);
    assert_eq!(house.es9("getBoundProfilePackage", &request).await.verdict(), "8.2/3.7");
    assert_eq!(house.profile(&iccid).await, before);
    let last = house.store.reader().trail_end(1).await.unwrap();
    assert!(last[0].body.contains("session_cancelled"), "{}", last[0].body);
}
