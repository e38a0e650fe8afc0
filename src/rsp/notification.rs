//! ES9+.HandleNotification (SGP.22 section 5.6.4): the answer is always 204; here is what it changes.
use super::{Setting, digest};
use crate::asn1::{
    InstallationResult, NotificationEvent, OtherSignedNotification, ProfileInstallationResult,
};
use crate::change::{Change, Versioned};
use crate::event::{FailedElement, What};
use crate::profile::{Command, Profile, Report};
use crate::session::{Authenticated, Bound, Ended, Session, Stage};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Eid;
use crate::types::Iccid;
use crate::types::hex;

/// What became of a notification, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    Taken,
    /// The session is over: the result was taken in before.
    Repeated,
    /// No package was delivered in this session.
    Unexpected,
    /// The signature, the key, or the SM-DP+ OID is not the one of the session.
    Invalid,
}

impl Reported {
    /// Why it is not believed, if so.
    pub fn doubt(self) -> Option<&'static str> {
        match self {
            Self::Taken | Self::Repeated => None,
            Self::Unexpected => Some("no package left in this session"),
            Self::Invalid => Some("its signature, key or SM-DP+ OID is not the one of the session"),
        }
    }
}

/// A ProfileInstallationResult for a session that we know, and its Profile as it stands now.
pub fn installation(
    session: Versioned<Session>,
    profile: Option<Versioned<Profile>>,
    result: &ProfileInstallationResult,
    setting: &Setting,
    now: Timestamp,
) -> (Reported, Change) {
    let (euicc, iccid, order) = match session.value.stage() {
        Stage::Bound(bound) => {
            let Authenticated { euicc, iccid, order, credential_ci, .. } = &bound.authenticated;
            // Certificates of ours come and go within the months that a result may take; the transactionId, which
            // the eUICC signed, was never given twice.
            let ours = setting.credentials.under(credential_ci);
            let ours = ours.is_none_or(|credential| credential.oid == result.data.smdp_oid);
            if !ours || euicc.verify(&[result.data.bytes()], &result.signature).is_err() {
                let bound = bound.clone();
                return (Reported::Invalid, suspicious(session, profile, bound, result));
            }
            (euicc.clone(), iccid.clone(), *order)
        }
        Stage::Ended(Ended { euicc, iccid, order, result_open }) => {
            if euicc.verify(&[result.data.bytes()], &result.signature).is_err() {
                return (Reported::Invalid, Change::default());
            }
            if !result_open {
                return (Reported::Repeated, Change::default());
            }
            (euicc.clone(), iccid.clone(), *order)
        }
        Stage::Initiated(_) | Stage::Authenticated(_) => return (Reported::Unexpected, Change::default()),
    };
    let report = match &result.data.result {
        InstallationResult::Success { .. } => Report::Installed,
        InstallationResult::Failure { command, reason, .. } => {
            let element = result.data.result.failed_element().map(|element| FailedElement {
                status: element.status,
                identification: element.identification,
                additional: element.additional,
            });
            Report::Failed { command: u8::from(*command), reason: u8::from(*reason), element }
        }
    };
    let transaction = session.value.id().clone();
    let actor = Actor::Euicc { eid: euicc.eid().clone() };
    let ended = Ended { euicc, iccid, order, result_open: false };
    let expires_at = session.value.expires_at();
    let version = session.version;
    let session = Versioned { value: session.value.moved(expires_at, Stage::Ended(ended)), version };
    let change = Change::default().session(session);

    let Some(Versioned { value: profile, version }) = profile else { return (Reported::Taken, change) };
    let result_sha256 = hex::encode(&digest(result.data.bytes()));
    let retry_after = setting.policies.of(&profile).retry_after.value;
    let command = Command::Report { transaction, order, result_sha256, report, retry_after };
    // A report never is denied: where it has nothing to move, nothing moves.
    let Ok(Some(transition)) = profile.decide(actor, command, now) else { return (Reported::Taken, change) };
    let transition = transition.with_evidence(result.data.final_result_tlv.clone());
    (Reported::Taken, change.moved(Versioned { value: transition, version }))
}

/// The first report of a session that does not verify is history; a flood of them is not.
fn suspicious(
    session: Versioned<Session>,
    profile: Option<Versioned<Profile>>,
    bound: Bound,
    result: &ProfileInstallationResult,
) -> Change {
    let Some(Versioned { value: profile, version }) = profile.filter(|_| !bound.suspicious) else {
        return Change::default();
    };
    let what = What::NotificationInvalid {
        transaction: session.value.id().clone(),
        message_sha256: hex::encode(&digest(result.data.bytes())),
    };
    let note = profile.noted(Actor::House { part: "ES9+".to_owned() }, what);
    let change = Change::default().profile(Versioned { value: note, version });
    let expires_at = session.value.expires_at();
    let Versioned { value, version } = session;
    let stage = Stage::Bound(Bound { suspicious: true, ..bound });
    change.session(Versioned { value: value.moved(expires_at, stage), version })
}

/// A verified notification about a Profile's later life.
#[derive(Debug)]
pub struct Other {
    eid: Eid,
    iccid: Iccid,
    event: NotificationEvent,
    sequence: u64,
}

impl Other {
    pub fn eid(&self) -> &Eid {
        &self.eid
    }

    pub fn iccid(&self) -> &Iccid {
        &self.iccid
    }

    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The event, once: `None` if no package of this Profile went to this eUICC.
    pub fn record(self, profile: Versioned<Profile>) -> Option<Change> {
        let Self { eid, event, sequence, .. } = self;
        let Versioned { value: profile, version } = profile;
        let bound = profile.order().and_then(|order| order.bound.as_ref());
        if bound.is_none_or(|bound| bound.eid != eid) {
            return None;
        }
        let what = What::NotificationReceived { notification: event.name().to_owned(), sequence };
        let note = profile.noted(Actor::Euicc { eid: eid.clone() }, what);
        Some(Change::default().profile(Versioned { value: note, version }).notification(eid, sequence))
    }
}

/// Believes an OtherSignedNotification by the certificates inside it; or says why not.
pub fn other(
    notification: &OtherSignedNotification,
    setting: &Setting,
    now: Timestamp,
) -> Result<Other, &'static str> {
    let OtherSignedNotification { metadata, signature, euicc_certificate, eum_certificate, .. } =
        notification;
    let euicc = setting.trust.verify_euicc(eum_certificate, euicc_certificate, now);
    let euicc = euicc.map_err(|_| "its certificates do not verify")?;
    euicc.verify(&[metadata.bytes()], signature).map_err(|_| "its signature does not verify")?;
    let event = metadata.events.single_event().ok_or("it names none or several events")?;
    let iccid = metadata.iccid.clone().ok_or("it names no ICCID")?;
    // The store keeps it as a signed number of 64 bits; no eUICC counts that far.
    let sequence = Some(metadata.seq_number).filter(|sequence| i64::try_from(*sequence).is_ok());
    let sequence = sequence.ok_or("its sequence number is out of bounds")?;
    Ok(Other { eid: euicc.eid().clone(), iccid, event, sequence })
}
