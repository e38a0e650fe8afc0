//! What an operator ordered (SGP.22 3.1.1): EID, MatchingID, Confirmation Code, and how often it was tried.
use serde::{Deserialize, Serialize};

use super::event_record::EventRecord;
use crate::event::Failure;
use crate::time::Timestamp;
use crate::types::CodeHash;
use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::MatchingId;
use crate::types::TransactionId;

/// One order on one Profile, from DownloadOrder until CancelOrder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The first, second, … order on this Profile. A session remembers it, so that a late report
    /// never touches a newer order.
    pub number: u32,
    /// The DownloadOrder call that made the reservation.
    pub call: FunctionCallId,
    /// While the order is not confirmed: by what a repetition of that call is told, if it named no ICCID.
    pub repeat_key: Option<String>,
    pub ordered_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// The EID that the operator named.
    pub eid: Option<Eid>,
    pub confirmation: Option<Confirmation>,
    pub download_attempts: u32,
    pub confirmation_code_attempts: u32,
    /// The session that AuthenticateClient last opened on this order.
    pub session: Option<TransactionId>,
    /// The eUICC that the Profile was bound to, and the session that did it last.
    pub bound: Option<Bound>,
    /// Sessions whose package left, and of which the eUICC has not signed that nothing came of it. As long as there
    /// is one, some eUICC may hold the Profile.
    pub out: Vec<TransactionId>,
    /// The Event Record at an SM-DS, if the operator named one.
    #[serde(default)]
    pub event: Option<EventRecord>,
    /// Why the order ended, in the state Error; or the last temporary failure, in the state Downloaded.
    pub failure: Option<Failure>,
    /// What was set for this order alone.
    #[serde(default)]
    pub set: OrderSettings,
}

/// Values of the policy that an administrator set for one order; `None`: as the policy says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderSettings {
    pub download_attempts_max: Option<u32>,
    pub confirmation_code_attempts_max: Option<u32>,
}

/// What ConfirmOrder settled (5.3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    pub matching_id: MatchingId,
    /// SHA-256 of the Confirmation Code; the code itself is never kept.
    pub confirmation_code_hash: Option<CodeHash>,
    /// The flag as the operator sent it, to recognise a repetition.
    pub release_flag: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub eid: Eid,
    pub transaction: TransactionId,
}

/// How often an order may be tried (4.7). A limit of n allows n tries; the next is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub download_attempts_max: u32,
    pub confirmation_code_attempts_max: u32,
}

impl Order {
    /// The EID that the operator named, or else the one that has downloaded.
    pub fn eid(&self) -> Option<&Eid> {
        self.eid.as_ref().or(self.bound.as_ref().map(|bound| &bound.eid))
    }

    pub fn matching_id(&self) -> Option<&MatchingId> {
        self.confirmation.as_ref().map(|confirmation| &confirmation.matching_id)
    }

    /// The MatchingID that nobody else may have: also while an SM-DS is told of it, before the order is confirmed.
    pub fn held_matching_id(&self) -> Option<&MatchingId> {
        let announced = self.event.as_ref().filter(|event| event.may_be_registered());
        self.matching_id().or(announced.map(|event| &event.event_id))
    }

    pub fn confirmation_code_hash(&self) -> Option<&CodeHash> {
        self.confirmation.as_ref().and_then(|confirmation| confirmation.confirmation_code_hash.as_ref())
    }

    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}
