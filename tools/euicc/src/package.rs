//! As much of a TCA Profile Package as an eUICC needs to compare the ICCID (SGP.22 section 5.5.5).

use crate::tlv::{self, Tlv};

const HEADER: tlv::Tag = 0xA0;
const MF: tlv::Tag = 0xB0;
const END: tlv::Tag = 0xAA;
const EF_ICCID: tlv::Tag = 0xA4;
const FILL_OFFSET: tlv::Tag = 0x82;
const FILL_CONTENT: tlv::Tag = 0x83;
const ICCID_BYTES: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("package: {0}")]
    Form(#[from] tlv::Error),
    #[error("package: does not begin with a ProfileHeader")]
    NoHeader,
    #[error("package: does not finish with the end element")]
    NoEnd,
    #[error("package: the MF gives EF.ICCID no content of ten octets")]
    NoIccid,
}

/// The content of EF.ICCID; the ICCID in the header has no meaning for the eUICC.
pub fn iccid(upp: &[u8]) -> Result<Vec<u8>, Error> {
    let elements = tlv::all(upp)?;
    if elements.first().is_none_or(|first| first.tag != HEADER) {
        return Err(Error::NoHeader);
    }
    if elements.last().is_none_or(|last| last.tag != END) {
        return Err(Error::NoEnd);
    }
    let mf = elements.iter().find(|element| element.tag == MF).ok_or(Error::NoIccid)?;
    let file = mf.find(EF_ICCID)?.ok_or(Error::NoIccid)?;
    let content = file_content(&file)?;
    if content.len() == ICCID_BYTES { Ok(content) } else { Err(Error::NoIccid) }
}

fn file_content(file: &Tlv<'_>) -> Result<Vec<u8>, Error> {
    let mut content: Vec<u8> = Vec::new();
    for step in file.children()? {
        match step.tag {
            FILL_CONTENT => content.extend_from_slice(step.value),
            FILL_OFFSET => {
                let skip = usize::try_from(step.unsigned()?).unwrap_or(usize::MAX);
                let length = content.len().saturating_add(skip);
                // An offset past the file is left to the length check of the caller.
                content.resize(length.min(ICCID_BYTES.saturating_add(1)), 0xFF);
            }
            _ => {}
        }
    }
    Ok(content)
}

/// The smallest package this eUICC installs: header, MF with EF.ICCID, end.
pub fn minimal(iccid_coded: &[u8]) -> Vec<u8> {
    let header = tlv::nest(
        HEADER,
        &[
            &tlv::write(0x80, &[2]),
            &tlv::write(0x81, &[3]),
            &tlv::write(0x82, b"Test"),
            &tlv::write(0x83, &crate::hex::swap_nibbles(iccid_coded)),
        ],
    );
    let mf = tlv::nest(
        MF,
        &[
            &tlv::nest(0xA0, &[&tlv::write(0x80, &[]), &tlv::write(0x81, &[1])]),
            &tlv::write(0x81, &[0x67, 0x81, 0x0F, 0x01, 0x02, 0x01]),
            &tlv::nest(EF_ICCID, &[&tlv::write(FILL_CONTENT, iccid_coded)]),
        ],
    );
    let end = tlv::nest(END, &[&tlv::nest(0xA0, &[&tlv::write(0x80, &[]), &tlv::write(0x81, &[2])])]);
    [header, mf, end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_iccid_of_a_minimal_package_is_found() {
        let coded = crate::metadata::iccid_coded("89000123456789012341").unwrap();
        assert_eq!(iccid(&minimal(&coded)), Ok(coded));
    }

    #[test]
    fn the_iccid_of_a_published_test_profile_is_found() {
        let path = "/work/shared/data/ts48/TS48v7_SAIP2.3_NoBERTLV.der";
        let Ok(upp) = std::fs::read(path) else {
            println!("skipped: {path} is absent");
            return;
        };
        assert_eq!(crate::metadata::iccid_digits(&iccid(&upp).unwrap()), "89000123456789012341");
    }

    #[test]
    fn a_package_without_header_end_or_iccid_is_refused() {
        let whole = minimal(&[0; 10]);
        let elements = tlv::all(&whole).unwrap();
        let without = |skip: usize| -> Vec<u8> {
            elements
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != skip)
                .flat_map(|(_, e)| e.raw.to_vec())
                .collect()
        };
        assert_eq!(iccid(&without(0)), Err(Error::NoHeader));
        assert_eq!(iccid(&without(1)), Err(Error::NoIccid));
        assert_eq!(iccid(&without(2)), Err(Error::NoEnd));
        assert!(iccid(&whole[..whole.len() - 1]).is_err());
        assert_eq!(iccid(&[]), Err(Error::NoHeader));
    }
}
