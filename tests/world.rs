//! What refuses to start: each certificate, key and name that does not fit, named with its file.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by its panic")]
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use smdpp::config::Config;
use smdpp::mint::Plan;
use smdpp::mint::TestPki;
use smdpp::time::Clock;
use smdpp::time::DAY_MS;
use smdpp::time::SystemClock;
use smdpp::time::Timestamp;
use smdpp::world::World;

struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let init = smdpp::cli::init::Init {
            dir: folder.path().to_owned(),
            with_test_pki: true,
            address: "smdp.example.com".to_owned(),
        };
        init.run(now(), &mut Vec::new()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> Config {
        Config::load(&self.path("smdpp.toml"), |_| None).unwrap()
    }

    async fn opens(&self) -> Result<World, Vec<String>> {
        self.opens_at(now()).await
    }

    async fn opens_at(&self, now: Timestamp) -> Result<World, Vec<String>> {
        World::open(&self.config(), now).await.map_err(|refusals| refusals.0)
    }

    /// The one sentence with which it refuses; it has to name the file.
    async fn refusal(&self, file: &str) -> String {
        let wrong = self.opens().await.err().unwrap();
        assert_eq!(wrong.len(), 1, "{wrong:#?}");
        assert!(wrong[0].contains(file), "{file}: {wrong:#?}");
        wrong[0].clone()
    }

    /// Another PKI, to take wrong files from.
    fn other(&self, address: &str, oid: &str, at: Timestamp) -> PathBuf {
        let plan = Plan {
            address: address.to_owned(),
            smdp_oid: smdpp::types::Oid::parse(oid).unwrap(),
            valid_days: Some(30),
            ..Plan::example().unwrap()
        };
        let folder = self.path("other");
        TestPki::new(&plan, at).unwrap().write(&folder).unwrap();
        folder
    }

    fn take(&self, other: &Path, names: &[&str]) {
        for name in names {
            let key = self.path("pki").join(name);
            fs::remove_file(&key).unwrap();
            fs::rename(other.join(name), key).unwrap();
        }
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

#[tokio::test]
async fn a_test_house_opens_and_knows_when_its_certificates_end() {
    let world = House::new().opens().await.map_err(|wrong| panic!("{wrong:#?}")).unwrap();
    assert_eq!(world.hsm.name(), "software");
    assert_eq!(world.credentials.iter().count(), 2);
    let names: Vec<&str> = world.expiries.iter().map(|expiry| expiry.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "CI",
            "CI",
            "DPauth",
            "DPpb",
            "DPauth",
            "DPpb",
            "ES9+ TLS",
            "ES9+ TLS (brainpool)",
            "ES2+ TLS",
            "operator CA"
        ]
    );
}

#[tokio::test]
async fn certificates_may_be_der_too() {
    use smdpp::pki::Certificate;
    let house = House::new();
    let pem = fs::read(house.path("pki/dpauth.pem")).unwrap();
    let der: rustls::pki_types::CertificateDer<'_> =
        rustls::pki_types::pem::PemObject::from_pem_slice(&pem).unwrap();
    assert!(Certificate::parse(&der).is_ok());
    fs::remove_file(house.path("pki/dpauth.pem")).unwrap();
    fs::write(house.path("pki/dpauth.pem"), &der).unwrap();
    assert!(house.opens().await.is_ok());
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let house = House::new();
    let other = house.other("smdp.example.com", "2.999.10", now());
    house.take(&other, &["dppb.key"]);
    assert!(house.refusal("dppb.key").await.contains("does not belong"));
}

fn edit(house: &House, old: &str, new: &str) {
    let path = house.path("smdpp.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old}");
    fs::write(path, text.replace(old, new)).unwrap();
}

#[tokio::test]
async fn a_key_on_another_curve_than_its_certificate_is_refused() {
    let house = House::new();
    edit(&house, "dppb_key = \"pki/dppb.key\"", "dppb_key = \"pki/brainpool/dppb.key\"");
    assert!(house.refusal("brainpool/dppb.key").await.contains("does not belong"));
    let house = House::new();
    edit(
        &house,
        "\nbrainpool_tls_key = \"pki/brainpool/dptls.key\"",
        "\nbrainpool_tls_key = \"pki/dptls.key\"",
    );
    assert!(house.refusal("pki/dptls.key").await.contains("brainpoolP256r1"));
    let house = House::new();
    edit(&house, "pki/brainpool/dptls.key", "pki/brainpool/dppb.key");
    assert!(house.refusal("pki/brainpool/dppb.key").await.contains("does not belong"));
}

#[tokio::test]
async fn two_credentials_under_one_ci_are_refused() {
    let house = House::new();
    for name in ["dpauth", "dppb"] {
        edit(
            &house,
            &format!("{name}_certificate = \"pki/brainpool/"),
            &format!("{name}_certificate = \"pki/"),
        );
        edit(&house, &format!("{name}_key = \"pki/brainpool/"), &format!("{name}_key = \"pki/"));
    }
    assert!(house.refusal("pki/dpauth.pem").await.contains("same CI"));
}

/// 5.6.1 can then choose that CI for signing only: the eUICC needs another for verification.
#[tokio::test]
async fn a_ci_without_credentials_of_ours_is_no_fault() {
    let house = House::new();
    let path = house.path("smdpp.toml");
    let text = fs::read_to_string(&path).unwrap();
    let first = text.rfind("[[credentials]]").unwrap();
    let end = first + text[first..].find("\n\n").unwrap();
    fs::write(path, format!("{}{}", &text[..first], &text[end..])).unwrap();
    let world = house.opens().await.map_err(|wrong| panic!("{wrong:#?}")).unwrap();
    assert_eq!((world.trust.key_ids().count(), world.credentials.iter().count()), (2, 1));
}

/// With a source that names no address, a CI's list is missing: no other thing than a source that is down.
#[tokio::test]
async fn a_ci_that_names_no_address_of_its_list_is_refused_where_lists_must_be_there() {
    let house = House::new();
    // Any CA without cRLDistributionPoints.
    let named = "[revocation]\n";
    let ci = format!("[[ci]]\ncertificate = \"pki/operator-ca.pem\"\ncrl = \"cdp\"\n\n{named}");
    edit(&house, named, &ci);
    house.opens().await.map_err(|wrong| panic!("{wrong:#?}")).unwrap();
    edit(&house, "missing = \"warn\"", "missing = \"refuse\"");
    assert!(house.refusal("operator").await.contains("no revocation list of CI"));
}

#[tokio::test]
async fn a_brainpool_certificate_needs_its_key_and_the_key_its_certificate() {
    let house = House::new();
    edit(&house, "\nbrainpool_tls_key", "\n# brainpool_tls_key");
    assert!(house.refusal("brainpool_tls_key").await.contains("both"));
}

#[tokio::test]
async fn a_tls_key_of_another_certificate_is_refused() {
    let house = House::new();
    let other = house.other("smdp.example.com", "2.999.10", now());
    house.take(&other, &["dptls.key"]);
    house.refusal("dptls.key").await;
}

#[tokio::test]
async fn a_key_that_others_may_read_or_that_is_none_is_refused() {
    let house = House::new();
    let key = house.path("pki/dpauth.key");
    open_to_all(&key);
    assert!(house.refusal("dpauth.key").await.contains("chmod 600"));

    let house = House::new();
    let text = fs::read_to_string(house.path("pki/dpauth.key")).unwrap();
    fs::write(house.path("pki/dpauth.key"), "no key").unwrap();
    let refusal = house.refusal("dpauth.key").await;
    assert!(refusal.contains("P-256"), "{refusal}");
    assert!(!refusal.contains(text.lines().nth(1).unwrap()), "a refusal shows no key");
}

#[tokio::test]
async fn a_missing_or_damaged_certificate_is_refused() {
    let house = House::new();
    fs::remove_file(house.path("pki/ci.pem")).unwrap();
    house.refusal("ci.pem").await;
    fs::write(house.path("pki/ci.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    assert!(house.refusal("ci.pem").await.contains("no X.509 certificate"));
}

#[tokio::test]
async fn swapped_certificates_are_refused() {
    let house = House::new();
    let (one, two, spare) =
        (house.path("pki/dpauth.pem"), house.path("pki/dppb.pem"), house.path("pki/spare.pem"));
    fs::rename(&one, &spare).unwrap();
    fs::rename(&two, &one).unwrap();
    fs::rename(&spare, &two).unwrap();
    let wrong = house.opens().await.err().unwrap();
    assert!(wrong[0].contains("the files may be swapped"), "{wrong:#?}");
}

#[tokio::test]
async fn credentials_of_a_ci_that_is_not_loaded_are_refused() {
    let house = House::new();
    let other = house.other("smdp.example.com", "2.999.10", now());
    house.take(&other, &["dpauth.pem", "dpauth.key", "dppb.pem", "dppb.key"]);
    assert!(house.refusal("dpauth.pem").await.contains("not loaded"));
}

#[tokio::test]
async fn expired_and_future_certificates_are_refused() {
    let house = House::new();
    let later = house.opens_at(now().plus_ms(400 * DAY_MS)).await.err().unwrap();
    assert_eq!(later.len(), 2, "both doors have the TLS certificate, said once: {later:#?}");
    for (wrong, file) in later.iter().zip(["pki/dptls.pem", "pki/brainpool/dptls.pem"]) {
        assert!(wrong.contains(file) && wrong.contains("expired on"), "{later:#?}");
    }

    let earlier = house.opens_at(now().plus_ms(-9 * DAY_MS)).await.err().unwrap();
    assert!(earlier.iter().all(|one| one.contains("valid only from")), "{earlier:#?}");

    let other = house.other("smdp.example.com", "2.999.10", now().plus_ms(-90 * DAY_MS));
    house.take(&other, &["operator-ca.pem"]);
    assert!(house.refusal("operator-ca.pem").await.contains("expired on"));
}

#[tokio::test]
async fn a_tls_certificate_for_another_name_is_refused() {
    let house = House::new();
    let other = house.other("other.example.com", "2.999.10", now());
    house.take(&other, &["dptls.pem", "dptls.key"]);
    let refusal = house.refusal("dptls.pem").await;
    assert!(refusal.contains("for other.example.com, not for smdp.example.com"), "{refusal}");
}

#[tokio::test]
async fn an_operators_endpoint_needs_a_ca_that_can_be_read() {
    let house = House::new();
    let progress = "[operator.progress]\nurl = \"https://a.example\"\nca = \"endpoint.pem\"\n";
    let text = fs::read_to_string(house.path("smdpp.toml")).unwrap() + progress;
    fs::write(house.path("smdpp.toml"), text).unwrap();
    let said = house.refusal("endpoint.pem").await;
    assert!(said.contains("operator beta"), "{said}");
    fs::copy(house.path("pki/operator-ca.pem"), house.path("endpoint.pem")).unwrap();
    let world = house.opens().await.unwrap();
    assert_eq!(world.endpoints.len(), 1);
    assert!(world.expiries.iter().any(|expiry| expiry.file.ends_with("endpoint.pem")));
}

#[tokio::test]
async fn software_keys_in_production_are_refused() {
    let house = House::new();
    let path = house.path("smdpp.toml");
    let text = fs::read_to_string(&path).unwrap().replace("mode = \"test\"", "mode = \"production\"");
    fs::write(&path, text).unwrap();
    house.refusal("production").await;
}

#[tokio::test]
async fn a_wrong_sealing_key_is_refused() {
    let house = House::new();
    drop(house.opens().await.ok().unwrap());
    let key = house.path("data/seal.key");
    fs::write(&key, "AB".repeat(32)).unwrap();
    assert!(house.refusal("smdpp.db").await.contains("sealed with another key"));
    fs::write(&key, "AB".repeat(33)).unwrap();
    assert!(house.refusal("seal.key").await.contains("32 octets"));
}

#[tokio::test]
async fn a_clock_behind_the_trail_is_refused() {
    let house = House::new();
    drop(house.opens().await.ok().unwrap());
    let database = rusqlite::Connection::open(house.path("data/smdpp.db")).unwrap();
    let at = now().plus_ms(DAY_MS).unix_ms();
    database
        .execute(
            "INSERT INTO trail (seq, at, iccid, body, hash) VALUES (1, ?1, '', '{}', zeroblob(32))",
            [at],
        )
        .unwrap();
    assert!(house.refusal("audit trail").await.contains("set the clock"));
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let house = House::new();
    for name in ["pki/ci.pem", "pki/dptls.pem", "data/seal.key"] {
        fs::remove_file(house.path(name)).unwrap();
    }
    open_to_all(&house.path("pki/dppb.key"));
    let wrong = house.opens().await.err().unwrap();
    for name in ["ci.pem", "dptls.pem", "seal.key", "dppb.key"] {
        assert!(wrong.iter().any(|one| one.contains(name)), "{name}: {wrong:#?}");
    }
}
