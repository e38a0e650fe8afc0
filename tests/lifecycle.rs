//! `specs/lifecycle.md` is what the code does: every cell of its two tables is played against `Profile::decide`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
use smdpp::event::OneTimeKey;
use smdpp::profile::{
    Bound, Command, Confirm, Confirmation, FinalState, Limits, Order, OrderChange, OrderSettings, Profile,
    Report, RetryAfter, Stored,
};
use smdpp::time::Timestamp;
use smdpp::types::{
    Actor, Eid, FunctionCallId, Iccid, MatchingId, OperatorId, ProfileType, State, TransactionId,
};

const PAGE: &str = include_str!("../specs/lifecycle.md");
const NOW: Timestamp = Timestamp::from_unix_ms(1_000);
const LIMITS: Limits = Limits { download_attempts_max: 10, confirmation_code_attempts_max: 3 };

#[test]
fn every_cell_of_the_lifecycle_page_is_what_the_code_does() {
    let mut cells = 0;
    let mut wrong = Vec::new();
    for (state, command, written) in table_cells() {
        let happens = play(state, &command);
        if happens != written {
            wrong.push(format!("{state} × {command}: the page says {written}, the code {happens}"));
        }
        cells += 1;
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(cells, State::ALL.len() * 15, "each of 9 states meets each of 15 commands");
}

/// State, command and content of each cell, in the tables that begin with a column "State".
fn table_cells() -> Vec<(State, String, String)> {
    let mut cells = Vec::new();
    let mut commands: Vec<String> = Vec::new();
    for line in PAGE.lines() {
        let row: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let Some(first) = row.get(1) else {
            commands.clear();
            continue;
        };
        if first == "State" {
            commands = row.iter().skip(2).filter(|name| !name.is_empty()).cloned().collect();
        } else if let Some(state) = State::parse(first) {
            let of_row = commands.iter().cloned().zip(row.iter().skip(2).cloned());
            cells.extend(of_row.map(|(command, cell)| (state, command, cell)));
        }
    }
    cells
}

/// What the code does, in the words of the page.
fn play(state: State, command: &str) -> String {
    let (actor, command) = typed(state, command);
    let release_flag = state != State::Confirmed;
    match profile(state, release_flag).decide(actor, command, NOW) {
        Ok(Some(transition)) => transition.after().state().to_string(),
        Ok(None) => "–".to_owned(),
        Err(denied) => {
            let stays = denied.moved.is_none_or(|moved| moved.after().state() == state);
            let code = format!("{}/{}", denied.status.subject, denied.status.reason);
            if stays { code } else { format!("{code}, and the state moves") }
        }
    }
}

fn typed(state: State, command: &str) -> (Actor, Command) {
    let operator = Actor::Operator { operator: OperatorId::parse("acme").unwrap() };
    let device = Actor::Euicc { eid: eid() };
    let report = |report| Command::Report {
        transaction: session(),
        order: 1,
        result_sha256: String::new(),
        report,
        retry_after: RetryAfter::Temporary,
    };
    let failed = |reason| report(Report::Failed { command: 5, reason, element: None });
    let cancel = |reason| Command::CancelSession {
        transaction: session(),
        order: 1,
        eid: eid(),
        reason,
        ends_order: reason != 1,
    };
    let reserve = |eid| Command::DownloadOrder { call: call("new"), repeat_key: None, eid, expires_at: None };
    match command {
        "DownloadOrder, no EID" => (operator, reserve(None)),
        "DownloadOrder, EID" => (operator, reserve(Some(eid()))),
        "ConfirmOrder, keep" => (operator, confirm(false)),
        "ConfirmOrder, release" => (operator, confirm(true)),
        "ReleaseProfile" => (operator, Command::ReleaseProfile),
        "CancelOrder" => (operator, cancel_order(state)),
        "AuthenticateClient" => {
            (device, Command::Authorise { transaction: session(), limits: LIMITS, ineligible: None })
        }
        "GetBoundProfilePackage, wrong code" => {
            (device, Command::RefuseConfirmationCode { transaction: session(), limits: LIMITS })
        }
        "GetBoundProfilePackage" => {
            let one_time_key = OneTimeKey::New;
            (device, Command::Bind { transaction: session(), eid: eid(), one_time_key, rebind: true })
        }
        "result: installed" => (device, report(Report::Installed)),
        "result: failed" => (device, failed(12)),
        "result: failed, a reason to retry after" => (device, failed(10)),
        "CancelSession, final" => (device, cancel(0)),
        "CancelSession, postponed or timeout" => (device, cancel(1)),
        "order set" => {
            let admin = Actor::Admin { name: "ada".to_owned() };
            let change = OrderChange { download_attempts_max: Some(20), ..OrderChange::default() };
            (admin, Command::SetOrder(change))
        }
        other => panic!("the page has a command that this test does not know: {other}"),
    }
}

fn confirm(release_flag: bool) -> Command {
    Command::ConfirmOrder(Confirm {
        eid: None,
        matching_id: None,
        fresh: MatchingId::parse("FRESH").unwrap(),
        confirmation_code_hash: None,
        release_flag,
    })
}

/// CancelOrder that names what the order has: its EID, and no MatchingID since that is empty.
fn cancel_order(state: State) -> Command {
    Command::CancelOrder {
        call: call("cancel"),
        eid: (state != State::Allocated).then(eid),
        matching_id: None,
        final_state: FinalState::Available,
    }
}

/// A Profile in this state, with the order that leads there.
fn profile(state: State, release_flag: bool) -> Profile {
    let ordered = !matches!(state, State::Available | State::Unavailable);
    let confirmed = ordered && !matches!(state, State::Allocated | State::Linked);
    let bound = matches!(state, State::Downloaded | State::Installed);
    let matching_id = MatchingId::parse("").unwrap();
    let confirmation = Confirmation { matching_id, confirmation_code_hash: None, release_flag };
    let order = Order {
        number: 1,
        call: call("first"),
        repeat_key: None,
        ordered_at: NOW,
        expires_at: None,
        eid: (state != State::Allocated).then(eid),
        confirmation: confirmed.then_some(confirmation),
        download_attempts: 0,
        confirmation_code_attempts: 0,
        session: Some(session()),
        bound: bound.then(|| Bound { eid: eid(), transaction: session() }),
        out: if bound { vec![session()] } else { Vec::new() },
        failure: None,
        set: OrderSettings::default(),
    };
    Profile::stored(Stored {
        iccid: Iccid::parse("8900012345678901234").unwrap(),
        operator: OperatorId::parse("acme").unwrap(),
        profile_type: ProfileType::parse("consumer").unwrap(),
        state,
        orders: u32::from(ordered),
        order: ordered.then_some(order),
        cancelled_by: None,
    })
}

fn call(text: &str) -> FunctionCallId {
    FunctionCallId::parse(text).unwrap()
}

fn eid() -> Eid {
    Eid::parse("89049032123451234512345678901235").unwrap()
}

fn session() -> TransactionId {
    TransactionId::from_octets(&[7; 16]).unwrap()
}
