//! The ASN.1 binding under the same abuse as JSON: envelopes to spoil, and what may be answered to them.
use euicc::lpa::{
    AUTHENTICATE_CLIENT, CANCEL_SESSION, GET_BOUND_PROFILE_PACKAGE, HANDLE_NOTIFICATION,
    INITIATE_AUTHENTICATION, asn1,
};
use euicc::tlv::Tlv;
use serde_json::{Map, Value};

use crate::der;
use crate::house::Dice;
use crate::json::Body;

/// The ways to the SEQUENCEs that nobody signs: what is unknown at their end is no spoiling.
fn open(function: &str) -> &'static [&'static [usize]] {
    match function {
        INITIATE_AUTHENTICATION => &[&[0], &[0, 2]],
        AUTHENTICATE_CLIENT | GET_BOUND_PROFILE_PACKAGE => &[&[0], &[0, 1, 0]],
        HANDLE_NOTIFICATION => &[&[0], &[0, 0, 0]],
        CANCEL_SESSION => &[&[0], &[0, 1, 0, 0]],
        other => panic!("{other} is no function"),
    }
}

pub(crate) fn envelope(function: &str, request: &Map<String, Value>) -> Vec<u8> {
    asn1::encode(function, &Value::Object(request.clone())).unwrap()
}

/// Every element of the envelope spoiled, and parts of other requests put into it.
pub(crate) fn spoil(
    function: &str,
    request: &Map<String, Value>,
    others: &[Map<String, Value>],
    dice: &mut Dice,
) -> Vec<Body> {
    let own = envelope(function, request);
    let mut spoiled = der::spoil(&own, open(function), dice);
    for other in others {
        let other = envelope(function, other);
        spoiled.extend(der::graft(&own, &other));
        // The whole of another request is a right one.
        spoiled.retain(|one| one.octets != other);
    }
    let body = |der::Spoiled { kind, place, octets }| Body { kind, place, octets };
    spoiled.into_iter().map(body).collect()
}

/// What the examiner's own codec takes for a right InitiateAuthentication.
pub(crate) fn is_right_initiation(octets: &[u8]) -> bool {
    let read = || {
        let request = Tlv::parse(octets, 0xA2).ok()?.child(0xBF39).ok()?;
        let (challenge, info) = (request.child(0x81).ok()?, request.child(0xBF20).ok()?);
        let (svn, verify, sign) = (info.child(0x82).ok()?, info.child(0xA9).ok()?, info.child(0xAA).ok()?);
        let lists = [verify, sign].map(|list| list.children().is_ok_and(|list| !list.is_empty()));
        Some(challenge.value.len() == 16 && svn.value.len() == 3 && lists == [true, true])
    };
    read() == Some(true)
}
