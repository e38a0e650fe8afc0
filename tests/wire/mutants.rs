//! Thousands of spoiled requests: each is refused, none changes anything, and the right one still works after.
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::lpa::{
    AUTHENTICATE_CLIENT, Binding, CANCEL_SESSION, GET_BOUND_PROFILE_PACKAGE, HANDLE_NOTIFICATION,
    INITIATE_AUTHENTICATION, Offer, asn1,
};
use euicc::tlv::{self, Tlv};
use euicc::{Card, Lpa};
use rig::{Confirm, Es2Plus};
use serde_json::{Map, Value, json};
use smdpp::types::{State, StatusCode};

use crate::der;
use crate::envelopes;
use crate::house::{Dice, ES9PLUS, Eye, House, Stocked};
use crate::json::{self, Body};

const CODE: &str = "4711-Blue";

/// A server, an eye on it, and two eUICCs with an order each.
struct Scene {
    house: House,
    eye: Eye,
    operator: Es2Plus,
    lpa: Lpa,
    cards: Vec<Card>,
    stock: Vec<Stocked>,
    dice: Dice,
}

/// What the server answered, or that it did not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Success,
    Refused(String),
    Acknowledged,
    Http(u16),
    Strange(String),
}

/// State, number of orders, and of the present one: download attempts, wrong codes.
type Standing = (State, u32, Option<(u32, u32)>);

/// All that a mutant could have changed.
#[derive(Debug, PartialEq, Eq)]
struct Sight {
    trail_entries: i64,
    profiles: Vec<Standing>,
}

/// One request to spoil, and another of the same kind to take parts from.
struct Target {
    function: &'static str,
    request: Map<String, Value>,
    others: Vec<Map<String, Value>>,
    /// The member that holds DER.
    signed: &'static str,
    /// The way to the SEQUENCE in it that is not signed itself.
    open: &'static [usize],
}

impl Scene {
    async fn new(what: &str) -> Self {
        let mut house = House::new(2);
        house.set("download_attempts_max = 10", "download_attempts_max = 1000000");
        house.set("open_sessions_max = 10000", "open_sessions_max = 1000000");
        house.set("level = \"info\"", "level = \"warn\"");
        let stock = house.stock(0, 2, 0);
        house.server.start().unwrap();
        let (eye, operator, lpa) = (house.eye(), house.operator("acme"), house.lpa());
        let cards = house.server.pki().cards().unwrap();
        Self { house, eye, operator, lpa, cards, stock, dice: Dice::thrown(what) }
    }

    async fn order(&self, place: usize) -> Option<String> {
        let confirm = Confirm { confirmation_code: Some(CODE), ..Confirm::default() };
        self.house.order(&self.operator, &self.stock[place].iccid, None, confirm).await.matching_id
    }

    async fn authenticate_request(&mut self, card: usize, matching_id: Option<&str>) -> Map<String, Value> {
        let card = &mut self.cards[card];
        let server = self.lpa.initiate_authentication(card).await.unwrap();
        members(self.lpa.authenticate_client_request(card, &server, matching_id).unwrap())
    }

    async fn offer(&mut self, card: usize, matching_id: Option<&str>) -> Offer {
        let card = &mut self.cards[card];
        let server = self.lpa.initiate_authentication(card).await.unwrap();
        self.lpa.authenticate_client(card, &server, matching_id).await.unwrap()
    }

    /// Downloads and installs without telling the server; gives the Profile Installation Result.
    async fn install(&mut self, card: usize, matching_id: Option<&str>) -> Vec<u8> {
        let offer = self.offer(card, matching_id).await;
        let card = &mut self.cards[card];
        let bpp = self.lpa.get_bound_profile_package(card, &offer, Some(CODE)).await.unwrap();
        card.load_bound_profile_package(&bpp).unwrap()
    }

    async fn sight(&self) -> Sight {
        let mut profiles = Vec::new();
        for stocked in &self.stock {
            let profile = self.eye.profile(&stocked.iccid).await;
            let tried = profile.order().map(|o| (o.download_attempts, o.confirmation_code_attempts));
            profiles.push((profile.state(), profile.orders(), tried));
        }
        Sight { trail_entries: self.eye.trail_entries().await, profiles }
    }

    async fn send(&self, function: &str, body: Vec<u8>) -> Outcome {
        self.send_in(Binding::Json, function, body).await
    }

    async fn send_in(&self, binding: Binding, function: &str, body: Vec<u8>) -> Outcome {
        let (path, media_type) = match binding {
            Binding::Json => (format!("{ES9PLUS}{function}"), "application/json"),
            Binding::Asn1 => (asn1::PATH.to_owned(), asn1::MEDIA_TYPE),
        };
        let answer = match self.lpa.post(&path, media_type, body).await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Strange(error.to_string()),
        };
        if answer.status == 204 && answer.body.is_empty() {
            return Outcome::Acknowledged;
        }
        if answer.status != 200 {
            return Outcome::Http(answer.status);
        }
        let body: Value = match binding {
            Binding::Json => serde_json::from_slice(&answer.body).unwrap_or_default(),
            Binding::Asn1 => asn1::decode(function, &answer.body).unwrap_or_default(),
        };
        if let Some(error) = body.pointer("/header/functionExecutionStatus/error").and_then(Value::as_u64) {
            return Outcome::Refused(asn1::error_name(function, error).to_owned());
        }
        let code = |name: &str| {
            let path = format!("/header/functionExecutionStatus/statusCodeData/{name}Code");
            body.pointer(&path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        match body.pointer("/header/functionExecutionStatus/status").and_then(Value::as_str) {
            Some("Executed-Success") => Outcome::Success,
            Some("Failed") => Outcome::Refused(format!("{}/{}", code("subject"), code("reason"))),
            _ => Outcome::Strange(body.to_string()),
        }
    }

    /// Sends every mutant of both bindings; each must be refused and change nothing. Gives their number.
    async fn spoils(&mut self, target: &Target) -> usize {
        let json = target.mutants(&mut self.dice);
        let asn1 = envelopes::spoil(target.function, &target.request, &target.others, &mut self.dice);
        self.refuses(target, Binding::Json, &json).await + self.refuses(target, Binding::Asn1, &asn1).await
    }

    async fn refuses(&self, target: &Target, binding: Binding, mutants: &[Body]) -> usize {
        let before = self.sight().await;
        let mut tally: BTreeMap<(&str, Outcome), usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for mutant in mutants {
            let outcome = self.send_in(binding, target.function, mutant.octets.clone()).await;
            let after = self.sight().await;
            if !target.may_say(&outcome, binding, mutant) {
                wrong.push(format!("{} {}: {outcome:?}", mutant.kind, mutant.place));
            }
            if after != before {
                wrong.push(format!("{} {}: changed {before:?} to {after:?}", mutant.kind, mutant.place));
                break;
            }
            *tally.entry((mutant.kind, outcome)).or_default() += 1;
        }
        println!("{}: {} mutants in {binding:?}", target.function, mutants.len());
        for ((kind, outcome), count) in tally {
            println!("  {kind:<28} {outcome:?} x {count}");
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), mutants.len(), wrong.join("\n"));
        mutants.len()
    }

    /// Other words for the same request, after it was answered.
    async fn rephrases(&self, target: &Target, expected: &Outcome) {
        let before = self.sight().await;
        for body in json::rephrase(&target.request) {
            let outcome = self.send(target.function, body.octets).await;
            assert_eq!(outcome, *expected, "{} {}", body.kind, body.place);
        }
        assert_eq!(self.sight().await, before, "a repetition changes nothing");
    }

    async fn sends(&self, target: &Target) -> Outcome {
        self.send(target.function, Value::Object(target.request.clone()).to_string().into_bytes()).await
    }
}

impl Target {
    fn der(&self, request: &Map<String, Value>) -> Vec<u8> {
        STANDARD.decode(request[self.signed].as_str().unwrap()).unwrap()
    }

    fn mutants(&self, dice: &mut Dice) -> Vec<Body> {
        let own = self.der(&self.request);
        let mut spoiled = der::spoil(&own, &[self.open], dice);
        for other in &self.others {
            spoiled.extend(der::graft(&own, &self.der(other)));
            // A notification stands alone: the whole of another is not spoiled.
            spoiled.retain(|one| self.function != HANDLE_NOTIFICATION || one.octets != self.der(other));
        }
        let mut all: Vec<Body> = spoiled
            .into_iter()
            .map(|der::Spoiled { kind, place, octets }| {
                let octets = json::with(&self.request, self.signed, json!(STANDARD.encode(octets)));
                Body { kind, place, octets: octets.into_bytes() }
            })
            .collect();
        all.extend(json::spoil(&self.request));
        // The transaction of one session with the answer of another.
        for other in self.others.iter().filter(|other| other.contains_key("transactionId")) {
            let octets = json::with(&self.request, "transactionId", other["transactionId"].clone());
            let (kind, place) = ("of another session", String::new());
            all.push(Body { kind, place, octets: octets.into_bytes() });
        }
        all
    }

    /// The only answers that a spoiled request may get.
    fn may_say(&self, outcome: &Outcome, binding: Binding, mutant: &Body) -> bool {
        match outcome {
            Outcome::Refused(name) if binding == Binding::Asn1 => name != "an error without a name",
            Outcome::Refused(codes) => {
                StatusCode::ALL.iter().any(|known| format!("{}/{}", known.subject, known.reason) == *codes)
            }
            Outcome::Http(status) => (400..500).contains(status),
            Outcome::Acknowledged => self.function == HANDLE_NOTIFICATION,
            // Nothing is signed in this one, so another right request can come out.
            Outcome::Success if self.function == INITIATE_AUTHENTICATION => match binding {
                Binding::Json => is_right_initiation(mutant),
                Binding::Asn1 => envelopes::is_right_initiation(&mutant.octets),
            },
            Outcome::Success => false,
            Outcome::Strange(_) => false,
        }
    }
}

/// What the examiner's own codec takes for a right InitiateAuthentication.
fn is_right_initiation(body: &Body) -> bool {
    let read = || {
        let request: Value = serde_json::from_slice(&body.octets).ok()?;
        let octets = |name: &str| STANDARD.decode(request.get(name)?.as_str()?).ok();
        let info = octets("euiccInfo1")?;
        let info = Tlv::parse(&info, 0xBF20).ok()?;
        let (svn, verify, sign) = (info.child(0x82).ok()?, info.child(0xA9).ok()?, info.child(0xAA).ok()?);
        let lists = [verify, sign].map(|list| list.children().is_ok_and(|list| !list.is_empty()));
        Some(octets("euiccChallenge")?.len() == 16 && svn.value.len() == 3 && lists == [true, true])
    };
    read() == Some(true)
}

fn members(request: Value) -> Map<String, Value> {
    request.as_object().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spoiled_initiation_is_taken() {
    let mut scene = Scene::new("InitiateAuthentication").await;
    let request = members(scene.lpa.initiate_authentication_request(&mut scene.cards[0].clone()).unwrap());
    let other = members(scene.lpa.initiate_authentication_request(&mut scene.cards[1].clone()).unwrap());
    let target = Target {
        function: INITIATE_AUTHENTICATION,
        request,
        others: vec![other],
        signed: "euiccInfo1",
        open: &[],
    };
    assert!(scene.spoils(&target).await > 250);
    assert_eq!(scene.sends(&target).await, Outcome::Success);
    scene.rephrases(&target, &Outcome::Success).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spoiled_authentication_is_taken() {
    let mut scene = Scene::new("AuthenticateClient").await;
    let (first, second) = (scene.order(0).await, scene.order(1).await);
    let mut others = vec![scene.authenticate_request(1, second.as_deref()).await];
    others.push(scene.authenticate_request(0, second.as_deref()).await);
    others.push(scene.authenticate_request(0, first.as_deref()).await);
    let request = scene.authenticate_request(0, first.as_deref()).await;
    let target = Target {
        function: AUTHENTICATE_CLIENT,
        request,
        others,
        signed: "authenticateServerResponse",
        open: &[0],
    };
    assert!(scene.spoils(&target).await > 1_500);
    let before = scene.sight().await;
    assert_eq!(scene.sends(&target).await, Outcome::Success);
    let after = scene.sight().await;
    assert_eq!(after.trail_entries, before.trail_entries + 1);
    assert_eq!(after.profiles[0].2, Some((1, 0)), "one attempt");
    scene.rephrases(&target, &Outcome::Success).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spoiled_preparation_gets_a_package() {
    let mut scene = Scene::new("GetBoundProfilePackage").await;
    let (first, second) = (scene.order(0).await, scene.order(1).await);
    let mut others = Vec::new();
    for card in [1, 0] {
        let offer = scene.offer(card, second.as_deref()).await;
        let card = &mut scene.cards[card];
        others.push(members(scene.lpa.get_bound_profile_package_request(card, &offer, Some(CODE)).unwrap()));
    }
    let offer = scene.offer(0, first.as_deref()).await;
    let card = &mut scene.cards[0];
    let request = members(scene.lpa.get_bound_profile_package_request(card, &offer, Some(CODE)).unwrap());
    let target = Target {
        function: GET_BOUND_PROFILE_PACKAGE,
        request,
        others,
        signed: "prepareDownloadResponse",
        open: &[0],
    };
    assert!(scene.spoils(&target).await > 250);
    let before = scene.sight().await;
    assert_eq!(before.profiles[0].2, Some((1, 0)), "no wrong code was counted");
    assert_eq!(scene.sends(&target).await, Outcome::Success);
    assert_eq!(scene.sight().await.profiles[0].0, State::Downloaded);
    scene.rephrases(&target, &Outcome::Success).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spoiled_notification_is_believed() {
    let mut scene = Scene::new("HandleNotification").await;
    let (first, second) = (scene.order(0).await, scene.order(1).await);
    let strange = scene.install(1, second.as_deref()).await;
    let result = scene.install(0, first.as_deref()).await;
    let [strange, result] =
        [strange, result].map(|octets| members(scene.lpa.handle_notification_request(&octets)));

    let target = Target {
        function: HANDLE_NOTIFICATION,
        request: result,
        others: vec![strange],
        signed: "pendingNotification",
        open: &[],
    };
    // The first result of a session that does not verify goes into the trail; a flood of them does not.
    let before = scene.eye.trail_entries().await;
    for request in [&target.request, &target.others[0]] {
        let mut bent = target.der(request);
        *bent.last_mut().unwrap() ^= 1;
        let bent = scene.lpa.handle_notification_request(&bent).to_string().into_bytes();
        assert_eq!(scene.send(HANDLE_NOTIFICATION, bent).await, Outcome::Acknowledged);
    }
    assert_eq!(scene.eye.trail_entries().await, before + 2);

    assert!(scene.spoils(&target).await > 300);
    assert_eq!(scene.sends(&target).await, Outcome::Acknowledged);
    assert_eq!(scene.sight().await.profiles[0].0, State::Installed);
    scene.rephrases(&target, &Outcome::Acknowledged).await;
    assert!(later_life(&mut scene).await > 1_000);
}

/// The notifications of an enabled Profile, with their certificates.
async fn later_life(scene: &mut Scene) -> usize {
    let mut requests = Vec::new();
    for card in [0, 1] {
        let iccid = scene.stock[card].iccid.clone();
        scene.cards[card].enable(&iccid).unwrap();
        let last = scene.cards[card].list_notifications().last().unwrap().bytes.clone();
        requests.push(members(scene.lpa.handle_notification_request(&last)));
    }
    let (request, others) = (requests.remove(0), requests);
    let target =
        Target { function: HANDLE_NOTIFICATION, request, others, signed: "pendingNotification", open: &[] };
    let count = scene.spoils(&target).await;
    let before = scene.eye.trail_entries().await;
    assert_eq!(scene.sends(&target).await, Outcome::Acknowledged);
    assert_eq!(scene.eye.trail_entries().await, before + 1);
    scene.rephrases(&target, &Outcome::Acknowledged).await;
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spoiled_cancellation_ends_a_session() {
    let mut scene = Scene::new("CancelSession").await;
    let (first, second) = (scene.order(0).await, scene.order(1).await);
    let mut requests = Vec::new();
    for (card, id) in [(1, second), (0, first)] {
        let offer = scene.offer(card, id.as_deref()).await;
        let card = &mut scene.cards[card];
        let reason = euicc::card::cancel::reason::POSTPONED;
        requests
            .push(members(scene.lpa.cancel_session_request(card, &offer.transaction_id, reason).unwrap()));
    }
    let request = requests.pop().unwrap();
    let target = Target {
        function: CANCEL_SESSION,
        request,
        others: requests,
        signed: "cancelSessionResponse",
        open: &[0],
    };
    assert!(scene.spoils(&target).await > 250);
    assert_eq!(scene.sends(&target).await, Outcome::Success);
    scene.rephrases(&target, &Outcome::Refused("8.10.1/3.9".to_owned())).await;
    scene.eye.verify_trail().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_version_adds_outside_the_signature_is_ignored() {
    let mut scene = Scene::new("EXTENSIBILITY IMPLIED").await;
    let id = scene.order(0).await;
    let offer = scene.offer(0, id.as_deref()).await;
    let card = &mut scene.cards[0];
    let mut request = members(scene.lpa.get_bound_profile_package_request(card, &offer, Some(CODE)).unwrap());
    let response = STANDARD.decode(request["prepareDownloadResponse"].as_str().unwrap()).unwrap();
    let ok = Tlv::parse(&response, 0xBF21).unwrap().child(0xA0).unwrap().value;
    let longer = tlv::write(0xA0, &[ok, &[0x9F, 0x7E, 0x01, 0x00]].concat());
    request.insert("prepareDownloadResponse".to_owned(), json!(STANDARD.encode(tlv::write(0xBF21, &longer))));
    let body = Value::Object(request).to_string().into_bytes();
    assert_eq!(scene.send(GET_BOUND_PROFILE_PACKAGE, body).await, Outcome::Success);
}
