//! The commands, as typed.
use std::path::Path;

use clap::CommandFactory;
use clap::Parser;

use super::CliError;
use super::init::Init;
use super::pki::PkiCommand;
use crate::config::Config;
use crate::config::read_private;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_s(1_795_000_000);

#[derive(Debug, Parser)]
enum Typed {
    Init(Init),
    #[command(subcommand)]
    Pki(PkiCommand),
}

fn typed(words: &[&str]) -> Result<String, CliError> {
    let mut out = Vec::new();
    match Typed::try_parse_from([&["smdpp"], words].concat()).unwrap() {
        Typed::Init(init) => init.run(NOW, &mut out)?,
        Typed::Pki(pki) => pki.run(NOW, &mut out)?,
    }
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_command_line_is_well_formed() {
    Typed::command().debug_assert();
}

#[test]
fn init_with_a_test_pki_writes_a_configuration_that_loads_with_every_file_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new");
    let said =
        typed(&["init", dir.to_str().unwrap(), "--with-test-pki", "--address", "a.example.org"]).unwrap();
    assert!(said.contains("Next: smdpp serve --config"), "{said}");

    let config = Config::load(&dir.join("smdpp.toml"), |_| None).unwrap();
    assert_eq!(config.suspicious(), Vec::<String>::new());
    assert_eq!(config.address.as_str(), "a.example.org");
    assert_eq!(config.operator.len(), 2);
    let own = &config.credentials[0];
    let keys = [&own.dpauth_key, &own.dppb_key, &config.es9plus.tls_key, &config.vault.seal_key];
    assert!(keys.into_iter().all(|key| read_private(key).is_ok()));
    assert_eq!(read_private(&config.vault.seal_key).unwrap().expose().len(), 65);
    let certificates = [&own.dpauth_certificate, &own.dppb_certificate, &config.es2plus.client_ca];
    assert!(certificates.into_iter().all(|path| path.exists()));
}

#[test]
fn init_never_overwrites_and_a_refusal_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    assert!(typed(&["init", dir, "--with-test-pki"]).is_err());
    assert!(!folder.path().join("smdpp.toml").exists());
    assert!(!folder.path().join("data").exists());

    typed(&["init", dir]).unwrap();
    let seal = std::fs::read(folder.path().join("data/seal.key")).unwrap();
    let refused = typed(&["init", dir]).unwrap_err().to_string();
    assert!(refused.contains("never overwritten"), "{refused}");
    assert_eq!(std::fs::read(folder.path().join("data/seal.key")).unwrap(), seal);
}

#[test]
fn a_bad_address_oid_or_operator_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("pki");
    let name = dir.to_str().unwrap();
    for wrong in [
        ["--address", "https://a.example.com"],
        ["--address", "localhost"],
        ["--oid", "2"],
        ["--operator", "a/b"],
        ["--euiccs", "100001"],
    ] {
        assert!(typed(&[&["pki", "init-test", name], wrong.as_slice()].concat()).is_err(), "{wrong:?}");
    }
    assert!(typed(&["pki", "init-test", name, "--operator", "a", "--operator", "a"]).is_err());
    assert!(!dir.exists());
}

#[test]
fn a_test_pki_is_made_and_taken_over_in_two_commands() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let made = typed(&["pki", "init-test", first, "--euiccs", "20", "--operator", "x.y"]).unwrap();
    assert!(made.contains("… and"), "{made}");
    assert!(Path::new(first).join("operators/x.y.key").exists());
    let taken = typed(&["pki", "import", first, second]).unwrap();
    assert!(taken.contains("no operator CA"), "{taken}");
    assert!(typed(&["pki", "import", first, second]).is_err());
    println!("{made}\n{taken}");
}
