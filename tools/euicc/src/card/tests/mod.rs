//! The eUICC against a small SM-DP+ of its own making.

pub(crate) mod pki;
mod session;
pub(crate) mod smdp;

use super::*;
use crate::faults::Fault;
use crate::metadata::{Event, iccid_coded};
use crate::package;
use smdp::{ADDRESS, ICCID, Package, Smdp, failed, metadata};

#[test]
fn a_sound_package_is_installed_in_both_key_modes_and_on_both_curves() {
    for (random_keys, curve) in
        [(false, Curve::NistP256), (true, Curve::NistP256), (false, Curve::BrainpoolP256r1)]
    {
        let smdp = Smdp::on(curve);
        let mut card = smdp.card();
        let package = Package { random_keys, ..Package::default() };
        assert_eq!(failed(&smdp.install(&mut card, &package)), None, "{:?}", card.trouble);
        assert_eq!(card.profile(ICCID).unwrap().upp, package.upp);
    }
}

#[test]
fn a_package_of_many_full_segments_is_installed() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    let iccid = iccid_coded(ICCID).unwrap();
    let minimal = package::minimal(&iccid);
    let end = minimal.len() - 9;
    let filler = tlv::write(0xA7, &vec![0x04; 30_000]);
    let upp = [&minimal[..end], &filler, &minimal[end..]].concat();
    let package = Package { upp, segment_bytes: 1007, ..Package::default() };
    assert_eq!(failed(&smdp.install(&mut card, &package)), None, "{:?}", card.trouble);
}

#[test]
fn a_published_profile_is_installed_under_the_published_certificates() {
    let profile = std::fs::read("/work/shared/data/ts48/TS48v7_SAIP2.3_BERTLV_SUCI.der");
    let identity = |smdp: &Smdp, curve: &str| {
        let published = pki::published(
            &format!("euicc/CERT_EUICC_ECDSA_{curve}.der"),
            &format!("euicc/SK_EUICC_ECDSA_{curve}.pem"),
        )?;
        let eum = std::fs::read(format!("/work/shared/data/sgp26/eum/CERT_EUM_ECDSA_{curve}.der")).ok()?;
        let issuers = [smdp.ci.der.clone()];
        Identity::from_der(&published.der, published.signer.secret(), &eum, &issuers).ok()
    };
    for curve in ["NIST", "BRP"] {
        let (Ok(upp), Some(smdp)) = (&profile, Smdp::published(curve)) else {
            println!("skipped: the shared test data is absent");
            return;
        };
        let mut card = Card::new(identity(&smdp, curve).unwrap());
        let metadata = metadata(&package::iccid(upp).unwrap(), &[]);
        let package = Package {
            upp: upp.clone(),
            metadata,
            segment_bytes: 1007,
            random_keys: true,
            ..Package::default()
        };
        assert_eq!(failed(&smdp.install(&mut card, &package)), None, "{:?}", card.trouble);
        assert_eq!(card.profile("89000123456789012341").unwrap().upp, *upp);
    }
}

#[test]
fn a_success_leaves_the_result_first_and_then_the_install_notifications() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    let pir = smdp.install(&mut card, &Package::default());
    let pending = card.list_notifications();
    assert_eq!(pending.iter().map(|one| one.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(pending[0].bytes, pir);
    assert_eq!(pending[1].address, ADDRESS);
    assert_eq!(pending[2].address, "second.example.com");
}

#[test]
fn the_result_is_signed_by_the_euicc() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    let pir = smdp.install(&mut card, &Package::default());
    let outer = tlv::Tlv::parse(&pir, 0xBF37).unwrap();
    let (data, signature) = (outer.child(0xBF27).unwrap(), outer.child(0x5F37).unwrap());
    assert_eq!(curve::verify(&card.identity.euicc.public_key, data.raw, signature.value), Ok(()));
}

#[test]
fn each_flaw_of_a_package_has_its_command_and_reason() {
    let iccid = iccid_coded(ICCID).unwrap();
    let other = iccid_coded("8900012345678909999").unwrap();
    let with = |change: &dyn Fn(&mut Package)| {
        let mut package = Package::default();
        change(&mut package);
        package
    };
    let cases: Vec<(Package, (u64, u64))> = vec![
        (with(&|p| p.bend_signature = true), (0, 2)),
        (with(&|p| p.transaction_id = vec![8; 16]), (0, 3)),
        (with(&|p| p.key_type = 0x89), (0, 4)),
        (with(&|p| p.host_id = vec![]), (0, 4)),
        (with(&|p| p.host_id = vec![1; 17]), (0, 4)),
        (with(&|p| p.operation = 2), (0, 5)),
        (with(&|p| p.off_curve = true), (0, 1)),
        (with(&|p| p.eid[0] ^= 1), (1, 8)),
        (with(&|p| p.configure = vec![0xBF, 0x25, 0]), (1, 1)),
        (with(&|p| p.metadata = vec![0xBF, 0x25, 0]), (2, 1)),
        (with(&|p| p.metadata = metadata(&iccid, &tlv::write(0x95, &[9]))), (2, 1)),
        (with(&|p| p.upp = vec![1, 2, 3]), (5, 12)),
        (with(&|p| p.upp = package::minimal(&other)), (5, 13)),
    ];
    for (package, expected) in cases {
        let smdp = Smdp::new();
        let mut card = smdp.card();
        let pir = smdp.install(&mut card, &package);
        assert_eq!(failed(&pir), Some(expected), "{:?}", card.trouble);
        assert!(card.profiles().is_empty());
        assert_eq!(card.list_notifications().len(), 1);
    }
}

#[test]
fn a_change_of_any_octet_of_a_package_is_noticed() {
    let smdp = Smdp::new();
    let mut before = smdp.card();
    let bpp = smdp.session(&mut before, &Package { segment_bytes: 400, ..Package::default() });
    for position in 0..bpp.len() {
        let mut bent = bpp.clone();
        bent[position] ^= 1;
        let mut card = before.clone();
        let installed = card.load_bound_profile_package(&bent).map(|pir| failed(&pir));
        assert_ne!(installed.ok(), Some(None), "octet {position}");
    }
}

#[test]
fn segments_exchanged_left_out_or_repeated_are_noticed() {
    let smdp = Smdp::new();
    let mut before = smdp.card();
    let bpp = smdp.session(&mut before, &Package::default());
    let parts = tlv::Tlv::parse(&bpp, 0xBF36).unwrap().children().unwrap();
    let segments: Vec<&[u8]> = parts[3].children().unwrap().iter().map(|segment| segment.raw).collect();
    let head: Vec<u8> = parts[..3].iter().flat_map(|part| part.raw.to_vec()).collect();
    let mut swapped = segments.clone();
    swapped.swap(0, 1);
    let repeated: Vec<&[u8]> = segments[..1].iter().chain(&segments).copied().collect();
    for bad in [swapped, repeated, segments[1..].to_vec(), segments[..segments.len() - 1].to_vec()] {
        let bent = tlv::nest(0xBF36, &[&head, &tlv::nest(0xA3, &bad)]);
        let mut card = before.clone();
        assert!(failed(&card.load_bound_profile_package(&bent).unwrap()).is_some());
    }
    let right = tlv::nest(0xBF36, &[&head, &tlv::nest(0xA3, &segments)]);
    assert_eq!(failed(&before.load_bound_profile_package(&right).unwrap()), None);
}

#[test]
fn the_same_profile_is_not_installed_twice() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    smdp.install(&mut card, &Package::default());
    assert_eq!(failed(&smdp.install(&mut card, &Package::default())), Some((2, 9)));
}

#[test]
fn a_test_profile_needs_an_euicc_that_supports_them() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    card.info.rsp_capability = 0;
    let metadata = metadata(&iccid_coded(ICCID).unwrap(), &tlv::write(0x95, &[0]));
    let pir = smdp.install(&mut card, &Package { metadata, ..Package::default() });
    assert_eq!(failed(&pir), Some((2, 6)));
}

#[test]
fn a_forbidden_policy_rule_and_too_little_memory_are_refused() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    card.info.forbidden_pprs = 0x40;
    let owner = tlv::write(0xB7, &tlv::write(0x80, &[0x42, 0xF6, 0x18]));
    let rules = [owner, tlv::write(0x99, &[6, 0x40])].concat();
    let metadata = metadata(&iccid_coded(ICCID).unwrap(), &rules);
    let pir = smdp.install(&mut card, &Package { metadata, ..Package::default() });
    assert_eq!(failed(&pir), Some((2, 15)));
    card.info.free_memory_bytes = 10;
    assert_eq!(failed(&smdp.install(&mut card, &Package::default())), Some((5, 10)));
}

#[test]
fn enabling_disabling_and_deleting_tell_each_configured_address() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    smdp.install(&mut card, &Package::default());
    card.enable(ICCID).unwrap();
    assert!(matches!(card.delete(ICCID), Err(CardError::Enabled)));
    card.disable(ICCID).unwrap();
    card.delete(ICCID).unwrap();
    let events: Vec<_> = card.list_notifications()[3..].iter().map(|one| (one.sequence, one.event)).collect();
    assert_eq!(events, [(4, Event::Enable), (5, Event::Disable), (6, Event::Delete)]);
    assert!(card.profiles().is_empty());
    assert!(matches!(card.enable(ICCID), Err(CardError::UnknownProfile)));
}

#[test]
fn sequence_numbers_go_on_after_notifications_are_removed() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    smdp.install(&mut card, &Package::default());
    for sequence in 1..=3 {
        card.remove_notification(sequence).unwrap();
    }
    assert!(matches!(card.remove_notification(3), Err(CardError::UnknownNotification)));
    card.enable(ICCID).unwrap();
    assert_eq!(card.list_notifications()[0].sequence, 4);
}

#[test]
fn a_card_comes_back_from_its_file_which_only_its_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let smdp = Smdp::new();
    let mut card = smdp.card();
    smdp.install(&mut card, &Package::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    card.save(&path).unwrap();
    card.save(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut again = Card::load(&path).unwrap();
    assert_eq!(again.eid(), card.eid());
    assert_eq!(again.list_notifications().len(), 3);
    assert_eq!(failed(&smdp.install(&mut again, &Package::default())), Some((2, 9)));
}

#[test]
fn a_pretended_failure_installs_nothing() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    card.faults = Faults::none().with_value(Fault::PirReason, 11).with_value(Fault::PirCommand, 3);
    assert_eq!(failed(&smdp.install(&mut card, &Package::default())), Some((3, 11)));
    assert!(card.profiles().is_empty());
}

#[test]
fn faults_of_the_result_bend_just_what_they_name() {
    let pir = |fault| {
        let smdp = Smdp::new();
        let mut card = smdp.card();
        card.faults = Faults::none().with(fault);
        let pir = smdp.install(&mut card, &Package::default());
        let outer = tlv::Tlv::parse(&pir, 0xBF37).unwrap();
        let data = outer.child(0xBF27).unwrap();
        let signature = outer.child(0x5F37).unwrap().value;
        let verifies = curve::verify(&card.identity.euicc.public_key, data.raw, signature).is_ok();
        let iccid = data.child(0xBF2F).unwrap().find(0x5A).unwrap().is_some();
        let oid = data.child(0x06).unwrap().value == pki::SMDP_OID;
        let session = data.child(0x80).unwrap().value == smdp::TRANSACTION_ID;
        (verifies, iccid, oid, session)
    };
    assert_eq!(pir(Fault::UnknownTlvs), (true, true, true, true));
    assert_eq!(pir(Fault::PirSignatureBad), (false, true, true, true));
    assert_eq!(pir(Fault::PirIccidMissing), (true, false, true, true));
    assert_eq!(pir(Fault::PirOidWrong), (true, true, false, true));
    assert_eq!(pir(Fault::PirTransactionIdUnknown), (true, true, true, false));
}
