//! The chain of the eUICC (4.5.2.2, Table 43): cases AE-01 to AE-06 and AE-09.
use std::sync::Arc;

use euicc::Card;
use serde_json::json;
use smdpp::asn1::KeyId;
use smdpp::mint::{CrlPlan, KeyUsage, Overrides, Press, RevokedCertificate};
use smdpp::mint::{issue_ci, issue_crl, issue_euicc, issue_eum};
use smdpp::pki::{Certificate, Revocations};
use smdpp::random::SeededRandom;
use smdpp::time::DAY_MS;
use smdpp::types::Oid;

use crate::begin;
use crate::case::{Case, case};
use crate::house::{House, eid};
use crate::scene::Scene;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("AE-01", "an EUM certificate of the wrong kind", "T43, 4.5.2.2", "4.3.14.2.2 #1")
            .part("a", "its signature broken", "8.1.2/6.1", || broken(Whose::Eum, "8.1.2/6.1"))
            .part("b", "without keyCertSign", "8.1.2/6.1", || eum(no_cert_sign, "8.1.2/6.1"))
            .part("c", "another policy", "8.1.2/6.1", || eum(other_policy, "8.1.2/6.1"))
            .part("d", "no CA (cA false)", "8.1.2/6.1", || eum(no_ca, "8.1.2/6.1"))
            .part("e", "pathLen 1", "8.1.2/6.1", || eum(longer_path, "8.1.2/6.1")),
        case("AE-02", "an expired EUM certificate", "T43", "4.3.14.2.2 #2").part(
            "",
            "its last day was ten days ago",
            "8.1.2/6.3",
            || eum(expired, "8.1.2/6.3"),
        ),
        case("AE-03", "an EUM certificate that RFC 5280 refuses", "T43, 4.5.2.2", "")
            .part("a", "revoked by a loaded CRL", "8.1.2/6.1", revoked_eum)
            .part("b", "not valid before tomorrow", "8.1.2/6.1", || eum(not_yet_valid, "8.1.2/6.1"))
            .part("c", "an unknown critical extension", "8.1.2/6.1", || eum(unknown_critical, "8.1.2/6.1"))
            .part("d", "no authorityKeyIdentifier", "8.1.2/6.1", || eum(orphan, "8.1.2/6.1")),
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
        case("AE-06", "certificates that do not belong together", "T43, 4.5.2", "").part(
            "a",
            "the EUM that is shown did not issue the eUICC's",
            "8.1.3/6.1",
            another_eum,
        ),
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

fn no_ca(_: &House) -> Overrides {
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

async fn revoked_eum() {
    let mut scene = begin(json!({})).await;
    scene.authenticate().await;
    scene.mark().await;
    let (pki, now) = (&scene.house.pki, scene.house.now());
    let eum = Certificate::parse(&pki.eum.der).unwrap();
    let serial = smdpp::types::hex::decode(&eum.serial()).unwrap();
    let line = RevokedCertificate { serial, revoked_at: now, expires: eum.not_after() };
    let next_update = now.plus_ms(DAY_MS);
    let plan = CrlPlan { number: 1, this_update: now, next_update, revoked: vec![line] };
    let (root, crl) = (Certificate::parse(&pki.ci.der).unwrap(), issue_crl(&pki.ci, &plan).unwrap());
    let list = Arc::new(Revocations::read(&crl, &root).unwrap());
    let ci = KeyId::from_octets(pki.ci.key_id()).unwrap();
    scene.house.smdp.renew_setting(|setting| {
        setting.with_trust(setting.trust.clone().with_revocations(&ci, list.clone(), None))
    });
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1.2/6.1").await;
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
