//! ES2+.ReleaseProfile (SGP.22 section 5.3.4).
use std::future::Future;

use serde_json::{Map, Value};

use super::smds::{self, ThroughSmds, decide_heard, unregistered};
use super::{Door, Json, iccid, owned};
use crate::call::{Accepted, Call, Ended, Function, Verdict};
use crate::fault::Fault;
use crate::profile::{Command, EventRecord, Heard};
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::OperatorId;
use crate::types::StatusCode;
use crate::wire::Members;

pub struct ReleaseProfile;

#[derive(Clone)]
pub struct Request {
    iccid: Iccid,
    /// What the SM-DS answered, when this is performed again.
    heard: Option<Heard>,
}

pub struct Response {
    unregistered: Option<EventRecord>,
}

impl Function for ReleaseProfile {
    const NAME: &'static str = "ES2+.ReleaseProfile";
    type Caller = OperatorId;
    type Request = Request;
    type Response = Response;

    async fn execute(call: &Call<'_>, caller: &OperatorId, request: &Request) -> Verdict<Response> {
        let profile = owned(call, caller, &request.iccid).await?;
        let heard = request.heard.as_ref();
        let command = Command::ReleaseProfile { heard: heard.cloned() };
        let (after, change) = decide_heard(call, caller, profile, command, heard)?;
        Ok(Accepted { body: Response { unregistered: unregistered(&after, heard) }, change })
    }
}

impl ThroughSmds for ReleaseProfile {
    fn unregistered(response: &Response) -> Option<&EventRecord> {
        response.unregistered.as_ref()
    }

    fn heard(request: &Request, heard: Heard) -> Request {
        Request { heard: Some(heard), ..request.clone() }
    }
}

impl Json for ReleaseProfile {
    const PATH: &'static str = "/gsma/rsp2/es2plus/releaseProfile";

    fn read(members: &Members, _: FunctionCallId) -> Result<Request, StatusCode> {
        Ok(Request { iccid: iccid(members)?, heard: None })
    }

    fn run(
        door: &Door,
        caller: &OperatorId,
        request: &Request,
    ) -> impl Future<Output = Result<Ended<Response>, Fault>> + Send {
        smds::run::<Self>(door, caller, request)
    }

    fn write(_: Response) -> Map<String, Value> {
        Map::new()
    }
}
