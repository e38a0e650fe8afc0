//! ES9+ in the ASN.1 binding: conformance case TR-09, and TR-06 to TR-08 for its envelopes.
use std::collections::BTreeSet;

use euicc::lpa::{
    AUTHENTICATE_CLIENT, Binding, CANCEL_SESSION, GET_BOUND_PROFILE_PACKAGE, HANDLE_NOTIFICATION,
    INITIATE_AUTHENTICATION, Offer, asn1,
};
use euicc::tlv::{self, Tlv};
use euicc::{Fault, Faults};
use serde_json::{Value, json};
use smdpp::types::{State, StatusCode};

use crate::every_code::provoke;
use crate::house::{Answer, BINDING, House, Wishes, bpp};
use crate::scene::{CODE, Scene, changed, faulty, octets, with};

/// The errors that SGP.22 annex H has for the codes of 5.6, as the provocations reach them; any other is 127.
const ERRORS: &[(StatusCode, u64)] = &[
    (StatusCode::ADDRESS_REFUSED, 1),
    (StatusCode::SVN_UNSUPPORTED, 2),
    (StatusCode::SECURITY_UNSUPPORTED, 3),
    (StatusCode::CERTIFICATE_UNAVAILABLE, 3),
    (StatusCode::EUM_CERTIFICATE_INVALID, 1),
    (StatusCode::EUM_CERTIFICATE_EXPIRED, 2),
    (StatusCode::EUICC_CERTIFICATE_INVALID, 3),
    (StatusCode::EUICC_CERTIFICATE_EXPIRED, 4),
    (StatusCode::EUICC_VERIFICATION_FAILED, 5),
    (StatusCode::MATCHING_ID_REFUSED, 6),
    (StatusCode::EID_REFUSED, 7),
    (StatusCode::NOT_ELIGIBLE, 8),
    (StatusCode::CI_UNKNOWN, 9),
    (StatusCode::TRANSACTION_UNKNOWN, 10),
    (StatusCode::EUICC_MEMORY, 11),
    (StatusCode::ORDER_EXPIRED, 18),
    (StatusCode::CONFIRMATION_CODE_MISSING, 2),
    (StatusCode::CONFIRMATION_CODE_REFUSED, 3),
    (StatusCode::CONFIRMATION_CODE_EXCEEDED, 4),
    (StatusCode::PROFILE_UNAVAILABLE, 5),
];

async fn in_asn1<T>(work: impl Future<Output = T>) -> T {
    BINDING.scope(Binding::Asn1, work).await
}

/// The same stimulus as in `every_code.rs`, through the other binding.
#[tokio::test]
async fn every_refusal_has_its_number() {
    let mut seen = BTreeSet::new();
    for status in StatusCode::ALL {
        let code = in_asn1(provoke(*status)).await.code();
        let words = format!("{}/{}", status.subject, status.reason);
        if code == words {
            // A code of ES2+, which knows JSON only.
            continue;
        }
        let own = ERRORS.iter().find(|(known, _)| known == status).map(|(_, error)| *error);
        assert_eq!(code, format!("error {}", own.unwrap_or(127)), "{words}");
        seen.extend(own.map(|_| words));
    }
    assert_eq!(seen.len(), ERRORS.len(), "each number was reached: {seen:?}");
}

/// The codes that several functions share, by the numbers of the other functions.
#[tokio::test]
async fn a_code_of_several_functions_has_a_number_in_each() {
    in_asn1(async {
        let wishes = Wishes { order_ms: Some(60_000), ..Wishes::default() };
        let mut scene = Scene::with(wishes, json!({})).await;
        let offer = scene.authenticate().await;
        scene.mark().await;
        for (fault, verdict) in [
            (Fault::Signature2Bad, "error 1"),
            (Fault::TransactionIdWrong2, "error 95"),
            (Fault::OtpkOffCurve, "error 1"),
        ] {
            scene.card.faults = faulty(fault);
            let answer = scene.try_bind(&offer, None).await;
            scene.refuses(&answer, verdict).await;
        }
        for (fault, verdict) in [(Fault::CancelSignatureBad, "error 2"), (Fault::CancelOidWrong, "error 127")]
        {
            let mut card = scene.card.clone();
            card.faults = faulty(fault);
            let request = scene.house.cancel_request(&mut card, &offer.transaction_id, 0);
            let answer = scene.house.es9(CANCEL_SESSION, &request).await;
            scene.refuses(&answer, verdict).await;
        }
        scene.card.faults = Faults::none();
        let nowhere = json!("00".repeat(16));
        let cancel = scene.house.cancel_request(&mut scene.card.clone(), &offer.transaction_id, 0);
        let answer = scene.house.es9(CANCEL_SESSION, &with(&cancel, "transactionId", nowhere.clone())).await;
        scene.refuses(&answer, "error 1").await;
        let bind = scene.house.bind_request(&mut scene.card, &offer, None);
        let answer = scene.house.es9(GET_BOUND_PROFILE_PACKAGE, &with(&bind, "transactionId", nowhere)).await;
        scene.refuses(&answer, "error 95").await;
        scene.house.advance_ms(60_000);
        let answer = scene.house.es9(GET_BOUND_PROFILE_PACKAGE, &bind).await;
        assert_eq!(answer.verdict(), "error 6");
    })
    .await;
}

/// A session is the server's, not a binding's: each step in the other one, each repeated in both.
#[tokio::test]
async fn a_session_changes_its_binding_at_every_step() {
    let mut scene = Scene::guarded().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let first = in_asn1(scene.house.es9(AUTHENTICATE_CLIENT, &request)).await.ok();
    let again = scene.house.es9(AUTHENTICATE_CLIENT, &request).await.ok();
    assert_eq!(first, again);
    assert_eq!(scene.attempts().await, (1, 0));

    let offer = Offer::read(AUTHENTICATE_CLIENT, &first).unwrap();
    let request = scene.house.bind_request(&mut scene.card, &offer, Some(CODE));
    let body = scene.house.es9(GET_BOUND_PROFILE_PACKAGE, &request).await.ok();
    let again = in_asn1(scene.house.es9(GET_BOUND_PROFILE_PACKAGE, &request)).await.ok();
    assert_eq!(body, again);

    scene.card.load_bound_profile_package(&bpp(&body)).unwrap();
    in_asn1(scene.house.deliver(&mut scene.card)).await;
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

/// Headers both ways, 204 for a notification, 400 where no function or no error can be named.
#[tokio::test]
async fn every_answer_has_the_form_of_its_kind() {
    let house = House::new().await;
    let request = house.initiate_request(&mut house.card(0));
    for request in [request.clone(), with(&request, "smdpAddress", json!("nowhere"))] {
        let octets = asn1::encode(INITIATE_AUTHENTICATION, &request).unwrap();
        let (answer, octets) = house.asn1_raw(octets).await;
        assert_eq!(answer.http, 200);
        assert_eq!(answer.headers["content-type"], "application/x-gsma-rsp-asn1");
        assert!(answer.headers["x-admin-protocol"].starts_with("gsma/rsp/v2."));
        assert!(octets.starts_with(&[0xA2]));
    }
    let notification = asn1::encode(HANDLE_NOTIFICATION, &json!({ "pendingNotification": "MAA=" })).unwrap();
    for octets in [notification, Vec::new(), b"{}".to_vec(), vec![0xA2, 3, 0xBF, 0x40, 0], vec![0xA3, 0]] {
        let (answer, body) = house.asn1_raw(octets.clone()).await;
        assert_eq!((answer.http, body.len()), (400, 0), "{octets:02X?}");
        assert!(answer.headers["x-admin-protocol"].starts_with("gsma/rsp/v2."));
    }
}

/// What names its function is answered by it; a signature of another form is one that does not verify.
#[tokio::test]
async fn a_request_that_cannot_be_read_gets_its_functions_error() {
    let house = House::new().await;
    for tag in [0xBF39, 0xBF3B, 0xBF3A, 0xBF41] {
        for content in [&[][..], &[0x80, 0], &[0x80, 1, 1], &[0x30, 0x80, 0, 0], &[0xFF]] {
            let (answer, body) = house.asn1_raw(tlv::write(0xA2, &tlv::write(tag, content))).await;
            let error = tlv::write(0xA2, &tlv::write(tag, &[0x81, 1, 127]));
            assert_eq!((answer.http, body), (200, error), "{tag:X} {content:02X?}");
        }
    }
    let mut scene = Scene::released().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let short = changed(&request, "authenticateServerResponse", shorten_signature);
    let answer = in_asn1(scene.house.es9(AUTHENTICATE_CLIENT, &short)).await;
    scene.refuses(&answer, "error 5").await;
    in_asn1(scene.house.es9(AUTHENTICATE_CLIENT, &request)).await.ok();
}

/// One octet less in the signature, all lengths right.
fn shorten_signature(response: &mut Vec<u8>) {
    let ok = Tlv::parse(response, 0xBF38).unwrap().child(0xA0).unwrap();
    let members: Vec<Vec<u8>> = ok
        .children()
        .unwrap()
        .iter()
        .map(|one| if one.tag == 0x5F37 { tlv::write(0x5F37, &one.value[1..]) } else { one.raw.to_vec() })
        .collect();
    *response = tlv::write(0xBF38, &tlv::write(0xA0, &members.concat()));
}

/// X.680 lets the automatic tag replace BF41, which common compilers do not: both are read.
#[tokio::test]
async fn a_cancellation_is_taken_in_either_tagging() {
    for strict in [false, true] {
        let mut scene = Scene::released().await;
        let offer = in_asn1(scene.authenticate()).await;
        let request = scene.house.cancel_request(&mut scene.card, &offer.transaction_id, 0);
        let response = octets(&request, "cancelSessionResponse");
        let response = Tlv::parse(&response, 0xBF41).unwrap();
        let automatic = tlv::write(0xA1, if strict { response.value } else { response.raw });
        let id = tlv::write(0x80, &euicc::hex::decode(&offer.transaction_id).unwrap());
        let request = tlv::write(0xA2, &tlv::nest(0xBF41, &[&id, &automatic]));
        let (_, body) = scene.house.asn1_raw(request).await;
        assert_eq!(body, [0xA2, 5, 0xBF, 0x41, 2, 0xA0, 0]);
        assert_eq!(scene.state().await, State::Error);
    }
}

/// TR-06: what a later version adds is skipped.
#[tokio::test]
async fn unknown_elements_after_the_known_ones_are_skipped() {
    let mut scene = Scene::released().await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let known = asn1::encode(AUTHENTICATE_CLIENT, &request).unwrap();
    let known = Tlv::parse(&known, 0xA2).unwrap().child(0xBF3B).unwrap().value;
    // useMatchingIdForAcr of 2.6, and something that nobody knows.
    let later = tlv::write(0xBF3B, &[known, &[0x05, 0, 0x9F, 0x55, 1, 7]].concat());
    let (answer, body) = scene.house.asn1_raw(tlv::write(0xA2, &later)).await;
    assert_eq!(answer.http, 200);
    asn1::decode(AUTHENTICATE_CLIENT, &body).map(|body| Answer { body, ..answer }.ok()).unwrap();
}

/// Every cut of one request, and every octet of its head changed: refused in HTTP or in ASN.1, and nothing moves.
async fn bears_spoiling(scene: &Scene, function: &str, request: &Value) {
    let right = asn1::encode(function, request).unwrap();
    let mut spoiled: Vec<Vec<u8>> = (0..right.len()).map(|length| right[..length].to_vec()).collect();
    for place in 0..right.len().min(48) {
        for flip in [0x01, 0x20, 0x80, 0xFF] {
            let mut changed = right.clone();
            changed[place] ^= flip;
            spoiled.push(changed);
        }
    }
    for tail in [&[0][..], &[0x05, 0], &right] {
        spoiled.push([&right[..], tail].concat());
    }
    spoiled.push([&[0xA2, 0x84, 0xFF, 0xFF, 0xFF, 0xFF][..], &right].concat());
    spoiled.push((0..2000).fold(right.clone(), |inner, _| tlv::write(0xA2, &inner)));
    for octets in spoiled {
        let (answer, body) = scene.house.asn1_raw(octets.clone()).await;
        assert!(matches!(answer.http, 200 | 204 | 400), "{function} HTTP {} {octets:02X?}", answer.http);
        if answer.http == 200 && function != INITIATE_AUTHENTICATION {
            let envelope = Tlv::parse(&body, 0xA2).unwrap();
            let refused = envelope.children().unwrap().first().unwrap().find(0x81).unwrap();
            assert!(refused.is_some(), "{function} {octets:02X?}");
        }
    }
    scene.unmoved().await;
}

/// TR-08, one session long; after all of it the right requests are served.
#[tokio::test]
async fn spoiled_envelopes_are_refused_and_change_nothing() {
    let mut scene = Scene::released().await;
    let request = scene.house.initiate_request(&mut scene.card);
    bears_spoiling(&scene, INITIATE_AUTHENTICATION, &request).await;
    let body = in_asn1(scene.house.es9(INITIATE_AUTHENTICATION, &request)).await.ok();
    let server = euicc::lpa::Authentication::read(INITIATE_AUTHENTICATION, &body).unwrap();
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    bears_spoiling(&scene, AUTHENTICATE_CLIENT, &request).await;
    let body = in_asn1(scene.house.es9(AUTHENTICATE_CLIENT, &request)).await.ok();
    let offer = Offer::read(AUTHENTICATE_CLIENT, &body).unwrap();

    scene.mark().await;
    let cancel = scene.house.cancel_request(&mut scene.card.clone(), &offer.transaction_id, 0);
    bears_spoiling(&scene, CANCEL_SESSION, &cancel).await;
    let request = scene.house.bind_request(&mut scene.card, &offer, None);
    bears_spoiling(&scene, GET_BOUND_PROFILE_PACKAGE, &request).await;
    let package = bpp(&in_asn1(scene.house.es9(GET_BOUND_PROFILE_PACKAGE, &request)).await.ok());

    scene.mark().await;
    let result = scene.card.load_bound_profile_package(&package).unwrap();
    let request = scene.house.lpa.handle_notification_request(&result);
    bears_spoiling(&scene, HANDLE_NOTIFICATION, &request).await;
    in_asn1(scene.house.deliver(&mut scene.card)).await;
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}
