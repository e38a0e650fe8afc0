//! The layout of a Bound Profile Package (SGP.22 section 2.5.4).

use crate::tlv::{self, Tlv};

const MAC_BYTES: usize = 8;

/// The parts of a package in their only legal order.
pub(super) struct Parts<'a> {
    pub initialise: Tlv<'a>,
    pub configure: Tlv<'a>,
    pub metadata: Vec<Tlv<'a>>,
    pub replace_keys: Option<Tlv<'a>>,
    pub elements: Vec<Tlv<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn read(bpp: &Tlv<'a>) -> Result<Self, tlv::Error> {
        let mut parts = bpp.reader();
        let read = Self {
            initialise: parts.take(0xBF23)?,
            configure: only(&parts.take(0xA0)?, 0x87)?,
            metadata: several(&parts.take(0xA1)?, 0x88)?,
            replace_keys: parts.optional(0xA2)?.map(|part| only(&part, 0x87)).transpose()?,
            elements: several(&parts.take(0xA3)?, 0x86)?,
        };
        parts.finish()?;
        Ok(read)
    }
}

fn only<'a>(part: &Tlv<'a>, tag: tlv::Tag) -> Result<Tlv<'a>, tlv::Error> {
    Tlv::parse(part.value, tag)
}

fn several<'a>(part: &Tlv<'a>, tag: tlv::Tag) -> Result<Vec<Tlv<'a>>, tlv::Error> {
    let segments = part.children()?;
    if let Some(other) = segments.iter().find(|segment| segment.tag != tag) {
        return Err(tlv::Error::Unexpected(tag, other.tag));
    }
    if segments.is_empty() { Err(tlv::Error::Missing(tag)) } else { Ok(segments) }
}

/// The StoreMetadataRequest an LPA can read in the package, its MAC not yet checked.
pub fn metadata_of(bpp: &[u8]) -> Result<Vec<u8>, tlv::Error> {
    let parts = Parts::read(&Tlv::parse(bpp, 0xBF36)?)?;
    let mut clear = Vec::new();
    for segment in parts.metadata {
        let end = segment.value.len().checked_sub(MAC_BYTES).ok_or(tlv::Error::Value(segment.tag))?;
        clear.extend(segment.value.iter().take(end));
    }
    Ok(clear)
}

/// How many segments of Profile elements the package has.
pub fn segment_count(bpp: &[u8]) -> Result<usize, tlv::Error> {
    Ok(Parts::read(&Tlv::parse(bpp, 0xBF36)?)?.elements.len())
}
