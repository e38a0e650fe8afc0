//! ES10b.CancelSession (SGP.22 section 5.7.14).

use super::{Card, CardError, bent};
use crate::faults::Fault;
use crate::tlv;

const INVALID_TRANSACTION_ID: u64 = 5;

/// Why a session is cancelled.
pub mod reason {
    pub const END_USER_REJECTION: u8 = 0;
    pub const POSTPONED: u8 = 1;
    pub const TIMEOUT: u8 = 2;
    pub const PPR_NOT_ALLOWED: u8 = 3;
    pub const METADATA_MISMATCH: u8 = 4;
    pub const LOAD_BPP_EXECUTION_ERROR: u8 = 5;
    pub const UNDEFINED: u8 = 127;
}

impl Card {
    /// Gives CancelSessionResponse `BF41` and ends the session.
    pub fn cancel_session(&mut self, transaction_id: &[u8], reason: u8) -> Result<Vec<u8>, CardError> {
        if let Some(code) = self.faults.value(Fault::CancelError, 127) {
            return Ok(tlv::write(0xBF41, &tlv::unsigned(0x81, code)));
        }
        let session =
            self.session.as_ref().and_then(|s| s.authenticated.as_ref()).ok_or(CardError::NoSession)?;
        if session.transaction_id != transaction_id {
            self.trouble = Some("CancelSession: transactionId of another session".into());
            return Ok(tlv::write(0xBF41, &tlv::unsigned(0x81, INVALID_TRANSACTION_ID)));
        }
        let wrong_oid = self.faults.has(Fault::CancelOidWrong);
        let oid = if wrong_oid { bent(session.smdp_oid.clone()) } else { session.smdp_oid.clone() };
        let reason = self.faults.value(Fault::CancelReason, 127).unwrap_or(u64::from(reason));
        let signed = tlv::nest(
            0x30,
            &[&tlv::write(0x80, transaction_id), &tlv::write(0x81, &oid), &tlv::unsigned(0x82, reason)],
        );
        let mut signature = self.signature(&signed)?;
        if self.faults.has(Fault::CancelSignatureBad) {
            signature = bent(signature);
        }
        self.session = None;
        Ok(tlv::write(0xBF41, &tlv::nest(0xA0, &[&signed, &signature])))
    }
}
