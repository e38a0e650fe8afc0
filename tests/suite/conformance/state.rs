//! State, persistence, many at once (3.1.6): cases ST.
mod stopped;

use std::collections::BTreeSet;
use std::sync::Arc;

use euicc::Card;
use euicc::lpa::Offer;
use serde_json::json;
use smdpp::types::State;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::case::{Case, case};
use crate::house::{House, Wishes, bpp};
use crate::notification::life;
use crate::scene::CODE;
use crate::sockets;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("ST-01", "from stock to deletion", "3.1.6", "").part(
            "",
            "DownloadOrder, ConfirmOrder, ReleaseProfile, a session, its result, enable, disable, delete",
            "OK throughout; states as in 3.1.6; each step once in the trail",
            whole_life,
        ),
        stopped::case(),
        case("ST-03", "one Activation Code, two eUICCs at once", "3.1.3.2 step 9 (v2.5); code: choice", "")
            .part("1", "both authenticate, then both ask for the package; five times over", ONE, || {
                two_at_once(true)
            })
            .part("2", "each as fast as it can; five times over", ONE, || two_at_once(false)),
        case("ST-04", "200 sessions at once", "5.6.1", "").part(
            "",
            "200 eUICCs with an order each; all take a step before any takes the next",
            "200 transactionIds; each its own metadata and package; all Installed",
            two_hundred,
        ),
    ]
}

const ONE: &str = "one package; the other 8.1.1/3.8, now and in a new session";

async fn whole_life() {
    let house = sockets::house(Wishes::default()).await;
    let (iccid, upp) = house.stock(1).await;
    let is = async |state: State| assert_eq!(house.state(&iccid).await, state);
    is(State::Available).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid, "eid": house.eid(0) })).await.ok();
    is(State::Linked).await;
    let confirm = json!({ "iccid": iccid, "confirmationCode": CODE, "releaseFlag": false });
    let body = house.es2("confirmOrder", "acme", confirm).await.ok();
    is(State::Confirmed).await;
    house.es2("releaseProfile", "acme", json!({ "iccid": iccid })).await.ok();
    is(State::Released).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, body["matchingId"].as_str()).await;
    is(State::Released).await;
    let request = house.bind_request(&mut card, &offer, Some(CODE));
    let package = bpp(&house.es9("getBoundProfilePackage", &request).await.ok());
    is(State::Downloaded).await;
    card.load_bound_profile_package(&package).unwrap();
    assert!(card.profile(&iccid).unwrap().upp == upp);
    house.deliver(&mut card).await;
    is(State::Installed).await;
    card.enable(&iccid).unwrap();
    card.disable(&iccid).unwrap();
    card.delete(&iccid).unwrap();
    house.deliver(&mut card).await;
    is(State::Installed).await;
    let steps = [
        "profile_imported",
        "download_ordered",
        "order_confirmed",
        "profile_released",
        "download_authorised",
        "package_bound",
        "profile_installed",
        "notification_received",
        "notification_received",
        "notification_received",
        "notification_received",
    ];
    assert_eq!(life(&house, &iccid).await, steps);
    house.verify_trail().await;
}

/// AuthenticateClient of the `n`th eUICC; `None` where the other was faster with everything.
async fn offered(house: &House, card: &mut Card, id: &str) -> Option<Offer> {
    let answer = house.try_authenticate(card, Some(id)).await;
    if answer.verdict() == "8.1.1/3.8" {
        return None;
    }
    Some(Offer::read("authenticateClient", &answer.ok()).unwrap())
}

async fn bound(house: &House, card: &mut Card, offer: Option<Offer>) -> String {
    let Some(offer) = offer else { return "8.1.1/3.8".to_owned() };
    let request = house.bind_request(card, &offer, None);
    house.es9("getBoundProfilePackage", &request).await.verdict()
}

/// Step by step together, or each as fast as it can.
async fn two_at_once(together: bool) {
    for _ in 0..5 {
        let house = sockets::house(Wishes::default()).await;
        let (iccid, _) = house.stock(1).await;
        let id = house.order(&iccid, json!({})).await;
        let (mut first, mut second) = (house.card(0), house.card(1));
        let (one, two) = if together {
            let (one, two) =
                tokio::join!(offered(&house, &mut first, &id), offered(&house, &mut second, &id));
            assert!(one.is_some() && two.is_some(), "the order is linked with its package");
            tokio::join!(bound(&house, &mut first, one), bound(&house, &mut second, two))
        } else {
            let session = async |mut card: Card| {
                let offer = offered(&house, &mut card, &id).await;
                bound(&house, &mut card, offer).await
            };
            tokio::join!(session(first), session(second))
        };
        let loser = usize::from(one == "ok");
        let mut verdicts = [one, two];
        verdicts.sort();
        assert_eq!(verdicts, ["8.1.1/3.8", "ok"]);
        let again = house.try_authenticate(&mut house.card(loser), Some(&id)).await;
        assert_eq!(again.verdict(), "8.1.1/3.8");
        let bound = life(&house, &iccid).await.iter().filter(|event| *event == "package_bound").count();
        assert_eq!((bound, house.state(&iccid).await), (1, State::Downloaded));
        house.verify_trail().await;
    }
}

const SESSIONS: u64 = 200;

/// One eUICC's session; it waits for all others after each step. Gives its transactionId.
async fn in_step(house: &House, n: usize, order: &(String, Vec<u8>, String), barrier: &Barrier) -> String {
    let (iccid, upp, id) = order;
    let code = n.is_multiple_of(2).then_some(CODE);
    let mut card = house.card(n);
    let server = house.initiate(&mut card).await;
    barrier.wait().await;
    let request = house.authenticate_request(&mut card, &server, Some(id));
    let body = house.es9("authenticateClient", &request).await.ok();
    let offer = Offer::read("authenticateClient", &body).unwrap();
    assert_eq!(offer.metadata.iccid_digits(), *iccid);
    assert_eq!(offer.confirmation_code_required(), code.is_some());
    barrier.wait().await;
    let request = house.bind_request(&mut card, &offer, code);
    let package = bpp(&house.es9("getBoundProfilePackage", &request).await.ok());
    barrier.wait().await;
    card.load_bound_profile_package(&package).unwrap();
    assert!(card.profile(iccid).is_some_and(|profile| profile.upp == *upp), "{:?}", card.trouble);
    house.deliver(&mut card).await;
    server.transaction_id
}

async fn two_hundred() {
    let wishes = Wishes { euiccs: SESSIONS, ..Wishes::default() };
    let house = Arc::new(sockets::house(wishes).await);
    let mut orders = Vec::new();
    for n in 0..SESSIONS {
        let (iccid, upp) = house.stock(n + 1).await;
        let code = if n.is_multiple_of(2) { CODE } else { "" };
        let id = house.order(&iccid, json!({ "confirmationCode": code })).await;
        orders.push((iccid, upp, id));
    }
    let barrier = Arc::new(Barrier::new(orders.len()));
    let mut sessions = JoinSet::new();
    for (n, order) in orders.iter().cloned().enumerate() {
        let (house, barrier) = (house.clone(), barrier.clone());
        sessions.spawn(async move { in_step(&house, n, &order, &barrier).await });
    }
    let ids: BTreeSet<String> = sessions.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), orders.len());
    for (iccid, ..) in &orders {
        assert_eq!(house.state(iccid).await, State::Installed);
    }
    house.verify_trail().await;
}
