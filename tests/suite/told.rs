//! Who is told of what: AE-15, AE-18, GE-04, CS-06, CS-07, HN-01, HN-03 as an operator hears of them.
use euicc::{Fault, Faults};
use serde_json::{Value, json};
use smdpp::asn1::Pprs;
use smdpp::errand::{Agreement, Agreements, Errand, LaterLife, Point, PointStatus, Progress};
use smdpp::profile::Limits;
use smdpp::types::{OperatorId, State};

use crate::house::{House, TYPE, Wishes};
use crate::scene::{CODE, Scene, faulty};

impl House {
    /// Takes everything out of the outbox, in the order in which it happened.
    async fn progress(&self) -> Vec<Progress> {
        let mut all = Vec::new();
        while let Some(head) = self.store.reader().errand_heads(self.now()).await.unwrap().into_iter().next()
        {
            self.store.delivered(&head.posted.call).await.unwrap();
            let Errand::Progress(progress) = head.posted.errand else { panic!("not for an operator") };
            all.push(progress);
        }
        all
    }

    /// The same in short: `2 Failed 8.2.7/3.8`.
    async fn told(&self) -> Vec<String> {
        self.progress().await.iter().map(|told| format!("{} {}", told.point, told.status)).collect()
    }
}

fn agreed(points: &[Point]) -> Wishes {
    let later_life = LaterLife { install: None, enable: Some(100), disable: Some(101), delete: Some(102) };
    let acme = Agreement { points: points.iter().copied().collect(), later_life };
    let agreements: Agreements = [(OperatorId::parse("acme").unwrap(), acme)].into_iter().collect();
    Wishes { agreements, ..Wishes::default() }
}

/// Nothing is agreed: what remains is what must be told.
fn only_what_must() -> Wishes {
    agreed(&[])
}

fn everything() -> Wishes {
    agreed(&Point::ALL)
}

/// HN-01, PI-01.
#[tokio::test]
async fn a_download_that_goes_well_is_told_at_the_agreed_points_and_so_is_its_later_life() {
    let mut scene = Scene::with(everything(), json!({})).await;
    scene.install().await;
    scene.card.enable(&scene.iccid).unwrap();
    scene.card.disable(&scene.iccid).unwrap();
    scene.card.delete(&scene.iccid).unwrap();
    scene.house.deliver(&mut scene.card).await;
    let told = scene.house.progress().await;
    let points: Vec<u32> = told.iter().map(|told| told.point).collect();
    assert_eq!(points, [1, 3, 4, 100, 101, 102]);
    for progress in &told {
        assert_eq!(progress.status, PointStatus::Success);
        assert_eq!(progress.eid.as_ref().unwrap().as_str(), scene.card.eid());
        assert_eq!(progress.iccid.as_str(), scene.iccid);
        assert_eq!(progress.profile_type.as_str(), TYPE);
        assert_eq!(progress.at, scene.house.now());
        assert_eq!(progress.result_data.is_some(), progress.point == 4);
    }
}

#[tokio::test]
async fn an_operator_without_an_agreement_is_told_nothing_at_all() {
    let mut scene = Scene::guarded().await;
    let offer = scene.authenticate().await;
    scene.try_bind(&offer, Some("wrong")).await;
    scene.install().await;
    assert_eq!(scene.house.told().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_download_that_goes_well_is_not_told_where_nothing_was_agreed() {
    let mut scene = Scene::with(only_what_must(), json!({})).await;
    scene.install().await;
    assert_eq!(scene.house.told().await, Vec::<String>::new());
}

/// HN-03: what the eUICC said goes along, also when the Profile can be tried again.
#[tokio::test]
async fn every_failed_installation_is_told_with_its_result() {
    for reason in [1, 9, 10, 12, 127] {
        let mut scene = Scene::with(everything(), json!({})).await;
        let (_, package) = scene.download().await;
        scene.house.told().await;
        scene.card.faults = Faults::none().with_value(Fault::PirReason, reason);
        scene.card.load_bound_profile_package(&package).unwrap();
        let sent: Vec<Vec<u8>> =
            scene.card.list_notifications().iter().map(|pending| pending.bytes.clone()).collect();
        scene.house.deliver(&mut scene.card).await;
        let told = scene.house.progress().await;
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(format!("{} {}", told.point, told.status), "4 Failed 8.2.10/4.2");
        let result = told.result_data.as_deref().unwrap();
        assert_eq!((result[0], result[2]), (0xA2, 0xA1), "finalResult with errorResult");
        assert!(sent[0].windows(result.len()).any(|window| window == result), "the octets as they came");
        scene.house.deliver(&mut scene.card).await;
        assert_eq!(scene.house.told().await, Vec::<String>::new(), "once");
    }
}

/// AE-15.
#[tokio::test]
async fn an_euicc_that_may_not_have_the_profile_is_told_if_that_was_agreed() {
    for (wishes, expected) in
        [(everything(), vec!["1 Failed 8.2.5/4.3".to_owned()]), (only_what_must(), Vec::new())]
    {
        let house = House::with(wishes).await;
        let (iccid, _) = house.stock_as(1, "acme", TYPE, Pprs { ppr1: true, ppr2: false }, None).await;
        let id = house.order(&iccid, json!({})).await;
        let mut card = house.card(0);
        card.info.forbidden_pprs = 0x40;
        assert_eq!(house.try_authenticate(&mut card, Some(&id)).await.verdict(), "8.2.5/4.3");
        assert_eq!(house.state(&iccid).await, State::Error);
        assert_eq!(house.told().await, expected);
    }
}

/// AE-18: always, and once.
#[tokio::test]
async fn too_many_download_attempts_are_told() {
    let limits = Limits { download_attempts_max: 1, confirmation_code_attempts_max: 3 };
    let mut scene = Scene::with(Wishes { limits, ..only_what_must() }, json!({})).await;
    scene.authenticate().await;
    assert_eq!(scene.house.told().await, Vec::<String>::new());
    for _ in 0..2 {
        assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/6.4");
    }
    assert_eq!(scene.house.told().await, ["1 Failed 8.8.5/6.4"]);
}

#[tokio::test]
async fn an_order_that_expired_is_told_when_a_device_finds_it() {
    let mut scene = Scene::with(Wishes { order_ms: Some(1000), ..only_what_must() }, json!({})).await;
    scene.house.advance_ms(1000);
    assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/4.10");
    assert_eq!(scene.house.told().await, ["1 Failed 8.8.5/4.10"]);
}

/// GE-04, and 3.1.3.2 step 8: in every failed case.
#[tokio::test]
async fn every_confirmation_code_that_fails_is_told() {
    let limits = Limits { download_attempts_max: 9, confirmation_code_attempts_max: 1 };
    let wishes = Wishes { limits, ..only_what_must() };
    let mut scene = Scene::with(wishes, json!({ "confirmationCode": CODE })).await;

    let offer = scene.authenticate().await;
    scene.card.faults = faulty(Fault::HashCcMissing);
    for _ in 0..2 {
        assert_eq!(scene.try_bind(&offer, None).await.verdict(), "8.2.7/2.2");
    }
    assert_eq!(scene.house.told().await, ["2 Failed 8.2.7/2.2"], "once for a session: no flood");

    scene.card.faults = Faults::none();
    let request = scene.house.bind_request(&mut scene.card, &offer, Some("wrong"));
    for _ in 0..2 {
        let answer = scene.house.es9("getBoundProfilePackage", &request).await;
        assert_eq!(answer.verdict(), "8.2.7/3.8");
    }
    assert_eq!(scene.house.told().await, ["2 Failed 8.2.7/3.8"], "a repetition is no second guess");

    assert_eq!(scene.try_bind(&offer, Some(CODE)).await.verdict(), "8.2.7/6.4");
    assert_eq!(scene.house.told().await, ["2 Failed 8.2.7/6.4"]);
    scene.house.verify_trail().await;
}

/// CS-06, CS-07.
#[tokio::test]
async fn a_cancelled_session_is_told_with_its_reason_unless_it_can_be_tried_again() {
    for (reason, code) in [
        (0, Some("8.8.5/3.8")),
        (1, None),
        (2, None),
        (3, Some("8.2.8/1.2")),
        (4, Some("8.2.9/3.11")),
        (5, Some("8.2.10/4.2")),
        (99, Some("8/4.2")),
        (127, Some("8/4.2")),
    ] {
        for (bound, point) in [(false, 1), (true, 3)] {
            let mut scene = Scene::with(only_what_must(), json!({})).await;
            let offer = if bound { scene.download().await.0 } else { scene.authenticate().await };
            let request = scene.house.cancel_request(&mut scene.card, &offer.transaction_id, reason);
            for _ in 0..2 {
                scene.house.es9("cancelSession", &request).await;
            }
            let expected: Vec<String> = code.iter().map(|code| format!("{point} Failed {code}")).collect();
            assert_eq!(scene.house.told().await, expected, "reason {reason}");
        }
    }
}

/// A retry that the user declines comes no further than its offer, whatever an earlier session had.
#[tokio::test]
async fn a_retry_that_is_cancelled_before_its_package_is_told_at_point_1() {
    let mut scene = Scene::with(only_what_must(), json!({})).await;
    scene.download().await;
    let offer = scene.authenticate().await;
    scene.try_cancel(&offer, 0).await;
    assert_eq!(scene.house.told().await, ["1 Failed 8.8.5/3.8"]);
}

#[tokio::test]
async fn what_an_operator_does_itself_is_not_told_to_it() {
    let scene = Scene::with(everything(), json!({ "releaseFlag": false })).await;
    scene.house.es2("releaseProfile", "acme", json!({ "iccid": scene.iccid })).await.ok();
    let cancel = json!({
        "iccid": scene.iccid, "matchingId": scene.id, "finalProfileStatusIndicator": "Unavailable"
    });
    scene.house.es2("cancelOrder", "acme", cancel).await.ok();
    assert_eq!(scene.house.told().await, Vec::<String>::new());
}

/// What does not verify is told to nobody.
#[tokio::test]
async fn a_result_with_a_wrong_signature_is_not_told() {
    let mut scene = Scene::with(agreed(&[Point::BppInstallation]), json!({})).await;
    let (_, package) = scene.download().await;
    scene.card.faults = faulty(Fault::PirSignatureBad);
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.deliver(&mut scene.card).await;
    assert_eq!(scene.state().await, State::Downloaded);
    assert_eq!(scene.house.told().await, Vec::<String>::new());
}

/// The EID and the result are personal: nothing of them lies in the file unsealed.
#[tokio::test]
async fn what_waits_is_sealed() {
    let mut scene = Scene::with(agreed(&[Point::BppInstallation]), json!({})).await;
    scene.install().await;
    let waiting = scene.house.store.reader().errands(None, 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(!format!("{waiting:?}").contains(scene.card.eid()));
    let rows = rusqlite::Connection::open(scene.house.folder.path().join("smdpp.db")).unwrap();
    let body: Vec<u8> = rows.query_row("SELECT body FROM outbox", [], |row| row.get(0)).unwrap();
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    assert!(!body.windows(32).any(|window| window == scene.card.eid().as_bytes()));
}
