//! Files that do not fit, words that make no sense, and help.
use std::fs;
use std::path::Path;

use super::House;

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
    let said = house.types(&["profile", "list"]);
    assert!(said.err.contains("seal.key") && said.err.contains("Restore it"), "{}", said.err);
    assert!(!said.err.contains("init-test"), "{}", said.err);
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
    assert!(said.err.contains("pki init-test"), "{}", said.err);
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

#[test]
fn a_server_does_not_end_because_nobody_reads_its_banner() {
    use std::process::Stdio;
    let house = House::new();
    let ready = house.path("ready.json");
    let mut serve = house.command(&["serve", "--until-eof", "--ready-file", "ready.json"]);
    serve.env("SMDPP_ES9PLUS_LISTEN", "127.0.0.1:0").env("SMDPP_ES2PLUS_LISTEN", "127.0.0.1:0");
    let mut child =
        serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let wait = |ms| std::thread::sleep(std::time::Duration::from_millis(ms));
    for _ in 0..1000 {
        if ready.exists() {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before its doors were open");
        wait(20);
    }
    assert!(ready.exists());
    wait(200);
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
