//! Size, time and number: what one peer may cost (TR-08 of our conformance cases).
use std::error::Error;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

/// What a listener grants. Memory stays under `connections_max` times the bytes of one request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// More connections wait in the kernel's queue until one ends.
    pub connections_max: usize,
    pub handshake_ms: u64,
    /// From the end of the handshake to the end of the first request's header.
    pub header_ms: u64,
    /// From an answer to the end of the next request's header.
    pub idle_ms: u64,
    /// To send a whole body, however slowly its bytes trickle.
    pub body_ms: u64,
    /// The longest life of a connection: a client that never reads its answer ends here.
    pub connection_ms: u64,
    /// What a request under way gets to finish, once its connection or the server has to end.
    pub grace_ms: u64,
    pub header_bytes_max: usize,
    pub request_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            handshake_ms: 10_000,
            header_ms: 10_000,
            // An end user may think for a minute before consenting; the LPA can also just connect again.
            idle_ms: 60_000,
            body_ms: 30_000,
            connection_ms: 600_000,
            grace_ms: 10_000,
            header_bytes_max: 16 * 1024,
            // The largest request is AuthenticateClient with two certificates: a few KiB.
            request_bytes_max: 64 * 1024,
        }
    }
}

/// The complete body, or the status that refuses it.
pub(super) async fn whole_body(body: Incoming, limits: &Limits) -> Result<Bytes, StatusCode> {
    let announced_bytes = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced_bytes > limits.request_bytes_max {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let reading = gathered(body, limits.request_bytes_max);
    match tokio::time::timeout(Duration::from_millis(limits.body_ms), reading).await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// All octets of a body, at most so many. Put together as they come: `collect` keeps each chunk, and a chunk of one
/// octet costs forty times as much.
pub async fn gathered(body: Incoming, octets_max: usize) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut body = Limited::new(body, octets_max);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole)
}
