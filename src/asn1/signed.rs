//! A value with the exact octets that were signed, and the signature itself (SGP.22 2.6.7.2).
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::tlv::{Tlv, tlv};
use crate::types::Malformed;
use crate::types::hex;

/// A signature that is not 64 plain octets: callers answer it as a signature that does not verify.
pub const MALFORMED_SIGNATURE: Malformed = Malformed("signature");

const SIGNATURE_TAG: u32 = 0x5F37;

/// A decoded value and the TLV it came from. Only decoding makes one, so the two cannot differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    value: T,
    bytes: Vec<u8>,
}

impl<T> Signed<T> {
    pub(super) fn decode(
        received: Tlv<'_>,
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Self, Malformed> {
        Ok(Self { value: decode(received.content)?, bytes: received.whole.to_vec() })
    }

    pub fn value(&self) -> &T {
        &self.value
    }

    /// The whole TLV as it was received; signatures are verified over this.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T> Deref for Signed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// An ECDSA signature as SGP.22 sends it: r and s of 32 octets each, under tag 5F37.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature([u8; 64]);

impl Signature {
    pub const fn from_octets(octets: [u8; 64]) -> Self {
        Self(octets)
    }

    pub(super) fn decode(received: Tlv<'_>) -> Result<Self, Malformed> {
        if received.tag != SIGNATURE_TAG {
            return Err(MALFORMED_SIGNATURE);
        }
        received.content.try_into().map(Self).map_err(|_| MALFORMED_SIGNATURE)
    }

    pub fn octets(&self) -> &[u8; 64] {
        &self.0
    }

    /// The 67 octets as they stand in a message, and as the next signature covers them.
    pub fn tlv(&self) -> Vec<u8> {
        tlv(&[0x5F, 0x37], &self.0)
    }
}

impl TryFrom<String> for Signature {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        let octets = hex::decode(&text).ok_or(MALFORMED_SIGNATURE)?;
        octets.try_into().map(Self).map_err(|_| MALFORMED_SIGNATURE)
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        hex::encode(&signature.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::tlv::only;

    #[test]
    fn a_signature_is_67_octets_on_the_wire() {
        let signature = Signature::from_octets([7; 64]);
        let written = signature.tlv();
        assert_eq!(written.get(..3), Some(&[0x5F, 0x37, 0x40][..]));
        assert_eq!(written.len(), 67);
        assert_eq!(Signature::decode(only(&written, "").unwrap()), Ok(signature));
    }

    #[test]
    fn a_signature_of_another_form_is_named_so() {
        let asn1_coded = tlv(&[0x5F, 0x37], &tlv(&[0x30], &[0x02, 0x01, 0x01, 0x02, 0x01, 0x01]));
        assert_eq!(Signature::decode(only(&asn1_coded, "").unwrap()), Err(MALFORMED_SIGNATURE));
    }

    #[test]
    fn a_signature_survives_the_way_through_storage() {
        let signature = Signature::from_octets([0xA5; 64]);
        let stored = serde_json::to_string(&signature).unwrap();
        assert_eq!(serde_json::from_str::<Signature>(&stored).unwrap(), signature);
        assert!(serde_json::from_str::<Signature>("\"A5\"").is_err());
    }
}
