//! `smds` as a person types it.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use smdpp::mint::{Plan, TestPki};
use smdpp::time::{Clock, SystemClock};

fn pki(folder: &Path) {
    TestPki::new(&Plan::example().unwrap(), SystemClock.now()).unwrap().write(folder).unwrap();
}

fn smds(folder: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_smds"))
        .arg("--pki")
        .arg(folder)
        .args(["--listen-es11", "127.0.0.1:0", "--listen-es12", "127.0.0.1:0", "--until-eof"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn it_says_where_it_listens_and_stops_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pki");
    pki(&place);
    let mut running = smds(&place, &[]);
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    for door in ["es11", "es12"] {
        std::net::TcpStream::connect(ready[door].as_str().unwrap()).unwrap();
    }
    drop(running.stdin.take());
    assert!(running.wait().unwrap().success());
}

#[test]
fn what_is_wrong_with_its_files_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pki");
    pki(&place);
    let says = |more: &[&str]| {
        let output = smds(&place, more).wait_with_output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(says(&["--address", "other.example.com"]).contains("dstls.pem"));
    std::fs::copy(place.join("dpauth.pem"), place.join("dsauth.pem")).unwrap();
    assert!(says(&[]).contains("is no CERT.DSauth"));
    std::fs::remove_file(place.join("dsauth.pem")).unwrap();
    assert!(says(&[]).contains("cannot read"));
}
