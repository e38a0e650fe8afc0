//! A real server in a folder of its own, its operators and eUICCs, and an eye on its database.
use std::fs;
use std::path::{Path, PathBuf};

use euicc::{ActivationCode, Lpa, LpaConfig};
use rig::{Certificates, Confirm, Es2Plus, Server, numbers, upp};
use smdpp::audit::Replay;
use smdpp::config::Config;
use smdpp::profile::Profile;
use smdpp::store::Store;
use smdpp::types::{Iccid, State};
use smdpp::world::World;

pub(crate) const ES9PLUS: &str = "/gsma/rsp2/es9plus/";
pub(crate) const ES2PLUS: &str = "/gsma/rsp2/es2plus/";

pub(crate) struct House {
    pub(crate) server: Server,
}

/// A Profile in stock, and the octets it was imported from.
#[derive(Debug, Clone)]
pub(crate) struct Stocked {
    pub(crate) iccid: String,
    pub(crate) upp: Vec<u8>,
}

impl House {
    /// Fresh keys; not started yet.
    pub(crate) fn new(euiccs: usize) -> Self {
        Self::with(Certificates::Fresh { euiccs })
    }

    pub(crate) fn with(certificates: Certificates<'_>) -> Self {
        let built = fs::canonicalize(env!("CARGO_BIN_EXE_smdpp")).unwrap();
        assert_eq!(fs::canonicalize(rig::smdpp().unwrap()).unwrap(), built, "the rig runs another program");
        Self { server: Server::fresh(certificates).unwrap() }
    }

    /// The same with Profiles in stock, running.
    pub(crate) fn open(euiccs: usize, profiles: u64) -> (Self, Vec<Stocked>) {
        let mut house = Self::new(euiccs);
        let stock = house.stock(0, profiles, 0);
        house.server.start().unwrap();
        (house, stock)
    }

    /// Puts a value in the configuration in place of another.
    pub(crate) fn set(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.server.config()).unwrap();
        assert!(text.contains(old), "{old} is not in the configuration");
        fs::write(self.server.config(), text.replace(old, new)).unwrap();
    }

    /// Imports Profiles for acme, of type `consumer`.
    pub(crate) fn stock(&self, first: u64, count: u64, padding_octets: usize) -> Vec<Stocked> {
        let made: Vec<Stocked> = (first..first + count)
            .map(|n| {
                let iccid = numbers::iccid(n);
                let upp = upp::test_profile(&iccid, &numbers::imsi(n), padding_octets);
                Stocked { iccid, upp }
            })
            .collect();
        let files: Vec<PathBuf> = made.iter().map(|one| self.write(&one.iccid, &one.upp)).collect();
        for some in files.chunks(200) {
            self.import("acme", "consumer", some);
        }
        made
    }

    pub(crate) fn write(&self, name: &str, upp: &[u8]) -> PathBuf {
        let path = self.server.folder().join(format!("{name}.der"));
        fs::write(&path, upp).unwrap();
        path
    }

    pub(crate) fn import<P: AsRef<Path>>(&self, operator: &str, profile_type: &str, files: &[P]) {
        let mut words: Vec<String> =
            ["profile", "import", "--operator", operator, "--type", profile_type].map(str::to_owned).to_vec();
        words.extend(files.iter().map(|file| file.as_ref().display().to_string()));
        self.server.smdpp(&words).unwrap();
    }

    pub(crate) fn operator(&self, name: &str) -> Es2Plus {
        Es2Plus::of(&self.server, name).unwrap()
    }

    /// An LPA that keeps its connection.
    pub(crate) fn lpa(&self) -> Lpa {
        self.lpa_with(LpaConfig { keep_alive: true, ..LpaConfig::default() })
    }

    pub(crate) fn lpa_with(&self, config: LpaConfig) -> Lpa {
        let connect = Some(self.server.ready().unwrap().es9plus.clone());
        let tls_roots = vec![self.server.pki().ci().unwrap()];
        Lpa::new(self.server.address(), LpaConfig { connect, tls_roots, ..config }).unwrap()
    }

    /// Orders and releases; gives the Activation Code that the operator would print.
    pub(crate) async fn order(
        &self,
        operator: &Es2Plus,
        iccid: &str,
        eid: Option<&str>,
        confirm: Confirm<'_>,
    ) -> ActivationCode {
        operator.download_order(eid, Some(iccid), None).await.unwrap().success().unwrap();
        let confirm = Confirm { release: true, eid, ..confirm };
        let answer = operator.confirm_order(iccid, confirm).await.unwrap().success().unwrap();
        let matching_id = answer.text("matchingId").map(str::to_owned).filter(|id| !id.is_empty());
        ActivationCode {
            confirmation_code_required: confirm.confirmation_code.is_some(),
            matching_id,
            ..ActivationCode::default_server(self.server.address())
        }
    }

    pub(crate) fn eye(&self) -> Eye {
        let config = Config::load(&self.server.config(), |_| None).unwrap();
        Eye { store: World::open_store(&config).map_err(|refusals| refusals.0).unwrap() }
    }
}

/// Looks at the database beside the running server.
pub(crate) struct Eye {
    pub(crate) store: Store,
}

impl Eye {
    pub(crate) async fn profile(&self, iccid: &str) -> Profile {
        self.store.reader().profile(&Iccid::parse(iccid).unwrap()).await.unwrap().expect("a Profile").value
    }

    pub(crate) async fn state(&self, iccid: &str) -> State {
        self.profile(iccid).await.state()
    }

    pub(crate) async fn trail_entries(&self) -> i64 {
        self.store.reader().trail_end(1).await.unwrap().last().map_or(0, |entry| entry.seq)
    }

    pub(crate) async fn states(&self) -> Vec<(String, State)> {
        let mut all: Vec<(String, State)> = Vec::new();
        loop {
            let after = all.last().map_or(String::new(), |(iccid, _)| iccid.clone());
            let page = self.store.reader().states(&after).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// Recomputes the trail and sets it beside the Profiles. Nobody may write meanwhile.
    pub(crate) async fn verify_trail(&self) {
        let mut replay = Replay::default();
        loop {
            let page = self.store.reader().trail(replay.head().seq).await.unwrap();
            if page.is_empty() {
                break;
            }
            page.iter().try_for_each(|entry| replay.follow(entry)).unwrap_or_else(|why| panic!("{why}"));
        }
        let states = self.states().await;
        let rows = states.iter().map(|(iccid, state)| (iccid.as_str(), *state));
        replay.compare(rows).unwrap_or_else(|why| panic!("{why}"));
    }
}

/// Small, seeded, and not for secrets: the same seed gives the same run.
pub(crate) struct Dice(u64);

impl Dice {
    /// From `WIRE_SEED`, else from the clock; printed so that a run can be repeated.
    pub(crate) fn thrown(what: &str) -> Self {
        let given = std::env::var("WIRE_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            std::time::UNIX_EPOCH.elapsed().map_or(1, |since| u64::from(since.subsec_nanos()))
        });
        println!("{what}: WIRE_SEED={seed}");
        Self::new(seed)
    }

    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number under `end` (xorshift64*).
    pub(crate) fn under(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}
