//! CancelSession (5.6.5), and whole sessions on the other curve (2.6.6, 2.6.7.1): cases CS and BR.
use euicc::card::cancel::reason;
use euicc::lpa::{LpaConfig, Offer};
use euicc::{Fault, Faults};
use serde_json::{Value, json};
use smdpp::server::Limits;
use smdpp::types::State;

use crate::begin;
use crate::case::{Case, case};
use crate::es12;
use crate::house::Wishes;
use crate::notification::life;
use crate::office::{Office, is_whole};
use crate::scene::{Scene, faulty, with};
use crate::sockets;

const FUNCTION: &str = "cancelSession";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        reasons_of_a_user(),
        reasons_after_a_package(),
        transactions(),
        case("CS-04", "a signature that does not verify", "T46", "4.3.16.2.1 #08; 4.3.16.2.2 #10")
            .part("1", "after AuthenticateClient", "8.1/6.1, the order not ended; then OK", || {
                doubted(false, faulty(Fault::CancelSignatureBad), "8.1/6.1")
            })
            .part("2", "after GetBoundProfilePackage", "8.1/6.1, the order not ended; then OK", || {
                doubted(true, faulty(Fault::CancelSignatureBad), "8.1/6.1")
            }),
        case("CS-05", "an smdpOid that is not ours", "T46", "4.3.16.2.1 #09; 4.3.16.2.2 #11")
            .part("1", "after AuthenticateClient", "8.8/3.10; then OK", || {
                doubted(false, faulty(Fault::CancelOidWrong), "8.8/3.10")
            })
            .part("2", "after GetBoundProfilePackage", "8.8/3.10; then OK", || {
                doubted(true, faulty(Fault::CancelOidWrong), "8.8/3.10")
            }),
        case("CS-06", "not now", "3.1.3.1 step 5 (v2.5), 5.3.5 NOTE", "")
            .part(
                "1",
                "postponed(1)",
                "state Released; a new session downloads; the operator hears of that alone",
                || not_now(reason::POSTPONED),
            )
            .part("2", "timeout(2)", "the same", || not_now(reason::TIMEOUT)),
        terminal(),
        out_of_order(),
        brainpool(),
    ]
}

fn reasons_of_a_user() -> Case {
    case("CS-01", "after AuthenticateClient", "5.6.5, 6.5.2.10", "4.3.16.2.1 #01 to #05")
        .part("1", "reason 0, endUserRejection", "OK, the header alone; state Error", || cancelled(false, 0))
        .part("2", "reason 1, postponed", "OK, the header alone; state Released", || cancelled(false, 1))
        .part("3", "reason 2, timeout", "OK, the header alone; state Released", || cancelled(false, 2))
        .part("4", "reason 3, pprNotAllowed", "OK, the header alone; state Error", || cancelled(false, 3))
        .part("5", "reason 127, undefinedReason", "OK, the header alone; state Error", || {
            cancelled(false, 127)
        })
}

fn reasons_after_a_package() -> Case {
    case("CS-02", "after GetBoundProfilePackage", "5.6.5", "4.3.16.2.2 #01 to #07")
        .part("1", "reason 0, endUserRejection", "OK; state Error", || cancelled(true, 0))
        .part("2", "reason 1, postponed", "OK; state Downloaded", || cancelled(true, 1))
        .part("3", "reason 2, timeout", "OK; state Downloaded", || cancelled(true, 2))
        .part("4", "reason 3, pprNotAllowed", "OK; state Error", || cancelled(true, 3))
        .part("5", "reason 4, metadataMismatch", "OK; state Error", || cancelled(true, 4))
        .part("6", "reason 5, loadBppExecutionError", "OK; state Error", || cancelled(true, 5))
        .part("7", "reason 127, undefinedReason", "OK; state Error", || cancelled(true, 127))
}

fn transactions() -> Case {
    case(
        "CS-03",
        "a transactionId that is not this session's",
        "T46, 3.1.3.1 step 5 (v2.5)",
        "4.3.16.2.1 #06, #07; 4.3.16.2.2 #08, #09",
    )
    .part("a1", "unknown, in JSON, after AuthenticateClient", "8.10.1/3.9; then OK", || {
        unknown_in_json(false)
    })
    .part("a2", "unknown, in JSON, after GetBoundProfilePackage", "8.10.1/3.9; then OK", || {
        unknown_in_json(true)
    })
    .part("b1", "of a session that is over, signed, after AuthenticateClient", "8.10.1/3.9; then OK", || {
        unknown_in_signed(false)
    })
    .part("b2", "the same after GetBoundProfilePackage", "8.10.1/3.9; then OK", || unknown_in_signed(true))
}

fn terminal() -> Case {
    case("CS-07", "a final no", "T32b, 3.1.3.1 step 6 (v2.5); code of the next session: choice", "")
        .part("1", "endUserRejection(0)", "state Error; 8.8.5/3.8 to the operator; then 8.2.6/3.8", || {
            final_no(false, reason::END_USER_REJECTION, "1 Failed 8.8.5/3.8")
        })
        .part("2", "pprNotAllowed(3)", "state Error; 8.2.8/1.2 to the operator; then 8.2.6/3.8", || {
            final_no(false, reason::PPR_NOT_ALLOWED, "1 Failed 8.2.8/1.2")
        })
        .part("3", "metadataMismatch(4)", "state Error; 8.2.9/3.11 to the operator; then 8.2.6/3.8", || {
            final_no(true, reason::METADATA_MISMATCH, "3 Failed 8.2.9/3.11")
        })
        .part(
            "4",
            "loadBppExecutionError(5)",
            "state Error; 8.2.10/4.2 to the operator; then 8.2.6/3.8",
            || final_no(true, reason::LOAD_BPP_EXECUTION_ERROR, "3 Failed 8.2.10/4.2"),
        )
        .part("5", "undefinedReason(127)", "state Error; 8/4.2 to the operator; then 8.2.6/3.8", || {
            final_no(false, reason::UNDEFINED, "1 Failed 8/4.2")
        })
        .part(
            "6",
            "endUserRejection(0) of an order with an event",
            "state Error; DeleteEvent",
            es12::rejected,
        )
}

fn out_of_order() -> Case {
    case("CS-08", "a cancellation out of order", "T46; c to f: choice", "")
        .part("a", "twice", "OK, then 8.10.1/3.9", || afterwards(FUNCTION))
        .part("b1", "then AuthenticateClient of that session", "8.10.1/3.9", || {
            afterwards("authenticateClient")
        })
        .part("b2", "then GetBoundProfilePackage of that session", "8.10.1/3.9", || {
            afterwards("getBoundProfilePackage")
        })
        .part("c", "after the result", "8.10.1/3.9; state Installed", after_the_result)
        .part("d", "before AuthenticateClient", "8.10.1/3.9; the session goes on", too_early)
        .part("e1", "cancelSessionResponseError 5", "8.1/4.2, nothing changed; then OK", || {
            doubted(false, Faults::none().with_value(Fault::CancelError, 5), "8.1/4.2")
        })
        .part("e2", "cancelSessionResponseError 127", "8.1/4.2, nothing changed; then OK", || {
            doubted(true, Faults::none().with_value(Fault::CancelError, 127), "8.1/4.2")
        })
        .part("f", "reason 99", "OK; state Error, as 127", || cancelled(false, 99))
}

fn brainpool() -> Case {
    case(
        "BR-01",
        "all on brainpoolP256r1, TLS too",
        "2.6.6, 2.6.7.1",
        "4.3.12.2.3, 4.3.13.2.3, 4.3.14.2.5, 4.3.15.2.3, 4.3.16.2.5, 4.3.16.2.6, 4.3.17.2",
    )
    .part(
        "1",
        "a whole session, enable, disable and delete",
        "as with NIST: OK, 204; state Installed",
        brainpool_life,
    )
    .part("2", "CancelSession after AuthenticateClient", "OK; state Error", || brainpool_cancelled(false))
    .part("3", "CancelSession after GetBoundProfilePackage", "OK; state Error", || brainpool_cancelled(true))
}

/// A scene in a session: after AuthenticateClient, or after GetBoundProfilePackage too.
async fn in_session(bound: bool) -> (Scene, Offer) {
    let mut scene = begin(json!({})).await;
    let offer = if bound { scene.download().await.0 } else { scene.authenticate().await };
    scene.mark().await;
    (scene, offer)
}

const fn after(bound: bool) -> State {
    if bound { State::Downloaded } else { State::Released }
}

/// The right cancellation is taken, and ends the order.
async fn is_rejected_now(scene: &mut Scene, offer: &Offer) {
    scene.card.faults = Faults::none();
    let answer = scene.try_cancel(offer, reason::END_USER_REJECTION).await;
    assert_eq!(answer.verdict(), "ok");
    assert_eq!(scene.state().await, State::Error);
    scene.house.verify_trail().await;
}

async fn cancelled(bound: bool, reason: u8) {
    let (mut scene, offer) = in_session(bound).await;
    let body = scene.try_cancel(&offer, reason).await.ok();
    assert_eq!(body, json!({ "header": { "functionExecutionStatus": { "status": "Executed-Success" } } }));
    let postponed = matches!(reason, reason::POSTPONED | reason::TIMEOUT);
    let (state, next) = if postponed { (after(bound), "ok") } else { (State::Error, "8.2.6/3.8") };
    assert_eq!(scene.state().await, state);
    assert_eq!(scene.try_authenticate().await.verdict(), next);
    assert_eq!(scene.state().await, state);
    scene.house.verify_trail().await;
}

async fn unknown_in_json(bound: bool) {
    let (mut scene, offer) = in_session(bound).await;
    let request =
        scene.house.cancel_request(&mut scene.card.clone(), &offer.transaction_id, reason::POSTPONED);
    for id in ["00".repeat(16), "5A".to_owned()] {
        let answer = scene.house.es9(FUNCTION, &with(&request, "transactionId", json!(id))).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
    is_rejected_now(&mut scene, &offer).await;
}

/// The same eUICC cancels a session on another order; its signed answer is then shown in ours.
async fn unknown_in_signed(bound: bool) {
    let (mut scene, offer) = in_session(bound).await;
    let (other, _) = scene.house.stock(2).await;
    let id = scene.house.order(&other, json!({})).await;
    let mut card = scene.house.card(0);
    let over = scene.house.authenticate(&mut card, Some(&id)).await;
    let request = scene.house.cancel_request(&mut card, &over.transaction_id, reason::POSTPONED);
    scene.house.es9(FUNCTION, &request).await.ok();
    let forged = with(&request, "transactionId", json!(offer.transaction_id));
    let answer = scene.house.es9(FUNCTION, &forged).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
    is_rejected_now(&mut scene, &offer).await;
}

async fn doubted(bound: bool, faults: Faults, verdict: &str) {
    let (mut scene, offer) = in_session(bound).await;
    let honest = scene.card.clone();
    scene.card.faults = faults;
    let answer = scene.try_cancel(&offer, reason::END_USER_REJECTION).await;
    scene.refuses(&answer, verdict).await;
    scene.card = honest;
    is_rejected_now(&mut scene, &offer).await;
}

async fn not_now(reason: u8) {
    let (mut scene, office) = Office::scene(Wishes::default(), json!({})).await;
    let offer = scene.authenticate().await;
    scene.try_cancel(&offer, reason).await.ok();
    assert_eq!(scene.state().await, State::Released);
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
    let sessions = ["1 Executed-Success", "1 Executed-Success", "3 Executed-Success", "4 Executed-Success"];
    assert_eq!(office.says(&scene.house).await, sessions, "of the cancellation nothing");
    scene.house.verify_trail().await;
}

async fn final_no(bound: bool, reason: u8, said: &str) {
    let (mut scene, office) = Office::scene(Wishes::default(), json!({})).await;
    let offer = if bound { scene.download().await.0 } else { scene.authenticate().await };
    scene.try_cancel(&offer, reason).await.ok();
    assert_eq!(scene.state().await, State::Error);
    let told = office.told(&scene.house).await;
    is_whole(&scene.house, told.last().unwrap(), &scene.iccid, scene.card.eid());
    assert_eq!(told.last().unwrap().says(), said);
    let successes = if bound { 2 } else { 1 };
    assert_eq!(told.len(), successes + 1, "told once");
    for _ in 0..2 {
        assert_eq!(scene.try_authenticate().await.verdict(), "8.2.6/3.8");
    }
    scene.house.verify_trail().await;
}

/// A whole session with all its requests kept, then cancelled; and one of them again.
async fn afterwards(function: &str) {
    let mut scene = begin(json!({})).await;
    let server = scene.house.initiate(&mut scene.card).await;
    let authenticate = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let body = scene.house.es9("authenticateClient", &authenticate).await.ok();
    let offer = Offer::read("authenticateClient", &body).unwrap();
    let bind = scene.house.bind_request(&mut scene.card, &offer, None);
    let cancel = scene.house.cancel_request(&mut scene.card, &offer.transaction_id, reason::POSTPONED);
    scene.house.es9(FUNCTION, &cancel).await.ok();
    scene.mark().await;
    let request: &Value = match function {
        "authenticateClient" => &authenticate,
        "getBoundProfilePackage" => &bind,
        _ => &cancel,
    };
    for _ in 0..2 {
        let answer = scene.house.es9(function, request).await;
        scene.refuses(&answer, "8.10.1/3.9").await;
    }
    scene.authenticate().await;
    scene.house.verify_trail().await;
}

async fn after_the_result() {
    let mut scene = begin(json!({})).await;
    let (offer, package) = scene.download().await;
    let late = scene.house.cancel_request(
        &mut scene.card.clone(),
        &offer.transaction_id,
        reason::END_USER_REJECTION,
    );
    scene.card.load_bound_profile_package(&package).unwrap();
    scene.house.deliver(&mut scene.card).await;
    scene.mark().await;
    let answer = scene.house.es9(FUNCTION, &late).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

async fn too_early() {
    let mut scene = begin(json!({})).await;
    let server = scene.house.initiate(&mut scene.card).await;
    let request = scene.house.authenticate_request(&mut scene.card, &server, Some(&scene.id));
    let early = scene.house.cancel_request(
        &mut scene.card.clone(),
        &server.transaction_id,
        reason::END_USER_REJECTION,
    );
    let answer = scene.house.es9(FUNCTION, &early).await;
    scene.refuses(&answer, "8.10.1/3.9").await;
    scene.house.es9("authenticateClient", &request).await.ok();
    scene.house.verify_trail().await;
}

/// Phones that offer brainpoolP256r1 and nothing else, and an eUICC that has no other key.
async fn brainpool_scene() -> Scene {
    let only = |phones: &mut LpaConfig| phones.brainpool_only = true;
    let (house, _) = sockets::opened_with(Wishes::default(), Limits::default(), only).await;
    let mut scene = Scene::in_house(house, json!({})).await;
    scene.card = scene.house.brainpool_card(0);
    scene
}

async fn brainpool_life() {
    let mut scene = brainpool_scene().await;
    scene.install().await;
    assert_eq!(scene.card.trouble, None);
    assert_eq!(scene.state().await, State::Installed);
    scene.card.enable(&scene.iccid).unwrap();
    scene.card.disable(&scene.iccid).unwrap();
    scene.card.delete(&scene.iccid).unwrap();
    scene.house.deliver(&mut scene.card).await;
    let life = life(&scene.house, &scene.iccid).await;
    assert_eq!(
        life[5..],
        [
            "profile_installed",
            "notification_received",
            "notification_received",
            "notification_received",
            "notification_received"
        ]
    );
    scene.house.verify_trail().await;
}

async fn brainpool_cancelled(bound: bool) {
    let mut scene = brainpool_scene().await;
    let offer = if bound { scene.download().await.0 } else { scene.authenticate().await };
    scene.mark().await;
    is_rejected_now(&mut scene, &offer).await;
    assert_eq!(scene.try_authenticate().await.verdict(), "8.2.6/3.8");
}
