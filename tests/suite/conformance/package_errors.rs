//! GetBoundProfilePackage that is refused (5.6.2, Table 40): cases GE.
use euicc::lpa::Offer;
use euicc::{Fault, Faults};
use serde_json::{Value, json};
use smdpp::time::MINUTE_MS;
use smdpp::types::State;

use crate::case::{Case, case};
use crate::es2plus::progress::{agreed, told};
use crate::house::{Answer, Wishes, bpp};
use crate::scene::{CODE, Scene, faulty, with};
use crate::{begin, begin_with};

const FUNCTION: &str = "getBoundProfilePackage";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("GE-01", "euiccSignature2 that does not verify", "T40", "4.3.13.2.10 #01")
            .part("a", "one bit changed", "8.1/6.1", || fault(Fault::Signature2Bad, "8.1/6.1"))
            .part("b", "over another smdpSignature2", "8.1/6.1", another_offer)
            .part("c", "by another eUICC's key", "8.1/6.1", another_key),
        case("GE-02", "a transactionId that is not this session's", "T40; c: choice", "4.3.13.2.10 #02, #03")
            .part("a", "unknown, in JSON", "8.10.1/3.9", unknown_transaction)
            .part("b", "unknown, in euiccSigned2", "8.10.1/3.9", || {
                fault(Fault::TransactionIdWrong2, "8.10.1/3.9")
            })
            .part(
                "c",
                "of another session, in euiccSigned2",
                "8.1/6.1: it signs that session's offer",
                other_session,
            ),
        codes(),
        case("GE-04", "one wrong code too many", "T40, T32c, 4.7", "").part(
            "",
            "three wrong codes in three sessions where three are allowed, then the right one",
            "8.2.7/6.4; state Error, the order over; each told at point 2",
            code_attempts,
        ),
        case("GE-05", "an order that expires within the session", "T40", "").part(
            "",
            "ten minutes between AuthenticateClient and this, where orders are valid for ten",
            "8.8.5/4.10; state Error",
            expires,
        ),
        case("GE-06", "a package out of order", "5.6.2; a, b: choice", "")
            .part("a", "before AuthenticateClient", "8.10.1/3.9", || out_of_order(When::Early))
            .part("b", "after an AuthenticateClient that was refused", "8.10.1/3.9", || {
                out_of_order(When::Refused)
            })
            .part("c", "after CancelSession", "8.10.1/3.9", || out_of_order(When::Cancelled))
            .part("d", "after the session's time", "8.10.1/3.9", || out_of_order(When::Late)),
        case("GE-07", "the eUICC's own refusal", "choice", "").part(
            "",
            "downloadResponseError 1 to 5 and 127",
            "8.2.10/4.2; session ended, order Released",
            euicc_refuses,
        ),
        keys(),
        case("GE-09", "the same request again", "choice", "")
            .part("1", "after its answer was lost", "the same package", again)
            .part("2", "twice at once", "the same package, bound once", twice_at_once)
            .part("3", "after the result", "8.10.1/3.9", after_the_result),
    ]
}

fn codes() -> Case {
    case("GE-03", "the Confirmation Code", "T40, 3.1.3.2 step 7 (v2.5); d: choice", "4.3.13.2.10 #04, #05")
        .part("a", "missing", "8.2.7/2.2, not counted", || code(Fault::HashCcMissing, "8.2.7/2.2", 0))
        .part("b", "wrong", "8.2.7/3.8, counted", || code(Fault::HashCcWrong, "8.2.7/3.8", 1))
        .part("c", "right, hashed with an old transactionId", "8.2.7/3.8, counted", || {
            code(Fault::HashCcStale, "8.2.7/3.8", 1)
        })
        .part("d", "sent though none is asked for", "OK, each time", unasked)
}

fn keys() -> Case {
    case("GE-08", "an euiccOtpk that is no point, rightly signed", "choice", "")
        .part("a1", "64 octets", "8.1/6.1", || fault(Fault::Otpk64, "8.1/6.1"))
        .part("a2", "66 octets", "8.1/6.1", || fault(Fault::Otpk66, "8.1/6.1"))
        .part("b", "not on the curve", "8.1/6.1", || fault(Fault::OtpkOffCurve, "8.1/6.1"))
        .part("c", "compressed", "8.1/6.1", || fault(Fault::OtpkCompressed, "8.1/6.1"))
        .part("d", "the point at infinity", "8.1/6.1", || fault(Fault::OtpkInfinity, "8.1/6.1"))
        .part("e", "a point of brainpoolP256r1, where CERT.DPpb is on P-256", "8.1/6.1", || {
            fault(Fault::OtpkOtherCurve, "8.1/6.1")
        })
}

/// Refused, nothing has moved, and no package left.
async fn no_package(scene: &Scene, answer: &Answer, verdict: &str) {
    scene.refuses(answer, verdict).await;
    assert!(answer.body.get("boundProfilePackage").is_none());
}

async fn ask(scene: &Scene, request: &Value, verdict: &str) {
    let answer = scene.house.es9(FUNCTION, request).await;
    no_package(scene, &answer, verdict).await;
}

/// The same session still serves who asks rightly.
async fn serves(scene: &mut Scene, offer: &Offer) {
    scene.card.faults = Faults::none();
    scene.try_bind(offer, Some(CODE)).await.ok();
    assert_eq!(scene.state().await, State::Downloaded);
    scene.house.verify_trail().await;
}

async fn authenticated() -> (Scene, Offer) {
    let mut scene = begin(json!({})).await;
    let offer = scene.authenticate().await;
    scene.mark().await;
    (scene, offer)
}

async fn fault(fault: Fault, verdict: &str) {
    let (mut scene, offer) = authenticated().await;
    scene.card.faults = faulty(fault);
    let answer = scene.try_bind(&offer, None).await;
    no_package(&scene, &answer, verdict).await;
    serves(&mut scene, &offer).await;
}

async fn another_offer() {
    let (mut scene, offer) = authenticated().await;
    let mut bent = offer.clone();
    *bent.smdp_signature2.last_mut().unwrap() ^= 1;
    scene.card.faults = faulty(Fault::TrustAnyone);
    let answer = scene.try_bind(&bent, None).await;
    no_package(&scene, &answer, "8.1/6.1").await;
    serves(&mut scene, &offer).await;
}

/// All is as it should be, but the key is that of another eUICC.
async fn another_key() {
    let (mut scene, offer) = authenticated().await;
    let mut other = scene.card.clone();
    other.identity = scene.house.card(1).identity;
    let request = scene.house.bind_request(&mut other, &offer, None);
    ask(&scene, &request, "8.1/6.1").await;
    serves(&mut scene, &offer).await;
}

async fn unknown_transaction() {
    let (mut scene, offer) = authenticated().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    ask(&scene, &with(&request, "transactionId", json!("00".repeat(16))), "8.10.1/3.9").await;
    serves(&mut scene, &offer).await;
}

async fn other_session() {
    let mut scene = begin(json!({})).await;
    let older = scene.authenticate().await;
    let request = scene.house.bind_request(&mut scene.card, &older, None);
    let offer = scene.authenticate().await;
    scene.mark().await;
    ask(&scene, &with(&request, "transactionId", json!(offer.transaction_id)), "8.1/6.1").await;
    serves(&mut scene, &offer).await;
}

async fn code(fault: Fault, verdict: &str, counted: u32) {
    let mut scene = begin(json!({ "confirmationCode": CODE })).await;
    scene.authenticate().await;
    let offer = scene.authenticate().await;
    scene.card.faults = faulty(fault);
    let answer = scene.try_bind(&offer, Some(CODE)).await;
    assert_eq!(answer.verdict(), verdict);
    assert!(answer.body.get("boundProfilePackage").is_none());
    assert_eq!((scene.state().await, scene.attempts().await), (State::Released, (2, counted)));
    serves(&mut scene, &offer).await;
}

async fn unasked() {
    let mut scene = begin(json!({})).await;
    for _ in 0..2 {
        let offer = scene.authenticate().await;
        scene.card.faults = faulty(Fault::HashCcUnasked);
        scene.try_bind(&offer, None).await.ok();
    }
    assert_eq!(scene.attempts().await, (2, 0));
}

async fn code_attempts() {
    let mut scene = begin_with(agreed(&[]), json!({ "confirmationCode": CODE })).await;
    for attempt in 1..=3 {
        let offer = scene.authenticate().await;
        assert_eq!(scene.try_bind(&offer, Some("0000")).await.verdict(), "8.2.7/3.8");
        assert_eq!((scene.state().await, scene.attempts().await), (State::Released, (attempt, attempt)));
    }
    let offer = scene.authenticate().await;
    assert_eq!(scene.try_bind(&offer, Some(CODE)).await.verdict(), "8.2.7/6.4");
    assert_eq!(scene.state().await, State::Error);
    let expected = [&["2 Failed 8.2.7/3.8"; 3][..], &["2 Failed 8.2.7/6.4"]].concat();
    assert_eq!(told(&scene.house).await, expected);
    scene.mark().await;
    let answer = scene.try_authenticate().await;
    scene.refuses(&answer, "8.2.6/3.8").await;
    scene.house.verify_trail().await;
}

async fn expires() {
    let wishes = Wishes { order_ms: Some(10 * MINUTE_MS), ..Wishes::default() };
    let mut scene = begin_with(wishes, json!({ "confirmationCode": CODE })).await;
    let offer = scene.authenticate().await;
    scene.house.advance_ms(10 * MINUTE_MS);
    assert_eq!(scene.try_bind(&offer, Some(CODE)).await.verdict(), "8.8.5/4.10");
    assert_eq!((scene.state().await, scene.attempts().await), (State::Error, (1, 0)));
    scene.house.verify_trail().await;
}

enum When {
    Early,
    Refused,
    Cancelled,
    Late,
}

async fn out_of_order(when: When) {
    let (mut scene, offer) = authenticated().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    let request = match when {
        When::Early | When::Refused => {
            let mut card = scene.house.card(0);
            let fresh = scene.house.initiate(&mut card).await;
            if matches!(when, When::Refused) {
                let wrong = scene.house.authenticate_request(&mut card, &fresh, Some("WRONG"));
                assert_eq!(scene.house.es9("authenticateClient", &wrong).await.verdict(), "8.2.6/3.8");
            }
            with(&request, "transactionId", json!(fresh.transaction_id))
        }
        When::Cancelled => {
            scene.try_cancel(&offer, 1).await.ok();
            scene.mark().await;
            request
        }
        When::Late => {
            scene.house.advance_ms(15 * MINUTE_MS);
            request
        }
    };
    ask(&scene, &request, "8.10.1/3.9").await;
    let next = scene.authenticate().await;
    serves(&mut scene, &next).await;
}

async fn euicc_refuses() {
    for code in [1, 2, 3, 4, 5, 127] {
        let (mut scene, offer) = authenticated().await;
        scene.card.faults = Faults::none().with_value(Fault::DownloadError, code);
        let answer = scene.try_bind(&offer, None).await;
        no_package(&scene, &answer, "8.2.10/4.2").await;
        assert_eq!(scene.state().await, State::Released);
        scene.card.faults = Faults::none();
        let answer = scene.try_bind(&offer, None).await;
        no_package(&scene, &answer, "8.10.1/3.9").await;
        let next = scene.authenticate().await;
        serves(&mut scene, &next).await;
    }
}

async fn again() {
    let (mut scene, offer) = authenticated().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    let first = scene.house.es9(FUNCTION, &request).await.ok();
    scene.mark().await;
    assert_eq!(scene.house.es9(FUNCTION, &request).await.ok(), first);
    scene.unmoved().await;
    scene.card.load_bound_profile_package(&bpp(&first)).unwrap();
    assert!(scene.card.profile(&scene.iccid).is_some());
}

async fn twice_at_once() {
    for _ in 0..5 {
        let (mut scene, offer) = authenticated().await;
        let request = scene.house.bind_request(&mut scene.card, &offer, None);
        let before = scene.house.verify_trail().await;
        let (one, two) =
            tokio::join!(scene.house.es9(FUNCTION, &request), scene.house.es9(FUNCTION, &request));
        assert_eq!((one.verdict().as_str(), &one.body), ("ok", &two.body));
        assert_eq!(scene.house.verify_trail().await, before + 1);
    }
}

async fn after_the_result() {
    let (mut scene, offer) = authenticated().await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    let package = bpp(&scene.house.es9(FUNCTION, &request).await.ok());
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.deliver(&mut scene.card).await;
    scene.mark().await;
    ask(&scene, &request, "8.10.1/3.9").await;
    assert_eq!(scene.state().await, State::Installed);
}
