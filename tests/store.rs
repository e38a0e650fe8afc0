//! The store alone: group commit, conflicts, the sealing key, what a stranger with the file can read.
#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]
use std::path::Path;
use std::sync::Arc;

use smdpp::change::{Change, Package, Versioned};
use smdpp::errand::{Errand, PointStatus, Posted, Progress};
use smdpp::hsm::Sealer;
use smdpp::profile::{Command, Confirm, Import, Profile};
use smdpp::store::{CommitError, Store, Undelivered};
use smdpp::time::Timestamp;
use smdpp::types::{
    Actor, CodeHash, Eid, FunctionCallId, Iccid, MatchingId, OperatorId, ProfileType, Secret, State,
};

const EID: &str = "89049032123451234512345678901235";
const MATCHING_ID: &str = "K3YF0-R7HED-00R01-23456";

fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_795_305_600_000)
}

fn open(path: &Path, key: u8) -> Result<Store, smdpp::fault::Fault> {
    Store::open(path, Arc::new(Sealer::new(&Secret::new([key; 32])).unwrap()))
}

fn iccid(n: u64) -> Iccid {
    Iccid::parse(&format!("8999900000000{n:06}")).unwrap()
}

fn admin() -> Actor {
    Actor::Admin { name: "test".to_owned() }
}

fn import(n: u64) -> Change {
    let import = Import {
        iccid: iccid(n),
        operator: OperatorId::parse("acme").unwrap(),
        profile_type: ProfileType::parse("basic").unwrap(),
        package_sha256: String::new(),
        octets: 9,
    };
    let package = Package {
        iccid: iccid(n),
        metadata: b"metadata".to_vec(),
        octets: 9,
        version: None,
        keys: Secret::new(b"the profile keys".to_vec()),
        protected: b"the package with Ki and OPc".to_vec(),
    };
    Change::default().profile(Versioned::new(Profile::imported(admin(), import))).package(package)
}

async fn profile(store: &Store, n: u64) -> Versioned<Profile> {
    store.reader().profile(&iccid(n)).await.unwrap().unwrap()
}

fn step(profile: Versioned<Profile>, command: Command) -> Change {
    let Versioned { value, version } = profile;
    let transition = value.decide(admin(), command, now()).unwrap().unwrap();
    Change::default().profile(Versioned { value: transition, version })
}

fn order(call: &str) -> Command {
    let eid = Some(Eid::parse(EID).unwrap());
    let call = FunctionCallId::parse(call).unwrap();
    Command::DownloadOrder { call, repeat_key: None, eid, expires_at: None }
}

fn confirm() -> Command {
    Command::ConfirmOrder(Confirm {
        eid: None,
        matching_id: None,
        fresh: MatchingId::parse(MATCHING_ID).unwrap(),
        confirmation_code_hash: Some(CodeHash::new([0x5A; 32])),
        release_flag: true,
        smds_address: None,
        heard: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_at_once_are_all_written_and_chained() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("db"), 1).unwrap());
    let writes = (0..300).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(now(), import(n)).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    let trail = store.reader().trail(0).await.unwrap();
    assert_eq!(trail.len(), 300);
    let mut replay = smdpp::audit::Replay::default();
    trail.iter().for_each(|entry| replay.follow(entry).unwrap());
    assert_eq!(store.reader().sealed_head().await.unwrap(), Some(*replay.head()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_to_one_row_one_wins_and_its_neighbours_do_not_suffer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("db"), 1).unwrap());
    store.commit(now(), import(0)).await.unwrap();
    let read = profile(&store, 0).await;
    let mut writes = Vec::new();
    for n in 1..50u64 {
        let (racer, neighbour) = (Arc::clone(&store), Arc::clone(&store));
        let change = step(read.clone(), order(&format!("call {n}")));
        writes.push(tokio::spawn(async move { (racer.commit(now(), change).await, true) }));
        writes.push(tokio::spawn(async move { (neighbour.commit(now(), import(n)).await, false) }));
    }
    let mut won = 0;
    for write in writes {
        match write.await.unwrap() {
            (Ok(()), true) => won += 1,
            (Err(CommitError::Conflict), true) | (Ok(()), false) => {}
            (outcome, races) => panic!("{outcome:?} (racing: {races})"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(profile(&store, 0).await.value.state(), State::Linked);
    assert_eq!(store.reader().trail(0).await.unwrap().len(), 51, "a change that lost left no entry");
}

#[tokio::test]
async fn two_programs_on_one_database_write_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let (server, command) = (open(&path, 1).unwrap(), open(&path, 1).unwrap());
    for n in 0..20 {
        let store = if n % 2 == 0 { &server } else { &command };
        store.commit(now(), import(n)).await.unwrap();
    }
    let mut replay = smdpp::audit::Replay::default();
    server.reader().trail(0).await.unwrap().iter().for_each(|entry| replay.follow(entry).unwrap());
    assert_eq!(replay.head().seq, 20);
}

#[tokio::test]
async fn a_matching_id_names_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"), 1).unwrap();
    for n in 0..2 {
        store.commit(now(), import(n)).await.unwrap();
        store.commit(now(), step(profile(&store, n).await, order("one"))).await.unwrap();
    }
    store.commit(now(), step(profile(&store, 0).await, confirm())).await.unwrap();
    let second = store.commit(now(), step(profile(&store, 1).await, confirm())).await;
    assert!(matches!(second, Err(CommitError::Conflict)));
    let named = store.reader().profile_by_matching_id(&MatchingId::parse(MATCHING_ID).unwrap()).await;
    assert_eq!(*named.unwrap().unwrap().value.iccid(), iccid(0));
    assert_eq!(store.reader().profiles_of(&Eid::parse(EID).unwrap()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_database_of_another_sealing_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(open(&path, 1).unwrap());
    let refused = open(&path, 2).err().unwrap();
    assert!(refused.story().contains("sealed with another key"), "{}", refused.story());
    open(&path, 1).unwrap();
}

#[tokio::test]
async fn the_file_shows_no_secret_that_was_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"), 1).unwrap();
    store.commit(now(), import(0)).await.unwrap();
    store.commit(now(), step(profile(&store, 0).await, order("one"))).await.unwrap();
    store.commit(now(), step(profile(&store, 0).await, confirm())).await.unwrap();
    let package = store.reader().package(&iccid(0)).await.unwrap().unwrap();
    assert_eq!(package.protected, b"the package with Ki and OPc");

    let mut all = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        all.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let shows = |secret: &[u8]| all.windows(secret.len()).any(|window| window == secret);
    assert!(shows(b"metadata"), "what is not secret is readable, so the search works");
    for secret in [&b"the package with Ki"[..], b"the profile keys", MATCHING_ID.as_bytes(), &[0x5A; 32]] {
        assert!(!shows(secret), "{}", String::from_utf8_lossy(secret));
    }
    assert!(!shows("90,90,90,90,90".as_bytes()), "the hash of a confirmation code, as JSON would write it");
}

#[tokio::test]
async fn the_trail_cannot_be_edited_by_a_slip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = open(&path, 1).unwrap();
    store.commit(now(), import(0)).await.unwrap();
    let database = rusqlite::Connection::open(&path).unwrap();
    for slip in ["UPDATE trail SET at = 0", "DELETE FROM trail"] {
        let refused = database.execute(slip, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    let cell = database.execute("UPDATE profile SET state = 'Released'", []);
    assert!(cell.is_err(), "an order-less Profile cannot be released");
}

fn posted(n: u64, operator: &str, call: &str) -> Posted {
    let progress = Progress {
        operator: OperatorId::parse(operator).unwrap(),
        eid: Some(Eid::parse(EID).unwrap()),
        iccid: iccid(n),
        profile_type: ProfileType::parse("basic").unwrap(),
        at: now(),
        point: 4,
        status: PointStatus::Success,
        result_data: Some(b"\xA2\x02A0".to_vec()),
    };
    Posted { call: FunctionCallId::parse(call).unwrap(), errand: Errand::Progress(progress) }
}

/// A store in which these errands wait: operator and call.
async fn with_errands(errands: &[(&str, &str)]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"), 1).unwrap();
    for (n, (operator, call)) in (0..).zip(errands) {
        let change = import(n).errand(posted(n, operator, call));
        store.commit(now(), change).await.unwrap();
    }
    (folder, store)
}

async fn heads(store: &Store, at: Timestamp) -> Vec<String> {
    let heads = store.reader().errand_heads(at).await.unwrap();
    heads.into_iter().map(|head| head.posted.call.to_string()).collect()
}

fn failed(due_at: Timestamp, aside: bool) -> Undelivered {
    Undelivered { why: "HTTP 500".to_owned(), due_at, aside, given_up: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_receiver_has_a_lane_and_its_oldest_errand_is_the_head_until_it_is_delivered() {
    let (_folder, store) = with_errands(&[("acme", "a1"), ("beta", "b1"), ("acme", "a2")]).await;
    assert_eq!(heads(&store, now()).await, ["a1", "b1"]);
    let head = store.reader().errand_heads(now()).await.unwrap().swap_remove(0);
    assert_eq!((head.posted, head.tries, head.since), (posted(0, "acme", "a1"), 0, now()));

    let a1 = FunctionCallId::parse("a1").unwrap();
    store.undelivered(&a1, failed(now().plus_ms(1000), false)).await.unwrap();
    assert_eq!(heads(&store, now()).await, ["a1", "b1"], "a2 waits behind a1");
    store.delivered(&a1).await.unwrap();
    assert_eq!(heads(&store, now()).await, ["a2", "b1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_errand_put_aside_lets_others_pass_until_it_is_due_again() {
    let (_folder, store) = with_errands(&[("acme", "a1"), ("acme", "a2")]).await;
    let later = now().plus_ms(1000);
    store.undelivered(&FunctionCallId::parse("a1").unwrap(), failed(later, true)).await.unwrap();
    assert_eq!(heads(&store, now()).await, ["a2"]);
    assert_eq!(heads(&store, later).await, ["a1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_errand_that_was_given_up_is_seen_and_can_be_tried_again() {
    let (_folder, store) = with_errands(&[("acme", "a1"), ("beta", "b1")]).await;
    for call in ["a1", "b1"] {
        let given_up = Undelivered { given_up: true, ..failed(now(), false) };
        store.undelivered(&FunctionCallId::parse(call).unwrap(), given_up).await.unwrap();
    }
    assert_eq!(heads(&store, now()).await, Vec::<String>::new());
    let seen = store.reader().errands_of(&iccid(0)).await.unwrap();
    assert!(seen[0].given_up && seen[0].tries == 1 && seen[0].last_error.as_deref() == Some("HTTP 500"));
    assert_eq!(seen[0].title, "point 4 Executed-Success");

    let later = now().plus_ms(9000);
    assert_eq!(store.retry_errands(Some("operator acme"), later).await.unwrap(), 1);
    let again = store.reader().errand_heads(later).await.unwrap();
    assert_eq!((again.len(), again[0].tries, again[0].since, again[0].due_at), (1, 0, later, later));
    assert_eq!(store.retry_errands(None, later).await.unwrap(), 2);
}

/// A row that was damaged on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn an_errand_that_cannot_be_read_stops_its_own_lane_only() {
    let (folder, store) = with_errands(&[("acme", "a1"), ("beta", "b1")]).await;
    let file = rusqlite::Connection::open(folder.path().join("db")).unwrap();
    file.execute("UPDATE outbox SET body = x'00' WHERE call = 'a1'", []).unwrap();
    assert_eq!(heads(&store, now()).await, ["b1"]);
    assert_eq!(store.reader().errands(None, 9).await.unwrap().len(), 2, "and it is still listed");
}

/// One transaction: no errand about what did not happen.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_conflicts_leaves_no_errand() {
    let (_folder, store) = with_errands(&[]).await;
    store.commit(now(), import(0)).await.unwrap();
    let read = profile(&store, 0).await;
    store.commit(now(), step(read.clone(), order("first"))).await.unwrap();
    let late = step(read, order("second")).errand(posted(0, "acme", "a1"));
    assert!(matches!(store.commit(now(), late).await, Err(CommitError::Conflict)));
    assert_eq!(heads(&store, now()).await, Vec::<String>::new());
}

/// A dead operator's thousands cost another one's errand nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_heads_are_found_however_many_wait() {
    let (_folder, store) = with_errands(&[]).await;
    store.commit(now(), import(0)).await.unwrap();
    let many = |operator: &str, count: usize| {
        let errands = (0..count).map(|n| posted(0, operator, &format!("{operator}{n}")));
        errands.fold(Change::default(), Change::errand)
    };
    store.commit(now(), many("acme", 20_000)).await.unwrap();
    store.commit(now(), many("beta", 1)).await.unwrap();
    heads(&store, now()).await;
    let begin = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(heads(&store, now()).await, ["acme0", "beta0"]);
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(1), "{:?} for 100", begin.elapsed());
}

/// A database of the first schema is brought up to date where it lies, with what it holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_is_opened_with_all_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smdpp.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/sqlite/0001_house.sql")).unwrap();
    old.execute_batch("PRAGMA user_version = 1").unwrap();
    let stock = "INSERT INTO profile (iccid, operator, profile_type, state, orders, updated_at, version)
                   VALUES (?1, 'acme', 'basic', 'Available', 0, 1, 1)";
    old.execute(stock, [iccid(0).as_str()]).unwrap();
    let package =
        "INSERT INTO package (iccid, metadata, octets, keys, sealed) VALUES (?1, x'01', 9, x'02', x'03')";
    old.execute(package, [iccid(0).as_str()]).unwrap();
    old.execute("INSERT INTO notification (eid_index, sequence, received_at) VALUES (x'AA', 7, 1)", [])
        .unwrap();
    drop(old);
    for _ in 0..2 {
        let store = open(&path, 7).unwrap();
        assert_eq!(profile(&store, 0).await.value.state(), State::Available);
        let facts = store.reader().package_facts(&iccid(0)).await.unwrap().unwrap();
        assert!(facts.version.is_none() && facts.octets > 0);
        assert!(store.reader().errand_heads(now()).await.unwrap().is_empty());
    }
    let new = rusqlite::Connection::open(&path).unwrap();
    let seen = new.query_row("SELECT sequence FROM notification_seen", [], |row| row.get::<_, i64>(0));
    assert_eq!(seen.unwrap(), 7);
}
