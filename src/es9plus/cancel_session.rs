//! ES9+.CancelSession (SGP.22 section 5.6.5).
use serde_json::{Map, Value};

use super::asn1::Asn1;
use super::{Json, Lpa};
use crate::asn1::{CancelSessionResponse, Es9Plus, SessionRequest};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::rsp::cancel;
use crate::types::StatusCode;
use crate::types::TransactionId;
use crate::wire::Members;

pub struct CancelSession;

pub struct Request {
    transaction_id: TransactionId,
    response: CancelSessionResponse,
}

impl Function for CancelSession {
    const NAME: &'static str = "ES9+.CancelSession";
    type Caller = Lpa;
    type Request = Request;
    type Response = ();

    async fn execute(call: &Call<'_>, _: &Lpa, request: &Request) -> Verdict<()> {
        let session = call.reader.session(&request.transaction_id).await?;
        let session = session.ok_or(StatusCode::TRANSACTION_UNKNOWN)?;
        let response = match &request.response {
            CancelSessionResponse::Ok(response) => response,
            // It carries no signature, so it changes nothing.
            CancelSessionResponse::Error { .. } => return Err(StatusCode::EUICC_REFUSED.into()),
        };
        let cancellation = cancel(session, response, call.setting, call.now)?;
        let profile = call.reader.profile(cancellation.iccid()).await?;
        Ok(Accepted { body: (), change: cancellation.carry_out(profile, call.now) })
    }
}

impl Json for CancelSession {
    const PATH: &'static str = "/gsma/rsp2/es9plus/cancelSession";

    fn read(members: &Members) -> Result<Request, StatusCode> {
        let transaction_id = super::transaction_id(members)?;
        let response = members.octets("cancelSessionResponse")?;
        let response = CancelSessionResponse::decode(&response).map_err(super::undecodable)?;
        Ok(Request { transaction_id, response })
    }

    fn write((): ()) -> Option<Map<String, Value>> {
        Some(Map::new())
    }
}

impl Asn1 for CancelSession {
    const FUNCTION: Es9Plus = Es9Plus::CancelSession;

    const ERRORS: Option<&'static [(StatusCode, u8)]> =
        Some(&[(StatusCode::TRANSACTION_UNKNOWN, 1), (StatusCode::EUICC_VERIFICATION_FAILED, 2)]);

    fn decode(content: &[u8]) -> Result<Request, StatusCode> {
        let request = SessionRequest::cancel_session(content).map_err(super::undecodable)?;
        let response = CancelSessionResponse::decode(&request.response).map_err(super::undecodable)?;
        Ok(Request { transaction_id: request.transaction_id, response })
    }

    fn encode((): ()) -> Option<Vec<u8>> {
        Some(Vec::new())
    }
}
