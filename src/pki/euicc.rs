//! The proof that an eUICC is one, and what is remembered of it.
use serde::{Deserialize, Serialize};

use super::signature::PublicKey;
use crate::asn1::{KeyId, Signature};
use crate::types::Eid;
use crate::types::StatusCode;

/// Proof that an eUICC's chain was verified up to a trusted CI. Only `pki/chain.rs` makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEuicc {
    identity: EuiccIdentity,
}

impl VerifiedEuicc {
    pub(super) fn new(eid: Eid, key: PublicKey, ci: KeyId) -> Self {
        Self { identity: EuiccIdentity { eid, key, ci } }
    }

    pub fn eid(&self) -> &Eid {
        &self.identity.eid
    }

    pub fn ci(&self) -> &KeyId {
        &self.identity.ci
    }

    pub fn key(&self) -> &PublicKey {
        &self.identity.key
    }

    pub fn identity(&self) -> EuiccIdentity {
        self.identity.clone()
    }

    pub fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), StatusCode> {
        self.identity.verify(parts, signature)
    }
}

/// A verified eUICC as a session remembers it: enough to verify what it signs later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EuiccIdentity {
    eid: Eid,
    key: PublicKey,
    ci: KeyId,
}

impl EuiccIdentity {
    pub fn eid(&self) -> &Eid {
        &self.eid
    }

    pub fn ci(&self) -> &KeyId {
        &self.ci
    }

    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies what the eUICC signed: the parts as they were received, one after the other.
    pub fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), StatusCode> {
        self.key.verify_fixed(parts, signature).map_err(|_| StatusCode::EUICC_VERIFICATION_FAILED)
    }
}
