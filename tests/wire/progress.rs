//! The operator is told how its downloads go (ES2+.HandleDownloadProgressInfo), whatever its endpoint does meanwhile:
//! conformance cases PI-01 and PI-02.
use std::fs;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::{ActivationCode, Card};
use rig::operator_endpoint::{Manner, OperatorEndpoint, ProgressCall};
use rig::{Confirm, Es2Plus};
use tokio::time::Instant;

use crate::house::{House, Stocked};

const PATH: &str = "/gsma/rsp2/es2plus/handleDownloadProgressInfo";
const SOON: Duration = Duration::from_secs(20);

/// Points 3 and 4, which are agreed unless something else is.
const A_DOWNLOAD: [&str; 2] = ["3 Executed-Success", "4 Executed-Success"];

/// acme has an endpoint; the server runs, with Profiles in stock.
struct Told {
    house: House,
    endpoint: OperatorEndpoint,
    stock: Vec<Stocked>,
    card: Card,
}

impl Told {
    async fn with(profiles: u64, agreed: &str) -> Self {
        let mut house = House::new(1);
        let endpoint = OperatorEndpoint::start(&house.server.pki().ci().unwrap()).await.unwrap();
        configure(&house, "acme", &endpoint, agreed);
        let stock = house.stock(0, profiles, 0);
        house.server.start().unwrap();
        let card = house.server.pki().first_card().unwrap();
        Self { house, endpoint, stock, card }
    }

    fn operator(&self) -> Es2Plus {
        self.house.operator("acme")
    }

    async fn order(&self, n: usize) -> ActivationCode {
        self.house.order(&self.operator(), &self.stock[n].iccid, None, Confirm::default()).await
    }

    /// A whole download; gives how long it took.
    async fn download(&mut self, n: usize) -> Duration {
        let code = self.order(n).await;
        let begin = Instant::now();
        self.house.lpa().download(&mut self.card, &code, None).await.unwrap();
        begin.elapsed()
    }

    async fn says(&self, count: usize) -> Vec<String> {
        self.endpoint.wait_for(count, SOON).await.iter().map(ProgressCall::says).collect()
    }

    async fn waiting(&self) -> usize {
        self.house.eye().store.reader().errands(None, 10_000).await.unwrap().len()
    }

    /// An errand is deleted a moment after its answer.
    async fn nothing_waits(&self) {
        let end = Instant::now() + SOON;
        while self.waiting().await != 0 {
            assert!(Instant::now() < end, "{}", self.house.server.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Writes `[operator.progress]` behind the operator's name.
pub(crate) fn configure(house: &House, operator: &str, endpoint: &OperatorEndpoint, agreed: &str) {
    let ca = format!("{operator}-endpoint.pem");
    fs::write(house.server.folder().join(&ca), endpoint.ca_pem()).unwrap();
    let mark = format!("\ncommon_name = \"{operator}\"\n");
    let progress = format!("[operator.progress]\nurl = \"{}\"\nca = \"{ca}\"\n{agreed}\n", endpoint.url());
    let text = fs::read_to_string(house.server.config()).unwrap();
    assert!(text.contains(&mark), "{text}");
    let text = text.replacen(&mark, &format!("{mark}{progress}"), 1);
    fs::write(house.server.config(), text).unwrap();
}

fn call_name(call: &ProgressCall) -> String {
    call.text("/header/functionCallIdentifier").to_owned()
}

/// PI-01.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_told_at_the_points_that_were_agreed_with_all_that_must_be_said() {
    let mut told = Told::with(1, "points = [1, 2, 3, 4]\nenable_point = 100").await;
    told.download(0).await;
    told.card.enable(&told.stock[0].iccid).unwrap();
    told.house.lpa().send_notifications(&mut told.card).await.unwrap();
    let wanted = ["1 Executed-Success", "3 Executed-Success", "4 Executed-Success", "100 Executed-Success"];
    assert_eq!(told.says(4).await, wanted);
    told.nothing_waits().await;

    let calls = told.endpoint.calls();
    for call in &calls {
        assert_eq!((&*call.path, &*call.content_type), (PATH, "application/json"));
        assert!(call.admin_protocol.starts_with("gsma/rsp/v2."), "{}", call.admin_protocol);
        assert_eq!(call.text("/iccid"), told.stock[0].iccid);
        assert_eq!(call.text("/eid"), told.card.eid());
        assert_eq!(call.text("/profileType"), "consumer");
        assert_eq!(call.text("/header/functionRequesterIdentifier"), told.house.server.address());
        let (date, zone) = call.text("/timestamp").split_at(19);
        assert!(zone == "Z" && date.as_bytes()[10] == b'T' && !date.contains('.'), "{date}{zone}");
        assert!(call.body["notificationPointId"].is_u64());
        let ours = fs::read(told.house.server.folder().join("pki/dptls.pem")).unwrap();
        assert_eq!(call.certificate, euicc::identity::certificate_der(&ours).unwrap());
    }
    let result = STANDARD.decode(calls[2].text("/resultData")).unwrap();
    // finalResult [2] with successResult [0].
    assert_eq!((result[0], result[2]), (0xA2, 0xA0), "{result:02X?}");
    assert!([0, 1, 3].iter().all(|n: &usize| calls[*n].body.get("resultData").is_none()));
    let mut names: Vec<String> = calls.iter().map(call_name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "each call has its own name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_gave_no_endpoint_is_told_nothing() {
    let mut house = House::new(1);
    let endpoint = OperatorEndpoint::start(&house.server.pki().ci().unwrap()).await.unwrap();
    configure(&house, "beta", &endpoint, "points = [1, 2, 3, 4]");
    let stock = house.stock(0, 1, 0);
    house.server.start().unwrap();
    let code = house.order(&house.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    let mut card = house.server.pki().first_card().unwrap();
    house.lpa().download(&mut card, &code, None).await.unwrap();
    assert!(house.eye().store.reader().errands(None, 10).await.unwrap().is_empty());
    assert!(endpoint.calls().is_empty());
}

/// PI-02 (a): down, and up again after the server was started anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_told_waits_survives_a_restart_and_is_told_in_order() {
    let mut told = Told::with(2, "").await;
    told.endpoint.down().await;
    told.download(0).await;
    told.download(1).await;
    assert_eq!(told.waiting().await, 4);
    assert!(told.house.server.terminate().unwrap().success());
    assert_eq!(told.waiting().await, 4, "a gentle stop keeps what waits");
    let list = told.house.server.smdpp(&["outbox", "list"]).unwrap();
    assert!(
        list.contains("operator acme") && list.contains("point 4") && list.contains("could not connect"),
        "{list}"
    );
    assert!(!list.contains(told.card.eid()), "no EID in a list: {list}");
    let shown = told.house.server.smdpp(&["order", "show", &told.stock[1].iccid]).unwrap();
    assert!(shown.contains("not told yet"), "{shown}");

    told.endpoint.up().await.unwrap();
    told.house.server.start().unwrap();
    let said = told.house.server.smdpp(&["outbox", "retry"]).unwrap();
    assert!(said.contains("errand"), "{said}");
    assert_eq!(told.says(4).await, [A_DOWNLOAD, A_DOWNLOAD].concat());
    let iccids: Vec<String> =
        told.endpoint.calls().iter().map(|call| call.text("/iccid").to_owned()).collect();
    let (first, second) = (&told.stock[0].iccid, &told.stock[1].iccid);
    assert_eq!(iccids.iter().collect::<Vec<_>>(), [first, first, second, second]);
    told.nothing_waits().await;
    assert_eq!(told.house.server.smdpp(&["outbox", "list"]).unwrap(), "Nothing waits.\n");
}

/// PI-02 (b): a download takes as long as without, and another operator is not delayed either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_endpoint_delays_neither_a_download_nor_another_operator() {
    let mut told = Told::with(2, "").await;
    assert!(told.house.server.terminate().unwrap().success());
    let beta = OperatorEndpoint::start(&told.house.server.pki().ci().unwrap()).await.unwrap();
    configure(&told.house, "beta", &beta, "");
    let iccid = rig::numbers::iccid(7);
    let upp = rig::upp::test_profile(&iccid, &rig::numbers::imsi(7), 0);
    told.house.import("beta", "consumer", &[told.house.write(&iccid, &upp)]);
    told.house.server.start().unwrap();

    told.endpoint.behave(Manner::AnswersLate(204, Duration::from_secs(8)));
    let slow = told.download(0).await + told.download(1).await;
    assert!(slow < Duration::from_secs(6), "two downloads took {slow:?}");
    let code = told.house.order(&told.house.operator("beta"), &iccid, None, Confirm::default()).await;
    let begin = Instant::now();
    told.house.lpa().download(&mut told.card, &code, None).await.unwrap();
    assert_eq!(beta.wait_for(2, SOON).await.len(), 2);
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    assert_eq!(told.endpoint.calls().len(), 1, "acme's lane waits for its first answer");
}

/// PI-02 (c): the same call again, under the same name, until it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_answered_500_is_repeated_under_its_name() {
    let mut told = Told::with(1, "points = [4]").await;
    told.endpoint.behave(Manner::Answers(500));
    told.download(0).await;
    let calls = told.endpoint.wait_for(2, SOON).await;
    assert_eq!(calls[0].body, calls[1].body, "the repetition is the same call");
    let pause = calls[1].at - calls[0].at;
    assert!(pause > Duration::from_millis(700), "{pause:?}");
    told.endpoint.behave(Manner::Answers(200));
    let calls = told.endpoint.wait_for(3, SOON).await;
    assert_eq!(call_name(&calls[2]), call_name(&calls[0]));
    told.nothing_waits().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_errand_that_is_refused_does_not_hold_up_those_behind_it() {
    let mut told = Told::with(2, "points = [4]").await;
    told.endpoint.behave(Manner::Answers(400));
    told.download(0).await;
    told.endpoint.wait_for(1, SOON).await;
    told.endpoint.behave(Manner::Answers(204));
    told.download(1).await;
    let calls = told.endpoint.wait_for(3, SOON).await;
    assert_eq!(calls.len(), 3);
    told.nothing_waits().await;
}

/// An errand is written with the move that it is about, so a crash loses neither alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_tells_all_that_it_had_acknowledged() {
    let mut told = Told::with(12, "").await;
    told.endpoint.behave(Manner::Answers(503));
    for n in 0..4 {
        for one in 0..3 {
            told.download(n * 3 + one).await;
        }
        told.house.server.kill();
        if n == 2 {
            told.endpoint.behave(Manner::Answers(204));
        }
        told.house.server.start().unwrap();
    }
    told.house.server.smdpp(&["outbox", "retry"]).unwrap();
    told.nothing_waits().await;
    let calls = told.endpoint.calls();
    for stocked in &told.stock {
        for point in A_DOWNLOAD {
            let told = |call: &&ProgressCall| call.text("/iccid") == stocked.iccid && call.says() == point;
            assert!(calls.iter().any(|call| told(&call)), "{} {point}", stocked.iccid);
        }
    }
    told.house.eye().verify_trail().await;
}

/// A foreign server at the operator's address hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_another_issuer_vouches_for_is_told_nothing() {
    let mut told = Told::with(1, "").await;
    let other = OperatorEndpoint::start(&told.house.server.pki().ci().unwrap()).await.unwrap();
    assert!(told.house.server.terminate().unwrap().success());
    fs::write(told.house.server.folder().join("acme-endpoint.pem"), other.ca_pem()).unwrap();
    told.house.server.start().unwrap();
    told.download(0).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(told.endpoint.calls().is_empty());
    let waiting = told.house.eye().store.reader().errands(None, 10).await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert!(waiting[0].last_error.as_deref().is_some_and(|why| why.contains("TLS")), "{waiting:?}");
}
