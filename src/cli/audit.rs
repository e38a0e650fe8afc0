//! `smdpp audit`: read the trail, and prove that nobody changed it.
use serde_json::Value;
use serde_json::json;

use super::CliError;
use super::out::Out;
use super::out::Paint;
use super::table::Cell;
use super::table::Table;
use crate::audit::Entry;
use crate::audit::Replay;
use crate::audit::Unsound;
use crate::config::Config;
use crate::event::Event;
use crate::event::Failure;
use crate::event::OneTimeKey;
use crate::event::SmdsReply;
use crate::event::What;
use crate::event::cancel_reason;
use crate::store::Store;
use crate::types::Iccid;
use crate::types::State;
use crate::types::hex;
use crate::world::World;

#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// Show the life of one Profile, or the newest entries
    #[command(after_help = "Examples:
  smdpp audit show
  smdpp audit show --iccid 8900012345678901234
  smdpp audit show --last 50
  smdpp --json audit show --last 1000")]
    Show {
        /// The life of this Profile, oldest first
        #[arg(long, conflicts_with = "last")]
        iccid: Option<String>,
        /// The newest N entries of all Profiles
        #[arg(long, value_name = "N", default_value_t = 20,
              value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        last: i64,
    },
    /// Recompute the whole trail and compare it with the Profiles
    ///
    /// Exit code 2 and the first entry that does not hold, if somebody changed, moved, added or removed one.
    /// Note the head hash elsewhere and give it next time: that proves that the trail was neither cut at its end
    /// nor written anew by somebody who knows how.
    #[command(after_help = "Examples:
  smdpp audit verify
  smdpp audit verify --noted 2f4e…        a head hash of an earlier verification")]
    Verify {
        /// A head hash noted earlier: it must be in the trail
        #[arg(long, value_name = "HASH", value_parser = hash)]
        noted: Option<[u8; 32]>,
    },
}

impl AuditCommand {
    pub async fn run(self, config: &Config, out: &mut Out<'_>) -> Result<(), CliError> {
        let store = World::open_store(config)?;
        match self {
            Self::Show { iccid: Some(iccid), .. } => {
                let iccid = Iccid::parse(&iccid)?;
                let entries = store.reader().trail_of(&iccid).await?;
                if entries.is_empty() {
                    return Err(CliError::Refused(format!("nothing ever happened to an ICCID {iccid} here")));
                }
                show(&entries, false, out)
            }
            Self::Show { iccid: None, last } => {
                let entries = store.reader().trail_end(last).await?;
                show(&entries, true, out)
            }
            Self::Verify { noted } => verify(&store, noted, out).await,
        }
    }
}

fn hash(text: &str) -> Result<[u8; 32], &'static str> {
    let octets = hex::decode(text.trim()).and_then(|octets| octets.try_into().ok());
    octets.ok_or("a head hash has 64 hexadecimal digits")
}

fn show(entries: &[Entry], all: bool, out: &mut Out<'_>) -> Result<(), CliError> {
    if entries.is_empty() && !out.json {
        return out.text("Nothing has happened yet.\n");
    }
    let mut events = Vec::with_capacity(entries.len());
    for entry in entries {
        let event = entry.event().map_err(|error| {
            CliError::Unsound(Unsound { seq: entry.seq, why: format!("not an event: {error}") })
        })?;
        events.push((entry, event));
    }
    if out.json {
        let rows: Vec<Value> = events.iter().map(|(entry, event)| document(entry, event)).collect();
        return out.document(&json!({ "entries": rows }));
    }
    // The life of one Profile names it once, above.
    let mut table = Table::new(["ENTRY", "WHEN", if all { "ICCID" } else { "" }, "WHO", "STATE", "WHAT"]);
    for (entry, event) in &events {
        table.row([
            entry.seq.to_string().into(),
            entry.at.to_string().into(),
            Cell(if all { entry.iccid.clone() } else { String::new() }, Paint::Plain),
            event.actor.to_string().into(),
            steps(event.from, event.to).into(),
            sentence(&event.what).into(),
        ]);
    }
    if let [(first, _), ..] = events.as_slice()
        && !all
    {
        out.text(&format!("The life of ICCID {}\n\n", first.iccid))?;
    }
    let text = table.render(out);
    out.text(&text)
}

fn document(entry: &Entry, event: &Event) -> Value {
    json!({
        "seq": entry.seq,
        "at": entry.at.to_string(),
        "at_ms": entry.at.unix_ms(),
        "hash": hex::encode(&entry.hash),
        "says": sentence(&event.what),
        "event": event,
    })
}

fn steps(from: Option<State>, to: State) -> String {
    match from {
        Some(from) if from == to => to.to_string(),
        Some(from) => format!("{from} → {to}"),
        None => format!("→ {to}"),
    }
}

/// What happened, for people.
pub(super) fn sentence(what: &What) -> String {
    match what {
        What::ProfileImported { profile_type, octets, package_sha256 } => {
            let digest = package_sha256.get(..16).unwrap_or(package_sha256);
            format!("put in stock as {profile_type}: {octets} octets, SHA-256 {digest}…")
        }
        What::DownloadOrdered { order, call, eid, expires_at } => {
            let eid = eid.as_ref().map_or_else(String::new, |eid| format!(" for EID {eid}"));
            let end = expires_at.map_or_else(String::new, |end| format!(", until {end}"));
            format!("order {order} made{eid}{end} (call {call})")
        }
        What::OrderConfirmed { order, eid, confirmation_code } => {
            let eid = eid.as_ref().map_or_else(String::new, |eid| format!(" for EID {eid}"));
            let code = if *confirmation_code { " with a confirmation code" } else { "" };
            format!("order {order} confirmed{eid}{code}")
        }
        What::ProfileReleased { order } => format!("order {order} released for download"),
        What::OrderCancelled { order } => format!("order {order} cancelled"),
        What::DownloadAuthorised { order, attempt, transaction } => {
            format!("download attempt {attempt} of order {order} authorised (session {transaction})")
        }
        What::ConfirmationCodeRefused { order, attempt, transaction } => {
            format!("wrong confirmation code, number {attempt}, on order {order} (session {transaction})")
        }
        What::ConfirmationCodeMissing { order, transaction } => {
            format!("no confirmation code was given for order {order} (session {transaction})")
        }
        What::PackageBound { order, eid, one_time_key, transaction } => {
            let again = match one_time_key {
                OneTimeKey::New => "",
                OneTimeKey::Reused => " again, under its first one-time key",
            };
            format!("order {order} bound to eUICC {eid} and sent{again} (session {transaction})")
        }
        What::ProfileInstalled { order, transaction, .. } => {
            format!("the eUICC installed it for order {order} (session {transaction})")
        }
        What::InstallationFailed { order, transaction, command, reason, element, .. } => {
            let (command, reason, element) = (*command, *reason, *element);
            let failure = Failure::Installation { command, reason, element };
            format!("order {order}: {} (session {transaction})", failure.explain())
        }
        What::SessionCancelled { order, transaction, reason } => {
            format!("the device cancelled order {order}: {} (session {transaction})", cancel_reason(*reason))
        }
        What::OrderFailed { order, failure } => format!("order {order} ended: {}", failure.explain()),
        What::NotificationReceived { notification, sequence } => {
            format!("the eUICC says {notification} (notification {sequence})")
        }
        What::ResultLate { order, transaction, installed } => {
            let result = if *installed { "installed" } else { "not installed" };
            format!("a late result of order {order}: {result} (session {transaction})")
        }
        What::EventAnnounced { order, smds_address, call } => {
            format!("order {order}: SM-DS {smds_address} is told of it (try {call})")
        }
        What::EventNotRegistered { order, smds_address, reply } => {
            format!("order {order}: SM-DS {smds_address} {}", said(*reply))
        }
        What::OrderSet { order, download_attempts_max, confirmation_code_attempts_max, expires_at } => {
            let end = expires_at.map_or("never".to_owned(), |end| end.to_string());
            let (downloads, codes) = (limit(*download_attempts_max), limit(*confirmation_code_attempts_max));
            format!(
                "order {order} set: download attempts {downloads}, confirmation code attempts {codes}, expires {end}"
            )
        }
        What::NotificationInvalid { transaction, .. } => {
            format!("a notification that does not hold was put aside (session {transaction})")
        }
    }
}

fn said(reply: SmdsReply) -> &'static str {
    match reply {
        SmdsReply::Refused => "refused the event",
        SmdsReply::Unreachable => "could not be reached",
        SmdsReply::Silent => "gave no answer: it may have the event",
    }
}

fn limit(own: Option<u32>) -> String {
    own.map_or("by policy".to_owned(), |limit| limit.to_string())
}

async fn verify(store: &Store, noted: Option<[u8; 32]>, out: &mut Out<'_>) -> Result<(), CliError> {
    match replay(store, noted).await? {
        Ok((replay, profiles)) => {
            let (entries, head) = (replay.head().seq, hex::encode(&replay.head().hash).to_lowercase());
            if out.json {
                return out.document(
                    &json!({ "verified": true, "entries": entries, "profiles": profiles, "head": head }),
                );
            }
            let verdict = out.paint(Paint::Good, "The audit trail holds.");
            out.text(&format!("{verdict} {entries} entries, {profiles} profiles\nhead {head}\n"))
        }
        Err(unsound) => {
            if out.json {
                out.document(&json!({ "verified": false, "entry": unsound.seq, "why": unsound.why }))?;
            }
            Err(CliError::Unsound(unsound))
        }
    }
}

/// Follows the trail page by page, then sets it beside the Profiles. The outer error is: could not.
///
/// A server that runs meanwhile moves Profiles after we read the trail. So what it appended since is followed
/// before anything is called a difference.
async fn replay(
    store: &Store,
    noted: Option<[u8; 32]>,
) -> Result<Result<(Replay, usize), Unsound>, CliError> {
    const TRIES: usize = 5;
    let sealed = store.reader().sealed_head().await?.map(|head| head.hash);
    let mut trail = Trail { replay: Replay::default(), noted: noted.into_iter().chain(sealed).collect() };
    let mut difference: Option<Unsound> = None;
    for _ in 0..TRIES {
        let start = trail.replay.head().seq;
        if let Err(unsound) = trail.follow(store).await? {
            return Ok(Err(unsound));
        }
        let seq = trail.replay.head().seq;
        if sealed.is_none() && seq > 0 {
            let why = "the sealed head of the trail is missing: the database was changed by hand".to_owned();
            return Ok(Err(Unsound { seq, why }));
        }
        if !trail.noted.is_empty() {
            let why =
                "the trail was cut at its end or written anew: a head hash that was noted or sealed is not in it".to_owned();
            return Ok(Err(Unsound { seq, why }));
        }
        // Nothing was appended since the comparison: the difference is real.
        if let Some(unsound) = difference.take_if(|_| start == seq) {
            return Ok(Err(unsound));
        }
        let states = states(store).await?;
        match trail.replay.compare(states.iter().map(|(iccid, state)| (iccid.as_str(), *state))) {
            Ok(profiles) => return Ok(Ok((trail.replay, profiles))),
            Err(unsound) => difference = Some(unsound),
        }
    }
    Err(CliError::Refused("the server is too busy to compare: try again when it has less to do".to_owned()))
}

/// The trail as far as it was followed, and the head hashes that must still be met.
struct Trail {
    replay: Replay,
    noted: Vec<[u8; 32]>,
}

impl Trail {
    async fn follow(&mut self, store: &Store) -> Result<Result<(), Unsound>, CliError> {
        loop {
            let page = store.reader().trail(self.replay.head().seq).await?;
            if page.is_empty() {
                return Ok(Ok(()));
            }
            for entry in &page {
                if let Err(unsound) = self.replay.follow(entry) {
                    return Ok(Err(unsound));
                }
                self.noted.retain(|noted| *noted != entry.hash);
            }
        }
    }
}

async fn states(store: &Store) -> Result<Vec<(String, State)>, CliError> {
    let mut all: Vec<(String, State)> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |(iccid, _)| iccid.clone());
        let page = store.reader().states(&after).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
