//! Whole sessions: the octets are a play for an operator, two eUICCs with fixed keys, and one who spoils requests.
//!
//! The first octet is the cast: which curves the eUICCs have, which binding they speak. Then each scene is two
//! octets: what happens, and how. What must hold is asked after each, and the trail at the end.
use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::lpa::{Authentication, Binding, Offer, asn1};
use euicc::{Card, Fault, Faults};
use serde_json::{Value, json};
use smdpp::profile::{Limits, Profile};
use smdpp::time::MINUTE_MS;
use smdpp::types::State;
use tokio::runtime::{Builder, Runtime};

use super::doors::sound;
use crate::house::{Answer, BINDING, House, TYPE, Wishes};

/// A new house after so many plays, so that a finding can be repeated and the trail stays short.
const PLAYS_PER_HOUSE: u64 = 32;
const SCENES_MAX: usize = 40;
const LIMITS: Limits = Limits { download_attempts_max: 3, confirmation_code_attempts_max: 2 };
const CODE: &str = "tulip-4711";
const PROFILES: u64 = 2;

struct Stage {
    runtime: Runtime,
    house: House,
    plays: u64,
}

impl Stage {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let wishes = Wishes { limits: LIMITS, order_ms: Some(60 * MINUTE_MS), ..Wishes::default() };
        let house = runtime.block_on(House::with(wishes));
        Self { runtime, house, plays: 0 }
    }
}

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

pub(super) fn session(input: &[u8]) {
    STAGE.with_borrow_mut(|stage| {
        let stage = match stage {
            Some(stage) if stage.plays < PLAYS_PER_HOUSE => stage,
            _ => stage.insert(Stage::open()),
        };
        stage.plays += 1;
        stage.runtime.block_on(play(&stage.house, stage.plays, input));
    });
}

async fn play(house: &House, number: u64, input: &[u8]) {
    let (cast, scenes) = input.split_first().unwrap_or((&0, &[]));
    let binding = if cast & 0x10 == 0 { Binding::Json } else { Binding::Asn1 };
    let play = async {
        let mut play = Play::begin(house, number, *cast).await;
        for scene in scenes.as_chunks::<2>().0.iter().take(SCENES_MAX) {
            play.scene(scene[0], scene[1]).await;
            play.holds().await;
        }
    };
    BINDING.scope(binding, play).await;
    house.verify_trail().await;
}

/// What one eUICC holds of its session.
struct Phone {
    card: Card,
    server: Option<Authentication>,
    offer: Option<Offer>,
    package: Option<Vec<u8>>,
    /// All that it ever signed about installations and Profiles.
    notifications: Vec<Vec<u8>>,
}

/// How the next request is spoiled.
#[derive(Clone, Copy)]
enum Spoil {
    Flip(u8),
    Cut(u8),
    Repeat(u8),
    Forget(u8),
    Swap,
}

struct Play<'a> {
    house: &'a House,
    phones: Vec<Phone>,
    iccids: Vec<String>,
    /// The MatchingIDs as they were told.
    ids: BTreeMap<String, String>,
    before: Vec<Profile>,
    spoil: Option<Spoil>,
    last: Option<(&'static str, Value)>,
    twice: bool,
}

impl<'a> Play<'a> {
    async fn begin(house: &'a House, number: u64, cast: u8) -> Self {
        let (mut iccids, mut before) = (Vec::new(), Vec::new());
        for n in 0..PROFILES {
            let (iccid, _) = house.stock(number * PROFILES + n).await;
            before.push(house.profile(&iccid).await);
            iccids.push(iccid);
        }
        let card = |n| match cast >> (2 * n) & 3 {
            2 => house.brainpool_card(n),
            3 => house.dual_card(n),
            _ => house.card(n),
        };
        let phone =
            |n| Phone { card: card(n), server: None, offer: None, package: None, notifications: Vec::new() };
        let phones = (0..2).map(phone).collect();
        let ids = BTreeMap::new();
        Self { house, phones, iccids, ids, before, spoil: None, last: None, twice: false }
    }

    /// One scene. The lowest bit of `how` chooses the eUICC or the Profile.
    async fn scene(&mut self, what: u8, how: u8) {
        let (one, rest) = (usize::from(how & 1), how >> 1);
        match what % 16 {
            0 => self.initiate(one).await,
            1 => self.authenticate(one, rest).await,
            2 => self.bind(one, rest).await,
            3 => self.install(one),
            4 => self.notify(one, rest).await,
            5 => self.cancel_session(one, rest).await,
            6 => self.download_order(one, rest).await,
            7 => self.confirm_order(one, rest).await,
            8 => self.release(one).await,
            9 => self.cancel_order(one, rest).await,
            10 => self.house.advance_ms([1, 3, 16, 61][usize::from(rest % 4)] * MINUTE_MS / 4),
            11 => self.misbehave(one, rest),
            12 => self.spoil = Some(spoil(how)),
            13 => self.again().await,
            14 => self.twice = true,
            _ => self.live(one, rest),
        }
    }

    async fn initiate(&mut self, one: usize) {
        let request = self.house.initiate_request(&mut self.phones[one].card);
        let answer = self.es9("initiateAuthentication", request).await;
        let read = Authentication::read("initiateAuthentication", &answer.body).ok();
        self.phones[one].server = read.or(self.phones[one].server.take());
    }

    async fn authenticate(&mut self, one: usize, how: u8) {
        let iccid = &self.iccids[usize::from(how & 1)];
        let id = match (how >> 1) % 4 {
            0 | 1 => self.ids.get(iccid).cloned(),
            2 => None,
            _ => Some("NO-SUCH-ORDER".to_owned()),
        };
        let Phone { card, server: Some(server), .. } = &mut self.phones[one] else { return };
        let Ok(request) = self.house.lpa.authenticate_client_request(card, server, id.as_deref()) else {
            return;
        };
        let answer = self.es9("authenticateClient", request).await;
        let read = Offer::read("authenticateClient", &answer.body).ok();
        self.phones[one].offer = read.or(self.phones[one].offer.take());
    }

    async fn bind(&mut self, one: usize, how: u8) {
        let code = [Some(CODE), Some(CODE), Some("wrong"), None][usize::from(how % 4)];
        let Phone { card, offer: Some(offer), .. } = &mut self.phones[one] else { return };
        let Ok(request) = self.house.lpa.get_bound_profile_package_request(card, offer, code) else { return };
        let answer = self.es9("getBoundProfilePackage", request).await;
        if answer.body.get("boundProfilePackage").is_some() {
            self.phones[one].package = Some(crate::house::bpp(&answer.body));
        }
    }

    fn install(&mut self, one: usize) {
        let phone = &mut self.phones[one];
        let Some(package) = phone.package.take() else { return };
        phone.notifications.extend(phone.card.load_bound_profile_package(&package));
    }

    /// The newest first: what happened last is told first, unless `how` says otherwise.
    async fn notify(&mut self, one: usize, how: u8) {
        let told = &self.phones[one].notifications;
        let Some(place) = usize::from(how).checked_rem(told.len()) else { return };
        let request = self.house.lpa.handle_notification_request(&told[told.len() - 1 - place]);
        self.es9("handleNotification", request).await;
    }

    async fn cancel_session(&mut self, one: usize, how: u8) {
        let reason = [0, 1, 2, 3, 4, 5, 16, 127][usize::from(how % 8)];
        let Phone { card, server, offer, .. } = &mut self.phones[one];
        let offered = offer.as_ref().map(|offer| offer.transaction_id.clone());
        let Some(id) = offered.or(server.as_ref().map(|server| server.transaction_id.clone())) else {
            return;
        };
        let Ok(request) = self.house.lpa.cancel_session_request(card, &id, reason) else { return };
        self.es9("cancelSession", request).await;
    }

    async fn download_order(&mut self, one: usize, how: u8) {
        let mut order = match how % 4 {
            3 => json!({ "profileType": TYPE }),
            _ => json!({ "iccid": self.iccids[one] }),
        };
        if how & 4 != 0 {
            order["eid"] = json!(self.house.eid(usize::from(how >> 3 & 1)));
        }
        self.es2("downloadOrder", order).await;
    }

    async fn confirm_order(&mut self, one: usize, how: u8) {
        let iccid = self.iccids[one].clone();
        let mut confirm = json!({ "iccid": iccid, "releaseFlag": how & 1 == 0 });
        if how & 2 != 0 {
            confirm["confirmationCode"] = json!(CODE);
        }
        match how >> 2 & 3 {
            1 => confirm["matchingId"] = json!(format!("FUZZ-{one}-{iccid}")),
            2 => confirm["matchingId"] = json!(""),
            3 => confirm["eid"] = json!(self.house.eid(usize::from(how >> 4 & 1))),
            _ => {}
        }
        let answer = self.es2("confirmOrder", confirm).await;
        if let Some(id) = answer.body["matchingId"].as_str() {
            self.ids.insert(iccid, id.to_owned());
        }
    }

    async fn release(&mut self, one: usize) {
        self.es2("releaseProfile", json!({ "iccid": self.iccids[one] })).await;
    }

    async fn cancel_order(&mut self, one: usize, how: u8) {
        let indicator = if how & 1 == 0 { "Available" } else { "Unavailable" };
        let mut cancel = json!({ "iccid": self.iccids[one], "finalProfileStatusIndicator": indicator });
        if let Some(id) = self.ids.get(&self.iccids[one]).filter(|_| how & 2 == 0) {
            cancel["matchingId"] = json!(id);
        }
        if how & 4 != 0 {
            cancel["eid"] = json!(self.house.eid(usize::from(how >> 3 & 1)));
        }
        self.es2("cancelOrder", cancel).await;
    }

    /// The eUICC misbehaves from now on, or is itself again.
    fn misbehave(&mut self, one: usize, how: u8) {
        let fault = Fault::ALL.get(usize::from(how));
        self.phones[one].card.faults = fault.map_or(Faults::none(), |fault| Faults::none().with(*fault));
    }

    /// The last request once more, octet for octet.
    async fn again(&mut self) {
        let Some((function, request)) = self.last.clone() else { return };
        sound(&self.house.es9(function, &request).await);
    }

    /// The installed Profile lives, and the eUICC tells of it.
    fn live(&mut self, one: usize, how: u8) {
        let Phone { card, notifications, .. } = &mut self.phones[one];
        let iccid = &self.iccids[usize::from(how & 1)];
        let _ = match how >> 1 & 3 {
            0 | 1 => card.enable(iccid),
            2 => card.disable(iccid),
            _ => card.delete(iccid),
        };
        notifications.extend(card.list_notifications().last().map(|last| last.bytes.clone()));
    }

    async fn es2(&mut self, function: &'static str, body: Value) -> Answer {
        let answer = self.house.es2(function, "acme", body).await;
        sound(&answer);
        answer
    }

    async fn es9(&mut self, function: &'static str, request: Value) -> Answer {
        let request = match self.spoil.take() {
            Some(spoil) => self.spoiled(spoil, function, request),
            None => request,
        };
        // What the test LPA cannot put into its binding is not sent.
        if asn1::encode(function, &request).is_err() && BINDING.try_get() == Ok(Binding::Asn1) {
            return Answer { http: 0, body: Value::Null, headers: BTreeMap::new() };
        }
        self.last = Some((function, request.clone()));
        let answer = if std::mem::take(&mut self.twice) {
            let (one, two) =
                tokio::join!(self.house.es9(function, &request), self.house.es9(function, &request));
            sound(&two);
            one
        } else {
            self.house.es9(function, &request).await
        };
        sound(&answer);
        answer
    }

    fn spoiled(&self, how: Spoil, function: &str, mut request: Value) -> Value {
        let signed = match function {
            "initiateAuthentication" => "euiccInfo1",
            "authenticateClient" => "authenticateServerResponse",
            "getBoundProfilePackage" => "prepareDownloadResponse",
            "cancelSession" => "cancelSessionResponse",
            _ => "pendingNotification",
        };
        let mut octets = STANDARD.decode(request[signed].as_str().unwrap()).unwrap();
        // A place in 32nds of the message.
        let place = |n: u8, octets: &[u8]| octets.len() * usize::from(n & 31) / 32;
        match how {
            Spoil::Flip(n) => {
                let place = place(n, &octets);
                octets[place] ^= 1 << (n >> 5);
            }
            Spoil::Cut(n) => octets.truncate(place(n, &octets)),
            Spoil::Repeat(n) => {
                let place = place(n, &octets);
                octets.extend_from_within(place..);
            }
            Spoil::Forget(n) => {
                let members = request.as_object_mut().unwrap();
                let name = members.keys().nth(usize::from(n) % members.len()).cloned().unwrap();
                members.remove(&name);
                return request;
            }
            Spoil::Swap => {
                let mut server = self.phones.iter().filter_map(|phone| phone.server.as_ref());
                if let Some(server) = server.next_back().filter(|_| request.get("transactionId").is_some()) {
                    request["transactionId"] = json!(server.transaction_id);
                }
            }
        }
        request[signed] = json!(STANDARD.encode(octets));
        request
    }
}

/// What must hold after each scene.
impl Play<'_> {
    async fn holds(&mut self) {
        for (place, iccid) in self.iccids.iter().enumerate() {
            let now = self.house.profile(iccid).await;
            let before = &self.before[place];
            let arrow = (before.state(), now.state());
            assert!(arrow.0 == arrow.1 || may_move(arrow.0, arrow.1), "{iccid} moved {arrow:?}");
            assert!(now.orders() == before.orders() || arrow.0 == State::Available, "{iccid}: {arrow:?}");
            if let Some(order) = now.order() {
                assert!(order.download_attempts <= LIMITS.download_attempts_max, "{order:?}");
                assert!(order.confirmation_code_attempts <= LIMITS.confirmation_code_attempts_max);
                let first = before.order().filter(|before| before.number == order.number);
                if let Some(first) = first.and_then(|first| first.bound.as_ref()) {
                    assert_eq!(order.bound.as_ref().map(|bound| &bound.eid), Some(&first.eid), "bound anew");
                }
                let bound = order.bound.is_some();
                assert!(bound || !matches!(now.state(), State::Downloaded | State::Installed), "unbound");
            }
            // Nobody installs it but an eUICC that has signed so.
            let signed = self.phones.iter().any(|phone| !phone.notifications.is_empty());
            assert!(signed || now.state() != State::Installed, "{iccid} is installed and nobody said so");
            self.before[place] = now;
        }
    }
}

/// The arrows of Table 6b, as `specs/lifecycle.md` draws them.
fn may_move(from: State, to: State) -> bool {
    use State::{
        Allocated, Available, Confirmed, Downloaded, Error, Installed, Linked, Released, Unavailable,
    };
    match from {
        Available => matches!(to, Allocated | Linked),
        Allocated | Linked => matches!(to, Confirmed | Released | Available | Unavailable | Error),
        Confirmed => matches!(to, Released | Available | Unavailable | Error),
        Released => matches!(to, Downloaded | Available | Unavailable | Error),
        Downloaded => matches!(to, Installed | Error),
        Error => matches!(to, Installed | Available | Unavailable),
        Installed | Unavailable => false,
    }
}

fn spoil(how: u8) -> Spoil {
    let more = how.rotate_left(3);
    match how % 8 {
        0..=3 => Spoil::Flip(more),
        4 => Spoil::Cut(more),
        5 => Spoil::Repeat(more),
        6 => Spoil::Forget(more),
        _ => Spoil::Swap,
    }
}
