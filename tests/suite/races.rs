//! Many at the same moment, again and again: one wins, one effect, nobody gets another's Profile.
//! `RACE_ROUNDS=100 cargo test --test suite two_hundred` plays the longest a hundred times; the others always are.
use std::collections::BTreeSet;
use std::sync::Arc;

use euicc::Card;
use euicc::lpa::{Authentication, Offer};
use serde_json::{Value, json};
use smdpp::random::{Random, SeededRandom};
use smdpp::types::{Iccid, State};
use tokio::task::JoinSet;

use crate::house::{House, TYPE, Wishes, bpp};

const ROUNDS: u64 = 100;

/// A whole session, result delivered; gives the verdict of the last answer, and whether a package came.
async fn whole_session(house: Arc<House>, n: usize, id: String) -> (String, bool) {
    let mut card = house.card(n);
    let server = house.initiate(&mut card).await;
    let request = house.authenticate_request(&mut card, &server, Some(&id));
    let answer = house.es9("authenticateClient", &request).await;
    if answer.verdict() != "ok" {
        return (answer.verdict(), false);
    }
    let offer = Offer::read("authenticateClient", &answer.body).unwrap();
    let request = house.bind_request(&mut card, &offer, None);
    let answer = house.es9("getBoundProfilePackage", &request).await;
    let package = answer.body.get("boundProfilePackage").is_some();
    if package {
        card.load_bound_profile_package(&bpp(&answer.body)).unwrap();
        house.deliver(&mut card).await;
    }
    (answer.verdict(), package)
}

/// ST-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_euiccs_with_one_unbound_activation_code_and_one_wins_a_hundred_times() {
    let house = Arc::new(House::new().await);
    for round in 1..=ROUNDS {
        let (iccid, _) = house.stock(round).await;
        let id = house.order(&iccid, json!({})).await;
        let mut phones = JoinSet::new();
        for n in [0, 1] {
            phones.spawn(whole_session(house.clone(), n, id.clone()));
        }
        let mut ends = phones.join_all().await;
        ends.sort();
        let [(loser, nothing), (winner, package)] = ends.try_into().unwrap();
        assert!(["8.1.1/3.8", "8.2.6/3.8"].contains(&loser.as_str()), "round {round}: {loser}");
        assert_eq!((nothing, winner.as_str(), package), (false, "ok", true), "round {round}");
        assert_eq!(house.state(&iccid).await, State::Installed);
    }
    house.verify_trail().await;
}

/// DO-04 (d). After each round the operator puts all 49 back on the shelf.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_orders_for_49_profiles_and_49_win_a_hundred_times() {
    let house = Arc::new(House::new().await);
    let mut shelf = BTreeSet::new();
    for n in 1..=49 {
        shelf.insert(house.stock(n).await.0);
    }
    for round in 0..ROUNDS {
        let answers = fifty(&house).await;
        let refused: Vec<String> =
            answers.iter().map(|answer| answer.verdict()).filter(|verdict| verdict != "ok").collect();
        assert_eq!(refused, ["8.2.5/3.7"], "round {round}");
        let given: Vec<&str> = answers.iter().filter_map(|answer| answer.body["iccid"].as_str()).collect();
        assert_eq!(given.len(), 49);
        assert_eq!(given.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), shelf, "round {round}");
        let mut operators = JoinSet::new();
        for iccid in shelf.clone() {
            let house = house.clone();
            let cancel = json!({ "iccid": iccid, "finalProfileStatusIndicator": "Available" });
            operators.spawn(async move { house.es2("cancelOrder", "acme", cancel).await.ok() });
        }
        operators.join_all().await;
    }
    house.verify_trail().await;
}

async fn fifty(house: &Arc<House>) -> Vec<crate::house::Answer> {
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let house = house.clone();
        let order = json!({ "profileType": TYPE });
        callers.spawn(async move { house.es2("downloadOrder", "acme", order).await });
    }
    callers.join_all().await
}

/// What the trail says of one Profile.
async fn life(house: &House, iccid: &str) -> usize {
    house.store.reader().trail_of(&Iccid::parse(iccid).unwrap()).await.unwrap().len()
}

/// The same ES9+ request twice at once: the same answer twice, one line in the trail. Gives the answer.
async fn twice_es9(house: &Arc<House>, iccid: &str, function: &'static str, request: Value) -> Value {
    let before = life(house, iccid).await;
    let answers = both(house, function, request).await;
    one_effect(house, iccid, function, before, answers).await
}

async fn both(house: &Arc<House>, function: &'static str, request: Value) -> Vec<crate::house::Answer> {
    let mut callers = JoinSet::new();
    for _ in 0..2 {
        let (house, request) = (house.clone(), request.clone());
        callers.spawn(async move { house.es9(function, &request).await });
    }
    callers.join_all().await
}

/// The same ES2+ call twice at once.
async fn twice_es2(house: &Arc<House>, iccid: &str, function: &'static str, call: Value) -> Value {
    let before = life(house, iccid).await;
    let mut body = call;
    let id = format!("{function}-{iccid}");
    body["header"] =
        json!({ "functionRequesterIdentifier": "acme.example.com", "functionCallIdentifier": id });
    let mut callers = JoinSet::new();
    for _ in 0..2 {
        let (house, body) = (house.clone(), body.clone());
        callers.spawn(async move { house.es2(function, "acme", body).await });
    }
    one_effect(house, iccid, function, before, callers.join_all().await).await
}

async fn one_effect(
    house: &House,
    iccid: &str,
    function: &str,
    before: usize,
    answers: Vec<crate::house::Answer>,
) -> Value {
    let [one, two] = answers.try_into().unwrap();
    assert_eq!((one.verdict().as_str(), &one), ("ok", &two), "{function}");
    assert_eq!(life(house, iccid).await, before + 1, "{function}: one effect");
    one.body
}

/// AE-21, GE-09, HN: every function that changes a Profile, each call sent twice at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_request_twice_at_once_has_one_effect_a_hundred_times() {
    let house = Arc::new(House::new().await);
    for round in 1..=ROUNDS {
        // The only one on the shelf, so an order by type takes it.
        let (iccid, _) = house.stock(round).await;
        let ordered = twice_es2(&house, &iccid, "downloadOrder", json!({ "profileType": TYPE })).await;
        assert_eq!(ordered["iccid"].as_str(), Some(iccid.as_str()));
        let confirm = json!({ "iccid": iccid, "releaseFlag": false });
        let confirmed = twice_es2(&house, &iccid, "confirmOrder", confirm).await;
        let id = confirmed["matchingId"].as_str().unwrap().to_owned();
        twice_es2(&house, &iccid, "releaseProfile", json!({ "iccid": iccid })).await;

        let (mut card, offer) = offered_twice(&house, &iccid, &id).await;
        let attempts = house.profile(&iccid).await.order().unwrap().download_attempts;
        assert_eq!(attempts, 1, "round {round}");
        if round % 4 == 0 {
            let before = life(&house, &iccid).await;
            let request = house.cancel_request(&mut card, &offer.transaction_id, 0);
            let answers = both(&house, "cancelSession", request).await;
            // The answer has nothing to tell, so nothing is kept to tell it again: the session is over.
            let mut verdicts: Vec<String> = answers.iter().map(|answer| answer.verdict()).collect();
            verdicts.sort();
            assert_eq!(verdicts, ["8.10.1/3.9", "ok"]);
            assert_eq!(life(&house, &iccid).await, before + 1);
            assert_eq!(house.state(&iccid).await, State::Error);
            let cancel =
                json!({ "iccid": iccid, "matchingId": id, "finalProfileStatusIndicator": "Unavailable" });
            twice_es2(&house, &iccid, "cancelOrder", cancel).await;
            continue;
        }
        let request = house.bind_request(&mut card, &offer, None);
        let package = bpp(&twice_es9(&house, &iccid, "getBoundProfilePackage", request).await);
        let result = card.load_bound_profile_package(&package).unwrap();
        let request = house.lpa.handle_notification_request(&result);
        twice_es9(&house, &iccid, "handleNotification", request).await;
        card.enable(&iccid).unwrap();
        // The first that waits is the result, which is delivered; the next is the enabling.
        let enabled = house.lpa.handle_notification_request(&card.list_notifications()[1].bytes);
        // Same installations on one eUICC: its sequence numbers rise from card to card only by chance, so only
        // the first card's notification is news.
        if round == 1 {
            twice_es9(&house, &iccid, "handleNotification", enabled).await;
        }
        assert_eq!(house.state(&iccid).await, State::Installed, "round {round}");
    }
    house.verify_trail().await;
}

async fn offered_twice(house: &Arc<House>, iccid: &str, id: &str) -> (Card, Offer) {
    let mut card = house.card(0);
    let server = house.initiate(&mut card).await;
    let request = house.authenticate_request(&mut card, &server, Some(id));
    let body = twice_es9(house, iccid, "authenticateClient", request).await;
    (card, Offer::read("authenticateClient", &body).unwrap())
}

/// One phone on its way, and what belongs to it alone.
struct Phone {
    card: Card,
    iccid: String,
    upp: Vec<u8>,
    id: String,
    step: Step,
}

enum Step {
    Initiate,
    Authenticate(Authentication),
    Bind(Offer),
    Install(Vec<u8>),
    Done,
}

const PHONES: usize = 200;
/// Two hundred eUICCs are not made in no time, and a trail is verified from its beginning.
const ROUNDS_PER_HOUSE: u64 = 20;
/// So many steps run at the same moment.
const ABREAST: usize = 8;

/// Each round: 200 eUICCs with 200 new orders; their steps in an order that dice choose, eight at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_interleaved_sessions_and_none_is_mixed_up() {
    // 20,000 downloads are minutes of a debug build: a check makes a tenth, and the environment asks for all.
    let rounds = std::env::var("RACE_ROUNDS").map_or(ROUNDS / 10, |rounds| rounds.parse().unwrap());
    let mut house = crowd().await;
    for round in 0..rounds {
        if round > 0 && round % ROUNDS_PER_HOUSE == 0 {
            house.verify_trail().await;
            house = crowd().await;
        }
        let dice = SeededRandom::new(round);
        let mut waiting = phones(&house, usize::try_from(round % ROUNDS_PER_HOUSE).unwrap()).await;
        let mut done = Vec::new();
        let mut transactions = BTreeSet::new();
        while !waiting.is_empty() {
            let mut steps = JoinSet::new();
            for _ in 0..ABREAST.min(waiting.len()) {
                let phone = waiting.swap_remove(thrown(&dice) % waiting.len());
                steps.spawn(step(house.clone(), phone));
            }
            for phone in steps.join_all().await {
                match &phone.step {
                    Step::Authenticate(server) => assert!(transactions.insert(server.transaction_id.clone())),
                    Step::Initiate | Step::Bind(_) | Step::Install(_) => {}
                    Step::Done => {
                        done.push(phone);
                        continue;
                    }
                }
                waiting.push(phone);
            }
        }
        assert_eq!((done.len(), transactions.len()), (PHONES, PHONES));
        for phone in &done {
            let profile = house.profile(&phone.iccid).await;
            let order = profile.order().unwrap();
            let bound = order.bound.as_ref().map(|bound| bound.eid.as_str());
            assert_eq!((profile.state(), bound), (State::Installed, Some(phone.card.eid())));
            assert_eq!(order.download_attempts, 1);
        }
    }
    house.verify_trail().await;
}

/// A house with an eUICC for each phone.
async fn crowd() -> Arc<House> {
    let wishes = Wishes { euiccs: u64::try_from(PHONES).unwrap(), ..Wishes::default() };
    Arc::new(House::with(wishes).await)
}

fn thrown(dice: &SeededRandom) -> usize {
    let mut octets = [0; 2];
    dice.fill(&mut octets).unwrap();
    usize::from(u16::from_be_bytes(octets))
}

async fn phones(house: &Arc<House>, round: usize) -> Vec<Phone> {
    let mut orders = JoinSet::new();
    for n in 0..PHONES {
        let house = house.clone();
        orders.spawn(async move {
            let (iccid, upp) = house.stock(u64::try_from(round * PHONES + n + 1).unwrap()).await;
            let id = house.order(&iccid, json!({})).await;
            Phone { card: house.card(n), iccid, upp, id, step: Step::Initiate }
        });
    }
    orders.join_all().await
}

/// The next step of one phone; what comes back must be its own.
async fn step(house: Arc<House>, mut phone: Phone) -> Phone {
    let card = &mut phone.card;
    phone.step = match phone.step {
        Step::Initiate => Step::Authenticate(house.initiate(card).await),
        Step::Authenticate(server) => {
            let request = house.authenticate_request(card, &server, Some(&phone.id));
            let body = house.es9("authenticateClient", &request).await.ok();
            let offer = Offer::read("authenticateClient", &body).unwrap();
            assert_eq!(offer.transaction_id, server.transaction_id);
            assert_eq!(offer.metadata.iccid_digits(), phone.iccid);
            Step::Bind(offer)
        }
        Step::Bind(offer) => Step::Install(house.bind(card, &offer).await),
        Step::Install(package) => {
            card.load_bound_profile_package(&package).unwrap();
            let installed = card.profile(&phone.iccid).unwrap();
            assert_eq!((installed.upp == phone.upp, card.profiles().len()), (true, 1));
            house.deliver(card).await;
            Step::Done
        }
        Step::Done => Step::Done,
    };
    phone
}
