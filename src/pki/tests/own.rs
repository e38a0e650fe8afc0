//! Our own certificates, and the real test set when it is there.
use std::path::Path;

use super::*;

fn dp(last_arc: u8, key: u8) -> Draft {
    let subject = name(&[(ORGANIZATION, "ACME"), (COMMON_NAME, "SM-DP+")]);
    Draft::new(&ci_name(), &subject, &Key::new(key))
        .issued_by(&Key::new(1))
        .policy(last_arc)
        .usage(0x80)
        .with(17, false, &rid("2.999.10"))
}

fn rid(text: &str) -> Vec<u8> {
    let content = oid(text)[2..].to_vec();
    tlv(&[0x30], &tlv(&[0x88], &content))
}

fn credential(dpauth: &Draft, dppb: &Draft) -> Result<Credential, PkiError> {
    let ci = Key::new(1);
    Credential::new(&dpauth.sign(&ci), &dppb.sign(&ci), &trust(), NOW)
}

#[test]
fn a_pair_under_one_ci_is_an_identity() {
    let credential = credential(&dp(4, 4), &dp(5, 5)).unwrap();
    assert_eq!(credential.oid.to_string(), "2.999.10");
    let ci = credential.ci.clone();
    assert_eq!(key_fits(&credential.dpauth, &Key::new(4).point()), Ok(()));
    let mismatch = key_fits(&credential.dpauth, &Key::new(5).point());
    assert_eq!(mismatch, Err(PkiError::KeyMismatch { name: "SM-DP+".to_owned() }));
    let credentials = Credentials::new(vec![credential]);
    let unknown = KeyId::from_octets(&[7; 20]).unwrap();
    assert!(credentials.for_verification(&[unknown.clone(), ci.clone()], NOW).is_some());
    assert!(credentials.for_verification(&[unknown], NOW).is_none());
    let expired = Timestamp::from_unix_s(2_300_000_000);
    assert!(credentials.for_verification(&[ci], expired).is_none(), "it expired while the server ran");
}

/// 2.6.7.1, 5.6.1: the eUICC's first wish counts, not our order; and the one-time key follows the credential.
#[test]
fn of_several_identities_the_euiccs_first_wish_is_taken() {
    let (nist_ci, ci) = (Key::new(1), Key::brainpool(1));
    let roots = [super::ci(&nist_ci).sign(&nist_ci), super::ci(&ci).sign(&ci)];
    let roots = roots.map(|der| Certificate::parse(&der).unwrap());
    let trust = TrustStore::new(roots.to_vec()).unwrap();
    let brainpool = |arc, number| on_brainpool(dp(arc, number), number).issued_by(&ci).sign(&ci);
    let pairs = [(dp(4, 4).sign(&nist_ci), dp(5, 5).sign(&nist_ci)), (brainpool(4, 4), brainpool(5, 5))];
    let ours = pairs.map(|(dpauth, dppb)| Credential::new(&dpauth, &dppb, &trust, NOW).unwrap());
    assert_eq!([ours[0].curve, ours[1].curve], Curve::ALL);
    let (nist, other) = (ours[0].ci.clone(), ours[1].ci.clone());
    let credentials = Credentials::new(ours.to_vec());
    let unknown = KeyId::from_octets(&[7; 20]).unwrap();
    let slot = |wanted: &[&KeyId]| {
        let wanted: Vec<KeyId> = wanted.iter().map(|id| (*id).clone()).collect();
        credentials.for_verification(&wanted, NOW).map(|credential| credential.slot)
    };
    assert_eq!(slot(&[&nist, &other]), Some(0));
    assert_eq!(slot(&[&other, &nist]), Some(1));
    assert_eq!(slot(&[&unknown, &other, &nist]), Some(1));
    assert_eq!(slot(&[&unknown]), None);
}

#[test]
fn an_own_certificate_is_on_the_curve_of_its_ci() {
    let refused = credential(&on_brainpool(dp(4, 4), 4), &dp(5, 5)).unwrap_err();
    assert_eq!(refused, PkiError::CurveOfCi { name: "DPauth" });
    let refused = credential(&dp(4, 4), &on_brainpool(dp(5, 5), 5)).unwrap_err();
    assert_eq!(refused, PkiError::CurveOfCi { name: "DPpb" });
}

#[test]
fn swapped_files_are_named() {
    let error = credential(&dp(5, 5), &dp(4, 4)).unwrap_err();
    assert_eq!(error, PkiError::WrongRole { name: "DPauth", policy: "2.23.146.1.2.1.4" });
    assert!(error.to_string().contains("DPauth") && error.to_string().contains("swapped"));
}

#[test]
fn a_pair_must_belong_together() {
    let other_oid = dp(5, 5).with(17, false, &rid("2.999.12"));
    assert_eq!(credential(&dp(4, 4), &other_oid).unwrap_err(), PkiError::Differ { what: "their SM-DP+ OID" });
    let other_name = Draft { subject: name(&[(ORGANIZATION, "ACME")]), ..dp(5, 5) };
    assert_eq!(credential(&dp(4, 4), &other_name).unwrap_err(), PkiError::Differ { what: "their subject" });
}

#[test]
fn an_own_certificate_must_be_usable() {
    let refused = |dpauth: Draft| credential(&dpauth, &dp(5, 5)).unwrap_err();
    assert_eq!(refused(dp(4, 4).usage(0x04)), PkiError::WrongUsage { name: "DPauth" });
    assert_eq!(refused(dp(4, 4).without(17)), PkiError::OidMissing { name: "DPauth" });
    assert!(matches!(refused(dp(4, 4).issued_by(&Key::new(8))), PkiError::IssuerUnknown { .. }));
    assert!(matches!(refused(dp(4, 4).without(35)), PkiError::IssuerUnknown { .. }));
    let expired = Draft { not_after: "20250101000000Z", ..dp(4, 4) };
    assert!(refused(expired).to_string().starts_with("DPauth expired on 2025-01-01T00:00:00.000Z"));
    let early = Draft { not_before: "20300101000000Z", ..dp(4, 4) };
    assert!(matches!(refused(early), PkiError::NotYetValid { name: "DPauth", .. }));
    assert!(matches!(refused(dp(4, 4).with(36, true, &[0x30, 0])), PkiError::ExtensionUnknown { .. }));
    let forged = dp(4, 4).sign(&Key::new(9));
    let error = Credential::new(&forged, &dp(5, 5).sign(&Key::new(1)), &trust(), NOW).unwrap_err();
    assert_eq!(error, PkiError::BadSignature { name: "DPauth" });
    let error = Credential::new(b"no", b"no", &trust(), NOW).unwrap_err();
    assert!(matches!(error, PkiError::Unreadable { .. }));
}

#[test]
fn a_tls_certificate_is_for_the_address() {
    let with_name = |dns: &str| {
        let names = tlv(&[0x30], &tlv(&[0x82], dns.as_bytes()));
        dp(3, 6).with(17, false, &names).sign(&Key::new(1))
    };
    let check = |dns: &str, address: &str| check_tls_certificate(&with_name(dns), address, NOW);
    assert_eq!(check("smdp.example.com", "SMDP.example.com"), Ok(()));
    assert_eq!(check("*.example.com", "smdp.example.com"), Ok(()));
    for dns in ["other.example.com", "*.smdp.example.com", "*.com", "example.com"] {
        assert!(matches!(check(dns, "smdp.example.com"), Err(PkiError::AddressMismatch { .. })), "{dns}");
    }
    assert!(matches!(check("*.example.com", "a.b.example.com"), Err(PkiError::AddressMismatch { .. })));
    let later = Timestamp::from_unix_s(2_300_000_000);
    let expired = check_tls_certificate(&with_name("a.b"), "a.b", later);
    assert!(matches!(expired, Err(PkiError::Expired { .. })));
}

#[test]
fn a_tls_certificate_may_be_of_another_kind_than_the_gsmas() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let params = rcgen::CertificateParams::new(vec!["smdp.example.com".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    assert_eq!(check_tls_certificate(certificate.der(), "smdp.example.com", NOW), Ok(()));
    let read = Certificate::parse(certificate.der()).unwrap();
    assert_eq!((read.key(), read.key_kind().to_string()), (None, "1.3.132.0.34".to_owned()));
    assert!(matches!(TrustStore::new(vec![read]), Err(PkiError::CurveUnsupported { .. })));
}

#[test]
fn the_published_test_set_is_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sgp26");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let roots = ["NIST", "BRP"]
        .map(|curve| Certificate::parse(&read(&format!("ci/CERT_CI_ECDSA_{curve}.der"))).unwrap());
    let ids = ["F54172BDF98A95D65CBEB88A38A1C11D800A85C3", "C0BC70BA36929D43B467FF57570530E57AB8FCD8"];
    for (place, name) in ["NIST", "BRP"].into_iter().enumerate() {
        let trust = TrustStore::new(vec![roots[place].clone()]).unwrap();
        let (eum, euicc) = (
            read(&format!("eum/CERT_EUM_ECDSA_{name}.der")),
            read(&format!("euicc/CERT_EUICC_ECDSA_{name}.der")),
        );
        let verified = trust.verify_euicc(&eum, &euicc, NOW).unwrap();
        assert_eq!((verified.eid().as_str(), verified.key().curve()), (EID, Curve::ALL[place]));
        assert_eq!(verified.ci().to_string(), ids[place]);
        let dpauth = read(&format!("dpauth/CERT_S_SM_DPauth_ECDSA_{name}.der"));
        let dppb = read(&format!("dppb/CERT_S_SM_DPpb_ECDSA_{name}.der"));
        let credential = Credential::new(&dpauth, &dppb, &trust, NOW).unwrap();
        assert_eq!(
            (credential.oid.to_string(), credential.curve),
            ("2.999.10".to_owned(), Curve::ALL[place])
        );
        let tls = read(&format!("dptls/CERT_S_SM_DP_VARO_TLS_{name}.der"));
        assert_eq!(check_tls_certificate(&tls, "testsmdpplus1.example.com", NOW), Ok(()));
        let other = TrustStore::new(vec![roots[1 - place].clone()]).unwrap();
        assert_eq!(other.verify_euicc(&eum, &euicc, NOW), Err(StatusCode::CI_UNKNOWN));
    }
}
