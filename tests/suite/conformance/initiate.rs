//! InitiateAuthentication (5.6.1): cases IA.
use std::collections::BTreeSet;

use euicc::Card;
use serde_json::json;
use smdpp::types::State;

use crate::begin;
use crate::case::{Case, case};
use crate::house::{ADDRESS, Answer, House, Wishes};
use crate::scene::{octets, with};
use crate::sockets;

const FUNCTION: &str = "initiateAuthentication";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("IA-01", "a session begins", "5.6.1, T36, 5.7.13", "4.3.12.2.1 #01").part(
            "",
            "16 octets of challenge, our address, both lists of CIs",
            "OK: transactionId signed too, challenge and address echoed, 16 octets of challenge, CERT.DPauth, signature",
            nominal,
        ),
        case("IA-02", "nothing comes twice", "5.6.1, 5.5.1", "4.3.12.2.1 #02").part(
            "",
            "100 calls with one challenge, over new connections, half of them after a restart",
            "100 transactionIds and 100 serverChallenges",
            nothing_comes_twice,
        ),
        case("IA-03", "another server's address", "T37", "4.3.12.2.1 #03").part(
            "",
            "smdpAddress is unknownserver.example.com",
            "8.8.1/3.8",
            || address("unknownserver.example.com", "8.8.1/3.8"),
        ),
        case("IA-04", "our address, spelled otherwise", "5.2.1, choice", "")
            .part("a", "in upper case", "OK", || address("SMDP.EXAMPLE.COM", "ok"))
            .part("b", "with a final dot", "OK, each time", || address("smdp.example.com.", "ok"))
            .part("c", "with \":443\"", "8.8.1/3.8, each time", || address("smdp.example.com:443", "8.8.1/3.8")),
        case("IA-05", "no CI to sign for", "T37, 3.1.2; c: choice", "4.3.12.2.1 #04")
            .part("a", "both lists unknown", "8.8.2/3.1", || issuers(Some(&[UNKNOWN]), Some(&[UNKNOWN]), "8.8.2/3.1"))
            .part("b", "the list for signing unknown", "8.8.2/3.1", || issuers(None, Some(&[UNKNOWN]), "8.8.2/3.1"))
            .part("c", "the list for signing empty", "8.8.2/3.1", || issuers(None, Some(&[]), "8.8.2/3.1")),
        case("IA-06", "no certificate that the eUICC can verify", "T37", "4.3.12.2.1 #06").part(
            "",
            "the list for verification holds a CI without a DPauth here",
            "8.8.4/3.7",
            || issuers(Some(&[UNKNOWN]), None, "8.8.4/3.7"),
        ),
        case("IA-07", "a version that we do not serve", "T37", "4.3.12.2.1 #05")
            .part("a", "svn 1.0.0", "8.8.3/3.1", || version([1, 0, 0], "8.8.3/3.1"))
            .part("b", "svn 3.0.0", "8.8.3/3.1", || version([3, 0, 0], "8.8.3/3.1")),
        versions(),
        case("IA-09", "two CIs on both sides", "2.6.7.1, 3.1.2 step 8", "")
            .part("a", "both lists NIST, brainpool", "signing and DPauth: NIST", || first_common([NIST, BRP], [NIST, BRP]))
            .part("b", "both lists brainpool, NIST", "signing and DPauth: brainpool", || {
                first_common([BRP, NIST], [BRP, NIST])
            })
            .part("c", "both lists unknown, NIST", "signing and DPauth: NIST", || {
                first_common([Ci::Unknown, NIST], [Ci::Unknown, NIST])
            })
            .part("d", "signing NIST, verification brainpool", "signing NIST, DPauth brainpool", || {
                first_common([NIST], [BRP])
            }),
    ]
}

fn versions() -> Case {
    case("IA-08", "the versions that we serve", "5.6.1", "4.3.12.2.1 #07, #08, #09")
        .part("1", "svn 2.2.1", "OK", || version([2, 2, 1], "ok"))
        .part("2", "svn 2.2.2", "OK", || version([2, 2, 2], "ok"))
        .part("3", "svn 2.3.0", "OK", || version([2, 3, 0], "ok"))
        .part("4", "svn 2.1.0", "OK", || version([2, 1, 0], "ok"))
        .part("5", "svn 2.2.0", "OK", || version([2, 2, 0], "ok"))
        .part("6", "svn 2.4.0", "OK", || version([2, 4, 0], "ok"))
        .part("7", "svn 2.5.0", "OK", || version([2, 5, 0], "ok"))
        .part("8", "svn 2.6.0", "OK", || version([2, 6, 0], "ok"))
}

/// A key identifier of no CI.
const UNKNOWN: [u8; 20] = [0x55; 20];

async fn ask(house: &House, card: &mut Card) -> Answer {
    let request = house.initiate_request(card);
    house.es9(FUNCTION, &request).await
}

async fn nominal() {
    let house = sockets::house(Wishes::default()).await;
    let mut card = house.card(0);
    let body = ask(&house, &mut card).await.ok();
    for member in
        ["transactionId", "serverSigned1", "serverSignature1", "euiccCiPKIdToBeUsed", "serverCertificate"]
    {
        assert!(body[member].is_string(), "{member}");
    }
    assert_eq!(octets(&body, "euiccCiPKIdToBeUsed"), [&[4, 20], house.pki.ci.key_id()].concat());
    assert_eq!(house.verify_trail().await, 0, "no Profile is touched");
}

async fn address(address: &'static str, verdict: &str) {
    let house = sockets::house(Wishes::default()).await;
    assert_eq!(ADDRESS, "smdp.example.com");
    let request = with(&house.initiate_request(&mut house.card(0)), "smdpAddress", json!(address));
    for _ in 0..3 {
        assert_eq!(house.es9(FUNCTION, &request).await.verdict(), verdict);
    }
    ask(&house, &mut house.card(0)).await.ok();
}

/// With lists of CIs of the case's own; `None` is the right list.
async fn issuers(verification: Option<&[[u8; 20]]>, signing: Option<&[[u8; 20]]>, verdict: &str) {
    let house = sockets::house(Wishes::default()).await;
    let mut card = house.card(0);
    let list = |ids: &[[u8; 20]]| ids.iter().map(|id| id.to_vec()).collect::<Vec<_>>();
    card.info.ci_for_verification = verification.map(list);
    card.info.ci_for_signing = signing.map(list);
    assert_eq!(ask(&house, &mut card).await.verdict(), verdict);
    ask(&house, &mut house.card(0)).await.ok();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ci {
    Nist,
    Brainpool,
    Unknown,
}

const NIST: Ci = Ci::Nist;
const BRP: Ci = Ci::Brainpool;

/// The first CI of each list that is not unknown decides; the session then comes to its end.
async fn first_common<const N: usize>(signing: [Ci; N], verification: [Ci; N]) {
    let mut scene = begin(json!({})).await;
    let pki = &scene.house.pki;
    let key_id = |ci| match ci {
        Ci::Nist => pki.ci.key_id().to_vec(),
        Ci::Brainpool => pki.brainpool.ci.key_id().to_vec(),
        Ci::Unknown => UNKNOWN.to_vec(),
    };
    let first = |list: [Ci; N]| list.into_iter().find(|ci| *ci != Ci::Unknown).unwrap();
    let chosen = key_id(first(signing));
    let dpauth = if first(verification) == NIST { &pki.dpauth } else { &pki.brainpool.dpauth }.der.clone();
    scene.card = scene.house.dual_card(0);
    scene.card.info.ci_for_signing = Some(signing.map(key_id).to_vec());
    scene.card.info.ci_for_verification = Some(verification.map(key_id).to_vec());
    let body = ask(&scene.house, &mut scene.card).await.ok();
    assert_eq!(octets(&body, "euiccCiPKIdToBeUsed")[2..], chosen);
    assert_eq!(octets(&body, "serverCertificate"), dpauth);
    scene.install().await;
    assert_eq!(scene.state().await, State::Installed);
}

async fn version(svn: [u8; 3], verdict: &str) {
    let house = sockets::house(Wishes::default()).await;
    let mut card = house.card(0);
    card.info.svn = svn;
    assert_eq!(ask(&house, &mut card).await.verdict(), verdict);
}

/// A real process: only that can be started again.
async fn nothing_comes_twice() {
    let mut server = rig::Server::fresh(rig::Certificates::Fresh { euiccs: 1 }).unwrap();
    let mut card = server.pki().first_card().unwrap();
    let (mut ids, mut challenges) = (BTreeSet::new(), BTreeSet::new());
    let mut request = None;
    for _ in 0..2 {
        let connect = Some(server.start().unwrap().es9plus.clone());
        let tls_roots = vec![server.pki().ci().unwrap()];
        // A fresh connection for each call.
        let config = euicc::LpaConfig { connect, tls_roots, ..euicc::LpaConfig::default() };
        let lpa = euicc::Lpa::new(server.address(), config).unwrap();
        let request = request.get_or_insert_with(|| lpa.initiate_authentication_request(&mut card).unwrap());
        for _ in 0..50 {
            let body = lpa.succeed(&card, FUNCTION, request.clone()).await.unwrap();
            let signed = octets(&body, "serverSigned1");
            let signed = euicc::tlv::Tlv::parse(&signed, 0x30).unwrap();
            ids.insert(body["transactionId"].as_str().unwrap().to_owned());
            challenges.insert(signed.child(0x84).unwrap().value.to_vec());
        }
        server.kill();
    }
    assert_eq!((ids.len(), challenges.len()), (100, 100));
}
