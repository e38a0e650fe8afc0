//! State, persistence, many at once (3.1.6): cases ST.
use std::sync::Arc;
use std::time::Duration;

use euicc::lpa::{Authentication, Offer};
use euicc::{Card, Lpa};
use rig::Confirm;
use serde_json::{Value, json};
use smdpp::types::State;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::begin;
use crate::case::{Case, case};
use crate::house::{House, Wishes, bpp};
use crate::opened::Opened;
use crate::package::upp;
use crate::program::{House as Program, Stocked};
use crate::scene::CODE;
use crate::sockets;

const BIND: &str = "getBoundProfilePackage";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("ST-01", "a whole life", "3.1.6", "").part(
            "",
            "DownloadOrder, ConfirmOrder, ReleaseProfile, a session, its result, then enable, disable, delete",
            "OK throughout: Linked, Confirmed, Released, Downloaded, Installed",
            whole_life,
        ),
        case("ST-02", "the server is killed and started again", "choice", "")
            .part("a", "after each ES2+ call", "orders, states and MatchingID kept", killed_among_orders)
            .part("b", "after AuthenticateClient", "attempt counted, session kept: OK", killed_after_offer)
            .part("c", "after GetBoundProfilePackage", "Downloaded; the same package again", killed_after_package)
            .part("d", "between a result and its answer", "resent: 204, installed once", killed_among_results),
        case("ST-03", "one Activation Code, two eUICCs at once", "3.1.3.2 step 9 (v2.5); code: choice", "").part(
            "",
            "both authenticated, then both ask for the package at once, ten times",
            "one package; the other 8.1.1/3.8, also in a new session",
            one_of_two,
        ),
        case("ST-04", "200 sessions at once", "5.6.1", "").part(
            "",
            "20 eUICCs with ten orders each; every step of all sessions before the next",
            "OK, each with its own transactionId, metadata, keys and Profile",
            many_sessions,
        ),
    ]
}

async fn whole_life() {
    let house = sockets::house(Wishes::default()).await;
    let (iccid, _) = house.stock(1).await;
    let mut card = house.card(0);
    assert_eq!(house.state(&iccid).await, State::Available);
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid, "eid": card.eid() })).await.ok();
    assert_eq!(house.state(&iccid).await, State::Linked);
    let confirm = json!({ "iccid": iccid, "releaseFlag": false, "confirmationCode": CODE });
    let body = house.es2("confirmOrder", "acme", confirm).await.ok();
    assert_eq!(house.state(&iccid).await, State::Confirmed);
    house.es2("releaseProfile", "acme", json!({ "iccid": iccid })).await.ok();
    assert_eq!(house.state(&iccid).await, State::Released);
    let offer = house.authenticate(&mut card, body["matchingId"].as_str()).await;
    assert_eq!(house.state(&iccid).await, State::Released);
    let request = house.bind_request(&mut card, &offer, Some(CODE));
    let package = bpp(&house.es9(BIND, &request).await.ok());
    assert_eq!(house.state(&iccid).await, State::Downloaded);
    card.load_bound_profile_package(&package).unwrap();
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed, "{:?}", card.trouble);
    for later in [Card::enable, Card::disable, Card::delete] {
        later(&mut card, &iccid).unwrap();
        house.deliver(&mut card).await;
        assert_eq!(house.state(&iccid).await, State::Installed);
    }
    house.verify_trail().await;
}

/// The real program, so that it can be killed.
fn program() -> (Program, Stocked, Card) {
    let (program, mut stock) = Program::open(1, 1);
    let card = program.server.pki().first_card().unwrap();
    (program, stock.remove(0), card)
}

fn again(program: &mut Program) {
    program.server.kill();
    program.server.start().unwrap();
}

async fn killed_among_orders() {
    let (mut program, stocked, card) = program();
    let iccid = stocked.iccid.as_str();
    program
        .operator("acme")
        .download_order(Some(card.eid()), Some(iccid), None)
        .await
        .unwrap()
        .success()
        .unwrap();
    again(&mut program);
    assert_eq!(program.eye().state(iccid).await, State::Linked);

    let confirm =
        Confirm { matching_id: Some("KEPT-1"), confirmation_code: Some(CODE), ..Confirm::default() };
    let confirmed = program.operator("acme").confirm_order(iccid, confirm).await.unwrap().success().unwrap();
    again(&mut program);
    assert_eq!(program.eye().state(iccid).await, State::Confirmed);
    let repeated = program.operator("acme").confirm_order(iccid, confirm).await.unwrap().success().unwrap();
    assert_eq!(confirmed.text("matchingId"), repeated.text("matchingId"));

    program.operator("acme").release_profile(iccid).await.unwrap().success().unwrap();
    again(&mut program);
    assert_eq!(program.eye().state(iccid).await, State::Released);
    let mut device = card.clone();
    let offer = authenticated(&program.lpa(), &mut device, "KEPT-1").await;
    assert!(offer.confirmation_code_required());

    let cancelled =
        program.operator("acme").cancel_order(iccid, Some(card.eid()), Some("KEPT-1"), "Available").await;
    cancelled.unwrap().success().unwrap();
    again(&mut program);
    assert_eq!(program.eye().state(iccid).await, State::Available);
}

async fn authenticated(lpa: &Lpa, card: &mut Card, matching_id: &str) -> Offer {
    let server = lpa.initiate_authentication(card).await.unwrap();
    lpa.authenticate_client(card, &server, Some(matching_id)).await.unwrap()
}

/// A released order of the running program, and an eUICC that has been offered it.
async fn offered() -> (Program, Stocked, Card, Offer) {
    let (program, stocked, mut card) = program();
    let code = program.order(&program.operator("acme"), &stocked.iccid, None, Confirm::default()).await;
    let offer = authenticated(&program.lpa(), &mut card, code.matching_id.as_deref().unwrap()).await;
    (program, stocked, card, offer)
}

async fn killed_after_offer() {
    let (mut program, stocked, mut card, offer) = offered().await;
    again(&mut program);
    let order = program.eye().profile(&stocked.iccid).await.order().unwrap().clone();
    assert_eq!(order.download_attempts, 1);
    let package = program.lpa().get_bound_profile_package(&mut card, &offer, None).await.unwrap();
    assert_eq!(Opened::of(&card, &package).upp, stocked.upp);
}

async fn killed_after_package() {
    let (mut program, stocked, mut card, offer) = offered().await;
    let request = program.lpa().get_bound_profile_package_request(&mut card, &offer, None).unwrap();
    let first = program.lpa().succeed(&card, BIND, request.clone()).await.unwrap();
    again(&mut program);
    assert_eq!(program.eye().state(&stocked.iccid).await, State::Downloaded);
    let second = program.lpa().succeed(&card, BIND, request).await.unwrap();
    assert_eq!(first, second);
    card.load_bound_profile_package(&bpp(&second)).unwrap();
    program.lpa().send_notifications(&mut card).await.unwrap();
    assert_eq!(program.eye().state(&stocked.iccid).await, State::Installed);
}

/// The result may have been taken in or not when the server dies; sent again, it has one effect.
async fn killed_among_results() {
    for wait_ms in [0, 1, 3, 10] {
        let (mut program, stocked, mut card, offer) = offered().await;
        let package = program.lpa().get_bound_profile_package(&mut card, &offer, None).await.unwrap();
        let result = card.load_bound_profile_package(&package).unwrap();
        let (lpa, before) = (program.lpa(), program.eye().trail_entries().await);
        let request = lpa.handle_notification_request(&result);
        let unanswered = tokio::time::timeout(
            Duration::from_millis(wait_ms),
            lpa.call("handleNotification", request.clone()),
        );
        let _cut_off = unanswered.await;
        again(&mut program);
        for _ in 0..2 {
            let answer = program.lpa().call("handleNotification", request.clone()).await.unwrap();
            assert_eq!((answer.status, answer.body), (204, Value::Null));
        }
        assert_eq!(program.eye().state(&stocked.iccid).await, State::Installed);
        assert_eq!(program.eye().trail_entries().await, before + 1);
        program.server.smdpp(&["audit", "verify"]).unwrap();
    }
}

async fn one_of_two() {
    for _ in 0..10 {
        let scene = begin(json!({})).await;
        let mut sides = Vec::new();
        for n in 0..2 {
            let mut card = scene.house.card(n);
            let offer = scene.house.authenticate(&mut card, Some(&scene.id)).await;
            let request = scene.house.bind_request(&mut card, &offer, None);
            sides.push((card, request));
        }
        let (one, two) = tokio::join!(scene.house.es9(BIND, &sides[0].1), scene.house.es9(BIND, &sides[1].1));
        let verdicts = [one.verdict(), two.verdict()];
        let winner = verdicts.iter().position(|verdict| verdict == "ok").unwrap();
        assert_eq!(verdicts[1 - winner], "8.1.1/3.8");
        let package = bpp(if winner == 0 { &one.body } else { &two.body });
        assert_eq!(Opened::of(&sides[winner].0, &package).upp, upp(&scene.iccid));
        let loser = &mut sides[1 - winner].0;
        let answer = scene.house.try_authenticate(loser, Some(&scene.id)).await;
        assert_eq!(answer.verdict(), "8.1.1/3.8");
        assert_eq!(scene.state().await, State::Downloaded);
        scene.house.verify_trail().await;
    }
}

const EUICCS: u64 = 20;
const SESSIONS: u64 = 200;

async fn many_sessions() {
    let house = sockets::house(Wishes { euiccs: EUICCS, ..Wishes::default() }).await;
    let mut orders = Vec::new();
    for n in 1..=SESSIONS {
        let (iccid, upp) = house.stock(n).await;
        let id = house.order(&iccid, json!({})).await;
        orders.push((iccid, upp, id));
    }
    let (house, barrier) = (Arc::new(house), Arc::new(Barrier::new(orders.len())));
    let mut sessions = JoinSet::new();
    for (n, (iccid, upp, id)) in orders.into_iter().enumerate() {
        let card = house.card(n % usize::try_from(EUICCS).unwrap());
        let (house, barrier) = (house.clone(), barrier.clone());
        sessions.spawn(async move { session(&house, &barrier, card, &iccid, &upp, &id).await });
    }
    let mut ids = sessions.join_all().await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
    house.verify_trail().await;
}

/// One session, in step with all others; gives its transactionId.
async fn session(house: &House, all: &Barrier, mut card: Card, iccid: &str, upp: &[u8], id: &str) -> String {
    let request = house.initiate_request(&mut card);
    all.wait().await;
    let body = house.es9("initiateAuthentication", &request).await.ok();
    let server = Authentication::read("initiateAuthentication", &body).unwrap();
    let request = house.authenticate_request(&mut card, &server, Some(id));
    all.wait().await;
    let body = house.es9("authenticateClient", &request).await.ok();
    let offer = Offer::read("authenticateClient", &body).unwrap();
    assert_eq!(
        (offer.metadata.iccid_digits().as_str(), &offer.transaction_id),
        (iccid, &server.transaction_id)
    );
    let request = house.bind_request(&mut card, &offer, None);
    all.wait().await;
    let package = bpp(&house.es9(BIND, &request).await.ok());
    assert_eq!(Opened::of(&card, &package).upp, upp);
    all.wait().await;
    card.load_bound_profile_package(&package).unwrap();
    house.deliver(&mut card).await;
    assert_eq!(house.state(iccid).await, State::Installed, "{:?}", card.trouble);
    server.transaction_id
}
