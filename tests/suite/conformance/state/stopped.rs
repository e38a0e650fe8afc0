//! A server that is killed (SIGKILL) and started again: case ST-02. A process of its own: only that can be killed.
use std::time::Duration;

use euicc::lpa::{Authentication, HANDLE_NOTIFICATION, Offer};
use euicc::{Card, Lpa};
use rig::Confirm;
use serde_json::Value;
use smdpp::types::{Iccid, State};

use crate::case::{self, Case};
use crate::program::House as Program;
use crate::scene::{CODE, octets};

pub(super) fn case() -> Case {
    case::case("ST-02", "stopped hard, and started again", "choice", "")
        .part("a", "after each call of ES2+", "order, state and MatchingID as they were", after_each_order)
        .part("b", "after AuthenticateClient", "the attempt counted; the session goes on: OK", || {
            after_a_step(false)
        })
        .part("c", "after GetBoundProfilePackage", "the same request: the same package; Installed", || {
            after_a_step(true)
        })
        .part("d", "between a result and its answer, at seven moments", "sent again: 204; one effect", || {
            within_a_result()
        })
}

fn started(profiles: u64) -> (Program, Vec<String>) {
    let (program, stock) = Program::open(1, profiles);
    (program, stock.into_iter().map(|one| one.iccid).collect())
}

/// SIGKILL; the ports are new afterwards.
fn killed(program: &mut Program) {
    program.server.kill();
    program.server.start().unwrap();
}

/// A released order with a Confirmation Code; gives its MatchingID.
async fn released(program: &Program, iccid: &str) -> String {
    let confirm = Confirm { confirmation_code: Some(CODE), ..Confirm::default() };
    program.order(&program.operator("acme"), iccid, None, confirm).await.matching_id.unwrap()
}

/// How often the Profile was installed, by the trail.
async fn installations(program: &Program, iccid: &str) -> usize {
    let iccid = Iccid::parse(iccid).unwrap();
    let life = program.eye().store.reader().trail_of(&iccid).await.unwrap();
    life.iter().filter(|entry| entry.body.contains("\"profile_installed\"")).count()
}

async fn after_each_order() {
    let (mut program, iccids) = started(1);
    let iccid = &iccids[0];
    let confirm = Confirm { confirmation_code: Some(CODE), matching_id: None, ..Confirm::default() };
    let mut told: Option<String> = None;
    for (step, state) in
        [("download", State::Allocated), ("confirm", State::Confirmed), ("release", State::Released)]
    {
        let operator = program.operator("acme");
        let answer = match step {
            "download" => operator.download_order(None, Some(iccid), None).await,
            "confirm" => operator.confirm_order(iccid, confirm).await,
            _ => operator.release_profile(iccid).await,
        };
        let answer = answer.unwrap().success().unwrap();
        told = told.or(answer.text("matchingId").map(str::to_owned));
        let before = program.eye().profile(iccid).await;
        killed(&mut program);
        assert_eq!((program.eye().profile(iccid).await, before.state()), (before.clone(), state));
    }
    let again = program.operator("acme").confirm_order(iccid, confirm).await.unwrap().success().unwrap();
    assert_eq!(again.text("matchingId").map(str::to_owned), told);
    let cancelled = program.operator("acme").cancel_order(iccid, None, told.as_deref(), "Available").await;
    cancelled.unwrap().success().unwrap();
    killed(&mut program);
    assert_eq!(program.eye().state(iccid).await, State::Available);
    released(&program, iccid).await;
    program.eye().verify_trail().await;
}

async fn authenticate(lpa: &Lpa, card: &mut Card, id: &str) -> Offer {
    let server: Authentication = lpa.initiate_authentication(card).await.unwrap();
    lpa.authenticate_client(card, &server, Some(id)).await.unwrap()
}

async fn after_a_step(bound: bool) {
    let (mut program, iccids) = started(1);
    let iccid = &iccids[0];
    let id = released(&program, iccid).await;
    let mut card = program.server.pki().first_card().unwrap();
    let offer = authenticate(&program.lpa(), &mut card, &id).await;
    let request = program.lpa().get_bound_profile_package_request(&mut card, &offer, Some(CODE)).unwrap();
    let mut package: Option<Value> = None;
    if bound {
        let body = program.lpa().succeed(&card, "getBoundProfilePackage", request.clone()).await.unwrap();
        package = Some(body);
    }
    let before = program.eye().profile(iccid).await;
    killed(&mut program);
    assert_eq!(program.eye().profile(iccid).await, before);
    assert_eq!(before.order().unwrap().download_attempts, 1);
    let body = program.lpa().succeed(&card, "getBoundProfilePackage", request).await.unwrap();
    assert!(package.is_none_or(|package| package == body));
    card.load_bound_profile_package(&octets(&body, "boundProfilePackage")).unwrap();
    program.lpa().send_notifications(&mut card).await.unwrap();
    assert_eq!(program.eye().state(iccid).await, State::Installed);
    program.eye().verify_trail().await;
}

async fn within_a_result() {
    let (mut program, iccids) = started(7);
    let mut card = program.server.pki().first_card().unwrap();
    for (wait_ms, iccid) in [0, 1, 2, 3, 5, 8, 20].into_iter().zip(&iccids) {
        let id = released(&program, iccid).await;
        let lpa = program.lpa();
        let offer = authenticate(&lpa, &mut card, &id).await;
        let package = lpa.get_bound_profile_package(&mut card, &offer, Some(CODE)).await.unwrap();
        let result = card.load_bound_profile_package(&package).unwrap();
        let request = lpa.handle_notification_request(&result);
        // Nobody hears the answer, whether it was given or not.
        let sending = tokio::spawn(async move { drop(lpa.call(HANDLE_NOTIFICATION, request).await) });
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        killed(&mut program);
        sending.await.unwrap();
        assert!(matches!(program.eye().state(iccid).await, State::Downloaded | State::Installed));
        for _ in 0..2 {
            let request = program.lpa().handle_notification_request(&result);
            assert_eq!(program.lpa().call(HANDLE_NOTIFICATION, request).await.unwrap().status, 204);
            assert_eq!(program.eye().state(iccid).await, State::Installed);
            assert_eq!(installations(&program, iccid).await, 1, "killed after {wait_ms} ms");
        }
    }
    program.eye().verify_trail().await;
}
