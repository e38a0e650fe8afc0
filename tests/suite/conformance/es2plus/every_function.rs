//! What holds for all functions of ES2+: cases OP.
use serde_json::{Value, json};

use super::{Still, in_state, stocked};
use crate::case::{Case, case};
use crate::house::{House, TYPE};
use crate::scene::{with, without};
use smdpp::types::State;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("OP-01", "an ICCID that nobody knows", "T24, T27, T30, T32", "")
            .part("1", "DownloadOrder", "8.2.1/3.9", || unknown(0))
            .part("2", "ConfirmOrder", "8.2.1/3.9", || unknown(1))
            .part("3", "CancelOrder", "8.2.1/3.9", || unknown(2))
            .part("4", "ReleaseProfile", "8.2.1/3.9", || unknown(3)),
        case("OP-02", "another operator", "T24, T27, T30, T32", "")
            .part("a1", "DownloadOrder of acme's ICCID by beta", "8.2.1/1.2", || anothers(0))
            .part("a2", "ConfirmOrder of it", "8.2.1/1.2", || anothers(1))
            .part("a3", "CancelOrder of it", "8.2.1/1.2", || anothers(2))
            .part("a4", "ReleaseProfile of it", "8.2.1/1.2", || anothers(3))
            .part("b", "DownloadOrder of a type that acme alone has", "8.2.5/1.2", anothers_type),
        malformed(),
    ]
}

fn malformed() -> Case {
    case("OP-03", "a request of a wrong form", "6.5.1.3, 6.5.2, 3.1.1.2; codes: choice", "")
        .part("a", "each function without a header", "1.6/2.2", || {
            each(|request| (without(request, "header"), "1.6/2.2"))
        })
        .part("b1", "each without functionCallIdentifier", "1.6/2.2", || {
            each(|request| {
                let header = without(&request["header"], "functionCallIdentifier");
                (with(request, "header", header), "1.6/2.2")
            })
        })
        .part("b2", "each without functionRequesterIdentifier", "1.6/2.2", || {
            each(|request| {
                let header = without(&request["header"], "functionRequesterIdentifier");
                (with(request, "header", header), "1.6/2.2")
            })
        })
        .part("c", "an EID of 31 digits, where there is one", "1.6/2.1", || {
            some(&[0, 1, 2], |request| (with(request, "eid", json!("8".repeat(31))), "1.6/2.1"))
        })
        .part("d", "each with an ICCID of 17 digits", "1.6/2.1", || {
            each(|request| (with(request, "iccid", json!("89000000000000000")), "1.6/2.1"))
        })
        .part("e", "releaseFlag \"true\" as a string", "1.6/2.1", || {
            some(&[1], |request| (with(request, "releaseFlag", json!("true")), "1.6/2.1"))
        })
        .part("f", "DownloadOrder with neither iccid nor profileType", "1.6/2.3", || {
            some(&[0], |request| (without(request, "iccid"), "1.6/2.3"))
        })
}

/// One right request for each function, about one Profile.
fn requests(iccid: &str) -> [(&'static str, Value); 4] {
    let header =
        json!({ "functionRequesterIdentifier": "acme.example.com", "functionCallIdentifier": "call-1" });
    [
        ("downloadOrder", json!({ "header": header, "iccid": iccid })),
        ("confirmOrder", json!({ "header": header, "iccid": iccid, "releaseFlag": true })),
        (
            "cancelOrder",
            json!({ "header": header, "iccid": iccid, "finalProfileStatusIndicator": "Available" }),
        ),
        ("releaseProfile", json!({ "header": header, "iccid": iccid })),
    ]
}

async fn unknown(place: usize) {
    let (house, iccid) = stocked().await;
    let still = Still::of(&house, &iccid).await;
    let [function, _] = [requests(&iccid)[place].0, ""];
    for stranger in ["8900000000000000000", "89000000000000000000"] {
        let request = requests(stranger)[place].1.clone();
        let answer = house.es2(function, "acme", request).await;
        still.refuses(&answer, "8.2.1/3.9").await;
    }
}

async fn anothers(place: usize) {
    let (house, iccid, id) = in_state(State::Confirmed).await;
    let still = Still::of(&house, &iccid).await;
    let (function, request) = requests(&iccid)[place].clone();
    let answer = house.es2(function, "beta", request).await;
    still.refuses(&answer, "8.2.1/1.2").await;
    assert!(!answer.body.to_string().contains(&id.unwrap()));
}

async fn anothers_type() {
    let (house, iccid) = stocked().await;
    let still = Still::of(&house, &iccid).await;
    let answer = house.es2("downloadOrder", "beta", json!({ "profileType": TYPE })).await;
    still.refuses(&answer, "8.2.5/1.2").await;
    house.es2("downloadOrder", "acme", json!({ "profileType": TYPE })).await.ok();
}

type Bend = fn(&Value) -> (Value, &'static str);

async fn each(bend: Bend) {
    some(&[0, 1, 2, 3], bend).await;
}

/// The functions at these places, each bent; then the right DownloadOrder is served.
async fn some(places: &[usize], bend: Bend) {
    let (house, iccid): (House, String) = stocked().await;
    let still = Still::of(&house, &iccid).await;
    for place in places {
        let (function, request) = &requests(&iccid)[*place];
        let (bent, code) = bend(request);
        for _ in 0..2 {
            let answer = house.es2_raw(function, "acme", bent.to_string().into_bytes()).await;
            still.refuses(&answer, code).await;
        }
    }
    house.es2("downloadOrder", "acme", json!({ "iccid": iccid })).await.ok();
}
