//! acme's own office: where the server tells how downloads go (ES2+.HandleDownloadProgressInfo, 5.3.5), behind real TLS.
use std::time::Duration;

use rig::operator_endpoint::{OperatorEndpoint, ProgressCall};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use smdpp::courier::{Receivers, carry};
use smdpp::errand::{Agreement, LaterLife, Point};
use smdpp::es2plus::Endpoint;
use smdpp::https::{Client, Patience, Target};
use smdpp::time::DAY_MS;
use smdpp::types::OperatorId;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::house::{ADDRESS, House, Wishes};
use crate::scene::Scene;
use crate::sockets;

const PATH: &str = "/gsma/rsp2/es2plus/handleDownloadProgressInfo";

pub(crate) struct Office {
    pub(crate) endpoint: OperatorEndpoint,
    _courier: watch::Sender<bool>,
}

impl Office {
    /// acme wants to hear of all four points, and of what becomes of the Profile later.
    pub(crate) fn agreed(wishes: Wishes) -> Wishes {
        let later_life =
            LaterLife { install: None, enable: Some(100), disable: Some(101), delete: Some(102) };
        let acme = Agreement { points: Point::ALL.into_iter().collect(), later_life };
        Wishes { agreements: [(acme_id(), acme)].into_iter().collect(), ..wishes }
    }

    /// Opens it, and sends the courier on the road.
    pub(crate) async fn open(house: &House) -> Self {
        let endpoint = OperatorEndpoint::start(&house.pki.ci.der).await.unwrap();
        let root = CertificateDer::from_pem_slice(endpoint.ca_pem().as_bytes()).unwrap();
        let patience = Patience { connect_ms: 2_000, handshake_ms: 2_000, total_ms: 5_000 };
        let client = Client::new(Some(sockets::identity(&house.pki.dptls)), &[root], patience).unwrap();
        let connect = endpoint.url().replace("https://localhost", "127.0.0.1");
        let target = Target { host: "localhost".to_owned(), connect };
        let acme = Endpoint { client, target, path: PATH.to_owned() };
        let receivers = Receivers {
            requester: ADDRESS.to_owned(),
            operators: [(acme_id(), acme)].into_iter().collect(),
            es12: Some(house.es12.clone()),
            give_up_ms: DAY_MS,
        };
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(carry(house.smdp.clone(), receivers, stopping));
        Self { endpoint, _courier: stop }
    }

    /// A released order in a house that tells all.
    pub(crate) async fn scene(wishes: Wishes, confirm: Value) -> (Scene, Self) {
        let house = sockets::house(Self::agreed(wishes)).await;
        let office = Self::open(&house).await;
        (Scene::in_house(house, confirm).await, office)
    }

    /// All that it was told, once nothing waits any more.
    pub(crate) async fn told(&self, house: &House) -> Vec<ProgressCall> {
        for _ in 0..2_000 {
            if house.store.reader().errands(None, 1).await.unwrap().is_empty() {
                return self.endpoint.calls();
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{:?} waits", house.store.reader().errands(None, 10).await.unwrap());
    }

    /// The same in short: `3 Executed-Success`, `1 Failed 8.8.5/3.8`.
    pub(crate) async fn says(&self, house: &House) -> Vec<String> {
        self.told(house).await.iter().map(ProgressCall::says).collect()
    }
}

/// Nobody acknowledged anything that was not sent under PATH, by the server's own certificate, with what 5.3.5 demands.
#[track_caller]
pub(crate) fn is_whole(house: &House, call: &ProgressCall, iccid: &str, eid: &str) {
    assert_eq!((call.path.as_str(), call.content_type.as_str()), (PATH, "application/json"));
    assert!(call.admin_protocol.starts_with("gsma/rsp/v2."), "{}", call.admin_protocol);
    assert_eq!(call.certificate, house.pki.dptls.der);
    assert_eq!((call.text("/iccid"), call.text("/eid")), (iccid, eid));
    assert_eq!(call.text("/profileType"), crate::house::TYPE);
    assert_eq!(call.text("/header/functionRequesterIdentifier"), ADDRESS);
    assert!(!call.text("/header/functionCallIdentifier").is_empty());
    let (date, zone) = call.text("/timestamp").split_at(19);
    assert!(zone == "Z" && date.as_bytes()[10] == b'T' && !date.contains('.'), "{date}{zone}");
    assert!(call.body["notificationPointId"].is_u64());
}

fn acme_id() -> OperatorId {
    OperatorId::parse("acme").unwrap()
}
