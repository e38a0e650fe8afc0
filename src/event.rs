//! Everything that can happen to a Profile, as the trail keeps it. The encoding is documented in `specs/trail.md`.
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Iccid;
use crate::types::State;
use crate::types::TransactionId;

/// The version of the encoding, in every entry.
pub const ENCODING: u8 = 1;

/// One thing that happened: who did what to which Profile, and where it stood before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub v: u8,
    pub actor: Actor,
    pub iccid: Iccid,
    /// `None` only for a Profile that was not here before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    pub to: State,
    #[serde(flatten)]
    pub what: What,
}

/// What happened, with the facts that belong to it. Never a secret: no MatchingID, no code, no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    ProfileImported {
        profile_type: String,
        package_sha256: String,
        octets: usize,
    },
    DownloadOrdered {
        order: u32,
        call: String,
        eid: Option<String>,
        expires_at: Option<Timestamp>,
    },
    OrderConfirmed {
        order: u32,
        eid: Option<String>,
        confirmation_code: bool,
    },
    ProfileReleased {
        order: u32,
    },
    OrderCancelled {
        order: u32,
    },
    DownloadAuthorised {
        order: u32,
        transaction: TransactionId,
        attempt: u32,
    },
    ConfirmationCodeRefused {
        order: u32,
        transaction: TransactionId,
        attempt: u32,
    },
    /// GetBoundProfilePackage without a Confirmation Code where one is needed; the first of its session.
    ConfirmationCodeMissing {
        order: u32,
        transaction: TransactionId,
    },
    PackageBound {
        order: u32,
        transaction: TransactionId,
        eid: String,
        one_time_key: OneTimeKey,
    },
    ProfileInstalled {
        order: u32,
        transaction: TransactionId,
        result_sha256: String,
    },
    InstallationFailed {
        order: u32,
        transaction: TransactionId,
        command: u8,
        reason: u8,
        result_sha256: String,
        /// The first Profile Element that the eUICC refused, if it named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        element: Option<FailedElement>,
    },
    SessionCancelled {
        order: u32,
        transaction: TransactionId,
        reason: u8,
    },
    OrderFailed {
        order: u32,
        failure: Failure,
    },
    NotificationReceived {
        notification: String,
        sequence: u64,
    },
    /// A verified result that came when the order was over, or replaced.
    ResultLate {
        order: u32,
        transaction: TransactionId,
        installed: bool,
    },
    NotificationInvalid {
        transaction: TransactionId,
        message_sha256: String,
    },
    /// The SM-DS will be told of the order; `call` counts the tries.
    EventAnnounced {
        order: u32,
        smds_address: String,
        call: u32,
    },
    EventNotRegistered {
        order: u32,
        smds_address: String,
        reply: SmdsReply,
    },
    /// An administrator changed the order; as it stands afterwards. `None` is as the policy says, and never.
    OrderSet {
        order: u32,
        download_attempts_max: Option<u32>,
        confirmation_code_attempts_max: Option<u32>,
        expires_at: Option<Timestamp>,
    },
}

/// Why an SM-DS has no event of ours, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmdsReply {
    Refused,
    Unreachable,
    Silent,
}

/// Whether the eUICC's one-time key was new for this binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OneTimeKey {
    New,
    Reused,
}

/// Why an order ended in the state Error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Failure {
    OrderExpired,
    DownloadAttempts {
        limit: u32,
    },
    ConfirmationCodeAttempts {
        limit: u32,
    },
    NotEligible {
        why: String,
    },
    SessionCancelled {
        reason: u8,
    },
    Installation {
        command: u8,
        reason: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        element: Option<FailedElement>,
    },
    /// The eUICC brought another one-time key, and the policy does not bind anew.
    RebindingRefused,
}

/// A Profile Element that the eUICC refused (PEStatus of the TCA interoperable format).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedElement {
    pub status: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identification: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional: Option<u8>,
}

impl Failure {
    /// The sentence that an operator reads.
    pub fn explain(&self) -> String {
        match self {
            Self::OrderExpired => "the order expired before it was downloaded".to_owned(),
            Self::DownloadAttempts { limit } => format!("more than {limit} download attempts"),
            Self::ConfirmationCodeAttempts { limit } => format!("more than {limit} wrong confirmation codes"),
            Self::NotEligible { why } => format!("the eUICC is not eligible: {why}"),
            Self::SessionCancelled { reason } => {
                format!("the device cancelled: {}", cancel_reason(*reason))
            }
            Self::Installation { command, reason, element } => {
                let refused = element.map(|element| format!("; {}", element.explain())).unwrap_or_default();
                format!(
                    "the eUICC could not install it: {} in {}{refused}",
                    // Shorter, since the sentence says as much.
                    error_reason(*reason).trim_start_matches("installFailedDueTo"),
                    bpp_command(*command)
                )
            }
            Self::RebindingRefused => {
                "the eUICC came back with another one-time key, and the policy does not bind anew".to_owned()
            }
        }
    }
}

impl FailedElement {
    /// The status by its name, and the identification that the element has in the package.
    pub fn explain(&self) -> String {
        let element = match self.identification {
            Some(identification) => format!("profile element with identification {identification}"),
            None => "a profile element".to_owned(),
        };
        let more =
            self.additional.map(|octet| format!(", additional information {octet}")).unwrap_or_default();
        format!("{element}: {}{more}", element_status(self.status))
    }
}

/// Status of PEStatus.
pub fn element_status(status: u8) -> &'static str {
    match status {
        0 => "ok",
        1 => "pe-not-supported",
        2 => "memory-failure",
        3 => "bad-values",
        4 => "not-enough-memory",
        5 => "invalid-request-format",
        6 => "invalid-parameter",
        7 => "runtime-not-supported",
        8 => "lib-not-supported",
        9 => "template-not-supported",
        10 => "feature-not-supported",
        11 => "pin-code-missing",
        31 => "unsupported-profile-version",
        _ => "another error",
    }
}

/// CancelSessionReason (5.7.14).
pub fn cancel_reason(reason: u8) -> &'static str {
    match reason {
        0 => "endUserRejection",
        1 => "postponed",
        2 => "timeout",
        3 => "pprNotAllowed",
        4 => "metadataMismatch",
        5 => "loadBppExecutionError",
        _ => "undefinedReason",
    }
}

/// BppCommandId (2.5.6).
pub fn bpp_command(command: u8) -> &'static str {
    match command {
        0 => "initialiseSecureChannel",
        1 => "configureISDP",
        2 => "storeMetadata",
        3 => "storeMetadata2",
        4 => "replaceSessionKeys",
        5 => "loadProfileElements",
        _ => "an unknown command",
    }
}

/// ErrorReason (2.5.6).
pub fn error_reason(reason: u8) -> &'static str {
    match reason {
        1 => "incorrectInputValues",
        2 => "invalidSignature",
        3 => "invalidTransactionId",
        4 => "unsupportedCrtValues",
        5 => "unsupportedRemoteOperationType",
        6 => "unsupportedProfileClass",
        7 => "scp03tStructureError",
        8 => "scp03tSecurityError",
        9 => "installFailedDueToIccidAlreadyExistsOnEuicc",
        10 => "installFailedDueToInsufficientMemoryForProfile",
        11 => "installFailedDueToInterruption",
        12 => "installFailedDueToPEProcessingError",
        13 => "installFailedDueToDataMismatch",
        14 => "testProfileInstallFailedDueToInvalidNaaKey",
        15 => "pprNotAllowed",
        31 => "installFailedDueToInsufficientMinimumSecurityLevel",
        32 => "installFailedDueToServerAddressAbsentInEuiccAllowList",
        127 => "installFailedDueToUnknownError",
        _ => "an unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is the message of a notification point, which has 128 characters.
    #[test]
    fn a_failed_installation_is_explained_down_to_the_element_in_128_characters() {
        let element = Some(FailedElement { status: 3, identification: Some(12), additional: None });
        let said = Failure::Installation { command: 5, reason: 12, element }.explain();
        assert!(said.len() <= 128 && said.ends_with("bad-values"), "{}: {said}", said.len());
        for reason in 0..=255 {
            let said = Failure::Installation { command: 5, reason, element: None }.explain();
            assert!(said.len() <= 128, "{said}");
        }
    }
}
