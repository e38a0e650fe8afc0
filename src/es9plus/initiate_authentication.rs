//! ES9+.InitiateAuthentication (SGP.22 section 5.6.1).
use serde_json::{Map, Value};

use super::asn1::Asn1;
use super::{Json, Lpa, members};
use crate::asn1::{Es9Plus, EuiccInfo1, InitiateAuthenticationRequest, KeyId, Signature};
use crate::asn1::{ci_pk_id_tlv, transaction_id_tlv};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::hsm::KeyRole;
use crate::random::octets;
use crate::rsp::{Fresh, Opening, Request};
use crate::types::StatusCode;
use crate::types::TransactionId;
use crate::wire::{Members, base64};

pub struct InitiateAuthentication;

pub struct Response {
    transaction_id: TransactionId,
    server_signed1: Vec<u8>,
    server_signature1: Signature,
    ci: KeyId,
    certificate: Vec<u8>,
}

impl Function for InitiateAuthentication {
    const NAME: &'static str = "ES9+.InitiateAuthentication";
    type Caller = Lpa;
    type Request = Request;
    type Response = Response;

    async fn execute(call: &Call<'_>, _: &Lpa, request: &Request) -> Verdict<Response> {
        let transaction_id: [u8; 16] = octets(call.random)?;
        let transaction_id =
            TransactionId::from_octets(&transaction_id).map_err(|_| StatusCode::PARAMETER_INVALID)?;
        let fresh = Fresh { transaction_id, server_challenge: octets(call.random)? };
        let opening = Opening::check(request.clone(), fresh, call.setting, call.now)?;
        call.admit_session()?;

        let role = KeyRole::DpAuth { slot: opening.slot() };
        let signature = call.hsm.sign(role, opening.to_be_signed()).await?;
        let (opened, change) = opening.seal(signature);
        let body = Response {
            transaction_id: opened.transaction_id,
            server_signed1: opened.server_signed1,
            server_signature1: Signature::from_octets(opened.server_signature1),
            ci: opened.ci,
            certificate: opened.certificate.to_vec(),
        };
        Ok(Accepted { body, change })
    }
}

impl Json for InitiateAuthentication {
    const PATH: &'static str = "/gsma/rsp2/es9plus/initiateAuthentication";

    fn read(members: &Members) -> Result<Request, StatusCode> {
        let challenge = members.octets("euiccChallenge")?;
        let info = members.octets("euiccInfo1")?;
        Ok(Request {
            euicc_challenge: challenge.try_into().map_err(|_| StatusCode::PARAMETER_INVALID)?,
            euicc_info1: EuiccInfo1::decode(&info).map_err(|_| StatusCode::PARAMETER_INVALID)?,
            smdp_address: members.text("smdpAddress")?.to_owned(),
        })
    }

    fn write(response: Response) -> Option<Map<String, Value>> {
        Some(members([
            ("transactionId", Value::String(response.transaction_id.to_string())),
            ("serverSigned1", base64(&response.server_signed1)),
            ("serverSignature1", base64(&response.server_signature1.tlv())),
            ("euiccCiPKIdToBeUsed", base64(&ci_pk_id_tlv(&response.ci))),
            ("serverCertificate", base64(&response.certificate)),
        ]))
    }
}

impl Asn1 for InitiateAuthentication {
    const FUNCTION: Es9Plus = Es9Plus::InitiateAuthentication;

    const ERRORS: Option<&'static [(StatusCode, u8)]> = Some(&[
        (StatusCode::ADDRESS_REFUSED, 1),
        (StatusCode::SVN_UNSUPPORTED, 2),
        (StatusCode::SECURITY_UNSUPPORTED, 3),
        (StatusCode::CERTIFICATE_UNAVAILABLE, 3),
    ]);

    fn decode(content: &[u8]) -> Result<Request, StatusCode> {
        let request = InitiateAuthenticationRequest::decode(content);
        let InitiateAuthenticationRequest { euicc_challenge, smdp_address, euicc_info1 } =
            request.map_err(super::undecodable)?;
        Ok(Request { euicc_challenge, euicc_info1, smdp_address })
    }

    fn encode(response: Response) -> Option<Vec<u8>> {
        let Response { transaction_id, server_signed1, server_signature1, ci, certificate } = response;
        let transaction_id = transaction_id_tlv(&transaction_id);
        let (signature, ci) = (server_signature1.tlv(), ci_pk_id_tlv(&ci));
        Some([transaction_id, server_signed1, signature, ci, certificate].concat())
    }
}
