//! GetBoundProfilePackage that succeeds (5.6.2): cases GB.
use serde_json::json;
use smdpp::asn1::{Icon, IconKind};
use smdpp::profile::{KeyMode, Layer};
use smdpp::types::State;

use crate::begin_with;
use crate::case::{Case, case};
use crate::house::{TYPE, Wishes};
use crate::opened::Opened;
use crate::scene::{CODE, Scene};
use crate::sockets;

pub(crate) fn cases() -> Vec<Case> {
    const INSTALLED: &str = "OK, Downloaded, then installed";
    const TWO: &str = "OK, two '88' that join to StoreMetadata";
    vec![
        case(
            "GB-01",
            "a package in both modes, with and without code",
            "5.6.2, 2.5.4",
            "4.3.13.2.1 #01 to #04",
        )
        .part("a", "session keys, no Confirmation Code", INSTALLED, || package(KeyMode::Session, false))
        .part("b", "session keys, Confirmation Code", INSTALLED, || package(KeyMode::Session, true))
        .part("c", "Profile keys, no Confirmation Code", INSTALLED, || package(KeyMode::Prepared, false))
        .part("d", "Profile keys, Confirmation Code", INSTALLED, || package(KeyMode::Prepared, true)),
        case("GB-02", "metadata over one segment", "T4, 2.5.4.3", "4.3.13.2.1 #05, #06")
            .part("a", "session keys, an icon of 1024 octets", TWO, || two_segments(KeyMode::Session))
            .part("b", "Profile keys, an icon of 1024 octets", TWO, || two_segments(KeyMode::Prepared)),
    ]
}

/// A server that delivers in this mode.
pub(crate) fn keys(mode: KeyMode) -> Wishes {
    Wishes::of(Layer { keys: Some(mode), ..Layer::default() })
}

/// A released order of that server.
pub(crate) async fn order(mode: KeyMode, guarded: bool) -> Scene {
    begin_with(keys(mode), if guarded { json!({ "confirmationCode": CODE }) } else { json!({}) }).await
}

/// The UPP of the Profile that a scene starts with.
pub(crate) fn upp(iccid: &str) -> Vec<u8> {
    rig::upp::test_profile(iccid, &rig::numbers::imsi(1), 3000)
}

async fn package(mode: KeyMode, guarded: bool) {
    let mut scene = order(mode, guarded).await;
    let (offer, package) = scene.download().await;
    assert_eq!(offer.confirmation_code_required(), guarded);
    assert_eq!(scene.state().await, State::Downloaded);
    let opened = Opened::of(&scene.card, &package);
    assert_eq!(opened.replace_keys.is_some(), mode == KeyMode::Prepared);
    assert_eq!(opened.upp, upp(&scene.iccid));
    is_installed(&mut scene, &package).await;
}

/// The card takes the package, and its result arrives.
pub(crate) async fn is_installed(scene: &mut Scene, package: &[u8]) {
    scene.card.load_bound_profile_package(package).unwrap();
    assert!(scene.card.profile(&scene.iccid).is_some(), "{:?}", scene.card.trouble);
    scene.house.deliver(&mut scene.card).await;
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

async fn two_segments(mode: KeyMode) {
    let house = sockets::house(keys(mode)).await;
    let picture = [&[0x89, b'P', b'N', b'G'][..], &[0x5A; 1020]].concat();
    let icon = Icon { kind: IconKind::Png, octets: picture.clone() };
    let (iccid, upp) = house.stock_with(1, "acme", TYPE, |metadata| metadata.icon = Some(icon)).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    let opened = Opened::of(&card, &package);
    assert_eq!(opened.replace_keys.is_some(), mode == KeyMode::Prepared);
    assert_eq!((opened.counts.0, &opened.metadata), (2, &offer.metadata.raw));
    assert_eq!((opened.upp, offer.metadata.icon_bytes), (upp, Some(picture.len())));
    card.load_bound_profile_package(&package).unwrap();
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed, "{:?}", card.trouble);
}
