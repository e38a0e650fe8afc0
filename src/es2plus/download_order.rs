//! ES2+.DownloadOrder (SGP.22 section 5.3.1).
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Json, decide, optional, owned};
use crate::call::{Accepted, Call, Failure, Function, Verdict};
use crate::change::Versioned;
use crate::profile::{Command, Profile};
use crate::random::octets;
use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::OperatorId;
use crate::types::ProfileType;
use crate::types::StatusCode;
use crate::types::hex;
use crate::wire::Members;

pub struct DownloadOrder;

pub struct Request {
    call: FunctionCallId,
    eid: Option<Eid>,
    wanted: Wanted,
}

/// 3.1.1.2: an ICCID, a Profile Type, or both that agree.
enum Wanted {
    /// The second is the ICCID as it was written, with or without its pad.
    Iccid(Iccid, String, Option<ProfileType>),
    Any(ProfileType),
}

pub struct Response {
    iccid: String,
}

impl Function for DownloadOrder {
    const NAME: &'static str = "ES2+.DownloadOrder";
    type Caller = OperatorId;
    type Request = Request;
    type Response = Response;

    async fn execute(call: &Call<'_>, caller: &OperatorId, request: &Request) -> Verdict<Response> {
        let profile = match &request.wanted {
            Wanted::Iccid(iccid, _, profile_type) => {
                let profile = owned(call, caller, iccid).await?;
                if profile_type.as_ref().is_some_and(|wanted| wanted != profile.value.profile_type()) {
                    return Err(StatusCode::PROFILE_TYPE_MISMATCH.into());
                }
                profile
            }
            Wanted::Any(profile_type) => pick(call, caller, profile_type, request).await?,
        };
        let iccid = match &request.wanted {
            Wanted::Iccid(_, written, _) => written.clone(),
            Wanted::Any(_) => profile.value.iccid().to_string(),
        };
        let expires_at = call.setting.policies.of(&profile.value).expiry(call.now);
        let command = Command::DownloadOrder {
            call: request.call.clone(),
            repeat_key: request.repeat_key(),
            eid: request.eid.clone(),
            expires_at,
        };
        let (_, change) = decide(call, caller, profile, command)?;
        Ok(Accepted { body: Response { iccid }, change })
    }
}

/// What this very call reserved before, or one from the shelf.
async fn pick(
    call: &Call<'_>,
    caller: &OperatorId,
    profile_type: &ProfileType,
    request: &Request,
) -> Result<Versioned<Profile>, Failure> {
    let owners = call.reader.type_owners(caller, profile_type).await?;
    if !owners.operator {
        let known = owners.anybody;
        return Err(if known {
            StatusCode::PROFILE_TYPE_NOT_ALLOWED
        } else {
            StatusCode::PROFILE_TYPE_UNKNOWN
        }
        .into());
    }
    // The shelf first: who finds it empty because this very call's twin took the last one then finds the twin.
    let mut stock = call.reader.stock(caller, profile_type).await?;
    if let Some(repeat_key) = request.repeat_key()
        && let Some(before) = call.reader.profile_by_repeat_key(caller, &repeat_key).await?
    {
        return Ok(before);
    }
    // Many callers at once: each takes another place of the shelf, so that few collide.
    let dice = u32::from_be_bytes(octets(call.random)?);
    let place = usize::try_from(dice).unwrap_or_default().checked_rem(stock.len());
    let place = place.ok_or(StatusCode::PROFILE_TYPE_EMPTY)?;
    Ok(stock.swap_remove(place))
}

impl Request {
    /// The same call for the same thing has the same key. A call that names its ICCID needs none: the lifecycle
    /// knows its repetition.
    fn repeat_key(&self) -> Option<String> {
        match &self.wanted {
            Wanted::Iccid(..) => None,
            Wanted::Any(profile_type) => {
                let eid = self.eid.as_ref().map_or("", Eid::as_str);
                let parts = [self.call.as_str(), profile_type.as_str(), eid];
                let hash =
                    parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part).chain_update([0]));
                Some(hex::encode(&hash.finalize()))
            }
        }
    }
}

impl Json for DownloadOrder {
    const PATH: &'static str = "/gsma/rsp2/es2plus/downloadOrder";

    fn read(members: &Members, call: FunctionCallId) -> Result<Request, StatusCode> {
        let eid = optional(members, "eid", Eid::parse)?;
        let profile_type = optional(members, "profileType", ProfileType::parse)?;
        let iccid =
            optional(members, "iccid", |text| Iccid::parse(text).map(|iccid| (iccid, text.to_owned())))?;
        let wanted = match (iccid, profile_type) {
            (Some((iccid, written)), profile_type) => Wanted::Iccid(iccid, written, profile_type),
            (None, Some(profile_type)) => Wanted::Any(profile_type),
            (None, None) => return Err(StatusCode::CONDITIONAL_MISSING),
        };
        Ok(Request { call, eid, wanted })
    }

    fn write(response: Response) -> Map<String, Value> {
        [("iccid".to_owned(), json!(response.iccid))].into_iter().collect()
    }
}
