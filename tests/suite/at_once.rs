//! Many callers at the same moment: limits hold, and of two that exclude each other one wins.
use std::sync::Arc;

use euicc::Faults;
use serde_json::{Value, json};
use smdpp::profile::Limits;
use smdpp::types::State;
use tokio::task::JoinSet;

use crate::house::{House, Wishes};
use crate::scene::{CODE, Scene};

/// Sends all requests at once; gives the verdicts, sorted.
async fn at_once(house: &Arc<House>, function: &'static str, requests: Vec<Value>) -> Vec<String> {
    let mut callers = JoinSet::new();
    for request in requests {
        let house = house.clone();
        callers.spawn(async move { house.es9(function, &request).await.verdict() });
    }
    let mut verdicts = callers.join_all().await;
    verdicts.sort();
    verdicts
}

/// Twelve sessions, each with another wrong code: no more guesses than the limit, and one that ends the order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guessing_codes_in_many_sessions_at_once_gains_no_guess() {
    let limits = Limits { download_attempts_max: 100, confirmation_code_attempts_max: 3 };
    let wishes = Wishes { limits, ..Wishes::default() };
    let scene = Scene::with(wishes, json!({ "confirmationCode": CODE })).await;
    let mut requests = Vec::new();
    for guess in 0..12 {
        let mut card = scene.house.card(0);
        let offer = scene.house.authenticate(&mut card, Some(&scene.id)).await;
        requests.push(scene.house.bind_request(&mut card, &offer, Some(&format!("guess {guess}"))));
    }
    let (house, iccid) = (Arc::new(scene.house), scene.iccid);
    let verdicts = at_once(&house, "getBoundProfilePackage", requests).await;
    let expected = [vec!["8.2.7/3.8"; 3], vec!["8.2.7/6.4"], vec!["8.2/3.7"; 8]].concat();
    assert_eq!(verdicts, expected);
    let profile = house.profile(&iccid).await;
    assert_eq!((profile.state(), profile.order().unwrap().confirmation_code_attempts), (State::Error, 3));
    house.verify_trail().await;
}

/// Eight sessions where four downloads are allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn authenticating_many_sessions_at_once_gains_no_attempt() {
    let limits = Limits { download_attempts_max: 4, confirmation_code_attempts_max: 3 };
    let scene = Scene::with(Wishes { limits, ..Wishes::default() }, json!({})).await;
    let mut requests = Vec::new();
    for _ in 0..8 {
        let mut card = scene.house.card(0);
        let server = scene.house.initiate(&mut card).await;
        requests.push(scene.house.authenticate_request(&mut card, &server, Some(&scene.id)));
    }
    let (house, iccid) = (Arc::new(scene.house), scene.iccid);
    let verdicts = at_once(&house, "authenticateClient", requests).await;
    assert_eq!(verdicts, [vec!["8.8.5/6.4"; 4], vec!["ok"; 4]].concat());
    assert_eq!(house.state(&iccid).await, State::Error);
    house.verify_trail().await;
}

/// The operator takes the order back while the package leaves: either the one or the other.
#[tokio::test]
async fn a_cancelled_order_and_a_delivered_package_exclude_each_other() {
    for _ in 0..20 {
        let mut scene = Scene::released().await;
        let offer = scene.authenticate().await;
        let bind = scene.house.bind_request(&mut scene.card, &offer, None);
        let cancel = json!({
            "iccid": scene.iccid, "matchingId": scene.id, "finalProfileStatusIndicator": "Available"
        });
        let (package, order) = tokio::join!(
            scene.house.es9("getBoundProfilePackage", &bind),
            scene.house.es2("cancelOrder", "acme", cancel)
        );
        let both = (package.verdict(), order.verdict());
        match (both.0.as_str(), both.1.as_str(), scene.state().await) {
            ("ok", "8.2.1/3.3", State::Downloaded) => {}
            ("8.2/3.7", "ok", State::Available) => {}
            (_, _, state) => panic!("{both:?} and {state}"),
        }
        scene.house.verify_trail().await;
    }
}

/// Success and failure of one installation arrive together: one is taken in, and the trail has one of them.
#[tokio::test]
async fn of_two_results_of_one_session_at_once_one_is_taken_in() {
    for _ in 0..10 {
        let mut scene = Scene::released().await;
        let (_, package) = scene.download().await;
        let mut other = scene.card.clone();
        other.faults = Faults::none().with_value(euicc::Fault::PirReason, 12);
        let success = scene.card.load_bound_profile_package(&package).unwrap();
        let failure = other.load_bound_profile_package(&package).unwrap();
        let before = scene.house.verify_trail().await;
        let (one, two, three) = tokio::join!(
            scene.house.notify(&success),
            scene.house.notify(&failure),
            scene.house.notify(&success)
        );
        assert_eq!([one.http, two.http, three.http], [204; 3]);
        assert!(matches!(scene.state().await, State::Installed | State::Error));
        assert_eq!(scene.house.verify_trail().await, before + 1);
    }
}
