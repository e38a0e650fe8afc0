//! What is in a Bound Profile Package (2.5.4, 5.5): cases E8.
use euicc::curve;
use euicc::hex;
use euicc::metadata::Metadata as Shown;
use euicc::tlv::{self, Tlv};
use serde_json::json;
use smdpp::asn1::{Icon, IconKind, Metadata, Owner, Pprs, mcc_mnc};
use smdpp::profile::KeyMode;

use crate::begin;
use crate::case::{Case, case};
use crate::house::{TYPE, Wishes};
use crate::opened::Opened;
use crate::package::{order, upp};
use crate::scene::Scene;
use crate::sockets;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("E8-01", "the parts and their order", "2.5.4, T4", "")
            .part(
                "1",
                "a package with Profile keys",
                "BF36 { BF23, A0, A1, A2, A3 } in DER, nothing else",
                || parts(KeyMode::Prepared, &[0xBF23, 0xA0, 0xA1, 0xA2, 0xA3]),
            )
            .part(
                "2",
                "a package with session keys",
                "BF36 { BF23, A0, A1, A3 } in DER, nothing else",
                || parts(KeyMode::Session, &[0xBF23, 0xA0, 0xA1, 0xA3]),
            ),
        case("E8-02", "InitialiseSecureChannel", "5.5.1, 5.6.2", "")
            .part(
                "1",
                "one package",
                "install, our transactionId, AES-128, hostId, point, smdpSign",
                initialise,
            )
            .part("2", "the same Profile bound three times", "three one-time keys", three_keys),
        case("E8-03", "ConfigureISDP", "5.5.2, annex G", "").part(
            "",
            "a package, opened with the keys of annex G",
            "BF24 without proprietary data",
            configure,
        ),
        case("E8-04", "StoreMetadata", "5.5.3, 2.5.4.3", "")
            .part("1", "the least", "as offered; no icon, no owner, no policy rules", || metadata(|_| {}))
            .part(
                "2",
                "the longest names and the largest icon",
                "as offered; 32 and 64 characters, 1024 octets",
                || metadata(largest),
            )
            .part("3", "policy rules", "as offered; with an owner without wildcards", || metadata(rules)),
        case("E8-05", "under which keys the Profile is", "5.5.4, 2.5.3", "")
            .part(
                "a",
                "a package with Profile keys",
                "BF26 with three values of 16 octets; '86' open with these, counted from 1",
                profile_keys,
            )
            .part("b", "a package with session keys", "no A2; '86' go on in counter and chain", session_keys),
        case("E8-06", "the Profile", "2.5.3, 5.5.5", "").part(
            "",
            "a Profile of several segments",
            "each up to 1020 octets; joined, the Profile as it was imported, with the ICCID of the metadata",
            profile,
        ),
    ]
}

async fn downloaded(mode: KeyMode) -> (Scene, Vec<u8>) {
    let mut scene = order(mode, false).await;
    let (_, package) = scene.download().await;
    (scene, package)
}

async fn parts(mode: KeyMode, expected: &[u32]) {
    let (_, package) = downloaded(mode).await;
    let outer = Tlv::parse(&package, 0xBF36).unwrap();
    let children = outer.children().unwrap();
    assert_eq!(children.iter().map(|part| part.tag).collect::<Vec<_>>(), expected);
    // DER has one form only: written again it is the same.
    let again: Vec<Vec<u8>> = children.iter().map(|part| tlv::write(part.tag, part.value)).collect();
    assert_eq!(tlv::write(0xBF36, &again.concat()), package);
}

/// The signature and the form of each element are the examiner's business.
async fn initialise() {
    let (scene, package) = downloaded(KeyMode::Prepared).await;
    let opened = Opened::of(&scene.card, &package);
    let initialise = Tlv::parse(&package, 0xBF36).unwrap().child(0xBF23).unwrap();
    let tags: Vec<u32> = initialise.children().unwrap().iter().map(|part| part.tag).collect();
    assert_eq!(tags, [0x82, 0x80, 0xA6, 0x5F49, 0x5F37]);
    assert_eq!(initialise.child(0x82).unwrap().value, [1]);
    assert!(curve::is_point(scene.card.session_one_time_key().unwrap().curve, &opened.smdp_otpk));
    assert_eq!((opened.transaction_id.len(), opened.host_id.len()), (16, 16));
}

async fn three_keys() {
    let mut scene = begin(json!({})).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        scene.card.faults = euicc::Faults::none().with(euicc::Fault::OtpkNew);
        let (offer, package) = scene.download().await;
        let opened = Opened::of(&scene.card, &package);
        assert_eq!(hex::encode(&opened.transaction_id), offer.transaction_id);
        seen.insert(opened.smdp_otpk);
    }
    assert_eq!(seen.len(), 3);
}

async fn configure() {
    let (scene, package) = downloaded(KeyMode::Prepared).await;
    assert_eq!(Opened::of(&scene.card, &package).configure, [0xBF, 0x24, 0x00]);
}

fn largest(metadata: &mut Metadata) {
    metadata.service_provider_name = "電".repeat(32);
    metadata.profile_name = "ß".repeat(64);
    metadata.icon = Some(Icon { kind: IconKind::Jpg, octets: vec![0xFF; 1024] });
}

fn rules(metadata: &mut Metadata) {
    metadata.owner = Some(Owner { mcc_mnc: mcc_mnc("246", "81").unwrap(), gid1: None, gid2: None });
    metadata.pprs = Pprs { ppr1: true, ppr2: true };
}

async fn metadata(change: fn(&mut Metadata)) {
    let house = sockets::house(Wishes::default()).await;
    let mut expected = None;
    let (iccid, _) = house
        .stock_with(1, "acme", TYPE, |metadata| {
            change(metadata);
            expected = Some(metadata.clone());
        })
        .await;
    let expected = expected.unwrap();
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    let opened = Opened::of(&card, &package);
    assert_eq!(opened.metadata, offer.metadata.raw, "what was offered");

    // The reader of the test eUICC checks lengths, icon with its type, and the owner.
    let shown = Shown::parse(&opened.metadata).unwrap();
    assert_eq!(shown.iccid_digits(), iccid);
    assert_eq!(
        (shown.service_provider, shown.profile_name),
        (expected.service_provider_name, expected.profile_name)
    );
    assert_eq!(shown.icon_bytes, expected.icon.map(|icon| icon.octets.len()));
    assert_eq!(shown.owner.is_some(), expected.owner.is_some());
    let rules = if expected.pprs.is_empty() { 0 } else { 0x60 };
    assert_eq!(shown.pprs, rules);
    let request = Tlv::parse(&opened.metadata, 0xBF25).unwrap();
    assert_eq!(request.find(0x99).unwrap().is_some(), rules != 0, "no element for no rule");
}

async fn profile_keys() {
    let (scene, package) = downloaded(KeyMode::Prepared).await;
    let opened = Opened::of(&scene.card, &package);
    assert_eq!(opened.replace_keys.unwrap().len(), 57);
    assert_eq!(opened.upp, upp(&scene.iccid));
}

/// One channel from the first segment to the last.
async fn session_keys() {
    let (scene, package) = downloaded(KeyMode::Session).await;
    let opened = Opened::of(&scene.card, &package);
    assert!(opened.replace_keys.is_none());
    assert_eq!(opened.upp, upp(&scene.iccid));
}

/// The examiner measures the segments.
async fn profile() {
    let (scene, package) = downloaded(KeyMode::Prepared).await;
    let opened = Opened::of(&scene.card, &package);
    assert!(opened.counts.1 >= 3, "{} segments", opened.counts.1);
    assert_eq!(opened.upp, upp(&scene.iccid));
    let metadata = Shown::parse(&opened.metadata).unwrap();
    assert_eq!(euicc::package::iccid(&opened.upp).unwrap(), metadata.iccid);
}
