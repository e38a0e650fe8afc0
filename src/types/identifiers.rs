//! Identifiers made of text: transactionId, MatchingID, Profile Type, functionCallIdentifier.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Malformed, hex};

/// Identifies one RSP session: 1 to 16 octets; ours are always 16 and never used again (5.5.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionId(Vec<u8>);

impl TransactionId {
    pub fn from_octets(octets: &[u8]) -> Result<Self, Malformed> {
        let fits = (1..=16).contains(&octets.len());
        fits.then(|| Self(octets.to_vec())).ok_or(Malformed("transactionId"))
    }

    /// Reads the hexadecimal form of the JSON binding, in either case.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::from_octets(&hex::decode(text).ok_or(Malformed("transactionId"))?)
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionId({self})")
    }
}

impl TryFrom<String> for TransactionId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<TransactionId> for String {
    fn from(value: TransactionId) -> Self {
        value.to_string()
    }
}

/// Declares an identifier that is a string with a checked alphabet and length.
macro_rules! text_identifier {
    ($(#[$doc:meta])* $name:ident, $label:literal, $length:expr, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                let fits: fn(char) -> bool = $fits;
                let fits = $length.contains(&text.len()) && text.chars().all(fits);
                fits.then(|| Self(text.to_owned())).ok_or(Malformed($label))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        stored_as_text!($name);
    };
}

text_identifier! {
    /// The secret half of an Activation Code (4.1.1): digits, capitals and `-`. Empty means the default SM-DP+.
    ///
    /// Whoever knows it may download, so it has no `Display` and its `Debug` shows nothing.
    MatchingId, "matchingId", 0..=255, |c| matches!(c, '0'..='9' | 'A'..='Z' | '-')
}

impl MatchingId {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for MatchingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MatchingId(…)")
    }
}

text_identifier! {
    /// What an operator calls a kind of Profile, such as `P9054-2`. The content is the operator's.
    ProfileType, "profileType", 1..=64, |c| !c.is_control()
}

text_identifier! {
    /// The caller's own name for one call of a function (6.5.1.3).
    FunctionCallId, "functionCallIdentifier", 1..=256, |c| !c.is_control()
}

shown!(ProfileType);
shown!(FunctionCallId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_id_is_printed_in_capitals_and_read_in_any_case() {
        let id = TransactionId::parse("00ab").unwrap();
        assert_eq!(id.to_string(), "00AB");
        assert!(TransactionId::parse("").is_err());
        assert!(TransactionId::parse(&"00".repeat(17)).is_err());
    }

    #[test]
    fn a_matching_id_has_a_small_alphabet_and_is_never_printed() {
        let id = MatchingId::parse("04386-AGYFT-A74Y8-3F815").unwrap();
        assert_eq!(format!("{id:?}"), "MatchingId(…)");
        for text in ["ac_1", "abc", "A B", "A\0", &"A".repeat(256)] {
            assert!(MatchingId::parse(text).is_err(), "{text}");
        }
    }
}
