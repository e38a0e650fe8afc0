//! Every code in `StatusCode::ALL` can be provoked through a door: one provocation for each, so that none is dead.
use std::collections::BTreeSet;

use euicc::{Card, Fault, Faults};
use serde_json::{Value, json};
use smdpp::asn1::Pprs;
use smdpp::mint::{Overrides, Press, issue_ci, issue_euicc, issue_eum};
use smdpp::profile::Limits;
use smdpp::random::SeededRandom;
use smdpp::time::{DAY_MS, Timestamp};
use smdpp::types::{Oid, StatusCode};

use crate::house::{Answer, House, TYPE, Wishes, eid};
use crate::scene::{CODE, Scene, faulty, with, without};
use crate::smds::refused_by_an_smds;

#[tokio::test]
async fn every_code_is_provoked_and_none_is_dead() {
    let mut seen = BTreeSet::new();
    for status in StatusCode::ALL {
        let wanted = format!("{}/{}", status.subject, status.reason);
        let answer = provoke(*status).await;
        assert_eq!(answer.code(), wanted, "{}", answer.body);
        let data = answer.body.pointer("/header/functionExecutionStatus/statusCodeData").unwrap();
        // A wrong code tells the tries that are left, too.
        let left = StatusCode::confirmation_code_refused(2);
        let message = if left.is(*status) { left.message } else { status.message };
        assert_eq!(data["message"], json!(message));
        assert!(seen.insert(wanted), "two constants for {}/{}", status.subject, status.reason);
    }
    assert_eq!(seen.len(), StatusCode::ALL.len());
}

/// One provocation for each constant.
pub(crate) async fn provoke(status: StatusCode) -> Answer {
    if let Some(answer) = general(status).await {
        return answer;
    }
    if let Some(answer) = order(status).await {
        return answer;
    }
    if let Some(answer) = confirmation(status).await {
        return answer;
    }
    if let Some(answer) = initiate(status).await {
        return answer;
    }
    if let Some(answer) = certificates(status).await {
        return answer;
    }
    if let Some(answer) = claim(status).await {
        return answer;
    }
    session(status).await.unwrap_or_else(|| panic!("nothing provokes {status:?}: is it dead?"))
}

async fn general(status: StatusCode) -> Option<Answer> {
    let scene = Scene::released().await;
    let order = json!({ "iccid": scene.iccid });
    let (operator, order) = match status {
        StatusCode::PARAMETER_INVALID => ("acme", with(&order, "eid", json!("123"))),
        StatusCode::PARAMETER_MISSING => ("acme", with(&order, "header", json!({}))),
        StatusCode::CONDITIONAL_MISSING => ("acme", without(&order, "iccid")),
        StatusCode::REQUESTER_UNKNOWN => ("nobody", order),
        _ => return None,
    };
    Some(scene.house.es2("downloadOrder", operator, order).await)
}

/// DownloadOrder, ReleaseProfile, CancelOrder; the order has an EID and a MatchingID.
async fn order(status: StatusCode) -> Option<Answer> {
    let ours = smdpp::mint::nth_eid(0).unwrap().to_string();
    let scene = Scene::with(Wishes::default(), json!({ "eid": ours })).await;
    let iccid = json!(scene.iccid);
    let cancel = json!({
        "iccid": iccid, "eid": ours, "matchingId": scene.id, "finalProfileStatusIndicator": "Available"
    });
    let (function, operator, request) = match status {
        StatusCode::ICCID_UNKNOWN => ("downloadOrder", "acme", json!({ "iccid": "8900000000000000000" })),
        StatusCode::ICCID_NOT_ALLOWED => ("downloadOrder", "beta", json!({ "iccid": iccid })),
        StatusCode::ICCID_IN_USE => ("downloadOrder", "acme", json!({ "iccid": iccid })),
        StatusCode::PROFILE_TYPE_UNKNOWN => ("downloadOrder", "acme", json!({ "profileType": "NONE" })),
        StatusCode::PROFILE_TYPE_NOT_ALLOWED => ("downloadOrder", "beta", json!({ "profileType": TYPE })),
        StatusCode::PROFILE_TYPE_EMPTY => ("downloadOrder", "acme", json!({ "profileType": TYPE })),
        StatusCode::PROFILE_TYPE_MISMATCH => {
            ("downloadOrder", "acme", json!({ "iccid": iccid, "profileType": "NONE" }))
        }
        StatusCode::ICCID_WRONG_STATE => {
            scene.house.es2("cancelOrder", "acme", cancel).await.ok();
            ("releaseProfile", "acme", json!({ "iccid": iccid }))
        }
        StatusCode::ICCID_OTHER_EID => {
            ("cancelOrder", "acme", with(&cancel, "eid", json!(scene.house.eid(1))))
        }
        StatusCode::EID_LEFT_OUT => ("cancelOrder", "acme", without(&cancel, "eid")),
        StatusCode::MATCHING_ID_MISSING => ("cancelOrder", "acme", without(&cancel, "matchingId")),
        StatusCode::MATCHING_ID_MISMATCH => {
            ("cancelOrder", "acme", with(&cancel, "matchingId", json!("OTHER")))
        }
        _ => return None,
    };
    Some(scene.house.es2(function, operator, request).await)
}

/// ConfirmOrder.
async fn confirmation(status: StatusCode) -> Option<Answer> {
    let scene = Scene::released().await;
    let (iccid, _) = scene.house.stock(2).await;
    let eid = scene.house.eid(0);
    let mut order = json!({ "iccid": iccid });
    let more: Value = match status {
        StatusCode::MATCHING_ID_INVALID => json!({ "matchingId": "lower" }),
        StatusCode::MATCHING_ID_IN_USE => json!({ "matchingId": scene.id }),
        StatusCode::EID_MISSING => json!({ "matchingId": "" }),
        StatusCode::SMDS_REFUSED => return Some(refused_by_an_smds().await),
        StatusCode::SMDS_INACCESSIBLE => json!({ "eid": eid, "smdsAddress": "smds.example.com" }),
        StatusCode::EID_MISMATCH => {
            order["eid"] = json!(scene.house.eid(1));
            json!({ "eid": eid })
        }
        _ => return None,
    };
    scene.house.es2("downloadOrder", "acme", order).await.ok();
    let mut confirm = json!({ "iccid": iccid, "releaseFlag": true });
    confirm.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Some(scene.house.es2("confirmOrder", "acme", confirm).await)
}

/// InitiateAuthentication.
async fn initiate(status: StatusCode) -> Option<Answer> {
    let house = House::new().await;
    let mut card = house.card(0);
    match status {
        StatusCode::ADDRESS_REFUSED => {}
        StatusCode::SECURITY_UNSUPPORTED => card.info.ci_for_signing = Some(vec![]),
        StatusCode::CERTIFICATE_UNAVAILABLE => card.info.ci_for_verification = Some(vec![]),
        StatusCode::SVN_UNSUPPORTED => card.info.svn = [3, 0, 0],
        _ => return None,
    }
    let request = house.initiate_request(&mut card);
    let address =
        if status == StatusCode::ADDRESS_REFUSED { "other.example.com" } else { house.lpa.address() };
    Some(house.es9("initiateAuthentication", &with(&request, "smdpAddress", json!(address))).await)
}

/// AuthenticateClient with certificates that are not right.
async fn certificates(status: StatusCode) -> Option<Answer> {
    let scene = Scene::released().await;
    let (right, now) = (Overrides::default(), scene.house.now());
    let odd = Overrides { policy: Some(Oid::parse("2.999.1").unwrap()), ..right.clone() };
    let old = Overrides {
        not_before: Some(now.plus_ms(-9 * DAY_MS)),
        not_after: Some(now.plus_ms(-8 * DAY_MS)),
        ..right.clone()
    };
    let (foreign, eum, euicc) = match status {
        StatusCode::CI_UNKNOWN => (true, &right, &right),
        StatusCode::EUM_CERTIFICATE_INVALID => (false, &odd, &right),
        StatusCode::EUM_CERTIFICATE_EXPIRED => (false, &old, &right),
        StatusCode::EUICC_CERTIFICATE_INVALID => (false, &right, &odd),
        StatusCode::EUICC_CERTIFICATE_EXPIRED => (false, &right, &old),
        _ => return None,
    };
    let mut card = minted(&scene.house, now, foreign, eum, euicc);
    Some(scene.house.try_authenticate(&mut card, Some(&scene.id)).await)
}

fn minted(house: &House, now: Timestamp, foreign: bool, eum: &Overrides, euicc: &Overrides) -> Card {
    let random = SeededRandom::new(77);
    let press = Press::new(now, &random);
    let other = issue_ci(press, &Overrides::default()).unwrap();
    let ci = if foreign { &other } else { &house.pki.ci };
    let eum = issue_eum(press, ci, eum).unwrap();
    let euicc = issue_euicc(press, &eum, &eid(&house.eid(0)), euicc).unwrap();
    house.card_of(&euicc, &euicc.der, &eum.der)
}

/// AuthenticateClient with right certificates.
async fn claim(status: StatusCode) -> Option<Answer> {
    let limits = Limits { download_attempts_max: 0, confirmation_code_attempts_max: 3 };
    let (wishes, confirm) = match status {
        StatusCode::ATTEMPTS_EXCEEDED => (Wishes { limits, ..Wishes::default() }, json!({})),
        StatusCode::ORDER_EXPIRED => (Wishes { order_ms: Some(1000), ..Wishes::default() }, json!({})),
        StatusCode::PROFILE_NOT_RELEASED => (Wishes::default(), json!({ "releaseFlag": false })),
        _ => (Wishes::default(), json!({})),
    };
    let mut scene = Scene::with(wishes, confirm).await;
    match status {
        StatusCode::ATTEMPTS_EXCEEDED | StatusCode::PROFILE_NOT_RELEASED => {}
        StatusCode::ORDER_EXPIRED => scene.house.advance_ms(1000),
        StatusCode::EUICC_VERIFICATION_FAILED => scene.card.faults = faulty(Fault::Signature1Bad),
        StatusCode::TRANSACTION_UNKNOWN => scene.card.faults = faulty(Fault::TransactionIdWrong1),
        StatusCode::EUICC_REFUSED => scene.card.faults = faulty(Fault::AuthenticateError),
        StatusCode::EUICC_MEMORY => scene.card.info.free_memory_bytes = 1,
        StatusCode::MATCHING_ID_REFUSED => scene.id = "OTHER".to_owned(),
        StatusCode::EID_REFUSED => scene.id = String::new(),
        StatusCode::NOT_ELIGIBLE => {
            let pprs = Pprs { ppr1: true, ppr2: false };
            let (iccid, _) = scene.house.stock_as(2, "acme", TYPE, pprs, None).await;
            scene.id = scene.house.order(&iccid, json!({})).await;
            scene.card.info.forbidden_pprs = 0x40;
        }
        _ => return None,
    }
    Some(scene.try_authenticate().await)
}

/// GetBoundProfilePackage and CancelSession.
async fn session(status: StatusCode) -> Option<Answer> {
    let limits = Limits { download_attempts_max: 3, confirmation_code_attempts_max: 0 };
    let wishes = match status {
        StatusCode::CONFIRMATION_CODE_EXCEEDED => Wishes { limits, ..Wishes::default() },
        _ => Wishes::default(),
    };
    let mut scene = Scene::with(wishes, json!({ "confirmationCode": CODE })).await;
    let offer = scene.authenticate().await;
    match status {
        StatusCode::CONFIRMATION_CODE_MISSING => scene.card.faults = faulty(Fault::HashCcMissing),
        StatusCode::CONFIRMATION_CODE_REFUSED => scene.card.faults = faulty(Fault::HashCcWrong),
        StatusCode::CONFIRMATION_CODE_EXCEEDED => {}
        StatusCode::BPP_NOT_LOADED => scene.card.faults = Faults::none().with(Fault::DownloadError),
        StatusCode::PROFILE_UNAVAILABLE => {
            let cancel = json!({
                "iccid": scene.iccid, "matchingId": scene.id, "finalProfileStatusIndicator": "Available"
            });
            scene.house.es2("cancelOrder", "acme", cancel).await.ok();
        }
        StatusCode::SMDP_OID_MISMATCH => {
            scene.card.faults = faulty(Fault::CancelOidWrong);
            return Some(scene.try_cancel(&offer, 0).await);
        }
        _ => return None,
    }
    Some(scene.try_bind(&offer, Some(CODE)).await)
}
