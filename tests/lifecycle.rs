//! `specs/lifecycle.md` is what the code does: every cell of its two tables is played against `Profile::decide`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
use smdpp::errand::{Agreement, Agreements, LaterLife, Point, told};
use smdpp::event::{OneTimeKey, What, cancel_reason};
use smdpp::profile::{
    Bound, Command, Confirm, Confirmation, FinalState, Ineligible, Limits, Order, OrderChange, OrderSettings,
    Profile, Report, RetryAfter, Stored, Transition,
};
use smdpp::time::Timestamp;
use smdpp::types::{
    Actor, Eid, FunctionCallId, Iccid, MatchingId, OperatorId, ProfileType, State, StatusCode, TransactionId,
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

#[test]
fn every_row_of_who_is_told_is_what_the_code_does() {
    let mut wrong = Vec::new();
    let rows = told_rows();
    for [trigger, says, when] in &rows {
        let moved = happens(trigger);
        let heard = |agreement: Agreement| {
            let agreements: Agreements =
                [(OperatorId::parse("acme").unwrap(), agreement)].into_iter().collect();
            let errands = moved.iter().flat_map(|moved| told(moved, &agreements, NOW));
            errands.map(|errand| errand.title().replace("point ", "")).collect::<Vec<_>>()
        };
        let later_life = LaterLife { enable: Some(100), ..LaterLife::default() };
        let all = heard(Agreement { points: Point::ALL.into(), later_life });
        let none = heard(Agreement::default());
        let (wanted_all, wanted_none) = match when.as_str() {
            "always" => (vec![says.clone()], vec![says.clone()]),
            "agreed" => (vec![says.clone()], Vec::new()),
            _ => (Vec::new(), Vec::new()),
        };
        if (&all, &none) != (&wanted_all, &wanted_none) {
            wrong.push(format!("{trigger}: the page says {says} ({when}), the code {all:?}, {none:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(rows.len(), 27);
}

/// The rows of the table that begins with a column "Trigger".
fn told_rows() -> Vec<[String; 3]> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with("| Trigger |")).skip(2);
    let row = |line: &str| {
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let [_, trigger, says, when, _] = <[String; 5]>::try_from(cells).unwrap();
        [trigger, says, when]
    };
    lines.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// The moves of a trigger; the first row has four.
fn happens(trigger: &str) -> Vec<Transition> {
    let authorise = |ineligible| Command::Authorise { transaction: session(), limits: LIMITS, ineligible };
    let one_time_key = OneTimeKey::New;
    let bind = |rebind| Command::Bind { transaction: session(), eid: eid(), one_time_key, rebind };
    let refuse = || Command::RefuseConfirmationCode { transaction: session(), limits: LIMITS };
    let (released, downloaded) = (State::Released, State::Downloaded);
    let plain: fn(&mut Order) = |_| {};
    let expired: fn(&mut Order) = |order| order.expires_at = Some(NOW);
    let used_up: fn(&mut Order) = |order| {
        order.download_attempts = LIMITS.download_attempts_max;
        order.confirmation_code_attempts = LIMITS.confirmation_code_attempts_max;
    };
    let ineligible =
        |terminal| Ineligible { status: StatusCode::NOT_ELIGIBLE, why: "so".to_owned(), terminal };
    let note = |what| vec![profile(State::Installed, true).noted(Actor::Euicc { eid: eid() }, what)];
    let notification = |name: &str| What::NotificationReceived { notification: name.to_owned(), sequence: 1 };
    let (state, order, command) = match trigger {
        "DownloadOrder, ConfirmOrder, ReleaseProfile, CancelOrder" => {
            let commands = [
                (State::Available, "DownloadOrder, EID"),
                (State::Linked, "ConfirmOrder, release"),
                (State::Confirmed, "ReleaseProfile"),
                (State::Confirmed, "CancelOrder"),
            ];
            let moved = |(state, name)| {
                let (actor, command) = typed(state, name);
                profile(state, false).decide(actor, command, NOW).unwrap().unwrap()
            };
            return commands.map(moved).into();
        }
        "AuthenticateClient, accepted" => (released, plain, authorise(None)),
        "AuthenticateClient, the eUICC forbids a rule of the Profile" => {
            (released, plain, authorise(Some(ineligible(true))))
        }
        "AuthenticateClient, no memory, or no room for one more Profile" => {
            (released, plain, authorise(Some(ineligible(false))))
        }
        "AuthenticateClient, too many download attempts" => (released, used_up, authorise(None)),
        "AuthenticateClient, the order has expired" => (released, expired, authorise(None)),
        "GetBoundProfilePackage, the order has expired" => (released, expired, bind(true)),
        "GetBoundProfilePackage, no Confirmation Code" => {
            return note(What::ConfirmationCodeMissing { order: 1, transaction: session() });
        }
        "GetBoundProfilePackage, wrong Confirmation Code" => (released, plain, refuse()),
        "GetBoundProfilePackage, too many wrong Confirmation Codes" => (released, used_up, refuse()),
        "GetBoundProfilePackage, the package leaves" => (released, plain, bind(true)),
        "GetBoundProfilePackage, another one-time key and `rebind = false`" => {
            (downloaded, plain, bind(false))
        }
        "result that has nothing to move" => (State::Installed, plain, typed(downloaded, "result: failed").1),
        "CancelSession endUserRejection, no package has left" => {
            (released, plain, typed(released, "CancelSession, final").1)
        }
        "CancelSession of a package, the order being in Error already" => (State::Error, plain, cancel(0)),
        "notification: enable" => return note(notification("enable")),
        "notification: install" => return note(notification("install")),
        trigger => {
            let reason = trigger.strip_prefix("CancelSession ");
            let reason = reason.map(|name| (0..=127).find(|n| cancel_reason(*n) == name).unwrap());
            let command = reason.map_or_else(|| typed(downloaded, trigger).1, cancel);
            (downloaded, plain, command)
        }
    };
    match profile_with(state, true, order).decide(Actor::Euicc { eid: eid() }, command, NOW) {
        Ok(moved) => moved.into_iter().collect(),
        Err(denied) => denied.moved.into_iter().collect(),
    }
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
    let reserve = |eid| Command::DownloadOrder { call: call("new"), repeat_key: None, eid, expires_at: None };
    match command {
        "DownloadOrder, no EID" => (operator, reserve(None)),
        "DownloadOrder, EID" => (operator, reserve(Some(eid()))),
        "ConfirmOrder, keep" => (operator, confirm(false)),
        "ConfirmOrder, release" => (operator, confirm(true)),
        "ReleaseProfile" => (operator, Command::ReleaseProfile { heard: None }),
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

fn cancel(reason: u8) -> Command {
    let ends_order = !matches!(reason, 1 | 2);
    Command::CancelSession { transaction: session(), order: 1, eid: eid(), reason, ends_order }
}

fn confirm(release_flag: bool) -> Command {
    Command::ConfirmOrder(Confirm {
        eid: None,
        matching_id: None,
        fresh: MatchingId::parse("FRESH").unwrap(),
        confirmation_code_hash: None,
        release_flag,
        smds_address: None,
        heard: None,
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
    profile_with(state, release_flag, |_| {})
}

fn profile_with(state: State, release_flag: bool, change: impl FnOnce(&mut Order)) -> Profile {
    let ordered = !matches!(state, State::Available | State::Unavailable);
    let confirmed = ordered && !matches!(state, State::Allocated | State::Linked);
    let bound = matches!(state, State::Downloaded | State::Installed);
    let matching_id = MatchingId::parse("").unwrap();
    let confirmation = Confirmation { matching_id, confirmation_code_hash: None, release_flag };
    let mut order = Order {
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
        event: None,
        failure: None,
        set: OrderSettings::default(),
    };
    change(&mut order);
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
