//! The ASN.1 binding as an LPA speaks it: the members of the JSON messages in the envelope of SGP.22 section 6.6.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::answers::{octets, text};
use super::{
    AUTHENTICATE_CLIENT, CANCEL_SESSION, GET_BOUND_PROFILE_PACKAGE, HANDLE_NOTIFICATION,
    INITIATE_AUTHENTICATION, LpaError,
};
use crate::hex;
use crate::tlv::{Tag, Tlv, nest, write};

/// One path for all functions.
pub const PATH: &str = "/gsma/rsp2/asn1";
pub const MEDIA_TYPE: &str = "application/x-gsma-rsp-asn1";

const ENVELOPE: Tag = 0xA2;
const OK: Tag = 0xA0;
const ERROR: Tag = 0x81;

/// RemoteProfileProvisioningRequest with the members of a JSON request.
pub fn encode(function: &str, request: &Value) -> Result<Vec<u8>, LpaError> {
    let raw = |name: &str| octets(function, request, name);
    let session = || {
        let id = hex::decode(&text(function, request, "transactionId")?);
        id.map(|id| write(0x80, &id)).ok_or_else(|| LpaError::malformed(function, "transactionId"))
    };
    let members = match function {
        INITIATE_AUTHENTICATION => vec![
            write(0x81, &raw("euiccChallenge")?),
            write(0x83, text(function, request, "smdpAddress")?.as_bytes()),
            raw("euiccInfo1")?,
        ],
        AUTHENTICATE_CLIENT => vec![session()?, raw("authenticateServerResponse")?],
        GET_BOUND_PROFILE_PACKAGE => vec![session()?, raw("prepareDownloadResponse")?],
        HANDLE_NOTIFICATION => vec![write(0xA0, &raw("pendingNotification")?)],
        // Tagged automatically, around the tag of the type, as compilers of ASN.1 do it.
        CANCEL_SESSION => vec![session()?, write(0xA1, &raw("cancelSessionResponse")?)],
        _ => return Err(LpaError::malformed(function, "no such function")),
    };
    let members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
    Ok(write(ENVELOPE, &nest(tag(function)?, &members)))
}

/// The members of a RemoteProfileProvisioningResponse as a JSON answer has them. A refusal has its number in
/// `error`, in place of statusCodeData.
pub fn decode(function: &str, answer: &[u8]) -> Result<Value, LpaError> {
    let form = |error| LpaError::malformed(function, error);
    let envelope = Tlv::parse(answer, ENVELOPE).map_err(form)?;
    let response = Tlv::parse(envelope.value, tag(function)?).map_err(form)?;
    let mut choice = response.reader();
    if let Some(error) = choice.optional(ERROR).map_err(form)? {
        choice.finish().map_err(form)?;
        let error = error.unsigned().map_err(form)?;
        return Ok(
            json!({ "header": { "functionExecutionStatus": { "status": "Failed", "error": error } } }),
        );
    }
    let mut reader = Tlv::parse(response.value, OK).map_err(form)?.reader();
    let mut body = Map::new();
    for (name, tag) in output(function) {
        let member = reader.take(*tag).map_err(form)?;
        let value =
            if *name == "transactionId" { hex::encode(member.value) } else { STANDARD.encode(member.raw) };
        body.insert((*name).to_owned(), json!(value));
    }
    reader.finish().map_err(form)?;
    let status = json!({ "functionExecutionStatus": { "status": "Executed-Success" } });
    body.insert("header".to_owned(), status);
    Ok(Value::Object(body))
}

/// What SGP.22 annex H calls an error of a function.
pub fn error_name(function: &str, error: u64) -> &'static str {
    match (function, error) {
        (INITIATE_AUTHENTICATION, 1) => "invalidDpAddress",
        (INITIATE_AUTHENTICATION, 2) => "euiccVersionNotSupportedByDp",
        (INITIATE_AUTHENTICATION, 3) => "ciPKNotSupported",
        (AUTHENTICATE_CLIENT, 1) => "eumCertificateInvalid",
        (AUTHENTICATE_CLIENT, 2) => "eumCertificateExpired",
        (AUTHENTICATE_CLIENT, 3) => "euiccCertificateInvalid",
        (AUTHENTICATE_CLIENT, 4) => "euiccCertificateExpired",
        (AUTHENTICATE_CLIENT, 5) | (GET_BOUND_PROFILE_PACKAGE, 1) | (CANCEL_SESSION, 2) => {
            "euiccSignatureInvalid"
        }
        (AUTHENTICATE_CLIENT, 6) => "matchingIdRefused",
        (AUTHENTICATE_CLIENT, 7) => "eidMismatch",
        (AUTHENTICATE_CLIENT, 8) => "noEligibleProfile",
        (AUTHENTICATE_CLIENT, 9) => "ciPKUnknown",
        (AUTHENTICATE_CLIENT, 10) | (GET_BOUND_PROFILE_PACKAGE, 95) | (CANCEL_SESSION, 1) => {
            "invalidTransactionId"
        }
        (AUTHENTICATE_CLIENT, 11) => "insufficientMemory",
        (AUTHENTICATE_CLIENT, 18) | (GET_BOUND_PROFILE_PACKAGE, 6) => "downloadOrderExpired",
        (GET_BOUND_PROFILE_PACKAGE, 2) => "confirmationCodeMissing",
        (GET_BOUND_PROFILE_PACKAGE, 3) => "confirmationCodeRefused",
        (GET_BOUND_PROFILE_PACKAGE, 4) => "confirmationCodeRetriesExceeded",
        (GET_BOUND_PROFILE_PACKAGE, 5) => "bppRebindingRefused",
        (_, 127) => "undefinedError",
        _ => "an error without a name",
    }
}

fn tag(function: &str) -> Result<Tag, LpaError> {
    match function {
        INITIATE_AUTHENTICATION => Ok(0xBF39),
        AUTHENTICATE_CLIENT => Ok(0xBF3B),
        GET_BOUND_PROFILE_PACKAGE => Ok(0xBF3A),
        HANDLE_NOTIFICATION => Ok(0xBF3D),
        CANCEL_SESSION => Ok(0xBF41),
        _ => Err(LpaError::malformed(function, "no such function")),
    }
}

/// The members of a function's output, by their names in JSON.
fn output(function: &str) -> &'static [(&'static str, Tag)] {
    match function {
        INITIATE_AUTHENTICATION => &[
            ("transactionId", 0x80),
            ("serverSigned1", 0x30),
            ("serverSignature1", 0x5F37),
            ("euiccCiPKIdToBeUsed", 0x04),
            ("serverCertificate", 0x30),
        ],
        AUTHENTICATE_CLIENT => &[
            ("transactionId", 0x80),
            ("profileMetadata", 0xBF25),
            ("smdpSigned2", 0x30),
            ("smdpSignature2", 0x5F37),
            ("smdpCertificate", 0x30),
        ],
        GET_BOUND_PROFILE_PACKAGE => &[("transactionId", 0x80), ("boundProfilePackage", 0xBF36)],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trees_are_those_of_annex_h() {
        let request =
            json!({ "transactionId": "0A0B", "cancelSessionResponse": STANDARD.encode([0xBF, 0x41, 0]) });
        let cancel = [0xA2, 12, 0xBF, 0x41, 9, 0x80, 2, 0x0A, 0x0B, 0xA1, 3, 0xBF, 0x41, 0];
        assert_eq!(encode(CANCEL_SESSION, &request).unwrap(), cancel);
        let request = json!({ "pendingNotification": STANDARD.encode([0xBF, 0x37, 0]) });
        let notify = [0xA2, 8, 0xBF, 0x3D, 5, 0xA0, 3, 0xBF, 0x37, 0];
        assert_eq!(encode(HANDLE_NOTIFICATION, &request).unwrap(), notify);
    }

    #[test]
    fn an_answer_is_read_strictly() {
        let package = write(0xBF36, &[1, 2, 3]);
        let members = nest(OK, &[&write(0x80, &[0xAB]), &package]);
        let answer = nest(ENVELOPE, &[&write(0xBF3A, &members)]);
        let body = decode(GET_BOUND_PROFILE_PACKAGE, &answer).unwrap();
        assert_eq!(body["transactionId"], "AB");
        assert_eq!(body["boundProfilePackage"], STANDARD.encode(package));
        for cut in 0..answer.len() {
            assert!(decode(GET_BOUND_PROFILE_PACKAGE, &answer[..cut]).is_err());
        }
        assert!(decode(AUTHENTICATE_CLIENT, &answer).is_err());
    }

    #[test]
    fn a_refusal_has_its_number() {
        let body = decode(CANCEL_SESSION, &[0xA2, 6, 0xBF, 0x41, 3, 0x81, 1, 2]).unwrap();
        assert_eq!(body.pointer("/header/functionExecutionStatus/error"), Some(&json!(2)));
        assert_eq!(error_name(CANCEL_SESSION, 2), "euiccSignatureInvalid");
    }
}
