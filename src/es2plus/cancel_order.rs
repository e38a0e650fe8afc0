//! ES2+.CancelOrder (SGP.22 section 5.3.3).
use serde_json::{Map, Value};

use super::{Json, decide, iccid, optional, owned};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::change::BindingChange;
use crate::profile::{Command, FinalState};
use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::StatusCode;
use crate::wire::Members;

pub struct CancelOrder;

pub struct Request {
    call: FunctionCallId,
    iccid: Iccid,
    eid: Option<Eid>,
    matching_id: Option<MatchingId>,
    final_state: FinalState,
}

impl Function for CancelOrder {
    const NAME: &'static str = "ES2+.CancelOrder";
    type Caller = OperatorId;
    type Request = Request;
    type Response = ();

    async fn execute(call: &Call<'_>, caller: &OperatorId, request: &Request) -> Verdict<()> {
        let profile = owned(call, caller, &request.iccid).await?;
        let command = Command::CancelOrder {
            call: request.call.clone(),
            eid: request.eid.clone(),
            matching_id: request.matching_id.clone(),
            final_state: request.final_state,
        };
        let (_, change) = decide(call, caller, profile, command)?;
        if change.is_empty() {
            return Ok(Accepted::unchanged(()));
        }
        // What was kept for another try of the cancelled order must not meet the next one.
        let change = change.binding(BindingChange::Forget(request.iccid.clone()));
        Ok(Accepted { body: (), change })
    }
}

impl Json for CancelOrder {
    const PATH: &'static str = "/gsma/rsp2/es2plus/cancelOrder";

    fn read(members: &Members, call: FunctionCallId) -> Result<Request, StatusCode> {
        let matching_id = members.optional("matchingId")?.map(MatchingId::parse).transpose();
        let final_state = match members.text("finalProfileStatusIndicator")? {
            "Available" => FinalState::Available,
            "Unavailable" => FinalState::Unavailable,
            _ => return Err(StatusCode::PARAMETER_INVALID),
        };
        Ok(Request {
            call,
            iccid: iccid(members)?,
            eid: optional(members, "eid", Eid::parse)?,
            matching_id: matching_id.map_err(|_| StatusCode::MATCHING_ID_INVALID)?,
            final_state,
        })
    }

    fn write((): ()) -> Map<String, Value> {
        Map::new()
    }
}
