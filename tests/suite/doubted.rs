//! Notifications that are acknowledged and not believed (SGP.22 3.5, 5.6.4): kept within bounds, changing nothing.
use euicc::{Card, Fault, Faults};
use smdpp::event::{FailedElement, Failure};
use smdpp::store::KeptNotification;
use smdpp::time::MINUTE_MS;
use smdpp::types::State;

use crate::house::House;
use crate::scene::{Scene, faulty};

async fn kept(house: &House) -> Vec<KeptNotification> {
    house.store.reader().invalid_notifications(None, 20_000).await.unwrap()
}

fn pending(card: &Card) -> Vec<Vec<u8>> {
    card.list_notifications().iter().map(|one| one.bytes.clone()).collect()
}

/// HN-05, HN-06 (a, d): each result that cannot be believed is kept once, with its octets and the reason.
#[tokio::test]
async fn a_result_that_cannot_be_believed_is_kept_once_and_changes_nothing() {
    for (fault, why) in [
        (Fault::PirTransactionIdUnknown, "session is unknown"),
        (Fault::PirSignatureBad, "signature, key or SM-DP+ OID"),
        (Fault::PirOidWrong, "signature, key or SM-DP+ OID"),
    ] {
        let mut scene = Scene::released().await;
        let (_, package) = scene.download().await;
        scene.card.faults = faulty(fault);
        let result = scene.card.load_bound_profile_package(&package).unwrap();
        scene.mark().await;
        for _ in 0..3 {
            let answer = scene.house.notify(&result).await;
            assert_eq!(answer.http, 204);
            scene.refuses(&answer, "ok").await;
        }
        let kept = kept(&scene.house).await;
        assert_eq!(kept.len(), 1, "{fault:?}");
        assert!(kept[0].why.contains(why), "{}", kept[0].why);
        assert_eq!(kept[0].received, result);
    }
}

/// HN-06 (a, f) and an ICCID that is unknown here.
#[tokio::test]
async fn a_later_notification_that_cannot_be_believed_is_kept_with_its_reason() {
    for (fault, why) in [
        (Fault::NotificationSignatureBad, "signature does not verify"),
        (Fault::NotificationTwoEvents, "several events"),
    ] {
        let mut scene = Scene::released().await;
        scene.install().await;
        scene.card.faults = faulty(fault);
        scene.card.enable(&scene.iccid).unwrap();
        scene.house.deliver(&mut scene.card).await;
        let kept = kept(&scene.house).await;
        assert_eq!((kept.len(), kept[0].subject.as_str()), (1, scene.iccid.as_str()));
        assert!(kept[0].why.contains(why), "{}", kept[0].why);
    }
    let mut scene = Scene::released().await;
    scene.install().await;
    scene.card.enable(&scene.iccid).unwrap();
    let (stranger, told) = (House::new().await, pending(&scene.card));
    stranger.notify(&told[0]).await.ok();
    assert!(kept(&stranger).await[0].why.contains("ICCID is unknown"));
    stranger.stock(1).await;
    stranger.notify(&told[0]).await.ok();
    assert_eq!(kept(&stranger).await.len(), 1, "the same octets are kept once");
}

/// HN-04 (b), and a forgery after the session is over: only what does not verify is kept.
#[tokio::test]
async fn after_the_result_a_repetition_is_forgotten_and_a_forgery_kept() {
    let mut scene = Scene::released().await;
    let result = scene.install().await;
    scene.mark().await;
    scene.house.notify(&result).await.ok();
    assert!(kept(&scene.house).await.is_empty());
    let mut forged = result.clone();
    *forged.last_mut().unwrap() ^= 1;
    let answer = scene.house.notify(&forged).await;
    scene.refuses(&answer, "ok").await;
    assert_eq!(kept(&scene.house).await.len(), 1);
}

/// Anybody can send them: few are kept of one subject, and few of one minute.
#[tokio::test]
async fn a_flood_is_kept_within_its_bounds() {
    let mut scene = Scene::released().await;
    let result = scene.install().await;
    let forged = |n: u8| {
        let mut octets = result.clone();
        *octets.last_mut().unwrap() ^= n;
        octets
    };
    for n in 1..=40 {
        scene.house.notify(&forged(n)).await.ok();
    }
    let found = kept(&scene.house).await;
    assert_eq!(found.len(), 8, "of one session");
    assert_eq!(found[0].received, forged(40), "the newest stay");

    // Other sessions, all of one minute: the transactionId is the first member of the signed data.
    scene.house.advance_ms(MINUTE_MS);
    let id = result.windows(2).position(|two| two == [0x80, 16]).unwrap() + 2;
    for n in 0..=200 {
        let mut octets = result.clone();
        octets[id] = n;
        octets[id + 1] ^= 1;
        scene.house.notify(&octets).await.ok();
    }
    let in_a_minute = kept(&scene.house).await.len() - 8;
    assert_eq!(in_a_minute, 120);
    scene.house.advance_ms(MINUTE_MS);
    scene.house.notify(&forged(41)).await.ok();
    assert_eq!(kept(&scene.house).await[0].received, forged(41));
}

/// Anybody can send it, so it may not be long: ten thousand of the longest request would be half a gigabyte.
#[tokio::test]
async fn what_is_longer_than_any_notification_is_acknowledged_and_not_kept() {
    let mut scene = Scene::released().await;
    let result = scene.install().await;
    let stranger = |octets: usize| {
        let mut content = euicc::tlv::Tlv::parse(&result, 0xBF37).unwrap().value.to_vec();
        let id = content.windows(2).position(|two| two == [0x80, 16]).unwrap() + 2;
        content[id] ^= 1;
        let more = euicc::tlv::write(0x9F55, &vec![0; octets]);
        euicc::tlv::write(0xBF37, &[content, more].concat())
    };
    for (octets, count) in [(4000, 1), (30_000, 1)] {
        assert_eq!(scene.house.notify(&stranger(octets)).await.http, 204);
        assert_eq!(kept(&scene.house).await.len(), count, "{octets}");
    }
}

/// What it holds is a person's matter: nothing of it is readable in the file.
#[tokio::test]
async fn what_is_kept_is_sealed() {
    let mut scene = Scene::released().await;
    let mut result = scene.install().await;
    *result.last_mut().unwrap() ^= 1;
    scene.house.notify(&result).await.ok();
    let middle = &result[result.len() / 2..result.len() / 2 + 24];
    for name in ["smdpp.db", "smdpp.db-wal"] {
        let file = std::fs::read(scene.house.folder.path().join(name)).unwrap_or_default();
        assert!(!file.windows(24).any(|window| window == middle), "{name}");
    }
}

/// HN-04 (c): sequence numbers that come late are noted once each, and move nothing.
#[tokio::test]
async fn notifications_out_of_order_are_noted_once_each() {
    let mut scene = Scene::released().await;
    scene.install().await;
    for _ in 0..3 {
        scene.card.enable(&scene.iccid).unwrap();
        scene.card.disable(&scene.iccid).unwrap();
    }
    let told = pending(&scene.card);
    assert_eq!(told.len(), 6);
    scene.mark().await;
    let before = scene.house.verify_trail().await;
    for place in [5, 0, 3, 3, 1, 4, 2, 0, 5] {
        let answer = scene.house.notify(&told[place]).await;
        scene.refuses(&answer, "ok").await;
    }
    assert_eq!(scene.house.verify_trail().await, before + 6);
    assert!(kept(&scene.house).await.is_empty());
}

/// The failing Profile Element is kept with the order, and in the trail.
#[tokio::test]
async fn the_element_that_the_euicc_refused_is_remembered() {
    let mut scene = Scene::released().await;
    let (_, package) = scene.download().await;
    scene.card.faults = Faults::none().with_value(Fault::PirReason, 12).with_value(Fault::PirElement, 4);
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.deliver(&mut scene.card).await;
    assert_eq!(scene.state().await, State::Error);
    let element = Some(FailedElement { status: 3, identification: Some(4), additional: None });
    let profile = scene.house.profile(&scene.iccid).await;
    let failure = profile.order().unwrap().failure.clone().unwrap();
    assert_eq!(failure, Failure::Installation { command: 5, reason: 12, element });
    assert!(failure.explain().contains("identification 4: bad-values"), "{}", failure.explain());
    let iccid = smdpp::types::Iccid::parse(&scene.iccid).unwrap();
    let life = scene.house.store.reader().trail_of(&iccid).await.unwrap();
    assert!(life.last().unwrap().body.ends_with(r#""element":{"status":3,"identification":4}}"#));
}
