//! The configuration, read and refused.
use std::collections::HashMap;

use super::*;
use crate::profile::KeyMode;
use crate::profile::RetryAfter;
use crate::types::ProfileType;

fn answers() -> Answers {
    Answers {
        address: Fqdn::parse("smdp.example.com").unwrap(),
        pki: "pki".to_owned(),
        brainpool: true,
        operators: vec![OperatorAnswer {
            name: OperatorId::parse("acme").unwrap(),
            oid: Some(Oid::parse("2.999.10.1.1").unwrap()),
        }],
    }
}

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smdpp.toml");
    fs::write(&path, text).unwrap();
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    let config = Config::load(&path, |name| env.get(name).map(|value| (*value).to_owned()));
    config.map_err(|error| error.to_string().replace(&path.display().to_string(), "smdpp.toml"))
}

#[test]
fn the_template_is_a_configuration_with_the_defaults() {
    let config = load(&Config::template(&answers()), &[]).unwrap();
    assert_eq!(config.address.as_str(), "smdp.example.com");
    let name = (OperatorId::parse("acme").unwrap(), ProfileType::parse("consumer").unwrap());
    let said = config.policies().resolve(&name.0, &name.1, None);
    let default = Policies::default().resolve(&name.0, &name.1, None);
    assert_eq!(said.limits(), default.limits());
    assert_eq!(said.order_valid_ms.value, default.order_valid_ms.value);
    assert_eq!(said.keys.value, default.keys.value);
    assert_eq!(said.rebind.value, default.rebind.value);
    assert_eq!(said.retry_after.value, default.retry_after.value);
    assert_eq!(config.policy.session_minutes, Policy::default().session_minutes);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.log, Log::default());
    assert_eq!(config.operator[0].oid, Some(Oid::parse("2.999.10.1.1").unwrap()));
    assert_eq!(config.suspicious(), Vec::<String>::new());
}

#[test]
fn a_second_chain_is_in_the_template_as_an_example_at_least() {
    let config = load(&Config::template(&answers()), &[]).unwrap();
    assert_eq!((config.ci.len(), config.credentials.len()), (2, 2));
    assert!(config.credentials[1].dppb_key.ends_with("pki/brainpool/dppb.key"));
    let without = Config::template(&Answers { brainpool: false, ..answers() });
    assert!(without.contains("# [[ci]]\n# certificate = \"pki/brainpool/ci.pem\""), "{without}");
    let config = load(&without, &[]).unwrap();
    assert_eq!((config.ci.len(), config.credentials.len()), (1, 1));
}

#[test]
fn paths_are_relative_to_the_folder_of_the_file() {
    let config = load(&Config::template(&answers()), &[("SMDPP_VAULT_SEAL_KEY", "/run/seal.key")]).unwrap();
    assert!(config.ci[0].certificate.is_absolute());
    assert!(config.ci[0].certificate.ends_with("pki/ci.pem"));
    assert_eq!(config.vault.seal_key, Path::new("/run/seal.key"));
    let Database::Sqlite(database) = config.database;
    assert!(database.is_absolute());
}

/// A right value, other than the template's, for each variable there is.
fn other(section: &str, value: &str) -> String {
    match (section, value) {
        ("", "address") => "other.example.org".to_owned(),
        ("", "database") => "sqlite:/x/other.db".to_owned(),
        ("", "mode") => "production".to_owned(),
        ("es9plus", "listen") => "127.0.0.1:1".to_owned(),
        ("es2plus", "listen") => "127.0.0.1:2".to_owned(),
        ("vault", "kind") => "software".to_owned(),
        ("operator", "name") => "gamma".to_owned(),
        ("operator", "oid") => "2.999.77".to_owned(),
        ("operator", "common_name") => "Gamma".to_owned(),
        ("operator", "certificate_sha256") => "AB".repeat(32),
        ("operator", "progress.url") => "https://esim.gamma.example".to_owned(),
        ("operator", "progress.points") => "1, 4".to_owned(),
        ("operator", name) if name.ends_with("_point") => {
            format!("2{:03}", name.bytes().map(u32::from).sum::<u32>() % 1000)
        }
        ("log", "level") => "trace".to_owned(),
        ("log", "format") => "json".to_owned(),
        ("smds", "address") => "smds.example.org".to_owned(),
        ("smds", "connect") => "127.0.0.1:3".to_owned(),
        ("es12", "timeout_seconds") => "1066".to_owned(),
        ("policy", "keys") => "session".to_owned(),
        ("policy", "rebind") => "false".to_owned(),
        ("policy", "retry_after") => "all".to_owned(),
        ("revocation", "stale" | "missing") => "refuse".to_owned(),
        ("policy" | "limits" | "outbox" | "revocation", name) => format!("10{:02}", name.len()),
        _ => format!("/x/{section}/{value}"),
    }
}

#[test]
fn every_single_value_can_come_from_the_environment_alone() {
    let mut env = Vec::new();
    for (section, list, values) in environment::VALUES {
        for value in *values {
            let part = if *list { format!("{section}_0") } else { (*section).to_owned() };
            let path = if part.is_empty() { (*value).to_owned() } else { format!("{part}_{value}") };
            env.push((format!("SMDPP_{}", path.replace('.', "_").to_uppercase()), other(section, value)));
        }
    }
    let borrowed: Vec<(&str, &str)> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    for text in [String::new(), Config::template(&answers())] {
        let config = load(&text, &borrowed).unwrap();
        let shown = format!("{config:?}");
        for (section, _, values) in environment::VALUES {
            for value in *values {
                let wanted = match (*section, *value) {
                    ("", "database") => "/x/other.db".to_owned(),
                    ("", "mode") => "Production".to_owned(),
                    ("vault", "kind") => "Software".to_owned(),
                    ("policy", "keys") => "Session".to_owned(),
                    ("policy", "rebind") => "rebind: Some(false)".to_owned(),
                    ("policy", "retry_after") => "All".to_owned(),
                    ("policy", "order_valid_days") => (1016 * crate::time::DAY_MS).to_string(),
                    ("log", "level") => "Trace".to_owned(),
                    ("log", "format") => "Json".to_owned(),
                    ("revocation", "stale") => "stale: Refuse".to_owned(),
                    ("revocation", "missing") => "missing: Refuse".to_owned(),
                    ("operator", "certificate_sha256") => "171, 171".to_owned(),
                    ("operator", "progress.url") => "esim.gamma.example".to_owned(),
                    ("operator", "progress.points") => "{Eligibility, BppInstallation}".to_owned(),
                    (section, value) => other(section, value),
                };
                assert!(shown.contains(&wanted), "{section}.{value}: {wanted} not in {shown}");
            }
        }
    }
}

#[test]
fn the_next_number_of_a_list_adds_an_entry() {
    let env = [("SMDPP_OPERATOR_1_NAME", "beta"), ("SMDPP_OPERATOR_1_COMMON_NAME", "beta")];
    let config = load(&Config::template(&answers()), &env).unwrap();
    let names: Vec<&str> = config.operator.iter().map(|operator| operator.name.as_str()).collect();
    assert_eq!(names, ["acme", "beta"]);
}

#[test]
fn a_number_beyond_the_end_of_a_list_is_refused_and_not_forgotten() {
    let error = load(&Config::template(&answers()), &[("SMDPP_CI_5_CRL", "cdp")]).unwrap_err();
    assert!(error.contains("SMDPP_CI_5_CRL") && error.contains("no such entry"), "{error}");
}

#[test]
fn a_wrong_value_is_named_with_file_and_line() {
    let template = Config::template(&answers());
    let line = |text: &str, wanted: &str| 1 + text.lines().position(|line| line.contains(wanted)).unwrap();
    for (right, wrong) in [
        ("mode = \"test\"", "mode = \"live\""),
        ("address = \"smdp.example.com\"", "address = \"https://smdp.example.com\""),
        ("sqlite:data", "mysql:data"),
        ("order_valid_days = 0", "order_valid_days = -1"),
        ("order_valid_days = 0", "order_valid_day = 0"),
        ("listen = \"0.0.0.0:8443\"", "listen = \"0.0.0.0\""),
        ("oid = \"2.999.10.1.1\"\ncommon", "oid = \"3.1\"\ncommon"),
    ] {
        let text = template.replacen(right, wrong, 1);
        assert_ne!(text, template, "{right}");
        let error = load(&text, &[]).unwrap_err();
        let first = wrong.lines().next().unwrap();
        let place = format!("smdpp.toml line {}:", line(&text, first));
        assert!(error.starts_with(&place), "{place} {error}");
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, value) in
        [("SMDPP_ES9PLUS_LISTEN", "nowhere"), ("SMDPP_POLICY_SESSION_MINUTES", "soon"), ("SMDPP_MODE", "")]
    {
        let error = load(&Config::template(&answers()), &[(name, value)]).unwrap_err();
        assert!(error.starts_with(&format!("environment variable {name}: ")), "{error}");
    }
}

#[test]
fn a_missing_value_is_named() {
    let text = Config::template(&answers()).replacen("listen = \"0.0.0.0:8443\"", "", 1);
    let error = load(&text, &[]).unwrap_err();
    assert!(error.contains("listen") && error.contains("line"), "{error}");
}

#[test]
fn an_operator_without_any_mark_is_refused() {
    let text = Config::template(&answers()) + "\n[[operator]]\nname = \"ghost\"\n";
    let error = load(&text, &[]).unwrap_err();
    assert!(error.contains("needs oid, common_name or certificate_sha256"), "{error}");
}

/// The template's operator with an endpoint.
fn with_progress(more: &str) -> Result<Config, String> {
    let progress = format!("\n[operator.progress]\nurl = \"https://a.example\"\nca = \"ca.pem\"\n{more}\n");
    load(&(Config::template(&answers()) + &progress), &[])
}

#[test]
fn an_operator_that_is_told_has_an_address_an_issuer_and_its_points() {
    let config = with_progress("").unwrap();
    let progress = config.operator[0].progress.as_ref().unwrap();
    let path = "/gsma/rsp2/es2plus/handleDownloadProgressInfo";
    assert_eq!(progress.url, Url { host: "a.example".to_owned(), port: 443, path: path.to_owned() });
    assert!(progress.ca.is_absolute());
    let agreed: Vec<u32> = progress.agreement().points.iter().map(|point| point.number()).collect();
    assert_eq!(agreed, [2, 3, 4]);
    let config = with_progress("points = [1, 4]\ndelete_point = 102").unwrap();
    let agreement = config.operator[0].progress.as_ref().unwrap().agreement();
    assert_eq!((agreement.points.len(), agreement.later_life.delete), (2, Some(102)));

    let url = Url::try_from("https://10.0.0.1:8443/a/b?c=d".to_owned()).unwrap();
    assert_eq!(url, Url { host: "10.0.0.1".to_owned(), port: 8443, path: "/a/b?c=d".to_owned() });
}

#[test]
fn what_is_no_address_or_no_point_is_refused() {
    for url in [
        "http://a.example",
        "https://",
        "https:///x",
        "https://a.example:0",
        "https://a.example:70000",
        "https://a@b.example",
        "https://a example",
        "https://a.example/a b",
        "https://[::1]",
        "a.example",
    ] {
        assert!(Url::try_from(url.to_owned()).is_err(), "{url}");
    }
    for wrong in
        ["points = [5]", "points = [0]", "points = 3", "points = \"x\"", "enable_point = 5", "point = 1"]
    {
        let error = with_progress(wrong).unwrap_err();
        assert!(error.contains("smdpp.toml line"), "{wrong}: {error}");
    }
}

#[test]
fn software_keys_in_production_are_suspicious() {
    let config = load(&Config::template(&answers()), &[("SMDPP_MODE", "production")]).unwrap();
    assert!(config.suspicious()[0].contains("software"));
}

#[test]
fn zeros_doubles_and_shared_listeners_are_suspicious() {
    let env = [
        ("SMDPP_LIMITS_CONNECTIONS_MAX", "0"),
        ("SMDPP_ES2PLUS_LISTEN", "0.0.0.0:8443"),
        ("SMDPP_OPERATOR_1_NAME", "acme"),
        ("SMDPP_OPERATOR_1_OID", "2.999.3"),
    ];
    let config = load(&Config::template(&answers()), &env).unwrap();
    assert_eq!(config.suspicious().len(), 3, "{:?}", config.suspicious());
}

/// The policies that stand behind the template.
const POLICIES: &str = r#"
[operator.policy]
download_attempts_max = 5
rebind = false
[[profile_type]]
name = "iot"
[profile_type.policy]
keys = "session"
retry_after = ["Interruption", "installFailedDueToPEProcessingError"]
[profile_type.policy.eligibility]
tac_allow = ["35290611", "8610"]
device = ["nr", "eutran >= 13"]
pp_version_min = "1.0.0"
euicc_category = ["mediumEuicc"]
test_profile_support = false
"#;

#[test]
fn operators_and_profile_types_have_policies_of_their_own() {
    let config = load(&(Config::template(&answers()) + POLICIES), &[]).unwrap();
    assert_eq!(config.suspicious(), Vec::<String>::new());
    let of = |name: &str| {
        let acme = OperatorId::parse("acme").unwrap();
        config.policies().resolve(&acme, &ProfileType::parse(name).unwrap(), None)
    };
    let (iot, other) = (of("iot"), of("consumer"));
    assert_eq!((iot.download_attempts_max.value, iot.rebind.value), (5, false));
    assert_eq!((iot.keys.value, other.keys.value), (KeyMode::Session, KeyMode::Prepared));
    assert_eq!(iot.retry_after.value, RetryAfter::Reasons(vec![11, 12]));
    assert_eq!(iot.eligibility.value.pp_version_min, Some([1, 0, 0]));
    assert!(iot.eligibility.value.profile_version && !iot.eligibility.value.test_profile_support);
    assert!(other.eligibility.value.tac_allow.is_empty());
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused_or_suspicious() {
    let template = Config::template(&answers());
    for (right, wrong, says) in [
        ("keys = \"session\"", "keys = \"none\"", "malformed keys"),
        ("\"Interruption\"", "\"weather\"", "malformed retry_after"),
        ("[\"Interruption\", \"installFailedDueToPEProcessingError\"]", "11", "retry_after is a word"),
        ("\"8610\"", "\"86-10\"", "malformed a TAC"),
        ("\"nr\"", "\"6g\"", "malformed a device rule"),
        ("rebind = false", "session_minutes = 3", "malformed session_minutes"),
        ("rebind = false", "rebound = false", "unknown field"),
    ] {
        let text = POLICIES.replacen(right, wrong, 1);
        assert_ne!(text, POLICIES, "{right}");
        let error = load(&(template.clone() + &text), &[]).unwrap_err();
        assert!(error.contains(says) && error.contains("line"), "{error}");
    }
    let doubled = POLICIES.to_owned()
        + "[[profile_type]]\nname = \"iot\"\npolicy = { download_attempts_max = 0 }\n\
           [[profile_type]]\nname = \"iot\"\noperator = \"ghost\"\npolicy = {}\n";
    let found = load(&(template + &doubled), &[]).unwrap().suspicious();
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn no_file_says_what_to_do() {
    let error = Config::load(Path::new("/nowhere/smdpp.toml"), |_| None).unwrap_err().to_string();
    assert!(error.contains("smdpp init"), "{error}");
}
