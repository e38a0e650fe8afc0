//! Both curves and two CIs in one server (2.6.7.1, 5.6.1): conformance cases IA-09, AE-06, BR-01, GE-08 (e).
use euicc::lpa::{Authentication, Offer};
use euicc::{Card, Fault, Faults, Identity};
use serde_json::{Value, json};
use smdpp::mint::{Issued, Overrides, Press, issue_euicc, issue_eum};
use smdpp::random::SeededRandom;
use smdpp::types::{Curve, State};

use crate::house::{House, bpp, eid};
use crate::scene::{faulty, octets};

/// A house with `n` Profiles and a released order for each: ICCIDs, MatchingIDs.
async fn house(n: u64) -> (House, Vec<(String, String)>) {
    let house = House::new().await;
    let mut orders = Vec::new();
    for n in 1..=n {
        let (iccid, _) = house.stock(n).await;
        let id = house.order(&iccid, json!({})).await;
        orders.push((iccid, id));
    }
    (house, orders)
}

async fn install(house: &House, card: &mut Card, id: &str) {
    let offer = house.authenticate(card, Some(id)).await;
    let bpp = house.bind(card, &offer).await;
    card.load_bound_profile_package(&bpp).unwrap();
    assert_eq!(card.trouble, None);
    house.deliver(card).await;
}

/// BR-01: two sessions of two eUICCs on two curves, step by step in turn.
#[tokio::test]
async fn a_brainpool_session_and_a_nist_session_run_side_by_side() {
    let (house, orders) = house(2).await;
    let mut cards = [house.card(0), house.brainpool_card(1)];
    let mut servers: Vec<Authentication> = Vec::new();
    for card in &mut cards {
        servers.push(house.initiate(card).await);
    }
    let mut offers: Vec<Offer> = Vec::new();
    for ((card, server), (_, id)) in cards.iter_mut().zip(&servers).zip(&orders) {
        let request = house.authenticate_request(card, server, Some(id));
        let body = house.es9("authenticateClient", &request).await.ok();
        offers.push(Offer::read("authenticateClient", &body).unwrap());
    }
    let mut packages = Vec::new();
    for (card, offer) in cards.iter_mut().zip(&offers) {
        packages.push(house.bind(card, offer).await);
    }
    for ((card, package), (iccid, _)) in cards.iter_mut().zip(&packages).zip(&orders) {
        card.load_bound_profile_package(package).unwrap();
        assert_eq!(card.trouble, None);
        house.deliver(card).await;
        assert_eq!(house.state(iccid).await, State::Installed);
        card.enable(iccid).unwrap();
        house.deliver(card).await;
    }
    house.verify_trail().await;
}

/// BR-01: CancelSession after AuthenticateClient, and after GetBoundProfilePackage.
#[tokio::test]
async fn a_brainpool_euicc_cancels_at_both_places() {
    let (house, orders) = house(2).await;
    for (bound, (iccid, id)) in [false, true].into_iter().zip(&orders) {
        let mut card = house.brainpool_card(0);
        let offer = house.authenticate(&mut card, Some(id)).await;
        if bound {
            house.bind(&mut card, &offer).await;
        }
        let request = house.cancel_request(&mut card, &offer.transaction_id, 0);
        house.es9("cancelSession", &request).await.ok();
        assert_eq!(house.state(iccid).await, State::Error, "endUserRejection is final");
    }
}

/// IA-09 (a) to (d): each list is read for itself, in the eUICC's order; and the session comes to its end.
#[tokio::test]
async fn the_first_common_ci_of_each_list_decides() {
    let (house, orders) = house(4).await;
    let nist = || house.pki.ci.key_id().to_vec();
    let brainpool = || house.pki.brainpool.ci.key_id().to_vec();
    let unknown = || vec![0xAB; 20];
    let pki = &house.pki;
    let cases = [
        (vec![nist(), brainpool()], vec![nist(), brainpool()], &pki.ci, &pki.dpauth),
        (vec![brainpool(), nist()], vec![brainpool(), nist()], &pki.brainpool.ci, &pki.brainpool.dpauth),
        (vec![unknown(), nist()], vec![unknown(), nist()], &pki.ci, &pki.dpauth),
        (vec![nist()], vec![brainpool()], &pki.ci, &pki.brainpool.dpauth),
    ];
    for ((signing, verification, ci, dpauth), (iccid, id)) in cases.into_iter().zip(&orders) {
        let mut card = house.dual_card(0);
        card.info.ci_for_signing = Some(signing);
        card.info.ci_for_verification = Some(verification);
        let request = house.initiate_request(&mut card);
        let body = house.es9("initiateAuthentication", &request).await.ok();
        assert_eq!(octets(&body, "euiccCiPKIdToBeUsed")[2..], *ci.key_id());
        assert_eq!(octets(&body, "serverCertificate"), dpauth.der);
        install(&house, &mut card, id).await;
        assert_eq!(house.state(iccid).await, State::Installed);
    }
}

/// 5.6.3: CERT.DPpb is of the CI of CERT.DPauth, also where the eUICC signs under another.
#[tokio::test]
async fn the_binding_certificate_follows_the_authentication_certificate() {
    let (house, orders) = house(1).await;
    let mut card = house.dual_card(0);
    card.info.ci_for_signing = Some(vec![house.pki.brainpool.ci.key_id().to_vec()]);
    card.info.ci_for_verification = Some(vec![house.pki.ci.key_id().to_vec()]);
    let answer = house.try_authenticate(&mut card, Some(&orders[0].1)).await.ok();
    assert_eq!(octets(&answer, "smdpCertificate"), house.pki.dppb.der);
    assert_eq!(card.identity.euicc.public_key.curve.oid(), Curve::BrainpoolP256r1.oid_content());
}

/// A card whose EUM and eUICC keys are on curves of the test's choice, under the CI given.
fn mixed(house: &House, ci: &Issued, eum: Curve, euicc: Curve) -> Card {
    let random = SeededRandom::new(41);
    let press = Press::new(house.now(), &random);
    let on = |curve| Overrides { curve: Some(curve), ..Overrides::default() };
    let eum = issue_eum(press, ci, &on(eum)).unwrap();
    let euicc = issue_euicc(press, &eum, &eid(&house.eid(0)), &on(euicc)).unwrap();
    let key = euicc.key_pem().unwrap();
    let issuers = [ci.der.clone()];
    Card::new(Identity::from_pem(&euicc.der, key.expose().as_bytes(), &eum.der, &issuers).unwrap())
}

/// AE-06 (b): one chain, one curve.
#[tokio::test]
async fn a_chain_that_changes_its_curve_is_invalid_where_it_does() {
    use Curve::{BrainpoolP256r1, NistP256};
    let (house, orders) = house(1).await;
    let (nist, brainpool) = (&house.pki.ci, &house.pki.brainpool.ci);
    for (ci, eum, euicc, verdict) in [
        (nist, NistP256, NistP256, "ok"),
        (brainpool, BrainpoolP256r1, BrainpoolP256r1, "ok"),
        (nist, NistP256, BrainpoolP256r1, "8.1.3/6.1"),
        (brainpool, BrainpoolP256r1, NistP256, "8.1.3/6.1"),
        (nist, BrainpoolP256r1, BrainpoolP256r1, "8.1.2/6.1"),
        (brainpool, NistP256, NistP256, "8.1.2/6.1"),
    ] {
        let mut card = mixed(&house, ci, eum, euicc);
        let answer = house.try_authenticate(&mut card, Some(&orders[0].1)).await;
        assert_eq!(answer.verdict(), verdict, "{eum:?} {euicc:?}");
    }
}

/// AE-06 (c): the eUICC shows a chain under a CI that we trust, but not the one that was agreed.
#[tokio::test]
async fn a_chain_under_another_ci_than_the_agreed_one_is_refused() {
    let (house, orders) = house(1).await;
    let both = [&house.pki.ci, &house.pki.brainpool.ci].map(|ci| ci.key_id().to_vec());
    let turned = [both[1].clone(), both[0].clone()].to_vec();
    let mut card = house.card(0).with_identity(house.brainpool_card(0).identity).unwrap();
    card.info.ci_for_signing = Some(turned);
    card.faults = faulty(Fault::IdentityKept);
    let answer = house.try_authenticate(&mut card, Some(&orders[0].1)).await;
    assert_eq!(answer.verdict(), "8.11.1/3.9");
    assert_eq!(house.state(&orders[0].0).await, State::Released);
    card.faults = Faults::none();
    house.try_authenticate(&mut card, Some(&orders[0].1)).await.ok();
}

/// GE-08 (e), AE-07: what is wrong on P-256 is wrong on brainpoolP256r1 too.
#[tokio::test]
async fn a_brainpool_euicc_is_watched_as_closely() {
    let (house, orders) = house(1).await;
    let (iccid, id) = &orders[0];
    let mut card = house.brainpool_card(0);
    for fault in [Fault::Signature1Bad, Fault::Signature1ZeroR, Fault::Signature1Der] {
        card.faults = faulty(fault);
        let answer = house.try_authenticate(&mut card, Some(id)).await;
        assert_eq!(answer.verdict(), "8.1/6.1", "{fault:?}");
    }
    card.faults = Faults::none();
    let offer = house.authenticate(&mut card, Some(id)).await;
    for fault in [
        Fault::Signature2Bad,
        Fault::Otpk64,
        Fault::Otpk66,
        Fault::OtpkCompressed,
        Fault::OtpkOffCurve,
        Fault::OtpkInfinity,
        Fault::OtpkOtherCurve,
    ] {
        card.faults = faulty(fault);
        let request = house.bind_request(&mut card, &offer, None);
        let answer = house.es9("getBoundProfilePackage", &request).await;
        assert_eq!((answer.verdict().as_str(), answer.body.get("boundProfilePackage")), ("8.1/6.1", None));
    }
    assert_eq!(house.state(iccid).await, State::Released);
}

fn offers_a_key_again(answer: &Value) -> bool {
    octets(answer, "smdpSigned2").windows(2).any(|tag| tag == [0x5F, 0x49])
}

/// A download breaks off on one curve and goes on on the other: the kept one-time key is of no use there.
#[tokio::test]
async fn a_retry_on_the_other_curve_begins_with_fresh_keys() {
    let (house, orders) = house(1).await;
    let (iccid, id) = &orders[0];
    let mut card = house.dual_card(0);
    let offer = house.authenticate(&mut card, Some(id)).await;
    house.bind(&mut card, &offer).await;
    let turned = [&house.pki.brainpool.ci, &house.pki.ci].map(|ci| ci.key_id().to_vec()).to_vec();
    let mut again = card.clone();
    let same_curve = house.try_authenticate(&mut again, Some(id)).await.ok();
    assert!(offers_a_key_again(&same_curve));

    card.info.ci_for_signing = Some(turned.clone());
    card.info.ci_for_verification = Some(turned);
    let answer = house.try_authenticate(&mut card, Some(id)).await.ok();
    assert!(!offers_a_key_again(&answer));
    let offer = Offer::read("authenticateClient", &answer).unwrap();
    let request = house.bind_request(&mut card, &offer, None);
    let package = bpp(&house.es9("getBoundProfilePackage", &request).await.ok());
    card.load_bound_profile_package(&package).unwrap();
    assert_eq!(card.trouble, None);
    house.deliver(&mut card).await;
    assert_eq!(house.state(iccid).await, State::Installed);
}

/// A measurement, not a promise: `cargo test --test suite operations_per_second -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn operations_per_second_of_each_curve() {
    use smdpp::asn1::Signature;
    use smdpp::hsm::{Hsm, KeyRole, SoftKeys, agree};
    use smdpp::pki::Certificate;
    use smdpp::types::Secret;
    const ROUNDS: u32 = 500;
    let house = House::new().await;
    let chains =
        [(&house.pki.dpauth, &house.pki.dppb), (&house.pki.brainpool.dpauth, &house.pki.brainpool.dppb)];
    for (curve, (dpauth, dppb)) in Curve::ALL.into_iter().zip(chains) {
        let pem = |issued: &Issued| Secret::new(issued.key_pem().unwrap().expose().clone().into_bytes());
        let mut keys = SoftKeys::default();
        keys.add(&pem(dpauth), &pem(dppb)).unwrap();
        let (hsm, role) = (Hsm::Soft(Box::new(keys)), KeyRole::DpPb { slot: 0 });
        let certificate = Certificate::parse(&dppb.der).unwrap();
        let key = certificate.key().unwrap();
        let message = [0x5A; 256];
        let per_second = |start: tokio::time::Instant| f64::from(ROUNDS) / start.elapsed().as_secs_f64();

        let start = tokio::time::Instant::now();
        let mut signature = [0; 64];
        for _ in 0..ROUNDS {
            signature = hsm.sign(role, &message).await.unwrap();
        }
        let signs = per_second(start);
        let start = tokio::time::Instant::now();
        for _ in 0..ROUNDS {
            key.verify_fixed(&[&message], &Signature::from_octets(signature)).unwrap();
        }
        let verifies = per_second(start);
        let start = tokio::time::Instant::now();
        for _ in 0..ROUNDS {
            agree(curve, key.point()).unwrap().unwrap();
        }
        let agrees = per_second(start);
        println!(
            "{}: {signs:.0} signs, {verifies:.0} verifies, {agrees:.0} agreements a second",
            curve.name()
        );
    }
}
