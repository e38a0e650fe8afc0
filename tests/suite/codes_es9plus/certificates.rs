//! ES9+.AuthenticateClient, the chain of the eUICC: conformance cases AE-01 to AE-06 and AE-09.
use euicc::Card;
use smdpp::mint::{KeyUsage, Overrides, Press, issue_ci, issue_euicc, issue_eum};
use smdpp::random::SeededRandom;
use smdpp::time::DAY_MS;
use smdpp::types::Oid;

use crate::house::{House, eid};
use crate::scene::Scene;

/// A card whose EUM and eUICC certificates differ from right ones as wished.
fn odd_card(house: &House, eum: &Overrides, euicc: &Overrides) -> Card {
    let random = SeededRandom::new(99);
    let press = Press::new(house.now(), &random);
    let eum = issue_eum(press, &house.pki.ci, eum).unwrap();
    let euicc = issue_euicc(press, &eum, &eid(&house.eid(0)), euicc).unwrap();
    house.card_of(&euicc, &euicc.der, &eum.der)
}

fn right() -> Overrides {
    Overrides::default()
}

fn expired(house: &House) -> Overrides {
    let now = house.now();
    Overrides {
        not_before: Some(now.plus_ms(-20 * DAY_MS)),
        not_after: Some(now.plus_ms(-10 * DAY_MS)),
        ..right()
    }
}

fn not_yet_valid(house: &House) -> Overrides {
    let now = house.now();
    Overrides { not_before: Some(now.plus_ms(DAY_MS)), ..right() }
}

fn other_policy() -> Overrides {
    Overrides { policy: Some(Oid::parse("2.23.146.1.2.1.4").unwrap()), ..right() }
}

fn other_usage(usage: KeyUsage) -> Overrides {
    Overrides { key_usage: Some(usage), ..right() }
}

async fn verdict_for(scene: &mut Scene, mut card: Card, verdict: &str) {
    let answer = scene.house.try_authenticate(&mut card, Some(&scene.id)).await;
    scene.refuses(&answer, verdict).await;
}

/// The other cases differ from this one in one thing each.
#[tokio::test]
async fn a_card_with_fresh_right_certificates_is_believed() {
    let scene = Scene::released().await;
    let mut card = odd_card(&scene.house, &right(), &right());
    scene.house.authenticate(&mut card, Some(&scene.id)).await;
}

/// AE-01 (b, c), AE-03 (b).
#[tokio::test]
async fn an_eum_certificate_of_the_wrong_kind_is_invalid() {
    let mut scene = Scene::released().await;
    let no_cert_sign = other_usage(KeyUsage::DigitalSignature);
    for eum in [no_cert_sign, other_policy(), not_yet_valid(&scene.house)] {
        let card = odd_card(&scene.house, &eum, &right());
        verdict_for(&mut scene, card, "8.1.2/6.1").await;
    }
}

/// AE-01 (a).
#[tokio::test]
async fn an_eum_certificate_with_a_broken_signature_is_invalid() {
    let mut scene = Scene::released().await;
    let (_, euicc) = &scene.house.pki.euiccs[0];
    let mut eum = scene.house.pki.eum.der.clone();
    *eum.last_mut().unwrap() ^= 1;
    let card = scene.house.card_of(euicc, &euicc.der, &eum);
    verdict_for(&mut scene, card, "8.1.2/6.1").await;
}

/// AE-02.
#[tokio::test]
async fn an_expired_eum_certificate_is_named_so() {
    let mut scene = Scene::released().await;
    let card = odd_card(&scene.house, &expired(&scene.house), &right());
    verdict_for(&mut scene, card, "8.1.2/6.3").await;
}

/// AE-04 (b to e), AE-03 (b) for the eUICC.
#[tokio::test]
async fn an_euicc_certificate_of_the_wrong_kind_is_invalid() {
    let mut scene = Scene::released().await;
    let other_organization = Overrides { organization: Some("Somebody Else".to_owned()), ..right() };
    let signs_certificates = other_usage(KeyUsage::Issuing);
    for euicc in [signs_certificates, other_policy(), other_organization, not_yet_valid(&scene.house)] {
        let card = odd_card(&scene.house, &right(), &euicc);
        verdict_for(&mut scene, card, "8.1.3/6.1").await;
    }
    let other_iin = Overrides { iin: Some("89033023".to_owned()), ..right() };
    let card = odd_card(&scene.house, &other_iin, &right());
    verdict_for(&mut scene, card, "8.1.3/6.1").await;
}

/// AE-04 (a).
#[tokio::test]
async fn an_euicc_certificate_with_a_broken_signature_is_invalid() {
    let mut scene = Scene::released().await;
    let (_, euicc) = &scene.house.pki.euiccs[0];
    let mut certificate = euicc.der.clone();
    *certificate.last_mut().unwrap() ^= 1;
    let card = scene.house.card_of(euicc, &certificate, &scene.house.pki.eum.der);
    verdict_for(&mut scene, card, "8.1.3/6.1").await;
}

/// AE-05.
#[tokio::test]
async fn an_expired_euicc_certificate_is_named_so() {
    let mut scene = Scene::released().await;
    let card = odd_card(&scene.house, &right(), &expired(&scene.house));
    verdict_for(&mut scene, card, "8.1.3/6.3").await;
}

/// AE-06 (a): the EUM that is shown did not issue the eUICC certificate.
#[tokio::test]
async fn an_euicc_certificate_of_another_eum_is_invalid() {
    let mut scene = Scene::released().await;
    let (_, euicc) = &scene.house.pki.euiccs[0];
    let random = SeededRandom::new(5);
    let press = Press::new(scene.house.now(), &random);
    let eum = issue_eum(press, &scene.house.pki.ci, &right()).unwrap();
    let card = scene.house.card_of(euicc, &euicc.der, &eum.der);
    verdict_for(&mut scene, card, "8.1.3/6.1").await;
}

/// AE-09, and AE-22 (a): nothing is said about the order to whom we do not believe.
#[tokio::test]
async fn an_eum_under_a_foreign_ci_is_refused_before_any_order_is_looked_up() {
    let mut scene = Scene::released().await;
    let random = SeededRandom::new(6);
    let press = Press::new(scene.house.now(), &random);
    let foreign = Overrides { common_name: Some("foreign CI".to_owned()), ..right() };
    let ci = issue_ci(press, &foreign).unwrap();
    let eum = issue_eum(press, &ci, &right()).unwrap();
    let euicc = issue_euicc(press, &eum, &eid(&scene.house.eid(0)), &right()).unwrap();
    let card = scene.house.card_of(&euicc, &euicc.der, &eum.der);
    verdict_for(&mut scene, card.clone(), "8.11.1/3.9").await;
    scene.id = "UNKNOWN-ORDER".to_owned();
    verdict_for(&mut scene, card, "8.11.1/3.9").await;
}
