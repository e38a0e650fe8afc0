//! Just enough DER to write an X.509 certificate (ITU-T X.690).
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::time::Timestamp;
use crate::types::Malformed;
use crate::types::Oid;

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0C;
pub(super) const PRINTABLE_STRING: u8 = 0x13;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// RFC 5280 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050.
const UTC_TIME_LAST_YEAR: i32 = 2049;
const UTC_FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[year repr:last_two][month][day][hour][minute][second]Z");
const GENERALIZED_FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[year repr:full][month][day][hour][minute][second]Z");

/// Tag, definite length, content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..=0x7F) => out.push(short),
        Ok(_) | Err(_) => {
            let octets = content.len().to_be_bytes();
            let significant: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(0x7F));
            out.extend(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

pub(super) fn oid(oid: &Oid) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, oid.der_content())
}

/// A BIT STRING of whole octets.
pub(super) fn bits(octets: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], octets].concat())
}

/// `Time`, in the form that RFC 5280 asks for the year.
pub(super) fn time(at: Timestamp) -> Result<Vec<u8>, Malformed> {
    let malformed = |_| Malformed("certificate date");
    let at = OffsetDateTime::from_unix_timestamp(at.unix_s()).map_err(malformed)?;
    let (tag, form) = match at.year() {
        ..=UTC_TIME_LAST_YEAR => (UTC_TIME, UTC_FORM),
        _ => (GENERALIZED_TIME, GENERALIZED_FORM),
    };
    let text = at.format(form).map_err(|_| Malformed("certificate date"))?;
    Ok(tlv(tag, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        assert_eq!(tlv(4, &[7]), [4, 1, 7]);
        assert_eq!(tlv(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(tlv(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn the_year_2050_changes_the_form_of_a_date() {
        assert_eq!(time(Timestamp::from_unix_s(2_524_607_999)).unwrap(), tlv(0x17, b"491231235959Z"));
        assert_eq!(time(Timestamp::from_unix_s(2_524_608_000)).unwrap(), tlv(0x18, b"20500101000000Z"));
    }
}
