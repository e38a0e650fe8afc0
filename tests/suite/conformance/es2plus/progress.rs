//! HandleDownloadProgressInfo (5.3.5): cases PI, and what other cases say that the operator is told.
use std::fs;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::Card;
use rig::Confirm;
use rig::operator_endpoint::{Manner, OperatorEndpoint, ProgressCall};
use smdpp::errand::{Agreement, Agreements, Errand, LaterLife, Point};
use smdpp::types::OperatorId;
use tokio::time::Instant;

use crate::case::{Case, case};
use crate::house::{House, Wishes};
use crate::program::{House as Program, Stocked};

const PATH: &str = "/gsma/rsp2/es2plus/handleDownloadProgressInfo";
const SOON: Duration = Duration::from_secs(20);
const A_DOWNLOAD: [&str; 2] = ["3 Executed-Success", "4 Executed-Success"];

pub(super) fn cases() -> [Case; 2] {
    [
        case("PI-01", "the operator is told of a download", "5.3.5, T32a", "").part(
            "",
            "a whole download, with points 1, 3 and 4 agreed",
            "three calls over mutual TLS: mandatory members, zone, EID, result at 4, a name each",
            told_of_a_download,
        ),
        case("PI-02", "an operator's end point that fails", "3.1.3 NOTE (v2.5); repetition: choice", "")
            .part("a", "it is down", "the download is not delayed; told in order once it is up", down)
            .part("b", "it answers after eight seconds", "two downloads in less than six", slow)
            .part("c", "it answers 500", "the same call again, under the same name", repeated),
    ]
}

/// A server whose operator acme agreed to these points.
pub(crate) fn agreed(points: &[Point]) -> Wishes {
    let later_life = LaterLife { install: None, enable: None, disable: None, delete: None };
    let acme = Agreement { points: points.iter().copied().collect(), later_life };
    let agreements: Agreements = [(OperatorId::parse("acme").unwrap(), acme)].into_iter().collect();
    Wishes { agreements, ..Wishes::default() }
}

/// Takes all that waits for the operator, in short: `2 Failed 8.2.7/3.8`.
pub(crate) async fn told(house: &House) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(head) = house.store.reader().errand_heads(house.now()).await.unwrap().into_iter().next() {
        house.store.delivered(&head.posted.call).await.unwrap();
        match head.posted.errand {
            Errand::Progress(progress) => all.push(format!("{} {}", progress.point, progress.status)),
            Errand::DeleteEvent(_) => {}
        }
    }
    all
}

/// The real program, with an end point of acme's.
struct Told {
    program: Program,
    endpoint: OperatorEndpoint,
    stock: Vec<Stocked>,
    card: Card,
}

impl Told {
    async fn with(profiles: u64, agreed: &str) -> Self {
        let mut program = Program::new(1);
        let endpoint = OperatorEndpoint::start(&program.server.pki().ci().unwrap()).await.unwrap();
        fs::write(program.server.folder().join("acme-endpoint.pem"), endpoint.ca_pem()).unwrap();
        let mark = "\ncommon_name = \"acme\"\n";
        let progress =
            format!("[operator.progress]\nurl = \"{}\"\nca = \"acme-endpoint.pem\"\n", endpoint.url());
        program.set(mark, &format!("{mark}{progress}{agreed}\n"));
        let stock = program.stock(0, profiles, 0);
        program.server.start().unwrap();
        let card = program.server.pki().first_card().unwrap();
        Self { program, endpoint, stock, card }
    }

    /// A whole download; gives how long it took.
    async fn download(&mut self, n: usize) -> Duration {
        let operator = self.program.operator("acme");
        let code = self.program.order(&operator, &self.stock[n].iccid, None, Confirm::default()).await;
        let begin = Instant::now();
        self.program.lpa().download(&mut self.card, &code, None).await.unwrap();
        begin.elapsed()
    }

    async fn says(&self, count: usize) -> Vec<String> {
        self.endpoint.wait_for(count, SOON).await.iter().map(ProgressCall::says).collect()
    }
}

async fn told_of_a_download() {
    let mut told = Told::with(1, "points = [1, 2, 3, 4]").await;
    told.download(0).await;
    assert_eq!(told.says(3).await, ["1 Executed-Success", "3 Executed-Success", "4 Executed-Success"]);
    let calls = told.endpoint.calls();
    let ours = fs::read(told.program.server.folder().join("pki/dptls.pem")).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for call in &calls {
        assert_eq!((&*call.path, &*call.content_type), (PATH, "application/json"));
        assert!(call.admin_protocol.starts_with("gsma/rsp/v2."), "{}", call.admin_protocol);
        assert_eq!(call.certificate, euicc::identity::certificate_der(&ours).unwrap());
        assert_eq!((call.text("/iccid"), call.text("/eid")), (&*told.stock[0].iccid, told.card.eid()));
        assert_eq!(call.text("/profileType"), "consumer");
        assert_eq!(call.text("/header/functionRequesterIdentifier"), told.program.server.address());
        let (date, zone) = call.text("/timestamp").split_at(19);
        assert!(zone == "Z" && date.as_bytes()[10] == b'T' && !date.contains('.'), "{date}{zone}");
        assert!(call.body["notificationPointId"].is_u64());
        names.insert(call.text("/header/functionCallIdentifier").to_owned());
    }
    assert_eq!(names.len(), 3);
    // finalResult [2] with successResult [0], and at no other point.
    let result = STANDARD.decode(calls[2].text("/resultData")).unwrap();
    assert_eq!((result[0], result[2]), (0xA2, 0xA0), "{result:02X?}");
    assert!(calls[..2].iter().all(|call| call.body.get("resultData").is_none()));
}

async fn down() {
    let mut told = Told::with(1, "").await;
    told.endpoint.down().await;
    assert!(told.download(0).await < Duration::from_secs(6));
    told.endpoint.up().await.unwrap();
    told.program.server.smdpp(&["outbox", "retry"]).unwrap();
    assert_eq!(told.says(2).await, A_DOWNLOAD);
}

async fn slow() {
    let mut told = Told::with(2, "").await;
    told.endpoint.behave(Manner::AnswersLate(204, Duration::from_secs(8)));
    let took = told.download(0).await + told.download(1).await;
    assert!(took < Duration::from_secs(6), "two downloads took {took:?}");
}

async fn repeated() {
    let mut told = Told::with(1, "points = [4]").await;
    told.endpoint.behave(Manner::Answers(500));
    told.download(0).await;
    let calls = told.endpoint.wait_for(2, SOON).await;
    assert_eq!(calls[0].body, calls[1].body, "the same call, its name with it");
}
