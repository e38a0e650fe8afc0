//! ES9+ when a CI has revoked a certificate: conformance case AE-03 (a), and our own credentials (SGP.22 4.6).
use std::sync::Arc;

use smdpp::asn1::KeyId;
use smdpp::mint::{CrlPlan, Issued, RevokedCertificate, issue_crl};
use smdpp::pki::{Certificate, Revocations};
use smdpp::time::DAY_MS;
use smdpp::types::State;

use crate::house::House;
use crate::scene::Scene;

/// The list that the CI publishes now, with these certificates.
fn list(house: &House, number: u64, revoked: &[&Issued]) -> Revocations {
    let now = house.now();
    let serial = |issued: &&Issued| {
        let certificate = Certificate::parse(&issued.der).unwrap();
        let serial = smdpp::types::hex::decode(&certificate.serial()).unwrap();
        RevokedCertificate { serial, revoked_at: now, expires: certificate.not_after() }
    };
    let revoked = revoked.iter().map(serial).collect();
    let plan = CrlPlan { number, this_update: now, next_update: now.plus_ms(DAY_MS), revoked };
    let root = Certificate::parse(&house.pki.ci.der).unwrap();
    Revocations::read(&issue_crl(&house.pki.ci, &plan).unwrap(), &root).unwrap()
}

/// Puts a list in force, refused after its nextUpdate if `strict`.
fn publish(house: &House, list: Revocations, strict: bool) {
    let ci = KeyId::from_octets(house.pki.ci.key_id()).unwrap();
    let end = strict.then(|| list.next_update());
    let list = Arc::new(list);
    house.smdp.renew_setting(|setting| {
        setting.with_trust(setting.trust.clone().with_revocations(&ci, list.clone(), end))
    });
}

/// AE-03 (a).
#[tokio::test]
async fn an_eum_is_believed_until_its_ci_revokes_it() {
    let mut scene = Scene::released().await;
    publish(&scene.house, list(&scene.house, 1, &[&scene.house.pki.dptls]), false);
    scene.authenticate().await;
    scene.mark().await;
    publish(&scene.house, list(&scene.house, 2, &[&scene.house.pki.eum]), false);
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1.2/6.1").await;
}

/// Who was believed at AuthenticateClient is known by what the session remembers: its download is finished.
#[tokio::test]
async fn a_download_under_way_when_the_eum_is_revoked_is_finished() {
    let mut scene = Scene::released().await;
    let offer = scene.authenticate().await;
    publish(&scene.house, list(&scene.house, 1, &[&scene.house.pki.eum]), false);
    scene.try_bind(&offer, None).await.ok();
    assert_eq!(scene.state().await, State::Downloaded);
}

#[tokio::test]
async fn a_list_that_is_too_old_refuses_its_eums_only_if_that_is_wanted() {
    let mut scene = Scene::released().await;
    publish(&scene.house, list(&scene.house, 1, &[]), false);
    scene.house.advance_ms(2 * DAY_MS);
    scene.authenticate().await;
    publish(&scene.house, list(&scene.house, 2, &[]), true);
    scene.authenticate().await;
    scene.mark().await;
    scene.house.advance_ms(2 * DAY_MS);
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1.2/6.1").await;
}

#[tokio::test]
async fn a_revoked_credential_of_ours_is_not_shown_any_more() {
    for of in [|house: &House| house.pki.dpauth.clone(), |house: &House| house.pki.dppb.clone()] {
        let mut scene = Scene::released().await;
        let offer = scene.authenticate().await;
        scene.mark().await;
        publish(&scene.house, list(&scene.house, 1, &[&of(&scene.house)]), false);
        let request = scene.house.initiate_request(&mut scene.house.card(0));
        let answer = scene.house.es9("initiateAuthentication", &request).await;
        scene.refuses(&answer, "8.8.4/3.7").await;
        let answer = scene.try_bind(&offer, None).await;
        scene.refuses(&answer, "8.8.4/3.7").await;
    }
}

#[tokio::test]
async fn a_ci_that_revoked_itself_is_not_believed() {
    let mut scene = Scene::released().await;
    let mut card = scene.house.card(0);
    let server = scene.house.initiate(&mut card).await;
    let request = scene.house.authenticate_request(&mut card, &server, Some(&scene.id));
    publish(&scene.house, list(&scene.house, 1, &[&scene.house.pki.ci]), false);
    let answer = scene.house.es9("authenticateClient", &request).await;
    scene.refuses(&answer, "8.1.2/6.1").await;
    let request = scene.house.initiate_request(&mut scene.card);
    let answer = scene.house.es9("initiateAuthentication", &request).await;
    assert_eq!(answer.verdict(), "8.8.2/3.1");
}

/// A result may come months after its session, and our certificates change meanwhile.
#[tokio::test]
async fn a_result_counts_and_a_session_is_cancelled_also_without_the_credential() {
    let mut scene = Scene::released().await;
    let (_, package) = scene.download().await;
    publish(&scene.house, list(&scene.house, 1, &[&scene.house.pki.dpauth]), false);
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.deliver(&mut scene.card).await;
    assert_eq!(scene.state().await, State::Installed);

    let mut scene = Scene::released().await;
    let offer = scene.authenticate().await;
    publish(&scene.house, list(&scene.house, 1, &[&scene.house.pki.dpauth]), false);
    scene.try_cancel(&offer, 0).await.ok();
    assert_eq!(scene.state().await, State::Error);
}
