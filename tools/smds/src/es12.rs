//! ES12: RegisterEvent and DeleteEvent (SGP.22 5.9). Mutual TLS; who calls is the OID in the client certificate.
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{Response, StatusCode as HttpStatus};
use axum::routing::post;
use serde_json::Map;
use smdpp::pki::{Certificate, Role, names_role};
use smdpp::server::Peer;
use smdpp::types::{Eid, Fqdn, Oid, StatusCode};
use smdpp::wire::{self, Members};

use crate::status::CALLER_UNKNOWN;
use crate::{Event, Mischief, locked};

type House = Arc<crate::State>;

/// An EventID is what its SM-DP+ takes for a MatchingID; an SM-DS only bounds it.
const EVENT_ID_CHARACTERS_MAX: usize = 255;

pub(crate) fn routes(state: &House) -> Router {
    Router::new()
        .route("/gsma/rsp2/es12/registerEvent", post(register))
        .route("/gsma/rsp2/es12/deleteEvent", post(delete))
        .with_state(Arc::clone(state))
}

async fn register(
    State(state): State<House>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response<Body> {
    let answer = answer(&state, &peer, &body, |caller, request| {
        let event = Event {
            owner: caller,
            eid: eid(request)?,
            event_id: event_id(request)?,
            rsp_server_address: fqdn(request.text("rspServerAddress")?)?,
        };
        // 5.9.1: whether an alternative SM-DS tells the root one. There is none above this one.
        request.boolean("forwardingIndicator")?;
        state.events.register(event)
    });
    sent(&state, answer).await
}

async fn delete(State(state): State<House>, Extension(peer): Extension<Peer>, body: Bytes) -> Response<Body> {
    let answer = answer(&state, &peer, &body, |caller, request| {
        state.events.delete(&caller, &eid(request)?, &event_id(request)?)
    });
    sent(&state, answer).await
}

/// The answer, unless a test wants the caller to wait for ever.
async fn sent(state: &crate::State, answer: Response<Body>) -> Response<Body> {
    if *locked(&state.mischief) == Some(Mischief::Hang) {
        std::future::pending::<()>().await;
    }
    answer
}

/// Reads the envelope and the caller, carries the function out, and answers with a header only.
fn answer(
    state: &crate::State,
    peer: &Peer,
    body: &[u8],
    function: impl FnOnce(Oid, &Members) -> Result<(), StatusCode>,
) -> Response<Body> {
    let Some(caller) = caller(peer) else {
        return wire::failed(HttpStatus::FORBIDDEN, CALLER_UNKNOWN);
    };
    let Some(request) = Members::read(body) else {
        return wire::failed(HttpStatus::BAD_REQUEST, StatusCode::PARAMETER_INVALID);
    };
    let mischief = *locked(&state.mischief);
    let outcome = match mischief {
        Some(Mischief::Http500) => return wire::fault(),
        Some(Mischief::Fail(subject, reason)) => {
            Err(StatusCode { subject, reason, message: "This SM-DS was told to refuse." })
        }
        Some(Mischief::LoseAnswers | Mischief::Hang) | None => {
            header(&request).and_then(|()| function(caller, &request))
        }
    };
    match outcome {
        _ if mischief == Some(Mischief::LoseAnswers) => wire::fault(),
        Ok(()) => wire::executed(Map::new()),
        Err(status) => wire::refused(status),
    }
}

/// TLS has verified the chain; what is left is that it is an SM-DP+ with exactly one OID.
fn caller(peer: &Peer) -> Option<Oid> {
    let der = &peer.certificate.as_ref()?.der;
    let certificate = Certificate::parse(der).ok().filter(|_| names_role(der, Role::DpTls))?;
    certificate.registered_id().cloned()
}

fn header(request: &Members) -> Result<(), StatusCode> {
    let header = request.object("header")?;
    header.text("functionRequesterIdentifier")?;
    header.text("functionCallIdentifier").map(|_| ())
}

fn eid(request: &Members) -> Result<Eid, StatusCode> {
    Eid::parse(request.text("eid")?).map_err(|_| StatusCode::PARAMETER_INVALID)
}

fn event_id(request: &Members) -> Result<String, StatusCode> {
    let text = request.text("eventId")?;
    let fits = (1..=EVENT_ID_CHARACTERS_MAX).contains(&text.len());
    fits.then(|| text.to_owned()).ok_or(StatusCode::PARAMETER_INVALID)
}

fn fqdn(text: &str) -> Result<String, StatusCode> {
    Fqdn::parse(text).map(|fqdn| fqdn.to_string()).map_err(|_| StatusCode::PARAMETER_INVALID)
}
