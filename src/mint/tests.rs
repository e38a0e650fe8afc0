//! The certificates, read back with another parser, and the folder.
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::random::SeededRandom;

const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

fn plan() -> Plan {
    Plan { euiccs: 3, ..Plan::example().unwrap() }
}

fn world() -> (tempfile::TempDir, TestPki) {
    let folder = tempfile::tempdir().unwrap();
    let pki = TestPki::with_random(&plan(), NOW, &SeededRandom::new(7)).unwrap();
    pki.write(folder.path()).unwrap();
    (folder, pki)
}

/// What openssl prints; `None`, said aloud, where there is no openssl.
fn openssl(arguments: &[&str], folder: &Path) -> Option<(bool, String)> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output();
    let Ok(output) = output else {
        println!("skipped: no openssl on this machine");
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(text).unwrap()))
}

#[test]
fn openssl_verifies_all_but_the_euicc_whose_name_constraint_is_not_of_rfc_5280() {
    let (folder, _) = world();
    for (ca, leaf) in [
        ("ci.pem", "ci.pem"),
        ("ci.pem", "eum.pem"),
        ("ci.pem", "dpauth.pem"),
        ("ci.pem", "dppb.pem"),
        ("ci.pem", "dptls.pem"),
        ("brainpool/ci.pem", "brainpool/ci.pem"),
        ("brainpool/ci.pem", "brainpool/eum.pem"),
        ("brainpool/ci.pem", "brainpool/dpauth.pem"),
        ("brainpool/ci.pem", "brainpool/dppb.pem"),
        ("brainpool/ci.pem", "brainpool/dptls.pem"),
        ("operator-ca.pem", "operators/acme.pem"),
        ("operator-ca.pem", "operators/beta.pem"),
    ] {
        let at = NOW.unix_s().to_string();
        let arguments = ["verify", "-x509_strict", "-attime", &at, "-CAfile", ca, leaf];
        let Some((good, text)) = openssl(&arguments, folder.path()) else { return };
        assert!(good, "{leaf}: {text}");
    }
    let (good, _) = openssl(&["verify", "-CAfile", "operator-ca.pem", "dpauth.pem"], folder.path()).unwrap();
    assert!(!good);
}

#[test]
fn each_certificate_carries_the_extensions_of_its_table() {
    let (folder, pki) = world();
    let eid = format!("euicc/{}.pem", pki.euiccs[0].0);
    let issuing = "Key Usage: critical\n                Certificate Sign, CRL Sign";
    let signing = "Key Usage: critical\n                Digital Signature\n";
    let policy =
        |n: u32| format!("Certificate Policies: critical\n                Policy: 2.23.146.1.2.1.{n}\n");
    let rid = "Registered ID:2.999.10\n";
    let rows: [(&str, Vec<String>); 6] = [
        ("ci.pem", vec![issuing.into(), policy(0), "Registered ID:2.999.1\n".into(), "CRL-A.crl".into()]),
        (
            "eum.pem",
            vec![
                issuing.into(),
                policy(2),
                "CA:TRUE, pathlen:0".into(),
                "Registered ID:2.999.5".into(),
                "Name Constraints: critical\n                Permitted:\n                  DirName:O = RSP Test EUM, serialNumber = 89049032\n".into(),
            ],
        ),
        (&eid, vec![signing.into(), policy(1), format!("serialNumber = {FIRST_EID}")]),
        ("dpauth.pem", vec![signing.into(), policy(4), rid.into(), "CRL-A.crl".into()]),
        ("dppb.pem", vec![signing.into(), policy(5), rid.into(), "CRL-A.crl".into()]),
        (
            "dptls.pem",
            vec![
                signing.into(),
                "Certificate Policies: \n                Policy: 2.23.146.1.2.1.3\n".into(),
                "Extended Key Usage: critical\n                TLS Web Server Authentication, TLS Web Client Authentication".into(),
                "DNS:smdp.example.com, Registered ID:2.999.10\n".into(),
                "CN = smdp.example.com".into(),
            ],
        ),
    ];
    for (file, wanted) in rows {
        let Some((_, text)) = openssl(&["x509", "-noout", "-text", "-in", file], folder.path()) else {
            return;
        };
        for wanted in wanted {
            assert!(text.contains(&wanted), "{file}: {wanted}\n{text}");
        }
        assert!(text.contains("Subject Key Identifier"), "{file}");
        assert_eq!(text.contains("Authority Key Identifier"), file != "ci.pem", "{file}");
    }
}

#[test]
fn keys_are_for_their_owner_only_and_fit_their_certificates() {
    let (folder, pki) = world();
    let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    for (name, _) in pki.contents() {
        assert_eq!(mode(&format!("{name}.key")), 0o600, "{name}");
        let key = format!("{name}.key");
        let Some((_, of_key)) = openssl(&["pkey", "-pubout", "-in", &key], folder.path()) else { return };
        let pem = format!("{name}.pem");
        let (_, of_pem) = openssl(&["x509", "-noout", "-pubkey", "-in", &pem], folder.path()).unwrap();
        assert_eq!(of_key, of_pem, "{name}");
    }
    assert_eq!(mode("euicc"), 0o700);
    assert_eq!(mode(""), 0o700);
}

#[test]
fn an_existing_pki_is_never_overwritten() {
    let (folder, pki) = world();
    let before = std::fs::read(folder.path().join("ci.key")).unwrap();
    assert!(matches!(pki.write(folder.path()), Err(MintError::Exists(_))));
    assert_eq!(std::fs::read(folder.path().join("ci.key")).unwrap(), before);
}

#[test]
fn the_same_randomness_makes_the_same_world() {
    let make = |seed| TestPki::with_random(&plan(), NOW, &SeededRandom::new(seed)).unwrap();
    assert_eq!(make(1).dpauth.der, make(1).dpauth.der);
    assert_ne!(make(1).dpauth.der, make(2).dpauth.der);
}

#[test]
fn wrong_certificates_can_be_made_for_tests() {
    let random = SeededRandom::new(3);
    let press = Press::new(NOW, &random);
    let ci = issue_ci(press, &Overrides::default()).unwrap();
    let foreign = Overrides { common_name: Some("foreign CI".into()), ..Overrides::default() };
    assert_ne!(issue_ci(press, &foreign).unwrap().key_id(), ci.key_id());
    let eum =
        issue_eum(press, &ci, &Overrides { iin: Some("89000000".into()), ..Overrides::default() }).unwrap();
    let wrong = Overrides {
        not_after: Some(NOW),
        policy: Some(Oid::parse(Role::DpAuth.policy()).unwrap()),
        key_usage: Some(KeyUsage::Issuing),
        organization: Some("Somebody Else".into()),
        ..Overrides::default()
    };
    let euicc = issue_euicc(press, &eum, &nth_eid(0).unwrap(), &wrong).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pem"), euicc.certificate_pem()).unwrap();
    let Some((_, text)) = openssl(&["x509", "-noout", "-text", "-in", "a.pem"], folder.path()) else {
        return;
    };
    for wanted in ["Certificate Sign", "2.23.146.1.2.1.4", "O = Somebody Else"] {
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn more_euiccs_than_a_load_test_needs_are_refused() {
    let plan = Plan { euiccs: u64::MAX, ..plan() };
    assert!(matches!(TestPki::new(&plan, NOW), Err(MintError::TooMany { .. })));
}

fn take(source: &Path, wanted: &Wanted, now: Timestamp) -> Result<(tempfile::TempDir, Findings), MintError> {
    let folder = tempfile::tempdir().unwrap();
    let findings = import(source, folder.path(), wanted, now, &SeededRandom::new(9))?;
    Ok((folder, findings))
}

#[test]
fn what_we_wrote_can_be_imported() {
    let (source, _) = world();
    let (_, findings) = take(source.path(), &Wanted::default(), NOW).unwrap();
    assert_eq!(findings.address, "smdp.example.com");
    for folder in ["euicc/", "brainpool/euicc/"] {
        assert_eq!(findings.taken.iter().filter(|(name, _)| name.starts_with(folder)).count(), 3);
    }
}

#[test]
fn an_expired_tls_certificate_is_replaced_when_the_ci_key_is_there() {
    let (source, _) = world();
    let later = NOW.plus_ms(500 * crate::time::DAY_MS);
    let (folder, findings) = take(source.path(), &Wanted::default(), later).unwrap();
    assert!(findings.notes.iter().any(|note| note.contains("made a fresh one")), "{findings:?}");
    let at = later.unix_s().to_string();
    let arguments = ["verify", "-attime", &at, "-CAfile", "ci.pem", "dptls.pem"];
    let Some((good, text)) = openssl(&arguments, folder.path()) else { return };
    assert!(good, "{text}");

    std::fs::remove_file(source.path().join("ci.key")).unwrap();
    assert!(matches!(take(source.path(), &Wanted::default(), later), Err(MintError::Incomplete(_))));
}

#[test]
fn a_certificate_without_its_key_or_an_empty_folder_is_refused() {
    let (source, _) = world();
    std::fs::remove_file(source.path().join("dppb.key")).unwrap();
    let refused = take(source.path(), &Wanted::default(), NOW).err().unwrap().to_string();
    assert!(refused.contains("dppb.pem"), "{refused}");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(take(empty.path(), &Wanted::default(), NOW), Err(MintError::Incomplete(_))));
}

#[test]
fn the_sgp_26_set_is_imported_by_content() {
    let source = Path::new("/work/shared/data/sgp26");
    if !source.exists() {
        println!("skipped: no {}", source.display());
        return;
    }
    let operators = vec![OperatorId::parse("acme").unwrap()];
    let wanted = Wanted { operators, ..Wanted::default() };
    let (folder, findings) = take(source, &wanted, NOW).unwrap();
    assert_eq!(findings.smdp_oid.to_string(), "2.999.10");
    assert_eq!(findings.address, "testsmdpplus1.example.com");
    let euicc = format!("euicc/{FIRST_EID}");
    for name in ["ci", "eum", &euicc, "dpauth", "dppb", "dptls"] {
        for (below, curve) in [("", "prime256v1"), ("brainpool/", "brainpoolP256r1")] {
            let name = format!("{below}{name}");
            assert!(folder.path().join(format!("{name}.key")).exists(), "{name}");
            let arguments = ["x509", "-noout", "-text", "-in", &format!("{name}.pem")];
            let Some((good, text)) = openssl(&arguments, folder.path()) else { return };
            assert!(good && text.contains(&format!("ASN1 OID: {curve}\n")), "{name}: {text}");
        }
    }
    assert!(folder.path().join("operators/acme.pem").exists());
    assert!(findings.left_alone.iter().all(|(file, _)| file.contains("DP2")), "{findings:?}");

    let second = Wanted { smdp_oid: Some(Oid::parse("2.999.12").unwrap()), ..wanted.clone() };
    assert!(take(source, &second, NOW).err().unwrap().to_string().contains("--address"));
    let second = Wanted { address: Some("smdp2.example.com".into()), ..second };
    assert_eq!(take(source, &second, NOW).unwrap().1.address, "smdp2.example.com");
    let unknown = Wanted { smdp_oid: Some(Oid::parse("2.999.99").unwrap()), ..wanted };
    assert!(take(source, &unknown, NOW).is_err());
}
