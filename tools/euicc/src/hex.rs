//! Hexadecimal text, also as a serde representation of octets.

use serde::{Deserialize, Deserializer, Serializer};

/// Upper-case hexadecimal, as transactionId is written on ES9+.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// Reads hexadecimal of either case; `None` when it is something else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| (high << 4) | low).collect())
}

/// Swaps the nibbles of each octet: between the digits of an ICCID and its coding in EF.ICCID.
pub fn swap_nibbles(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|b| b.rotate_left(4)).collect()
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    decode(&text).ok_or_else(|| serde::de::Error::custom("hexadecimal text expected"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn hexadecimal_survives_a_round_trip_in_either_case() {
        assert_eq!(super::decode("00fFa5"), Some(vec![0, 255, 0xA5]));
        assert_eq!(super::encode(&[0, 255, 0xA5]), "00FFA5");
    }

    #[test]
    fn odd_length_and_foreign_letters_are_refused() {
        assert_eq!(super::decode("123"), None);
        assert_eq!(super::decode("zz"), None);
    }
}
