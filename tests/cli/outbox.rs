//! `smdpp outbox`: what waits is listed without what it says of an eUICC, and can be tried again.
use smdpp::change::Change;
use smdpp::config::Config;
use smdpp::errand::{Errand, PointStatus, Posted, Progress};
use smdpp::store::Undelivered;
use smdpp::time::{Clock, SystemClock};
use smdpp::types::{Eid, FunctionCallId, Iccid, OperatorId, ProfileType};
use smdpp::world::World;

use super::House;
use super::iccid;

const EID: &str = "89049032123451234512345678901235";

/// Puts an errand in the outbox; with a reason it was given up.
fn posts(house: &House, call: &str, given_up: Option<&str>) {
    let config = Config::load(&house.path("smdpp.toml"), |_| None).unwrap();
    let store = World::open_store(&config).unwrap();
    let now = SystemClock.now();
    let progress = Progress {
        operator: OperatorId::parse("acme").unwrap(),
        eid: Some(Eid::parse(EID).unwrap()),
        iccid: Iccid::parse(&iccid(0)).unwrap(),
        profile_type: ProfileType::parse("consumer").unwrap(),
        at: now,
        point: 3,
        status: PointStatus::Success,
        result_data: None,
    };
    let call = FunctionCallId::parse(call).unwrap();
    let errand = Posted { call: call.clone(), errand: Errand::Progress(progress) };
    let work = async {
        store.commit(now, Change::default().errand(errand)).await.unwrap();
        if let Some(why) = given_up {
            let next = Undelivered { why: why.to_owned(), due_at: now, aside: false, given_up: true };
            store.undelivered(&call, next).await.unwrap();
        }
    };
    tokio::runtime::Runtime::new().unwrap().block_on(work);
}

#[test]
fn what_waits_and_what_was_given_up_is_listed_and_tried_again() {
    let house = House::new();
    house.packages(1);
    house.import(&["p0.der"]);
    assert_eq!(house.types(&["outbox", "list"]).out, "Nothing waits.\n");
    assert_eq!(house.types(&["outbox", "retry"]).out, "Nothing waits.\n");

    posts(&house, "c1", Some("HTTP 500"));
    posts(&house, "c2", None);
    let said = house.types(&["outbox", "list"]).out;
    for says in ["operator acme", "point 3 Executed-Success", "given up", "HTTP 500", &iccid(0)] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert!(!said.contains(EID), "{said}");
    let list = house.json(&["outbox", "list"]);
    assert_eq!(list["errands"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&list["errands"][0]["givenUp"], &list["errands"][1]["givenUp"]),
        (&true.into(), &false.into())
    );
    let shown = house.types(&["order", "show", &iccid(0)]).out;
    assert!(shown.contains("not told yet") && shown.contains("given up after 1 tries"), "{shown}");
    assert_eq!(house.json(&["order", "show", &iccid(0)])["notToldYet"].as_array().unwrap().len(), 2);

    assert_eq!(house.types(&["outbox", "retry", "--receiver", "operator beta"]).out, "Nothing waits.\n");
    assert_eq!(house.types(&["outbox", "retry"]).out, "2 errands will be tried again.\n");
    assert!(!house.types(&["outbox", "list"]).out.contains("given up"));
    assert_eq!(
        house.json(&["outbox", "list", "--receiver", "operator beta"])["errands"].as_array().unwrap().len(),
        0
    );
}
