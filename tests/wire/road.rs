//! The whole road through real sockets: what the eUICC installs is what the operator brought, octet by octet.
use std::path::{Path, PathBuf};

use euicc::lpa::{Binding, Request, Wish};
use euicc::{ActivationCode, Lpa, LpaConfig, LpaError};
use rig::{Certificates, Confirm, numbers, upp};
use smdpp::types::State;

use crate::house::{House, Stocked};

const CODE: &str = "4711-Blue";

/// Files that are published and not ours to copy; a test that needs them says when it cannot run.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !path.exists() {
        println!("NOTICE: skipped, because {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// Downloads with the next eUICC, and follows the Profile to its end.
async fn walks(
    house: &House,
    card: &mut euicc::Card,
    code: &ActivationCode,
    stocked: &Stocked,
    cc: Option<&str>,
) {
    let lpa = house.lpa();
    let installed = lpa.download(card, code, cc).await.unwrap();
    assert_eq!(installed.iccid, stocked.iccid.trim_end_matches('F'));
    assert!(installed.upp == stocked.upp, "{}: the installed octets differ", stocked.iccid);
    assert!(card.list_notifications().is_empty(), "the server took every notification");
    assert_eq!(house.eye().state(&stocked.iccid).await, State::Installed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_order_ends_in_an_installed_profile() {
    let (house, stock) = House::open(2, 4);
    let operator = house.operator("acme");
    let mut cards = house.server.pki().cards().unwrap();
    let eid = cards[0].eid().to_owned();

    let unbound = house.order(&operator, &stock[0].iccid, None, Confirm::default()).await;
    walks(&house, &mut cards[0], &unbound, &stock[0], None).await;

    let bound = house.order(&operator, &stock[1].iccid, Some(&eid), Confirm::default()).await;
    let refused = house.lpa().download(&mut cards[1], &bound, None).await.unwrap_err();
    assert_eq!(refused.codes(), Some(("8.1.1", "3.8")), "{refused}");
    walks(&house, &mut cards[0], &bound, &stock[1], None).await;

    let by_eid = Confirm { matching_id: Some(""), ..Confirm::default() };
    let default_server = house.order(&operator, &stock[2].iccid, Some(&eid), by_eid).await;
    assert_eq!(default_server.matching_id, None);
    walks(&house, &mut cards[0], &default_server, &stock[2], None).await;

    let coded = Confirm { confirmation_code: Some(CODE), ..Confirm::default() };
    let with_code = house.order(&operator, &stock[3].iccid, None, coded).await;
    let refused = house.lpa().download(&mut cards[1], &with_code, Some("wrong")).await.unwrap_err();
    assert_eq!(refused.codes(), Some(("8.2.7", "3.8")), "{refused}");
    walks(&house, &mut cards[1], &with_code, &stock[3], Some(CODE)).await;
    house.eye().verify_trail().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_and_large_profiles_arrive_whole() {
    let mut house = House::new(1);
    let mut stock = house.stock(0, 1, 0);
    stock.extend(house.stock(1, 1, 3 * 1008));
    stock.extend(house.stock(2, 1, 200 * 1024));
    house.server.start().unwrap();
    let operator = house.operator("acme");
    let mut card = house.server.pki().first_card().unwrap();
    for stocked in &stock {
        let code = house.order(&operator, &stocked.iccid, None, Confirm::default()).await;
        walks(&house, &mut card, &code, stocked, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_of_many_segments_says_how_many() {
    let mut house = House::new(1);
    let stocked = house.stock(0, 1, 4 * 1008).remove(0);
    house.server.start().unwrap();
    let code = house.order(&house.operator("acme"), &stocked.iccid, None, Confirm::default()).await;
    let installed =
        house.lpa().download(&mut house.server.pki().first_card().unwrap(), &code, None).await.unwrap();
    assert!(installed.segments > 3, "{} segments", installed.segments);
    assert!(installed.bpp_bytes > stocked.upp.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_published_profiles_arrive_under_the_published_certificates() {
    let (Some(certificates), Some(profiles)) = (shared("sgp26"), shared("ts48")) else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(profiles)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "der"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 4);
    for (file, brainpool) in files.iter().flat_map(|file| [(file, false), (file, true)]) {
        // The four have one ICCID, so each has a server of its own.
        let mut house = House::with(Certificates::Sgp26(&certificates));
        house.import("acme", "test", &[file]);
        house.server.start().unwrap();
        let [(iccid, _)] = <[_; 1]>::try_from(house.eye().states().await).unwrap();
        let stocked = Stocked { iccid, upp: std::fs::read(file).unwrap() };
        let pki = house.server.pki();
        let mut card = if brainpool { pki.brainpool() } else { pki }.first_card().unwrap();
        let code = house.order(&house.operator("acme"), &stocked.iccid, None, Confirm::default()).await;
        walks(&house, &mut card, &code, &stocked, None).await;
        house.eye().verify_trail().await;
    }
}

/// BR-01 behind the TLS certificate that every LPA takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn euiccs_of_both_curves_download_from_one_server_at_once() {
    let (house, stock) = House::open(2, 2);
    let operator = house.operator("acme");
    let pki = house.server.pki();
    let (mut nist, mut brainpool) =
        (pki.cards().unwrap().remove(0), pki.brainpool().cards().unwrap().remove(1));
    assert_ne!(nist.eid(), brainpool.eid());
    let first = house.order(&operator, &stock[0].iccid, None, Confirm::default()).await;
    let second = house.order(&operator, &stock[1].iccid, None, Confirm::default()).await;
    tokio::join!(
        walks(&house, &mut nist, &first, &stock[0], None),
        walks(&house, &mut brainpool, &second, &stock[1], None),
    );
    house.eye().verify_trail().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_tls_both_carry_a_download() {
    let (house, stock) = House::open(1, 2);
    let operator = house.operator("acme");
    let mut card = house.server.pki().first_card().unwrap();
    for (stocked, tls12_only) in stock.iter().zip([true, false]) {
        let code = house.order(&operator, &stocked.iccid, None, Confirm::default()).await;
        let lpa: Lpa = house.lpa_with(LpaConfig { tls12_only, ..LpaConfig::default() });
        assert_eq!(lpa.download(&mut card, &code, None).await.unwrap().upp, stocked.upp);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_asn1_binding_carries_a_whole_life_a_refusal_and_a_cancellation() {
    let (house, stock) = House::open(1, 2);
    let operator = house.operator("acme");
    let mut card = house.server.pki().first_card().unwrap();
    let lpa = house.lpa_with(LpaConfig { binding: Binding::Asn1, keep_alive: true, ..LpaConfig::default() });

    let code = house.order(&operator, &stock[0].iccid, None, Confirm::default()).await;
    let wrong = ActivationCode { matching_id: Some("OTHER".to_owned()), ..code.clone() };
    let refused = lpa.download(&mut card, &wrong, None).await.unwrap_err();
    assert!(matches!(refused, LpaError::RefusedAsn1 { error: 6, .. }), "{refused}");
    let installed = lpa.download(&mut card, &code, None).await.unwrap();
    assert!(installed.upp == stock[0].upp);
    card.enable(&installed.iccid).unwrap();
    card.disable(&installed.iccid).unwrap();
    card.delete(&installed.iccid).unwrap();
    assert_eq!(lpa.send_notifications(&mut card).await.unwrap(), 3);
    assert_eq!(house.eye().state(&stock[0].iccid).await, State::Installed);

    let code = house.order(&operator, &stock[1].iccid, None, Confirm::default()).await;
    let wish = Wish::Cancel(euicc::card::cancel::reason::END_USER_REJECTION);
    let request = Request { code: &code, confirmation_code: None, empty_matching_id: false, wish };
    let refused = lpa.download_observed(&mut card, &request, |_| {}).await.unwrap_err();
    assert!(matches!(refused, LpaError::Cancelled(0)), "{refused}");
    assert_eq!(house.eye().state(&stock[1].iccid).await, State::Error);
    house.eye().verify_trail().await;
}

#[test]
fn the_smallest_profile_is_one_segment_and_the_largest_hundreds() {
    let octets = |padding| upp::test_profile(&numbers::iccid(0), &numbers::imsi(0), padding).len();
    assert!(octets(0) < 1008 && octets(200 * 1024) > 200 * 1024);
}
