//! One policy for an order: what house, operator, profile type and the order itself say, through the doors.
use euicc::tlv::Tlv;
use euicc::{Fault, Faults};
use serde_json::json;
use smdpp::asn1::{Icon, IconKind, Metadata};
use smdpp::change::{Change, Versioned};
use smdpp::event::Failure;
use smdpp::profile::{Command, KeyMode, Layer, OrderChange, Policies, RetryAfter, Source, TypeLayer};
use smdpp::time::DAY_MS;
use smdpp::types::{Actor, Iccid, OperatorId, ProfileType, State};

use crate::house::{House, TYPE, Wishes, bpp};
use crate::scene::{CODE, Scene, faulty};

fn attempts(attempts: u32) -> Layer {
    Layer { download_attempts_max: Some(attempts), ..Layer::default() }
}

fn retry_after(retry_after: RetryAfter) -> Layer {
    Layer { retry_after: Some(retry_after), ..Layer::default() }
}

fn session_keys() -> Wishes {
    Wishes::of(Layer { keys: Some(KeyMode::Session), ..Layer::default() })
}

/// `smdpp order set`, as the command does it: beside the server.
async fn set(house: &House, iccid: &str, change: OrderChange) -> Result<State, String> {
    let reader = house.store.reader();
    let Versioned { value, version } = reader.profile(&Iccid::parse(iccid).unwrap()).await.unwrap().unwrap();
    let actor = Actor::Admin { name: "ada".to_owned() };
    match value.decide(actor, Command::SetOrder(change), house.now()) {
        Ok(Some(transition)) => {
            let to = transition.after().state();
            let change = Change::default().profile(Versioned { value: transition, version });
            house.store.commit(house.now(), change).await.unwrap();
            Ok(to)
        }
        Ok(None) => Err("so already".to_owned()),
        Err(denied) => Err(format!("{}/{}", denied.status.subject, denied.status.reason)),
    }
}

/// AE-18 at each level: how many downloads may be begun.
#[tokio::test]
async fn the_narrowest_level_limits_the_download_attempts() {
    let acme = OperatorId::parse("acme").unwrap();
    let policies = Policies {
        house: attempts(1),
        operators: [(acme.clone(), attempts(2))].into(),
        types: vec![TypeLayer {
            name: ProfileType::parse("special").unwrap(),
            operator: Some(acme),
            layer: attempts(3),
        }],
    };
    let house = House::with(Wishes { policies, ..Wishes::default() }).await;
    for (n, profile_type, allowed) in [(1, TYPE, 2), (2, "special", 3)] {
        let (iccid, _) = house.stock_as(n, "acme", profile_type, smdpp::asn1::Pprs::default(), None).await;
        let id = house.order(&iccid, json!({})).await;
        let mut verdicts = Vec::new();
        for _ in 0..=allowed {
            verdicts.push(house.try_authenticate(&mut house.card(0), Some(&id)).await.verdict());
        }
        let mut expected = vec!["ok"; allowed];
        expected.push("8.8.5/6.4");
        assert_eq!(verdicts, expected, "{profile_type}");
        assert_eq!(house.state(&iccid).await, State::Error);
    }
}

#[tokio::test]
async fn the_profile_type_says_how_long_an_order_stays_open() {
    let layer = |ms| Layer { order_valid_ms: Some(ms), ..Layer::default() };
    let name = ProfileType::parse("short").unwrap();
    let types = vec![TypeLayer { name, operator: None, layer: layer(DAY_MS) }];
    let policies = Policies { house: layer(0), types, ..Policies::default() };
    let house = House::with(Wishes { policies, ..Wishes::default() }).await;
    let (long, _) = house.stock(1).await;
    let (short, _) = house.stock_as(2, "acme", "short", smdpp::asn1::Pprs::default(), None).await;
    let (long, short) = (house.order(&long, json!({})).await, house.order(&short, json!({})).await);
    house.advance_ms(DAY_MS);
    assert_eq!(house.try_authenticate(&mut house.card(0), Some(&short)).await.verdict(), "8.8.5/4.10");
    assert_eq!(house.try_authenticate(&mut house.card(0), Some(&long)).await.verdict(), "ok");
}

#[tokio::test]
async fn an_order_is_given_more_attempts_and_another_end_before_it_ends() {
    let mut scene = Scene::with(
        Wishes { order_ms: Some(DAY_MS), ..Wishes::of(attempts(1)) },
        json!({ "confirmationCode": CODE }),
    )
    .await;
    scene.authenticate().await;
    let change = OrderChange {
        download_attempts_max: Some(2),
        confirmation_code_attempts_max: Some(1),
        expires_at: Some(Some(scene.house.now().plus_ms(2 * DAY_MS))),
    };
    assert_eq!(set(&scene.house, &scene.iccid, change).await, Ok(State::Released));
    assert_eq!(set(&scene.house, &scene.iccid, change).await, Err("so already".to_owned()));
    scene.house.advance_ms(DAY_MS);
    let offer = scene.authenticate().await;
    assert_eq!(scene.try_bind(&offer, Some("0000")).await.verdict(), "8.2.7/3.8");
    assert_eq!(scene.try_bind(&offer, Some(CODE)).await.verdict(), "8.2.7/6.4", "the order's own limit is 1");
    // 3.1.6: what has ended stays ended.
    let more = OrderChange { download_attempts_max: Some(9), ..OrderChange::default() };
    assert_eq!(set(&scene.house, &scene.iccid, more).await, Err("8.2.1/3.5".to_owned()));
    scene.house.verify_trail().await;
}

#[tokio::test]
async fn an_order_may_be_set_never_to_end() {
    let mut scene = Scene::with(Wishes { order_ms: Some(DAY_MS), ..Wishes::default() }, json!({})).await;
    let never = OrderChange { expires_at: Some(None), ..OrderChange::default() };
    set(&scene.house, &scene.iccid, never).await.unwrap();
    scene.house.advance_ms(400 * DAY_MS);
    assert_eq!(scene.try_authenticate().await.verdict(), "ok");
    // A new order begins with the policy again.
    let cancel =
        json!({ "iccid": scene.iccid, "matchingId": scene.id, "finalProfileStatusIndicator": "Available" });
    scene.house.es2("cancelOrder", "acme", cancel).await.ok();
    scene.house.order(&scene.iccid, json!({})).await;
    let profile = scene.house.profile(&scene.iccid).await;
    assert!(profile.order().unwrap().expires_at.is_some());
}

/// HN-03 by policy: after which errorReasons the same eUICC may try again, and that it then succeeds.
#[tokio::test]
async fn the_policy_says_which_failures_keep_the_order_open() {
    for (policy, reason, open) in [
        (RetryAfter::Temporary, 10, true),
        (RetryAfter::Temporary, 12, false),
        (RetryAfter::None, 11, false),
        (RetryAfter::All, 12, true),
        (RetryAfter::Reasons(vec![12]), 12, true),
        (RetryAfter::Reasons(vec![12]), 11, false),
    ] {
        let mut scene = Scene::with(Wishes::of(retry_after(policy.clone())), json!({})).await;
        let (_, package) = scene.download().await;
        scene.card.faults = Faults::none().with_value(Fault::PirReason, reason);
        scene.card.load_bound_profile_package(&package).unwrap();
        scene.house.deliver(&mut scene.card).await;
        let expected = if open { State::Downloaded } else { State::Error };
        assert_eq!(scene.state().await, expected, "{policy:?} {reason}");
        if open {
            scene.card.faults = Faults::none();
            scene.install().await;
            assert_eq!(scene.state().await, State::Installed, "{policy:?} {reason}");
        }
        scene.house.verify_trail().await;
    }
}

#[tokio::test]
async fn tries_after_failures_are_within_the_orders_budget() {
    let mut scene = Scene::with(Wishes::of(attempts(2)), json!({})).await;
    for _ in 0..2 {
        let (_, package) = scene.download().await;
        scene.card.faults = Faults::none().with_value(Fault::PirReason, 11);
        scene.card.load_bound_profile_package(&package).unwrap();
        scene.house.deliver(&mut scene.card).await;
        scene.card.faults = Faults::none();
        assert_eq!(scene.state().await, State::Downloaded);
    }
    assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/6.4");
    assert_eq!(scene.state().await, State::Error);
}

/// GR-05: the policy does not bind anew; with the old key the retry works as ever.
#[tokio::test]
async fn another_one_time_key_ends_the_order_if_the_policy_does_not_bind_anew() {
    for (fault, verdict, state) in
        [(Some(Fault::OtpkNew), "8.2/3.7", State::Error), (None, "ok", State::Downloaded)]
    {
        let wishes = Wishes::of(Layer { rebind: Some(false), ..Layer::default() });
        let mut scene = Scene::with(wishes, json!({})).await;
        scene.download().await;
        scene.card.faults = fault.map_or_else(Faults::none, faulty);
        let offer = scene.authenticate().await;
        assert_eq!(scene.try_bind(&offer, None).await.verdict(), verdict);
        assert_eq!(scene.state().await, state);
        let order = scene.house.profile(&scene.iccid).await.order().unwrap().clone();
        assert_eq!(order.failure == Some(Failure::RebindingRefused), state == State::Error);
        scene.house.verify_trail().await;
    }
}

/// The members of a package, by their tags.
fn members(package: &[u8]) -> Vec<u32> {
    let outer = Tlv::parse(package, 0xBF36).unwrap();
    smdpp::asn1::tlv::split(outer.value).unwrap().iter().map(|member| member.tag).collect()
}

/// GB-01 (a, b), E8-05 (b): no A2, and the Profile arrives whole under the session keys.
#[tokio::test]
async fn a_package_under_session_keys_installs_with_and_without_code() {
    for confirm in [json!({}), json!({ "confirmationCode": CODE })] {
        let mut scene = Scene::with(session_keys(), confirm).await;
        let (_, package) = scene.download().await;
        assert_eq!(members(&package), [0xBF23, 0xA0, 0xA1, 0xA3]);
        scene.card.load_bound_profile_package(&package).unwrap();
        scene.house.deliver(&mut scene.card).await;
        assert_eq!(scene.state().await, State::Installed, "{:?}", scene.card.trouble);
        let upp = rig::upp::test_profile(&scene.iccid, &rig::numbers::imsi(1), 3000);
        assert_eq!(scene.card.profile(&scene.iccid).unwrap().upp, upp);
    }
    let mut prepared = Scene::released().await;
    assert_eq!(members(&prepared.download().await.1), [0xBF23, 0xA0, 0xA1, 0xA2, 0xA3]);
}

/// GB-02 (a): metadata of two segments under session keys.
#[tokio::test]
async fn large_metadata_arrives_whole_under_session_keys() {
    let house = House::with(session_keys()).await;
    let picture = [&[0x89, b'P', b'N', b'G'][..], &[0x5A; 1020]].concat();
    let change = |metadata: &mut Metadata| {
        metadata.icon = Some(Icon { kind: IconKind::Png, octets: picture.clone() });
    };
    let (iccid, _) = house.stock_with(1, "acme", TYPE, change).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    let metadata = Tlv::parse(&package, 0xBF36).unwrap().child(0xA1).unwrap().value.to_vec();
    let segments: Vec<u32> = smdpp::asn1::tlv::split(&metadata).unwrap().iter().map(|one| one.tag).collect();
    assert_eq!(segments, [0x88, 0x88]);
    card.load_bound_profile_package(&package).unwrap();
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed, "{:?}", card.trouble);
    assert_eq!(card.profile(&iccid).unwrap().metadata.icon_bytes, Some(picture.len()));
}

/// GR-01 (a, b), GR-02: retries under session keys, to the same one-time key and to another.
#[tokio::test]
async fn a_retry_under_session_keys_gets_the_old_package_newly_signed() {
    for confirm in [json!({}), json!({ "confirmationCode": CODE })] {
        for (fault, same) in [(None, true), (Some(Fault::OtpkNew), false)] {
            let mut scene = Scene::with(session_keys(), confirm.clone()).await;
            let (_, first) = scene.download().await;
            scene.card.faults = fault.map_or_else(Faults::none, faulty);
            let (offer, second) = scene.download().await;
            assert!(offer.offered_otpk().is_some());
            let content = |package: &[u8]| {
                let outer = Tlv::parse(package, 0xBF36).unwrap();
                outer.child(0xA3).unwrap().value.to_vec()
            };
            assert_eq!(content(&first) == content(&second), same);
            scene.card.load_bound_profile_package(&second).unwrap();
            scene.house.deliver(&mut scene.card).await;
            assert_eq!(scene.state().await, State::Installed, "{:?}", scene.card.trouble);
        }
    }
}

/// What was bound in one mode is delivered again in that mode, also when the policy changed meanwhile.
#[tokio::test]
async fn the_same_request_again_gives_the_same_package_under_session_keys() {
    let mut scene = Scene::with(session_keys(), json!({})).await;
    let offer = scene.authenticate().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    let first = bpp(&scene.house.es9("getBoundProfilePackage", &request).await.ok());
    let second = bpp(&scene.house.es9("getBoundProfilePackage", &request).await.ok());
    assert_eq!(first, second);
    assert_eq!(scene.attempts().await.0, 1);
}

/// A lost answer to AuthenticateClient: the same request again is free, a new session is a new attempt (3.1.3).
#[tokio::test]
async fn a_repeated_request_is_no_attempt_and_a_new_session_is_one() {
    let mut scene = Scene::released().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    for _ in 0..3 {
        scene.house.es9("authenticateClient", &request).await.ok();
    }
    assert_eq!(scene.attempts().await.0, 1);
    scene.authenticate().await;
    assert_eq!(scene.attempts().await.0, 2);
}

#[tokio::test]
async fn a_wrong_code_is_told_how_many_tries_are_left_and_its_repetition_the_same() {
    let mut scene = Scene::guarded().await;
    let offer = scene.authenticate().await;
    for left in ["2 tries are left", "1 try is left", "no try is left"] {
        let request = scene.house.bind_request(&mut scene.card, &offer, Some(left));
        for _ in 0..2 {
            let answer = scene.house.es9("getBoundProfilePackage", &request).await;
            assert_eq!(answer.verdict(), "8.2.7/3.8");
            assert!(answer.body.to_string().contains(left), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn what_an_order_was_set_to_is_told_apart_from_the_policy() {
    let scene = Scene::released().await;
    let change = OrderChange { download_attempts_max: Some(7), ..OrderChange::default() };
    set(&scene.house, &scene.iccid, change).await.unwrap();
    let policy = Policies::default().of(&scene.house.profile(&scene.iccid).await);
    assert_eq!((policy.download_attempts_max.value, policy.download_attempts_max.by), (7, Source::Order));
    assert_eq!(policy.confirmation_code_attempts_max.by, Source::Default);
}
