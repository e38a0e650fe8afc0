//! DownloadOrder (5.3.1): cases DO.
use std::collections::BTreeSet;

use serde_json::{Value, json};
use smdpp::asn1::Pprs;
use smdpp::types::State;
use tokio::task::JoinSet;

use super::{Still, call, ordered, stocked};
use crate::case::{Case, case};
use crate::house::{Answer, House, TYPE, Wishes};
use crate::scene::with;
use crate::sockets;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("DO-01", "a Profile is reserved", "5.3.1, 3.1.6, 5.2.1", "")
            .part("a", "iccid", "OK with that ICCID; state Allocated", || reserved(true, false, false))
            .part("b", "profileType", "OK with an ICCID of the type; state Allocated", || {
                reserved(false, true, false)
            })
            .part("c", "iccid and eid", "OK; state Linked", || reserved(true, false, true))
            .part("d", "profileType and eid", "OK; state Linked", || reserved(false, true, true))
            .part("e", "iccid and its own type", "OK; state Allocated", || reserved(true, true, false))
            .part("f", "an ICCID of 19 digits, with F and without", "OK, as written; one Profile", padded),
        case("DO-02", "an ICCID that is ordered already", "T24", "")
            .part("1", "the second call names an EID", "8.2.1/3.3", || ordered_otherwise(false))
            .part("2", "the second call names another EID", "8.2.1/3.3", || ordered_otherwise(true)),
        case("DO-03", "the same call again", "choice", "")
            .part(
                "1",
                "iccid, the same functionCallIdentifier",
                "OK, the same ICCID; nothing reserved",
                || repeated(true, true),
            )
            .part(
                "2",
                "iccid, another functionCallIdentifier",
                "OK, the same ICCID; nothing reserved",
                || repeated(true, false),
            )
            .part("3", "profileType, the same functionCallIdentifier", "OK, the same ICCID", || {
                repeated(false, true)
            })
            .part(
                "4",
                "profileType, another functionCallIdentifier",
                "OK, another ICCID: a new order",
                || repeated(false, false),
            ),
        case("DO-04", "a Profile Type", "T24", "")
            .part("a", "unknown", "8.2.5/3.9", || by_type(json!({ "profileType": "NONE" }), "8.2.5/3.9"))
            .part("b", "none of it left", "8.2.5/3.7", none_left)
            .part("c", "not that of the iccid", "8.2.5/3.8", wrong_type)
            .part(
                "d",
                "50 orders at once where 49 are left",
                "49 OK with ICCIDs of their own; one 8.2.5/3.7",
                fifty,
            ),
    ]
}

async fn order(house: &House, request: Value) -> Answer {
    house.es2("downloadOrder", "acme", request).await
}

async fn reserved(by_iccid: bool, by_type: bool, for_eid: bool) {
    let (house, iccid) = stocked().await;
    let mut request = json!({});
    if by_iccid {
        request["iccid"] = json!(iccid);
    }
    if by_type {
        request["profileType"] = json!(TYPE);
    }
    if for_eid {
        request["eid"] = json!(house.eid(0));
    }
    let body = order(&house, request).await.ok();
    assert_eq!(body["iccid"], json!(iccid));
    assert_eq!(body.as_object().unwrap().len(), 2, "header and ICCID");
    let state = if for_eid { State::Linked } else { State::Allocated };
    assert_eq!(house.state(&iccid).await, state);
    house.verify_trail().await;
}

async fn padded() {
    let (house, iccid) = stocked().await;
    let padded = format!("{iccid}F");
    assert_eq!((iccid.len(), padded.len()), (19, 20));
    for written in [&padded, &iccid] {
        let body = order(&house, json!({ "iccid": written })).await.ok();
        assert_eq!(body["iccid"], json!(written));
    }
    assert_eq!(house.profile(&iccid).await.orders(), 1);
    call(&house, "confirmOrder", &padded, json!({})).await.ok();
    assert_eq!(house.state(&iccid).await, State::Released);
    house.verify_trail().await;
}

async fn ordered_otherwise(linked: bool) {
    let (house, iccid) = ordered(linked).await;
    let still = Still::of(&house, &iccid).await;
    let answer = order(&house, json!({ "iccid": iccid, "eid": house.eid(1) })).await;
    still.refuses(&answer, "8.2.1/3.3").await;
}

async fn repeated(by_iccid: bool, same_call: bool) {
    let (house, iccid) = stocked().await;
    for n in 2..=3 {
        house.stock(n).await;
    }
    let header =
        |call: &str| json!({ "functionRequesterIdentifier": "acme", "functionCallIdentifier": call });
    let request = if by_iccid { json!({ "iccid": iccid }) } else { json!({ "profileType": TYPE }) };
    let request = with(&request, "header", header("first"));
    let first = order(&house, request.clone()).await.ok();
    let trail = house.verify_trail().await;
    let again = if same_call { request } else { with(&request, "header", header("second")) };
    let second = order(&house, again.clone()).await.ok();
    assert_eq!(order(&house, again).await.ok(), second);
    if by_iccid || same_call {
        assert_eq!(second, first);
        assert_eq!(house.verify_trail().await, trail, "no second reservation");
    } else {
        assert_ne!(second["iccid"], first["iccid"]);
        assert_eq!(house.verify_trail().await, trail + 1);
    }
}

async fn by_type(request: Value, verdict: &str) {
    let (house, iccid) = stocked().await;
    let still = Still::of(&house, &iccid).await;
    let answer = order(&house, request).await;
    still.refuses(&answer, verdict).await;
}

async fn none_left() {
    let (house, iccid) = ordered(false).await;
    let still = Still::of(&house, &iccid).await;
    let answer = order(&house, json!({ "profileType": TYPE })).await;
    still.refuses(&answer, "8.2.5/3.7").await;
}

async fn wrong_type() {
    let (house, iccid) = stocked().await;
    house.stock_as(2, "acme", "OTHER", Pprs::default(), None).await;
    let still = Still::of(&house, &iccid).await;
    for other in ["OTHER", "NONE"] {
        let answer = order(&house, json!({ "iccid": iccid, "profileType": other })).await;
        still.refuses(&answer, "8.2.5/3.8").await;
    }
}

/// Each caller over a connection of its own.
async fn fifty() {
    let (house, sockets) = sockets::opened(Wishes::default()).await;
    for n in 1..=49 {
        house.stock(n).await;
    }
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let caller = sockets.operator(&house, Some(&house.pki.operators[0].client));
        callers.spawn(async move {
            let answer = caller.download_order(None, None, Some(TYPE)).await.unwrap();
            (answer.codes(), answer.text("iccid").map(str::to_owned))
        });
    }
    let answers = callers.join_all().await;
    let refused: Vec<_> = answers.iter().filter(|(_, iccid)| iccid.is_none()).collect();
    assert_eq!(refused, [&("8.2.5/3.7".to_owned(), None)]);
    let iccids: BTreeSet<_> = answers.iter().filter_map(|(_, iccid)| iccid.as_ref()).collect();
    assert_eq!(iccids.len(), 49);
    house.verify_trail().await;
}
