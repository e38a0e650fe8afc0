//! ES9+.InitiateAuthentication: conformance cases IA-01 to IA-08.
use std::collections::BTreeSet;

use serde_json::json;

use crate::house::{ADDRESS, House, Wishes};
use crate::scene::{Scene, octets, with};

const FUNCTION: &str = "initiateAuthentication";

/// IA-01: what an eUICC of ours gets is what its card believes; the card is strict.
#[tokio::test]
async fn a_session_opens_with_values_that_the_card_believes() {
    let mut scene = Scene::released().await;
    let request = scene.house.initiate_request(&mut scene.card);
    let body = scene.house.es9(FUNCTION, &request).await.ok();
    let id = body["transactionId"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')), "{id}");
    let signed = octets(&body, "serverSigned1");
    let contains = |part: &[u8]| signed.windows(part.len()).any(|window| window == part);
    assert!(contains(&octets(&request, "euiccChallenge")) && contains(ADDRESS.as_bytes()));
    assert_eq!(octets(&body, "euiccCiPKIdToBeUsed")[2..], *scene.house.pki.ci.key_id());
    let server = euicc::lpa::Authentication::read(FUNCTION, &body).unwrap();
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    scene.house.es9("authenticateClient", &request).await.ok();
}

/// IA-02: the same request a hundred times.
#[tokio::test]
async fn no_transaction_id_and_no_challenge_is_ever_given_twice() {
    let mut scene = Scene::released().await;
    let request = scene.house.initiate_request(&mut scene.card);
    let (mut ids, mut signed) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..100 {
        let body = scene.house.es9(FUNCTION, &request).await.ok();
        ids.insert(body["transactionId"].as_str().unwrap().to_owned());
        let challenge = octets(&body, "serverSigned1");
        signed.insert(challenge[challenge.len() - 16..].to_vec());
    }
    assert_eq!((ids.len(), signed.len()), (100, 100));
}

/// IA-03, IA-04: another server's address is refused; ours is ours in any case and with a final dot.
#[tokio::test]
async fn only_our_own_address_is_served() {
    let mut scene = Scene::released().await;
    let request = scene.house.initiate_request(&mut scene.card);
    for address in ["unknownserver.example.com", "smdp.example.com:443", "", "smdp.example.com.."] {
        let answer = scene.house.es9(FUNCTION, &with(&request, "smdpAddress", json!(address))).await;
        scene.refuses(&answer, "8.8.1/3.8").await;
    }
    for address in ["SMDP.Example.COM", "smdp.example.com."] {
        let answer = scene.house.es9(FUNCTION, &with(&request, "smdpAddress", json!(address))).await;
        assert_eq!(answer.verdict(), "ok", "{address}");
    }
}

/// IA-05: (a) both lists unknown, (b) signing list unknown, (c) signing list empty.
#[tokio::test]
async fn an_euicc_that_signs_under_no_ci_of_ours_is_refused() {
    let mut scene = Scene::released().await;
    let unknown = || Some(vec![vec![0xAB; 20]]);
    for (verification, signing) in [(unknown(), unknown()), (None, unknown()), (None, Some(vec![]))] {
        scene.card.info.ci_for_verification = verification;
        scene.card.info.ci_for_signing = signing;
        let request = scene.house.initiate_request(&mut scene.card);
        let answer = scene.house.es9(FUNCTION, &request).await;
        scene.refuses(&answer, "8.8.2/3.1").await;
    }
}

/// IA-06: the eUICC signs under our CI, but verifies only what another CI issued.
#[tokio::test]
async fn an_euicc_that_can_verify_none_of_our_certificates_is_refused() {
    let mut scene = Scene::released().await;
    scene.card.info.ci_for_verification = Some(vec![vec![0xAB; 20]]);
    let request = scene.house.initiate_request(&mut scene.card);
    let answer = scene.house.es9(FUNCTION, &request).await;
    scene.refuses(&answer, "8.8.4/3.7").await;
}

/// The server runs on while its certificates end: nothing is begun that could not be finished.
#[tokio::test]
async fn a_ci_that_has_expired_meanwhile_is_none_of_ours_any_more() {
    let mut scene = Scene::released().await;
    scene.house.advance_ms(31 * 365 * smdpp::time::DAY_MS);
    let request = scene.house.initiate_request(&mut scene.card);
    let answer = scene.house.es9(FUNCTION, &request).await;
    scene.refuses(&answer, "8.8.2/3.1").await;
}

/// IA-07, IA-08: version 1 and version 3 are refused, every version 2 is served.
#[tokio::test]
async fn version_two_is_served_and_no_other() {
    let mut scene = Scene::released().await;
    for (svn, verdict) in [
        ([1, 0, 0], "8.8.3/3.1"),
        ([3, 0, 0], "8.8.3/3.1"),
        ([2, 0, 0], "ok"),
        ([2, 1, 0], "ok"),
        ([2, 2, 1], "ok"),
        ([2, 2, 2], "ok"),
        ([2, 3, 0], "ok"),
        ([2, 6, 0], "ok"),
    ] {
        scene.card.info.svn = svn;
        let request = scene.house.initiate_request(&mut scene.card);
        let answer = scene.house.es9(FUNCTION, &request).await;
        assert_eq!(answer.verdict(), verdict, "{svn:?}");
        scene.unmoved().await;
    }
}

/// More sessions than we keep open: the door asks to come back, and does not grow.
#[tokio::test]
async fn a_flood_of_sessions_is_turned_away_for_a_while() {
    let house = House::with(Wishes { open_sessions_max: 3, ..Wishes::default() }).await;
    let request = house.initiate_request(&mut house.card(0));
    for _ in 0..3 {
        house.es9(FUNCTION, &request).await.ok();
    }
    let answer = house.es9(FUNCTION, &request).await;
    assert_eq!((answer.verdict().as_str(), answer.headers.contains_key("retry-after")), ("HTTP 503", true));
}
