//! Strict DER: tag-length-value octets, read and written (X.690 section 10).

/// A tag as its octets read as one number: `0x30`, `0x5F37`, `0xBF38`.
pub type Tag = u32;

/// What is wrong with octets that should be DER.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("tlv: the octets end inside an element")]
    Truncated,
    #[error("tlv: tag is not in its shortest form, or longer than three octets")]
    Tag,
    #[error("tlv: length is indefinite, not minimal, or longer than four octets")]
    Length,
    #[error("tlv: octets follow the last element")]
    Trailing,
    #[error("tlv: tag {0:X} expected, {1:X} found")]
    Unexpected(Tag, Tag),
    #[error("tlv: element {0:X} is missing")]
    Missing(Tag),
    #[error("tlv: value of {0:X} is not allowed")]
    Value(Tag),
}

/// One element, with the octets it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    pub tag: Tag,
    pub value: &'a [u8],
    pub raw: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The octets as exactly one element with this tag.
    pub fn parse(bytes: &'a [u8], tag: Tag) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let found = reader.take(tag)?;
        reader.finish()?;
        Ok(found)
    }

    pub fn reader(&self) -> Reader<'a> {
        Reader::new(self.value)
    }

    pub fn children(&self) -> Result<Vec<Self>, Error> {
        all(self.value)
    }

    /// The first child with this tag; unknown neighbours are skipped, since the module is extensible.
    pub fn find(&self, tag: Tag) -> Result<Option<Self>, Error> {
        Ok(self.children()?.into_iter().find(|child| child.tag == tag))
    }

    pub fn child(&self, tag: Tag) -> Result<Self, Error> {
        self.find(tag)?.ok_or(Error::Missing(tag))
    }

    /// The value as a non-negative INTEGER in its shortest form.
    pub fn unsigned(&self) -> Result<u64, Error> {
        match self.value {
            [] => Err(Error::Value(self.tag)),
            [0, next, ..] if *next < 0x80 => Err(Error::Value(self.tag)),
            [first, ..] if *first >= 0x80 => Err(Error::Value(self.tag)),
            octets if octets.len() > 9 || (octets.len() == 9 && octets.first() != Some(&0)) => {
                Err(Error::Value(self.tag))
            }
            octets => Ok(octets.iter().fold(0, |sum, octet| (sum << 8) | u64::from(*octet))),
        }
    }

    pub fn text(&self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.value).map_err(|_| Error::Value(self.tag))
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The tag that comes next, if there is a readable one.
    pub fn peek(&self) -> Option<Tag> {
        split_tag(self.rest).ok().map(|(tag, _)| tag)
    }

    pub fn read(&mut self) -> Result<Option<Tlv<'a>>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let start = self.rest;
        let (tag, after_tag) = split_tag(start)?;
        let (length, after_length) = split_length(after_tag)?;
        let (value, rest) = after_length.split_at_checked(length).ok_or(Error::Truncated)?;
        let raw = start.get(..start.len().saturating_sub(rest.len())).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(Some(Tlv { tag, value, raw }))
    }

    /// The next element, which must have this tag.
    pub fn take(&mut self, tag: Tag) -> Result<Tlv<'a>, Error> {
        let found = self.read()?.ok_or(Error::Missing(tag))?;
        if found.tag == tag { Ok(found) } else { Err(Error::Unexpected(tag, found.tag)) }
    }

    /// The next element if it has this tag.
    pub fn optional(&mut self, tag: Tag) -> Result<Option<Tlv<'a>>, Error> {
        if self.peek() == Some(tag) { self.read() } else { Ok(None) }
    }

    pub fn finish(&self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Trailing) }
    }
}

/// All elements of the octets.
pub fn all(bytes: &[u8]) -> Result<Vec<Tlv<'_>>, Error> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    while let Some(element) = reader.read()? {
        found.push(element);
    }
    Ok(found)
}

fn split_tag(bytes: &[u8]) -> Result<(Tag, &[u8]), Error> {
    let (&first, mut rest) = bytes.split_first().ok_or(Error::Truncated)?;
    let mut tag = u32::from(first);
    if first & 0x1F != 0x1F {
        return Ok((tag, rest));
    }
    let mut number = 0_u32;
    loop {
        let (&next, after) = rest.split_first().ok_or(Error::Truncated)?;
        if (number == 0 && next == 0x80) || tag > 0xFFFF {
            return Err(Error::Tag);
        }
        rest = after;
        tag = (tag << 8) | u32::from(next);
        number = (number << 7) | u32::from(next & 0x7F);
        if next < 0x80 {
            break;
        }
    }
    if number < 31 { Err(Error::Tag) } else { Ok((tag, rest)) }
}

fn split_length(bytes: &[u8]) -> Result<(usize, &[u8]), Error> {
    let (&first, rest) = bytes.split_first().ok_or(Error::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 || count > 4 {
        return Err(Error::Length);
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(Error::Truncated)?;
    let length = octets.iter().fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
    if octets.first() == Some(&0) || length < 0x80 {
        return Err(Error::Length);
    }
    Ok((length, rest))
}

/// The header of an element whose value has this many octets.
pub fn header(tag: Tag, length: usize) -> Vec<u8> {
    let mut out: Vec<u8> = significant(u64::from(tag));
    if length < 0x80 {
        out.extend(u8::try_from(length));
    } else {
        let octets = significant(u64::try_from(length).unwrap_or(u64::MAX));
        out.extend(u8::try_from(octets.len()).map(|count| 0x80 | count));
        out.extend(octets);
    }
    out
}

/// One element.
pub fn write(tag: Tag, value: &[u8]) -> Vec<u8> {
    let mut out = header(tag, value.len());
    out.extend_from_slice(value);
    out
}

/// One element around others.
pub fn nest(tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    write(tag, &parts.concat())
}

/// A non-negative INTEGER under any tag.
pub fn unsigned(tag: Tag, number: u64) -> Vec<u8> {
    let mut octets = significant(number);
    if octets.first().is_none_or(|first| *first >= 0x80) {
        octets.insert(0, 0);
    }
    write(tag, &octets)
}

fn significant(number: u64) -> Vec<u8> {
    number.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_one_two_and_three_octets_are_read_back_as_written() {
        for tag in [0x30, 0xA0, 0x5F37, 0xBF38, 0x9F1F, 0xBF_8101] {
            let written = write(tag, &[1, 2, 3]);
            let read = Tlv::parse(&written, tag).unwrap();
            assert_eq!((read.tag, read.value, read.raw), (tag, &[1, 2, 3][..], &written[..]));
        }
    }

    #[test]
    fn lengths_at_every_step_are_minimal_and_read_back() {
        for (length, prefix) in
            [(0, 2), (127, 2), (128, 3), (255, 3), (256, 4), (65_535, 4), (65_536, 5), (70_000, 5)]
        {
            let written = write(0x04, &vec![7; length]);
            assert_eq!(written.len(), length + prefix);
            assert_eq!(Tlv::parse(&written, 0x04).unwrap().value.len(), length);
        }
    }

    #[test]
    fn an_indefinite_length_is_refused() {
        assert_eq!(Reader::new(&[0x30, 0x80, 0, 0]).read(), Err(Error::Length));
    }

    #[test]
    fn a_length_that_is_not_minimal_is_refused() {
        assert_eq!(Reader::new(&[0x30, 0x81, 0x01, 0]).read(), Err(Error::Length));
        assert_eq!(Reader::new(&[0x30, 0x82, 0x00, 0x80]).read(), Err(Error::Length));
    }

    #[test]
    fn a_value_cut_short_is_refused() {
        assert_eq!(Reader::new(&[0x30, 0x03, 0, 0]).read(), Err(Error::Truncated));
        assert_eq!(Reader::new(&[0x30]).read(), Err(Error::Truncated));
        assert_eq!(Reader::new(&[0xBF]).read(), Err(Error::Truncated));
    }

    #[test]
    fn a_tag_that_could_be_shorter_is_refused() {
        assert_eq!(Reader::new(&[0x5F, 0x1E, 0]).read(), Err(Error::Tag));
        assert_eq!(Reader::new(&[0x5F, 0x80, 0x37, 0]).read(), Err(Error::Tag));
    }

    #[test]
    fn octets_after_the_only_element_are_refused() {
        assert_eq!(Tlv::parse(&[0x05, 0, 0], 0x05), Err(Error::Trailing));
    }

    #[test]
    fn integers_keep_their_sign_octet() {
        assert_eq!(unsigned(0x80, 0), [0x80, 1, 0]);
        assert_eq!(unsigned(0x80, 128), [0x80, 2, 0, 128]);
        assert_eq!(Tlv::parse(&unsigned(0x02, u64::MAX), 0x02).unwrap().unsigned(), Ok(u64::MAX));
        assert!(Tlv::parse(&[2, 2, 0, 1], 2).unwrap().unsigned().is_err());
    }
}
