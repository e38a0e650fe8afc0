//! StoreMetadata, both ways and by its rules.
use super::*;
use crate::asn1::NotificationEvent;
use crate::asn1::hostile;
use crate::types::hex;

fn bare() -> Metadata {
    Metadata {
        iccid: Iccid::parse("8929901012345678905").unwrap(),
        service_provider_name: "SP".to_owned(),
        profile_name: "PN".to_owned(),
        icon: None,
        class: ProfileClass::Operational,
        notification_addresses: Vec::new(),
        owner: None,
        pprs: Pprs::default(),
    }
}

fn full() -> Metadata {
    Metadata {
        icon: Some(Icon { kind: IconKind::Jpg, octets: vec![0xFF, 0xD8] }),
        class: ProfileClass::Test,
        notification_addresses: vec![NotificationAddress {
            events: NotificationEvents::of(&[NotificationEvent::Install]),
            address: "a.b".to_owned(),
        }],
        owner: Some(Owner { mcc_mnc: mcc_mnc("246", "81").unwrap(), gid1: Some(vec![0x01]), gid2: None }),
        pprs: Pprs { ppr1: true, ppr2: false },
        ..bare()
    }
}

#[test]
fn an_operational_profile_leaves_its_class_out() {
    let expected = "BF2514".to_owned() + "5A0A989209012143658709F5" + "91025350" + "9202504E";
    assert_eq!(hex::encode(&bare().encode()), expected);
}

#[test]
fn every_member_has_its_place() {
    let expected = "BF2539".to_owned()
        + "5A0A989209012143658709F5"
        + "91025350"
        + "9202504E"
        + "930100"
        + "9402FFD8"
        + "950100"
        + "B60B3009800207808103612E62"
        + "B708800342F618810101"
        + "99020640";
    assert_eq!(hex::encode(&full().encode()), expected);
}

#[test]
fn what_is_written_is_read_again() {
    for metadata in [bare(), full(), Metadata { class: ProfileClass::Provisioning, ..full() }] {
        assert_eq!(Metadata::decode(&metadata.encode()), Ok(metadata.clone()));
        assert_eq!(metadata.check(), Ok(()));
    }
}

#[test]
fn service_specific_data_is_skipped() {
    let content = message(&full().encode(), 0xBF25, "").unwrap().to_vec();
    let longer = tlv(&[0xBF, 0x25], &[&content[..], &[0xBF, 0x22, 0]].concat());
    assert_eq!(Metadata::decode(&longer), Ok(full()));
}

#[test]
fn an_icon_without_its_type_is_refused() {
    let content = [message(&bare().encode(), 0xBF25, "").unwrap(), &[0x94, 1, 0xFF]].concat();
    assert_eq!(Metadata::decode(&tlv(&[0xBF, 0x25], &content)), Err(Malformed("iconType")));
}

#[test]
fn limits_count_characters() {
    let wide = Metadata { service_provider_name: "é".repeat(32), profile_name: "é".repeat(64), ..bare() };
    assert_eq!(wide.check(), Ok(()));
    let long = Metadata { service_provider_name: "e".repeat(33), ..bare() };
    assert_eq!(long.check(), Err(MetadataError::ServiceProviderNameLong));
    let long = Metadata { profile_name: "e".repeat(65), ..bare() };
    assert_eq!(long.check(), Err(MetadataError::ProfileNameLong));
}

#[test]
fn an_icon_is_small_and_what_it_says() {
    let check = |kind, octets: Vec<u8>| Metadata { icon: Some(Icon { kind, octets }), ..bare() }.check();
    let mut large = vec![0xFF, 0xD8];
    large.resize(1025, 0);
    assert_eq!(check(IconKind::Jpg, large), Err(MetadataError::IconLarge));
    assert_eq!(check(IconKind::Jpg, Vec::new()), Err(MetadataError::IconEmpty));
    assert_eq!(check(IconKind::Png, vec![0xFF, 0xD8]), Err(MetadataError::IconOfOtherType));
}

#[test]
fn policy_rules_need_an_owner_without_wildcards() {
    assert_eq!(Metadata { owner: None, ..full() }.check(), Err(MetadataError::OwnerMissing));
    let owner = Some(Owner { mcc_mnc: [0x42, 0xE6, 0x18], gid1: None, gid2: None });
    let wild = Metadata { owner, ..full() };
    assert_eq!(wild.check(), Err(MetadataError::OwnerWildcard));
    assert_eq!(Metadata { pprs: Pprs::default(), ..wild }.check(), Ok(()));
}

#[test]
fn a_notification_needs_an_address_and_an_event() {
    let mut metadata = full();
    metadata.notification_addresses[0].address.clear();
    assert_eq!(metadata.check(), Err(MetadataError::NotificationAddressEmpty));
    let entry = full().notification_addresses[0].clone();
    let many = Metadata { notification_addresses: vec![entry; 33], ..bare() };
    assert_eq!(many.check(), Err(MetadataError::NotificationAddressesMany));
}

#[test]
fn an_operator_is_packed_as_24_008_does() {
    assert_eq!(mcc_mnc("246", "81"), Ok([0x42, 0xF6, 0x18]));
    assert_eq!(mcc_mnc("310", "410"), Ok([0x13, 0x00, 0x14]));
    for (mcc, mnc) in [("24", "81"), ("246", "8"), ("246", "8123"), ("24x", "81"), ("2é", "81")] {
        assert!(mcc_mnc(mcc, mnc).is_err());
    }
}

#[test]
fn cut_or_changed_metadata_never_panics() {
    hostile::attack(&full().encode(), Metadata::decode);
}
