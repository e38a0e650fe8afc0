//! A download that is tried again (3.1.3, 5.6.2): cases GR.
use std::pin::Pin;

use euicc::{Fault, Faults};
use serde_json::json;
use smdpp::profile::{KeyMode, Layer};
use smdpp::types::State;

use crate::begin_with;
use crate::case::{Case, case};
use crate::house::{Wishes, bpp};
use crate::opened::Opened;
use crate::package::{is_installed, order, upp};
use crate::scene::{CODE, faulty};

pub(crate) fn cases() -> Vec<Case> {
    let four = |id, title, clause, sequence, expected, retried: fn(KeyMode, bool) -> Trip| {
        case(id, title, clause, sequence)
            .part("1", "session keys, no Confirmation Code", expected, move || {
                retried(KeyMode::Session, false)
            })
            .part("2", "session keys, Confirmation Code", expected, move || retried(KeyMode::Session, true))
            .part("3", "Profile keys, no Confirmation Code", expected, move || {
                retried(KeyMode::Prepared, false)
            })
            .part("4", "Profile keys, Confirmation Code", expected, move || retried(KeyMode::Prepared, true))
    };
    vec![
        four(
            "GR-01",
            "the offered one-time key is used again",
            "5.6.2",
            "4.3.13.2.4 #01 to #04",
            SAME,
            |mode, cc| Box::pin(retried(mode, cc, None)),
        ),
        four(
            "GR-02",
            "the offered one-time key is not used",
            "5.6.2, T40; choice",
            "4.3.13.2.4 #05 to #08",
            NEW,
            |mode, cc| Box::pin(retried(mode, cc, Some(Fault::OtpkNew))),
        ),
        four(
            "GR-03",
            "no one-time key is offered, since the session is older than the first package",
            "5.6.2, T40; choice",
            "4.3.13.2.7 #01 to #04",
            NEW,
            |mode, cc| Box::pin(not_offered(mode, cc)),
        ),
        case("GR-04", "a wrong code, then a right one", "T40", "4.3.13.2.4 #09").part(
            "",
            "a wrong Confirmation Code; a new session with the right one",
            "8.2.7/3.8, then OK",
            wrong_then_right,
        ),
        case("GR-05", "a server set not to bind anew", "T40, 3.1.6", "")
            .part("1", "another one-time key than the first", "8.2/3.7; state Error", || no_rebinding(true))
            .part("2", "the same one-time key", "OK", || no_rebinding(false)),
    ]
}

type Trip = Pin<Box<dyn Future<Output = ()>>>;

const SAME: &str = "OK: the old smdpOtpk and the old segments, smdpSign new over the new transactionId";
const NEW: &str = "OK, bound anew: a new smdpOtpk";

/// A download that was lost, and another that brings the Profile; with `fault` the eUICC brings another key.
async fn retried(mode: KeyMode, guarded: bool, fault: Option<Fault>) {
    let (mut scene, code) = (order(mode, guarded).await, guarded.then_some(CODE));
    let (_, first_package) = scene.download().await;
    let first = Opened::of(&scene.card, &first_package);
    let used = scene.card.session_otpk().unwrap().to_vec();
    scene.card.faults = fault.map(faulty).unwrap_or_default();
    let offer = scene.authenticate().await;
    assert_eq!(offer.offered_otpk(), Some(used.clone()));
    let second_package = bpp(&scene.try_bind(&offer, code).await.ok());
    let second = Opened::of(&scene.card, &second_package);
    assert_ne!(first.transaction_id, second.transaction_id);
    let same = fault.is_none();
    assert_eq!(scene.card.session_otpk() == Some(&used[..]), same);
    assert_eq!(first.smdp_otpk == second.smdp_otpk, same);
    assert_eq!(after_channel(&first_package) == after_channel(&second_package), same);
    assert_eq!(second.upp, upp(&scene.iccid));
    assert_eq!(scene.state().await, State::Downloaded);
    is_installed(&mut scene, &second_package).await;
}

/// All parts behind InitialiseSecureChannel.
fn after_channel(package: &[u8]) -> Vec<u8> {
    let parts = euicc::tlv::Tlv::parse(package, 0xBF36).unwrap().children().unwrap();
    parts.iter().skip(1).flat_map(|part| part.raw.to_vec()).collect()
}

/// Two sessions begin before anything is bound; what the first got is lost, the second has nothing to offer.
async fn not_offered(mode: KeyMode, guarded: bool) {
    let (mut scene, code) = (order(mode, guarded).await, guarded.then_some(CODE));
    let offer = scene.authenticate().await;
    let mut first_card = scene.card.clone();
    let second_offer = scene.authenticate().await;
    assert_eq!(second_offer.offered_otpk(), None);
    let request = scene.house.bind_request(&mut first_card, &offer, code);
    let first = bpp(&scene.house.es9("getBoundProfilePackage", &request).await.ok());
    let first = Opened::of(&first_card, &first);
    let package = bpp(&scene.try_bind(&second_offer, code).await.ok());
    let second = Opened::of(&scene.card, &package);
    assert_ne!(first.smdp_otpk, second.smdp_otpk);
    is_installed(&mut scene, &package).await;
}

async fn wrong_then_right() {
    let mut scene = order(KeyMode::Prepared, true).await;
    let offer = scene.authenticate().await;
    assert_eq!(scene.try_bind(&offer, Some("0000")).await.verdict(), "8.2.7/3.8");
    assert_eq!((scene.state().await, scene.attempts().await), (State::Released, (1, 1)));
    let (_, package) = scene.download().await;
    is_installed(&mut scene, &package).await;
}

async fn no_rebinding(other_key: bool) {
    let wishes = Wishes::of(Layer { rebind: Some(false), ..Layer::default() });
    let mut scene = begin_with(wishes, json!({})).await;
    scene.download().await;
    scene.card.faults = if other_key { faulty(Fault::OtpkNew) } else { Faults::none() };
    let offer = scene.authenticate().await;
    let answer = scene.try_bind(&offer, None).await;
    if other_key {
        assert_eq!((answer.verdict().as_str(), scene.state().await), ("8.2/3.7", State::Error));
        assert!(answer.body.get("boundProfilePackage").is_none());
    } else {
        is_installed(&mut scene, &bpp(&answer.ok())).await;
    }
    scene.house.verify_trail().await;
}
