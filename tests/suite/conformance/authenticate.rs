//! AuthenticateClient that succeeds (5.6.3): cases AC.
use euicc::lpa::Offer;
use euicc::metadata::{Class, Event};
use euicc::tlv::{self, Tlv};
use euicc::{Fault, Faults};
use serde_json::json;
use smdpp::asn1::{Icon, IconKind, Metadata, NotificationAddress, NotificationEvent, NotificationEvents};
use smdpp::asn1::{Owner, Pprs, ProfileClass, mcc_mnc};
use smdpp::types::State;

use crate::begin;
use crate::case::{Case, case};
use crate::house::{ADDRESS, TYPE, Wishes};
use crate::scene::{Scene, octets};
use crate::sockets;
use crate::ways::Way;

const FUNCTION: &str = "authenticateClient";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("AC-01", "the default SM-DP+, by EID", "5.6.3", "4.3.14.2.1 #01, #02")
            .part("a", "empty MatchingID, no Confirmation Code", "OK, ccRequiredFlag false", || {
                found(Way::Default, Some(""), false)
            })
            .part("b", "empty MatchingID, Confirmation Code", "OK, ccRequiredFlag true", || {
                found(Way::Default, Some(""), true)
            }),
        case("AC-02", "a new session after a refused one", "5.6.3", "4.3.14.2.1 #03").part(
            "",
            "a first session with an unknown MatchingID (8.2.6/3.8), then one with the right one",
            "OK",
            after_a_refusal,
        ),
        case("AC-03", "an event of an SM-DS", "5.6.3, 3.6.2", "4.3.14.2.1 #05, #06")
            .part("a", "MatchingID is the EventID, no Confirmation Code", "OK, ccRequiredFlag false", || {
                found(Way::Smds, Some("OURS-1"), false)
            })
            .part("b", "MatchingID is the EventID, Confirmation Code", "OK, ccRequiredFlag true", || {
                found(Way::Smds, Some("OURS-1"), true)
            }),
        case("AC-04", "an Activation Code for this EID", "5.6.3", "4.3.14.2.1 #08, #09")
            .part("a", "its MatchingID, no Confirmation Code", "OK, ccRequiredFlag false", || {
                found(Way::Code, Some("OURS-1"), false)
            })
            .part("b", "its MatchingID, Confirmation Code", "OK, ccRequiredFlag true", || {
                found(Way::Code, Some("OURS-1"), true)
            }),
        case("AC-05", "an Activation Code for whoever has it", "5.6.3", "4.3.14.2.1 #11, #12")
            .part("a", "its MatchingID, no Confirmation Code", "OK, ccRequiredFlag false", || {
                found(Way::Anyone, Some("OURS-1"), false)
            })
            .part("b", "its MatchingID, Confirmation Code", "OK, ccRequiredFlag true", || {
                found(Way::Anyone, Some("OURS-1"), true)
            }),
        case("AC-06", "the MatchingID left out", "5.6.3 (may be selected)", "4.3.14.2.1 #14, #15, #17")
            .part("a", "order of the default SM-DP+", "OK", || found(Way::Default, None, false))
            .part("b", "order through an SM-DS", "OK", || found(Way::Smds, None, false))
            .part("c", "order with an Activation Code, for this EID", "OK", || found(Way::Code, None, false)),
        case("AC-07", "the MatchingID empty", "SGP.23; choice", "4.3.14.2.1 #16, #18")
            .part("a", "order through an SM-DS", "OK", || found(Way::Smds, Some(""), false))
            .part("b", "order with an Activation Code, for this EID", "OK", || found(Way::Code, Some(""), false)),
        extensions(),
        case("AC-09", "what the answer says", "T42, 5.7.5, 4.5.2.1.0.4, 5.5.3", "all nominal").part(
            "",
            "a Profile with names beyond ASCII, icon, class, owner, policy rule and two notification addresses",
            "OK: one transactionId, smdpSignature2, DPpb of the same CI and OID, and these metadata",
            what_it_says,
        ),
        case("AC-10", "one EID, two orders", "5.6.3", "")
            .part("a", "MatchingID of the first", "metadata of the first", || two_orders(Some("FIRST"), &[1]))
            .part("b", "MatchingID of the second", "metadata of the second", || two_orders(Some("SECOND"), &[2]))
            .part("c", "no MatchingID", "metadata of either", || two_orders(None, &[1, 2])),
        again(),
    ]
}

fn extensions() -> Case {
    case("AC-08", "elements and bits that nobody knows yet", "2.8, 5.6.3", "4.3.14.2.1 #19, #20, #21")
        .part("a", "UICCCapability longer than known", "OK, then installed", || {
            extended(|scene| scene.card.info.uicc_capability = vec![0, 0x7F, 0x36, 0xFF, 0xFF, 0xFF, 0x5A])
        })
        .part("b", "unknown element in DeviceInfo", "OK, then installed", || {
            extended(|scene| scene.card.faults = Faults::none().with(Fault::DeviceInfoUnknown))
        })
        .part("c", "unknown element in EUICCInfo2", "OK, then installed", || {
            extended(|scene| scene.card.info.extra = tlv::write(0x9F7F, b"unknown"))
        })
}

fn again() -> Case {
    case("AC-11", "a second session after a package", "3.1.3 steps 3 and 5 (v2.5)", "4.3.14.2.6 #01 to #04")
        .part("a", "default SM-DP+; the first was postponed", "OK, the same one-time key offered", || {
            second_session(Way::Default, true)
        })
        .part("b", "event of an SM-DS; postponed", "OK, the same one-time key offered", || {
            second_session(Way::Smds, true)
        })
        .part("c", "Activation Code for this EID; postponed", "OK, the same one-time key offered", || {
            second_session(Way::Code, true)
        })
        .part(
            "d",
            "Activation Code, EID not known before; postponed",
            "OK, the same one-time key offered",
            || second_session(Way::Anyone, true),
        )
        .part("e", "state Downloaded after a lost download", "OK, the same one-time key offered", || {
            second_session(Way::Anyone, false)
        })
}

/// The order is found, and the download can go on.
async fn found(way: Way, matching_id: Option<&str>, guarded: bool) {
    let scene = way.released(guarded).await;
    let offer = scene.house.authenticate(&mut scene.house.card(0), matching_id).await;
    assert_eq!(offer.confirmation_code_required(), guarded);
    assert_eq!(offer.metadata.iccid_digits(), scene.iccid);
    assert_eq!(offer.offered_otpk(), None, "nothing was bound before");
    assert_eq!((scene.state().await, scene.attempts().await), (State::Released, (1, 0)));
    scene.house.verify_trail().await;
}

async fn after_a_refusal() {
    let mut scene = Way::Default.released(false).await;
    let answer = scene.house.try_authenticate(&mut scene.card, Some("WRONG")).await;
    scene.refuses(&answer, "8.2.6/3.8").await;
    scene.id = String::new();
    scene.authenticate().await;
}

async fn extended(change: impl FnOnce(&mut Scene)) {
    let mut scene = begin(json!({})).await;
    change(&mut scene);
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
}

async fn what_it_says() {
    let house = sockets::house(Wishes::default()).await;
    let picture = [&[0x89, b'P', b'N', b'G'][..], &[0x5A; 300]].concat();
    let icon = Icon { kind: IconKind::Png, octets: picture.clone() };
    let address = |event, address: &str| NotificationAddress {
        events: NotificationEvents::of(&[event]),
        address: address.to_owned(),
    };
    let change = |metadata: &mut Metadata| {
        metadata.service_provider_name = "Ärger & Söhne / 電話".to_owned();
        metadata.profile_name = "Tarif „Groß“".to_owned();
        metadata.icon = Some(icon);
        metadata.class = ProfileClass::Operational;
        metadata.owner = Some(Owner { mcc_mnc: mcc_mnc("246", "81").unwrap(), gid1: None, gid2: None });
        metadata.pprs = Pprs { ppr1: false, ppr2: true };
        let second = address(NotificationEvent::Delete, "second.example.com");
        metadata.notification_addresses = vec![address(NotificationEvent::Enable, ADDRESS), second];
    };
    let (iccid, _) = house.stock_with(1, "acme", TYPE, change).await;
    let id = house.order(&iccid, json!({ "confirmationCode": "tulip" })).await;
    let mut card = house.card(0);
    let server = house.initiate(&mut card).await;
    let request = house.authenticate_request(&mut card, &server, Some(&id));
    let body = house.es9(FUNCTION, &request).await.ok();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["header", "profileMetadata", "smdpCertificate", "smdpSignature2", "smdpSigned2", "transactionId"];
    assert_eq!(members, expected);

    let offer = Offer::read(FUNCTION, &body).unwrap();
    assert_eq!(offer.transaction_id, server.transaction_id);
    let shown = &offer.metadata;
    assert_eq!((shown.iccid_digits(), shown.class), (iccid, Class::Operational));
    assert_eq!(shown.service_provider, "Ärger & Söhne / 電話");
    assert_eq!(shown.profile_name, "Tarif „Groß“");
    assert_eq!((shown.owner.as_deref(), shown.pprs), (Some("42F618"), 0x20));
    let notifications =
        [(Event::Enable, ADDRESS.to_owned()), (Event::Delete, "second.example.com".to_owned())];
    assert_eq!(shown.notifications, notifications);
    let metadata = octets(&body, "profileMetadata");
    let metadata = Tlv::parse(&metadata, 0xBF25).unwrap();
    assert_eq!(metadata.child(0x93).unwrap().value, [1]);
    assert_eq!(metadata.child(0x94).unwrap().value, picture);
    // Nothing that only the operator and the user know.
    for secret in [&*id, "tulip"] {
        assert!(!body.to_string().contains(secret));
    }
}

async fn two_orders(matching_id: Option<&str>, expected: &[u64]) {
    let house = sockets::house(Wishes::default()).await;
    for (n, id) in [(1, "FIRST"), (2, "SECOND")] {
        let (iccid, _) = house.stock(n).await;
        house.order(&iccid, json!({ "eid": house.eid(0), "matchingId": id })).await;
    }
    let offer = house.authenticate(&mut house.card(0), matching_id).await;
    let expected: Vec<String> = expected.iter().map(|n| rig::numbers::iccid(*n)).collect();
    assert!(expected.contains(&offer.metadata.iccid_digits()));
}

async fn second_session(way: Way, postponed: bool) {
    let mut scene = way.released(false).await;
    let (first, _) = scene.download().await;
    assert_eq!(first.offered_otpk(), None);
    let used = scene.card.session_otpk().unwrap().to_vec();
    if postponed {
        scene.try_cancel(&first, 1).await.ok();
    }
    assert_eq!(scene.state().await, State::Downloaded);
    let second = scene.authenticate().await;
    assert_eq!(second.metadata.iccid_digits(), scene.iccid);
    assert_eq!(second.offered_otpk(), Some(used));
    scene.house.verify_trail().await;
}
