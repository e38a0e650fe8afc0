//! `smdpp order`: what is ordered, why an order stands where it stands, and other limits for one.
mod evidence;
mod set;

use serde_json::Value;
use serde_json::json;

use evidence::Evidence;

use super::CliError;
use super::out::Out;
use super::out::Paint;
use super::outbox;
use super::profile::show;
use super::profile::show::Choice;
use super::profile::show::pairs;
use super::profile::show::state_cell;
use super::table::Cell;
use super::table::Table;
use crate::change::Versioned;
use crate::config::Config;
use crate::profile::EventStatus;
use crate::profile::Order;
use crate::profile::Policy;
use crate::profile::Profile;
use crate::store::Filter;
use crate::store::Store;
use crate::store::Waiting;
use crate::time::Timestamp;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::State;
use crate::world::World;

/// Profiles looked at in one go while orders are searched.
const PAGE: i64 = 1000;

#[derive(Debug, clap::Subcommand)]
pub enum OrderCommand {
    /// List the orders, in the order of their ICCIDs
    #[command(after_help = "Examples:
  smdpp order list
  smdpp order list --state Error
  smdpp --json order list --operator acme --limit 100000")]
    List {
        #[command(flatten)]
        choice: Choice,
    },
    /// Explain one order: where it stands, why, and what comes next
    #[command(after_help = "Examples:
  smdpp order show 8900012345678901234
  smdpp order show 8900012345678901234 --reveal     with the Activation Code, which is a secret")]
    Show {
        iccid: String,
        /// Show the MatchingID and the Activation Code: whoever knows them may download
        #[arg(long)]
        reveal: bool,
    },
    /// Give one order other limits, or another end
    ///
    /// It counts at once, also for a server that runs. An order that has ended is not opened again.
    #[command(after_help = "Examples:
  smdpp order set 8900012345678901234 --download-attempts 20
  smdpp order set 8900012345678901234 --confirmation-code-attempts 6 --expires +30d")]
    Set {
        iccid: String,
        #[command(flatten)]
        wanted: set::Wanted,
    },
}

impl OrderCommand {
    pub async fn run(self, config: &Config, now: Timestamp, out: &mut Out<'_>) -> Result<(), CliError> {
        let store = World::open_store(config)?;
        match self {
            Self::List { choice } => list(&store, &choice, config, out).await,
            Self::Show { iccid, reveal } => {
                let iccid = Iccid::parse(&iccid)?;
                let profile = show::find(&store, &iccid).await?;
                let evidence = Evidence::of(&store, &profile).await?;
                let policy = config.policies().of(&profile);
                let waiting = store.reader().errands_of(&iccid).await?;
                let view =
                    View { profile: &profile, waiting: &waiting, config, policy, evidence, now, reveal };
                if out.json {
                    return out.document(&view.document());
                }
                let text = view.text(out);
                out.text(&text)
            }
            Self::Set { iccid, wanted } => set::set(&store, &Iccid::parse(&iccid)?, &wanted, now, out).await,
        }
    }
}

async fn list(store: &Store, choice: &Choice, config: &Config, out: &mut Out<'_>) -> Result<(), CliError> {
    let found = orders(store, choice).await?;
    if out.json {
        let rows: Vec<Value> = found.iter().map(|row| list_facts(&row.value)).collect();
        return out.document(&json!({ "orders": rows }));
    }
    let policies = config.policies();
    let mut table = Table::new(["ICCID", "STATE", "OPERATOR", "TYPE", "EID", "TRIES", "ORDERED"]);
    for Versioned { value: profile, .. } in &found {
        let Some(order) = profile.order() else { continue };
        table.row([
            profile.iccid().as_str().into(),
            state_cell(profile.state()),
            profile.operator().as_str().into(),
            profile.profile_type().as_str().into(),
            order.eid().map_or("-", |eid| eid.as_str()).into(),
            format!("{}/{}", order.download_attempts, policies.of(profile).download_attempts_max.value)
                .into(),
            order.ordered_at.to_string().into(),
        ]);
    }
    if table.is_empty() {
        return out.text("No order is like that.\n");
    }
    let text = table.render(out);
    out.text(&text)?;
    out.text(&choice.more(found.len(), found.last()))
}

/// The Profiles with an order on them; those in stock are passed over.
async fn orders(store: &Store, choice: &Choice) -> Result<Vec<Versioned<Profile>>, CliError> {
    let wanted = usize::try_from(choice.limit).unwrap_or(usize::MAX);
    let mut filter = Filter { limit: PAGE, ..choice.filter() };
    let mut found = Vec::new();
    while found.len() < wanted {
        let page = store.reader().list(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.after = last.value.iccid().to_string();
        found.extend(page.into_iter().filter(|row| row.value.order().is_some()));
    }
    found.truncate(wanted);
    Ok(found)
}

fn list_facts(profile: &Profile) -> Value {
    let mut document = show::facts(profile);
    if let (Some(members), Some(order)) = (document.as_object_mut(), profile.order()) {
        members.insert("order".to_owned(), json!(order.number));
        members.insert("orderedAt".to_owned(), json!(order.ordered_at.to_string()));
        members.insert("downloadAttempts".to_owned(), json!(order.download_attempts));
        members.insert("failure".to_owned(), json!(order.failure.as_ref().map(|why| why.explain())));
    }
    document
}

/// One order, as it is explained.
struct View<'a> {
    profile: &'a Profile,
    /// What the operator has not been told yet.
    waiting: &'a [Waiting],
    config: &'a Config,
    policy: Policy,
    evidence: Evidence,
    now: Timestamp,
    reveal: bool,
}

impl View<'_> {
    fn text(&self, out: &Out<'_>) -> String {
        let profile = self.profile;
        let mut rows: Vec<(&'static str, Cell)> = vec![
            ("ICCID", profile.iccid().as_str().into()),
            ("state", state_cell(profile.state())),
            ("operator", profile.operator().as_str().into()),
            ("type", profile.profile_type().as_str().into()),
        ];
        if let Some(order) = profile.order() {
            rows.extend(self.rows(order));
        }
        if let Some(call) = profile.cancelled_by() {
            rows.push(("last order", format!("cancelled by call {call}").into()));
        }
        rows.extend(self.waiting.iter().map(|errand| ("not told yet", outbox::cell(errand))));
        rows.push(("next", self.next().into()));
        let mut text = pairs(rows, out);
        if !self.evidence.history.is_empty() {
            text.push_str("\nHistory of this order\n");
        }
        for (at, who, what) in &self.evidence.history {
            text.push_str(&format!("  {}  {who}: {what}\n", out.paint(Paint::Faint, at)));
        }
        text
    }

    fn rows(&self, order: &Order) -> Vec<(&'static str, Cell)> {
        let Policy { download_attempts_max, confirmation_code_attempts_max, .. } = &self.policy;
        let eid = match (&order.eid, &order.bound) {
            (Some(eid), _) => format!("{eid} (named by the operator)"),
            (None, Some(bound)) => format!("{} (first to download)", bound.eid),
            (None, None) => "any: the first to download".to_owned(),
        };
        let expiry = match order.expires_at {
            None => Cell::from("never"),
            Some(end) if order.expired(self.now) => Cell(format!("{end}: over"), Paint::Bad),
            Some(end) => end.to_string().into(),
        };
        let mut rows: Vec<(&'static str, Cell)> = vec![
            ("order", format!("number {}, made {}", order.number, order.ordered_at).into()),
            ("call", order.call.as_str().into()),
            ("EID", eid.into()),
            ("MatchingID", self.matching_id(order).into()),
        ];
        if let Some(code) = self.activation_code(order) {
            rows.push(("Activation Code", code.into()));
        }
        let code = if order.confirmation_code_hash().is_some() {
            let wrong = order.confirmation_code_attempts;
            let limit = confirmation_code_attempts_max;
            format!("required, {wrong} wrong of {} ({})", limit.value, limit.by.name())
        } else {
            "not required".to_owned()
        };
        rows.push(("confirmation code", code.into()));
        let limit = download_attempts_max;
        let tries = format!("{} of {} ({})", order.download_attempts, limit.value, limit.by.name());
        rows.push(("download attempts", tries.into()));
        rows.push(("expires", expiry));
        if let Some(event) = &order.event {
            let there = at_the_smds(event.status, self.smds_waits());
            rows.push(("SM-DS", format!("{}: {there}", event.smds_address).into()));
        }
        if let Some(failure) = &order.failure {
            rows.push(("failure", Cell(failure.explain(), Paint::Bad)));
        }
        if let Some(element) = &self.evidence.element {
            rows.push(("failing element", Cell(element.clone(), Paint::Bad)));
        }
        for one in &self.evidence.doubted {
            let what = format!("{}: {} (smdpp notification list --invalid)", one.received_at, one.why);
            rows.push(("not believed", Cell(what, Paint::Busy)));
        }
        rows.push(("policy", evidence::policy_line(&self.policy).into()));
        rows
    }

    fn matching_id(&self, order: &Order) -> String {
        match order.matching_id() {
            None => "not yet: the operator has not confirmed".to_owned(),
            Some(id) if id.is_empty() => "empty: found by its EID".to_owned(),
            Some(id) if self.reveal => id.as_str().to_owned(),
            Some(_) => "set (hidden; --reveal shows it)".to_owned(),
        }
    }

    /// The text for a QR code (4.1); the fifth part says that the phone must ask for a confirmation code.
    fn activation_code(&self, order: &Order) -> Option<String> {
        let id = order.matching_id().filter(|id| self.reveal && !id.is_empty())?;
        let asks = if order.confirmation_code_hash().is_some() { "$$1" } else { "" };
        Some(format!("LPA:1${}${}{asks}", self.config.address.as_str(), id.as_str()))
    }

    /// The SM-DS was not yet reached to delete an event of this Profile.
    fn smds_waits(&self) -> bool {
        self.waiting.iter().any(|errand| errand.receiver.starts_with("SM-DS "))
    }

    /// What this order waits for.
    fn next(&self) -> String {
        let Some(order) = self.profile.order() else {
            return match self.profile.state() {
                State::Unavailable => "nothing: the operator took it out of use for good".to_owned(),
                State::Available
                | State::Allocated
                | State::Linked
                | State::Confirmed
                | State::Released
                | State::Downloaded
                | State::Installed
                | State::Error => "it is in stock: the operator orders it with ES2+.DownloadOrder".to_owned(),
            };
        };
        let cancel = "the operator ends it with ES2+.CancelOrder and orders anew";
        if let Some(next) = self.used_up(order) {
            return next;
        }
        match self.profile.state() {
            State::Allocated | State::Linked => "the operator confirms it with ES2+.ConfirmOrder".to_owned(),
            State::Confirmed => "the operator releases it with ES2+.ReleaseProfile".to_owned(),
            State::Released if order.expired(self.now) => format!("it expired: {cancel}"),
            State::Downloaded if order.expired(self.now) => {
                "it expired after the package was sent: the eUICC may hold it, its report is awaited"
                    .to_owned()
            }
            State::Released if order.event.is_some() => {
                "the phone with this EID asks the SM-DS, and downloads it".to_owned()
            }
            State::Released if order.matching_id().is_none_or(MatchingId::is_empty) => {
                "the phone with this EID asks here without an Activation Code, and downloads it".to_owned()
            }
            State::Released => "the phone downloads it with the Activation Code".to_owned(),
            State::Downloaded if order.failure.is_some() => {
                "the eUICC could not install it this time: the same eUICC may download it again".to_owned()
            }
            State::Downloaded => {
                "the package was sent, the eUICC has not reported yet: the same eUICC may download it again"
                    .to_owned()
            }
            State::Installed => "nothing: it is on the eUICC".to_owned(),
            State::Error if !order.out.is_empty() => {
                "the eUICC may hold it: the operator ends it with ES2+.CancelOrder, to Unavailable only"
                    .to_owned()
            }
            State::Error => format!("it cannot be downloaded any more: {cancel}"),
            State::Available | State::Unavailable => "nothing: the order is over".to_owned(),
        }
    }

    /// What an order waits for that has no try left: the next request would end it.
    fn used_up(&self, order: &Order) -> Option<String> {
        let open = matches!(self.profile.state(), State::Released | State::Downloaded);
        let Policy { download_attempts_max, confirmation_code_attempts_max, .. } = &self.policy;
        let codes = order.confirmation_code_attempts >= confirmation_code_attempts_max.value;
        let (tries, option) = if order.download_attempts >= download_attempts_max.value {
            ("download attempt", "download-attempts")
        } else if order.confirmation_code_hash().is_some() && codes {
            ("try of the confirmation code", "confirmation-code-attempts")
        } else {
            return None;
        };
        let awaited = if order.out.is_empty() { "" } else { "the eUICC's report is awaited; " };
        (open && !order.expired(self.now)).then(|| {
            format!("{awaited}no {tries} is left, and one more ends the order: `smdpp order set` with --{option} gives more")
        })
    }

    fn document(&self) -> Value {
        let mut document = show::facts(self.profile);
        let Some(members) = document.as_object_mut() else { return document };
        members.insert("next".to_owned(), json!(self.next()));
        let waiting: Vec<Value> = self.waiting.iter().map(outbox::facts).collect();
        members.insert("notToldYet".to_owned(), json!(waiting));
        let order = self.profile.order().map(|order| {
            let revealed = order.matching_id().filter(|_| self.reveal).map(|id| id.as_str());
            json!({
                "number": order.number,
                "call": order.call.as_str(),
                "orderedAt": order.ordered_at.to_string(),
                "expiresAt": order.expires_at.map(|end| end.to_string()),
                "expired": order.expired(self.now),
                "smdsAddress": order.event.as_ref().map(|event| event.smds_address.as_str()),
                "smdsEvent": order.event.as_ref().map(|event| at_the_smds(event.status, self.smds_waits())),
                "matchingIdSet": order.matching_id().is_some_and(|id| !id.is_empty()),
                "matchingId": revealed,
                "activationCode": self.activation_code(order),
                "confirmationCodeRequired": order.confirmation_code_hash().is_some(),
                "downloadAttempts": order.download_attempts,
                "downloadAttemptsMax": self.policy.download_attempts_max.value,
                "confirmationCodeAttempts": order.confirmation_code_attempts,
                "confirmationCodeAttemptsMax": self.policy.confirmation_code_attempts_max.value,
                "failure": order.failure.as_ref().map(|why| why.explain()),
                "failureFacts": order.failure,
                "policy": evidence::policy_document(&self.policy),
                "evidence": self.evidence.document(),
            })
        });
        members.insert("order".to_owned(), json!(order));
        document
    }
}

/// What the SM-DS knows of the order, as far as we know.
fn at_the_smds(status: EventStatus, waits: bool) -> &'static str {
    match status {
        EventStatus::Kept => "told when the profile is released",
        EventStatus::Pending { .. } => "may have the event; the operator's next call settles it",
        EventStatus::Registered => "has the event",
        EventStatus::Withdrawn if waits => "has to be told to delete the event",
        EventStatus::Withdrawn => "has deleted the event",
    }
}
