//! ES9+.HandleNotification (SGP.22 section 5.6.4).
use serde_json::{Map, Value};

use super::asn1::Asn1;
use super::{Json, Lpa};
use crate::asn1::{
    Es9Plus, OtherSignedNotification, PendingNotification, ProfileInstallationResult, pending_notification,
};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::change::Change;
use crate::fault::Fault;
use crate::rsp::{installation, other};
use crate::session::Stage;
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
            PendingNotification::Other(notification) => lived_on(call, notification).await?,
        };
        Ok(Accepted { body: (), change })
    }
}

async fn installed(call: &Call<'_>, result: &ProfileInstallationResult) -> Result<Change, Fault> {
    let Some(session) = call.reader.session(&result.data.transaction_id).await? else {
        tracing::info!("a result of an unknown session");
        return Ok(Change::default());
    };
    let profile = match session.value.stage() {
        Stage::Bound(bound) => call.reader.profile(&bound.authenticated.iccid).await?,
        Stage::Initiated(_) | Stage::Authenticated(_) | Stage::Ended(_) => None,
    };
    let (reported, change) = installation(session, profile, result, call.setting, call.now);
    tracing::info!(transaction = %result.data.transaction_id, ?reported, "ProfileInstallationResult");
    Ok(change)
}

async fn lived_on(call: &Call<'_>, notification: &OtherSignedNotification) -> Result<Change, Fault> {
    let Some(other) = other(notification, call.setting, call.now) else {
        tracing::info!("a notification that does not verify");
        return Ok(Change::default());
    };
    if call.reader.notification_seen(other.eid(), other.sequence()).await? {
        return Ok(Change::default());
    }
    let Some(profile) = call.reader.profile(other.iccid()).await? else { return Ok(Change::default()) };
    Ok(other.record(profile).unwrap_or_default())
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
