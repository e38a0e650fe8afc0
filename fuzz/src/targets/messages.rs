//! Decoders of DER (SGP.22 annex H): nothing but an error for what is malformed; what was signed stays as it came.
use smdpp::asn1::tlv::{self, Tlv};
use smdpp::asn1::{
    AuthenticateServerResponse, CancelSessionResponse, Es9Plus, EuiccInfo1, InitiateAuthenticationRequest,
    Metadata, PendingNotification, PrepareDownloadResponse, SessionRequest,
};
use smdpp::types::Iccid;

/// Deeper than any message of the standard.
const DEPTH_MAX: usize = 16;

/// Cut and joined again it is the same, at every depth.
pub(super) fn tlv(input: &[u8]) {
    let Ok(parts) = tlv::split(input) else { return };
    let joined: Vec<&[u8]> = parts.iter().map(|part| part.whole).collect();
    assert_eq!(joined.concat(), input);
    parts.iter().for_each(|part| again(part, DEPTH_MAX));
}

fn again(part: &Tlv<'_>, depth: usize) {
    assert_eq!(tlv::only(part.whole, "fuzz"), Ok(*part));
    let tag: Vec<u8> = part.tag.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    assert_eq!(tlv::tlv(&tag, part.content), part.whole);
    assert!(!tag.is_empty(), "no tag");
    if let (Ok(inner), Some(depth)) = (tlv::split(part.content), depth.checked_sub(1)) {
        inner.iter().for_each(|part| again(part, depth));
    }
}

/// Signed octets are a part of the message as it was received, never a copy of our making.
fn within(whole: &[u8], signed: &[u8]) {
    assert!(whole.windows(signed.len()).any(|window| window == signed), "signed octets of our own making");
}

/// One octet more is another message, and malformed.
fn alone<T>(input: &[u8], decode: impl Fn(&[u8]) -> Result<T, smdpp::types::Malformed>) {
    let more: Vec<u8> = input.iter().copied().chain([0]).collect();
    assert!(decode(&more).is_err(), "an octet too many was taken");
}

pub(super) fn authenticate_server_response(input: &[u8]) {
    let Ok(response) = AuthenticateServerResponse::decode(input) else { return };
    alone(input, AuthenticateServerResponse::decode);
    if let AuthenticateServerResponse::Ok(response) = response {
        within(input, response.signed1.bytes());
        within(input, &response.signature1.tlv());
    }
}

pub(super) fn prepare_download_response(input: &[u8]) {
    let Ok(response) = PrepareDownloadResponse::decode(input) else { return };
    alone(input, PrepareDownloadResponse::decode);
    if let PrepareDownloadResponse::Ok(response) = response {
        within(input, response.signed2.bytes());
        within(input, &response.signature2.tlv());
    }
}

pub(super) fn pending_notification(input: &[u8]) {
    let Ok(notification) = PendingNotification::decode(input) else { return };
    alone(input, PendingNotification::decode);
    match notification {
        PendingNotification::Installation(result) => within(input, result.data.bytes()),
        PendingNotification::Other(other) => within(input, other.metadata.bytes()),
    }
}

pub(super) fn cancel_session_response(input: &[u8]) {
    let Ok(response) = CancelSessionResponse::decode(input) else { return };
    alone(input, CancelSessionResponse::decode);
    if let CancelSessionResponse::Ok(response) = response {
        within(input, response.signed.bytes());
    }
}

pub(super) fn euicc_info1(input: &[u8]) {
    if EuiccInfo1::decode(input).is_ok() {
        alone(input, EuiccInfo1::decode);
    }
}

/// A request in the ASN.1 binding (6.6), each function by its own tag.
pub(super) fn asn1_envelope(input: &[u8]) {
    let Ok((function, content)) = Es9Plus::called(input) else { return };
    alone(input, |input| Es9Plus::called(input).map(|_| ()));
    match function {
        Es9Plus::InitiateAuthentication => drop(InitiateAuthenticationRequest::decode(content)),
        Es9Plus::AuthenticateClient => inside(SessionRequest::authenticate_client(content), content),
        Es9Plus::GetBoundProfilePackage => {
            inside(SessionRequest::get_bound_profile_package(content), content);
        }
        // The tag of its response may be put back by us, so only what is in it came as it is.
        Es9Plus::CancelSession => drop(SessionRequest::cancel_session(content)),
        Es9Plus::HandleNotification => drop(smdpp::asn1::pending_notification(content)),
    }
}

fn inside(request: Result<SessionRequest, smdpp::types::Malformed>, content: &[u8]) {
    if let Ok(request) = request {
        within(content, &request.response);
        assert!(tlv::only(&request.response, "fuzz").is_ok());
    }
}

/// What we read we can write, and read again as the same.
pub(super) fn metadata(input: &[u8]) {
    let Ok(metadata) = Metadata::decode(input) else { return };
    alone(input, Metadata::decode);
    let Metadata { iccid, .. } = &metadata;
    assert_eq!(Iccid::parse(iccid.as_str()).as_ref(), Ok(iccid));
    if metadata.check().is_ok() {
        assert_eq!(Metadata::decode(&metadata.encode()).as_ref(), Ok(&metadata));
    }
}
