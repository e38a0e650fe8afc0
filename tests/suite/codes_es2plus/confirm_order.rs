//! ES2+.ConfirmOrder: conformance cases CO-01 to CO-09.
use serde_json::{Value, json};
use smdpp::types::State;

use crate::house::{ADDRESS, Answer, House, Wishes};
use crate::scene::{CODE, Scene, with};

/// A house with one Profile that is ordered, for the first eUICC or for none.
async fn ordered(for_eid: bool) -> (House, String) {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    let mut request = json!({ "iccid": iccid });
    if for_eid {
        request["eid"] = json!(house.eid(0));
    }
    house.es2("downloadOrder", "acme", request).await.ok();
    (house, iccid)
}

async fn confirm(house: &House, iccid: &str, more: Value) -> Answer {
    let mut request = json!({ "iccid": iccid, "releaseFlag": true });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    house.es2("confirmOrder", "acme", request).await
}

/// CO-01: a MatchingID of ours or of the operator's; the flag says whether the Profile may leave.
#[tokio::test]
async fn a_confirmed_order_has_a_matching_id_and_the_state_of_its_flag() {
    for (flag, state) in [(true, State::Released), (false, State::Confirmed)] {
        for own in [None, Some("OWN-ID-1")] {
            for eid in [false, true] {
                let (house, iccid) = ordered(false).await;
                let mut more = json!({ "releaseFlag": flag, "confirmationCode": CODE });
                if let Some(own) = own {
                    more["matchingId"] = json!(own);
                }
                if eid {
                    more["eid"] = json!(house.eid(0));
                }
                let body = confirm(&house, &iccid, more).await.ok();
                let id = body["matchingId"].as_str().unwrap();
                assert!(id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'Z' | b'-')), "{id}");
                assert!(own.map_or(id.len() >= 20, |own| own == id), "{id}");
                assert_eq!(body["smdpAddress"], json!(ADDRESS));
                assert_eq!(body.get("eid"), eid.then(|| json!(house.eid(0))).as_ref());
                assert_eq!(house.state(&iccid).await, state);
                assert!(!body.to_string().contains(CODE));
                house.verify_trail().await;
            }
        }
    }
}

/// CO-02: the default SM-DP+ needs no MatchingID, but an EID.
#[tokio::test]
async fn an_empty_matching_id_is_given_back_empty() {
    for in_download_order in [false, true] {
        let (house, iccid) = ordered(in_download_order).await;
        let mut more = json!({ "matchingId": "" });
        if !in_download_order {
            more["eid"] = json!(house.eid(0));
        }
        let body = confirm(&house, &iccid, more).await.ok();
        assert_eq!((&body["matchingId"], &body["eid"]), (&json!(""), &json!(house.eid(0))));
    }
}

/// CO-04: the same again is success, with the MatchingID of the first time; also after ReleaseProfile.
#[tokio::test]
async fn the_same_confirmation_again_gives_the_same_matching_id() {
    for flag in [true, false] {
        let (house, iccid) = ordered(false).await;
        let more = json!({ "releaseFlag": flag, "confirmationCode": CODE });
        let first = confirm(&house, &iccid, more.clone()).await.ok();
        let trail = house.verify_trail().await;
        assert_eq!(confirm(&house, &iccid, more.clone()).await.ok(), first);
        let named = with(&more, "matchingId", first["matchingId"].clone());
        assert_eq!(confirm(&house, &iccid, named).await.ok(), first);
        assert_eq!(house.verify_trail().await, trail);
        house.es2("releaseProfile", "acme", json!({ "iccid": iccid })).await.ok();
        assert_eq!(confirm(&house, &iccid, more).await.ok(), first);
        assert_eq!(house.state(&iccid).await, State::Released);
    }
}

/// CO-05: also while both ask at once, and free again when the other order is cancelled.
#[tokio::test]
async fn a_matching_id_belongs_to_one_order() {
    let (house, first) = ordered(false).await;
    let (second, _) = house.stock(2).await;
    house.es2("downloadOrder", "acme", json!({ "iccid": second })).await.ok();
    let named = || json!({ "matchingId": "SHARED" });
    let (one, two) = tokio::join!(confirm(&house, &first, named()), confirm(&house, &second, named()));
    let mut verdicts = [one.verdict(), two.verdict()];
    verdicts.sort();
    assert_eq!(verdicts, ["8.2.6/3.3", "ok"]);
    let (winner, loser) = if one.verdict() == "ok" { (&first, &second) } else { (&second, &first) };
    assert_eq!(house.state(loser).await, State::Allocated);
    let cancel =
        json!({ "iccid": winner, "matchingId": "SHARED", "finalProfileStatusIndicator": "Available" });
    house.es2("cancelOrder", "acme", cancel).await.ok();
    confirm(&house, loser, named()).await.ok();
    house.verify_trail().await;
}

/// CO-05: orders of the default SM-DP+ share the empty one.
#[tokio::test]
async fn many_orders_may_have_the_empty_matching_id() {
    let house = House::new().await;
    for n in 0..2 {
        let (iccid, _) = house.stock(n + 1).await;
        house.order(&iccid, json!({ "matchingId": "", "eid": house.eid(usize::try_from(n).unwrap()) })).await;
    }
}

/// CO-06, CO-07, CO-09 (d): there is no SM-DS that we can reach; what 5.3.2 asks first is asked first.
#[tokio::test]
async fn an_order_through_an_smds_is_checked_and_then_refused() {
    let (house, iccid) = ordered(false).await;
    let before = house.profile(&iccid).await;
    let (eid, smds) = (house.eid(0), "smds.example.com");
    for (more, verdict) in [
        (json!({ "smdsAddress": smds }), "8.1.1/2.2"),
        (json!({ "matchingId": "" }), "8.1.1/2.2"),
        (json!({ "smdsAddress": smds, "eid": eid, "matchingId": "" }), "8.2.6/2.1"),
        (json!({ "smdsAddress": smds, "eid": eid }), "8.9/5.1"),
        (json!({ "matchingId": "lower-case" }), "8.2.6/2.1"),
        (json!({ "matchingId": "UNDER_SCORE" }), "8.2.6/2.1"),
        (json!({ "matchingId": "A".repeat(256) }), "8.2.6/2.1"),
    ] {
        assert_eq!(confirm(&house, &iccid, more.clone()).await.verdict(), verdict, "{more}");
    }
    assert_eq!(house.profile(&iccid).await, before);
}

/// CO-08.
#[tokio::test]
async fn another_eid_than_the_ordered_one_is_refused() {
    let (house, iccid) = ordered(true).await;
    let before = house.profile(&iccid).await;
    let answer = confirm(&house, &iccid, json!({ "eid": house.eid(1) })).await;
    assert_eq!(answer.verdict(), "8.1.1/3.10");
    assert!(!answer.body.to_string().contains(&house.eid(0)));
    assert_eq!(house.profile(&iccid).await, before);
}

/// CO-09 (a, b, c).
#[tokio::test]
async fn what_is_not_ordered_or_confirmed_otherwise_is_not_confirmed() {
    let house = House::new().await;
    let (iccid, _) = house.stock(1).await;
    assert_eq!(confirm(&house, &iccid, json!({})).await.verdict(), "8.2.1/3.5");
    assert_eq!(house.state(&iccid).await, State::Available);

    let mut scene = Scene::with(Wishes::default(), json!({ "confirmationCode": CODE })).await;
    for more in [
        json!({}),
        json!({ "confirmationCode": "other" }),
        json!({ "confirmationCode": CODE, "matchingId": "OTHER" }),
        json!({ "confirmationCode": CODE, "releaseFlag": false }),
        json!({ "confirmationCode": CODE, "eid": scene.house.eid(0) }),
    ] {
        let answer = confirm(&scene.house, &scene.iccid, more).await;
        scene.refuses(&answer, "8.2.1/3.3").await;
        assert!(!answer.body.to_string().contains(&scene.id));
    }
    let same = json!({ "confirmationCode": CODE });
    scene.download().await;
    assert_eq!(confirm(&scene.house, &scene.iccid, same.clone()).await.verdict(), "8.2.1/3.3");
    scene.install().await;
    assert_eq!(confirm(&scene.house, &scene.iccid, same).await.verdict(), "8.2.1/3.3");
    assert_eq!(scene.state().await, State::Installed);
}
