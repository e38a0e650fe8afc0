//! ES9+.HandleNotification (SGP.22 section 5.6.4).
use serde_json::{Map, Value};

use super::asn1::Asn1;
use super::{Json, Lpa};
use crate::asn1::{
    Es9Plus, OtherSignedNotification, PendingNotification, ProfileInstallationResult, pending_notification,
};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::change::{Change, InvalidNotification};
use crate::fault::Fault;
use crate::rsp::{installation, other};
use crate::session::Stage;
use crate::types::Iccid;
use crate::types::StatusCode;
use crate::wire::Members;

pub struct HandleNotification;

impl Function for HandleNotification {
    const NAME: &'static str = "ES9+.HandleNotification";
    type Caller = Lpa;
    type Request = PendingNotification;
    type Response = ();

    /// Whatever is in it, a notification is acknowledged; only what verifies changes anything.
    async fn execute(call: &Call<'_>, _: &Lpa, request: &PendingNotification) -> Verdict<()> {
        let change = match request {
            PendingNotification::Installation(result) => installed(call, result).await?,
            PendingNotification::Other(notification) => match lived_on(call, notification).await? {
                Ok(change) => change,
                Err(why) => {
                    let iccid = notification.metadata.iccid.as_ref();
                    let subject = iccid.map(Iccid::to_string).unwrap_or_default();
                    doubted(call, Change::default(), subject, why, &notification.received).await?
                }
            },
        };
        Ok(Accepted { body: (), change })
    }
}

async fn installed(call: &Call<'_>, result: &ProfileInstallationResult) -> Result<Change, Fault> {
    let transaction = &result.data.transaction_id;
    let Some(session) = call.reader.session(transaction).await? else {
        let why = "its session is unknown here, or long over";
        return doubted(call, Change::default(), transaction.to_string(), why, &result.received).await;
    };
    let profile = match session.value.stage() {
        Stage::Bound(bound) => call.reader.profile(&bound.authenticated.iccid).await?,
        Stage::Ended(ended) if ended.result_open => call.reader.profile(&ended.iccid).await?,
        Stage::Initiated(_) | Stage::Authenticated(_) | Stage::Ended(_) => None,
    };
    let (reported, change) = installation(session, profile, result, call.setting, call.now);
    tracing::info!(%transaction, ?reported, "ProfileInstallationResult");
    match reported.doubt() {
        None => Ok(change),
        Some(why) => doubted(call, change, transaction.to_string(), why, &result.received).await,
    }
}

/// What it changes, or why it is not believed.
async fn lived_on(
    call: &Call<'_>,
    notification: &OtherSignedNotification,
) -> Result<Result<Change, &'static str>, Fault> {
    let other = match other(notification, call.setting, call.now) {
        Ok(other) => other,
        Err(why) => return Ok(Err(why)),
    };
    if call.reader.notification_seen(other.eid(), other.sequence()).await? {
        return Ok(Ok(Change::default()));
    }
    let profile = call.reader.profile(other.iccid()).await?;
    let Some(profile) = profile else { return Ok(Err("its ICCID is unknown here")) };
    Ok(other.record(profile).ok_or("no package of this Profile went to its eUICC"))
}

/// Keeps what is not believed, once: the same octets again change nothing.
async fn doubted(
    call: &Call<'_>,
    change: Change,
    subject: String,
    why: &'static str,
    received: &[u8],
) -> Result<Change, Fault> {
    tracing::info!(why, "a notification that is not believed");
    if received.len() > InvalidNotification::OCTETS_MAX {
        return Ok(change);
    }
    let invalid = InvalidNotification { subject, why, received: received.to_vec() };
    if call.reader.invalid_notification_kept(&invalid.sha256()).await? {
        return Ok(change);
    }
    Ok(change.invalid(invalid))
}

impl Json for HandleNotification {
    const PATH: &'static str = "/gsma/rsp2/es9plus/handleNotification";

    fn read(members: &Members) -> Result<PendingNotification, StatusCode> {
        let notification = members.octets("pendingNotification")?;
        PendingNotification::decode(&notification).map_err(|_| StatusCode::PARAMETER_INVALID)
    }

    fn write((): ()) -> Option<Map<String, Value>> {
        None
    }
}

impl Asn1 for HandleNotification {
    const FUNCTION: Es9Plus = Es9Plus::HandleNotification;

    const ERRORS: Option<&'static [(StatusCode, u8)]> = None;

    fn decode(content: &[u8]) -> Result<PendingNotification, StatusCode> {
        pending_notification(content).map_err(|_| StatusCode::PARAMETER_INVALID)
    }

    fn encode((): ()) -> Option<Vec<u8>> {
        None
    }
}
