//! The main road: an order becomes an installed Profile, and its life can be read.
use serde_json::json;
use smdpp::types::{Iccid, State};

use euicc::lpa::Binding;

use crate::house::{BINDING, House};

#[tokio::test]
async fn an_order_becomes_an_installed_profile() {
    walk().await;
}

#[tokio::test]
async fn the_same_road_is_walked_in_asn1() {
    BINDING.scope(Binding::Asn1, walk()).await;
}

async fn walk() {
    let house = House::new().await;
    let (iccid, upp) = house.stock(1).await;
    let code = house.order(&iccid, json!({})).await;
    assert_eq!(house.state(&iccid).await, State::Released);

    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&code)).await;
    assert_eq!(house.state(&iccid).await, State::Released);
    let bpp = house.bind(&mut card, &offer).await;
    assert_eq!(house.state(&iccid).await, State::Downloaded);
    card.load_bound_profile_package(&bpp).unwrap();
    let installed = card.profiles().first().unwrap();
    assert_eq!(installed.upp, upp);
    house.deliver(&mut card).await;
    assert_eq!(house.state(&iccid).await, State::Installed);

    card.enable(&iccid).unwrap();
    house.deliver(&mut card).await;
    let life = house.store.reader().trail_of(&Iccid::parse(&iccid).unwrap()).await.unwrap();
    let names: Vec<String> = life
        .iter()
        .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.body).unwrap()["event"].to_string())
        .collect();
    assert_eq!(
        names.join(" ").replace('"', ""),
        "profile_imported download_ordered order_confirmed download_authorised package_bound \
         profile_installed notification_received notification_received"
    );
    house.verify_trail().await;
}

#[tokio::test]
async fn the_default_smdp_finds_the_order_by_the_eid() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    house.order(&iccid, json!({ "eid": house.eid(0), "matchingId": "" })).await;
    for id in [None, Some("")] {
        let mut card = house.card(0);
        house.authenticate(&mut card, id).await;
    }
    let mut other = house.card(1);
    assert_eq!(house.try_authenticate(&mut other, None).await.verdict(), "8.1.1/3.8");
}
