//! What the eUICC remembers between the commands of one RSP session.

use crate::curve::{OneTimeKey, PublicKey};

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub challenge: [u8; 16],
    pub authenticated: Option<Authenticated>,
}

/// After AuthenticateServer.
#[derive(Debug, Clone)]
pub(super) struct Authenticated {
    pub transaction_id: Vec<u8>,
    pub server_address: String,
    pub smdp_oid: Vec<u8>,
    /// Key identifier of the issuer of CERT.DPauth; CERT.DPpb must have the same.
    pub issuer_key_id: Vec<u8>,
    /// The element `5F37` as it was sent.
    pub euicc_signature1: Vec<u8>,
    pub prepared: Option<Prepared>,
}

/// After PrepareDownload.
#[derive(Clone)]
pub(super) struct Prepared {
    pub dppb_key: PublicKey,
    pub one_time_key: OneTimeKey,
    /// The element `5F49` as it was sent; a fault may have bent it.
    pub euicc_otpk: Vec<u8>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}
