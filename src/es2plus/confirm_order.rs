//! ES2+.ConfirmOrder (SGP.22 section 5.3.2).
use std::future::Future;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::smds::{self, ThroughSmds, decide_heard, unregistered};
use super::{Door, Json, iccid, optional, owned};
use crate::call::{Accepted, Call, Ended, Failure, Function, Verdict};
use crate::fault::Fault;
use crate::profile::{Command, Confirm, EventRecord, Heard};
use crate::random::{Random, octets};
use crate::types::CodeHash;
use crate::types::Eid;
use crate::types::Fqdn;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::StatusCode;
use crate::wire::Members;

/// Digits and capitals that nobody mistakes for each other.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

pub struct ConfirmOrder;

#[derive(Clone)]
pub struct Request {
    iccid: Iccid,
    eid: Option<Eid>,
    matching_id: Option<MatchingId>,
    /// Hashed at the door: the code itself goes no further.
    confirmation_code_hash: Option<CodeHash>,
    smds_address: Option<Fqdn>,
    release_flag: bool,
    /// What the SM-DS answered, when this is performed again.
    heard: Option<Heard>,
}

pub struct Response {
    unregistered: Option<EventRecord>,
    matching_id: MatchingId,
    eid: Option<Eid>,
    smdp_address: String,
}

impl Function for ConfirmOrder {
    const NAME: &'static str = "ES2+.ConfirmOrder";
    type Caller = OperatorId;
    type Request = Request;
    type Response = Response;

    async fn execute(call: &Call<'_>, caller: &OperatorId, request: &Request) -> Verdict<Response> {
        let profile = owned(call, caller, &request.iccid).await?;
        let confirm = Confirm {
            eid: request.eid.clone(),
            matching_id: request.matching_id.clone(),
            fresh: fresh_matching_id(call.random)?,
            confirmation_code_hash: request.confirmation_code_hash.clone(),
            release_flag: request.release_flag,
            smds_address: request.smds_address.clone(),
            heard: request.heard.clone(),
        };
        let heard = request.heard.as_ref();
        let (after, change) = decide_heard(call, caller, profile, Command::ConfirmOrder(confirm), heard)?;
        let order = after.order().ok_or(StatusCode::ICCID_WRONG_STATE)?;
        let matching_id = order.held_matching_id().cloned().ok_or(StatusCode::ICCID_WRONG_STATE)?;
        if !change.is_empty() && heard.is_none() {
            refuse_used(call, &request.iccid, order.number, &matching_id).await?;
        }
        let eid = order.event.as_ref().map(|event| &event.eid).or(order.eid.as_ref()).cloned();
        let smdp_address = call.setting.address.clone();
        let unregistered = unregistered(&after, heard).filter(|_| request.release_flag);
        let body = Response { unregistered, matching_id, eid, smdp_address };
        Ok(Accepted { body, change })
    }
}

impl ThroughSmds for ConfirmOrder {
    fn unregistered(response: &Response) -> Option<&EventRecord> {
        response.unregistered.as_ref()
    }

    fn heard(request: &Request, heard: Heard) -> Request {
        Request { heard: Some(heard), ..request.clone() }
    }
}

/// One MatchingID is one order, and one that an SM-DS was told of is never another's (3.6.1.1). The store would
/// refuse a second one too.
async fn refuse_used(call: &Call<'_>, iccid: &Iccid, order: u32, id: &MatchingId) -> Result<(), Failure> {
    let holder = call.reader.profile_by_matching_id(id).await?;
    let held = holder.is_some_and(|holder| holder.value.iccid() != iccid);
    if held || (!id.is_empty() && call.reader.event_used_by_another(id, iccid, order).await?) {
        return Err(StatusCode::MATCHING_ID_IN_USE.into());
    }
    Ok(())
}

/// 100 random bits in four groups of five characters.
fn fresh_matching_id(random: &dyn Random) -> Result<MatchingId, Fault> {
    let dice: [u8; 20] = octets(random)?;
    let letter = |dice: &u8| ALPHABET.get(usize::from(dice & 0x1F)).map_or('0', |letter| char::from(*letter));
    let groups: Vec<String> = dice.chunks(5).map(|group| group.iter().map(letter).collect()).collect();
    MatchingId::parse(&groups.join("-")).map_err(Fault::caused("a fresh MatchingID"))
}

impl Json for ConfirmOrder {
    const PATH: &'static str = "/gsma/rsp2/es2plus/confirmOrder";

    fn read(members: &Members, _: FunctionCallId) -> Result<Request, StatusCode> {
        let matching_id = members.optional("matchingId")?.map(MatchingId::parse).transpose();
        // An empty code would protect nothing: it is none.
        let code = members.optional("confirmationCode")?.filter(|code| !code.is_empty());
        let smds_address = members.optional("smdsAddress")?.filter(|address| !address.is_empty());
        let smds_address = smds_address.map(Fqdn::parse).transpose();
        Ok(Request {
            iccid: iccid(members)?,
            eid: optional(members, "eid", Eid::parse)?,
            matching_id: matching_id.map_err(|_| StatusCode::MATCHING_ID_INVALID)?,
            confirmation_code_hash: code.map(|code| CodeHash::new(Sha256::digest(code.as_bytes()).into())),
            smds_address: smds_address.map_err(|_| StatusCode::SMDS_INACCESSIBLE)?,
            heard: None,
            release_flag: members.boolean("releaseFlag")?,
        })
    }

    fn run(
        door: &Door,
        caller: &OperatorId,
        request: &Request,
    ) -> impl Future<Output = Result<Ended<Response>, Fault>> + Send {
        smds::run::<Self>(door, caller, request)
    }

    fn write(response: Response) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("matchingId".to_owned(), json!(response.matching_id.as_str()));
        members.insert("smdpAddress".to_owned(), json!(response.smdp_address));
        if let Some(eid) = response.eid {
            members.insert("eid".to_owned(), json!(eid.as_str()));
        }
        members
    }
}
