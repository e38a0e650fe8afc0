//! Tag, length, value: a strict walk over DER that copies nothing, and the few lines that write it.
use crate::types::Malformed;

/// Largest message that we read; real ones stay under 8 KiB.
const MESSAGE_OCTETS_MAX: usize = 64 * 1024;

/// Most tags that one sequence of this module names.
const NAMES_MAX: usize = 16;

/// One TLV as it stands in the message. The tag is its octets as a number: `0x30`, `0x5F37`, `0xBF22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    pub tag: u32,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

/// Cuts the input into its TLVs; together they are the input.
pub fn split(input: &[u8]) -> Result<Vec<Tlv<'_>>, Malformed> {
    Tlvs { rest: input, name: "TLV" }.collect()
}

/// The input is this one TLV and nothing after it.
pub fn only<'a>(input: &'a [u8], name: &'static str) -> Result<Tlv<'a>, Malformed> {
    let (tlv, rest) = read(input).ok_or(Malformed(name))?;
    rest.is_empty().then_some(tlv).ok_or(Malformed(name))
}

/// The outermost TLV of a message: bounded, of this tag, with nothing after it.
pub fn message<'a>(input: &'a [u8], tag: u32, name: &'static str) -> Result<&'a [u8], Malformed> {
    if input.len() > MESSAGE_OCTETS_MAX {
        return Err(Malformed(name));
    }
    let tlv = only(input, name)?;
    (tlv.tag == tag).then_some(tlv.content).ok_or(Malformed(name))
}

/// Writes one TLV with the shortest length.
pub fn tlv(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let mut out = Vec::with_capacity(content.len().saturating_add(12));
    out.extend_from_slice(tag);
    match length.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

pub fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Walks TLV after TLV; the first malformed one ends the walk.
#[derive(Debug, Clone)]
pub struct Tlvs<'a> {
    rest: &'a [u8],
    name: &'static str,
}

impl<'a> Tlvs<'a> {
    pub fn new(content: &'a [u8], name: &'static str) -> Self {
        Self { rest: content, name }
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((tlv, rest)) = read(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed(self.name)));
        };
        self.rest = rest;
        Some(Ok(tlv))
    }
}

/// The members of a SEQUENCE, asked for in their order.
pub struct Members<'a> {
    rest: &'a [u8],
    name: &'static str,
    asked: [u32; NAMES_MAX],
    count: usize,
}

impl<'a> Members<'a> {
    pub fn of(content: &'a [u8], name: &'static str) -> Self {
        Self { rest: content, name, asked: [0; NAMES_MAX], count: 0 }
    }

    pub fn optional(&mut self, tag: u32) -> Result<Option<Tlv<'a>>, Malformed> {
        if let Some(slot) = self.asked.get_mut(self.count) {
            *slot = tag;
            self.count = self.count.saturating_add(1);
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (tlv, rest) = read(self.rest).ok_or(Malformed(self.name))?;
        if tlv.tag != tag {
            return Ok(None);
        }
        self.rest = rest;
        Ok(Some(tlv))
    }

    pub fn required(&mut self, tag: u32) -> Result<Tlv<'a>, Malformed> {
        self.optional(tag)?.ok_or(Malformed(self.name))
    }

    /// What is left was added by a later version (EXTENSIBILITY IMPLIED): skipped, if it is sound and brings
    /// none of the known members a second time or out of order.
    pub fn end(self) -> Result<(), Malformed> {
        let known = self.asked.get(..self.count).unwrap_or_default();
        for tlv in Tlvs::new(self.rest, self.name) {
            if known.contains(&tlv?.tag) {
                return Err(Malformed(self.name));
            }
        }
        Ok(())
    }
}

fn read(input: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (tag, after_tag) = read_tag(input)?;
    let (length, after_length) = read_length(after_tag)?;
    let (content, rest) = after_length.split_at_checked(length)?;
    let whole = input.get(..input.len().checked_sub(rest.len())?)?;
    Some((Tlv { tag, content, whole }, rest))
}

/// Tags of one to three octets, in their shortest form.
fn read_tag(input: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, rest) = input.split_first()?;
    if first & 0x1F != 0x1F {
        return (first != 0).then_some((u32::from(first), rest));
    }
    match rest {
        [low @ 0x1F..=0x7F, rest @ ..] => Some((u32::from_be_bytes([0, 0, first, *low]), rest)),
        [high @ 0x81..=0xFF, low @ 0..=0x7F, rest @ ..] => {
            Some((u32::from_be_bytes([0, first, *high, *low]), rest))
        }
        _ => None,
    }
}

/// Definite lengths in their shortest form, of at most three octets after the first.
fn read_length(input: &[u8]) -> Option<(usize, &[u8])> {
    let (value, rest) = match input {
        [short @ 0..=0x7F, rest @ ..] => (u32::from(*short), rest),
        [0x81, a @ 0x80..=0xFF, rest @ ..] => (u32::from(*a), rest),
        [0x82, a @ 1..=0xFF, b, rest @ ..] => (u32::from_be_bytes([0, 0, *a, *b]), rest),
        [0x83, a @ 1..=0xFF, b, c, rest @ ..] => (u32::from_be_bytes([0, *a, *b, *c]), rest),
        _ => return None,
    };
    Some((usize::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_at_every_kind_of_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![0x5A; length];
            let written = tlv(&[0xBF, 0x22], &content);
            let parts = split(&written).unwrap();
            assert_eq!(parts, [Tlv { tag: 0xBF22, content: &content, whole: &written }]);
        }
        assert_eq!(concat(&[&[1], &[], &[2, 3]]), [1, 2, 3]);
    }

    #[test]
    fn lengths_that_are_padded_indefinite_or_too_long_are_refused() {
        for input in [
            &[0x04, 0x80, 0x00, 0x00][..],
            &[0x04, 0x81, 0x01, 0xAA],
            &[0x04, 0x82, 0x00, 0x80],
            &[0x04, 0x02, 0xAA],
            &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x04],
        ] {
            assert!(split(input).is_err(), "{input:02X?}");
        }
    }

    #[test]
    fn tags_that_are_padded_or_do_not_end_are_refused() {
        for input in
            [&[0x5F, 0x1E, 0x00][..], &[0x5F, 0x80, 0x37, 0x00], &[0x5F, 0x81, 0x81, 0x01, 0x00], &[0x5F]]
        {
            assert!(split(input).is_err(), "{input:02X?}");
        }
    }

    #[test]
    fn a_known_member_must_not_come_twice_or_late_and_an_unknown_one_may_follow() {
        let read = |input: &[u8]| {
            let mut members = Members::of(input, "test");
            members.required(0x80)?;
            members.optional(0x81)?;
            members.end()
        };
        assert_eq!(read(&[0x80, 0, 0x81, 0, 0x9F, 0x55, 0]), Ok(()));
        assert!(read(&[0x80, 0, 0x80, 0]).is_err());
        assert!(read(&[0x81, 0, 0x80, 0]).is_err());
        assert!(read(&[0x80, 0, 0x82, 0, 0x81, 0]).is_err());
        assert!(read(&[0x80, 0, 0x82]).is_err());
    }
}
