//! Each JSON body through the real router and the real store: an answer always, and never a 5xx.
use std::cell::RefCell;

use tokio::runtime::{Builder, Runtime};

use crate::house::{Answer, House};

/// One Profile stands in the house; after so many requests a new house is opened, so that a finding can be repeated.
const REQUESTS_PER_HOUSE: u32 = 500;

struct Doors {
    runtime: Runtime,
    house: House,
    requests: u32,
}

impl Doors {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let house = runtime.block_on(async {
            let house = House::new().await;
            house.stock(1).await;
            house
        });
        Self { runtime, house, requests: 0 }
    }
}

thread_local! {
    static DOORS: RefCell<Option<Doors>> = const { RefCell::new(None) };
}

/// Who calls.
enum Door {
    Lpa,
    /// In the ASN.1 binding, which has one path for all functions.
    LpaInAsn1,
    Operator,
}

fn ask(door: &Door, function: &str, body: &[u8]) {
    let answer = DOORS.with_borrow_mut(|doors| {
        let doors = match doors {
            Some(doors) if doors.requests < REQUESTS_PER_HOUSE => doors,
            _ => doors.insert(Doors::open()),
        };
        doors.requests += 1;
        let house = &doors.house;
        let answer = async {
            match door {
                Door::Lpa => house.es9_raw(function, body.to_vec()).await,
                Door::LpaInAsn1 => house.asn1_raw(body.to_vec()).await.0,
                Door::Operator => house.es2_raw(function, "acme", body.to_vec()).await,
            }
        };
        doors.runtime.block_on(answer)
    });
    match door {
        // The body is octets here, and only the test LPA can read them.
        Door::LpaInAsn1 => assert!(answer.http < 500, "{answer:?}"),
        Door::Lpa | Door::Operator => sound(&answer),
    }
}

/// 6.3: executed, refused with a code, acknowledged, or no request at all.
pub(super) fn sound(answer: &Answer) {
    match answer.http {
        200 => assert!(answer.verdict() == "ok" || answer.code().len() > 2, "{answer:?}"),
        204 => assert!(answer.body.is_null(), "{answer:?}"),
        400 => assert!(answer.verdict() == "HTTP 400", "{answer:?}"),
        http => panic!("HTTP {http}: {answer:?}"),
    }
}

pub(super) fn initiate_authentication(input: &[u8]) {
    ask(&Door::Lpa, "initiateAuthentication", input);
}

pub(super) fn authenticate_client(input: &[u8]) {
    ask(&Door::Lpa, "authenticateClient", input);
}

pub(super) fn get_bound_profile_package(input: &[u8]) {
    ask(&Door::Lpa, "getBoundProfilePackage", input);
}

pub(super) fn handle_notification(input: &[u8]) {
    ask(&Door::Lpa, "handleNotification", input);
}

pub(super) fn cancel_session(input: &[u8]) {
    ask(&Door::Lpa, "cancelSession", input);
}

pub(super) fn asn1_binding(input: &[u8]) {
    ask(&Door::LpaInAsn1, "", input);
}

pub(super) fn download_order(input: &[u8]) {
    ask(&Door::Operator, "downloadOrder", input);
}

pub(super) fn confirm_order(input: &[u8]) {
    ask(&Door::Operator, "confirmOrder", input);
}

pub(super) fn cancel_order(input: &[u8]) {
    ask(&Door::Operator, "cancelOrder", input);
}

pub(super) fn release_profile(input: &[u8]) {
    ask(&Door::Operator, "releaseProfile", input);
}
