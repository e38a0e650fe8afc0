//! `smdpp order set`: other limits, or another end, for one order.
use crate::change::Change;
use crate::change::Versioned;
use crate::cli::CliError;
use crate::cli::out::Out;
use crate::cli::person;
use crate::profile::OrderChange;
use crate::profile::Profile;
use crate::store::CommitError;
use crate::store::Store;
use crate::time::DAY_MS;
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Iccid;
use crate::types::State;

/// How often the command is run again when the server changed the same Profile meanwhile.
const TRIES: usize = 8;

/// What to change. Nothing that is left out changes.
#[derive(Debug, clap::Args)]
pub struct Wanted {
    /// Downloads that may be begun, those of the past included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    download_attempts: Option<u32>,
    /// Wrong confirmation codes, those of the past included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    confirmation_code_attempts: Option<u32>,
    /// When it ends: the end of a day such as 2027-01-31 (UTC), an instant such as 2027-01-31T12:00:00Z, +30d, or
    /// never
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<String>,
}

impl Wanted {
    fn change(&self, now: Timestamp) -> Result<OrderChange, CliError> {
        let change = OrderChange {
            download_attempts_max: self.download_attempts,
            confirmation_code_attempts_max: self.confirmation_code_attempts,
            expires_at: self.expires.as_deref().map(|text| end(text, now)).transpose()?,
        };
        if change == OrderChange::default() {
            return refused(
                "say what to change: --download-attempts, --confirmation-code-attempts or --expires",
            );
        }
        if change.expires_at.flatten().is_some_and(|end| end <= now) {
            return refused("--expires: that is over already. ES2+.CancelOrder ends an order at once");
        }
        Ok(change)
    }
}

/// `None`: never.
fn end(text: &str, now: Timestamp) -> Result<Option<Timestamp>, CliError> {
    let wrong = || {
        CliError::Refused(format!(
            "--expires {text}: write a day such as 2027-01-31, an instant such as 2027-01-31T12:00:00Z, +30d, or never"
        ))
    };
    if text == "never" {
        return Ok(None);
    }
    if let Some(days) = text.strip_prefix('+').and_then(|rest| rest.strip_suffix('d')) {
        let days: u32 = days.parse().map_err(|_| wrong())?;
        return Ok(Some(now.plus_ms(DAY_MS.saturating_mul(i64::from(days)))));
    }
    Timestamp::parse(text).map(Some).ok_or_else(wrong)
}

/// Commits beside a running server: the next call of a device or an operator finds it.
pub(super) async fn set(
    store: &Store,
    iccid: &Iccid,
    wanted: &Wanted,
    now: Timestamp,
    out: &mut Out<'_>,
) -> Result<(), CliError> {
    let change = wanted.change(now)?;
    for _ in 0..TRIES {
        let found = store.reader().profile(iccid).await?;
        let Some(Versioned { value: profile, version }) = found else {
            return Err(CliError::Refused(format!("there is no Profile with ICCID {iccid}")));
        };
        let actor = Actor::Admin { name: person() };
        let (state, before) = (profile.state(), profile.clone());
        let transition = match profile.decide(actor, crate::profile::Command::SetOrder(change), now) {
            Ok(Some(transition)) => transition,
            Ok(None) if out.json => return say(&before, out),
            Ok(None) => return out.text("It is so already.\n"),
            Err(_) => return refused(&why_not(state)),
        };
        let after = transition.after().clone();
        let change = Change::default().profile(Versioned { value: transition, version });
        match store.commit(now, change).await {
            Ok(()) => return say(&after, out),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Fault(fault)) => return Err(fault.into()),
        }
    }
    refused("the server changed this Profile again and again meanwhile: try once more")
}

fn why_not(state: State) -> String {
    match state {
        State::Available | State::Unavailable => "there is no order on this Profile".to_owned(),
        State::Installed => "the Profile is installed: its order is done".to_owned(),
        // 3.1.6 knows one way out of Error.
        State::Error => {
            "the order has ended in Error and stays so (SGP.22 3.1.6): the operator ends it with \
                         ES2+.CancelOrder and orders anew, and the new order has new limits"
                .to_owned()
        }
        State::Allocated | State::Linked | State::Confirmed | State::Released | State::Downloaded => {
            format!("not in state {state}")
        }
    }
}

fn say(profile: &Profile, out: &mut Out<'_>) -> Result<(), CliError> {
    let Some(order) = profile.order() else { return Ok(()) };
    let limit = |limit: Option<u32>| limit.map_or("as the policy says".to_owned(), |limit| limit.to_string());
    let end = order.expires_at.map_or("never".to_owned(), |end| end.to_string());
    if out.json {
        return out.document(&serde_json::json!({
            "iccid": profile.iccid().as_str(),
            "order": order.number,
            "downloadAttemptsMax": order.set.download_attempts_max,
            "confirmationCodeAttemptsMax": order.set.confirmation_code_attempts_max,
            "expiresAt": order.expires_at.map(|end| end.to_string()),
        }));
    }
    out.text(&format!(
        "Order {} on ICCID {}: download attempts {}, confirmation code attempts {}, expires {end}\n",
        order.number,
        profile.iccid(),
        limit(order.set.download_attempts_max),
        limit(order.set.confirmation_code_attempts_max),
    ))
}

fn refused<T>(why: &str) -> Result<T, CliError> {
    Err(CliError::Refused(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_an_instant_a_number_of_days_or_never() {
        let now = Timestamp::from_unix_ms(1_000);
        let text = |text: &str| end(text, now).unwrap().map(|end| end.to_string());
        assert_eq!(text("2027-01-31").unwrap(), "2027-02-01T00:00:00.000Z");
        assert_eq!(text("2027-01-31T12:00:00Z").unwrap(), "2027-01-31T12:00:00.000Z");
        assert_eq!(text("+1d").unwrap(), "1970-01-02T00:00:01.000Z");
        assert_eq!(text("never"), None);
        for wrong in ["", "soon", "+d", "-1d", "2027-02-30", "2027-1-1", "2027-01-31T12:00"] {
            assert!(end(wrong, now).is_err(), "{wrong}");
        }
    }
}
