//! The commands, typed at the real program in a folder of their own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by its panic")]
mod audit;
mod orders;
mod outbox;
mod profiles;
mod refusals;
mod revocation;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use smdpp::change::Change;
use smdpp::change::Versioned;
use smdpp::config::Config;
use smdpp::profile;
use smdpp::time::Clock;
use smdpp::time::SystemClock;
use smdpp::types::Actor;
use smdpp::types::Iccid;
use smdpp::types::OperatorId;
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
