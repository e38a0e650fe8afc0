//! An order through an SM-DS (SGP.22 5.3.2, 5.3.4): the SM-DS is told between two performances of the same recipe.
//!
//! A recipe may run several times and has no effect outside, so it cannot call anybody. The first performance checks
//! everything and notes that the SM-DS will be told; then it is told; the second performance settles what it said.
//! The answer waits for all three. If this server ends in between, the note makes the next call go on from there.
use super::{Door, Json, decide};
use crate::call::{Call, Ended, Failure, perform};
use crate::change::{Change, Refused, Versioned};
use crate::errand::{DeleteEvent, Errand};
use crate::fault::Fault;
use crate::profile::{Command, EventRecord, Heard, Profile};
use crate::types::OperatorId;

/// A function that may need the SM-DS before it can be answered.
pub(super) trait ThroughSmds: Json {
    /// The event that the SM-DS has to have before this answer is true.
    fn unregistered(response: &Self::Response) -> Option<&EventRecord>;

    fn heard(request: &Self::Request, heard: Heard) -> Self::Request;
}

pub(super) async fn run<F: ThroughSmds>(
    door: &Door,
    caller: &OperatorId,
    request: &F::Request,
) -> Result<Ended<F::Response>, Fault> {
    let first = perform::<F>(&door.smdp, caller, request).await?;
    let unregistered = match &first {
        Ended::Executed(response) => F::unregistered(response).cloned(),
        Ended::Refused(_) | Ended::Busy => None,
    };
    let Some(event) = unregistered else { return Ok(first) };
    let reply = door.es12.register_event(&event).await;
    perform::<F>(&door.smdp, caller, &F::heard(request, Heard { event, reply })).await
}

/// Lets the lifecycle decide. If the order went another way while the SM-DS was told, its event is deleted again.
pub(super) fn decide_heard(
    call: &Call<'_>,
    caller: &OperatorId,
    profile: Versioned<Profile>,
    command: Command,
    heard: Option<&Heard>,
) -> Result<(Profile, Change), Failure> {
    let before = profile.value.clone();
    let told = heard.filter(|heard| heard.reply.may_have_registered()).map(|heard| &heard.event);
    let lost = |now: &Profile| told.filter(|event| !now.wants_event(event)).cloned();
    match decide(call, caller, profile, command) {
        Ok((after, change)) => {
            let change = withdraw(call, change, &after, lost(&after))?;
            Ok((after, change))
        }
        Err(Failure::Refused(refused)) => {
            let Refused { status, change } = *refused;
            let change = withdraw(call, change, &before, lost(&before))?;
            Err(Box::new(Refused { status, change }).into())
        }
        Err(other) => Err(other),
    }
}

fn withdraw(
    call: &Call<'_>,
    change: Change,
    profile: &Profile,
    event: Option<EventRecord>,
) -> Result<Change, Fault> {
    let Some(event) = event else { return Ok(change) };
    let errand = Errand::DeleteEvent(DeleteEvent::of(profile.iccid().clone(), event));
    Ok(change.errand(call.posted(errand)?))
}

/// The event that a Profile as it stands after a decision still has to be released with.
pub(super) fn unregistered(profile: &Profile, heard: Option<&Heard>) -> Option<EventRecord> {
    let announced = profile.order().and_then(|order| order.event.as_ref()).filter(|event| event.is_pending());
    announced.filter(|_| heard.is_none()).cloned()
}
