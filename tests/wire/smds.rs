//! The road through an SM-DS over real sockets: a server as a child process, a real SM-DS, an LPA that discovers.
use std::time::Duration;

use euicc::lpa::Offer;
use euicc::{ActivationCode, Card, Fault, Faults, LpaConfig};
use rig::operator_endpoint::{OperatorEndpoint, ProgressCall};
use rig::smds_beside::{SMDS_ADDRESS, SmdsBeside};
use rig::{Confirm, Es2Answer};
use smdpp::types::State;
use smds::Mischief;
use tokio::time::{Instant, sleep};

use crate::house::{House, Stocked};
use crate::progress::configure;

const CODE: &str = "tulip-4711";
/// How long the operator's endpoint is down.
const DOWN: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

/// A server with an SM-DS beside it, one eUICC, and Profiles in stock; running.
struct Lab {
    house: House,
    smds: SmdsBeside,
    stock: Vec<Stocked>,
    card: Card,
}

impl Lab {
    async fn open(profiles: u64) -> Self {
        let house = House::new(1);
        let smds = SmdsBeside::start(&house.server).await.unwrap();
        let mut lab = Self::around(house, smds, profiles);
        lab.house.server.start().unwrap();
        lab
    }

    fn around(house: House, smds: SmdsBeside, profiles: u64) -> Self {
        let stock = house.stock(0, profiles, 0);
        let card = house.server.pki().first_card().unwrap();
        Self { house, smds, stock, card }
    }

    fn iccid(&self, n: usize) -> String {
        self.stock[n].iccid.clone()
    }

    async fn download_order(&self, n: usize) -> Es2Answer {
        let eid = self.card.eid();
        self.house.operator("acme").download_order(Some(eid), Some(&self.iccid(n)), None).await.unwrap()
    }

    async fn confirm(&self, n: usize, code: Option<&str>) -> Result<Es2Answer, rig::RigError> {
        let confirm = Confirm {
            release: true,
            confirmation_code: code,
            smds_address: Some(SMDS_ADDRESS),
            ..Confirm::default()
        };
        self.house.operator("acme").confirm_order(&self.iccid(n), confirm).await
    }

    fn event_ids(&self) -> Vec<String> {
        self.smds.watch.events().into_iter().map(|event| event.event_id).collect()
    }

    async fn forgotten(&self) {
        let end = Instant::now() + SOON;
        while !self.smds.watch.events().is_empty() {
            assert!(Instant::now() < end, "{}", self.house.server.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGTERM and SIGKILL by turns.
    fn restart(&mut self, times: &mut u32) {
        *times += 1;
        if times.is_multiple_of(2) {
            self.house.server.kill();
        } else {
            self.house.server.terminate().unwrap();
        }
        self.house.server.start().unwrap();
    }
}

/// Order by EID, ConfirmOrder with smdsAddress, the event at the SM-DS, discovered, downloaded, gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_orders_through_an_smds_a_device_discovers_and_downloads() {
    let mut lab = Lab::open(2).await;
    for n in 0..2 {
        lab.download_order(n).await.success().unwrap();
        lab.confirm(n, None).await.unwrap().success().unwrap();
    }
    let asked = lab.smds.lpa(&lab.house.server).unwrap();
    let events = asked.discover(&mut lab.card, None).await.unwrap();
    let found: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(found, lab.event_ids());
    assert_eq!(asked.discover(&mut lab.card, Some(found[1])).await.unwrap(), events[1..]);
    let unknown = asked.discover(&mut lab.card, Some("NO-SUCH-EVENT")).await.unwrap_err();
    assert_eq!(unknown.codes(), Some(("8.9.5", "3.9")));
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event.rsp_server_address, lab.house.server.address());
        let code = ActivationCode {
            matching_id: Some(event.event_id.clone()),
            ..ActivationCode::default_server(&event.rsp_server_address)
        };
        let installed = lab.house.lpa().download(&mut lab.card, &code, None).await.unwrap();
        assert_eq!(installed.upp, lab.stock[n].upp);
    }
    lab.forgotten().await;
    assert_eq!(asked.discover(&mut lab.card, None).await.unwrap(), []);
    lab.house.server.terminate().unwrap();
    lab.house.eye().verify_trail().await;
}

/// The SM-DS believes no eUICC that does not sign rightly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smds_tells_nothing_to_an_euicc_that_it_cannot_verify() {
    let mut lab = Lab::open(0).await;
    let asked = lab.smds.lpa(&lab.house.server).unwrap();
    for (fault, codes) in [(Fault::Signature1Bad, ("8.1", "6.1"))] {
        lab.card.faults = Faults::none().with(fault);
        let refused = asked.discover(&mut lab.card, None).await.unwrap_err();
        assert_eq!(refused.codes(), Some(codes));
    }
    lab.card.faults = Faults::none();
    assert_eq!(asked.discover(&mut lab.card, None).await.unwrap(), []);
    let tls_roots = vec![lab.house.server.pki().ci().unwrap()];
    let connect = Some(lab.smds.es11().to_owned());
    let config = LpaConfig { connect, tls_roots, ..LpaConfig::default() };
    euicc::Lpa::new("other.example.com", config).unwrap().discover(&mut lab.card, None).await.unwrap_err();
}

/// SIGKILL while the SM-DS keeps its answer: the event is there, the order is not released, and the same call again
/// makes both agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_between_the_smds_and_the_release_ends_it_at_the_next_call() {
    let mut lab = Lab::open(1).await;
    lab.download_order(0).await.success().unwrap();
    lab.smds.watch.mischief(Some(Mischief::Hang));
    let cut = tokio::time::timeout(Duration::from_millis(1500), lab.confirm(0, None)).await;
    assert!(cut.is_err(), "{cut:?}");
    lab.house.server.kill();
    let event = lab.event_ids();
    assert_eq!(event.len(), 1);
    assert_eq!(lab.house.eye().state(&lab.iccid(0)).await, State::Linked);

    lab.smds.watch.mischief(None);
    lab.house.server.start().unwrap();
    let answer = lab.confirm(0, None).await.unwrap().success().unwrap();
    assert_eq!(answer.text("matchingId"), Some(&*event[0]));
    assert_eq!(lab.event_ids(), event);
    assert_eq!(lab.house.eye().state(&lab.iccid(0)).await, State::Released);
    lab.house.server.terminate().unwrap();
    lab.house.eye().verify_trail().await;
}

/// The whole road with the SM-DS, the Confirmation Code, the operator's endpoint down for the first minute, and a
/// restart of the server between any two steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_road_survives_a_restart_between_any_two_steps_and_a_minute_without_the_operator() {
    let house = House::new(1);
    let smds = SmdsBeside::start(&house.server).await.unwrap();
    let mut endpoint = OperatorEndpoint::start(&house.server.pki().ci().unwrap()).await.unwrap();
    configure(&house, "acme", &endpoint, "points = [1, 2, 3, 4]");
    endpoint.down().await;
    let down_until = Instant::now() + DOWN;
    let mut lab = Lab::around(house, smds, 1);
    lab.house.server.start().unwrap();
    let mut restarts = 0;

    lab.download_order(0).await.success().unwrap();
    lab.restart(&mut restarts);
    let answer = lab.confirm(0, Some(CODE)).await.unwrap().success().unwrap();
    let id = answer.text("matchingId").unwrap().to_owned();
    lab.restart(&mut restarts);

    let asked = lab.smds.lpa(&lab.house.server).unwrap();
    let [event] = asked.discover(&mut lab.card, None).await.unwrap().try_into().unwrap();
    assert_eq!(event.event_id, id);
    lab.restart(&mut restarts);
    let server = lab.house.lpa().initiate_authentication(&mut lab.card).await.unwrap();
    lab.restart(&mut restarts);
    let offer = lab.house.lpa().authenticate_client(&mut lab.card, &server, Some(&id)).await.unwrap();
    lab.restart(&mut restarts);
    bind(&mut lab, &offer, "a wrong code").await.unwrap_err();
    lab.restart(&mut restarts);
    let package = bind(&mut lab, &offer, CODE).await.unwrap();
    lab.restart(&mut restarts);
    lab.card.load_bound_profile_package(&package).unwrap();
    let iccid = lab.iccid(0);
    assert_eq!(lab.card.profile(&iccid).unwrap().upp, lab.stock[0].upp);
    lab.house.lpa().send_notifications(&mut lab.card).await.unwrap();
    lab.restart(&mut restarts);
    assert_eq!(restarts, 8);
    assert_eq!(lab.house.eye().state(&iccid).await, State::Installed);
    lab.forgotten().await;

    assert_eq!(endpoint.calls().len(), 0);
    tokio::time::sleep_until(down_until).await;
    endpoint.up().await.unwrap();
    // The wait between two tries has grown to a minute by now.
    let told: Vec<String> = endpoint.wait_for(4, DOWN * 2).await.iter().map(ProgressCall::says).collect();
    let wanted = ["1 Executed-Success", "2 Failed 8.2.7/3.8", "3 Executed-Success", "4 Executed-Success"];
    assert_eq!(told, wanted, "{}", lab.house.server.log());
    lab.house.server.terminate().unwrap();
    lab.house.eye().verify_trail().await;
}

/// GetBoundProfilePackage.
async fn bind(lab: &mut Lab, offer: &Offer, code: &str) -> Result<Vec<u8>, euicc::LpaError> {
    use base64::Engine;
    let lpa = lab.house.lpa();
    let request = lpa.get_bound_profile_package_request(&mut lab.card, offer, Some(code))?;
    let body = lpa.succeed(&lab.card, euicc::lpa::GET_BOUND_PROFILE_PACKAGE, request).await?;
    let text = body["boundProfilePackage"].as_str().unwrap();
    Ok(base64::engine::general_purpose::STANDARD.decode(text).unwrap())
}
