//! Why an order stands where it stands: its policy, its history, the Profile Element that the eUICC refused.
use serde_json::Value;
use serde_json::json;

use crate::bpp::keys::ProfileKeys;
use crate::bpp::protect::ProtectedProfile;
use crate::bpp::protect::open;
use crate::cli::CliError;
use crate::cli::audit::sentence;
use crate::event::FailedElement;
use crate::event::Failure;
use crate::event::What;
use crate::profile::Order;
use crate::profile::Policy;
use crate::profile::Profile;
use crate::profile::Set;
use crate::profile::package::Package;
use crate::store::KeptNotification;
use crate::store::Store;
use crate::types::TransactionId;

/// Lines of history that are shown; an order has a dozen in its life.
const HISTORY_MAX: usize = 20;
/// Notifications that cannot be believed, shown for each session.
const DOUBTED_MAX: i64 = 8;

/// What is known of an order beside its row.
#[derive(Default)]
pub(super) struct Evidence {
    /// Name, place and identification of the element that the eUICC refused.
    pub(super) element: Option<String>,
    /// Of this order, oldest first: when, who, what.
    pub(super) history: Vec<(String, String, String)>,
    pub(super) doubted: Vec<KeptNotification>,
}

impl Evidence {
    pub(super) async fn of(store: &Store, profile: &Profile) -> Result<Self, CliError> {
        let Some(order) = profile.order() else { return Ok(Self::default()) };
        let element = match &order.failure {
            Some(Failure::Installation { element: Some(element), .. }) => {
                named(store, profile, element).await?
            }
            Some(_) | None => None,
        };
        let history = history(store, profile, order).await?;
        Ok(Self { element, history, doubted: doubted(store, profile, order).await? })
    }
}

/// Opens the package, and finds the element by its identification.
async fn named(store: &Store, profile: &Profile, failed: &FailedElement) -> Result<Option<String>, CliError> {
    let Some(wanted) = failed.identification else { return Ok(None) };
    let Some(package) = store.reader().package(profile.iccid()).await? else { return Ok(None) };
    let keys = package.keys.expose().as_slice().try_into().map_err(|_| damaged())?;
    let protected = ProtectedProfile::from_octets(package.protected);
    let upp = open(&protected, &ProfileKeys::from_octets(keys)).map_err(|_| damaged())?;
    let Ok(package) = Package::read(upp.expose()) else { return Ok(None) };
    let count = package.elements.len();
    let found = package.elements.iter().find(|element| element.identification == Some(wanted));
    Ok(Some(match found {
        Some(element) => {
            let place = element.index.saturating_add(1);
            format!("{} (element {place} of {count}, identification {wanted})", element.name)
        }
        None => format!("none of the package has identification {wanted}"),
    }))
}

fn damaged() -> CliError {
    CliError::Refused("the stored package does not open: the database is damaged".to_owned())
}

async fn history(
    store: &Store,
    profile: &Profile,
    order: &Order,
) -> Result<Vec<(String, String, String)>, CliError> {
    let mut lines = Vec::new();
    for entry in store.reader().trail_of(profile.iccid()).await? {
        // `smdpp audit verify` is the place to complain of a trail that cannot be read.
        let Ok(event) = entry.event() else { continue };
        if matches!(&event.what, What::DownloadOrdered { order: number, .. } if *number == order.number) {
            lines.clear();
        }
        lines.push((entry.at.to_string(), event.actor.to_string(), sentence(&event.what)));
    }
    Ok(lines.split_off(lines.len().saturating_sub(HISTORY_MAX)))
}

/// What claims to be of one of its sessions, or about its ICCID.
async fn doubted(store: &Store, profile: &Profile, order: &Order) -> Result<Vec<KeptNotification>, CliError> {
    let bound = order.bound.as_ref().map(|bound| &bound.transaction);
    let sessions = order.session.iter().chain(bound).chain(&order.out).map(TransactionId::to_string);
    let mut subjects: Vec<String> = sessions.collect();
    subjects.push(profile.iccid().to_string());
    subjects.sort();
    subjects.dedup();
    let mut found = Vec::new();
    for subject in subjects {
        found.extend(store.reader().invalid_notifications(Some(&subject), DOUBTED_MAX).await?);
    }
    Ok(found)
}

/// `10 (default)`.
fn shown<T>(set: &Set<T>, text: impl Fn(&T) -> String) -> String {
    format!("{} ({})", text(&set.value), set.by.name())
}

/// The values that are not shown beside their counters.
pub(super) fn policy_line(policy: &Policy) -> String {
    format!(
        "keys {}, another one-time key {}, retry after {}, eligibility rules ({})",
        shown(&policy.keys, |keys| keys.name().to_owned()),
        shown(&policy.rebind, |rebind| if *rebind { "is bound anew" } else { "ends the order" }.to_owned()),
        shown(&policy.retry_after, |retry| retry.describe()),
        policy.eligibility.by.name(),
    )
}

pub(super) fn policy_document(policy: &Policy) -> Value {
    fn entry<T>(set: &Set<T>, value: Value) -> Value {
        json!({ "value": value, "by": set.by.name() })
    }
    json!({
        "downloadAttemptsMax": entry(&policy.download_attempts_max, json!(policy.download_attempts_max.value)),
        "confirmationCodeAttemptsMax":
            entry(&policy.confirmation_code_attempts_max, json!(policy.confirmation_code_attempts_max.value)),
        "keys": entry(&policy.keys, json!(policy.keys.value.name())),
        "rebind": entry(&policy.rebind, json!(policy.rebind.value)),
        "retryAfter": entry(&policy.retry_after, json!(policy.retry_after.value.describe())),
        "eligibility": { "by": policy.eligibility.by.name() },
    })
}

impl Evidence {
    pub(super) fn document(&self) -> Value {
        let history: Vec<Value> = self
            .history
            .iter()
            .map(|(at, who, what)| json!({ "at": at, "who": who, "says": what }))
            .collect();
        let doubted: Vec<Value> = self.doubted.iter().map(crate::cli::notification::facts).collect();
        json!({ "failingElement": self.element, "history": history, "invalidNotifications": doubted })
    }
}
