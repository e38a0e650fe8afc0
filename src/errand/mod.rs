//! What is to be told to whom, as a value: decided with the move that it is about, carried later (SGP.22 5.3.5).
mod agreement;
mod patience;
mod told;

pub use agreement::{Agreement, Agreements, LaterLife, Point};
pub use patience::wait_ms;
pub use told::told;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::profile::{EventRecord, EventStatus};
use crate::time::Timestamp;
use crate::types::Eid;
use crate::types::Fqdn;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::ProfileType;

/// One thing to tell somebody outside. The stored form is JSON: members are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "errand", rename_all = "snake_case")]
pub enum Errand {
    /// ES2+.HandleDownloadProgressInfo.
    Progress(Progress),
    /// ES12.DeleteEvent.
    DeleteEvent(DeleteEvent),
}

/// The input of DeleteEvent (5.9.2), and the SM-DS that has the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteEvent {
    pub smds_address: Fqdn,
    pub iccid: Iccid,
    pub eid: Eid,
    pub event_id: MatchingId,
}

/// An errand and the functionCallIdentifier under which it is sent, however often: so that the receiver can tell a
/// repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    pub call: FunctionCallId,
    pub errand: Errand,
}

/// Whom an errand is for. What waits for one receiver never delays another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Receiver<'a> {
    Operator(&'a OperatorId),
    Smds(&'a Fqdn),
}

/// The input of HandleDownloadProgressInfo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub operator: OperatorId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eid: Option<Eid>,
    pub iccid: Iccid,
    pub profile_type: ProfileType,
    pub at: Timestamp,
    /// notificationPointId: 1 to 4, or a number that was agreed.
    pub point: u32,
    pub status: PointStatus,
    /// finalResult of the ProfileInstallationResult, `A2…`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "octets")]
    pub result_data: Option<Vec<u8>>,
}

/// notificationPointStatus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum PointStatus {
    Success,
    Failed { subject: String, reason: String, message: String },
}

impl DeleteEvent {
    pub fn of(iccid: Iccid, event: EventRecord) -> Self {
        let EventRecord { smds_address, eid, event_id, .. } = event;
        Self { smds_address, iccid, eid, event_id }
    }

    /// The event as an order knew it.
    pub fn record(&self) -> EventRecord {
        EventRecord {
            smds_address: self.smds_address.clone(),
            eid: self.eid.clone(),
            event_id: self.event_id.clone(),
            status: EventStatus::Withdrawn,
        }
    }
}

impl Errand {
    pub fn receiver(&self) -> Receiver<'_> {
        match self {
            Self::Progress(progress) => Receiver::Operator(&progress.operator),
            Self::DeleteEvent(event) => Receiver::Smds(&event.smds_address),
        }
    }

    pub fn iccid(&self) -> &Iccid {
        match self {
            Self::Progress(progress) => &progress.iccid,
            Self::DeleteEvent(event) => &event.iccid,
        }
    }

    /// What it says, for a list that people read. No secret, and no EID.
    pub fn title(&self) -> String {
        match self {
            Self::Progress(progress) => format!("point {} {}", progress.point, progress.status),
            Self::DeleteEvent(_) => "delete the event".to_owned(),
        }
    }
}

impl fmt::Display for Receiver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => write!(f, "operator {name}"),
            Self::Smds(address) => write!(f, "SM-DS {address}"),
        }
    }
}

impl fmt::Display for PointStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("Executed-Success"),
            Self::Failed { subject, reason, .. } => write!(f, "Failed {subject}/{reason}"),
        }
    }
}

/// Octets, if any, as hexadecimal text.
mod octets {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::types::hex;

    pub(super) fn serialize<S: Serializer>(
        octets: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        octets.as_deref().map(hex::encode).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let decode = |text: String| hex::decode(&text).ok_or_else(|| D::Error::custom("not hexadecimal"));
        text.map(decode).transpose()
    }
}
