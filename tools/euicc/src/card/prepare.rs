//! ES10b.PrepareDownload (SGP.22 section 5.7.5).

use super::session::{Authenticated, Prepared};
use super::{Card, CardError, bent};
use crate::curve::{self, Curve, OneTimeKey, sha256};
use crate::faults::Fault;
use crate::tlv::{self, Tlv};
use crate::x509::{Certificate, Role};

const INVALID_CERTIFICATE: u8 = 1;
const INVALID_SIGNATURE: u8 = 2;
const INVALID_TRANSACTION_ID: u8 = 5;
const UNDEFINED_ERROR: u64 = 127;

impl Card {
    /// Gives PrepareDownloadResponse `BF21`, be it consent or refusal.
    pub fn prepare_download(
        &mut self,
        smdp_signed2: &[u8],
        smdp_signature2: &[u8],
        smdp_certificate: &[u8],
        confirmation_code: Option<&str>,
    ) -> Result<Vec<u8>, CardError> {
        let session =
            self.session.as_ref().and_then(|s| s.authenticated.clone()).ok_or(CardError::NoSession)?;
        let signed = Tlv::parse(smdp_signed2, 0x30)?;
        let certificate = Certificate::parse(smdp_certificate)?;
        if let Some(code) = self.faults.value(Fault::DownloadError, UNDEFINED_ERROR) {
            return Ok(refusal(&session.transaction_id, code));
        }
        if let Err((code, why)) = self.check_binding_server(&session, &signed, smdp_signature2, &certificate)
            && !self.faults.has(Fault::TrustAnyone)
        {
            self.trouble = Some(format!("PrepareDownload: {why}"));
            return Ok(refusal(&session.transaction_id, u64::from(code)));
        }
        let curve = certificate.public_key.curve;
        let one_time_key = self.one_time_key(curve, &session.smdp_oid, signed.find(0x5F49)?)?;
        let euicc_otpk = tlv::write(0x5F49, &self.shown_otpk(&one_time_key)?);
        let cc_required = signed.child(0x01)?.value != [0];
        let hash_cc = self.hash_cc(cc_required, confirmation_code, &session.transaction_id);
        let signed2 = self.euicc_signed2(&session.transaction_id, &euicc_otpk, &hash_cc);
        let mut signature2 = self.signature(&[&signed2[..], smdp_signature2].concat())?;
        if self.faults.has(Fault::Signature2Bad) {
            signature2 = bent(signature2);
        }
        let prepared = Prepared { dppb_key: certificate.public_key, one_time_key, euicc_otpk };
        if let Some(authenticated) = self.session.as_mut().and_then(|s| s.authenticated.as_mut()) {
            authenticated.prepared = Some(prepared);
        }
        Ok(tlv::write(0xBF21, &tlv::nest(0xA0, &[&signed2, &signature2])))
    }

    fn check_binding_server(
        &self,
        session: &Authenticated,
        signed: &Tlv<'_>,
        signature: &[u8],
        certificate: &Certificate,
    ) -> Result<(), (u8, String)> {
        let issuer = self
            .issuer(&session.issuer_key_id)
            .ok_or((INVALID_CERTIFICATE, "the issuer of CERT.DPauth is gone".to_owned()))?;
        certificate.verify_dp(Role::DpPb, issuer).map_err(|e| (INVALID_CERTIFICATE, e.to_string()))?;
        if certificate.registered_id.as_ref() != Some(&session.smdp_oid) {
            return Err((INVALID_CERTIFICATE, "CERT.DPpb belongs to another SM-DP+ than CERT.DPauth".into()));
        }
        let plain = Tlv::parse(signature, 0x5F37).map_err(|e| (INVALID_SIGNATURE, e.to_string()))?;
        let covered = [signed.raw, &session.euicc_signature1].concat();
        curve::verify(&certificate.public_key, &covered, plain.value)
            .map_err(|e| (INVALID_SIGNATURE, format!("smdpSignature2: {e}")))?;
        let transaction_id = signed.child(0x80).map_err(|e| (INVALID_TRANSACTION_ID, e.to_string()))?;
        if transaction_id.value != session.transaction_id {
            return Err((INVALID_TRANSACTION_ID, "smdpSigned2 names another transactionId".into()));
        }
        Ok(())
    }

    /// The key the server offers again if we still hold it, otherwise a new one, which we then hold; on the curve
    /// of CERT.DPpb (2.6.7.1).
    fn one_time_key(
        &mut self,
        curve: Curve,
        smdp_oid: &[u8],
        offered: Option<Tlv<'_>>,
    ) -> Result<OneTimeKey, CardError> {
        let held = self.held_key(smdp_oid);
        if let (Some(held), Some(offered)) = (held, offered)
            && held.public == offered.value
            && held.curve == curve
            && !self.faults.has(Fault::OtpkNew)
        {
            return Ok(held);
        }
        let fresh = OneTimeKey::generate(curve)?;
        if !self.faults.has(Fault::ForgetOtpk) {
            self.hold_key(smdp_oid, &fresh);
        }
        Ok(fresh)
    }

    fn shown_otpk(&self, key: &OneTimeKey) -> Result<Vec<u8>, CardError> {
        let public = key.public.clone();
        Ok(if self.faults.has(Fault::Otpk64) {
            public.into_iter().skip(1).collect()
        } else if self.faults.has(Fault::Otpk66) {
            [&public[..], &[0]].concat()
        } else if self.faults.has(Fault::OtpkCompressed) {
            curve::compressed(&public)
        } else if self.faults.has(Fault::OtpkOffCurve) {
            bent(public)
        } else if self.faults.has(Fault::OtpkOtherCurve) {
            OneTimeKey::generate(key.curve.other())?.public
        } else if self.faults.has(Fault::OtpkInfinity) {
            vec![0]
        } else {
            public
        })
    }

    /// SHA-256 of the hashed Confirmation Code and the transactionId, as the element `04`.
    fn hash_cc(&self, required: bool, code: Option<&str>, transaction_id: &[u8]) -> Vec<u8> {
        let unasked = self.faults.has(Fault::HashCcUnasked);
        if self.faults.has(Fault::HashCcMissing) || (!required && !unasked) {
            return Vec::new();
        }
        let stale = self.faults.has(Fault::HashCcStale);
        let transaction_id = if stale { &self.last_transaction_id } else { transaction_id };
        let code = match code {
            _ if self.faults.has(Fault::HashCcWrong) => "wrong code",
            Some(code) => code,
            None if unasked => "0000",
            None => return Vec::new(),
        };
        tlv::write(0x04, &hash_cc(code, transaction_id))
    }

    fn euicc_signed2(&self, transaction_id: &[u8], euicc_otpk: &[u8], hash_cc: &[u8]) -> Vec<u8> {
        let wrong = self.faults.has(Fault::TransactionIdWrong2);
        let transaction_id = if wrong { bent(transaction_id.to_vec()) } else { transaction_id.to_vec() };
        let unknown =
            if self.faults.has(Fault::UnknownTlvs) { tlv::write(0x9F7F, b"unknown") } else { vec![] };
        tlv::nest(0x30, &[&tlv::write(0x80, &transaction_id), euicc_otpk, hash_cc, &unknown])
    }
}

/// The hash that proves knowledge of the Confirmation Code in one session.
pub(crate) fn hash_cc(code: &str, transaction_id: &[u8]) -> Vec<u8> {
    sha256(&[&sha256(code.as_bytes()), transaction_id].concat())
}

fn refusal(transaction_id: &[u8], code: u64) -> Vec<u8> {
    let body = tlv::nest(0xA1, &[&tlv::write(0x80, transaction_id), &tlv::unsigned(0x02, code)]);
    tlv::write(0xBF21, &body)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_confirmation_code_is_hashed_as_its_characters() {
        let id: Vec<u8> = (1..=16).collect();
        assert_eq!(
            crate::hex::encode(&super::hash_cc("1234", &id)),
            "94E57B8CDFE3EB0A8510F18898ADD0B1E67B48FAFD39892796D6F65F9CE3CC40"
        );
    }
}
