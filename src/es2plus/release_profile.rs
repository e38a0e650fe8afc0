//! ES2+.ReleaseProfile (SGP.22 section 5.3.4).
use serde_json::{Map, Value};

use super::{Json, decide, iccid, owned};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::profile::Command;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::OperatorId;
use crate::types::StatusCode;
use crate::wire::Members;

pub struct ReleaseProfile;

impl Function for ReleaseProfile {
    const NAME: &'static str = "ES2+.ReleaseProfile";
    type Caller = OperatorId;
    type Request = Iccid;
    type Response = ();

    async fn execute(call: &Call<'_>, caller: &OperatorId, iccid: &Iccid) -> Verdict<()> {
        let profile = owned(call, caller, iccid).await?;
        let (_, change) = decide(call, caller, profile, Command::ReleaseProfile)?;
        Ok(Accepted { body: (), change })
    }
}

impl Json for ReleaseProfile {
    const PATH: &'static str = "/gsma/rsp2/es2plus/releaseProfile";

    fn read(members: &Members, _: FunctionCallId) -> Result<Iccid, StatusCode> {
        iccid(members)
    }

    fn write((): ()) -> Map<String, Value> {
        Map::new()
    }
}
