//! One Certificate Revocation List of a CI, read strictly and not yet believed (SGP.22 4.6, RFC 5280 5).
mod body;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use body::to_der;

use super::certificate::{Certificate, ECDSA_WITH_SHA256};
use super::name::{Name, content_of};
use crate::asn1::KeyId;
use crate::asn1::tlv::{Members, Tlv, Tlvs, only};
use crate::time::Timestamp;
use crate::types::Malformed;
use crate::types::Oid;
use crate::types::hex;

/// Largest list that is read, in whatever form; real ones stay under 10 KiB.
pub const CRL_OCTETS_MAX: usize = 4 * 1024 * 1024;
/// Certificates that one CI may have revoked.
pub(super) const ENTRIES_MAX: usize = 100_000;
/// A segment has about 20 entries (4.6: 1024 octets).
const SEGMENTS_MAX: usize = 4096;
const EXTENSIONS_MAX: usize = 32;
/// RFC 5280 4.1.2.2.
const SERIAL_OCTETS_MAX: usize = 20;

/// Content octets of 2.23.146.1.2.0.x: id-rsp-expDate .1, totalPartialCrlNumber .2, partialCrlNumber .3.
const ID_RSP: [u8; 6] = [0x67, 0x81, 0x12, 0x01, 0x02, 0x00];

/// Why a list is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    #[error("it is no revocation list in DER, PEM or Base64 ({0})")]
    Malformed(&'static str),
    #[error("it is of another CI than the one it was fetched for")]
    OtherIssuer,
    #[error("the CI certificate may not sign revocation lists (keyUsage cRLSign is missing)")]
    NotAnIssuer,
    #[error("the CI's signature on it does not verify")]
    BadSignature,
    #[error("it has the critical extension {0}, which this server does not know")]
    ExtensionUnknown(Oid),
    #[error("it covers only a part of what the CI revoked ({0})")]
    Partial(&'static str),
    #[error("it came in segments that are incomplete or do not belong together")]
    Segments,
    #[error("it is older (number {offered}) than the one that is held (number {held})")]
    Older { offered: CrlNumber, held: CrlNumber },
    #[error("it and what is kept of earlier ones have more than {ENTRIES_MAX} entries")]
    TooMany,
}

impl From<Malformed> for CrlError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.0)
    }
}

/// A positive INTEGER of up to 20 octets, so that it can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrlNumber([u8; SERIAL_OCTETS_MAX]);

impl CrlNumber {
    fn read(content: &[u8]) -> Result<Self, Malformed> {
        let negative = content.first().is_none_or(|first| *first >= 0x80);
        let padded = matches!(content, [0, next, ..] if *next < 0x80);
        if negative || padded {
            return Err(Malformed("CRL number"));
        }
        pad(content).map(Self)
    }
}

impl std::fmt::Display for CrlNumber {
    /// Decimal, as CIs write it; a number of cryptographic size as hexadecimal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_slice() {
            [0, 0, 0, 0, low @ ..] => {
                let low = <[u8; 16]>::try_from(low).unwrap_or_default();
                write!(f, "{}", u128::from_be_bytes(low))
            }
            all => write!(f, "0x{}", hex::encode(all)),
        }
    }
}

/// A certificate's serial number as a number: leading zero octets make no other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial([u8; SERIAL_OCTETS_MAX]);

impl Serial {
    pub fn read(content: &[u8]) -> Result<Self, Malformed> {
        if content.is_empty() {
            return Err(Malformed("serial number"));
        }
        pad(content).map(Self)
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("serial number");
        Self::read(&hex::decode(text).ok_or(malformed)?)
    }
}

impl std::fmt::Display for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first =
            self.0.iter().position(|octet| *octet != 0).unwrap_or(SERIAL_OCTETS_MAX.saturating_sub(1));
        f.write_str(&hex::encode(self.0.get(first..).unwrap_or_default()))
    }
}

fn pad(content: &[u8]) -> Result<[u8; SERIAL_OCTETS_MAX], Malformed> {
    let first = content.iter().position(|octet| *octet != 0).unwrap_or(content.len());
    let significant = content.get(first..).unwrap_or_default();
    let mut padded = [0; SERIAL_OCTETS_MAX];
    let start = SERIAL_OCTETS_MAX.checked_sub(significant.len());
    let place =
        start.and_then(|start| padded.get_mut(start..)).ok_or(Malformed("number of over 20 octets"))?;
    place.copy_from_slice(significant);
    Ok(padded)
}

/// Until when a revoked certificate would have been valid, where the list says so (id-rsp-expDate).
pub(super) type Entries = BTreeMap<Serial, Option<Timestamp>>;

/// One CertificateList: the whole list, or a segment of it.
#[derive(Debug)]
pub(super) struct Crl {
    tbs: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
    pub(super) entries: Entries,
    pub(super) number: CrlNumber,
    authority_key_id: KeyId,
    /// Its place among the segments, and how many they are.
    pub(super) segment: Option<(u32, u32)>,
}

/// The lists of one body: a CertificateList, or a SegmentedCrlList of several.
pub(super) fn parse(der: &[u8]) -> Result<Vec<Crl>, CrlError> {
    let content = content_of(only(der, "CRL")?, 0x30)?;
    let first = few::<4>(content, "CRL");
    if let Ok([_, _, Tlv { tag: 0x03, .. }]) = first.as_deref() {
        return Ok(vec![Crl::parse(content)?]);
    }
    let mut crls = Vec::new();
    let mut entries = 0usize;
    for segment in Tlvs::new(content, "CRL segments") {
        let crl = Crl::parse(content_of(segment?, 0x30)?)?;
        entries = entries.saturating_add(crl.entries.len());
        if crls.len() >= SEGMENTS_MAX || entries > ENTRIES_MAX {
            return Err(CrlError::TooMany);
        }
        crls.push(crl);
    }
    if crls.is_empty() { Err(CrlError::Segments) } else { Ok(crls) }
}

impl Crl {
    fn parse(content: &[u8]) -> Result<Self, CrlError> {
        const REFUSED: Malformed = Malformed("CertificateList");
        let outer = few::<4>(content, REFUSED.0)?;
        let [tbs @ Tlv { tag: 0x30, .. }, algorithm, Tlv { tag: 0x03, content: [0, signature @ ..], .. }] =
            outer.as_slice()
        else {
            return Err(REFUSED.into());
        };
        let members = few::<8>(tbs.content, "tbsCertList")?;
        let [version, signed_algorithm, issuer, this_update, next_update, rest @ ..] = members.as_slice()
        else {
            return Err(Malformed("tbsCertList").into());
        };
        // Version 2 is written as 1.
        if version.whole != [0x02, 0x01, 0x01] {
            return Err(Malformed("CRL version").into());
        }
        if [algorithm.whole, signed_algorithm.whole] != [ECDSA_WITH_SHA256; 2] {
            return Err(Malformed("CRL algorithm").into());
        }
        let (revoked, extensions) = match rest {
            [revoked @ Tlv { tag: 0x30, .. }, extensions @ Tlv { tag: 0xA0, .. }] => {
                (revoked.content, extensions.content)
            }
            [extensions @ Tlv { tag: 0xA0, .. }] => (&[][..], extensions.content),
            _ => return Err(Malformed("tbsCertList").into()),
        };
        let (this_update, next_update) = (time(*this_update)?, time(*next_update)?);
        if next_update < this_update {
            return Err(Malformed("nextUpdate").into());
        }
        let extensions = ListExtensions::read(extensions)?;
        Ok(Self {
            tbs: tbs.whole.to_vec(),
            signature: signature.to_vec(),
            issuer: Name::parse(issuer.whole)?,
            this_update,
            next_update,
            entries: entries(revoked)?,
            number: extensions.number.ok_or(Malformed("CRL without its number"))?,
            authority_key_id: extensions.authority_key_id.ok_or(Malformed("CRL without its issuer's key"))?,
            segment: match (extensions.partial, extensions.total) {
                (Some(partial), Some(total)) => Some((partial, total)),
                (None, None) => None,
                (Some(_), None) | (None, Some(_)) => return Err(CrlError::Segments),
            },
        })
    }

    /// Name, key identifier and signature all say that this CI issued it.
    pub(super) fn verify_issued_by(&self, ci: &Certificate) -> Result<(), CrlError> {
        if self.issuer != *ci.subject() || Some(&self.authority_key_id) != ci.subject_key_id() {
            return Err(CrlError::OtherIssuer);
        }
        if !ci.has_usage(|usage| usage.crl_sign) {
            return Err(CrlError::NotAnIssuer);
        }
        let key = ci.key().ok_or(CrlError::BadSignature)?;
        key.verify_asn1(&self.tbs, &self.signature).map_err(|_| CrlError::BadSignature)
    }
}

/// What the extensions of the list say.
#[derive(Default)]
struct ListExtensions {
    number: Option<CrlNumber>,
    authority_key_id: Option<KeyId>,
    total: Option<u32>,
    partial: Option<u32>,
}

impl ListExtensions {
    fn read(explicit: &[u8]) -> Result<Self, CrlError> {
        let mut read = Self::default();
        for_each_extension(content_of(only(explicit, "CRL extensions")?, 0x30)?, |extension| {
            read.add(extension)
        })?;
        Ok(read)
    }

    fn add(&mut self, Extension { oid, critical, value }: Extension<'_>) -> Result<(), CrlError> {
        match oid {
            [0x55, 0x1D, 35] => {
                let mut members = Members::of(content_of(only(value, "AKI")?, 0x30)?, "AKI");
                let id = members.optional(0x80)?;
                self.authority_key_id = id.map(|id| KeyId::from_octets(id.content)).transpose()?;
            }
            [0x55, 0x1D, 20] => {
                self.number = Some(CrlNumber::read(content_of(only(value, "CRL number")?, 0x02)?)?);
            }
            [0x55, 0x1D, 28] => check_scope(value)?,
            // RFC 5280 5.2.4 makes it critical; a delta is no list by itself, whoever forgot that.
            [0x55, 0x1D, 27] => return Err(CrlError::Partial("a delta")),
            [prefix @ .., 2] if prefix == ID_RSP => self.total = Some(count(value)?),
            [prefix @ .., 3] if prefix == ID_RSP => self.partial = Some(count(value)?),
            _ if critical => return Err(CrlError::ExtensionUnknown(Oid::from_der_content(oid)?)),
            _ => {}
        }
        Ok(())
    }
}

/// issuingDistributionPoint (RFC 5280 5.2.5): there is one list per CI (4.6), so no scope may be narrower.
fn check_scope(value: &[u8]) -> Result<(), CrlError> {
    for member in Tlvs::new(content_of(only(value, "issuingDistributionPoint")?, 0x30)?, "IDP") {
        match member?.tag {
            0xA0 => {}
            0x81 => return Err(CrlError::Partial("end entities only")),
            0x82 => return Err(CrlError::Partial("CAs only")),
            0x83 => return Err(CrlError::Partial("some reasons only")),
            0x84 => return Err(CrlError::Partial("an indirect list")),
            _ => return Err(CrlError::Partial("an unknown scope")),
        }
    }
    Ok(())
}

fn entries(revoked: &[u8]) -> Result<Entries, CrlError> {
    let mut entries = Entries::new();
    for entry in Tlvs::new(revoked, "revokedCertificates") {
        if entries.len() >= ENTRIES_MAX {
            return Err(CrlError::TooMany);
        }
        let parts = few::<4>(content_of(entry?, 0x30)?, "revoked certificate")?;
        let [serial, revoked_at, rest @ ..] = parts.as_slice() else {
            return Err(Malformed("revoked certificate").into());
        };
        time(*revoked_at)?;
        let expires = match rest {
            [] => None,
            [extensions] => entry_extensions(content_of(*extensions, 0x30)?)?,
            _ => return Err(Malformed("revoked certificate").into()),
        };
        entries.insert(Serial::read(content_of(*serial, 0x02)?)?, expires);
    }
    Ok(entries)
}

/// Gives id-rsp-expDate. The reason is not looked at: what is revoked stays so, whatever the reason (4.6).
fn entry_extensions(extensions: &[u8]) -> Result<Option<Timestamp>, CrlError> {
    let mut expires = None;
    for_each_extension(extensions, |Extension { oid, critical, value }| {
        match oid {
            [0x55, 0x1D, 21] => {
                content_of(only(value, "reason")?, 0x0A)?;
            }
            [prefix @ .., 1] if prefix == ID_RSP => expires = Some(time(only(value, "expDate")?)?),
            _ if critical => return Err(CrlError::ExtensionUnknown(Oid::from_der_content(oid)?)),
            _ => {}
        }
        Ok(())
    })?;
    Ok(expires)
}

struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

/// Each extension once, in its strict form: `critical` is written only if it is true (X.690 11.5).
fn for_each_extension<'a>(
    extensions: &'a [u8],
    mut each: impl FnMut(Extension<'a>) -> Result<(), CrlError>,
) -> Result<(), CrlError> {
    const REFUSED: Malformed = Malformed("CRL extension");
    let mut seen: Vec<&[u8]> = Vec::new();
    for extension in Tlvs::new(extensions, REFUSED.0) {
        let parts = few::<4>(content_of(extension?, 0x30)?, REFUSED.0)?;
        let (oid, critical, value) = match parts.as_slice() {
            [oid, value] => (oid, false, value),
            [oid, Tlv { whole: [0x01, 0x01, 0xFF], .. }, value] => (oid, true, value),
            _ => return Err(REFUSED.into()),
        };
        let (oid, value) = (content_of(*oid, 0x06)?, content_of(*value, 0x04)?);
        if seen.contains(&oid) || seen.len() >= EXTENSIONS_MAX {
            return Err(REFUSED.into());
        }
        seen.push(oid);
        each(Extension { oid, critical, value })?;
    }
    Ok(())
}

/// At most `N` minus one TLVs: a hostile sequence of millions is not listed.
fn few<'a, const N: usize>(content: &'a [u8], name: &'static str) -> Result<Vec<Tlv<'a>>, Malformed> {
    let parts: Vec<Tlv<'a>> = Tlvs::new(content, name).take(N).collect::<Result<_, _>>()?;
    if parts.len() < N { Ok(parts) } else { Err(Malformed(name)) }
}

fn count(value: &[u8]) -> Result<u32, Malformed> {
    const REFUSED: Malformed = Malformed("CRL segment number");
    let CrlNumber(octets) = CrlNumber::read(content_of(only(value, REFUSED.0)?, 0x02)?)?;
    match octets.as_slice() {
        [zeros @ .., a, b, c, d] if zeros.iter().all(|octet| *octet == 0) => {
            Ok(u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => Err(REFUSED),
    }
}

/// `Time` in the forms of RFC 5280 4.1.2.5: whole seconds, in UTC.
fn time(tlv: Tlv<'_>) -> Result<Timestamp, Malformed> {
    use time::PrimitiveDateTime;
    use time::macros::format_description;
    const REFUSED: Malformed = Malformed("CRL time");
    let text = std::str::from_utf8(tlv.content).map_err(|_| REFUSED)?;
    let text = match tlv.tag {
        0x17 if text.starts_with(|first: char| first < '5') => format!("20{text}"),
        0x17 => format!("19{text}"),
        0x18 => text.to_owned(),
        _ => return Err(REFUSED),
    };
    let form = format_description!("[year repr:full][month][day][hour][minute][second]Z");
    // The parser would take a sign before the year.
    let digits = text.len() == 15 && text.bytes().take(14).all(|digit| digit.is_ascii_digit());
    let at = PrimitiveDateTime::parse(&text, form).ok().filter(|_| digits).ok_or(REFUSED)?;
    Ok(Timestamp::from_unix_s(at.assume_utc().unix_timestamp()))
}
