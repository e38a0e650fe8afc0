//! ES9+: the door for LPAs (SGP.22 5.6), in two bindings: JSON and ASN.1. The protocol itself is in `rsp`.
mod asn1;
mod authenticate_client;
mod cancel_session;
mod get_bound_profile_package;
mod handle_notification;
mod initiate_authentication;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode as HttpStatus};
use axum::routing::post;
use serde_json::{Map, Value};

pub use authenticate_client::AuthenticateClient;
pub use cancel_session::CancelSession;
pub use get_bound_profile_package::GetBoundProfilePackage;
pub use handle_notification::HandleNotification;
pub use initiate_authentication::InitiateAuthentication;

use crate::asn1::MALFORMED_SIGNATURE;
use crate::call::{Ended, Function, Smdp, perform};
use crate::types::Malformed;
use crate::types::StatusCode;
use crate::types::TransactionId;
use crate::wire;
use crate::wire::Members;

/// Anybody: who an LPA speaks for is found out in the session.
#[derive(Debug, Clone, Copy)]
pub struct Lpa;

/// A function in the JSON binding.
trait Json: Function<Caller = Lpa> {
    const PATH: &'static str;

    fn read(members: &Members) -> Result<Self::Request, StatusCode>;

    /// `None`: acknowledged without a body.
    fn write(response: Self::Response) -> Option<Map<String, Value>>;
}

pub fn routes(smdp: Arc<Smdp>) -> Router {
    Router::new()
        .route(InitiateAuthentication::PATH, post(serve::<InitiateAuthentication>))
        .route(AuthenticateClient::PATH, post(serve::<AuthenticateClient>))
        .route(GetBoundProfilePackage::PATH, post(serve::<GetBoundProfilePackage>))
        .route(HandleNotification::PATH, post(serve::<HandleNotification>))
        .route(CancelSession::PATH, post(serve::<CancelSession>))
        .route(asn1::PATH, post(asn1::serve))
        .with_state(smdp)
}

/// Every ES9+ function in JSON is served by these lines.
async fn serve<F: Json>(State(smdp): State<Arc<Smdp>>, body: Bytes) -> Response<Body> {
    let Some(members) = Members::read(&body) else {
        return wire::failed(HttpStatus::BAD_REQUEST, StatusCode::PARAMETER_INVALID);
    };
    let request = match F::read(&members) {
        Ok(request) => request,
        // A notification has no status in its answer, so the refusal must be HTTP's.
        Err(status) if F::NAME == HandleNotification::NAME => {
            return wire::failed(HttpStatus::BAD_REQUEST, status);
        }
        Err(status) => return wire::refused(status),
    };
    // What was read is enough; the rest need not wait for the database with us.
    drop((members, body));
    let executed = |response| F::write(response).map_or_else(wire::acknowledged, wire::executed);
    run::<F>(&smdp, &request, executed, wire::refused).await
}

/// Runs a function that either binding has read, and answers in that binding's words.
async fn run<F: Function<Caller = Lpa>>(
    smdp: &Smdp,
    request: &F::Request,
    executed: fn(F::Response) -> Response<Body>,
    refused: fn(StatusCode) -> Response<Body>,
) -> Response<Body> {
    match perform::<F>(smdp, &Lpa, request).await {
        Ok(Ended::Executed(response)) => executed(response),
        Ok(Ended::Refused(status)) => {
            tracing::debug!(function = F::NAME, subject = status.subject, reason = status.reason, "refused");
            refused(status)
        }
        Ok(Ended::Busy) => wire::busy(),
        Err(fault) => {
            tracing::error!(function = F::NAME, story = fault.story(), "fault");
            wire::fault()
        }
    }
}

/// The session that a request names.
fn transaction_id(members: &Members) -> Result<TransactionId, StatusCode> {
    TransactionId::parse(members.text("transactionId")?).map_err(|_| StatusCode::PARAMETER_INVALID)
}

/// A signature of another form than 64 octets is one that does not verify; the rest is a malformed request.
fn undecodable(malformed: Malformed) -> StatusCode {
    if malformed == MALFORMED_SIGNATURE {
        return StatusCode::EUICC_VERIFICATION_FAILED;
    }
    StatusCode::PARAMETER_INVALID
}

/// The members of an answer.
fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
