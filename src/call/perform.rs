//! The one place that commits. An answer leaves the house only after its change is durable.
use std::time::Duration;

use super::{Accepted, Call, Failure, Function, Smdp};
use crate::change::{Change, Refused};
use crate::errand::told;
use crate::fault::Fault;
use crate::random::octets;
use crate::store::CommitError;
use crate::types::StatusCode;

/// How often a call is run again when another call changed the same row. Fifty callers for one shelf of
/// profiles are through long before.
const TRIES: u32 = 24;

/// How a call ended.
#[derive(Debug)]
pub enum Ended<T> {
    Executed(T),
    /// A refusal is an answer.
    Refused(StatusCode),
    Busy,
}

/// Runs `F` and commits its change; runs it again from the start if somebody else was faster.
pub async fn perform<F: Function>(
    smdp: &Smdp,
    caller: &F::Caller,
    request: &F::Request,
) -> Result<Ended<F::Response>, Fault> {
    for attempt in 0..TRIES {
        let setting = smdp.setting();
        let call = smdp.call(&setting);
        let (answer, change) = match F::execute(&call, caller, request).await {
            Ok(Accepted { body, change }) => (Ended::Executed(body), change),
            Err(Failure::Refused(refused)) => {
                let Refused { status, change } = *refused;
                (Ended::Refused(status), change)
            }
            Err(Failure::Busy) => return Ok(Ended::Busy),
            Err(Failure::Fault(fault)) => return Err(fault),
        };
        let change = with_errands(smdp, &call, change)?;
        let (opened, has_errands) = (change.opened(), change.has_errands());
        match smdp.parts.store.commit(call.now, change).await {
            Ok(()) => {
                smdp.count(opened);
                if has_errands {
                    smdp.news.notify_one();
                }
                return Ok(answer);
            }
            Err(CommitError::Conflict) => pause(smdp, attempt).await?,
            Err(CommitError::Fault(fault)) => return Err(fault),
        }
    }
    tracing::warn!(function = F::NAME, "gave way too often to other calls");
    Ok(Ended::Busy)
}

/// Adds what others must be told of this change. Here and nowhere else, so that no rule can forget it.
fn with_errands(smdp: &Smdp, call: &Call<'_>, change: Change) -> Result<Change, Fault> {
    let agreements = &smdp.parts.agreements;
    let errands: Vec<_> = change.transitions().flat_map(|moved| told(moved, agreements, call.now)).collect();
    errands.into_iter().try_fold(change, |change, errand| Ok(change.errand(call.posted(errand)?)))
}

/// A short wait of random length, so that those who collided do not collide again.
async fn pause(smdp: &Smdp, attempt: u32) -> Result<(), Fault> {
    let [dice] = octets(smdp.parts.random.as_ref())?;
    let most_us = 200u64.saturating_mul(u64::from(attempt.min(10)).saturating_add(1));
    let wait_us = most_us.saturating_mul(u64::from(dice)) / 256;
    tokio::time::sleep(Duration::from_micros(wait_us)).await;
    Ok(())
}
