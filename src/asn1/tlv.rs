//! DER tag, length, value: the writer and the strict reader under every message.
use crate::types::Malformed;

/// SGP.22 and the profile elements need two tag octets; four keep [`Tlv::tag`] a number.
const TAG_OCTETS_MAX: usize = 4;
/// Four gibibytes: far above every limit on a message.
const LENGTH_OCTETS_MAX: usize = 4;

/// One value of a constructed type, with the octets it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag octets, big-endian: `0xBF36`.
    pub tag: u32,
    pub content: &'a [u8],
    /// Tag, length and content exactly as they came.
    pub whole: &'a [u8],
}

/// Writes one value; `tag` is the tag octets.
pub fn tlv(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let length = length_octets(content.len());
    concat(&[tag, &length, content])
}

pub fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Reads values until the input ends; nothing may be left over.
pub fn split(input: &[u8]) -> Result<Vec<Tlv<'_>>, Malformed> {
    let mut values = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (value, after) = take(rest).ok_or(Malformed("DER"))?;
        values.push(value);
        rest = after;
    }
    Ok(values)
}

fn take(input: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (tag, after_tag) = take_tag(input)?;
    let (length, after_length) = take_length(after_tag)?;
    let (content, rest) = after_length.split_at_checked(length)?;
    let whole = input.get(..input.len().checked_sub(rest.len())?)?;
    Some((Tlv { tag, content, whole }, rest))
}

fn take_tag(input: &[u8]) -> Option<(u32, &[u8])> {
    let (first, mut rest) = input.split_first()?;
    let mut tag = u32::from(*first);
    if first & 0x1F != 0x1F {
        return Some((tag, rest));
    }
    for place in 1..TAG_OCTETS_MAX {
        let (octet, after) = rest.split_first()?;
        let number_is_padded = place == 1 && *octet == 0x80;
        // A number below 31 has its place in the first octet.
        let number_is_small = place == 1 && *octet < 0x1F;
        if number_is_padded || number_is_small {
            return None;
        }
        tag = tag << 8 | u32::from(*octet);
        rest = after;
        if octet & 0x80 == 0 {
            return Some((tag, rest));
        }
    }
    None
}

fn take_length(input: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = input.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7F);
    if !(1..=LENGTH_OCTETS_MAX).contains(&count) {
        return None;
    }
    let (octets, rest) = rest.split_at_checked(count)?;
    let length = octets.iter().fold(0u64, |sum, octet| sum << 8 | u64::from(*octet));
    let length = usize::try_from(length).ok()?;
    // DER: the shortest form and no other.
    let shortest = length_octets(length).get(1..)? == octets;
    shortest.then_some((length, rest))
}

fn length_octets(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![short],
        _ => {
            let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
            // A usize has at most eight octets, so the count never reaches the high bit.
            let count = u8::try_from(octets.len()).unwrap_or(8);
            concat(&[&[0x80 | count], &octets])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_at_every_length_form() {
        for length in [0usize, 1, 127, 128, 255, 256, 65_535, 65_536, 524_288] {
            let content = vec![0x5A; length];
            let written = concat(&[&tlv(&[0xBF, 0x36], &content), &tlv(&[0x80], &[1])]);
            let values = split(&written).unwrap();
            assert_eq!(values.len(), 2);
            assert_eq!((values[0].tag, values[0].content), (0xBF36, content.as_slice()));
            assert_eq!(values[0].whole, tlv(&[0xBF, 0x36], &content));
            assert_eq!(values[1].tag, 0x80);
        }
        assert_eq!(tlv(&[0x86], &[0; 1016])[..4], [0x86, 0x82, 0x03, 0xF8]);
    }

    #[test]
    fn lengths_that_are_padded_indefinite_or_too_long_are_refused() {
        for bad in [
            &[0x30u8][..],
            &[0x30, 0x01],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x30, 0x81, 0x01, 0x00],
            &[0x30, 0x82, 0x00, 0x01, 0x00],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
            &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x30, 0xFF],
            &[0x30, 0x82, 0x01],
        ] {
            assert!(split(bad).is_err(), "{bad:02X?}");
        }
    }

    #[test]
    fn tags_that_are_padded_small_or_endless_are_refused() {
        for bad in
            [&[0xBFu8][..], &[0xBF, 0x80, 0x01, 0], &[0xBF, 0x1E, 0], &[0xBF, 0x81, 0x81, 0x81, 0x01, 0]]
        {
            assert!(split(bad).is_err(), "{bad:02X?}");
        }
        assert_eq!(split(&[0xBF, 0x81, 0x01, 0]).unwrap()[0].tag, 0x00BF_8101);
    }
}
