//! AuthenticateClient that is refused, all but the certificates (5.6.3, Table 43): cases AE-07, AE-08, AE-10 to AE-22.
use euicc::lpa::Offer;
use euicc::tlv::Tlv;
use euicc::{Fault, Faults};
use serde_json::{Value, json};
use smdpp::asn1::Pprs;
use smdpp::errand::Point;
use smdpp::profile::Limits;
use smdpp::time::{DAY_MS, MINUTE_MS};
use smdpp::types::State;

use crate::begin;
use crate::begin_with;
use crate::case::{Case, case};
use crate::chains;
use crate::es2plus::progress::{agreed, told};
use crate::house::{TYPE, Wishes};
use crate::scene::{CODE, Scene, changed, faulty, octets, with};
use crate::sockets;
use crate::ways::Way;

const FUNCTION: &str = "authenticateClient";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = chains::cases();
    cases.extend(signed());
    cases.extend([transactions(), matching_ids()]);
    cases.extend(orders());
    cases.extend(sessions());
    cases
}

/// What the eUICC signs.
fn signed() -> [Case; 3] {
    [
        case("AE-07", "euiccSignature1 that does not verify", "T43", "4.3.14.2.2 #5")
            .part("a", "one bit changed", "8.1/6.1", || fault(Fault::Signature1Bad, "8.1/6.1"))
            .part("b1", "r = 0", "8.1/6.1", || signature(|octets| octets[..32].fill(0)))
            .part("b2", "s = 0", "8.1/6.1", || signature(|octets| octets[32..].fill(0)))
            .part("b3", "r = n", "8.1/6.1", || signature(|octets| octets[..32].copy_from_slice(&ORDER)))
            .part("b4", "s = n", "8.1/6.1", || signature(|octets| octets[32..].copy_from_slice(&ORDER)))
            .part("b5", "s over n", "8.1/6.1", || signature(|octets| octets[32..].fill(0xFF)))
            .part("c", "coded in ASN.1, not r and s", "8.1/6.1", || fault(Fault::Signature1Der, "8.1/6.1"))
            .part("d", "over data re-encoded without an element unknown to us", "8.1/6.1", || {
                fault(Fault::Signature1Stripped, "8.1/6.1")
            }),
        case("AE-08", "a serverChallenge that is not this session's", "T43", "4.3.14.2.2 #6")
            .part("a", "random, rightly signed", "8.1/6.1", || fault(Fault::ChallengeWrong, "8.1/6.1"))
            .part("b", "of an earlier session, rightly signed", "8.1/6.1", || {
                fault(Fault::ChallengeReplayed, "8.1/6.1")
            }),
        case("AE-10", "an order that is not released", "T43", "4.3.14.2.2 #8").part(
            "",
            "ConfirmOrder with releaseFlag false",
            "8.2/1.2",
            not_released,
        ),
    ]
}

/// Which order there is, and whether this device may have it.
fn orders() -> [Case; 6] {
    [
        case("AE-13", "a MatchingID of no order, no order for the EID", "T43, 5.6.3", "4.3.14.2.2 #21").part(
            "",
            "another MatchingID than that of an order for whoever has it",
            "8.2.6/3.8",
            || matching_id(Way::Anyone, "OURS-2", "8.2.6/3.8"),
        ),
        case("AE-14", "the order of another EID", "T43", "4.3.14.2.2 #14, #19, #20")
            .part("a1", "MatchingID left out, nothing for this EID", "8.1.1/3.8", || {
                others(Way::Default, None)
            })
            .part("a2", "MatchingID empty, nothing for this EID", "8.1.1/3.8", || {
                others(Way::Default, Some(""))
            })
            .part("b", "the other's EventID", "8.1.1/3.8", || others(Way::Smds, Some("OURS-1")))
            .part("c", "the other's Activation Code", "8.1.1/3.8", || others(Way::Code, Some("OURS-1"))),
        eligibility(),
        case("AE-16", "too little memory", "T43; when to compare: choice", "").part(
            "",
            "freeNonVolatileMemory of 100 octets, then enough",
            "8.1/4.8, then OK: the user can make room",
            memory,
        ),
        case("AE-17", "an order that has expired", "T43, 5.6.3", "4.3.14.2.2 #16").part(
            "",
            "a day after ConfirmOrder, where orders are valid for a day",
            "8.8.5/4.10, each time; state Error",
            expired,
        ),
        case("AE-18", "one download attempt too many", "T43, T32c, 3.1.3 step 3 (v2.5)", "4.3.14.2.2 #17")
            .part(
                "",
                "a third session where two are allowed",
                "8.8.5/6.4, each time; state Error; told once at point 1",
                attempts,
            ),
    ]
}

/// What the session says, and requests that come again.
fn sessions() -> [Case; 4] {
    [
        case("AE-19", "not what InitiateAuthentication said", "3.1.2 step 16; choice", "")
            .part("a", "svn of EUICCInfo2 is not that of EUICCInfo1", "8.1/6.1", || {
                fault(Fault::SvnWrong, "8.1/6.1")
            })
            .part("b", "another serverAddress, rightly signed", "8.1/6.1, each time", || {
                fault(Fault::AddressWrong, "8.1/6.1")
            })
            .part("c", "other lists of CIs", "OK, each time: the choice is made", other_lists),
        case("AE-20", "the eUICC's own refusal", "choice", "").part(
            "",
            "authenticateResponseError 1 to 7 and 127",
            "8.1/4.2; session ended, order unchanged",
            euicc_refuses,
        ),
        case("AE-21", "the same request again", "choice", "")
            .part("a", "after success", "the same answer, one attempt counted", again_after_success)
            .part("b", "after a refusal", "the same refusal, nothing counted", again_after_refusal)
            .part("c", "twice at once", "the same answer, one attempt counted", twice_at_once),
        case("AE-22", "two faults at once", "5.6.3 (order of checks)", "")
            .part("a", "a bad certificate and an unknown MatchingID", "8.1.2/6.1", chains::bad_and_unknown)
            .part(
                "b",
                "a bad signature and an expired order",
                "8.1/6.1, the order not ended",
                bad_and_expired,
            ),
    ]
}

fn transactions() -> Case {
    case("AE-11", "a transactionId that is not this session's", "T43; c: choice", "4.3.14.2.2 #9, #10")
        .part("a", "unknown, in JSON", "8.10.1/3.9", || transaction(Stranger::Unknown))
        .part("b", "unknown, in euiccSigned1", "8.10.1/3.9", || {
            fault(Fault::TransactionIdWrong1, "8.10.1/3.9")
        })
        .part("c", "of another open session, in euiccSigned1", "8.10.1/3.9", || transaction(Stranger::Other))
        .part("d1", "of a session that has been cancelled", "8.10.1/3.9", || transaction(Stranger::Cancelled))
        .part("d2", "of a session whose time is over", "8.10.1/3.9", || transaction(Stranger::Late))
}

fn matching_ids() -> Case {
    case(
        "AE-12",
        "another MatchingID than that of the EID's order",
        "T43, 5.6.3, 4.1.1",
        "4.3.14.2.2 #11, #12, #13",
    )
    .part("a", "default SM-DP+", "8.2.6/3.8", || matching_id(Way::Default, "OURS-2", "8.2.6/3.8"))
    .part("b", "Activation Code", "8.2.6/3.8", || matching_id(Way::Code, "OURS-2", "8.2.6/3.8"))
    .part("c", "SM-DS", "8.2.6/3.8", || matching_id(Way::Smds, "OURS-2", "8.2.6/3.8"))
    .part("d1", "the right one in lower case", "8.2.6/3.8", || matching_id(Way::Code, "ours-1", "8.2.6/3.8"))
    .part("d2", "with \"_\"", "8.2.6/3.8", || matching_id(Way::Code, "OURS_1", "8.2.6/3.8"))
    .part("d3", "with NUL after the right one", "8.2.6/3.8", || {
        matching_id(Way::Code, "OURS-1\0", "8.2.6/3.8")
    })
    .part("d4", "256 characters", "8.2.6/3.8", || matching_id(Way::Code, &LONG, "8.2.6/3.8"))
}

fn eligibility() -> Case {
    case("AE-15", "a Profile that this eUICC cannot have", "T43, 3.1.3 step 5 (v2.5)", "4.3.14.2.2 #15")
        .part(
            "a",
            "PPR1 in the Profile, and forbidden by the eUICC",
            "8.2.5/4.3; state Error",
            forbidden_rule,
        )
        .part("b1", "profileVersion 2.2.9, the package is of 2.3", "8.2.5/4.3; state Error", || {
            old([2, 2, 9])
        })
        .part("b2", "profileVersion 1.9.0, the package is of 2.3", "8.2.5/4.3; state Error", || {
            old([1, 9, 0])
        })
}

/// The order n of P-256.
const ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA,
    0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

const LONG: [u8; 256] = [b'A'; 256];

/// AuthenticateClient in a session of its own.
async fn ask(scene: &mut Scene, request: &Value, verdict: &str) {
    let answer = scene.house.es9(FUNCTION, request).await;
    scene.refuses(&answer, verdict).await;
}

/// What an honest device sends in a new session.
async fn honest(scene: &mut Scene) -> Value {
    let server = scene.house.initiate(&mut scene.card).await;
    scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id))
}

/// Afterwards the server goes on, and the trail is whole.
async fn goes_on(scene: &mut Scene) {
    scene.card.faults = Faults::none();
    scene.authenticate().await;
    scene.house.verify_trail().await;
}

/// One thing goes wrong on the eUICC, each of two times.
async fn fault(fault: Fault, verdict: &str) {
    let mut scene = begin(json!({})).await;
    scene.authenticate().await;
    scene.mark().await;
    for _ in 0..2 {
        scene.card.faults = faulty(fault);
        let answer = scene.try_authenticate().await;
        scene.refuses(&answer, verdict).await;
    }
    goes_on(&mut scene).await;
}

/// The 64 octets of euiccSignature1 are changed on the way.
async fn signature(change: impl FnOnce(&mut [u8])) {
    let mut scene = begin(json!({})).await;
    let request = honest(&mut scene).await;
    let response = octets(&request, "authenticateServerResponse");
    let ok = Tlv::parse(&response, 0xBF38).unwrap().child(0xA0).unwrap();
    let signature = ok.child(0x5F37).unwrap().value;
    let place = response.windows(64).position(|window| window == signature).unwrap();
    let request =
        changed(&request, "authenticateServerResponse", |octets| change(&mut octets[place..place + 64]));
    ask(&mut scene, &request, "8.1/6.1").await;
    goes_on(&mut scene).await;
}

async fn not_released() {
    let mut scene = begin(json!({ "releaseFlag": false })).await;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.2/1.2").await;
    assert_eq!(scene.state().await, State::Confirmed);
    scene.house.es2("releaseProfile", "acme", json!({ "iccid": scene.iccid })).await.ok();
    goes_on(&mut scene).await;
}

enum Stranger {
    Unknown,
    Other,
    Cancelled,
    Late,
}

async fn transaction(stranger: Stranger) {
    let mut scene = begin(json!({})).await;
    let request = match stranger {
        Stranger::Unknown => with(&honest(&mut scene).await, "transactionId", json!("00".repeat(16))),
        Stranger::Other => {
            let open = scene.house.initiate(&mut scene.house.card(1)).await;
            with(&honest(&mut scene).await, "transactionId", json!(open.transaction_id))
        }
        Stranger::Cancelled => {
            let server = scene.house.initiate(&mut scene.card).await;
            let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
            let body = scene.house.es9(FUNCTION, &request).await.ok();
            let offer = Offer::read(FUNCTION, &body).unwrap();
            scene.try_cancel(&offer, 1).await.ok();
            scene.mark().await;
            request
        }
        Stranger::Late => {
            let request = honest(&mut scene).await;
            scene.house.advance_ms(15 * MINUTE_MS);
            request
        }
    };
    ask(&mut scene, &request, "8.10.1/3.9").await;
    goes_on(&mut scene).await;
}

async fn matching_id(way: Way, sent: impl AsRef<[u8]>, verdict: &str) {
    let mut scene = way.released(false).await;
    let sent = std::str::from_utf8(sent.as_ref()).unwrap().to_owned();
    let answer = scene.house.try_authenticate(&mut scene.card, Some(&sent)).await;
    scene.refuses(&answer, verdict).await;
    goes_on(&mut scene).await;
}

/// The second eUICC asks for what is the first one's; the answer does not show whose it is.
async fn others(way: Way, sent: Option<&str>) {
    let mut scene = way.released(false).await;
    let answer = scene.house.try_authenticate(&mut scene.house.card(1), sent).await;
    scene.refuses(&answer, "8.1.1/3.8").await;
    let text = answer.body.to_string();
    assert!(!text.contains(&scene.house.eid(0)) && !text.contains(&scene.iccid), "{text}");
    goes_on(&mut scene).await;
}

async fn forbidden_rule() {
    let house = sockets::house(agreed(&Point::ALL)).await;
    let pprs = Pprs { ppr1: true, ppr2: false };
    let (iccid, _) = house.stock_as(1, "acme", TYPE, pprs, None).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    card.info.forbidden_pprs = 0x40;
    assert_eq!(house.try_authenticate(&mut card, Some(&id)).await.verdict(), "8.2.5/4.3");
    assert_eq!(house.state(&iccid).await, State::Error);
    let answer = house.try_authenticate(&mut house.card(0), Some(&id)).await;
    assert_eq!(answer.verdict(), "8.2.6/3.8", "the order is over");
    assert_eq!(told(&house).await, ["1 Failed 8.2.5/4.3"]);
    house.verify_trail().await;
}

/// An eUICC that cannot read the version of the package.
async fn old(profile_version: [u8; 3]) {
    let mut scene = begin(json!({})).await;
    scene.card.info.profile_version = profile_version;
    assert_eq!(scene.try_authenticate().await.verdict(), "8.2.5/4.3");
    assert_eq!(scene.state().await, State::Error);
    scene.house.verify_trail().await;
}

async fn memory() {
    let mut scene = begin(json!({})).await;
    scene.card.info.free_memory_bytes = 100;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1/4.8").await;
    scene.card.info.free_memory_bytes = 100_000;
    goes_on(&mut scene).await;
}

async fn expired() {
    let wishes = Wishes { order_ms: Some(DAY_MS), ..Wishes::default() };
    let mut scene = begin_with(wishes, json!({})).await;
    scene.house.advance_ms(DAY_MS);
    for _ in 0..2 {
        assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/4.10");
        assert_eq!(scene.state().await, State::Error);
    }
    scene.house.verify_trail().await;
}

async fn attempts() {
    let limits = Limits { download_attempts_max: 2, confirmation_code_attempts_max: 3 };
    let mut scene = begin_with(Wishes { limits, ..agreed(&[]) }, json!({})).await;
    for attempt in 1..=2 {
        scene.authenticate().await;
        assert_eq!(scene.attempts().await, (attempt, 0));
    }
    for _ in 0..2 {
        assert_eq!(scene.try_authenticate().await.verdict(), "8.8.5/6.4");
        assert_eq!(scene.state().await, State::Error);
    }
    assert_eq!(told(&scene.house).await, ["1 Failed 8.8.5/6.4"]);
    scene.house.verify_trail().await;
}

async fn other_lists() {
    let mut scene = begin(json!({})).await;
    for _ in 0..2 {
        let server = scene.house.initiate(&mut scene.card).await;
        scene.card.info.ci_for_signing = Some(vec![vec![0x55; 20]]);
        scene.card.info.ci_for_verification = Some(vec![vec![0x55; 20]]);
        let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
        scene.card.info.ci_for_signing = None;
        scene.card.info.ci_for_verification = None;
        scene.house.es9(FUNCTION, &request).await.ok();
    }
    scene.house.verify_trail().await;
}

async fn euicc_refuses() {
    let mut scene = begin(json!({})).await;
    for code in [1, 2, 3, 4, 5, 6, 7, 127] {
        scene.mark().await;
        let server = scene.house.initiate(&mut scene.card).await;
        let mut other = scene.card.clone();
        scene.card.faults = Faults::none().with_value(Fault::AuthenticateError, code);
        let error = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
        ask(&mut scene, &error, "8.1/4.2").await;
        let consent = scene.house.authenticate_request(&mut other, &server, Some(&scene.id));
        ask(&mut scene, &consent, "8.10.1/3.9").await;
        goes_on(&mut scene).await;
    }
}

async fn again_after_success() {
    let mut scene = begin(json!({})).await;
    let request = honest(&mut scene).await;
    let first = scene.house.es9(FUNCTION, &request).await;
    assert_eq!(first.verdict(), "ok");
    scene.mark().await;
    let second = scene.house.es9(FUNCTION, &request).await;
    assert_eq!((&second.body, scene.attempts().await), (&first.body, (1, 0)));
    scene.unmoved().await;
    let bent = changed(&request, "authenticateServerResponse", |octets| *octets.last_mut().unwrap() ^= 1);
    ask(&mut scene, &bent, "8.10.1/3.9").await;
    goes_on(&mut scene).await;
}

async fn again_after_refusal() {
    let mut scene = begin(json!({})).await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some("OTHER"));
    for _ in 0..2 {
        ask(&mut scene, &request, "8.2.6/3.8").await;
    }
    goes_on(&mut scene).await;
}

async fn twice_at_once() {
    for _ in 0..5 {
        let mut scene = begin(json!({})).await;
        let request = honest(&mut scene).await;
        let (one, two) =
            tokio::join!(scene.house.es9(FUNCTION, &request), scene.house.es9(FUNCTION, &request));
        assert_eq!((one.verdict().as_str(), &one.body), ("ok", &two.body));
        assert_eq!(scene.attempts().await, (1, 0));
        scene.house.verify_trail().await;
    }
}

/// Nothing is said about the order, or done to it, to whom is not believed.
async fn bad_and_expired() {
    let wishes = Wishes { order_ms: Some(DAY_MS), ..Wishes::default() };
    let mut scene = begin_with(wishes, json!({ "confirmationCode": CODE })).await;
    scene.house.advance_ms(DAY_MS);
    scene.card.faults = faulty(Fault::Signature1Bad);
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.1/6.1").await;
    scene.house.verify_trail().await;
}
