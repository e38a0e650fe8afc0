//! The forms in which a CRL comes over HTTP or from a file: Base64 of DER (4.6), DER as real CIs send it, PEM.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{CRL_OCTETS_MAX, CrlError};
use crate::asn1::tlv::tlv;

const BEGIN: &str = "-----BEGIN X509 CRL-----";
const END: &str = "-----END X509 CRL-----";
const REFUSED: CrlError = CrlError::Malformed("CRL body");

/// The DER of a CertificateList or a SegmentedCrlList. Several blocks of PEM are the segments of one list.
pub(in crate::pki) fn to_der(body: &[u8]) -> Result<Vec<u8>, CrlError> {
    if body.len() > CRL_OCTETS_MAX {
        return Err(CrlError::Malformed("more than 4 MiB"));
    }
    if body.first() == Some(&0x30) {
        return Ok(body.to_vec());
    }
    let text = std::str::from_utf8(body).map_err(|_| REFUSED)?.trim();
    if !text.starts_with("-----BEGIN") {
        return base64(text);
    }
    let mut blocks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (block, after) = rest.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END)).ok_or(REFUSED)?;
        blocks.push(base64(block)?);
        rest = after.trim_start();
    }
    match blocks.as_slice() {
        [one] => Ok(one.clone()),
        several => Ok(tlv(&[0x30], &several.concat())),
    }
}

/// Lines may end as they like.
fn base64(text: &str) -> Result<Vec<u8>, CrlError> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map_err(|_| REFUSED)
}
