//! The commands, typed at the real program in a folder of their own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by its panic")]
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use smdpp::change::Change;
use smdpp::change::Versioned;
use smdpp::config::Config;
use smdpp::profile;
use smdpp::profile::Confirm;
use smdpp::time::Clock;
use smdpp::time::SystemClock;
use smdpp::time::Timestamp;
use smdpp::types::Actor;
use smdpp::types::FunctionCallId;
use smdpp::types::Iccid;
use smdpp::types::MatchingId;
use smdpp::types::OperatorId;
use smdpp::types::TransactionId;
use smdpp::world::World;

struct House {
    folder: tempfile::TempDir,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl House {
    fn new() -> Self {
        let house = Self { folder: tempfile::tempdir().unwrap() };
        let said = house.types(&["init", "--with-test-pki"]);
        assert_eq!(said.code, 0, "{}", said.err);
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smdpp"));
        command.args(words).current_dir(self.folder.path()).env("USER", "ada").env_remove("SMDPP_CONFIG");
        command
    }

    fn types(&self, words: &[&str]) -> Said {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        let said = Said { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) };
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said
    }

    fn json(&self, words: &[&str]) -> Value {
        let said = self.types(&[&["--json"], words].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err))
    }

    /// Writes packages p0.der, p1.der, …
    fn packages(&self, count: usize) {
        for place in 0..count {
            let upp = rig::upp::test_profile(&iccid(place), "246811234567890", 500);
            fs::write(self.path(&format!("p{place}.der")), upp).unwrap();
        }
    }

    fn import(&self, files: &[&str]) -> Said {
        self.types(&[&["profile", "import", "--operator", "acme", "--type", "consumer"], files].concat())
    }

    /// Moves a Profile as the doors do, through the rules and the store.
    fn moves(&self, iccid: &str, command: profile::Command) {
        let config = Config::load(&self.path("smdpp.toml"), |_| None).unwrap();
        let store = World::open_store(&config).unwrap();
        let actor = Actor::Operator { operator: OperatorId::parse("acme").unwrap() };
        let now = SystemClock.now();
        let work = async {
            let row = store.reader().profile(&Iccid::parse(iccid).unwrap()).await.unwrap().unwrap();
            let version = row.version;
            let moved = match row.value.decide(actor, command, now) {
                Ok(moved) => moved,
                Err(denied) => denied.moved,
            };
            let change = Change::default().profile(Versioned { value: moved.unwrap(), version });
            store.commit(now, change).await.unwrap();
        };
        tokio::runtime::Runtime::new().unwrap().block_on(work);
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("data/smdpp.db")).unwrap()
    }
}

fn iccid(place: usize) -> String {
    format!("8900012345678{place:06}")
}

#[test]
fn an_imported_profile_is_in_stock_and_its_import_is_in_the_trail() {
    let house = House::new();
    house.packages(1);
    let said = house.import(&["p0.der", "--name", "Acme Mobile", "--provider", "Acme Ltd"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains(&iccid(0)), "{}", said.out);

    let listed = house.types(&["profile", "list"]).out;
    assert!(
        listed.contains("Available") && listed.contains("acme") && listed.contains("consumer"),
        "{listed}"
    );
    assert!(!listed.contains('\u{1b}'), "no colour outside a terminal: {listed}");
    let shown = house.types(&["profile", "show", &iccid(0)]).out;
    assert!(shown.contains("Acme Mobile") && shown.contains("Acme Ltd"), "{shown}");
    assert!(shown.contains("smdp.example.com of install, enable, disable, delete"), "{shown}");

    let life = house.types(&["audit", "show", "--iccid", &iccid(0)]).out;
    assert!(life.contains("admin ada") && life.contains("→ Available"), "{life}");
    let entry = &house.json(&["audit", "show", "--last", "5"])["entries"][0];
    assert_eq!(entry["event"]["event"], "profile_imported");
    let octets = fs::metadata(house.path("p0.der")).unwrap().len();
    assert_eq!(entry["event"]["octets"], octets);
    assert_eq!(entry["event"]["package_sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn metadata_comes_from_a_file_and_an_option_wins_over_it() {
    let house = House::new();
    house.packages(1);
    fs::write(house.path("icon.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let text = "operator = \"beta\"\ntype = \"iot\"\nname = \"From File\"\nprovider = \"P\"\nclass = \"test\"\n\
                icon = \"icon.png\"\nowner = \"246-81,FF\"\nppr2 = true\n\
                notify = [\"install=n.acme.example\", \"delete=n.acme.example\"]\n";
    fs::write(house.path("m.toml"), text).unwrap();
    let said = house.types(&["profile", "import", "p0.der", "--metadata", "m.toml", "--name", "Typed"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let shown = house.json(&["profile", "show", &iccid(0)]);
    assert_eq!((&shown["operator"], &shown["type"]), (&"beta".into(), &"iot".into()));
    let metadata = &shown["metadata"];
    assert_eq!(metadata["profileName"], "Typed");
    assert_eq!(metadata["class"], "test");
    assert_eq!(metadata["mccMnc"], "42F618");
    assert_eq!(metadata["iconOctets"], 8);
    assert_eq!((&metadata["ppr1"], &metadata["ppr2"]), (&false.into(), &true.into()));
    let notify = &metadata["notify"];
    assert_eq!(notify.as_array().unwrap().len(), 1);
    assert_eq!(notify[0]["events"], serde_json::json!(["install", "delete"]));
}

#[test]
fn words_that_make_no_sense_are_refused_before_anything_is_stored() {
    let house = House::new();
    house.packages(1);
    fs::write(house.path("bad.toml"), "operator = \"acme\"\ntype = \"x\"\nnam = \"y\"\n").unwrap();
    fs::write(house.path("gif.png"), b"GIF89a").unwrap();
    let long = "x".repeat(65);
    for (words, says) in [
        (vec!["--ppr1"], "profileOwner is missing"),
        (vec!["--ppr1", "--owner", "24681"], "MCC-MNC"),
        (vec!["--owner", "246-81,FF,01,02"], "MCC-MNC"),
        (vec!["--notify", "eat=a.example.com"], "install, enable, disable or delete"),
        (vec!["--notify", "install"], "install, enable, disable or delete"),
        (vec!["--notify", "install=here"], "domain name"),
        (vec!["--name", &long], "profileName"),
        (vec!["--icon", "gif.png"], "icon"),
        (vec!["--icon", "none.png"], "none.png"),
        (vec!["--iccid", "89"], "ICCID"),
        (vec!["--iccid", "8900012345678999999"], "make them equal"),
        (vec!["--metadata", "bad.toml"], "nam"),
        (vec!["--metadata", "none.toml"], "none.toml"),
    ] {
        let said = house.import(&[&["p0.der"], words.as_slice()].concat());
        let all = format!("{}{}", said.out, said.err);
        assert_eq!(said.code, 1, "{words:?}: {all}");
        assert!(all.contains(says), "{words:?}: {all}");
    }
    assert_eq!(house.json(&["profile", "list"])["profiles"], serde_json::json!([]));
}

#[test]
fn a_wrong_operator_is_refused_with_the_names_that_there_are() {
    let house = House::new();
    house.packages(1);
    let said = house.types(&["profile", "import", "p0.der", "--operator", "gamma", "--type", "x"]);
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("smdpp: operator gamma") && said.err.contains("acme, beta"), "{}", said.err);
}

#[test]
fn a_damaged_package_is_refused_by_its_element_and_the_others_go_on() {
    let house = House::new();
    house.packages(2);
    let upp = fs::read(house.path("p0.der")).unwrap();
    fs::write(house.path("cut.der"), &upp[..upp.len() - 1]).unwrap();
    fs::write(house.path("empty.der"), b"").unwrap();
    let header = 2 + usize::from(upp[1]);
    fs::write(house.path("headless.der"), &upp[header..]).unwrap();
    let said = house.import(&["p0.der", "cut.der", "empty.der", "headless.der", "none.der", "p1.der"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("cut.der: the package is no row of complete DER values"), "{}", said.out);
    assert!(said.out.contains("headless.der: element 0 (mf)"), "{}", said.out);
    assert!(said.out.contains("none.der: cannot read it"), "{}", said.out);
    assert!(said.out.contains("2 imported, 4 refused"), "{}", said.out);
    assert!(said.err.contains("4 of 6 packages refused"), "{}", said.err);
}

#[test]
fn an_iccid_in_stock_is_refused_and_the_others_are_imported() {
    let house = House::new();
    house.packages(3);
    assert_eq!(house.import(&["p1.der"]).code, 0);
    let answer =
        house.json(&["profile", "import", "--operator", "beta", "--type", "x", "p0.der", "p1.der", "p2.der"]);
    assert_eq!(answer["imported"].as_array().unwrap().len(), 2);
    assert_eq!(answer["refused"][0]["file"], "p1.der");
    assert!(answer["refused"][0]["why"].as_str().unwrap().contains(&iccid(1)));
    let kept = house.json(&["profile", "show", &iccid(1)]);
    assert_eq!(kept["operator"], "acme");
}

#[test]
fn a_folder_of_hundreds_is_imported_and_listed_page_by_page() {
    let house = House::new();
    fs::create_dir(house.path("batch")).unwrap();
    for place in 0..600 {
        let upp = rig::upp::test_profile(&iccid(place), "246811234567890", 0);
        fs::write(house.path("batch").join(format!("{place}.der")), upp).unwrap();
    }
    fs::write(house.path("batch/README.txt"), b"not a package").unwrap();
    let said = house.import(&["batch"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("600 imported, 0 refused"), "{}", said.out);
    assert!(house.types(&["profile", "list"]).out.contains("--after"));
    let rest = house.json(&["profile", "list", "--after", &iccid(589), "--limit", "100"]);
    assert_eq!(rest["profiles"].as_array().unwrap().len(), 10);
    assert_eq!(house.json(&["audit", "verify"])["entries"], 600);
}

#[test]
fn lists_can_be_narrowed_and_an_empty_one_says_so() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    let none = "No profile is like that";
    for narrow in [["--state", "installed"], ["--operator", "beta"], ["--type", "iot"]] {
        let said = house.types(&[&["profile", "list"], narrow.as_slice()].concat());
        assert!(said.out.contains(none), "{narrow:?}: {}", said.out);
    }
    assert!(house.types(&["profile", "list", "--state", "available"]).out.contains(&iccid(0)));
    assert!(house.types(&["order", "list"]).out.contains("No order is like that"));
    assert_eq!(house.json(&["order", "list"])["orders"], serde_json::json!([]));
    let wrong = house.types(&["profile", "list", "--state", "asleep"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("Released"), "{}", wrong.err);
}

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
    profile::Command::DownloadOrder { call, eid: None, expires_at }
}

fn confirmed(matching_id: &str) -> profile::Command {
    profile::Command::ConfirmOrder(Confirm {
        eid: None,
        matching_id: Some(MatchingId::parse(matching_id).unwrap()),
        fresh: MatchingId::parse("UNUSED").unwrap(),
        confirmation_code_hash: Some([7; 32]),
        release_flag: true,
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
    for says in ["Allocated", "call-7", "has not confirmed", "0 of 10", "never", "ES2+.ConfirmOrder"] {
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
    assert!(said.contains("required, 0 wrong of 3") && said.contains("the phone downloads it"), "{said}");
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
    house.moves(&id, ordered(Some(SystemClock.now().plus_ms(-1))));
    house.moves(&id, confirmed("A"));
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
fn a_changed_row_is_pointed_at_with_exit_code_2() {
    let house = House::new();
    house.packages(3);
    house.import(&["p0.der", "p1.der", "p2.der"]);
    let good = house.json(&["audit", "verify"]);
    assert_eq!(
        (&good["verified"], &good["entries"], &good["profiles"]),
        (&true.into(), &3.into(), &3.into())
    );
    assert_eq!(good["head"].as_str().unwrap().len(), 64);

    let database = house.database();
    assert!(database.execute("UPDATE trail SET body = '{}' WHERE seq = 2", []).is_err(), "append-only");
    let forge = "DROP TRIGGER trail_no_update;
                 UPDATE trail SET body = replace(body, 'acme', 'beta'), at = at + 1 WHERE seq = 2";
    database.execute_batch(forge).unwrap();
    let said = house.types(&["audit", "verify"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("entry 2: the hash does not fit"), "{}", said.err);
    let answer = house.json(&["audit", "verify"]);
    assert_eq!((&answer["verified"], &answer["entry"]), (&false.into(), &2.into()));
}

#[test]
fn a_trail_cut_in_the_middle_or_at_its_end_is_noticed() {
    let house = House::new();
    house.packages(3);
    house.import(&["p0.der", "p1.der", "p2.der"]);
    let head = house.json(&["audit", "verify"])["head"].as_str().unwrap().to_owned();
    assert_eq!(house.types(&["audit", "verify", "--noted", &head]).code, 0);

    let database = house.database();
    database.execute_batch("DROP TRIGGER trail_no_delete; DELETE FROM trail WHERE seq = 3").unwrap();
    let said = house.types(&["audit", "verify"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("the trail says nothing"), "{}", said.err);

    // Whoever takes the Profile away with its entry is found by the head that was noted.
    database
        .execute_batch(
            "DELETE FROM package WHERE iccid NOT IN (SELECT iccid FROM trail);
             DELETE FROM profile WHERE iccid NOT IN (SELECT iccid FROM trail)",
        )
        .unwrap();
    assert_eq!(house.types(&["audit", "verify"]).code, 0);
    let said = house.types(&["audit", "verify", "--noted", &head]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("noted head hash is not in the trail"), "{}", said.err);

    database.execute_batch("DELETE FROM trail WHERE seq = 1").unwrap();
    assert!(house.types(&["audit", "verify"]).err.contains("expected entry 1"));
}

#[test]
fn a_profile_moved_behind_the_trail_s_back_is_noticed() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    house.database().execute("UPDATE profile SET state = 'Unavailable'", []).unwrap();
    let said = house.types(&["audit", "verify"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("stands in Unavailable, the trail says Available"), "{}", said.err);
}

#[test]
fn profiles_need_the_sealing_key_but_no_tls_key() {
    let house = House::new();
    house.packages(1);
    fs::remove_dir_all(house.path("pki")).unwrap();
    assert_eq!(house.import(&["p0.der"]).code, 0);
    assert_eq!(house.types(&["audit", "verify"]).code, 0);

    let key = house.path("data/seal.key");
    let right = fs::read(&key).unwrap();
    fs::write(&key, format!("{}\n", "AB".repeat(32))).unwrap();
    let said = house.types(&["profile", "list"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("sealed with another key"), "{}", said.err);
    fs::write(&key, "AB".repeat(31)).unwrap();
    assert!(house.types(&["profile", "list"]).err.contains("32 octets in hexadecimal"));
    fs::write(&key, &right).unwrap();
    open_to_all(&key);
    let said = house.types(&["profile", "list"]);
    assert!(said.err.contains("chmod 600"), "{}", said.err);
    fs::remove_file(&key).unwrap();
    assert!(house.types(&["profile", "list"]).err.contains("seal.key"));
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn a_typing_error_in_the_configuration_is_named_with_its_line() {
    let house = House::new();
    let path = house.path("smdpp.toml");
    let text = fs::read_to_string(&path).unwrap().replacen("listen =", "lisen =", 1);
    let line = text.lines().position(|line| line.starts_with("lisen")).unwrap() + 1;
    fs::write(&path, text).unwrap();
    let said = house.types(&["profile", "list"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains(&format!("smdpp.toml line {line}")) && said.err.contains("lisen"),
        "{}",
        said.err
    );
    let said = house.types(&["profile", "list", "--config", "none.toml"]);
    assert!(said.err.contains("none.toml") && said.err.contains("smdpp init"), "{}", said.err);
}

#[test]
fn serve_lists_all_that_is_wrong_and_not_only_the_first() {
    let house = House::new();
    let path = house.path("smdpp.toml");
    let text = fs::read_to_string(&path).unwrap().replace("mode = \"test\"", "mode = \"production\"");
    fs::write(&path, text).unwrap();
    open_to_all(&house.path("pki/dpauth.key"));
    fs::remove_file(house.path("pki/operator-ca.pem")).unwrap();
    let said = house.types(&["serve"]);
    assert_eq!(said.code, 1);
    for says in ["smdpp: 3 things", "production", "chmod 600", "operator-ca.pem"] {
        assert!(said.err.contains(says), "{says}: {}", said.err);
    }
}

#[test]
fn help_shows_examples_and_a_shell_gets_completions() {
    let house = House::new();
    for words in [&["profile", "import"][..], &["audit", "show"], &["order", "show"], &["serve"]] {
        let said = house.types(&[words, &["--help"]].concat());
        assert_eq!(said.code, 0);
        assert!(said.out.contains("Examples:"), "{}", said.out);
    }
    assert!(house.types(&["completions", "bash"]).out.contains("smdpp"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_reason_to_panic() {
    use std::process::Stdio;
    let house = House::new();
    let mut child = house
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}
