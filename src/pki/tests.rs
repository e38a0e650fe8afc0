//! Chains that are right, and chains that are wrong in one thing (conformance cases AE-01 to AE-06, AE-09).
use super::mint::{COMMON_NAME, Draft, Key, ORGANIZATION, SERIAL_NUMBER, name, oid};
use super::*;
use crate::asn1::KeyId;
use crate::asn1::tlv::tlv;
use crate::time::Timestamp;
use crate::types::{Curve, StatusCode};

const EID: &str = "89049032123451234512345678901235";
const NOW: Timestamp = Timestamp::from_unix_s(1_790_000_000); // 2026-09-21

fn ci_name() -> Vec<u8> {
    name(&[(COMMON_NAME, "Test root")])
}

fn eum_name() -> Vec<u8> {
    name(&[(ORGANIZATION, "EUM One"), (COMMON_NAME, "EUM")])
}

fn euicc_name(organization: &str, eid: &str) -> Vec<u8> {
    name(&[(ORGANIZATION, organization), (SERIAL_NUMBER, eid), (COMMON_NAME, "eUICC")])
}

fn ci(key: &Key) -> Draft {
    Draft::new(&ci_name(), &ci_name(), key).policy(0).usage(0x06).with(19, true, &[0x30, 3, 1, 1, 0xFF])
}

fn permitted(pairs: &[(&str, &str)]) -> Vec<u8> {
    let subtree = |(organization, iin): &(&str, &str)| {
        let base = name(&[(ORGANIZATION, organization), (SERIAL_NUMBER, iin)]);
        tlv(&[0x30], &tlv(&[0xA4], &base))
    };
    tlv(&[0x30], &tlv(&[0xA0], &pairs.iter().flat_map(subtree).collect::<Vec<u8>>()))
}

fn eum() -> Draft {
    Draft::new(&ci_name(), &eum_name(), &Key::new(2))
        .issued_by(&Key::new(1))
        .policy(2)
        .usage(0x04)
        .with(19, true, &[0x30, 6, 1, 1, 0xFF, 2, 1, 0])
        .with(30, true, &permitted(&[("EUM Two", "89055555"), ("EUM One", "89049032")]))
}

fn euicc() -> Draft {
    Draft::new(&eum_name(), &euicc_name("EUM One", EID), &Key::new(3))
        .issued_by(&Key::new(2))
        .policy(1)
        .usage(0x80)
}

fn trust() -> TrustStore {
    let key = Key::new(1);
    TrustStore::new(vec![Certificate::parse(&ci(&key).sign(&key)).unwrap()]).unwrap()
}

fn verify(eum: &Draft, euicc: &Draft) -> Result<VerifiedEuicc, StatusCode> {
    trust().verify_euicc(&eum.sign(&Key::new(1)), &euicc.sign(&Key::new(2)), NOW)
}

#[track_caller]
fn refused_eum(eum: Draft) {
    assert_eq!(verify(&eum, &euicc()), Err(StatusCode::EUM_CERTIFICATE_INVALID));
}

#[track_caller]
fn refused_euicc(euicc: Draft) {
    assert_eq!(verify(&eum(), &euicc), Err(StatusCode::EUICC_CERTIFICATE_INVALID));
}

/// A CA of an operator may be limited to DNS names; an EUM may not, and neither may a CI.
#[test]
fn name_constraints_of_another_form_make_no_eum_and_no_ci_but_are_read() {
    let dns = tlv(&[0x30], &tlv(&[0xA0], &tlv(&[0x30], &tlv(&[0x82], b"example.com"))));
    for critical in [true, false] {
        let limited = eum().with(30, critical, &dns);
        assert_eq!(verify(&limited, &euicc()).err(), Some(StatusCode::EUM_CERTIFICATE_INVALID));
    }
    let key = Key::new(1);
    let root = Certificate::parse(&ci(&key).with(30, true, &dns).sign(&key)).unwrap();
    assert!(matches!(TrustStore::new(vec![root]).unwrap_err(), PkiError::ExtensionUnknown { .. }));
}

#[test]
fn a_sound_chain_proves_an_euicc_and_its_signatures() {
    let verified = verify(&eum(), &euicc()).unwrap();
    assert_eq!(verified.eid().as_str(), EID);
    assert_eq!(verified.ci().octets(), Key::new(1).id());
    let identity = verified.identity();
    let stored = serde_json::to_string(&identity).unwrap();
    let identity_again: EuiccIdentity = serde_json::from_str(&stored).unwrap();
    assert_eq!(identity_again, identity);
    let signature = Key::new(3).sign_fixed(b"signed");
    assert_eq!(identity_again.verify(&[b"sig", b"ned"], &signature), Ok(()));
    assert_eq!(identity.verify(&[b"other"], &signature), Err(StatusCode::EUICC_VERIFICATION_FAILED));
}

#[test]
fn an_eum_certificate_with_a_broken_signature_is_invalid() {
    let mut der = eum().sign(&Key::new(1));
    *der.last_mut().unwrap() ^= 1;
    let euicc = euicc().sign(&Key::new(2));
    assert_eq!(trust().verify_euicc(&der, &euicc, NOW), Err(StatusCode::EUM_CERTIFICATE_INVALID));
    let other = eum().sign(&Key::new(9));
    assert_eq!(trust().verify_euicc(&other, &euicc, NOW), Err(StatusCode::EUM_CERTIFICATE_INVALID));
}

#[test]
fn an_eum_certificate_must_have_its_profile() {
    refused_eum(eum().usage(0x80));
    refused_eum(eum().without(15));
    refused_eum(eum().policy(4));
    refused_eum(eum().without(32));
    refused_eum(eum().with(19, true, &[0x30, 0]));
    refused_eum(eum().with(19, true, &[0x30, 3, 1, 1, 0xFF]));
    refused_eum(eum().with(19, true, &[0x30, 6, 1, 1, 0xFF, 2, 1, 1]));
    refused_eum(eum().without(19));
    refused_eum(eum().without(30));
    refused_eum(eum().without(14));
}

#[test]
fn what_the_profile_makes_critical_must_be_critical() {
    let names = permitted(&[("EUM One", "89049032")]);
    refused_eum(eum().with(30, false, &names));
    refused_eum(eum().with(15, false, &[3, 2, 2, 4]));
    refused_euicc(euicc().with(15, false, &[3, 2, 7, 0x80]));
}

#[test]
fn expired_comes_before_profile_and_after_signature() {
    let expired = Draft { not_after: "20250101000000Z", ..eum().policy(4) };
    assert_eq!(verify(&expired, &euicc()), Err(StatusCode::EUM_CERTIFICATE_EXPIRED));
    let forged = expired.sign(&Key::new(9));
    let euicc = euicc().sign(&Key::new(2));
    assert_eq!(trust().verify_euicc(&forged, &euicc, NOW), Err(StatusCode::EUM_CERTIFICATE_INVALID));
}

#[test]
fn a_certificate_is_not_valid_before_its_time() {
    refused_eum(Draft { not_before: "20300101000000Z", ..eum() });
    refused_euicc(Draft { not_before: "20300101000000Z", ..euicc() });
}

#[test]
fn an_unknown_critical_extension_is_refused_and_another_is_not() {
    refused_eum(eum().with(36, true, &[0x30, 0]));
    refused_euicc(euicc().with(54, true, &[2, 1, 0]));
    assert!(verify(&eum().with(36, false, &[0x30, 0]), &euicc()).is_ok());
}

#[test]
fn an_extension_that_comes_twice_is_refused() {
    refused_eum(eum().twice(32));
    refused_euicc(euicc().twice(15));
}

#[test]
fn an_eum_certificate_without_its_issuers_key_identifier_is_invalid() {
    refused_eum(eum().without(35));
}

#[test]
fn an_eum_of_an_unknown_ci_is_told_so() {
    let stranger = eum().issued_by(&Key::new(8));
    assert_eq!(verify(&stranger, &euicc()), Err(StatusCode::CI_UNKNOWN));
}

#[test]
fn what_no_signature_covers_in_a_certificate_is_invalid_when_changed() {
    const ALGORITHM: [u8; 12] = [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
    let (eum, right) = (eum().sign(&Key::new(1)), euicc().sign(&Key::new(2)));
    assert!(trust().verify_euicc(&eum, &right, NOW).is_ok());
    // After tbsCertificate come the algorithm and `03 len 00 …`.
    let place = right.windows(12).rposition(|octets| octets == ALGORITHM).unwrap();
    for (offset, bit) in [(0, 0x40), (2, 0x01), (11, 0x01), (12, 0x40), (14, 0x01)] {
        let mut changed = right.clone();
        changed[place + offset] ^= bit;
        let refused = trust().verify_euicc(&eum, &changed, NOW);
        assert_eq!(refused.err(), Some(StatusCode::EUICC_CERTIFICATE_INVALID), "octet {offset}");
    }
}

#[test]
fn an_euicc_certificate_with_a_broken_signature_or_of_another_eum_is_invalid() {
    let eum = eum().sign(&Key::new(1));
    let forged = euicc().sign(&Key::new(9));
    assert_eq!(trust().verify_euicc(&eum, &forged, NOW), Err(StatusCode::EUICC_CERTIFICATE_INVALID));
    refused_euicc(euicc().issued_by(&Key::new(7)));
    refused_euicc(euicc().without(35));
    refused_euicc(Draft { issuer: name(&[(COMMON_NAME, "Somebody else")]), ..euicc() });
}

#[test]
fn an_euicc_certificate_must_have_its_profile() {
    refused_euicc(euicc().usage(0x04));
    refused_euicc(euicc().without(15));
    refused_euicc(euicc().policy(2));
    refused_euicc(euicc().without(14));
    refused_euicc(euicc().with(19, true, &[0x30, 3, 1, 1, 0xFF]));
}

#[test]
fn an_euicc_is_within_the_names_its_eum_may_give() {
    let named = |organization, eid| Draft { subject: euicc_name(organization, eid), ..euicc() };
    refused_euicc(named("Somebody else", EID));
    refused_euicc(named("EUM One", "89049033123451234512345678901234"));
    refused_euicc(named("EUM One", "89055555123451234512345678901234")); // the IIN of EUM Two
    refused_euicc(named("EUM One", "8904903212345123451234567890123"));
    refused_euicc(Draft { subject: name(&[(SERIAL_NUMBER, EID)]), ..euicc() });
    refused_euicc(Draft { subject: name(&[(ORGANIZATION, "EUM One")]), ..euicc() });
    let two = name(&[(ORGANIZATION, "EUM One"), (SERIAL_NUMBER, EID), (SERIAL_NUMBER, EID)]);
    refused_euicc(Draft { subject: two, ..euicc() });
    assert!(verify(&eum(), &named("EUM Two", "89055555123451234512345678901234")).is_ok());
}

#[test]
fn an_expired_euicc_certificate_is_told_so() {
    let expired = Draft { not_after: "20250101000000Z", ..euicc() };
    assert_eq!(verify(&eum(), &expired), Err(StatusCode::EUICC_CERTIFICATE_EXPIRED));
    let eternal = Draft { not_after: "74960124094858Z", ..euicc() };
    assert!(verify(&eum(), &eternal).is_ok());
}

#[test]
fn an_euicc_key_on_another_curve_or_off_it_is_refused() {
    refused_euicc(Draft { curve: Curve::BrainpoolP256r1.oid_content().to_vec(), ..euicc() });
    refused_euicc(on_brainpool(euicc(), 3));
    let mut point = Key::new(3).point();
    point[64] ^= 1;
    refused_euicc(Draft { point, ..euicc() });
}

/// The same certificate for a key on the other curve.
fn on_brainpool(draft: Draft, number: u8) -> Draft {
    let key = Key::brainpool(number);
    let curve = key.curve().oid_content().to_vec();
    Draft { curve, point: key.point(), ..draft }.with(14, false, &tlv(&[0x04], &key.id()))
}

#[test]
fn an_eum_key_on_another_curve_than_its_ci_is_refused() {
    let eum = on_brainpool(eum(), 2);
    let euicc = on_brainpool(euicc(), 3).issued_by(&Key::brainpool(2)).sign(&Key::brainpool(2));
    let refused = trust().verify_euicc(&eum.sign(&Key::new(1)), &euicc, NOW);
    assert_eq!(refused, Err(StatusCode::EUM_CERTIFICATE_INVALID));
}

#[test]
fn a_chain_on_brainpool_from_ci_to_euicc_is_believed_beside_one_on_nist() {
    let (ci, eum_key) = (Key::brainpool(1), Key::brainpool(2));
    let root = super::tests::ci(&ci).sign(&ci);
    let nist = super::tests::ci(&Key::new(1)).sign(&Key::new(1));
    let roots = [&root, &nist].map(|der| Certificate::parse(der).unwrap());
    let trust = TrustStore::new(roots.to_vec()).unwrap();
    let eum_draft = on_brainpool(eum(), 2).issued_by(&ci);
    let euicc_draft = on_brainpool(euicc(), 3).issued_by(&eum_key);
    let verified = trust.verify_euicc(&eum_draft.sign(&ci), &euicc_draft.sign(&eum_key), NOW).unwrap();
    assert_eq!(verified.ci().octets(), ci.id());
    assert_eq!(verified.key().curve(), Curve::BrainpoolP256r1);
    let signature = Key::brainpool(3).sign_fixed(b"signed");
    assert_eq!(verified.verify(&[b"sig", b"ned"], &signature), Ok(()));
    assert!(trust.verify_euicc(&eum().sign(&Key::new(1)), &euicc().sign(&Key::new(2)), NOW).is_ok());
    let nist_key = euicc().issued_by(&eum_key).sign(&eum_key);
    let refused = trust.verify_euicc(&eum_draft.sign(&ci), &nist_key, NOW);
    assert_eq!(refused, Err(StatusCode::EUICC_CERTIFICATE_INVALID));
}

#[test]
fn a_kept_eum_is_asked_for_its_dates_again() {
    let kept = trust().verify_eum(&eum().sign(&Key::new(1)), NOW).unwrap();
    let euicc = euicc().sign(&Key::new(2));
    assert!(trust().verify_euicc_of(&kept, &euicc, NOW).is_ok());
    let later = Timestamp::from_unix_s(2_300_000_000);
    let refused = trust().verify_euicc_of(&kept, &euicc, later);
    assert_eq!(refused, Err(StatusCode::EUM_CERTIFICATE_EXPIRED));
}

#[test]
fn octets_that_are_no_certificate_never_panic() {
    let der = euicc().sign(&Key::new(2));
    for length in 0..der.len() {
        assert!(Certificate::parse(&der[..length]).is_err());
    }
    assert!(Certificate::parse(&[&der[..], &[0]].concat()).is_err());
    let eum = trust().verify_eum(&eum().sign(&Key::new(1)), NOW).unwrap();
    for place in 0..der.len() {
        let mut changed = der.clone();
        changed[place] ^= 0x21;
        assert!(trust().verify_euicc_of(&eum, &changed, NOW).is_err(), "octet {place}");
    }
}

#[test]
fn only_a_self_signed_ca_becomes_a_root() {
    let load = |draft: Draft, key: u8| {
        TrustStore::new(vec![Certificate::parse(&draft.sign(&Key::new(key))).unwrap()])
            .map(|_| ())
            .unwrap_err()
    };
    let root = || ci(&Key::new(1));
    let name = "Test root".to_owned();
    assert_eq!(load(root(), 2), PkiError::NotSelfSigned { name: name.clone() });
    assert_eq!(load(root().usage(0x80), 1), PkiError::NotACi { name: name.clone() });
    assert_eq!(load(root().without(19), 1), PkiError::NotACi { name: name.clone() });
    assert_eq!(load(root().without(14), 1), PkiError::NotACi { name: name.clone() });
    assert!(matches!(load(root().with(36, true, &[0x30, 0]), 1), PkiError::ExtensionUnknown { .. }));
    let frp256v1 = oid("1.2.250.1.223.101.256.1")[2..].to_vec();
    assert!(matches!(load(Draft { curve: frp256v1, ..root() }, 1), PkiError::CurveUnsupported { .. }));
    let twice = Certificate::parse(&root().sign(&Key::new(1))).unwrap();
    assert_eq!(TrustStore::new(vec![twice.clone(), twice]).unwrap_err(), PkiError::CiTwice { name });
}

mod own;
