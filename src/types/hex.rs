//! Upper-case hexadecimal text, as SGP.22 prints octets.

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

pub fn encode(octets: &[u8]) -> String {
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0x0F)]).collect()
}

/// Reads either case; `None` for an odd length or another character.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

fn digit(nibble: u8) -> char {
    DIGITS.get(usize::from(nibble)).map_or('?', |digit| char::from(*digit))
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_survive_the_way_through_text() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all.clone()));
        assert_eq!(decode(&encode(&all).to_lowercase()), Some(all));
    }

    #[test]
    fn half_an_octet_and_other_letters_are_refused() {
        assert_eq!(decode("ABC"), None);
        assert_eq!(decode("0G"), None);
        assert_eq!(decode("é"), None);
    }
}
