//! One complete download with each ES9+ call timed by itself, and everything verified.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::lpa::{Authentication, Offer};
use euicc::metadata::Metadata;
use euicc::{ActivationCode, Card, Lpa};
use serde_json::Value;
use tokio::time::Instant;

use crate::error::RigError;

/// The calls of a download, in their order.
pub const FUNCTIONS: [&str; 4] =
    ["initiateAuthentication", "authenticateClient", "getBoundProfilePackage", "handleNotification"];

/// How long the server took for each of `FUNCTIONS`, connection included where there is a new one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times(pub [Duration; 4]);

/// Downloads, installs and reports one Profile; an error unless the eUICC accepts all that the server says
/// and the installed package is `expected`, octet by octet.
///
/// The eUICC's own work is not in the times.
pub async fn verified(
    lpa: &Lpa,
    card: &mut Card,
    code: &ActivationCode,
    iccid: &str,
    expected: &[u8],
) -> Result<Times, RigError> {
    let [initiate, authenticate, package, notify] = FUNCTIONS;
    let request = lpa.initiate_authentication_request(card)?;
    let (answer, initiated) = timed(lpa.succeed(card, initiate, request)).await;
    let server = authentication(&answer?)?;

    let request = lpa.authenticate_client_request(card, &server, code.matching_id.as_deref())?;
    let (answer, authenticated) = timed(lpa.succeed(card, authenticate, request)).await;
    let offer = offer(&answer?)?;

    let request = lpa.get_bound_profile_package_request(card, &offer, None)?;
    let (answer, bound) = timed(lpa.succeed(card, package, request)).await;
    let bpp = octets(&answer?, "boundProfilePackage")?;
    card.load_bound_profile_package(&bpp)?;
    let installed = card.profile(iccid).is_some_and(|profile| profile.upp == expected);
    if !installed {
        let why = card.trouble.as_deref().unwrap_or("its octets differ from the source");
        return Err(RigError::Wrong(format!("Profile {iccid} is not installed as it was imported: {why}")));
    }

    let mut notified = Duration::ZERO;
    for pending in card.list_notifications().to_vec() {
        let (answer, took) = timed(lpa.handle_notification(card, &pending.bytes)).await;
        answer.map_err(|error| RigError::Wrong(format!("{notify}: {error}")))?;
        card.remove_notification(pending.sequence)?;
        notified = took;
    }
    Ok(Times([initiated, authenticated, bound, notified]))
}

async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (call.await, start.elapsed())
}

fn authentication(body: &Value) -> Result<Authentication, RigError> {
    Ok(Authentication {
        transaction_id: text(body, "transactionId")?.to_owned(),
        server_signed1: octets(body, "serverSigned1")?,
        server_signature1: octets(body, "serverSignature1")?,
        ci_pk_id: octets(body, "euiccCiPKIdToBeUsed")?,
        server_certificate: octets(body, "serverCertificate")?,
    })
}

fn offer(body: &Value) -> Result<Offer, RigError> {
    let metadata = octets(body, "profileMetadata")?;
    Ok(Offer {
        transaction_id: text(body, "transactionId")?.to_owned(),
        metadata: Metadata::parse(&metadata)
            .map_err(|error| RigError::Wrong(format!("profileMetadata: {error}")))?,
        smdp_signed2: octets(body, "smdpSigned2")?,
        smdp_signature2: octets(body, "smdpSignature2")?,
        smdp_certificate: octets(body, "smdpCertificate")?,
    })
}

fn text<'a>(body: &'a Value, member: &str) -> Result<&'a str, RigError> {
    let found = body.get(member).and_then(Value::as_str);
    found.ok_or_else(|| RigError::Wrong(format!("the answer has no {member}")))
}

fn octets(body: &Value, member: &str) -> Result<Vec<u8>, RigError> {
    STANDARD.decode(text(body, member)?).map_err(|error| RigError::Wrong(format!("{member}: {error}")))
}
