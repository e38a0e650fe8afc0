//! ES9+.GetBoundProfilePackage, the successes and the retries: conformance cases GB-01, GR-01 to GR-04 and ST-03.
use euicc::Fault;
use euicc::lpa::Offer;
use serde_json::json;
use smdpp::asn1::{Icon, IconKind, Metadata};
use smdpp::types::State;

use crate::house::{House, TYPE, Wishes, bpp};
use crate::scene::{CODE, Scene, faulty};

/// GB-01 (c, d): the package opens on the card, and the Profile is installed.
#[tokio::test]
async fn a_package_with_profile_keys_installs_with_and_without_code() {
    for mut scene in [Scene::released().await, Scene::guarded().await] {
        scene.install().await;
        assert_eq!(scene.state().await, State::Installed);
        assert!(scene.card.profile(&scene.iccid).is_some());
        scene.house.verify_trail().await;
    }
}

/// GB-02, AC-09, E8-04: metadata of two segments arrives whole: what is shown is what is installed.
#[tokio::test]
async fn metadata_with_a_large_icon_is_shown_and_installed_whole() {
    let house = House::new().await;
    let picture = [&[0x89, b'P', b'N', b'G'][..], &[0x5A; 1020]].concat();
    let icon = Icon { kind: IconKind::Png, octets: picture.clone() };
    let names = ("Ärger & Söhne / \u{1F4F1}", "Tarif \u{201E}Groß\u{201C}");
    let change = |metadata: &mut Metadata| {
        metadata.icon = Some(icon);
        (metadata.service_provider_name, metadata.profile_name) = (names.0.to_owned(), names.1.to_owned());
    };
    let (iccid, _) = house.stock_with(1, "acme", TYPE, change).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    card.load_bound_profile_package(&package).unwrap();
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed, "{:?}", card.trouble);
    let installed = &card.profile(&iccid).unwrap().metadata;
    assert_eq!(format!("{installed:?}"), format!("{:?}", offer.metadata));
    assert_eq!((&*installed.service_provider, &*installed.profile_name), names);
    assert_eq!(installed.icon_bytes, Some(picture.len()));
}

/// The transactions of two packages must differ; gives whether the one-time key of the server is the same.
fn same_server_key(first: &[u8], second: &[u8]) -> bool {
    use euicc::tlv::Tlv;
    let key = |package| {
        let channel = Tlv::parse(package, 0xBF36).unwrap().child(0xBF23).unwrap();
        let id = channel.child(0x80).or_else(|_| channel.child(0x82)).unwrap().value.to_vec();
        (id, channel.child(0x5F49).unwrap().value.to_vec(), channel.child(0x5F37).unwrap().value.to_vec())
    };
    let ((_, key1, signature1), (_, key2, signature2)) = (key(first), key(second));
    assert_ne!(signature1, signature2, "smdpSign covers the new transactionId");
    key1 == key2
}

async fn retried(fault: Option<Fault>, code: Option<&str>) -> (Scene, bool) {
    let confirm = code.map_or(json!({}), |code| json!({ "confirmationCode": code }));
    let mut scene = Scene::with(Wishes::default(), confirm).await;
    let (_, first) = scene.download().await;
    if let Some(fault) = fault {
        scene.card.faults = faulty(fault);
    }
    let offer: Offer = scene.authenticate().await;
    assert!(offer.offered_otpk().is_some());
    let second = bpp(&scene.try_bind(&offer, code).await.ok());
    scene.card.load_bound_profile_package(&second).unwrap();
    scene.house.deliver(&mut scene.card).await;
    assert_eq!(scene.state().await, State::Installed, "{:?}", scene.card.trouble);
    scene.house.verify_trail().await;
    let same = same_server_key(&first, &second);
    (scene, same)
}

/// GR-01.
#[tokio::test]
async fn a_retry_with_the_offered_key_gets_the_old_package_newly_signed() {
    for code in [None, Some(CODE)] {
        assert!(retried(None, code).await.1);
    }
}

/// GR-02, GR-03.
#[tokio::test]
async fn a_retry_with_a_new_key_is_bound_anew() {
    for code in [None, Some(CODE)] {
        assert!(!retried(Some(Fault::OtpkNew), code).await.1);
    }
}

/// GR-04: a wrong code, then the right one in a new session.
#[tokio::test]
async fn after_a_wrong_code_a_new_session_with_the_right_one_succeeds() {
    let mut scene = Scene::guarded().await;
    let offer = scene.authenticate().await;
    assert_eq!(scene.try_bind(&offer, Some("0000")).await.verdict(), "8.2.7/3.8");
    assert_eq!(scene.state().await, State::Released);
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
}

/// A package that was bound to one eUICC is never bound to another, whatever session it holds open.
#[tokio::test]
async fn once_bound_a_profile_goes_to_no_other_euicc() {
    let mut scene = Scene::released().await;
    let mut other = scene.house.card(1);
    let others = scene.house.authenticate(&mut other, Some(&scene.id)).await;
    scene.download().await;
    scene.mark().await;
    let request = scene.house.bind_request(&mut other, &others, None);
    let answer = scene.house.es9("getBoundProfilePackage", &request).await;
    scene.refuses(&answer, "8.1.1/3.8").await;
    let answer = scene.house.try_authenticate(&mut other, Some(&scene.id)).await;
    scene.refuses(&answer, "8.1.1/3.8").await;
}

/// ST-03: two eUICCs, one Activation Code that is bound to none, at once.
#[tokio::test]
async fn of_two_euiccs_with_one_activation_code_exactly_one_gets_a_package() {
    for round in 0..20 {
        let scene = Scene::released().await;
        let (one, two) = tokio::join!(race(&scene.house, 0, &scene.id), race(&scene.house, 1, &scene.id));
        let mut verdicts = [one, two];
        verdicts.sort();
        assert_eq!(verdicts, ["8.1.1/3.8", "ok"], "round {round}");
        assert_eq!(scene.state().await, State::Downloaded);
        scene.house.verify_trail().await;
    }
}

/// A whole session of the `n`th eUICC; gives the last verdict.
async fn race(house: &House, n: usize, id: &str) -> String {
    let mut card = house.card(n);
    let server = house.initiate(&mut card).await;
    let request = house.authenticate_request(&mut card, &server, Some(id));
    let answer = house.es9("authenticateClient", &request).await;
    if answer.verdict() != "ok" {
        return answer.verdict();
    }
    let offer = Offer::read("authenticateClient", &answer.body).unwrap();
    let request = house.bind_request(&mut card, &offer, None);
    let answer = house.es9("getBoundProfilePackage", &request).await;
    assert_eq!(answer.body.get("boundProfilePackage").is_some(), answer.verdict() == "ok");
    answer.verdict()
}
