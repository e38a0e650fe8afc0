//! ES2+.ConfirmOrder (SGP.22 section 5.3.2).
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Json, decide, iccid, optional, owned};
use crate::call::{Accepted, Call, Failure, Function, Verdict};
use crate::change::Refused;
use crate::fault::Fault;
use crate::profile::{Command, Confirm};
use crate::random::{Random, octets};
use crate::types::CodeHash;
use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::StatusCode;
use crate::wire::Members;

/// Digits and capitals that nobody mistakes for each other.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

pub struct ConfirmOrder;

pub struct Request {
    iccid: Iccid,
    eid: Option<Eid>,
    matching_id: Option<MatchingId>,
    /// Hashed at the door: the code itself goes no further.
    confirmation_code_hash: Option<CodeHash>,
    smds_address: Option<String>,
    release_flag: bool,
}

pub struct Response {
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
        };
        let (after, change) = decide(call, caller, profile, Command::ConfirmOrder(confirm))?;
        let order = after.order().ok_or(StatusCode::ICCID_WRONG_STATE)?;
        if request.smds_address.is_some() {
            return Err(without_smds(order.eid(), request.matching_id.as_ref()).into());
        }
        let matching_id = order.matching_id().cloned().ok_or(StatusCode::ICCID_WRONG_STATE)?;
        // One MatchingID is one order; the store would refuse a second one too.
        let holder = call.reader.profile_by_matching_id(&matching_id).await?;
        if holder.is_some_and(|holder| *holder.value.iccid() != request.iccid) {
            return Err(Failure::from(Box::<Refused>::from(StatusCode::MATCHING_ID_IN_USE)));
        }
        let body =
            Response { matching_id, eid: order.eid.clone(), smdp_address: call.setting.address.clone() };
        Ok(Accepted { body, change })
    }
}

/// An order through an SM-DS: checked as 5.3.2 says, and refused, since this server has no ES12 yet.
fn without_smds(eid: Option<&Eid>, matching_id: Option<&MatchingId>) -> StatusCode {
    if eid.is_none() {
        return StatusCode::EID_MISSING;
    }
    if matching_id.is_some_and(MatchingId::is_empty) {
        return StatusCode::MATCHING_ID_INVALID;
    }
    StatusCode::SMDS_INACCESSIBLE
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
        Ok(Request {
            iccid: iccid(members)?,
            eid: optional(members, "eid", Eid::parse)?,
            matching_id: matching_id.map_err(|_| StatusCode::MATCHING_ID_INVALID)?,
            confirmation_code_hash: code.map(|code| CodeHash::new(Sha256::digest(code.as_bytes()).into())),
            smds_address: smds_address.map(str::to_owned),
            release_flag: members.boolean("releaseFlag")?,
        })
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
