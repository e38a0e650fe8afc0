//! Writes `fuzz/seeds` anew from our own messages: `cargo test --test suite make_the_seeds -- --ignored`.
//! Files whose name begins with `found-` are findings of the past and stay.
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::lpa::asn1;
use serde_json::{Value, json};
use smdpp::asn1::tlv::{concat, tlv};
use smdpp::config::{Answers, Config, Fqdn, OperatorAnswer};
use smdpp::mint::{CrlPlan, RevokedCertificate, issue_crl, issue_segments, segmented_crl_list};
use smdpp::time::DAY_MS;
use smdpp::types::{Oid, OperatorId};

use super::folder;
use crate::house::{House, TYPE, bpp};
use crate::scene::{CODE, octets};

fn keep(target: &str, name: &str, input: &[u8]) {
    let folder = folder().join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), input).unwrap();
}

/// A body, the same in the ASN.1 binding, and the DER in one of its members.
fn keep_both(function: &str, message: &str, name: &str, request: &Value, member: &str) {
    keep(function, name, request.to_string().as_bytes());
    let camel: String = function.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let envelope = asn1::encode(&(camel[..1].to_lowercase() + &camel[1..]), request).unwrap();
    keep("asn1_envelope", &format!("{function}-{name}"), &envelope);
    keep("asn1_binding", &format!("{function}-{name}"), &envelope);
    keep(message, name, &octets(request, member));
    keep("tlv", &format!("{message}-{name}"), &octets(request, member));
}

#[tokio::test]
#[ignore = "writes into the tree"]
async fn make_the_seeds() {
    messages().await;
    orders();
    certificates().await;
    revocation_lists().await;
    by_hand();
    plays();
    configuration();
}

async fn messages() {
    let house = House::new().await;
    let (iccid, upp) = house.stock(1).await;
    let id = house.order(&iccid, json!({ "confirmationCode": CODE })).await;
    let mut card = house.card(0);
    let request = house.initiate_request(&mut card);
    keep_both("initiate_authentication", "euicc_info1", "good", &request, "euiccInfo1");
    let server = house.initiate(&mut card).await;
    let request = house.authenticate_request(&mut card, &server, Some(&id));
    let (function, message) = ("authenticate_client", "authenticate_server_response");
    keep_both(function, message, "good", &request, "authenticateServerResponse");
    let offer = house.authenticate(&mut card, Some(&id)).await;
    let request = house.bind_request(&mut card, &offer, Some(CODE));
    let (function, message) = ("get_bound_profile_package", "prepare_download_response");
    keep_both(function, message, "good", &request, "prepareDownloadResponse");
    let package = bpp(&house.es9("getBoundProfilePackage", &request).await.ok());
    let request = house.cancel_request(&mut card.clone(), &offer.transaction_id, 0);
    keep_both("cancel_session", "cancel_session_response", "good", &request, "cancelSessionResponse");

    let mut spoiled = card.clone();
    spoiled.faults = euicc::Faults::none().with_value(euicc::Fault::PirReason, 9);
    let failure = spoiled.load_bound_profile_package(&package).unwrap();
    let success = card.load_bound_profile_package(&package).unwrap();
    card.enable(&iccid).unwrap();
    let enabled = card.list_notifications().last().unwrap().bytes.clone();
    for (name, notification) in [("failure", failure), ("success", success), ("enabled", enabled)] {
        let request = house.lpa.handle_notification_request(&notification);
        keep_both("handle_notification", "pending_notification", name, &request, "pendingNotification");
    }
    let entries = house.store.reader().trail(0).await.unwrap();
    for (place, entry) in entries.iter().enumerate() {
        keep("trail_event", &format!("entry-{place}"), entry.body.as_bytes());
    }
    for (name, faults) in
        [("authenticate", euicc::Fault::AuthenticateError), ("unknown", euicc::Fault::UnknownTlvs)]
    {
        let mut card = house.card(0);
        let server = house.initiate(&mut card).await;
        card.faults = euicc::Faults::none().with(faults);
        let request = house.authenticate_request(&mut card, &server, Some(&id));
        keep("authenticate_server_response", name, &octets(&request, "authenticateServerResponse"));
    }
    let metadata = octets(
        &house.es9("authenticateClient", &authenticate_again(&house, &id).await).await.ok(),
        "profileMetadata",
    );
    keep("metadata", "good", &metadata);
    keep("tlv", "metadata", &metadata);
    keep("package", "test-profile", &upp);
    keep("package", "small", &rig::upp::test_profile(&iccid, &rig::numbers::imsi(1), 0));
}

async fn authenticate_again(house: &House, id: &str) -> Value {
    let mut card = house.card(0);
    let server = house.initiate(&mut card).await;
    house.authenticate_request(&mut card, &server, Some(id))
}

/// Bodies of ES2+, with all members and with the least.
fn orders() {
    let header = json!({ "functionRequesterIdentifier": "acme.example.com", "functionCallIdentifier": "c1" });
    let (iccid, eid) = (rig::numbers::iccid(1), "89049032123451234512345678901235");
    for (target, name, mut body) in [
        ("download_order", "type", json!({ "profileType": TYPE })),
        ("download_order", "all", json!({ "iccid": iccid, "eid": eid, "profileType": TYPE })),
        ("confirm_order", "least", json!({ "iccid": iccid, "releaseFlag": true })),
        (
            "confirm_order",
            "all",
            json!({
                "iccid": iccid, "eid": eid, "matchingId": "AB-12", "confirmationCode": CODE,
                "smdsAddress": "smds.example.com", "releaseFlag": false
            }),
        ),
        ("cancel_order", "least", json!({ "iccid": iccid, "finalProfileStatusIndicator": "Available" })),
        (
            "cancel_order",
            "all",
            json!({
                "iccid": iccid, "eid": eid, "matchingId": "AB-12",
                "finalProfileStatusIndicator": "Unavailable"
            }),
        ),
        ("release_profile", "good", json!({ "iccid": iccid })),
    ] {
        body["header"] = header.clone();
        keep(target, name, body.to_string().as_bytes());
    }
}

async fn certificates() {
    let house = House::new().await;
    let pki = &house.pki;
    let (_, euicc) = &pki.euiccs[0];
    let operator = &pki.operators[0].client;
    for (name, der) in [
        ("ci", &pki.ci.der),
        ("eum", &pki.eum.der),
        ("euicc", &euicc.der),
        ("dpauth", &pki.dpauth.der),
        ("dppb", &pki.dppb.der),
        ("operator", &operator.der),
    ] {
        keep("certificate", name, der);
    }
    let brainpool = &pki.brainpool;
    keep("certificate", "brainpool-ci", &brainpool.ci.der);
    keep("certificate", "brainpool-eum", &brainpool.eum.der);
    keep("chain", "brainpool", &concat(&[&brainpool.eum.der, &brainpool.euiccs[0].1.der]));
    keep("chain", "mixed-curves", &concat(&[&pki.eum.der, &brainpool.euiccs[0].1.der]));
    keep("chain", "good", &concat(&[&pki.eum.der, &euicc.der]));
    keep("chain", "turned", &concat(&[&euicc.der, &pki.eum.der]));
    keep("chain", "ci-for-eum", &concat(&[&pki.ci.der, &euicc.der]));
}

/// Whole, in segments, under the other CI, and in Base64.
async fn revocation_lists() {
    let house = House::new().await;
    let entry = |serial: u8| RevokedCertificate {
        serial: vec![serial, 7],
        revoked_at: house.now(),
        expires: house.now().plus_ms(DAY_MS),
    };
    let plan = CrlPlan {
        number: 7,
        this_update: house.now(),
        next_update: house.now().plus_ms(DAY_MS),
        revoked: (1..6).map(entry).collect(),
    };
    let none = CrlPlan { revoked: Vec::new(), ..plan.clone() };
    let whole = issue_crl(&house.pki.ci, &plan).unwrap();
    keep("crl", "whole", &whole);
    keep("crl", "empty", &issue_crl(&house.pki.ci, &none).unwrap());
    keep("crl", "brainpool", &issue_crl(&house.pki.brainpool.ci, &plan).unwrap());
    keep("crl", "base64", STANDARD.encode(&whole).as_bytes());
    let segments = issue_segments(&house.pki.ci, &plan, 2).unwrap();
    keep("crl", "segments", &segmented_crl_list(&segments));
    keep("crl", "segment-missing", &segmented_crl_list(&segments[1..]));
}

/// Corners that no message of ours has.
fn by_hand() {
    let deep = (0..40).fold(vec![0x04, 0x00], |inner, _| tlv(&[0x30], &inner));
    keep("tlv", "deep", &deep);
    keep("tlv", "long", &tlv(&[0x9F, 0x81, 0x01], &[0x5A; 300]));
    keep("tlv", "indefinite", &[0x30, 0x80, 0x00, 0x00]);
    keep("tlv", "four-octets-of-length", &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]);
    keep("tlv", "padded-length", &[0x04, 0x81, 0x01, 0xAA]);
    let point = [0x04; 65];
    let bound =
        [&tlv(&[0x80], &point)[..], &tlv(&[0x81], &point), &tlv(&[0x82], &[1; 16]), &tlv(&[0xA3], &[2; 40])];
    keep("bound_package", "good", &bound.concat());
    for (name, text) in [
        ("iccid", "8900012345678901234"),
        ("iccid-pad", "8900012345678901234F"),
        ("eid", "89049032123451234512345678901235"),
        ("oid", "2.999.10.1.1"),
        ("transaction", "00112233445566778899AABBCCDDEEFF"),
        ("matching-id", "AB-12-CD"),
        ("profile-type", "P9054-2"),
    ] {
        keep("words", name, text.as_bytes());
    }
    keep("words", "oid-der", &[0x88, 0x37, 0x0A]);
    for door in ["initiate_authentication", "authenticate_client", "handle_notification", "confirm_order"] {
        keep(door, "empty-object", b"{}");
        keep(door, "deep", "{\"a\":".repeat(200).as_bytes());
        keep(door, "twice", br#"{"header":null,"header":{},"transactionId":1e999,"iccid":[[[[]]]]}"#);
    }
}

/// The cast, and two octets a scene, as `fuzz/src/targets/session.rs` reads them.
fn play(name: &str, scenes: &[u8]) {
    keep("session", name, &[&[0], scenes].concat());
}

fn plays() {
    let road = [6, 0, 7, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0];
    for (name, cast) in [("asn1", 0x10), ("brainpool", 2), ("dual-in-asn1", 0x13)] {
        keep("session", &format!("road-{name}"), &[&[cast], &road[..]].concat());
    }
    play("road", &road);
    play("life", &[&road[..], &[15, 0, 4, 0, 15, 8, 4, 0, 15, 12, 4, 0]].concat());
    play("wrong-codes", &[6, 0, 7, 4, 0, 0, 1, 0, 2, 4, 2, 4, 2, 0, 2, 0]);
    play("two-phones", &[6, 0, 7, 0, 0, 0, 0, 1, 1, 0, 1, 1, 2, 1, 2, 0, 3, 1, 4, 1, 3, 0, 4, 0]);
    play("each-twice", &[6, 0, 7, 0, 14, 0, 0, 0, 14, 0, 1, 0, 14, 0, 2, 0, 3, 0, 14, 0, 4, 0, 13, 0]);
    play("cancelled", &[6, 0, 7, 0, 0, 0, 1, 0, 5, 0, 13, 0, 9, 0]);
    play("cancelled-order", &[6, 0, 7, 0, 0, 0, 1, 0, 9, 0, 2, 0, 6, 0, 7, 0, 1, 0]);
    play("too-often", &[6, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 9, 0]);
    play("expired", &[6, 0, 7, 0, 0, 0, 10, 6, 10, 6, 10, 6, 10, 6, 10, 6, 1, 0, 0, 0, 1, 0]);
    play("retried", &[6, 0, 7, 0, 0, 0, 1, 0, 2, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0]);
    let spoiled: Vec<u8> =
        (0..12).flat_map(|n| [0, 0, 12, n * 20 + 3, 1, 0, 1, 0, 12, n * 21, 2, 0]).collect();
    play("spoiled", &[&[6, 0, 7, 0][..], &spoiled].concat());
    for fault in [0, 6, 12, 17, 26, 29] {
        play(&format!("fault-{fault}"), &[6, 0, 7, 0, 11, fault * 2, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0]);
    }
}

fn configuration() {
    let operator = OperatorAnswer {
        name: OperatorId::parse("acme").unwrap(),
        oid: Some(Oid::parse("2.999.10.1.1").unwrap()),
    };
    let answers = Answers {
        address: Fqdn::parse("smdp.example.com").unwrap(),
        pki: "pki".to_owned(),
        brainpool: true,
        operators: vec![operator],
    };
    keep("config", "template", Config::template(&answers).as_bytes());
    keep("config", "empty", b"");
    keep("config", "deep", "[a.b.c.d.e]\nf = [[[[[[]]]]]]\n".as_bytes());
}
