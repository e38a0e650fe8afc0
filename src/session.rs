//! What is remembered between two requests of one RSP session. Only `rsp` moves a session on.
use serde::{Deserialize, Serialize};

use crate::asn1::KeyId;
use crate::asn1::Svn;
use crate::pki::EuiccIdentity;
use crate::time::Timestamp;
use crate::types::Iccid;
use crate::types::StatusCode;
use crate::types::TransactionId;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    id: TransactionId,
    expires_at: Timestamp,
    stage: Stage,
}

/// Between requests the stage is data; within a request it is a type.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    Initiated(Initiated),
    Authenticated(Authenticated),
    Bound(Bound),
    Ended(Ended),
}

/// After InitiateAuthentication.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Initiated {
    pub server_address: String,
    pub server_challenge: [u8; 16],
    pub svn: Svn,
    /// euiccCiPKIdToBeUsed: the CI that the eUICC signs under.
    pub ci: KeyId,
    /// The CI of the DPauth certificate that we showed; DPpb must have the same.
    pub credential_ci: KeyId,
}

/// After AuthenticateClient.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authenticated {
    pub euicc: EuiccIdentity,
    pub iccid: Iccid,
    /// The order on that Profile which this session is about.
    pub order: u32,
    pub credential_ci: KeyId,
    #[serde(with = "octets")]
    pub smdp_signed2: Vec<u8>,
    #[serde(with = "octets")]
    pub smdp_signature2: Vec<u8>,
    /// GetBoundProfilePackage was refused for its Confirmation Code: an LPA that then gives up without a reason of
    /// the user's does not end the order.
    #[serde(default)]
    pub code_refused: bool,
    /// SHA-256 of the request that opened this stage, so that its repetition gets the same answer.
    #[serde(with = "octets")]
    pub request_sha256: Vec<u8>,
    /// SHA-256 of the last request whose Confirmation Code was wrong, so that its repetition is no second guess.
    #[serde(with = "octets", default)]
    pub refused_sha256: Vec<u8>,
    /// The tries that were left then, for the same answer.
    #[serde(default)]
    pub refused_left: u32,
}

/// After GetBoundProfilePackage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bound {
    pub authenticated: Authenticated,
    /// smdpSign of the package for this transaction.
    #[serde(with = "octets")]
    pub smdp_sign: Vec<u8>,
    #[serde(with = "octets")]
    pub request_sha256: Vec<u8>,
    /// A result that does not verify was seen, and is in the trail.
    pub suspicious: bool,
}

/// After a result or a cancellation: kept so that a late or repeated message finds its place, and changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    pub euicc: EuiccIdentity,
    pub iccid: Iccid,
    pub order: u32,
    /// It was cancelled after its package had left: if the eUICC has installed that all the same, its result counts.
    #[serde(default)]
    pub result_open: bool,
}

impl Session {
    pub fn new(id: TransactionId, expires_at: Timestamp, stage: Stage) -> Self {
        Self { id, expires_at, stage }
    }

    pub fn id(&self) -> &TransactionId {
        &self.id
    }

    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The stage, for a request that continues the session; too late is unknown (8.10.1/3.9).
    pub fn open(&self, now: Timestamp) -> Result<&Stage, StatusCode> {
        if now >= self.expires_at {
            return Err(StatusCode::TRANSACTION_UNKNOWN);
        }
        Ok(&self.stage)
    }

    /// The same session at its next stage.
    #[must_use]
    pub fn moved(self, expires_at: Timestamp, stage: Stage) -> Self {
        Self { id: self.id, expires_at, stage }
    }
}

impl Stage {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Initiated(_) => "initiated",
            Self::Authenticated(_) => "authenticated",
            Self::Bound(_) => "bound",
            Self::Ended(_) => "ended",
        }
    }
}

/// Octets as hexadecimal text.
mod octets {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::types::hex;

    pub(super) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        hex::decode(&text).ok_or_else(|| D::Error::custom("not hexadecimal"))
    }
}
