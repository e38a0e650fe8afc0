//! ES11: InitiateAuthentication and AuthenticateClient for LPAs (SGP.22 5.8), on the paths of ES9+ (Table 57).
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode as HttpStatus};
use axum::routing::post;
use serde_json::{Map, Value, json};
use smdpp::asn1::{
    AuthenticateServerResponse, EuiccInfo1, KeyId, ServerSigned1, Signature, Svn, ci_pk_id_tlv,
};
use smdpp::random::{OsRandom, octets};
use smdpp::time::{Clock, MINUTE_MS, SystemClock, Timestamp};
use smdpp::types::{StatusCode, TransactionId};
use smdpp::wire::{self, Members};

use crate::locked;
use crate::status::{ADDRESS_REFUSED, CERTIFICATE_UNAVAILABLE, SECURITY_UNSUPPORTED, SVN_UNSUPPORTED};

type House = Arc<crate::State>;
type Answer = Result<Map<String, Value>, Failed>;

const SVN_MAJOR: u8 = 2;
const SESSION_MS: i64 = 5 * MINUTE_MS;
/// More sessions at once than a laboratory has.
const SESSIONS_MAX: usize = 10_000;

/// Sessions that wait for AuthenticateClient.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<TransactionId, Session>>);

struct Session {
    server_address: String,
    server_challenge: [u8; 16],
    svn: Svn,
    /// euiccCiPKIdToBeUsed
    ci: KeyId,
    expires_at: Timestamp,
}

/// No, or could not.
enum Failed {
    Refused(StatusCode),
    Broken,
}

impl From<StatusCode> for Failed {
    fn from(status: StatusCode) -> Self {
        Self::Refused(status)
    }
}

pub(crate) fn routes(state: &House) -> Router {
    let answer = |function: fn(&crate::State, &Members) -> Answer| {
        post(move |State(state): State<House>, body: Bytes| async move { serve(&state, &body, function) })
    };
    Router::new()
        .route("/gsma/rsp2/es9plus/initiateAuthentication", answer(initiate_authentication))
        .route("/gsma/rsp2/es9plus/authenticateClient", answer(authenticate_client))
        .with_state(Arc::clone(state))
}

fn serve(
    state: &crate::State,
    body: &[u8],
    function: fn(&crate::State, &Members) -> Answer,
) -> Response<Body> {
    let Some(request) = Members::read(body) else {
        return wire::failed(HttpStatus::BAD_REQUEST, StatusCode::PARAMETER_INVALID);
    };
    match function(state, &request) {
        Ok(members) => wire::executed(members),
        Err(Failed::Refused(status)) => wire::refused(status),
        Err(Failed::Broken) => wire::fault(),
    }
}

/// 5.8.1, in the order of ES9+.
fn initiate_authentication(state: &crate::State, request: &Members) -> Answer {
    let identity = &state.identity;
    let challenge = request.octets("euiccChallenge")?.try_into();
    let euicc_challenge = challenge.map_err(|_| StatusCode::PARAMETER_INVALID)?;
    let info = EuiccInfo1::decode(&request.octets("euiccInfo1")?);
    let info = info.map_err(|_| StatusCode::PARAMETER_INVALID)?;
    // LPAs that know one function for both interfaces name the address as on ES9+.
    let address = match request.optional("smdsAddress")? {
        Some(address) => address,
        None => request.text("smdpAddress")?,
    };
    if info.svn.major != SVN_MAJOR {
        return Err(SVN_UNSUPPORTED.into());
    }
    if !address.eq_ignore_ascii_case(&identity.address) {
        return Err(ADDRESS_REFUSED.into());
    }
    let now = SystemClock.now();
    let ci = info.ci_for_signing.iter().find(|ci| identity.trust.knows(ci, now)).cloned();
    let ci = ci.ok_or(SECURITY_UNSUPPORTED)?;
    if !info.ci_for_verification.contains(&identity.ci) {
        return Err(CERTIFICATE_UNAVAILABLE.into());
    }
    let transaction_id = octets::<16>(&OsRandom::new()).map_err(|_| Failed::Broken)?;
    let transaction_id = TransactionId::from_octets(&transaction_id).map_err(|_| Failed::Broken)?;
    let server_challenge: [u8; 16] = octets(&OsRandom::new()).map_err(|_| Failed::Broken)?;
    let signed1 = ServerSigned1 {
        transaction_id: transaction_id.clone(),
        euicc_challenge,
        server_address: address.to_owned(),
        server_challenge,
    };
    let signed1 = signed1.encode();
    let signature = Signature::from_octets(identity.sign(&signed1).ok_or(Failed::Broken)?);
    let session = Session {
        server_address: address.to_owned(),
        server_challenge,
        svn: info.svn,
        ci: ci.clone(),
        expires_at: now.plus_ms(SESSION_MS),
    };
    state.sessions.open(transaction_id.clone(), session, now)?;
    Ok(members([
        ("transactionId", json!(transaction_id.to_string())),
        ("serverSigned1", wire::base64(&signed1)),
        ("serverSignature1", wire::base64(&signature.tlv())),
        ("euiccCiPKIdToBeUsed", wire::base64(&ci_pk_id_tlv(&ci))),
        ("serverCertificate", wire::base64(identity.dsauth.der())),
    ]))
}

/// 5.8.2: the eUICC proves itself, and hears of its events. The session ends, whatever comes of it.
fn authenticate_client(state: &crate::State, request: &Members) -> Answer {
    let transaction_id = TransactionId::parse(request.text("transactionId")?);
    let transaction_id = transaction_id.map_err(|_| StatusCode::PARAMETER_INVALID)?;
    let response = AuthenticateServerResponse::decode(&request.octets("authenticateServerResponse")?);
    let response = response.map_err(|_| StatusCode::PARAMETER_INVALID)?;
    let now = SystemClock.now();
    let session = state.sessions.take(&transaction_id, now).ok_or(StatusCode::TRANSACTION_UNKNOWN)?;
    let response = match response {
        AuthenticateServerResponse::Ok(response) => response,
        AuthenticateServerResponse::Error { .. } => return Err(StatusCode::EUICC_REFUSED.into()),
    };
    let trust = &state.identity.trust;
    let euicc = trust.verify_euicc(&response.eum_certificate, &response.euicc_certificate, now)?;
    if *euicc.ci() != session.ci {
        return Err(StatusCode::CI_UNKNOWN.into());
    }
    let signed1 = &response.signed1;
    euicc.verify(&[signed1.bytes()], &response.signature1)?;
    if signed1.transaction_id != transaction_id {
        return Err(StatusCode::TRANSACTION_UNKNOWN.into());
    }
    let same = signed1.server_challenge == session.server_challenge
        && signed1.server_address == session.server_address
        && signed1.euicc_info2.svn == session.svn;
    if !same {
        return Err(StatusCode::EUICC_VERIFICATION_FAILED.into());
    }
    let event_id = signed1.matching_id.as_deref().filter(|id| !id.is_empty());
    let events = state.events.of(euicc.eid(), event_id)?;
    let entry = |event: &crate::Event| json!({ "eventId": event.event_id, "rspServerAddress": event.rsp_server_address });
    Ok(members([
        ("transactionId", json!(transaction_id.to_string())),
        ("eventEntries", Value::Array(events.iter().map(entry).collect())),
    ]))
}

impl Sessions {
    fn open(&self, id: TransactionId, session: Session, now: Timestamp) -> Result<(), Failed> {
        let mut open = locked(&self.0);
        open.retain(|_, session| now < session.expires_at);
        if open.len() >= SESSIONS_MAX {
            return Err(Failed::Broken);
        }
        open.insert(id, session);
        Ok(())
    }

    fn take(&self, id: &TransactionId, now: Timestamp) -> Option<Session> {
        locked(&self.0).remove(id).filter(|session| now < session.expires_at)
    }
}

fn members<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
