//! ES2+ (5.3): cases OP, DO, CO, XO, RP and PI.
mod cancel_order;
mod confirm_order;
mod download_order;
mod every_function;
pub(crate) mod progress;

use serde_json::{Value, json};
use smdpp::types::State;

use crate::case::{Case, case};
use crate::house::{Answer, House, Wishes};
use crate::scene::Scene;
use crate::{begin, sockets};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = every_function::cases();
    cases.extend(download_order::cases());
    cases.extend(confirm_order::cases());
    cases.extend(cancel_order::cases());
    cases.extend([
        case("RP-01", "a Profile is released", "5.3.4", "")
            .part("a", "from Confirmed", "OK; state Released, and the download works", released)
            .part("b", "when it is Released already", "OK; nothing changed", released_twice),
        case("RP-02", "a Profile that cannot be released", "5.3.4, T32", "")
            .part("1", "from Available", "8.2.1/3.5", || not_released(State::Available))
            .part("2", "from Allocated", "8.2.1/3.5", || not_released(State::Allocated))
            .part("3", "from Linked", "8.2.1/3.5", || not_released(State::Linked))
            .part("4", "from Error", "8.2.1/3.5", || not_released(State::Error)),
    ]);
    cases.extend(progress::cases());
    cases
}

/// What must not move: state and order of a Profile, or the house as a whole.
pub(crate) struct Still<'a> {
    house: &'a House,
    iccid: &'a str,
    profile: smdpp::profile::Profile,
    trail: i64,
}

impl<'a> Still<'a> {
    pub(crate) async fn of(house: &'a House, iccid: &'a str) -> Self {
        Self { house, iccid, profile: house.profile(iccid).await, trail: house.verify_trail().await }
    }

    /// Refused with this verdict; nothing has moved, nothing is in the trail.
    pub(crate) async fn refuses(&self, answer: &Answer, verdict: &str) {
        assert_eq!(answer.verdict(), verdict, "{:?}", answer.body);
        self.stands().await;
    }

    pub(crate) async fn stands(&self) {
        assert_eq!(self.house.profile(self.iccid).await, self.profile);
        assert_eq!(self.house.verify_trail().await, self.trail);
    }
}

/// acme's call about `iccid`, with more members.
pub(super) async fn call(house: &House, function: &str, iccid: &str, more: Value) -> Answer {
    let mut request = match function {
        "confirmOrder" => json!({ "iccid": iccid, "releaseFlag": true }),
        "cancelOrder" => json!({ "iccid": iccid, "finalProfileStatusIndicator": "Available" }),
        _ => json!({ "iccid": iccid }),
    };
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    house.es2(function, "acme", request).await
}

/// A house with one Profile in stock.
pub(super) async fn stocked() -> (House, String) {
    let house = sockets::house(Wishes::default()).await;
    let (iccid, _) = house.stock(1).await;
    (house, iccid)
}

/// A house with one Profile that is ordered, for the first eUICC or for none.
pub(super) async fn ordered(for_eid: bool) -> (House, String) {
    let (house, iccid) = stocked().await;
    let more = if for_eid { json!({ "eid": house.eid(0) }) } else { json!({}) };
    call(&house, "downloadOrder", &iccid, more).await.ok();
    (house, iccid)
}

/// One Profile, brought to a state by calls; the MatchingID of its order, if it has one.
pub(super) async fn in_state(state: State) -> (House, String, Option<String>) {
    let (house, iccid) = match state {
        State::Available => stocked().await,
        State::Linked => ordered(true).await,
        State::Allocated
        | State::Confirmed
        | State::Released
        | State::Downloaded
        | State::Installed
        | State::Error
        | State::Unavailable => ordered(false).await,
    };
    if matches!(state, State::Available | State::Allocated | State::Linked) {
        return (house, iccid, None);
    }
    let flag = json!({ "releaseFlag": state != State::Confirmed });
    let body = call(&house, "confirmOrder", &iccid, flag).await.ok();
    let id = body["matchingId"].as_str().unwrap().to_owned();
    if matches!(state, State::Downloaded | State::Installed | State::Error) {
        let mut card = house.card(0);
        let offer = house.authenticate(&mut card, Some(&id)).await;
        if state == State::Error {
            let request = house.cancel_request(&mut card, &offer.transaction_id, 0);
            house.es9("cancelSession", &request).await.ok();
        } else {
            let package = house.bind(&mut card, &offer).await;
            if state == State::Installed {
                card.load_bound_profile_package(&package).unwrap();
                house.deliver(&mut card).await;
            }
        }
    }
    assert_eq!(house.state(&iccid).await, state);
    (house, iccid, Some(id))
}

async fn release(house: &House, iccid: &str) -> Answer {
    call(house, "releaseProfile", iccid, json!({})).await
}

fn header_alone(body: &Value) {
    assert_eq!(*body, json!({ "header": { "functionExecutionStatus": { "status": "Executed-Success" } } }));
}

async fn released() {
    let mut scene: Scene = begin(json!({ "releaseFlag": false })).await;
    assert_eq!(scene.state().await, State::Confirmed);
    header_alone(&release(&scene.house, &scene.iccid).await.ok());
    assert_eq!(scene.state().await, State::Released);
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

async fn released_twice() {
    let (house, iccid, _) = in_state(State::Released).await;
    let still = Still::of(&house, &iccid).await;
    for _ in 0..2 {
        header_alone(&release(&house, &iccid).await.ok());
        still.stands().await;
    }
}

async fn not_released(state: State) {
    let (house, iccid, _) = in_state(state).await;
    let still = Still::of(&house, &iccid).await;
    for _ in 0..2 {
        let answer = release(&house, &iccid).await;
        still.refuses(&answer, "8.2.1/3.5").await;
    }
}
