//! ES12 (5.9), where the server is the client of an SM-DS: cases DS, and CO-03 and CO-06.
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use ::smds::{Event, Mischief, Watch};
use serde_json::{Value, json};
use smdpp::courier::{Receivers, carry};
use smdpp::es12::{Smds, is_smds};
use smdpp::https::{Client, Patience};
use smdpp::mint::SMDS_ADDRESS;
use smdpp::time::DAY_MS;
use smdpp::types::{Eid, Fqdn, Oid, State};
use tokio::time::sleep;

use crate::case::{Case, case};
use crate::es2plus::Still;
use crate::house::{ADDRESS, Answer, House, Wishes};
use crate::papers::Papers;
use crate::{smds, sockets};

const CLOSED: &str = "closed.example.com";
const UNRESOLVABLE: &str = "unresolvable.example.com";
const UNTRUSTED: &str = "untrusted.example.com";
const IMPOSTOR: &str = "impostor.example.com";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("CO-03", "an order through an SM-DS", "5.3.2, 5.3.4, 3.6.1.1", "")
            .part(
                "1",
                "releaseFlag true",
                "OK; the event is there at once, EventID = matchingId; Released",
                || registered(true),
            )
            .part(
                "2",
                "releaseFlag false, then ReleaseProfile",
                "OK; the event is there when it is released",
                || registered(false),
            )
            .part("3", "the EventID of an order that was cancelled", "8.2.6/3.3, for any Profile", used_once),
        case("CO-06", "an SM-DS that is of no help", "T27; state: choice", "")
            .part("a", "a name that does not resolve", "8.9/5.1; not released", || {
                unhelpful(UNRESOLVABLE, None, "8.9/5.1")
            })
            .part("b", "nobody listens there", "8.9/5.1; not released", || unhelpful(CLOSED, None, "8.9/5.1"))
            .part("c", "it answers Failed", "8.9/4.2; not released", || {
                unhelpful(SMDS_ADDRESS, Some(Mischief::Fail("8.9", "4.2")), "8.9/4.2")
            }),
        recorder::case(),
        case("DS-02", "an event whose order is over", "3.1.3.3 step 10 (v2.5), 5.3.3; d: choice", "")
            .part("a", "installed", "the event is deleted", || over(End::Installed))
            .part("b", "CancelSession, endUserRejection", "the event is deleted", || over(End::Rejected))
            .part("c", "CancelOrder", "the event is deleted", || over(End::Cancelled))
            .part(
                "d",
                "DeleteEvent answers 8.9.5/3.9",
                "CancelOrder is OK; DeleteEvent is not repeated",
                || over(End::NotThere),
            ),
        case("DS-03", "RegisterEvent fails", "T27, T54; assignment: choice", "")
            .part("a", "8.9.5/3.3", "8.9/4.2; not released", || {
                unhelpful(SMDS_ADDRESS, Some(Mischief::Fail("8.9.5", "3.3")), "8.9/4.2")
            })
            .part("b", "8.9/5.1", "8.9/4.2; not released", || {
                unhelpful(SMDS_ADDRESS, Some(Mischief::Fail("8.9", "5.1")), "8.9/4.2")
            })
            .part("c", "HTTP 500", "8.9/5.1; not released", || {
                unhelpful(SMDS_ADDRESS, Some(Mischief::Http500), "8.9/5.1")
            })
            .part("d1", "a TLS certificate under a CI that is not trusted", "8.9/5.1; not released", || {
                unhelpful(UNTRUSTED, None, "8.9/5.1")
            })
            .part("d2", "a TLS certificate with another name", "8.9/5.1; not released", || {
                unhelpful(IMPOSTOR, None, "8.9/5.1")
            }),
    ]
}

/// A house, an SM-DS that it reaches, a courier between them, and a Profile in stock.
struct Lab {
    house: House,
    smds: Watch,
    iccid: String,
    _courier: tokio::sync::watch::Sender<bool>,
}

impl Lab {
    async fn new() -> Self {
        let more = [(CLOSED, "127.0.0.1:1"), (UNRESOLVABLE, "no-such-host.invalid:443")];
        let (mut wishes, smds) = smds::beside(Wishes::default(), &more).await;
        let there = &wishes.smds[&fqdn(SMDS_ADDRESS)];
        let impostor = there.clone();
        let untrusted = Smds { client: Some(distrustful()), ..there.clone() };
        wishes.smds.extend([(fqdn(IMPOSTOR), impostor), (fqdn(UNTRUSTED), untrusted)]);
        let house = sockets::house(wishes).await;
        let (iccid, _) = house.stock(1).await;
        let courier = send_courier(&house);
        Self { house, smds, iccid, _courier: courier }
    }

    async fn download_order(&self) {
        let request = json!({ "iccid": self.iccid, "eid": self.house.eid(0) });
        self.house.es2("downloadOrder", "acme", request).await.ok();
    }

    async fn confirm(&self, more: Value) -> Answer {
        confirm(&self.house, &self.iccid, more).await
    }

    async fn release(&self) -> Answer {
        self.house.es2("releaseProfile", "acme", json!({ "iccid": self.iccid })).await
    }

    /// A released order, and its MatchingID.
    async fn released(&self, more: Value) -> String {
        self.download_order().await;
        let body = self.confirm(more).await.ok();
        assert_eq!(self.house.state(&self.iccid).await, State::Released);
        body["matchingId"].as_str().unwrap().to_owned()
    }

    async fn cancel(&self, matching_id: &str) {
        let request = json!({
            "iccid": self.iccid, "eid": self.house.eid(0), "matchingId": matching_id,
            "finalProfileStatusIndicator": "Available",
        });
        self.house.es2("cancelOrder", "acme", request).await.ok();
    }

    fn event_ids(&self) -> Vec<String> {
        self.smds.events().into_iter().map(|event| event.event_id).collect()
    }

    /// Nothing waits to be told to the SM-DS.
    async fn quiet(&self) {
        for _ in 0..1_000 {
            if self.house.store.reader().errands(None, 1).await.unwrap().is_empty() {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{:?}", self.house.store.reader().errands(None, 10).await.unwrap());
    }
}

fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

/// One that believes another root than the SM-DS's.
fn distrustful() -> Client {
    let pki = Papers::of(Wishes::default().euiccs, sockets::start()).pki;
    let patience = Patience { connect_ms: 2_000, handshake_ms: 2_000, total_ms: 3_000 };
    let roots = [pki.operator_ca.der.clone().into()];
    Client::new(Some(sockets::identity(&pki.dptls)), &roots, patience).unwrap().checking(is_smds)
}

fn send_courier(house: &House) -> tokio::sync::watch::Sender<bool> {
    let es12 = Some(Arc::clone(&house.es12));
    let receivers = Receivers { es12, give_up_ms: DAY_MS, ..Receivers::default() };
    let (stop, stopping) = tokio::sync::watch::channel(false);
    tokio::spawn(carry(house.smdp.clone(), receivers, stopping));
    stop
}

async fn confirm(house: &House, iccid: &str, more: Value) -> Answer {
    let mut request = json!({ "iccid": iccid, "releaseFlag": true, "smdsAddress": SMDS_ADDRESS });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.es2("confirmOrder", "acme", request).await
}

async fn registered(at_once: bool) {
    for own in [json!({}), json!({ "matchingId": "OWN-EVENT-1" })] {
        let lab = Lab::new().await;
        lab.download_order().await;
        let mut request = own.clone();
        request["releaseFlag"] = json!(at_once);
        let body = lab.confirm(request).await.ok();
        if !at_once {
            assert_eq!((lab.event_ids().len(), lab.house.state(&lab.iccid).await), (0, State::Confirmed));
            lab.release().await.ok();
        }
        let id = body["matchingId"].as_str().unwrap().to_owned();
        assert!(own["matchingId"].is_null() || own["matchingId"] == json!(id));
        let event = Event {
            owner: Oid::parse("2.999.10").unwrap(),
            eid: Eid::parse(&lab.house.eid(0)).unwrap(),
            event_id: id.clone(),
            rsp_server_address: ADDRESS.to_owned(),
        };
        assert_eq!((lab.smds.events(), lab.house.state(&lab.iccid).await), (vec![event], State::Released));
        lab.release().await.ok();
        assert_eq!(lab.event_ids(), [id.as_str()], "released already: no second event");
        lab.house.authenticate(&mut lab.house.card(0), Some(&id)).await;
        lab.house.verify_trail().await;
    }
}

async fn used_once() {
    let lab = Lab::new().await;
    lab.released(json!({ "matchingId": "ONCE" })).await;
    lab.cancel("ONCE").await;
    lab.quiet().await;
    assert_eq!(lab.event_ids(), Vec::<String>::new());
    lab.download_order().await;
    let (other, _) = lab.house.stock(2).await;
    let request = json!({ "iccid": other, "eid": lab.house.eid(1) });
    lab.house.es2("downloadOrder", "acme", request).await.ok();
    for iccid in [&lab.iccid, &other] {
        let still = Still::of(&lab.house, iccid).await;
        for smds in [json!(SMDS_ADDRESS), Value::Null] {
            let again = json!({ "matchingId": "ONCE", "smdsAddress": smds });
            still.refuses(&confirm(&lab.house, iccid, again).await, "8.2.6/3.3").await;
        }
    }
    assert_ne!(lab.confirm(json!({})).await.ok()["matchingId"], json!("ONCE"));
}

/// ConfirmOrder that would release, and ReleaseProfile; then an SM-DS that helps.
async fn unhelpful(address: &str, mischief: Option<Mischief>, verdict: &str) {
    let lab = Lab::new().await;
    lab.smds.mischief(mischief);
    lab.download_order().await;
    assert_eq!(lab.confirm(json!({ "smdsAddress": address })).await.verdict(), verdict);
    assert_eq!(lab.house.state(&lab.iccid).await, State::Linked);
    lab.confirm(json!({ "smdsAddress": address, "releaseFlag": false })).await.ok();
    assert_eq!(lab.release().await.verdict(), verdict);
    assert_eq!((lab.house.state(&lab.iccid).await, lab.event_ids().len()), (State::Confirmed, 0));
    lab.house.verify_trail().await;
    if address == SMDS_ADDRESS {
        lab.smds.mischief(None);
        lab.release().await.ok();
        assert_eq!((lab.house.state(&lab.iccid).await, lab.event_ids().len()), (State::Released, 1));
    }
}

#[derive(Clone, Copy)]
enum End {
    Installed,
    Rejected,
    Cancelled,
    NotThere,
}

/// CS-07 with an event.
pub(crate) async fn rejected() {
    over(End::Rejected).await;
}

async fn over(end: End) {
    let lab = Lab::new().await;
    let id = lab.released(json!({})).await;
    let mut card = lab.house.card(0);
    let state = match end {
        End::Installed => {
            let offer = lab.house.authenticate(&mut card, Some(&id)).await;
            let package = lab.house.bind(&mut card, &offer).await;
            lab.quiet().await;
            assert_eq!(lab.event_ids(), [id], "a package on its way is no installation");
            card.load_bound_profile_package(&package).unwrap();
            lab.house.deliver(&mut card).await;
            State::Installed
        }
        End::Rejected => {
            let offer = lab.house.authenticate(&mut card, Some(&id)).await;
            let request = lab.house.cancel_request(&mut card, &offer.transaction_id, 0);
            lab.house.es9("cancelSession", &request).await.ok();
            State::Error
        }
        End::Cancelled => {
            lab.cancel(&id).await;
            State::Available
        }
        End::NotThere => {
            lab.smds.mischief(Some(Mischief::Fail("8.9.5", "3.9")));
            lab.cancel(&id).await;
            State::Available
        }
    };
    assert_eq!(lab.house.state(&lab.iccid).await, state);
    lab.quiet().await;
    let left = usize::from(matches!(end, End::NotThere));
    assert_eq!(lab.event_ids().len(), left, "this SM-DS kept what it said it had not");
    lab.house.verify_trail().await;
}
