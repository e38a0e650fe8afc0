//! AuthenticateServer, PrepareDownload and CancelSession.

use super::pki;
use super::smdp::{Package, Smdp, TRANSACTION_ID, failed, ok, refused};
use crate::card::{CardError, cancel::reason};
use crate::curve;
use crate::faults::{Fault, Faults};
use crate::tlv::{self, Tlv};

#[test]
fn an_honest_server_gets_a_signed_answer_with_the_certificates() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    let response = smdp.authenticate(&mut card);
    let parts = ok(&response, 0xBF38).children().unwrap();
    assert_eq!(parts.iter().map(|part| part.tag).collect::<Vec<_>>(), [0x30, 0x5F37, 0x30, 0x30]);
    assert_eq!(curve::verify(&card.identity.euicc.public_key, parts[0].raw, parts[1].value), Ok(()));
    assert_eq!(parts[0].child(0x84).unwrap().value, [9; 16]);
}

#[test]
fn a_server_without_session_signature_or_right_challenge_is_refused() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    assert_eq!(refused(&smdp.authenticate_with(&mut card, &[0; 16], false), 0xBF38), Some(4));
    let challenge = card.get_euicc_challenge().unwrap();
    assert_eq!(refused(&smdp.authenticate_with(&mut card, &challenge, true), 0xBF38), Some(2));
    assert_eq!(refused(&smdp.authenticate_with(&mut card, &[0; 16], false), 0xBF38), Some(6));
    assert_eq!(refused(&smdp.authenticate_with(&mut card, &challenge, false), 0xBF38), None);
}

#[test]
fn a_certificate_of_another_issuer_role_or_form_is_refused() {
    let mut smdp = Smdp::new();
    let mut card = smdp.card();
    let honest = |ci| pki::issue(Some(ci), &pki::dp("SM-DP+", 4, pki::SMDP_OID));
    let stranger = Smdp::new();
    smdp.auth = honest(&stranger.ci);
    assert_eq!(refused(&smdp.authenticate(&mut card), 0xBF38), Some(7));
    smdp.auth = pki::issue(Some(&smdp.ci), &pki::dp("SM-DP+", 5, pki::SMDP_OID));
    assert_eq!(refused(&smdp.authenticate(&mut card), 0xBF38), Some(1));
    let soft = pki::Wish { policy_critical: false, ..pki::dp("SM-DP+", 4, pki::SMDP_OID) };
    smdp.auth = pki::issue(Some(&smdp.ci), &soft);
    assert_eq!(refused(&smdp.authenticate(&mut card), 0xBF38), Some(1));
    smdp.auth = pki::issue(Some(&smdp.ci), &pki::Wish { oid: None, ..soft });
    assert_eq!(refused(&smdp.authenticate(&mut card), 0xBF38), Some(1));
    let mut forged = honest(&smdp.ci);
    forged.der = super::bent(forged.der);
    smdp.auth = forged;
    assert_eq!(refused(&smdp.authenticate(&mut card), 0xBF38), Some(1));
}

#[test]
fn binding_by_another_smdp_or_over_another_session_is_refused() {
    let mut smdp = Smdp::new();
    let mut card = smdp.card();
    let response = smdp.authenticate(&mut card);
    assert_eq!(
        refused(&smdp.prepare_with(&mut card, TRANSACTION_ID, &[0x5F, 0x37, 0], None), 0xBF21),
        Some(2)
    );
    let signature1 = ok(&response, 0xBF38).find(0x5F37).unwrap().unwrap().raw.to_vec();
    assert_eq!(refused(&smdp.prepare_with(&mut card, &[8; 16], &signature1, None), 0xBF21), Some(5));
    smdp.binding = pki::issue(Some(&smdp.ci), &pki::dp("SM-DP+", 5, &[0x88, 0x37, 0x0B]));
    assert_eq!(refused(&smdp.prepare(&mut card, &response, None), 0xBF21), Some(1));
    smdp.binding = pki::issue(Some(&smdp.ci), &pki::dp("SM-DP+", 4, pki::SMDP_OID));
    assert_eq!(refused(&smdp.prepare(&mut card, &response, None), 0xBF21), Some(1));
}

#[test]
fn the_hash_of_the_confirmation_code_is_sent_only_when_asked() {
    let mut smdp = Smdp::new();
    let mut card = smdp.card();
    let hash = |response: &[u8]| {
        let signed = ok(response, 0xBF21).child(0x30).unwrap();
        signed.find(0x04).unwrap().map(|hash| hash.value.to_vec())
    };
    let response = smdp.authenticate(&mut card);
    assert_eq!(hash(&smdp.prepare(&mut card, &response, Some("1234"))), None);
    smdp.cc_required = true;
    let expected = crate::card::prepare::hash_cc("1234", TRANSACTION_ID);
    assert_eq!(hash(&smdp.prepare(&mut card, &response, Some("1234"))), Some(expected.clone()));
    card.faults = Faults::none().with(Fault::HashCcMissing);
    assert_eq!(hash(&smdp.prepare(&mut card, &response, Some("1234"))), None);
    card.faults = Faults::none().with(Fault::HashCcWrong);
    assert_ne!(hash(&smdp.prepare(&mut card, &response, Some("1234"))), Some(expected));
}

#[test]
fn the_one_time_key_is_kept_for_a_retry_and_dropped_after_success() {
    let mut smdp = Smdp::new();
    let mut card = smdp.card();
    smdp.session(&mut card, &Package::default());
    let first = card.session_otpk().unwrap().to_vec();
    smdp.session(&mut card, &Package::default());
    assert_ne!(card.session_otpk().unwrap(), first, "a new key when none is offered");
    let second = card.session_otpk().unwrap().to_vec();
    smdp.offered_otpk = Some(second.clone());
    let bpp = smdp.session(&mut card, &Package::default());
    assert_eq!(card.session_otpk().unwrap(), second);
    assert_eq!(failed(&card.load_bound_profile_package(&bpp).unwrap()), None);
    smdp.session(&mut card, &Package::default());
    assert_ne!(card.session_otpk().unwrap(), second, "forgotten after the installation");
}

#[test]
fn a_cancelled_session_is_signed_and_over() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    smdp.authenticate(&mut card);
    let refusal = card.cancel_session(&[1], reason::TIMEOUT).unwrap();
    assert_eq!(Tlv::parse(&refusal, 0xBF41).unwrap().child(0x81).unwrap().value, [5]);
    let response = card.cancel_session(TRANSACTION_ID, reason::POSTPONED).unwrap();
    let parts = ok(&response, 0xBF41).children().unwrap();
    assert_eq!(curve::verify(&card.identity.euicc.public_key, parts[0].raw, parts[1].value), Ok(()));
    assert_eq!(parts[0].child(0x82).unwrap().value, [1]);
    assert!(matches!(card.cancel_session(TRANSACTION_ID, 0), Err(CardError::NoSession)));
}

#[test]
fn each_fault_in_the_first_signature_spoils_it_and_no_other_does() {
    let smdp = Smdp::new();
    let verdict = |fault| {
        let mut card = smdp.card();
        card.faults = Faults::none().with(fault);
        let response = smdp.authenticate(&mut card);
        let parts = ok(&response, 0xBF38).children().unwrap();
        curve::verify(&card.identity.euicc.public_key, parts[0].raw, parts[1].value).is_ok()
    };
    for fault in [Fault::Signature1Bad, Fault::Signature1Der, Fault::Signature1ZeroR] {
        assert!(!verdict(fault), "{}", fault.name());
    }
    for fault in [Fault::ChallengeWrong, Fault::SvnWrong, Fault::UnknownTlvs, Fault::AddressWrong] {
        assert!(verdict(fault), "{}", fault.name());
    }
}

#[test]
fn the_svn_and_further_elements_are_shown_as_configured() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    card.info.svn = [2, 3, 0];
    card.info.extra = tlv::write(0x9F20, &[1]);
    assert_eq!(Tlv::parse(&card.euicc_info1(), 0xBF20).unwrap().child(0x82).unwrap().value, [2, 3, 0]);
    let info2 = card.euicc_info2();
    assert_eq!(Tlv::parse(&info2, 0xBF22).unwrap().child(0x9F20).unwrap().value, [1]);
}

#[test]
fn faults_of_the_one_time_key_have_the_form_they_name_and_stay_signed() {
    let shown = |fault| {
        let smdp = Smdp::new();
        let mut card = smdp.card();
        let authenticated = smdp.authenticate(&mut card);
        card.faults = Faults::none().with(fault);
        let response = smdp.prepare(&mut card, &authenticated, None);
        let signed = ok(&response, 0xBF21).child(0x30).unwrap();
        signed.child(0x5F49).unwrap().value.to_vec()
    };
    assert_eq!(shown(Fault::Otpk64).len(), 64);
    assert_eq!(shown(Fault::Otpk66).len(), 66);
    assert_eq!(shown(Fault::OtpkCompressed).len(), 33);
    assert_eq!(shown(Fault::OtpkInfinity), [0]);
    assert!(!curve::is_point(curve::Curve::NistP256, &shown(Fault::OtpkOffCurve)));
    assert!(curve::is_point(curve::Curve::NistP256, &shown(Fault::Signature2Bad)));
}

#[test]
fn refusals_on_demand_carry_their_code() {
    let smdp = Smdp::new();
    let mut card = smdp.card();
    let authenticated = smdp.authenticate(&mut card);
    card.faults = Faults::none()
        .with_value(Fault::AuthenticateError, 6)
        .with_value(Fault::DownloadError, 4)
        .with(Fault::CancelError);
    assert_eq!(refused(&smdp.prepare(&mut card, &authenticated, None), 0xBF21), Some(4));
    let refusal = card.cancel_session(TRANSACTION_ID, reason::POSTPONED).unwrap();
    assert_eq!(Tlv::parse(&refusal, 0xBF41).unwrap().child(0x81).unwrap().value, [127]);
    assert_eq!(refused(&smdp.authenticate(&mut card), 0xBF38), Some(6));
}
