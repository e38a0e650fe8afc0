//! What the eUICC and we say to each other, in DER (SGP.22 annex H): one file per function, both ways.
//!
//! Decoders take exactly one message, are strict about lengths, tags and order, skip what a later version
//! added at the end of a sequence, and keep the received octets of all that was signed.
mod authenticate;
mod bits;
mod cancel;
mod download;
mod es9plus;
mod euicc_info;
#[cfg(test)]
mod hostile;
mod metadata;
mod notification;
mod signed;
pub mod tlv;

pub use authenticate::{
    AuthenticateResponseOk, AuthenticateServerResponse, DeviceInfo, EuiccSigned1, ServerSigned1,
};
pub use bits::{NotificationEvent, NotificationEvents, Pprs};
pub use cancel::{CancelSessionOk, CancelSessionResponse, CancelSessionSigned};
pub use download::{EuiccSigned2, PrepareDownloadResponse, PrepareDownloadResponseOk, SmdpSigned2};
pub use es9plus::{
    Es9Plus, InitiateAuthenticationRequest, SessionRequest, pending_notification, transaction_id_tlv,
};
pub use euicc_info::{EuiccInfo1, EuiccInfo2, KeyId, Svn, ci_pk_id_tlv};
pub use metadata::{
    Icon, IconKind, Metadata, MetadataError, NotificationAddress, Owner, ProfileClass, mcc_mnc,
};
pub use notification::{
    BppCommandId, ErrorReason, InstallationResult, NotificationMetadata, OtherSignedNotification, PeStatus,
    PendingNotification, ProfileInstallationResult, ProfileInstallationResultData,
};
pub use signed::{MALFORMED_SIGNATURE, Signature, Signed};
