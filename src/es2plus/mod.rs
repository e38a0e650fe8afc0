//! ES2+: the door for operators (SGP.22 5.3). Mutual TLS; who calls follows from the client certificate only.
mod cancel_order;
mod confirm_order;
mod download_order;
mod handle_download_progress_info;
mod registry;
mod release_profile;
mod smds;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{Response, StatusCode as HttpStatus};
use axum::routing::post;
use serde_json::{Map, Value};

pub use cancel_order::CancelOrder;
pub use confirm_order::ConfirmOrder;
pub use download_order::DownloadOrder;
pub use handle_download_progress_info::{Endpoint, Untold};
pub use registry::{Registered, Registry};
pub use release_profile::ReleaseProfile;

use crate::call::{Call, Ended, Failure, Function, Smdp, perform};
use crate::change::{Change, Refused, Versioned};
use crate::es12::Es12;
use crate::fault::Fault;
use crate::profile::{Command, Profile};
use crate::server::Peer;
use crate::types::Actor;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::OperatorId;
use crate::types::StatusCode;
use crate::wire;
use crate::wire::Members;

/// A function in the JSON binding.
trait Json: Function<Caller = OperatorId> + Sized {
    const PATH: &'static str;

    fn read(members: &Members, call: FunctionCallId) -> Result<Self::Request, StatusCode>;

    fn write(response: Self::Response) -> Map<String, Value>;

    /// Carries the function out: for most it is one recipe, performed once.
    fn run(
        door: &Door,
        caller: &OperatorId,
        request: &Self::Request,
    ) -> impl Future<Output = Result<Ended<Self::Response>, Fault>> + Send {
        perform::<Self>(&door.smdp, caller, request)
    }
}

/// What the handlers need.
#[derive(Clone)]
struct Door {
    smdp: Arc<Smdp>,
    registry: Arc<Registry>,
    es12: Arc<Es12>,
}

pub fn routes(smdp: Arc<Smdp>, registry: Arc<Registry>, es12: Arc<Es12>) -> Router {
    Router::new()
        .route(DownloadOrder::PATH, post(serve::<DownloadOrder>))
        .route(ConfirmOrder::PATH, post(serve::<ConfirmOrder>))
        .route(CancelOrder::PATH, post(serve::<CancelOrder>))
        .route(ReleaseProfile::PATH, post(serve::<ReleaseProfile>))
        .with_state(Door { smdp, registry, es12 })
}

/// Every ES2+ function is served by these lines.
async fn serve<F: Json>(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response<Body> {
    let certificate = peer.certificate.as_ref().map(|certificate| certificate.der.as_slice());
    let Some(operator) = certificate.and_then(|der| door.registry.operator(der)) else {
        tracing::warn!(function = F::NAME, "a client certificate that belongs to no registered operator");
        return wire::failed(HttpStatus::FORBIDDEN, StatusCode::REQUESTER_UNKNOWN);
    };
    let Some(members) = Members::read(&body) else {
        return wire::failed(HttpStatus::BAD_REQUEST, StatusCode::PARAMETER_INVALID);
    };
    let request = match header(&members).and_then(|call| F::read(&members, call)) {
        Ok(request) => request,
        Err(status) => return wire::refused(status),
    };
    // What was read is enough; the rest need not wait for the database with us.
    drop((members, body));
    match F::run(&door, operator, &request).await {
        Ok(Ended::Executed(response)) => wire::executed(F::write(response)),
        Ok(Ended::Refused(status)) => {
            let StatusCode { subject, reason, .. } = status;
            tracing::info!(function = F::NAME, %operator, subject, reason, "refused");
            wire::refused(status)
        }
        Ok(Ended::Busy) => wire::busy(),
        Err(fault) => {
            tracing::error!(function = F::NAME, story = fault.story(), "fault");
            wire::fault()
        }
    }
}

/// The request header of 6.5.1.3. The requester is only a name here: who it is, TLS has said.
fn header(members: &Members) -> Result<FunctionCallId, StatusCode> {
    let header = members.object("header")?;
    header.text("functionRequesterIdentifier")?;
    let call = header.text("functionCallIdentifier")?;
    FunctionCallId::parse(call).map_err(|_| StatusCode::PARAMETER_INVALID)
}

/// Reads an optional member into its type; an empty one is left out.
fn optional<T, E>(
    members: &Members,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, StatusCode> {
    members
        .optional(name)?
        .filter(|text| !text.is_empty())
        .map(parse)
        .transpose()
        .map_err(|_| StatusCode::PARAMETER_INVALID)
}

fn iccid(members: &Members) -> Result<Iccid, StatusCode> {
    Iccid::parse(members.text("iccid")?).map_err(|_| StatusCode::PARAMETER_INVALID)
}

/// The Profile, if it is the caller's.
async fn owned(call: &Call<'_>, caller: &OperatorId, iccid: &Iccid) -> Result<Versioned<Profile>, Failure> {
    let profile = call.reader.profile(iccid).await?.ok_or(StatusCode::ICCID_UNKNOWN)?;
    if profile.value.operator() != caller {
        return Err(StatusCode::ICCID_NOT_ALLOWED.into());
    }
    Ok(profile)
}

/// Lets the lifecycle decide; gives the Profile as it stands then, and what changes.
fn decide(
    call: &Call<'_>,
    caller: &OperatorId,
    profile: Versioned<Profile>,
    command: Command,
) -> Result<(Profile, Change), Failure> {
    let Versioned { value, version } = profile;
    let actor = Actor::Operator { operator: caller.clone() };
    match value.clone().decide(actor, command, call.now) {
        Ok(Some(transition)) => {
            let after = transition.after().clone();
            Ok((after, Change::default().profile(Versioned { value: transition, version })))
        }
        Ok(None) => Ok((value, Change::default())),
        Err(denied) => Err(Refused::denied(*denied, version).into()),
    }
}
