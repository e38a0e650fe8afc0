//! ES9+.HandleNotification: conformance cases HN-01 to HN-06. The answer is always 204; the trail says what it did.
use euicc::{Card, Fault, Faults};
use serde_json::json;
use smdpp::types::{Iccid, State};

use crate::house::House;
use crate::scene::{Scene, faulty};

/// The names of the events in a Profile's trail.
async fn life(house: &House, iccid: &str) -> Vec<String> {
    let entries = house.store.reader().trail_of(&Iccid::parse(iccid).unwrap()).await.unwrap();
    let name = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["event"].clone();
    entries.iter().map(|entry| name(&entry.body).as_str().unwrap().to_owned()).collect()
}

/// Delivers what the card has to tell, and gives it to deliver again.
async fn tell(house: &House, card: &mut Card) -> Vec<Vec<u8>> {
    let told = card.list_notifications().iter().map(|pending| pending.bytes.clone()).collect();
    house.deliver(card).await;
    told
}

/// HN-01, and HN-04 (a): each is taken in once, however often it comes.
#[tokio::test]
async fn a_whole_life_is_taken_in_and_its_repetition_changes_nothing() {
    let mut scene = Scene::released().await;
    let (_, package) = scene.download().await;
    scene.card.load_bound_profile_package(&package).unwrap();
    let mut told = tell(&scene.house, &mut scene.card).await;
    assert_eq!(scene.state().await, State::Installed);
    scene.card.enable(&scene.iccid).unwrap();
    scene.card.disable(&scene.iccid).unwrap();
    scene.card.delete(&scene.iccid).unwrap();
    told.extend(tell(&scene.house, &mut scene.card).await);
    assert_eq!(told.len(), 5);
    let before = scene.house.verify_trail().await;
    scene.mark().await;
    for notification in told.iter().chain(&told) {
        let answer = scene.house.notify(notification).await;
        scene.refuses(&answer, "ok").await;
        assert_eq!((answer.http, &answer.body), (204, &serde_json::Value::Null));
    }
    assert_eq!(scene.house.verify_trail().await, before);
    assert_eq!(life(&scene.house, &scene.iccid).await[6..], ["notification_received"; 4]);
}

/// HN-03: every errorReason; memory and interruption leave the Profile for another try.
#[tokio::test]
async fn a_failed_installation_ends_the_order_unless_it_passes() {
    for reason in (1..=15).chain([31, 127]) {
        let mut scene = Scene::released().await;
        let (_, package) = scene.download().await;
        scene.card.faults = Faults::none().with_value(Fault::PirReason, reason);
        scene.card.load_bound_profile_package(&package).unwrap();
        tell(&scene.house, &mut scene.card).await;
        let expected = if matches!(reason, 10 | 11) { State::Downloaded } else { State::Error };
        assert_eq!(scene.state().await, expected, "errorReason {reason}");
        scene.house.verify_trail().await;
        scene.card.faults = Faults::none();
        let again = if expected == State::Downloaded { "ok" } else { "8.2.6/3.8" };
        assert_eq!(scene.try_authenticate().await.verdict(), again, "errorReason {reason}");
    }
}

/// HN-03 with each bppCommandId, and without the ICCID, which the eUICC may not know yet.
#[tokio::test]
async fn every_failing_command_is_understood() {
    for command in 0..=5 {
        let mut scene = Scene::released().await;
        let (_, package) = scene.download().await;
        scene.card.faults = faulty(Fault::PirIccidMissing)
            .with_value(Fault::PirReason, 8)
            .with_value(Fault::PirCommand, command);
        scene.card.load_bound_profile_package(&package).unwrap();
        tell(&scene.house, &mut scene.card).await;
        assert_eq!(scene.state().await, State::Error, "command {command}");
    }
}

/// HN-04 (b): the first result of a session is its result.
#[tokio::test]
async fn a_success_after_a_failure_of_the_same_session_has_no_effect() {
    let mut scene = Scene::released().await;
    let (_, package) = scene.download().await;
    let mut other = scene.card.clone();
    scene.card.faults = Faults::none().with_value(Fault::PirReason, 12);
    let failure = scene.card.load_bound_profile_package(&package).unwrap();
    let success = other.load_bound_profile_package(&package).unwrap();
    scene.house.notify(&failure).await.ok();
    scene.mark().await;
    let answer = scene.house.notify(&success).await;
    scene.refuses(&answer, "ok").await;
    assert_eq!(scene.state().await, State::Error);
}

/// HN-05, HN-06 (a, d): nothing changes but the trail, which names the first suspicious result of a session.
#[tokio::test]
async fn a_result_that_cannot_be_believed_changes_nothing_and_is_recorded_once() {
    for (fault, recorded) in
        [(Fault::PirTransactionIdUnknown, 0), (Fault::PirSignatureBad, 1), (Fault::PirOidWrong, 1)]
    {
        let mut scene = Scene::released().await;
        let (_, package) = scene.download().await;
        let mut honest = scene.card.clone();
        scene.card.faults = faulty(fault);
        let result = scene.card.load_bound_profile_package(&package).unwrap();
        scene.mark().await;
        let before = scene.house.verify_trail().await;
        for _ in 0..3 {
            let answer = scene.house.notify(&result).await;
            scene.refuses(&answer, "ok").await;
        }
        assert_eq!(scene.house.verify_trail().await, before + recorded, "{fault:?}");
        // The right result still finds its session.
        honest.load_bound_profile_package(&package).unwrap();
        tell(&scene.house, &mut honest).await;
        assert_eq!(scene.state().await, State::Installed);
    }
}

/// HN-06 (b): a result about this session, signed by another eUICC's key.
#[tokio::test]
async fn a_result_signed_by_another_euicc_changes_nothing() {
    let mut scene = Scene::released().await;
    let (_, package) = scene.download().await;
    let result = scene.card.load_bound_profile_package(&package).unwrap();
    let mut other = Scene::released().await;
    other.card = other.house.card(1);
    let others = other.install().await;
    // The data of the one, the signature of the other.
    let forged = {
        let data = euicc::tlv::Tlv::parse(&result, 0xBF37).unwrap().child(0xBF27).unwrap().raw.to_vec();
        let signature = euicc::tlv::Tlv::parse(&others, 0xBF37).unwrap().child(0x5F37).unwrap().raw.to_vec();
        euicc::tlv::nest(0xBF37, &[&data, &signature])
    };
    scene.mark().await;
    let answer = scene.house.notify(&forged).await;
    scene.refuses(&answer, "ok").await;
}

/// HN-06 (a, c, f) for later notifications: bad signature, foreign chain, two events at once.
#[tokio::test]
async fn a_later_notification_that_cannot_be_believed_leaves_no_trace() {
    for fault in [Fault::NotificationSignatureBad, Fault::NotificationTwoEvents] {
        let mut scene = Scene::released().await;
        scene.install().await;
        let before = scene.house.verify_trail().await;
        scene.card.faults = faulty(fault);
        scene.card.enable(&scene.iccid).unwrap();
        tell(&scene.house, &mut scene.card).await;
        assert_eq!(scene.house.verify_trail().await, before, "{fault:?}");
    }
}

/// HN-06 (e): about a Profile that is unknown here, or another eUICC's.
#[tokio::test]
async fn a_notification_about_another_euiccs_profile_leaves_no_trace() {
    let mut scene = Scene::released().await;
    scene.install().await;
    // The Profile was installed here through the house of another test: it is real, but not ours.
    let stranger = Scene::with(crate::house::Wishes::default(), json!({})).await;
    let before = stranger.house.verify_trail().await;
    scene.card.enable(&scene.iccid).unwrap();
    for notification in scene.card.list_notifications() {
        stranger.house.notify(&notification.bytes).await.ok();
    }
    assert_eq!(stranger.house.verify_trail().await, before);
}

/// A result that comes months later still finds its session; one that comes after that is forgotten.
#[tokio::test]
async fn a_result_of_last_month_is_taken_in() {
    let mut scene = Scene::released().await;
    let (_, package) = scene.download().await;
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.advance_ms(30 * smdpp::time::DAY_MS);
    scene.house.smdp.sweep().await.unwrap();
    tell(&scene.house, &mut scene.card).await;
    assert_eq!(scene.state().await, State::Installed);
}
