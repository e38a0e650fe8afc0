//! What the SM-DP+ answers, read from JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Answer, LpaError};
use crate::metadata::Metadata;
use crate::tlv::Tlv;

/// The answer to InitiateAuthentication.
#[derive(Debug, Clone)]
pub struct Authentication {
    pub transaction_id: String,
    pub server_signed1: Vec<u8>,
    pub server_signature1: Vec<u8>,
    pub ci_pk_id: Vec<u8>,
    pub server_certificate: Vec<u8>,
}

/// The answer to AuthenticateClient.
#[derive(Debug, Clone)]
pub struct Offer {
    pub transaction_id: String,
    pub metadata: Metadata,
    pub smdp_signed2: Vec<u8>,
    pub smdp_signature2: Vec<u8>,
    pub smdp_certificate: Vec<u8>,
}

impl Offer {
    pub fn confirmation_code_required(&self) -> bool {
        let flag = |signed: Tlv<'_>| signed.child(0x01).map(|flag| flag.value != [0]);
        Tlv::parse(&self.smdp_signed2, 0x30).and_then(flag).unwrap_or(false)
    }

    /// The one-time key the server offers to use again.
    pub fn offered_otpk(&self) -> Option<Vec<u8>> {
        let signed = Tlv::parse(&self.smdp_signed2, 0x30).ok()?;
        Some(signed.find(0x5F49).ok()??.value.to_vec())
    }
}

impl Authentication {
    pub fn read(function: &str, body: &Value) -> Result<Self, LpaError> {
        Ok(Self {
            transaction_id: text(function, body, "transactionId")?,
            server_signed1: octets(function, body, "serverSigned1")?,
            server_signature1: octets(function, body, "serverSignature1")?,
            ci_pk_id: octets(function, body, "euiccCiPKIdToBeUsed")?,
            server_certificate: octets(function, body, "serverCertificate")?,
        })
    }
}

impl Offer {
    pub fn read(function: &str, body: &Value) -> Result<Self, LpaError> {
        let metadata = octets(function, body, "profileMetadata")?;
        Ok(Self {
            transaction_id: text(function, body, "transactionId")?,
            metadata: Metadata::parse(&metadata)
                .map_err(|e| LpaError::malformed(function, format!("profileMetadata: {e}")))?,
            smdp_signed2: octets(function, body, "smdpSigned2")?,
            smdp_signature2: octets(function, body, "smdpSignature2")?,
            smdp_certificate: octets(function, body, "smdpCertificate")?,
        })
    }
}

/// The body of an answer that says Executed-Success, otherwise the refusal in it.
pub(super) fn success(function: &str, answer: Answer) -> Result<Value, LpaError> {
    if answer.status != 200 {
        return Err(LpaError::Status { function: function.to_owned(), status: answer.status });
    }
    let status = answer
        .body
        .pointer("/header/functionExecutionStatus")
        .ok_or_else(|| LpaError::malformed(function, "no functionExecutionStatus"))?;
    match status.get("status").and_then(Value::as_str) {
        Some("Executed-Success") => Ok(answer.body),
        Some(_) => {
            if let Some(error) = status.get("error").and_then(Value::as_u64) {
                return Err(LpaError::RefusedAsn1 { function: function.to_owned(), error });
            }
            let field = |name: &str| {
                let found = status.pointer(&format!("/statusCodeData/{name}")).and_then(Value::as_str);
                found.unwrap_or_default().to_owned()
            };
            Err(LpaError::Refused {
                function: function.to_owned(),
                subject_code: field("subjectCode"),
                reason_code: field("reasonCode"),
                message: field("message"),
            })
        }
        None => Err(LpaError::malformed(function, "no status")),
    }
}

pub(super) fn text(function: &str, body: &Value, name: &str) -> Result<String, LpaError> {
    let found = body.get(name).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| LpaError::malformed(function, format!("{name} is missing")))
}

pub(super) fn octets(function: &str, body: &Value, name: &str) -> Result<Vec<u8>, LpaError> {
    STANDARD
        .decode(text(function, body, name)?)
        .map_err(|e| LpaError::malformed(function, format!("{name} is no Base64: {e}")))
}
