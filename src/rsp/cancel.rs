//! ES9+.CancelSession (SGP.22 section 5.6.5).
use super::Setting;
use crate::asn1::CancelSessionOk;
use crate::change::{Change, Versioned};
use crate::profile::{Command, Profile};
use crate::session::{Authenticated, Ended, Session, Stage};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Iccid;
use crate::types::StatusCode;

/// A cancellation that may be believed.
#[derive(Debug)]
pub struct Cancellation {
    session: Versioned<Session>,
    authenticated: Authenticated,
    reason: u8,
}

/// The checks of 5.6.5 in their order.
pub fn cancel(
    session: Versioned<Session>,
    response: &CancelSessionOk,
    setting: &Setting,
    now: Timestamp,
) -> Result<Cancellation, StatusCode> {
    let authenticated = match session.value.open(now)? {
        Stage::Authenticated(authenticated) => authenticated.clone(),
        Stage::Bound(bound) => bound.authenticated.clone(),
        Stage::Initiated(_) | Stage::Ended(_) => return Err(StatusCode::TRANSACTION_UNKNOWN),
    };
    if response.signed.transaction_id != *session.value.id() {
        return Err(StatusCode::TRANSACTION_UNKNOWN);
    }
    authenticated.euicc.verify(&[response.signed.bytes()], &response.signature)?;
    // Without a credential (revoked, or out of the configuration) nobody can go on; to give up must be possible.
    let ours = setting.credentials.under(&authenticated.credential_ci);
    if ours.is_some_and(|credential| credential.oid != response.signed.smdp_oid) {
        return Err(StatusCode::SMDP_OID_MISMATCH);
    }
    Ok(Cancellation { session, authenticated, reason: response.signed.reason })
}

impl Cancellation {
    pub fn iccid(&self) -> &Iccid {
        &self.authenticated.iccid
    }

    /// Ends the session, and the order if the reason ends it.
    pub fn carry_out(self, profile: Option<Versioned<Profile>>, now: Timestamp) -> Change {
        let Self { session, authenticated, reason } = self;
        // After our own refusal of a Confirmation Code some LPAs clean up with undefinedReason; the user has not said
        // no, and has more tries. Postponed and timeout (5.6.5) never end an order.
        let ends_order = match reason {
            1 | 2 => false,
            127 => !authenticated.code_refused,
            _ => true,
        };
        let Authenticated { euicc, iccid, order, .. } = authenticated;
        let eid = euicc.eid().clone();
        let actor = Actor::Euicc { eid: eid.clone() };
        let transaction = session.value.id().clone();
        let expires_at = session.value.expires_at();
        let result_open = matches!(session.value.stage(), Stage::Bound(_));
        let ended = Stage::Ended(Ended { euicc, iccid, order, result_open });
        let Versioned { value, version } = session;
        let change = Change::default().session(Versioned { value: value.moved(expires_at, ended), version });

        let Some(Versioned { value: profile, version }) = profile else { return change };
        let command = Command::CancelSession { transaction, order, eid, reason, ends_order };
        let Ok(Some(transition)) = profile.decide(actor, command, now) else { return change };
        change.moved(Versioned { value: transition, version })
    }
}
