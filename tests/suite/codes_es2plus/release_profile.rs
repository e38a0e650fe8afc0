//! ES2+.ReleaseProfile: conformance cases RP-01 and RP-02.
use serde_json::json;
use smdpp::types::State;

use crate::house::{House, Wishes};
use crate::scene::Scene;

async fn release(house: &House, iccid: &str) -> String {
    house.es2("releaseProfile", "acme", json!({ "iccid": iccid })).await.verdict()
}

/// RP-01: once is a release, twice is success without an effect.
#[tokio::test]
async fn a_confirmed_profile_is_released_once() {
    let scene = Scene::with(Wishes::default(), json!({ "releaseFlag": false })).await;
    assert_eq!(release(&scene.house, &scene.iccid).await, "ok");
    assert_eq!(scene.state().await, State::Released);
    let (trail, released) = (scene.house.verify_trail().await, scene.house.profile(&scene.iccid).await);
    assert_eq!(release(&scene.house, &scene.iccid).await, "ok");
    assert_eq!(scene.house.verify_trail().await, trail);
    assert_eq!(scene.house.profile(&scene.iccid).await, released);
}

/// RP-02: the rest of the states is in `lifecycle`.
#[tokio::test]
async fn a_profile_that_is_not_confirmed_is_not_released() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    assert_eq!(release(&house, &iccid).await, "8.2.1/3.5");
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid })).await.ok();
    assert_eq!(release(&house, &iccid).await, "8.2.1/3.5");
    assert_eq!(house.state(&iccid).await, State::Allocated);
}
