//! Words of the standard, the configuration, and the rows of a trail that an auditor is handed.
use std::str;

use smdpp::config::Config;
use smdpp::event::Event;
use smdpp::types::{Eid, Iccid, MatchingId, Oid, OperatorId, ProfileType, TransactionId, hex};

/// What a word was read from it writes again, or reads as the same.
pub(super) fn words(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(iccid) = Iccid::parse(text) {
        assert_eq!(Iccid::from_swapped(&iccid.swapped()).as_ref(), Ok(&iccid));
        assert_eq!(Iccid::parse(iccid.as_str()).as_ref(), Ok(&iccid));
    }
    if let Ok(eid) = Eid::parse(text) {
        assert_eq!(eid.as_str(), text);
        assert_eq!(eid.octets().len(), 16);
    }
    if let Ok(oid) = Oid::parse(text) {
        assert_eq!(Oid::from_der_content(oid.der_content()).as_ref(), Ok(&oid));
        assert_eq!(Oid::parse(&oid.to_string()).as_ref(), Ok(&oid));
    }
    if let Ok(id) = TransactionId::parse(text) {
        assert_eq!(TransactionId::from_octets(id.octets()).as_ref(), Ok(&id));
        assert_eq!(TransactionId::parse(&id.to_string()).as_ref(), Ok(&id));
    }
    if let Some(octets) = hex::decode(text) {
        assert_eq!(hex::decode(&hex::encode(&octets)), Some(octets));
    }
    let kept = [
        MatchingId::parse(text).map(|word| word.as_str() == text),
        OperatorId::parse(text).map(|word| word.as_str() == text),
        ProfileType::parse(text).map(|word| word.as_str() == text),
    ];
    assert!(kept.iter().all(|kept| *kept != Ok(false)), "{text:?} was taken as another word");
    // The same octets as an object identifier in DER.
    if let Ok(oid) = Oid::from_der_content(input) {
        assert_eq!(oid.der_content(), input);
        assert_eq!(Oid::parse(&oid.to_string()).as_ref(), Ok(&oid), "{oid}");
    }
}

/// A configuration is read, or refused with a sentence.
pub(super) fn config(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match Config::read(text, "fuzz.toml", |_| None) {
        Ok(config) => drop(config.suspicious()),
        Err(error) => assert!(!error.to_string().is_empty(), "refused without a word"),
    }
}

/// An event that can be read can be written, and is then the same.
pub(super) fn trail_event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Event>(input) else { return };
    let written = smdpp::audit::encode(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event);
}
