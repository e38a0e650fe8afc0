//! Orders through an SM-DS that is real: CO-03, CO-06, CO-07, DS-01 to DS-03, AC-03, and what goes wrong on the way.
mod lab;

use std::time::Duration;

use ::smds::{Event, Mischief};
use lab::{Lab, confirm};
use serde_json::{Value, json};
use smdpp::mint::SMDS_ADDRESS;
use smdpp::profile::{EventStatus, Limits};
use smdpp::time::DAY_MS;
use smdpp::types::{Eid, Oid, State};

use crate::house::{ADDRESS, Answer, Wishes};
use crate::scene::CODE;

/// ConfirmOrder while the SM-DS refuses events.
pub(crate) async fn refused_by_an_smds() -> Answer {
    let lab = Lab::new().await;
    lab.download_order().await;
    lab.smds.mischief(Some(Mischief::Fail("8.9", "4.2")));
    lab.confirm(json!({})).await
}

/// CO-03, DS-01: the SM-DS knows who called by its certificate, and where the LPA shall go.
#[tokio::test]
async fn an_order_that_is_released_is_an_event_at_the_smds_with_its_matching_id() {
    for own in [None, Some("OWN-EVENT-1")] {
        let lab = Lab::new().await;
        let more = own.map_or(json!({}), |own| json!({ "matchingId": own }));
        let id = lab.released(more).await;
        assert!(own.is_none_or(|own| own == id));
        let event = Event {
            owner: Oid::parse("2.999.10").unwrap(),
            eid: Eid::parse(&lab.house.eid(0)).unwrap(),
            event_id: id,
            rsp_server_address: ADDRESS.to_owned(),
        };
        assert_eq!(lab.smds.events(), [event]);
        assert_eq!(lab.status().await, Some(EventStatus::Registered));
        lab.house.verify_trail().await;
    }
}

/// CO-03, RP-01.
#[tokio::test]
async fn an_order_that_is_kept_is_an_event_once_it_is_released() {
    let lab = Lab::new().await;
    lab.download_order().await;
    let body = lab.confirm(json!({ "releaseFlag": false })).await.ok();
    assert_eq!((lab.state().await, lab.smds.events().len()), (State::Confirmed, 0));
    assert_eq!(lab.confirm(json!({ "releaseFlag": false })).await.ok(), body);
    assert_eq!(lab.smds.events().len(), 0);
    lab.release().await.ok();
    assert_eq!(lab.state().await, State::Released);
    assert_eq!(lab.event_ids(), [body["matchingId"].as_str().unwrap()]);
    // 5.3.4: released already is success, and no second event.
    lab.release().await.ok();
    assert_eq!(lab.event_ids().len(), 1);
}

/// CO-04 through an SM-DS.
#[tokio::test]
async fn the_same_confirmation_again_makes_no_second_event() {
    let lab = Lab::new().await;
    let id = lab.released(json!({})).await;
    for more in [json!({}), json!({ "matchingId": id })] {
        assert_eq!(lab.confirm(more).await.ok()["matchingId"], json!(id));
    }
    assert_eq!(lab.event_ids(), [id]);
    let elsewhere = json!({ "smdsAddress": "closed.example.com" });
    assert_eq!(lab.confirm(elsewhere).await.verdict(), "8.2.1/3.3");
}

/// CO-07, CO-09 (d), and an address that is none.
#[tokio::test]
async fn what_an_smds_needs_is_asked_before_it_is_called() {
    let lab = Lab::new().await;
    lab.house.es2("downloadOrder", "acme", json!({ "iccid": lab.iccid })).await.ok();
    let before = lab.house.profile(&lab.iccid).await;
    let eid = lab.house.eid(0);
    for (more, verdict) in [
        (json!({}), "8.1.1/2.2"),
        (json!({ "eid": eid, "matchingId": "" }), "8.2.6/2.1"),
        (json!({ "eid": eid, "smdsAddress": "not a name" }), "8.9/5.1"),
        (json!({ "eid": eid, "smdsAddress": "smds.example.com:443" }), "8.9/5.1"),
    ] {
        assert_eq!(lab.confirm(more.clone()).await.verdict(), verdict, "{more}");
    }
    assert_eq!(lab.house.profile(&lab.iccid).await, before);
    assert_eq!(lab.smds.events(), []);
    let body = lab.confirm(json!({ "eid": eid })).await.ok();
    assert_eq!(body["eid"], json!(eid));
}

/// CO-06, DS-03: not released, and the order as it was; ReleaseProfile alike.
#[tokio::test]
async fn an_smds_that_cannot_be_reached_or_refuses_releases_nothing() {
    for (address, mischief, verdict) in [
        ("unresolvable.example.com", None, "8.9/5.1"),
        ("closed.example.com", None, "8.9/5.1"),
        ("impostor.example.com", None, "8.9/5.1"),
        ("untrusted.example.com", None, "8.9/5.1"),
        ("unfit.example.com", None, "8.9/5.1"),
        (SMDS_ADDRESS, Some(Mischief::Fail("8.9.5", "3.3")), "8.9/4.2"),
        (SMDS_ADDRESS, Some(Mischief::Fail("8.9", "5.1")), "8.9/4.2"),
        (SMDS_ADDRESS, Some(Mischief::Fail("8.9", "4.2")), "8.9/4.2"),
    ] {
        let lab = Lab::new().await;
        lab.smds.mischief(mischief);
        lab.download_order().await;
        let before = lab.house.profile(&lab.iccid).await;
        let answer = lab.confirm(json!({ "smdsAddress": address })).await;
        assert_eq!(answer.verdict(), verdict, "{address} {mischief:?}");
        assert_eq!(lab.house.profile(&lab.iccid).await, before, "{address}");

        let kept = json!({ "smdsAddress": address, "releaseFlag": false });
        lab.confirm(kept).await.ok();
        let before = lab.house.profile(&lab.iccid).await;
        assert_eq!(lab.release().await.verdict(), verdict, "{address}");
        assert_eq!(lab.house.profile(&lab.iccid).await, before, "{address}");
        assert_eq!(lab.smds.events(), []);
        lab.house.verify_trail().await;
    }
}

/// DS-03 (c): HTTP 500. The order can be confirmed by the same call when the SM-DS is well again.
#[tokio::test]
async fn an_smds_that_answers_500_or_loses_its_answer_is_asked_again_for_the_same_event() {
    for mischief in [Mischief::Http500, Mischief::LoseAnswers, Mischief::Hang] {
        let lab = Lab::new().await;
        lab.download_order().await;
        lab.smds.mischief(Some(mischief));
        assert_eq!(lab.confirm(json!({})).await.verdict(), "8.9/5.1");
        assert_eq!(lab.state().await, State::Linked);
        let there = lab.event_ids();
        assert_eq!(there.len(), usize::from(mischief != Mischief::Http500));

        lab.smds.mischief(None);
        let id = lab.confirm(json!({})).await.ok()["matchingId"].as_str().unwrap().to_owned();
        assert_eq!(lab.state().await, State::Released);
        assert_eq!(lab.event_ids(), [id]);
        assert!(there.is_empty() || there == lab.event_ids());
        lab.house.verify_trail().await;
    }
}

/// The order goes on without that SM-DS: what it may have is deleted.
#[tokio::test]
async fn an_event_that_may_be_there_is_deleted_when_the_order_goes_another_way() {
    let ways: [fn(&str) -> Value; 3] = [
        |_| json!({ "smdsAddress": null }),
        |_| json!({ "matchingId": "ANOTHER-ID" }),
        |_| json!({ "releaseFlag": false, "smdsAddress": "closed.example.com" }),
    ];
    for way in ways {
        let lab = Lab::new().await;
        lab.download_order().await;
        lab.smds.mischief(Some(Mischief::LoseAnswers));
        assert_eq!(lab.confirm(json!({})).await.verdict(), "8.9/5.1");
        let [lost] = lab.event_ids().try_into().unwrap();
        lab.smds.mischief(None);
        let id = lab.confirm(way(&lost)).await.ok()["matchingId"].as_str().unwrap().to_owned();
        assert_ne!(id, lost);
        for _ in 0..500 {
            if !lab.event_ids().contains(&lost) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!lab.event_ids().contains(&lost));
        lab.house.verify_trail().await;
    }
}

/// Two identical calls at once: one event, and both hear of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn identical_confirmations_at_once_make_one_event_and_all_succeed() {
    for own in [json!({}), json!({ "matchingId": "SAME-FOR-ALL" })] {
        for _ in 0..8 {
            let lab = Lab::new().await;
            lab.download_order().await;
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..4 {
                let (house, iccid, own) = (lab.house.clone(), lab.iccid.clone(), own.clone());
                calls.spawn(async move { confirm(&house, &iccid, own).await.ok()["matchingId"].clone() });
            }
            let ids = calls.join_all().await;
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(lab.event_ids(), [ids[0].as_str().unwrap()]);
            assert_eq!(lab.state().await, State::Released);
            lab.house.verify_trail().await;
        }
    }
}

/// CancelOrder while the SM-DS is being told: no event is left behind, whoever is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_that_is_cancelled_while_the_smds_is_told_leaves_no_event() {
    for wait_ms in [0, 1, 2, 4, 8, 16] {
        let lab = Lab::new().await;
        lab.download_order().await;
        let (house, iccid) = (lab.house.clone(), lab.iccid.clone());
        let confirming =
            tokio::spawn(async move { confirm(&house, &iccid, json!({ "matchingId": "M-1" })).await });
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let cancelled = loop {
            let answer = lab.cancel(if lab.state().await == State::Released { "M-1" } else { "" }).await;
            if answer.verdict() == "ok" {
                break answer;
            }
        };
        cancelled.ok();
        confirming.await.unwrap();
        assert_eq!(lab.state().await, State::Available);
        lab.forgotten().await;
        lab.house.verify_trail().await;
    }
}

/// The server ends while the SM-DS does not answer: the note stays, and the same call goes on from there.
#[tokio::test]
async fn a_confirmation_that_was_cut_off_is_completed_by_its_repetition() {
    for releasing in [false, true] {
        let lab = Lab::new().await;
        lab.download_order().await;
        if releasing {
            lab.confirm(json!({ "releaseFlag": false })).await.ok();
        }
        lab.smds.mischief(Some(Mischief::Hang));
        let call = async { if releasing { lab.release().await } else { lab.confirm(json!({})).await } };
        // Dropping the call is what the end of the process does to it.
        tokio::time::timeout(Duration::from_millis(700), call).await.unwrap_err();
        assert_eq!(lab.state().await, if releasing { State::Confirmed } else { State::Linked });
        assert_eq!(lab.status().await, Some(EventStatus::Pending { calls: 1 }));
        let there = lab.event_ids();
        assert_eq!(there.len(), 1);

        lab.smds.mischief(None);
        if releasing {
            lab.release().await.ok();
        } else {
            assert_eq!(lab.confirm(json!({})).await.ok()["matchingId"], json!(there[0]));
        }
        assert_eq!((lab.state().await, lab.event_ids()), (State::Released, there));
        lab.house.verify_trail().await;
    }
}

/// 3.6.1.1, XO-01: neither for the next order on the Profile nor for another Profile, with or without SM-DS.
#[tokio::test]
async fn an_event_id_is_never_used_for_another_order() {
    let lab = Lab::new().await;
    lab.released(json!({ "matchingId": "ONCE" })).await;
    lab.cancel("ONCE").await.ok();
    lab.forgotten().await;
    lab.download_order().await;
    let (other, _) = lab.house.stock(2).await;
    let request = json!({ "iccid": other, "eid": lab.house.eid(1) });
    lab.house.es2("downloadOrder", "acme", request).await.ok();
    for iccid in [&lab.iccid, &other] {
        for smds in [json!(SMDS_ADDRESS), Value::Null] {
            let again = json!({ "matchingId": "ONCE", "smdsAddress": smds });
            assert_eq!(confirm(&lab.house, iccid, again).await.verdict(), "8.2.6/3.3");
        }
    }
    assert_ne!(lab.confirm(json!({})).await.ok()["matchingId"], json!("ONCE"));
}

/// DS-02 (a), AC-03, AC-06 (b), AC-07 (a): by EventID, and without one.
#[tokio::test]
async fn an_event_is_gone_after_the_installation() {
    for (code, named) in [(None, Some(true)), (Some(CODE), Some(true)), (None, None), (None, Some(false))] {
        let lab = Lab::new().await;
        let id = lab.released(code.map_or(json!({}), |code| json!({ "confirmationCode": code }))).await;
        let mut card = lab.house.card(0);
        let sent = named.map(|named| if named { id.as_str() } else { "" });
        let offer = lab.house.authenticate(&mut card, sent).await;
        let request = lab.house.bind_request(&mut card, &offer, code);
        let body = lab.house.es9("getBoundProfilePackage", &request).await.ok();
        assert_eq!(lab.event_ids().len(), 1, "a package on its way is no installation");
        card.load_bound_profile_package(&crate::house::bpp(&body)).unwrap();
        lab.house.deliver(&mut card).await;
        assert_eq!(lab.state().await, State::Installed);
        lab.forgotten().await;
    }
}

/// AE-12 (c), AE-14 (b).
#[tokio::test]
async fn an_event_is_for_its_eid_and_no_other_matching_id() {
    let lab = Lab::new().await;
    let id = lab.released(json!({})).await;
    for (n, sent, verdict) in [(0, "OTHER", "8.2.6/3.8"), (1, id.as_str(), "8.1.1/3.8")] {
        let mut card = lab.house.card(n);
        assert_eq!(lab.house.try_authenticate(&mut card, Some(sent)).await.verdict(), verdict);
    }
}

/// DS-02 (b, c), CS-07: the order is over, and so is its event; (d): that it is not there is as good.
#[tokio::test]
async fn whatever_ends_the_order_ends_its_event() {
    let limits = Limits { download_attempts_max: 1, confirmation_code_attempts_max: 1 };
    for end in ["reject", "cancel", "attempts", "codes", "expiry", "not there"] {
        let wishes = Wishes { limits, order_ms: Some(DAY_MS), ..Wishes::default() };
        let lab = Lab::with(wishes).await;
        let id = lab.released(json!({ "confirmationCode": CODE })).await;
        let mut card = lab.house.card(0);
        match end {
            "reject" => {
                let offer = lab.house.authenticate(&mut card, Some(&id)).await;
                let request = lab.house.cancel_request(&mut card, &offer.transaction_id, 0);
                lab.house.es9("cancelSession", &request).await.ok();
            }
            "cancel" => drop(lab.cancel(&id).await.ok()),
            "attempts" => {
                lab.house.authenticate(&mut card, Some(&id)).await;
                let answer = lab.house.try_authenticate(&mut card, Some(&id)).await;
                assert_eq!(answer.verdict(), "8.8.5/6.4");
            }
            "codes" => {
                let offer = lab.house.authenticate(&mut card, Some(&id)).await;
                for (wrong, verdict) in [("wrong", "8.2.7/3.8"), ("again", "8.2.7/6.4")] {
                    let request = lab.house.bind_request(&mut card, &offer, Some(wrong));
                    let answer = lab.house.es9("getBoundProfilePackage", &request).await;
                    assert_eq!(answer.verdict(), verdict);
                }
            }
            "expiry" => {
                lab.house.advance_ms(2 * DAY_MS);
                let answer = lab.house.try_authenticate(&mut card, Some(&id)).await;
                assert_eq!(answer.verdict(), "8.8.5/4.10");
            }
            _ => {
                lab.smds.mischief(Some(Mischief::Fail("8.9.5", "3.9")));
                lab.cancel(&id).await.ok();
                let waiting =
                    || async { lab.house.store.reader().errand_heads(lab.house.now()).await.unwrap() };
                while !waiting().await.is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                continue;
            }
        }
        assert!(matches!(lab.state().await, State::Error | State::Available), "{end}");
        lab.forgotten().await;
        lab.house.verify_trail().await;
    }
}

/// The SM-DS is away when the order ends: the operator hears nothing of it, and the event waits in the outbox.
#[tokio::test]
async fn an_smds_that_is_away_does_not_hold_up_the_end_of_an_order() {
    let lab = Lab::new().await;
    let id = lab.released(json!({})).await;
    lab.smds.mischief(Some(Mischief::Http500));
    lab.cancel(&id).await.ok();
    assert_eq!(lab.state().await, State::Available);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let waiting = lab.house.store.reader().errands(None, 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(!format!("{:?}", waiting[0].receiver).contains(&id));
    lab.smds.mischief(None);
    lab.house.advance_ms(DAY_MS / 2);
    lab.forgotten().await;
}

/// An SM-DS that fails over one event is asked about the others all the same.
#[tokio::test]
async fn an_event_that_an_smds_cannot_delete_does_not_hold_up_the_others() {
    let lab = Lab::new().await;
    let (other, _) = lab.house.stock(2).await;
    lab.released(json!({ "matchingId": "FIRST" })).await;
    let eid = lab.house.eid(0);
    lab.house.es2("downloadOrder", "acme", json!({ "iccid": other, "eid": eid })).await.ok();
    confirm(&lab.house, &other, json!({ "matchingId": "SECOND" })).await.ok();
    lab.smds.mischief(Some(Mischief::Http500));
    lab.cancel("FIRST").await.ok();
    let request = json!({ "iccid": other, "eid": eid, "matchingId": "SECOND", "finalProfileStatusIndicator": "Available" });
    lab.house.es2("cancelOrder", "acme", request).await.ok();
    let mut tries = Vec::new();
    for _ in 0..500 {
        let waiting = lab.house.store.reader().errands(None, 10).await.unwrap();
        tries = waiting.iter().map(|errand| errand.tries).collect();
        if tries.iter().all(|tries| *tries > 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(tries, [1, 1]);
    lab.smds.mischief(None);
    lab.house.advance_ms(DAY_MS / 2);
    lab.forgotten().await;
}

/// The operator never heard of a release: it names in CancelOrder what it named in ConfirmOrder.
#[tokio::test]
async fn an_order_that_failed_at_the_smds_is_cancelled_under_the_names_that_it_was_given() {
    let lab = Lab::new().await;
    lab.house.es2("downloadOrder", "acme", json!({ "iccid": lab.iccid })).await.ok();
    lab.smds.mischief(Some(Mischief::LoseAnswers));
    let names = json!({ "matchingId": "MINE", "eid": lab.house.eid(0) });
    assert_eq!(lab.confirm(names).await.verdict(), "8.9/5.1");
    lab.smds.mischief(None);
    assert_eq!(lab.cancel("ANOTHER").await.verdict(), "8.2.6/3.10");
    lab.cancel("MINE").await.ok();
    assert_eq!(lab.state().await, State::Available);
    lab.forgotten().await;
    lab.house.verify_trail().await;
}

/// The order left an event and came back to it: its deletion waits until it is known whether the order has it.
#[tokio::test]
async fn a_deletion_waits_while_the_order_is_coming_back_to_the_event() {
    let lab = Lab::new().await;
    lab.download_order().await;
    let first = json!({ "matchingId": "FIRST" });
    lab.smds.mischief(Some(Mischief::LoseAnswers));
    assert_eq!(lab.confirm(first.clone()).await.verdict(), "8.9/5.1");
    lab.smds.mischief(Some(Mischief::Http500));
    assert_eq!(lab.confirm(json!({ "matchingId": "SECOND" })).await.verdict(), "8.9/5.1");
    assert_eq!(lab.confirm(first.clone()).await.verdict(), "8.9/5.1");
    assert_eq!(lab.status().await, Some(EventStatus::Pending { calls: 1 }));
    lab.smds.mischief(None);
    lab.house.advance_ms(DAY_MS / 4);
    let errors = async || {
        let waiting = lab.house.store.reader().errands(None, 10).await.unwrap();
        waiting.into_iter().map(|errand| errand.last_error.unwrap_or_default()).collect::<Vec<_>>()
    };
    for _ in 0..500 {
        if matches!(errors().await.as_slice(), [one] if one.contains("telling the SM-DS")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(errors().await.concat().contains("telling the SM-DS"));
    lab.confirm(json!({ "smdsAddress": null })).await.ok();
    lab.house.advance_ms(DAY_MS / 4);
    lab.forgotten().await;
    lab.house.verify_trail().await;
}
