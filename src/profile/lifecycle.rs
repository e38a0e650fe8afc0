//! The Profile lifecycle (SGP.22 3.1.6). Every transition is decided in [`Profile::decide`]; nothing else moves a state.
use super::Profile;
use super::event_record::{EventRecord, Heard};
use super::moves::{Reservation, Step};
use super::order::Limits;
use super::policy::RetryAfter;
use crate::event::{ENCODING, Event, FailedElement, OneTimeKey, What};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::CodeHash;
use crate::types::Eid;
use crate::types::Fqdn;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::ProfileType;
use crate::types::State;
use crate::types::StatusCode;
use crate::types::TransactionId;

/// What somebody wants of a Profile. One variant for each thing that can move it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// ES2+.DownloadOrder (5.3.1). `repeat_key` tells a repetition of a call that left the choice to us.
    DownloadOrder {
        call: FunctionCallId,
        repeat_key: Option<String>,
        eid: Option<Eid>,
        expires_at: Option<Timestamp>,
    },
    /// ES2+.ConfirmOrder (5.3.2).
    ConfirmOrder(Confirm),
    /// ES2+.ReleaseProfile (5.3.4).
    ReleaseProfile { heard: Option<Heard> },
    /// ES2+.CancelOrder (5.3.3).
    CancelOrder {
        call: FunctionCallId,
        eid: Option<Eid>,
        matching_id: Option<MatchingId>,
        final_state: FinalState,
    },
    /// ES9+.AuthenticateClient for a verified eUICC (5.6.3). `ineligible` says why it may not have the Profile.
    Authorise { transaction: TransactionId, limits: Limits, ineligible: Option<Ineligible> },
    /// ES9+.GetBoundProfilePackage: a wrong Confirmation Code (5.6.2).
    RefuseConfirmationCode { transaction: TransactionId, limits: Limits },
    /// ES9+.GetBoundProfilePackage: the package leaves (5.6.2).
    /// `rebind`: may the eUICC bring another one-time key than last time?
    Bind { transaction: TransactionId, eid: Eid, one_time_key: OneTimeKey, rebind: bool },
    /// ES9+.HandleNotification: the eUICC's ProfileInstallationResult (5.6.4).
    /// `retry_after`: what the policy of the order says.
    Report {
        transaction: TransactionId,
        order: u32,
        result_sha256: String,
        report: Report,
        retry_after: RetryAfter,
    },
    /// ES9+.CancelSession (5.6.5).
    CancelSession { transaction: TransactionId, order: u32, eid: Eid, reason: u8, ends_order: bool },
    /// `smdpp order set`: an administrator gives this order other limits or another end.
    SetOrder(OrderChange),
}

/// What to change of one order; `None` leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderChange {
    pub download_attempts_max: Option<u32>,
    pub confirmation_code_attempts_max: Option<u32>,
    /// The new end; `Some(None)`: never.
    pub expires_at: Option<Option<Timestamp>>,
}

/// Why an eUICC may not have a Profile, and the code that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ineligible {
    pub status: StatusCode,
    pub why: String,
    /// Ends the order (3.1.3 step 5); otherwise the device can do something about it and try again.
    pub terminal: bool,
}

/// The input of ConfirmOrder. `matching_id` is what the caller sent; `fresh` is used when nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub eid: Option<Eid>,
    pub matching_id: Option<MatchingId>,
    pub fresh: MatchingId,
    pub confirmation_code_hash: Option<CodeHash>,
    pub release_flag: bool,
    pub smds_address: Option<Fqdn>,
    /// What the SM-DS answered; `None` as long as it was not asked.
    pub heard: Option<Heard>,
}

/// Where CancelOrder leaves the Profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalState {
    Available,
    Unavailable,
}

impl FinalState {
    pub(super) fn state(self) -> State {
        match self {
            Self::Available => State::Available,
            Self::Unavailable => State::Unavailable,
        }
    }
}

/// What the eUICC said about the installation (2.5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Installed,
    /// `element` is the first Profile Element that the eUICC refused, if it named one.
    Failed {
        command: u8,
        reason: u8,
        element: Option<FailedElement>,
    },
}

/// A Profile in its new state and the event that says why. One cannot be had without the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Transition {
    after: Profile,
    event: Event,
    withdrawn: Option<EventRecord>,
    evidence: Option<Vec<u8>>,
}

impl Transition {
    /// Private to this room: a Profile changes only by a move.
    pub(super) fn of(after: Profile, event: Event, withdrawn: Option<EventRecord>) -> Self {
        Self { after, event, withdrawn, evidence: None }
    }

    /// The Event Record that the SM-DS may have and shall delete now (3.6.2).
    pub fn withdrawn(&self) -> Option<&EventRecord> {
        self.withdrawn.as_ref()
    }

    /// For an event that the SM-DS has refused: there is nothing to delete.
    pub(super) fn without_withdrawal(self) -> Self {
        Self { withdrawn: None, ..self }
    }

    /// With the octets that prove the event, which the trail keeps only as a hash; for those who are told of it.
    pub fn with_evidence(self, octets: Vec<u8>) -> Self {
        Self { evidence: Some(octets), ..self }
    }

    pub fn after(&self) -> &Profile {
        &self.after
    }

    pub fn event(&self) -> &Event {
        &self.event
    }

    pub fn evidence(&self) -> Option<&[u8]> {
        self.evidence.as_deref()
    }

    pub fn into_parts(self) -> (Profile, Event) {
        (self.after, self.event)
    }
}

/// A command the Profile does not obey. It can still move the Profile: see the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub status: StatusCode,
    pub moved: Option<Transition>,
}

impl From<StatusCode> for Box<Denied> {
    fn from(status: StatusCode) -> Self {
        Self::new(Denied { status, moved: None })
    }
}

/// `None`: the Profile stands where the command wants it already, and nothing happens.
pub(super) type Decision = Result<Option<Transition>, Box<Denied>>;

impl Profile {
    /// Decides what `command` by `actor` does to this Profile. The whole table is this match.
    #[expect(clippy::too_many_lines, reason = "the lifecycle is one table, and a table is read in one piece")]
    pub fn decide(self, actor: Actor, command: Command, now: Timestamp) -> Decision {
        use State::{
            Allocated, Available, Confirmed, Downloaded, Error, Installed, Linked, Released, Unavailable,
        };
        let step = Step { actor, now };
        match (self.state, command) {
            (Available, Command::DownloadOrder { call, repeat_key, eid, expires_at }) => {
                let reservation = Reservation { call, repeat_key, eid, expires_at };
                self.reserved(step, reservation)
            }
            (Allocated | Linked, Command::DownloadOrder { eid, .. }) if self.is_ordered_for(eid.as_ref()) => {
                Ok(None)
            }
            (
                Allocated | Linked | Confirmed | Released | Downloaded | Installed | Error | Unavailable,
                Command::DownloadOrder { .. },
            ) => Err(StatusCode::ICCID_IN_USE.into()),

            (Allocated | Linked, Command::ConfirmOrder(confirm)) => self.confirmed(step, confirm),
            (Confirmed | Released, Command::ConfirmOrder(confirm)) if self.is_confirmed_as(&confirm) => {
                Ok(None)
            }
            (Confirmed | Released | Downloaded | Installed, Command::ConfirmOrder(_)) => {
                Err(StatusCode::ICCID_IN_USE.into())
            }
            (Available | Error | Unavailable, Command::ConfirmOrder(_)) => {
                Err(StatusCode::ICCID_WRONG_STATE.into())
            }

            (Confirmed, Command::ReleaseProfile { heard }) => self.released(step, heard),
            (Released, Command::ReleaseProfile { .. }) => Ok(None),
            (
                Available | Allocated | Linked | Downloaded | Installed | Error | Unavailable,
                Command::ReleaseProfile { .. },
            ) => Err(StatusCode::ICCID_WRONG_STATE.into()),

            (
                Allocated | Linked | Confirmed | Released | Error,
                Command::CancelOrder { call, eid, matching_id, final_state },
            ) => self.cancelled(step, call, eid.as_ref(), matching_id.as_ref(), final_state),
            (Available | Unavailable, Command::CancelOrder { call, final_state, .. })
                if self.cancelled_by == Some(call.clone()) && self.state == final_state.state() =>
            {
                Ok(None)
            }
            (Available | Unavailable, Command::CancelOrder { .. }) => {
                Err(StatusCode::ICCID_WRONG_STATE.into())
            }
            (Downloaded | Installed, Command::CancelOrder { .. }) => Err(StatusCode::ICCID_IN_USE.into()),

            (
                Allocated | Linked | Confirmed | Released | Downloaded,
                Command::Authorise { transaction, limits, ineligible },
            ) => self.authorised(step, transaction, limits, ineligible),
            (Error, Command::Authorise { .. }) => Err(self.ended().into()),
            (Available | Installed | Unavailable, Command::Authorise { .. }) => {
                Err(StatusCode::MATCHING_ID_REFUSED.into())
            }

            (Released | Downloaded, Command::RefuseConfirmationCode { transaction, limits }) => {
                self.confirmation_code_refused(step, transaction, limits)
            }
            (Released | Downloaded, Command::Bind { transaction, eid, one_time_key, rebind }) => {
                self.bound(step, transaction, eid, one_time_key, rebind)
            }
            (
                Available | Allocated | Linked | Confirmed | Installed | Error | Unavailable,
                Command::RefuseConfirmationCode { .. } | Command::Bind { .. },
            ) => Err(StatusCode::PROFILE_UNAVAILABLE.into()),

            // From Error too: limits and refusals of ours do not make an installed Profile uninstalled.
            (
                Downloaded | Error,
                Command::Report { transaction, order, result_sha256, report, retry_after },
            ) => self.reported(step, transaction, order, result_sha256, report, &retry_after),
            (
                Available | Allocated | Linked | Confirmed | Released | Installed | Unavailable,
                Command::Report { transaction, order, report, .. },
            ) => self.reported_late(step, transaction, order, report),

            // From Error it is only the eUICC's word that a package was not installed.
            (
                Released | Downloaded | Error,
                Command::CancelSession { transaction, order, eid, reason, ends_order },
            ) => self.session_cancelled(step, transaction, order, &eid, reason, ends_order),
            (
                Available | Allocated | Linked | Confirmed | Installed | Unavailable,
                Command::CancelSession { .. },
            ) => Ok(None),

            (Allocated | Linked | Confirmed | Released | Downloaded, Command::SetOrder(change)) => {
                self.set(step, change)
            }
            // An order that has ended stays ended (3.1.6): a new one has new limits.
            (Available | Installed | Error | Unavailable, Command::SetOrder(_)) => {
                Err(StatusCode::ICCID_WRONG_STATE.into())
            }
        }
    }
}

/// A Profile that enters the house, and the facts of its package.
#[derive(Debug, Clone)]
pub struct Import {
    pub iccid: Iccid,
    pub operator: OperatorId,
    pub profile_type: ProfileType,
    pub package_sha256: String,
    pub octets: usize,
}

impl Profile {
    /// Notes something about a Profile that stays where it is. A note is written like a move, so that it cannot
    /// say where the Profile stood when it stood elsewhere.
    pub fn noted(self, actor: Actor, what: What) -> Transition {
        let (from, to, iccid) = (Some(self.state), self.state, self.iccid.clone());
        Transition::of(self, Event { v: ENCODING, actor, iccid, from, to, what }, None)
    }

    /// Puts a new Profile in stock.
    pub fn imported(actor: Actor, import: Import) -> Transition {
        let Import { iccid, operator, profile_type, package_sha256, octets } = import;
        let what = What::ProfileImported { profile_type: profile_type.to_string(), package_sha256, octets };
        let event =
            Event { v: ENCODING, actor, iccid: iccid.clone(), from: None, to: State::Available, what };
        let state = State::Available;
        let after = Self { iccid, operator, profile_type, state, orders: 0, order: None, cancelled_by: None };
        Transition::of(after, event, None)
    }
}
