//! Identifiers made of digits: EID and ICCID (SGP.22 5.2.1).
use serde::{Deserialize, Serialize};

use super::Malformed;

/// eUICC identifier: 32 decimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Eid(String);

impl Eid {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| Self(text.to_owned())).ok_or(Malformed("EID: it has 32 digits"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 16 octets of Annex G: two digits an octet, high nibble first.
    pub fn octets(&self) -> Vec<u8> {
        super::hex::decode(&self.0).unwrap_or_default()
    }
}

/// Profile identifier: 19 or 20 digits. A pad `F` is dropped on reading, so that 19 digits with and without it
/// are the same Profile (5.2.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Iccid(String);

impl Iccid {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let digits = match text.len() {
            20 => text.strip_suffix('F').unwrap_or(text),
            _ => text,
        };
        let fits = matches!(digits.len(), 19 | 20) && digits.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| Self(digits.to_owned())).ok_or(Malformed("ICCID: it has 19 or 20 digits"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 10 octets of EF.ICCID: nibbles swapped, padded with `F`.
    pub fn swapped(&self) -> Vec<u8> {
        let padded = format!("{:F<20}", self.0);
        super::hex::decode(&padded)
            .unwrap_or_default()
            .into_iter()
            .map(|octet| octet.rotate_left(4))
            .collect()
    }

    /// Reads the 10 octets of EF.ICCID.
    pub fn from_swapped(octets: &[u8]) -> Result<Self, Malformed> {
        let upright: Vec<u8> = octets.iter().map(|octet| octet.rotate_left(4)).collect();
        if upright.len() != 10 {
            return Err(Malformed("ICCID"));
        }
        Self::parse(&super::hex::encode(&upright))
    }
}

shown!(Eid);
shown!(Iccid);
stored_as_text!(Eid);
stored_as_text!(Iccid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_19_digit_iccid_is_the_same_with_and_without_its_pad() {
        let bare = Iccid::parse("8929901012345678905").unwrap();
        assert_eq!(Iccid::parse("8929901012345678905F"), Ok(bare.clone()));
        assert_eq!(super::super::hex::encode(&bare.swapped()), "989209012143658709F5");
        assert_eq!(Iccid::from_swapped(&bare.swapped()), Ok(bare));
    }

    #[test]
    fn other_lengths_and_letters_are_refused() {
        for text in
            ["", "892990101234567890", "892990101234567890512", "89299010123456789F", "8929901012345678905f"]
        {
            assert!(Iccid::parse(text).is_err(), "{text}");
        }
        assert!(Eid::parse("8904903212345123451234567890123").is_err());
        assert!(Eid::parse("8904903212345123451234567890123A").is_err());
    }

    #[test]
    fn an_eid_is_not_nibble_swapped() {
        let eid = Eid::parse("89049032123451234512345678901235").unwrap();
        assert_eq!(eid.octets()[..4], [0x89, 0x04, 0x90, 0x32]);
    }
}
