//! `smdpp pki revoke` and `smdpp pki crl`, beside a server that does not run.
use std::fs;

use super::House;

#[test]
fn a_ci_without_a_source_or_without_a_list_is_shown_so() {
    let house = House::new();
    let said = house.types(&["pki", "crl"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("off") && said.out.contains("set crl in [[ci]]"), "{}", said.out);
    let path = house.path("smdpp.toml");
    let text = fs::read_to_string(&path).unwrap().replace("crl = []", "crl = [\"ci.crl\", \"cdp\"]");
    fs::write(&path, text).unwrap();
    let said = house.types(&["pki", "crl"]);
    assert!(said.out.contains("missing") && said.out.contains("never asked"), "{}", said.out);
    let shown = &house.json(&["pki", "crl"])["crl"][0];
    assert_eq!(shown["state"], "missing");
    assert!(shown["sources"][0].as_str().unwrap().ends_with("ci.crl"), "{shown}");
}

#[test]
fn a_test_ci_revokes_by_file_and_says_what_is_no_certificate() {
    let house = House::new();
    let said = house.types(&["pki", "revoke", "pki", "pki/eum.pem", "--out", "ci.crl"]);
    assert_eq!(
        (said.code, said.out.trim()),
        (0, "ci.crl: 1 revoked, next list due in 30 days"),
        "{}",
        said.err
    );
    assert_eq!(house.types(&["pki", "revoke", "pki", "--out", "ci.crl"]).code, 0);
    let said = house.types(&["pki", "revoke", "pki", "smdpp.toml", "--out", "ci.crl"]);
    assert!(said.code == 1 && said.err.contains("is no certificate"), "{}", said.err);
    let said = house.types(&["pki", "revoke", "data", "--out", "ci.crl"]);
    assert!(said.code == 1 && said.err.contains("no CI certificate with its key"), "{}", said.err);
}

#[test]
fn a_source_that_cannot_be_asked_is_refused_with_the_configuration() {
    let house = House::new();
    let path = house.path("smdpp.toml");
    let right = fs::read_to_string(&path).unwrap();
    for wrong in ["https://ci.example.com/a.crl", "ftp://ci.example.com/a.crl", ""] {
        fs::write(&path, right.replace("crl = []", &format!("crl = [\"{wrong}\"]"))).unwrap();
        let said = house.types(&["pki", "crl"]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("smdpp.toml line"), "{}", said.err);
    }
}
