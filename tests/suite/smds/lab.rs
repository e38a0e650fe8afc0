//! A house with a real SM-DS beside it.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::smds::{Files, Identity, Watch};
use serde_json::{Value, json};
use smdpp::courier::{Receivers, carry};
use smdpp::es12::{Smds, is_smds};
use smdpp::https::{Client, Patience};
use smdpp::mint::{Overrides, Press, SMDS_ADDRESS, issue_dptls, issue_dstls};
use smdpp::profile::EventStatus;
use smdpp::random::SeededRandom;
use smdpp::server;
use smdpp::time::{DAY_MS, Timestamp};
use smdpp::types::{Fqdn, Oid, State};

use crate::house::{ADDRESS, Answer, House, START_MS, Wishes};
use crate::papers::Papers;

/// A house, an SM-DS that it reaches, and a Profile in stock.
pub(super) struct Lab {
    pub(super) house: Arc<House>,
    pub(super) smds: Watch,
    pub(super) iccid: String,
    _courier: tokio::sync::watch::Sender<bool>,
}

impl Lab {
    pub(super) async fn new() -> Self {
        Self::with(Wishes::default()).await
    }

    pub(super) async fn with(wishes: Wishes) -> Self {
        let now = Timestamp::from_unix_ms(START_MS);
        let pki = Papers::of(wishes.euiccs, now).pki;
        let smdp_oid = Oid::parse("2.999.10").unwrap();
        // TLS asks the real clock, so these certificates outlive every test.
        let random = SeededRandom::new(10);
        let press = Press::new(now, &random);
        let long = Overrides { not_after: Some(now.plus_ms(DAY_MS * 30_000)), ..Overrides::default() };
        let dptls = issue_dptls(press, &pki.ci, ADDRESS, &smdp_oid, &long).unwrap();
        let oid = Oid::parse("2.999.15").unwrap();
        let dstls = issue_dstls(press, &pki.ci, SMDS_ADDRESS, &oid, &long).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, octets: &[u8]| std::fs::write(folder.path().join(name), octets).unwrap();
        write("ci.pem", pki.ci.certificate_pem().as_bytes());
        for (name, issued) in [("dsauth", &pki.dsauth), ("dstls", &dstls), ("dptls", &dptls)] {
            write(&format!("{name}.pem"), issued.certificate_pem().as_bytes());
            write(&format!("{name}.key"), issued.key_pem().unwrap().expose().as_bytes());
        }
        let identity = Identity::read(SMDS_ADDRESS, &Files::of_folder(folder.path())).unwrap();
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let running = ::smds::Smds::bind(identity, anywhere, anywhere).await.unwrap();
        let (smds, connect) = (running.watch(), running.es12().to_string());
        tokio::spawn(running.run(std::future::pending()));

        let own = || {
            let key = dptls.key_pem().unwrap();
            server::Identity::from_pem(dptls.certificate_pem().as_bytes(), key.expose().as_bytes()).unwrap()
        };
        let patience = Patience { connect_ms: 1_000, handshake_ms: 1_000, total_ms: 1_500 };
        let roots = [pki.ci.der.clone().into()];
        let client = Client::new(Some(own()), &roots, patience).unwrap().checking(is_smds);
        let foreign = [pki.operator_ca.der.clone().into()];
        let stranger = Client::new(Some(own()), &foreign, patience).unwrap().checking(is_smds);
        let other_role = Client::new(Some(own()), &roots, patience).unwrap().checking(|_| false);
        let at = |connect: &str, client: &Client| Smds {
            connect: Some(connect.to_owned()),
            client: Some(client.clone()),
        };
        let listed = BTreeMap::from([
            (fqdn(SMDS_ADDRESS), at(&connect, &client)),
            (fqdn("closed.example.com"), at("127.0.0.1:1", &client)),
            (fqdn("unresolvable.example.com"), at("no-such-host.invalid:443", &client)),
            // The one that listens there is not the one that is named.
            (fqdn("impostor.example.com"), at(&connect, &client)),
            (fqdn("untrusted.example.com"), at(&connect, &stranger)),
            (fqdn("unfit.example.com"), at(&connect, &other_role)),
        ]);
        let house = Arc::new(House::with(Wishes { smds: listed, ..wishes }).await);
        let (iccid, _) = house.stock(1).await;
        let receivers =
            Receivers { es12: Some(house.es12.clone()), give_up_ms: DAY_MS, ..Receivers::default() };
        let (stop, stopping) = tokio::sync::watch::channel(false);
        tokio::spawn(carry(house.smdp.clone(), receivers, stopping));
        Self { house, smds, iccid, _courier: stop }
    }

    pub(super) async fn download_order(&self) {
        let request = json!({ "iccid": self.iccid, "eid": self.house.eid(0) });
        self.house.es2("downloadOrder", "acme", request).await.ok();
    }

    pub(super) async fn confirm(&self, more: Value) -> Answer {
        confirm(&self.house, &self.iccid, more).await
    }

    pub(super) async fn release(&self) -> Answer {
        self.house.es2("releaseProfile", "acme", json!({ "iccid": self.iccid })).await
    }

    pub(super) async fn cancel(&self, matching_id: &str) -> Answer {
        let request = json!({
            "iccid": self.iccid, "eid": self.house.eid(0), "matchingId": matching_id,
            "finalProfileStatusIndicator": "Available",
        });
        self.house.es2("cancelOrder", "acme", request).await
    }

    /// A released order, and its MatchingID.
    pub(super) async fn released(&self, more: Value) -> String {
        self.download_order().await;
        let body = self.confirm(more).await.ok();
        assert_eq!(self.state().await, State::Released);
        body["matchingId"].as_str().unwrap().to_owned()
    }

    pub(super) async fn state(&self) -> State {
        self.house.state(&self.iccid).await
    }

    pub(super) async fn status(&self) -> Option<EventStatus> {
        let profile = self.house.profile(&self.iccid).await;
        profile.order().and_then(|order| order.event.as_ref()).map(|event| event.status)
    }

    pub(super) fn event_ids(&self) -> Vec<String> {
        self.smds.events().into_iter().map(|event| event.event_id).collect()
    }

    /// The courier has told the SM-DS that nothing of this house is left.
    pub(super) async fn forgotten(&self) {
        for _ in 0..500 {
            let waiting = self.house.store.reader().errand_heads(self.house.now()).await.unwrap();
            if waiting.is_empty() && self.smds.events().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the SM-DS still has {:?}", self.smds.events());
    }
}

pub(super) async fn confirm(house: &House, iccid: &str, more: Value) -> Answer {
    let mut request = json!({ "iccid": iccid, "releaseFlag": true, "smdsAddress": SMDS_ADDRESS });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    house.es2("confirmOrder", "acme", request).await
}

fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}
