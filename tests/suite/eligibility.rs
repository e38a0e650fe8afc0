//! Which eUICCs and devices may have a Profile (SGP.22 3.1.3 step 5): conformance cases AE-15 and AE-16.
use euicc::card::DeviceInfo;
use euicc::info::ADDITIONAL_PROFILE;
use serde_json::json;
use smdpp::event::Failure;
use smdpp::profile::{DeviceRule, EuiccCategory, Layer, Rules, TacPrefix};
use smdpp::types::State;

use crate::house::Wishes;
use crate::scene::Scene;

async fn scene(rules: Rules) -> Scene {
    Scene::with(Wishes::of(Layer { eligibility: Some(rules), ..Layer::default() }), json!({})).await
}

/// AuthenticateClient is refused with 8.2.5/4.3, the order ends, and the operator reads why.
async fn refused(mut scene: Scene, why: &str) {
    assert_eq!(scene.try_authenticate().await.verdict(), "8.2.5/4.3", "{why}");
    assert_eq!(scene.state().await, State::Error, "{why}");
    let profile = scene.house.profile(&scene.iccid).await;
    let Some(Failure::NotEligible { why: said }) = &profile.order().unwrap().failure else {
        panic!("{:?}", profile.order());
    };
    assert!(said.contains(why), "{said}");
    assert_eq!(profile.order().unwrap().download_attempts, 0);
    scene.house.verify_trail().await;
}

async fn accepted(mut scene: Scene) {
    assert_eq!(scene.try_authenticate().await.verdict(), "ok");
}

/// AE-15 (b): the package is of version 2.3.
#[tokio::test]
async fn an_euicc_that_cannot_read_the_version_of_the_package_is_not_eligible() {
    for version in [[2, 2, 9], [1, 9, 0]] {
        let mut scene = scene(Rules::default()).await;
        scene.card.info.profile_version = version;
        refused(scene, "the package is of version 2.3").await;
    }
    for (version, profile_version) in [([2, 3, 0], true), ([3, 1, 0], true), ([2, 1, 0], false)] {
        let mut scene = scene(Rules { profile_version, ..Rules::default() }).await;
        scene.card.info.profile_version = version;
        accepted(scene).await;
    }
}

#[tokio::test]
async fn rules_about_the_euicc_are_asked_of_what_it_signed() {
    let pp = || Rules { pp_version_min: Some([1, 0, 1]), ..Rules::default() };
    refused(scene(pp()).await, "ppVersion is 1.0.0, at least 1.0.1").await;
    let mut newer = scene(pp()).await;
    newer.card.info.pp_version = [1, 1, 0];
    accepted(newer).await;

    let medium = || Rules { euicc_category: vec![EuiccCategory::Medium], ..Rules::default() };
    refused(scene(medium()).await, "euiccCategory").await;
    let mut basic = scene(medium()).await;
    basic.card.info.category = Some(1);
    refused(basic, "euiccCategory").await;
    let mut fits = scene(medium()).await;
    fits.card.info.category = Some(2);
    accepted(fits).await;
}

#[tokio::test]
async fn a_test_profile_needs_an_euicc_that_supports_it_unless_the_policy_says_otherwise() {
    for test_profile_support in [true, false] {
        let mut scene = scene(Rules { test_profile_support, ..Rules::default() }).await;
        scene.card.info.rsp_capability = ADDITIONAL_PROFILE;
        if test_profile_support { refused(scene, "test profiles").await } else { accepted(scene).await }
    }
}

#[tokio::test]
async fn devices_are_told_apart_by_their_tac() {
    let list = |prefixes: &[&str]| prefixes.iter().map(|text| TacPrefix::parse(text).unwrap()).collect();
    let allow = |prefixes: &[&str]| Rules { tac_allow: list(prefixes), ..Rules::default() };
    let deny = |prefixes: &[&str]| Rules { tac_deny: list(prefixes), ..Rules::default() };
    // The device of the tests has TAC 35290611.
    for prefix in ["35290611", "3529"] {
        accepted(scene(allow(&["86", prefix])).await).await;
        refused(scene(deny(&["86", prefix])).await, "TAC 35290611 are excluded").await;
    }
    refused(scene(allow(&["35290612"])).await, "TAC 35290611 are not among").await;
    accepted(scene(deny(&["35290612", "5392"])).await).await;
}

#[tokio::test]
async fn devices_are_asked_for_capabilities_and_releases() {
    let rules = |rule: &str| Rules { device: vec![DeviceRule::parse(rule).unwrap()], ..Rules::default() };
    // The device of the tests states GSM 5, UTRAN 10 and EPC 13.
    accepted(scene(rules("eutran >= 13")).await).await;
    accepted(scene(rules("gsm")).await).await;
    refused(scene(rules("eutran >= 14")).await, "no eutran of release 14 or later").await;
    refused(scene(rules("nr")).await, "the device states no nr").await;
    let mut with_nr = scene(rules("nr >= 15")).await;
    // Elements that nobody knows stand beside what is known.
    with_nr.house.lpa.device.capabilities.extend([(0x89, 16), (0x9E, 1)]);
    accepted(with_nr).await;
}

#[tokio::test]
async fn an_odd_imei_and_no_capabilities_keep_nobody_from_a_profile_without_rules() {
    let mut scene = scene(Rules::default()).await;
    scene.house.lpa.device =
        DeviceInfo { capabilities: Vec::new(), imei: Some([0xFF; 8]), ..DeviceInfo::default() };
    accepted(scene).await;
}

/// AE-16: memory passes, so the order lives on.
#[tokio::test]
async fn too_little_memory_is_no_end() {
    let mut scene = scene(Rules::default()).await;
    scene.card.info.free_memory_bytes = 100;
    scene.mark().await;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1/4.8").await;
}
