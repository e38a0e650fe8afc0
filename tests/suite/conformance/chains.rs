//! The chain of the eUICC (4.5.2.2, Table 43): cases AE-01 to AE-06 and AE-09.
use std::sync::Arc;

use euicc::{Card, Fault, Faults};
use serde_json::json;
use smdpp::asn1::KeyId;
use smdpp::mint::{CrlPlan, Issued, KeyUsage, Overrides, Press, RevokedCertificate};
use smdpp::mint::{issue_ci, issue_crl, issue_euicc, issue_eum};
use smdpp::pki::{Certificate, Revocations};
use smdpp::random::SeededRandom;
use smdpp::time::DAY_MS;
use smdpp::types::{Curve, Oid};

use crate::begin;
use crate::case::{Case, case};
use crate::house::{House, eid};
use crate::scene::{Scene, faulty};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("AE-01", "an EUM certificate of the wrong kind", "T43, 4.5.2.2", "4.3.14.2.2 #1")
            .part("a", "its signature broken", "8.1.2/6.1", || broken(Whose::Eum, "8.1.2/6.1"))
            .part("b", "without keyCertSign", "8.1.2/6.1", || eum(no_cert_sign, "8.1.2/6.1"))
            .part("c", "another policy", "8.1.2/6.1", || eum(other_policy, "8.1.2/6.1"))
            .part("d", "cA false", "8.1.2/6.1", || eum(no_authority, "8.1.2/6.1"))
            .part("e", "pathLenConstraint 1", "8.1.2/6.1", || eum(longer_path, "8.1.2/6.1")),
        case("AE-02", "an expired EUM certificate", "T43", "4.3.14.2.2 #2").part(
            "",
            "its last day was ten days ago",
            "8.1.2/6.3",
            || eum(expired, "8.1.2/6.3"),
        ),
        case("AE-03", "an EUM certificate revoked or not fit", "T43, 4.5.2.2, 4.6; b, c: RFC 5280", "")
            .part("a", "revoked by a list that was loaded", "OK before, 8.1.2/6.1 after", revoked)
            .part("b", "not valid before tomorrow", "8.1.2/6.1", || eum(not_yet_valid, "8.1.2/6.1"))
            .part("c", "an unknown critical extension", "8.1.2/6.1", || eum(unknown_critical, "8.1.2/6.1"))
            .part("d", "without authorityKeyIdentifier", "8.1.2/6.1", || eum(orphan, "8.1.2/6.1")),
        case("AE-04", "an eUICC certificate of the wrong kind", "T43, 4.5.2.2", "4.3.14.2.2 #3")
            .part("a", "its signature broken", "8.1.3/6.1", || broken(Whose::Euicc, "8.1.3/6.1"))
            .part("b", "another keyUsage", "8.1.3/6.1", || euicc(signs_certificates, "8.1.3/6.1"))
            .part("c", "another policy", "8.1.3/6.1", || euicc(other_policy, "8.1.3/6.1"))
            .part("d", "an organization outside the EUM's name constraints", "8.1.3/6.1", || {
                euicc(other_organization, "8.1.3/6.1")
            })
            .part("e", "an EID outside the EUM's name constraints", "8.1.3/6.1", || {
                eum(other_iin, "8.1.3/6.1")
            }),
        case("AE-05", "an expired eUICC certificate", "T43", "4.3.14.2.2 #4").part(
            "",
            "its last day was ten days ago",
            "8.1.3/6.3",
            || euicc(expired, "8.1.3/6.3"),
        ),
        case("AE-06", "certificates that do not belong together", "T43, 4.5.2; c: choice", "")
            .part("a", "the EUM that is shown did not issue the eUICC's", "8.1.3/6.1", another_eum)
            .part("b1", "an eUICC's key on brainpoolP256r1 under a NIST chain", "8.1.3/6.1", || {
                curves(Curve::NistP256, Curve::BrainpoolP256r1, "8.1.3/6.1")
            })
            .part("b2", "EUM's and eUICC's keys on brainpoolP256r1 under a NIST CI", "8.1.2/6.1", || {
                curves(Curve::BrainpoolP256r1, Curve::BrainpoolP256r1, "8.1.2/6.1")
            })
            .part("c", "a chain under a CI that we trust, but not the one agreed", "8.11.1/3.9", another_ci),
        case("AE-09", "an EUM under a CI unknown here", "T43", "4.3.14.2.2 #7").part(
            "",
            "a whole right chain under a CI of its own",
            "8.11.1/3.9",
            foreign_ci,
        ),
    ]
}

/// A card whose EUM and eUICC certificates differ from right ones as wished.
fn odd_card(house: &House, eum: &Overrides, euicc: &Overrides) -> Card {
    let random = SeededRandom::new(99);
    let press = Press::new(house.now(), &random);
    let eum = issue_eum(press, &house.pki.ci, eum).unwrap();
    let euicc = issue_euicc(press, &eum, &eid(&house.eid(0)), euicc).unwrap();
    house.card_of(&euicc, &euicc.der, &eum.der)
}

fn right(_: &House) -> Overrides {
    Overrides::default()
}

fn expired(house: &House) -> Overrides {
    let (from, until) = (house.now().plus_ms(-20 * DAY_MS), house.now().plus_ms(-10 * DAY_MS));
    Overrides { not_before: Some(from), not_after: Some(until), ..Overrides::default() }
}

fn not_yet_valid(house: &House) -> Overrides {
    Overrides { not_before: Some(house.now().plus_ms(DAY_MS)), ..Overrides::default() }
}

fn other_policy(_: &House) -> Overrides {
    Overrides { policy: Some(Oid::parse("2.23.146.1.2.1.4").unwrap()), ..Overrides::default() }
}

fn no_cert_sign(_: &House) -> Overrides {
    Overrides { key_usage: Some(KeyUsage::DigitalSignature), ..Overrides::default() }
}

fn signs_certificates(_: &House) -> Overrides {
    Overrides { key_usage: Some(KeyUsage::Issuing), ..Overrides::default() }
}

fn other_organization(_: &House) -> Overrides {
    Overrides { organization: Some("Somebody Else".to_owned()), ..Overrides::default() }
}

fn other_iin(_: &House) -> Overrides {
    Overrides { iin: Some("89033023".to_owned()), ..Overrides::default() }
}

fn no_authority(_: &House) -> Overrides {
    Overrides { authority: Some((false, None)), ..Overrides::default() }
}

fn longer_path(_: &House) -> Overrides {
    Overrides { authority: Some((true, Some(1))), ..Overrides::default() }
}

fn unknown_critical(_: &House) -> Overrides {
    Overrides { unknown_critical: true, ..Overrides::default() }
}

fn orphan(_: &House) -> Overrides {
    Overrides { orphan: true, ..Overrides::default() }
}

type Odd = fn(&House) -> Overrides;

async fn eum(odd: Odd, verdict: &str) {
    chain(odd, right, verdict).await;
}

async fn euicc(odd: Odd, verdict: &str) {
    chain(right, odd, verdict).await;
}

/// Made like a chain that is believed, but for one thing.
async fn chain(eum: Odd, euicc: Odd, verdict: &str) {
    let mut scene = begin(json!({})).await;
    let card = odd_card(&scene.house, &eum(&scene.house), &euicc(&scene.house));
    is_refused(&mut scene, card, verdict).await;
    let mut card = odd_card(&scene.house, &Overrides::default(), &Overrides::default());
    scene.house.authenticate(&mut card, Some(&scene.id)).await;
}

async fn is_refused(scene: &mut Scene, mut card: Card, verdict: &str) {
    let answer = scene.house.try_authenticate(&mut card, Some(&scene.id)).await;
    scene.refuses(&answer, verdict).await;
}

enum Whose {
    Eum,
    Euicc,
}

async fn broken(whose: Whose, verdict: &str) {
    let mut scene = begin(json!({})).await;
    let (_, issued) = &scene.house.pki.euiccs[0];
    let (mut euicc, mut eum) = (issued.der.clone(), scene.house.pki.eum.der.clone());
    match whose {
        Whose::Eum => *eum.last_mut().unwrap() ^= 1,
        Whose::Euicc => *euicc.last_mut().unwrap() ^= 1,
    }
    let card = scene.house.card_of(issued, &euicc, &eum);
    is_refused(&mut scene, card, verdict).await;
    scene.authenticate().await;
}

async fn another_eum() {
    let mut scene = begin(json!({})).await;
    let random = SeededRandom::new(5);
    let eum = issue_eum(Press::new(scene.house.now(), &random), &scene.house.pki.ci, &Overrides::default());
    let (_, euicc) = &scene.house.pki.euiccs[0];
    let card = scene.house.card_of(euicc, &euicc.der, &eum.unwrap().der);
    is_refused(&mut scene, card, "8.1.3/6.1").await;
    scene.authenticate().await;
}

/// One chain has one curve.
async fn curves(eum: Curve, euicc: Curve, verdict: &str) {
    let mut scene = begin(json!({})).await;
    let on = |curve| Overrides { curve: Some(curve), ..Overrides::default() };
    let card = odd_card(&scene.house, &on(eum), &on(euicc));
    is_refused(&mut scene, card, verdict).await;
    scene.authenticate().await;
}

/// Brainpool is agreed, the chain that is shown is the other one.
async fn another_ci() {
    let mut scene = begin(json!({})).await;
    let pki = &scene.house.pki;
    let both = [&pki.brainpool.ci, &pki.ci].map(|ci| ci.key_id().to_vec());
    let mut card = scene.house.dual_card(0);
    card.info.ci_for_signing = Some(both.to_vec());
    card.faults = faulty(Fault::IdentityKept);
    is_refused(&mut scene, card.clone(), "8.11.1/3.9").await;
    card.faults = Faults::none();
    scene.house.authenticate(&mut card, Some(&scene.id)).await;
}

async fn foreign_ci() {
    let mut scene = begin(json!({})).await;
    let random = SeededRandom::new(6);
    let press = Press::new(scene.house.now(), &random);
    let foreign = Overrides { common_name: Some("foreign CI".to_owned()), ..Overrides::default() };
    let ci = issue_ci(press, &foreign).unwrap();
    let eum = issue_eum(press, &ci, &Overrides::default()).unwrap();
    let euicc = issue_euicc(press, &eum, &eid(&scene.house.eid(0)), &Overrides::default()).unwrap();
    let card = scene.house.card_of(&euicc, &euicc.der, &eum.der);
    is_refused(&mut scene, card, "8.11.1/3.9").await;
    scene.authenticate().await;
}

/// The CI publishes a list; the eUICC is believed until its EUM stands in it.
async fn revoked() {
    let mut scene = begin(json!({})).await;
    publish(&scene.house, 1, &scene.house.pki.dptls);
    scene.authenticate().await;
    scene.mark().await;
    publish(&scene.house, 2, &scene.house.pki.eum);
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1.2/6.1").await;
    scene.house.verify_trail().await;
}

/// Loads the CI's list with one certificate in it.
fn publish(house: &House, number: u64, revoked: &Issued) {
    let now = house.now();
    let certificate = Certificate::parse(&revoked.der).unwrap();
    let serial = smdpp::types::hex::decode(&certificate.serial()).unwrap();
    let revoked = vec![RevokedCertificate { serial, revoked_at: now, expires: certificate.not_after() }];
    let plan = CrlPlan { number, this_update: now, next_update: now.plus_ms(DAY_MS), revoked };
    let ci = &house.pki.ci;
    let list = issue_crl(ci, &plan).unwrap();
    let list = Arc::new(Revocations::read(&list, &Certificate::parse(&ci.der).unwrap()).unwrap());
    let key_id = KeyId::from_octets(ci.key_id()).unwrap();
    house.smdp.renew_setting(|setting| {
        setting.with_trust(setting.trust.clone().with_revocations(&key_id, list.clone(), None))
    });
}

/// AE-22 (a): whether an order exists is said to nobody whose certificates are wrong.
pub(crate) async fn bad_and_unknown() {
    let mut scene = begin(json!({})).await;
    let known = scene.id.clone();
    for id in [known, "UNKNOWN-ORDER".to_owned()] {
        scene.id = id;
        let card = odd_card(&scene.house, &other_policy(&scene.house), &Overrides::default());
        is_refused(&mut scene, card, "8.1.2/6.1").await;
    }
}
