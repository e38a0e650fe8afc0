//! A server that is killed (SIGKILL) and started again: case ST-02. A process of its own: only that can be killed.
use std::time::Duration;

use euicc::lpa::{Authentication, HANDLE_NOTIFICATION, Offer};
use euicc::{Card, Lpa, LpaConfig};
use rig::{Certificates, Confirm, Es2Plus, Server, numbers, upp};
use serde_json::Value;
use smdpp::audit::Replay;
use smdpp::config::Config;
use smdpp::profile::Profile;
use smdpp::store::Store;
use smdpp::types::{Iccid, State};
use smdpp::world::World;

use crate::case::{self, Case};
use crate::scene::{CODE, octets};

pub(super) fn case() -> Case {
    case::case("ST-02", "stopped hard, and started again", "choice", "")
        .part("a", "after each call of ES2+", "order, state and MatchingID as they were", after_each_order)
        .part("b", "after AuthenticateClient", "the attempt counted; the session goes on: OK", || {
            after_a_step(false)
        })
        .part("c", "after GetBoundProfilePackage", "the same request: the same package; Installed", || {
            after_a_step(true)
        })
        .part("d", "between a result and its answer, at seven moments", "sent again: 204; one effect", || {
            within_a_result()
        })
}

struct Process {
    server: Server,
    iccids: Vec<String>,
}

impl Process {
    fn start(profiles: u64) -> Self {
        let mut server = Server::fresh(Certificates::Fresh { euiccs: 1 }).unwrap();
        let mut import: Vec<String> =
            ["profile", "import", "--operator", "acme", "--type", "consumer"].map(str::to_owned).to_vec();
        let mut iccids = Vec::new();
        for n in 0..profiles {
            let iccid = numbers::iccid(n);
            let path = server.folder().join(format!("{iccid}.der"));
            std::fs::write(&path, upp::test_profile(&iccid, &numbers::imsi(n), 0)).unwrap();
            import.push(path.display().to_string());
            iccids.push(iccid);
        }
        server.smdpp(&import).unwrap();
        server.start().unwrap();
        Self { server, iccids }
    }

    fn killed(&mut self) {
        self.server.kill();
        self.server.start().unwrap();
    }

    fn operator(&self) -> Es2Plus {
        Es2Plus::of(&self.server, "acme").unwrap()
    }

    /// The ports are new after each start.
    fn lpa(&self) -> Lpa {
        let connect = Some(self.server.ready().unwrap().es9plus.clone());
        let tls_roots = vec![self.server.pki().ci().unwrap()];
        Lpa::new(self.server.address(), LpaConfig { connect, tls_roots, ..LpaConfig::default() }).unwrap()
    }

    fn store(&self) -> Store {
        let config = Config::load(&self.server.config(), |_| None).unwrap();
        World::open_store(&config).map_err(|refusals| refusals.0).unwrap()
    }

    async fn profile(&self, iccid: &str) -> Profile {
        self.store().reader().profile(&Iccid::parse(iccid).unwrap()).await.unwrap().unwrap().value
    }

    async fn state(&self, iccid: &str) -> State {
        self.profile(iccid).await.state()
    }

    /// A released order with a Confirmation Code; gives its MatchingID.
    async fn released(&self, iccid: &str) -> String {
        let operator = self.operator();
        operator.download_order(None, Some(iccid), None).await.unwrap().success().unwrap();
        let confirm = Confirm { release: true, confirmation_code: Some(CODE), ..Confirm::default() };
        let answer = operator.confirm_order(iccid, confirm).await.unwrap().success().unwrap();
        answer.text("matchingId").unwrap().to_owned()
    }

    /// The trail is whole, and what it says is what the rows say.
    async fn verify_trail(&self) {
        let store = self.store();
        let mut replay = Replay::default();
        loop {
            let page = store.reader().trail(replay.head().seq).await.unwrap();
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|entry| replay.follow(entry).unwrap());
        }
        let rows = store.reader().states("").await.unwrap();
        replay.compare(rows.iter().map(|(iccid, state)| (iccid.as_str(), *state))).unwrap();
    }

    /// How often the Profile was installed, by the trail.
    async fn installations(&self, iccid: &str) -> usize {
        let life = self.store().reader().trail_of(&Iccid::parse(iccid).unwrap()).await.unwrap();
        life.iter().filter(|entry| entry.body.contains("\"profile_installed\"")).count()
    }
}

async fn after_each_order() {
    let mut process = Process::start(1);
    let iccid = process.iccids[0].clone();
    let confirm = Confirm { confirmation_code: Some(CODE), matching_id: None, ..Confirm::default() };
    let mut told: Option<String> = None;
    for (step, state) in
        [("download", State::Allocated), ("confirm", State::Confirmed), ("release", State::Released)]
    {
        let operator = process.operator();
        let answer = match step {
            "download" => operator.download_order(None, Some(&iccid), None).await,
            "confirm" => operator.confirm_order(&iccid, confirm).await,
            _ => operator.release_profile(&iccid).await,
        };
        let answer = answer.unwrap().success().unwrap();
        told = told.or(answer.text("matchingId").map(str::to_owned));
        let before = process.profile(&iccid).await;
        process.killed();
        assert_eq!((process.profile(&iccid).await, before.state()), (before.clone(), state));
    }
    let again = process.operator().confirm_order(&iccid, confirm).await.unwrap().success().unwrap();
    assert_eq!(again.text("matchingId").map(str::to_owned), told);
    let cancelled = process.operator().cancel_order(&iccid, None, told.as_deref(), "Available").await;
    cancelled.unwrap().success().unwrap();
    process.killed();
    assert_eq!(process.state(&iccid).await, State::Available);
    process.released(&iccid).await;
    process.verify_trail().await;
}

async fn authenticate(lpa: &Lpa, card: &mut Card, id: &str) -> Offer {
    let server: Authentication = lpa.initiate_authentication(card).await.unwrap();
    lpa.authenticate_client(card, &server, Some(id)).await.unwrap()
}

async fn after_a_step(bound: bool) {
    let mut process = Process::start(1);
    let iccid = process.iccids[0].clone();
    let id = process.released(&iccid).await;
    let mut card = process.server.pki().first_card().unwrap();
    let offer = authenticate(&process.lpa(), &mut card, &id).await;
    let request = process.lpa().get_bound_profile_package_request(&mut card, &offer, Some(CODE)).unwrap();
    let mut package: Option<Value> = None;
    if bound {
        let body = process.lpa().succeed(&card, "getBoundProfilePackage", request.clone()).await.unwrap();
        package = Some(body);
    }
    let before = process.profile(&iccid).await;
    process.killed();
    assert_eq!(process.profile(&iccid).await, before);
    assert_eq!(before.order().unwrap().download_attempts, 1);
    let body = process.lpa().succeed(&card, "getBoundProfilePackage", request).await.unwrap();
    assert!(package.is_none_or(|package| package == body));
    card.load_bound_profile_package(&octets(&body, "boundProfilePackage")).unwrap();
    process.lpa().send_notifications(&mut card).await.unwrap();
    assert_eq!(process.state(&iccid).await, State::Installed);
    process.verify_trail().await;
}

async fn within_a_result() {
    let mut process = Process::start(7);
    let mut card = process.server.pki().first_card().unwrap();
    for (wait_ms, iccid) in [0, 1, 2, 3, 5, 8, 20].into_iter().zip(process.iccids.clone()) {
        let id = process.released(&iccid).await;
        let lpa = process.lpa();
        let offer = authenticate(&lpa, &mut card, &id).await;
        let package = lpa.get_bound_profile_package(&mut card, &offer, Some(CODE)).await.unwrap();
        let result = card.load_bound_profile_package(&package).unwrap();
        let request = lpa.handle_notification_request(&result);
        // Nobody hears the answer, whether it was given or not.
        let sending = tokio::spawn(async move { drop(lpa.call(HANDLE_NOTIFICATION, request).await) });
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        process.killed();
        sending.await.unwrap();
        assert!(matches!(process.state(&iccid).await, State::Downloaded | State::Installed));
        for _ in 0..2 {
            let request = process.lpa().handle_notification_request(&result);
            assert_eq!(process.lpa().call(HANDLE_NOTIFICATION, request).await.unwrap().status, 204);
            assert_eq!(process.state(&iccid).await, State::Installed);
            assert_eq!(process.installations(&iccid).await, 1, "killed after {wait_ms} ms");
        }
    }
    process.verify_trail().await;
}
