//! HandleNotification (5.6.4, 2.5.6, 3.5): cases HN. What can be decoded is acknowledged with 204, whatever it is worth.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::tlv::{self, Tlv};
use euicc::{Card, Fault, Faults};
use rig::operator_endpoint::ProgressCall;
use serde_json::{Value, json};
use smdpp::asn1::{NotificationAddress, NotificationEvent, NotificationEvents};
use smdpp::mint::{Overrides, Press, issue_euicc, issue_eum};
use smdpp::random::SeededRandom;
use smdpp::types::{Iccid, State};

use crate::begin;
use crate::case::{Case, case};
use crate::house::{ADDRESS, House, TYPE, Wishes, eid};
use crate::office::{Office, is_whole};
use crate::scene::{Scene, faulty};
use crate::sockets;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("HN-01", "a whole life", "3.1.3.3 steps 8 and 9 (v2.5), 3.5", "4.3.15.2.1 #01").part(
            "",
            "result of a success; then install, enable, disable, delete, with rising sequence numbers",
            "204 each; state Installed from the first on; each in the trail; points 4, 100 to 102 to the operator",
            whole_life,
        ),
        case("HN-02", "no install notification configured", "3.5", "4.3.15.2.1 #02").part(
            "",
            "result of a success, then enable",
            "204 each; state Installed; both in the trail",
            no_install_notification,
        ),
        failures(),
        case("HN-04", "what has been told before", "3.5; choice", "")
            .part("a", "each notification of a life, twice more", "204; one effect only", told_twice)
            .part(
                "b",
                "result of a success after that of a failure, one session",
                "204; state stays Error",
                success_after_failure,
            )
            .part("c", "lower sequence numbers than the last", "204; the state stays", late_numbers),
        case("HN-05", "a result of no session", "3.1.3.3 step 8 (v2.5)", "").part(
            "",
            "transactionId unknown, signed by the eUICC",
            "204; nothing changed, recorded as invalid; the right result still counts",
            || doubted_result(Fault::PirTransactionIdUnknown),
        ),
        beliefs(),
    ]
}

/// Each errorReason with a command that Table 4a allows it.
const REASONS: [(&str, &str, u64, u64); 16] = [
    ("1", "incorrectInputValues(1) in initialiseSecureChannel", 1, 0),
    ("2", "invalidSignature(2) in initialiseSecureChannel", 2, 0),
    ("3", "invalidTransactionId(3) in initialiseSecureChannel", 3, 0),
    ("4", "unsupportedCrtValues(4) in initialiseSecureChannel", 4, 0),
    ("5", "unsupportedRemoteOperationType(5) in initialiseSecureChannel", 5, 0),
    ("6", "unsupportedProfileClass(6) in storeMetadata", 6, 2),
    ("7", "scp03tStructureError(7) in configureISDP", 7, 1),
    ("8", "scp03tSecurityError(8) in replaceSessionKeys", 8, 4),
    ("9", "installFailedDueToIccidAlreadyExistsOnEuicc(9) in storeMetadata", 9, 2),
    ("10", "installFailedDueToInsufficientMemoryForProfile(10) in loadProfileElements", 10, 5),
    ("11", "installFailedDueToInterruption(11) in storeMetadata2", 11, 3),
    ("12", "installFailedDueToPEProcessingError(12) in loadProfileElements", 12, 5),
    ("13", "installFailedDueToDataMismatch(13) in loadProfileElements", 13, 5),
    ("14", "testProfileInstallFailedDueToInvalidNaaKey(14) in loadProfileElements", 14, 5),
    ("15", "pprNotAllowed(15) in storeMetadata", 15, 2),
    ("127", "installFailedDueToUnknownError(127) in loadProfileElements", 127, 5),
];

fn failures() -> Case {
    let sheet = case("HN-03", "a failed installation", "2.5.6.1, 3.1.6, Table 4a", "4.3.15.2.1 #03 to #18");
    REASONS.into_iter().fold(sheet, |sheet, (letter, stimulus, reason, command)| {
        let expected = match reason {
            10 | 11 => "204; state Downloaded, the next session OK; point 4 Failed with the result",
            _ => "204; state Error, the next session 8.2.6/3.8; point 4 Failed with the result",
        };
        sheet.part(letter, stimulus, expected, move || failed(reason, command))
    })
}

fn beliefs() -> Case {
    case("HN-06", "what cannot be believed", "6.3; choice", "")
        .part("a1", "a result whose signature is broken", "204; nothing changed; recorded as invalid", || {
            doubted_result(Fault::PirSignatureBad)
        })
        .part("a2", "enable, its signature broken", "204; nothing changed; recorded as invalid", || {
            doubted_notification(Fault::NotificationSignatureBad)
        })
        .part(
            "b1",
            "a result signed by another eUICC",
            "204; nothing changed; recorded as invalid",
            anothers_result,
        )
        .part(
            "b2",
            "enable signed by another eUICC, with its own chain",
            "204; nothing changed; recorded as invalid",
            || anothers_notification(false),
        )
        .part(
            "c",
            "enable under an EUM certificate of another policy",
            "204; nothing changed; recorded as invalid",
            || anothers_notification(true),
        )
        .part("d", "a result for another smdpOid", "204; nothing changed; recorded as invalid", || {
            doubted_result(Fault::PirOidWrong)
        })
        .part("e1", "enable of an ICCID unknown here", "204; nothing changed; recorded as invalid", || {
            other_iccid(true)
        })
        .part("e2", "enable without an ICCID", "204; nothing changed; recorded as invalid", || {
            other_iccid(false)
        })
        .part("f", "enable and delete in one", "204; nothing changed; recorded as invalid", || {
            doubted_notification(Fault::NotificationTwoEvents)
        })
}

/// The names of the events in a Profile's trail.
pub(crate) async fn life(house: &House, iccid: &str) -> Vec<String> {
    let entries = house.store.reader().trail_of(&Iccid::parse(iccid).unwrap()).await.unwrap();
    let name = |body: &str| serde_json::from_str::<Value>(body).unwrap()["event"].clone();
    entries.iter().map(|entry| name(&entry.body).as_str().unwrap().to_owned()).collect()
}

/// Delivers what the card has to tell, and gives it to deliver again.
async fn tell(house: &House, card: &mut Card) -> Vec<Vec<u8>> {
    let told: Vec<_> = card.list_notifications().iter().map(|pending| pending.bytes.clone()).collect();
    house.deliver(card).await;
    told
}

/// 204 without a body (6.3), and the Profile as it was.
async fn acknowledges(scene: &Scene, notification: &[u8]) {
    let answer = scene.house.notify(notification).await;
    assert_eq!((answer.http, &answer.body), (204, &Value::Null));
    assert!(answer.headers["x-admin-protocol"].starts_with("gsma/rsp/v2."));
    scene.unmoved().await;
}

async fn lived() -> (Scene, Office, Vec<Vec<u8>>) {
    let (mut scene, office) = Office::scene(Wishes::default(), json!({})).await;
    let (_, package) = scene.download().await;
    scene.card.load_bound_profile_package(&package).unwrap();
    let mut told = tell(&scene.house, &mut scene.card).await;
    assert_eq!((told.len(), scene.state().await), (2, State::Installed));
    scene.card.enable(&scene.iccid).unwrap();
    scene.card.disable(&scene.iccid).unwrap();
    scene.card.delete(&scene.iccid).unwrap();
    told.extend(tell(&scene.house, &mut scene.card).await);
    (scene, office, told)
}

async fn whole_life() {
    let (scene, office, told) = lived().await;
    assert_eq!(told.len(), 5);
    assert_eq!(scene.state().await, State::Installed);
    let life = life(&scene.house, &scene.iccid).await;
    assert_eq!(life[5..], [&["profile_installed"][..], &["notification_received"; 4]].concat());
    let calls = office.told(&scene.house).await;
    let success = |point: &u32| format!("{point} Executed-Success");
    let says: Vec<String> = calls.iter().map(|call| call.says()).collect();
    assert_eq!(says, [1, 3, 4, 100, 101, 102].iter().map(success).collect::<Vec<_>>());
    for call in &calls {
        is_whole(&scene.house, call, &scene.iccid, scene.card.eid());
    }
    assert_eq!(final_result(&calls[2])[2], 0xA0, "successResult");
    scene.house.verify_trail().await;
}

/// resultData: finalResult [2] of the ProfileInstallationResult.
fn final_result(call: &ProgressCall) -> Vec<u8> {
    let result = STANDARD.decode(call.text("/resultData")).unwrap();
    assert_eq!(result[0], 0xA2);
    result
}

async fn no_install_notification() {
    let house = sockets::house(Wishes::default()).await;
    let events = NotificationEvents::of(&[NotificationEvent::Enable]);
    let only = NotificationAddress { events, address: ADDRESS.to_owned() };
    let (iccid, _) =
        house.stock_with(1, "acme", TYPE, |metadata| metadata.notification_addresses = vec![only]).await;
    let id = house.order(&iccid, json!({})).await;
    let mut card = house.card(0);
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let package = house.bind(&mut card, &offer).await;
    card.load_bound_profile_package(&package).unwrap();
    assert_eq!(tell(&house, &mut card).await.len(), 1, "the result alone");
    assert_eq!(house.state(&iccid).await, State::Installed);
    card.enable(&iccid).unwrap();
    assert_eq!(tell(&house, &mut card).await.len(), 1);
    let life = life(&house, &iccid).await;
    assert_eq!(life[5..], ["profile_installed", "notification_received"]);
    house.verify_trail().await;
}

/// Once as it is, and once with simaResponse.
async fn failed(reason: u64, command: u64) {
    let faults = Faults::none().with_value(Fault::PirReason, reason).with_value(Fault::PirCommand, command);
    failed_with(faults.clone(), reason).await;
    failed_with(faults.with_value(Fault::PirElement, 4), reason).await;
}

async fn failed_with(faults: Faults, reason: u64) {
    let (mut scene, office) = Office::scene(Wishes::default(), json!({})).await;
    let (_, package) = scene.download().await;
    scene.card.faults = faults;
    let result = scene.card.load_bound_profile_package(&package).unwrap();
    let answer = scene.house.notify(&result).await;
    assert_eq!((answer.http, &answer.body), (204, &Value::Null));
    let (state, next) = match reason {
        10 | 11 => (State::Downloaded, "ok"),
        _ => (State::Error, "8.2.6/3.8"),
    };
    assert_eq!(scene.state().await, state);
    let calls = office.told(&scene.house).await;
    let says: Vec<String> = calls.iter().map(|call| call.says()).collect();
    assert_eq!(says, ["1 Executed-Success", "3 Executed-Success", "4 Failed 8.2.10/4.2"]);
    let shown = final_result(&calls[2]);
    assert!(shown[2] == 0xA1 && result.windows(shown.len()).any(|window| window == shown), "as it came");
    scene.card.faults = Faults::none();
    assert_eq!(scene.try_authenticate().await.verdict(), next);
    assert_eq!(scene.state().await, state);
    scene.house.verify_trail().await;
}

async fn told_twice() {
    let (mut scene, office, told) = lived().await;
    scene.mark().await;
    let before = (scene.house.verify_trail().await, office.told(&scene.house).await.len());
    for notification in told.iter().chain(&told) {
        acknowledges(&scene, notification).await;
    }
    assert_eq!((scene.house.verify_trail().await, office.told(&scene.house).await.len()), before);
}

async fn success_after_failure() {
    let mut scene = begin(json!({})).await;
    let (_, package) = scene.download().await;
    let mut other = scene.card.clone();
    scene.card.faults = Faults::none().with_value(Fault::PirReason, 12);
    let failure = scene.card.load_bound_profile_package(&package).unwrap();
    let success = other.load_bound_profile_package(&package).unwrap();
    scene.house.notify(&failure).await.ok();
    scene.mark().await;
    acknowledges(&scene, &success).await;
    assert_eq!(scene.state().await, State::Error);
    scene.house.verify_trail().await;
}

async fn late_numbers() {
    let mut scene = begin(json!({})).await;
    scene.install().await;
    scene.card.enable(&scene.iccid).unwrap();
    scene.card.disable(&scene.iccid).unwrap();
    let told: Vec<_> = scene.card.list_notifications().iter().map(|one| one.bytes.clone()).collect();
    assert_eq!(told.len(), 2);
    scene.mark().await;
    let before = scene.house.verify_trail().await;
    for place in [1, 0, 1, 0] {
        acknowledges(&scene, &told[place]).await;
    }
    assert_eq!(scene.house.verify_trail().await, before + 2, "each is noted once");
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

/// A wrong result, three times; then the right one of the same session.
async fn doubted_result(fault: Fault) {
    let mut scene = begin(json!({})).await;
    let (_, package) = scene.download().await;
    let mut honest = scene.card.clone();
    scene.card.faults = faulty(fault);
    let result = scene.card.load_bound_profile_package(&package).unwrap();
    scene.mark().await;
    for _ in 0..3 {
        acknowledges(&scene, &result).await;
    }
    is_kept(&scene.house, &result).await;
    honest.load_bound_profile_package(&package).unwrap();
    tell(&scene.house, &mut honest).await;
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

/// The data of the one, the signature of the other.
async fn anothers_result() {
    let mut scene = begin(json!({})).await;
    let (_, package) = scene.download().await;
    let result = scene.card.load_bound_profile_package(&package).unwrap();
    let data = Tlv::parse(&result, 0xBF37).unwrap().child(0xBF27).unwrap().raw.to_vec();
    let signature = scene.house.card(1).identity.sign(&data).unwrap();
    let forged = tlv::nest(0xBF37, &[&data, &tlv::write(0x5F37, &signature)]);
    scene.mark().await;
    acknowledges(&scene, &forged).await;
    is_kept(&scene.house, &forged).await;
    scene.house.notify(&result).await.ok();
    assert_eq!(scene.state().await, State::Installed);
    scene.house.verify_trail().await;
}

/// An installed Profile that is enabled: its notification, not delivered yet.
async fn enabled(faults: Faults) -> (Scene, Vec<u8>) {
    let mut scene = begin(json!({})).await;
    scene.install().await;
    scene.card.faults = faults;
    scene.card.enable(&scene.iccid).unwrap();
    scene.mark().await;
    let told = scene.card.list_notifications()[0].bytes.clone();
    (scene, told)
}

/// Not in the trail, and nothing moved; what came is kept.
async fn leaves_no_trace(scene: &Scene, notification: &[u8]) {
    let before = scene.house.verify_trail().await;
    for _ in 0..2 {
        acknowledges(scene, notification).await;
    }
    assert_eq!(scene.house.verify_trail().await, before);
    is_kept(&scene.house, notification).await;
}

/// Recorded as invalid, once, with its octets and a reason.
async fn is_kept(house: &House, notification: &[u8]) {
    let kept = house.store.reader().invalid_notifications(None, 10).await.unwrap();
    let [kept] = kept.as_slice() else { panic!("{} are kept", kept.len()) };
    assert!(kept.received == notification && !kept.why.is_empty());
}

async fn doubted_notification(fault: Fault) {
    let (scene, told) = enabled(faulty(fault)).await;
    leaves_no_trace(&scene, &told).await;
}

/// OtherSignedNotification of somebody else's making about `metadata`.
fn signed_by(card: &Card, metadata: &[u8], eum: &[u8]) -> Vec<u8> {
    let signature = tlv::write(0x5F37, &card.identity.sign(metadata).unwrap());
    tlv::nest(0x30, &[metadata, &signature, &card.identity.euicc.der, eum])
}

/// Another eUICC tells of this Profile; or the right one under an EUM that is none.
async fn anothers_notification(other_eum: bool) {
    let (scene, told) = enabled(Faults::none()).await;
    let told = Tlv::parse(&told, 0x30).unwrap();
    let metadata = told.child(0xBF2F).unwrap().raw.to_vec();
    let forged = if other_eum {
        let random = SeededRandom::new(71);
        let press = Press::new(scene.house.now(), &random);
        let policy = smdpp::types::Oid::parse("2.23.146.1.2.1.4").unwrap();
        let odd = Overrides { policy: Some(policy), ..Overrides::default() };
        let eum = issue_eum(press, &scene.house.pki.ci, &odd).unwrap();
        let euicc = issue_euicc(press, &eum, &eid(&scene.house.eid(0)), &Overrides::default()).unwrap();
        signed_by(&scene.house.card_of(&euicc, &euicc.der, &eum.der), &metadata, &eum.der)
    } else {
        signed_by(&scene.house.card(1), &metadata, &scene.house.pki.eum.der)
    };
    leaves_no_trace(&scene, &forged).await;
}

/// Rightly signed by our eUICC, about a Profile that never was here, or about none.
async fn other_iccid(named: bool) {
    let (scene, told) = enabled(Faults::none()).await;
    let told = Tlv::parse(&told, 0x30).unwrap();
    let metadata = told.child(0xBF2F).unwrap();
    let mut members: Vec<Vec<u8>> = Vec::new();
    for member in metadata.children().unwrap() {
        match (member.tag, named) {
            (0x5A, true) => members.push(tlv::write(0x5A, &[0x98; 10])),
            (0x5A, false) => {}
            _ => members.push(member.raw.to_vec()),
        }
    }
    let metadata = tlv::write(0xBF2F, &members.concat());
    let forged = signed_by(&scene.card, &metadata, &scene.house.pki.eum.der);
    leaves_no_trace(&scene, &forged).await;
}
