//! `smdpp order`: an order is explained, its secret hidden.
use serde_json::Value;
use smdpp::profile;
use smdpp::profile::Confirm;
use smdpp::time::Clock;
use smdpp::time::SystemClock;
use smdpp::time::Timestamp;
use smdpp::types::FunctionCallId;
use smdpp::types::MatchingId;
use smdpp::types::TransactionId;

use super::House;
use super::iccid;

#[test]
fn an_order_in_stock_says_that_the_operator_comes_next() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let said = house.types(&["order", "show", &iccid(0)]).out;
    assert!(said.contains("ES2+.DownloadOrder"), "{said}");
    assert_eq!(house.json(&["order", "show", &iccid(0)])["order"], Value::Null);
    for words in [["profile", "show"], ["order", "show"], ["audit", "show"]] {
        let mut words = words.to_vec();
        if words[0] == "audit" {
            words.push("--iccid");
        }
        for wrong in ["8900012345678999999", "89"] {
            let said = house.types(&[words.as_slice(), &[wrong]].concat());
            assert_eq!(said.code, 1, "{words:?} {wrong}");
            assert!(said.err.contains("ICCID"), "{}", said.err);
        }
    }
}

fn ordered(expires_at: Option<Timestamp>) -> profile::Command {
    let call = FunctionCallId::parse("call-7").unwrap();
    profile::Command::DownloadOrder { call, repeat_key: None, eid: None, expires_at }
}

fn confirmed(matching_id: &str) -> profile::Command {
    profile::Command::ConfirmOrder(Confirm {
        eid: None,
        matching_id: Some(MatchingId::parse(matching_id).unwrap()),
        fresh: MatchingId::parse("UNUSED").unwrap(),
        confirmation_code_hash: Some(smdpp::types::CodeHash::new([7; 32])),
        release_flag: true,
        smds_address: None,
        heard: None,
    })
}

#[test]
fn an_order_is_explained_and_its_activation_code_is_shown_only_on_demand() {
    let house = House::new();
    house.packages(2);
    house.import(&["p0.der", "p1.der"]);
    let id = iccid(1);
    house.moves(&id, ordered(None));
    let said = house.types(&["order", "show", &id]).out;
    for says in
        ["Allocated", "call-7", "has not confirmed", "0 of 10 ([policy])", "never", "ES2+.ConfirmOrder"]
    {
        assert!(said.contains(says), "{says}: {said}");
    }

    house.moves(&id, confirmed("SECRET-MATCHING-ID"));
    for words in [&["order", "show", &id][..], &["order", "list"], &["profile", "show", &id]] {
        for json in [&[][..], &["--json"]] {
            let said = house.types(&[json, words].concat()).out;
            assert!(said.contains("Released") && !said.contains("SECRET"), "{words:?}: {said}");
        }
    }
    let said = house.types(&["order", "show", &id]).out;
    assert!(
        said.contains("required, 0 wrong of 3 ([policy])") && said.contains("the phone downloads it"),
        "{said}"
    );
    let shown = house.types(&["order", "show", &id, "--reveal"]).out;
    assert!(shown.contains("LPA:1$smdp.example.com$SECRET-MATCHING-ID$$1\n"), "{shown}");
    let shown = house.json(&["order", "show", &id, "--reveal"]);
    assert_eq!(shown["order"]["activationCode"], "LPA:1$smdp.example.com$SECRET-MATCHING-ID$$1");

    assert_eq!(house.json(&["order", "list"])["orders"].as_array().unwrap().len(), 1);
    let life = house.types(&["audit", "show", "--iccid", &id]).out;
    assert!(life.contains("operator acme") && life.contains("Allocated → Released"), "{life}");
    assert!(life.contains("with a confirmation code") && !life.contains("SECRET"), "{life}");
    assert_eq!(house.json(&["audit", "verify"])["entries"], 4);
}

#[test]
fn an_order_that_failed_says_why_and_what_to_do() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let id = iccid(0);
    let end = SystemClock.now().plus_ms(500);
    house.moves(&id, ordered(Some(end)));
    house.moves(&id, confirmed("A"));
    while SystemClock.now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let said = house.types(&["order", "show", &id]).out;
    assert!(said.contains(": over") && said.contains("it expired"), "{said}");

    let limits = profile::Limits { download_attempts_max: 10, confirmation_code_attempts_max: 3 };
    let transaction = TransactionId::parse("00112233445566778899AABBCCDDEEFF").unwrap();
    house.moves(&id, profile::Command::Authorise { transaction, limits, ineligible: None });
    let said = house.types(&["order", "show", &id]).out;
    assert!(said.contains("Error") && said.contains("the order expired before"), "{said}");
    assert!(said.contains("ES2+.CancelOrder"), "{said}");
    let life = house.types(&["audit", "show", "--iccid", &id]).out;
    assert!(life.contains("Released → Error"), "{life}");
    assert_eq!(house.types(&["audit", "verify"]).code, 0);
}

#[test]
fn an_order_is_given_other_limits_until_it_has_ended() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let id = iccid(0);
    let set = |words: &[&str]| house.types(&[&["order", "set", &id], words].concat());
    for (words, says) in [
        (&["--download-attempts", "20"][..], "no order"),
        (&[], "say what to change"),
        (&["--expires", "soon"], "+30d"),
        (&["--expires", "2020-01-01"], "over already"),
    ] {
        let said = set(words);
        assert!(said.code == 1 && said.err.contains(says), "{words:?}: {}", said.err);
    }
    for words in [["--download-attempts", "0"], ["--confirmation-code-attempts", "-1"]] {
        assert_eq!(set(&words).code, 2);
    }
    house.moves(&id, ordered(None));
    house.moves(&id, confirmed("A"));
    let said = set(&["--download-attempts", "20", "--expires", "+30d"]);
    assert!(said.code == 0 && said.out.contains("download attempts 20"), "{}{}", said.out, said.err);
    assert!(set(&["--download-attempts", "20"]).out.contains("so already"));
    assert!(set(&["--download-attempts", "20", "--json"]).out.contains("\"downloadAttemptsMax\""));
    let shown = house.types(&["order", "show", &id]).out;
    for says in [
        "0 of 20 (this order)",
        "0 wrong of 3 ([policy])",
        "keys prepared ([policy])",
        "admin ada: order 1 set",
    ] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    let document = house.json(&["order", "show", &id]);
    assert_eq!(document["order"]["policy"]["downloadAttemptsMax"]["by"], "this order");
    assert_eq!(document["order"]["downloadAttemptsMax"], 20);
    assert_eq!(document["order"]["evidence"]["history"].as_array().unwrap().len(), 3);

    let transaction = TransactionId::parse("00112233445566778899AABBCCDDEEFF").unwrap();
    let limits = profile::Limits { download_attempts_max: 0, confirmation_code_attempts_max: 3 };
    house.moves(&id, profile::Command::Authorise { transaction, limits, ineligible: None });
    let said = set(&["--download-attempts", "30"]);
    assert!(said.code == 1 && said.err.contains("ES2+.CancelOrder"), "{}", said.err);
    assert_eq!(house.types(&["audit", "verify"]).code, 0);
}

#[test]
fn an_order_names_the_profile_element_that_the_euicc_refused() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let id = iccid(0);
    let transaction = || TransactionId::parse("00112233445566778899AABBCCDDEEFF").unwrap();
    house.moves(&id, ordered(None));
    house.moves(&id, confirmed("A"));
    let eid = smdpp::types::Eid::parse("89049032123451234512345678901235").unwrap();
    let one_time_key = smdpp::event::OneTimeKey::New;
    house.moves(&id, profile::Command::Bind { transaction: transaction(), eid, one_time_key, rebind: true });
    let upp = std::fs::read(house.path("p0.der")).unwrap();
    let package = profile::package::Package::read(&upp).unwrap();
    let usim = package.elements.iter().find(|element| element.name == "usim").unwrap();
    let element =
        smdpp::event::FailedElement { status: 3, identification: usim.identification, additional: Some(1) };
    house.moves(
        &id,
        profile::Command::Report {
            transaction: transaction(),
            order: 1,
            result_sha256: String::new(),
            report: profile::Report::Failed { command: 5, reason: 12, element: Some(element) },
            retry_after: profile::RetryAfter::Temporary,
        },
    );
    let shown = house.types(&["order", "show", &id]).out;
    for says in ["PEProcessingError", "bad-values", "failing element", "usim (element 5 of 8"] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    let document = house.json(&["order", "show", &id]);
    let named = document["order"]["evidence"]["failingElement"].as_str().unwrap();
    assert!(named.starts_with("usim"), "{named}");
    assert_eq!(document["order"]["failureFacts"]["element"]["status"], 3);
    assert_eq!(house.types(&["notification", "list"]).code, 2, "--invalid is the only kind");
    assert!(house.types(&["notification", "list", "--invalid"]).out.contains("No notification"));
    assert_eq!(house.json(&["notification", "list", "--invalid"])["notifications"], serde_json::json!([]));
}

#[test]
fn an_order_without_a_try_left_says_so_and_how_to_give_one() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let id = iccid(0);
    house.moves(&id, ordered(None));
    house.moves(&id, confirmed("A"));
    let limits = profile::Limits { download_attempts_max: 10, confirmation_code_attempts_max: 3 };
    let transaction = TransactionId::parse("00112233445566778899AABBCCDDEEFF").unwrap();
    house.moves(&id, profile::Command::Authorise { transaction, limits, ineligible: None });
    house.types(&["order", "set", &id, "--download-attempts", "1"]);
    let said = house.types(&["order", "show", &id]).out;
    assert!(said.contains("no download attempt is left") && said.contains("--download-attempts"), "{said}");
    assert!(!said.contains("the phone downloads it"), "{said}");
    house.types(&["order", "set", &id, "--download-attempts", "2"]);
    assert!(house.types(&["order", "show", &id]).out.contains("the phone downloads it"));
}
