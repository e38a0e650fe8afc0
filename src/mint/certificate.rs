//! Writes and signs one X.509 certificate exactly as described (SGP.22 4.5.2.1, RFC 5280).
//!
//! By hand and not by `rcgen`: SGP.22 wants a registeredID as name, policies that are critical for one role and
//! not for another, and issuers whose name must be copied octet by octet.
use sha2::Digest;
use sha2::Sha256;

use super::MintError;
use super::der;
use super::extension::Extension;
use super::key::Key;
use crate::random::Random;
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Oid;
use crate::types::Secret;

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub der: Vec<u8>,
    /// The private key, as PKCS#8 DER.
    pub key_pkcs8: Secret<Vec<u8>>,
    /// Subject as DER `Name`: the next certificate's issuer, octet by octet.
    pub(super) subject: Vec<u8>,
    pub(super) key_id: Vec<u8>,
    pub(super) key: Key,
}

impl Issued {
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub fn key_pem(&self) -> Result<Secret<String>, MintError> {
        Ok(Secret::new(pem("PRIVATE KEY", self.key_pkcs8.expose())))
    }

    /// The subjectKeyIdentifier; for a CI this is what SGP.22 calls the CI public key identifier.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    pub(super) fn curve(&self) -> Curve {
        self.key.curve()
    }

    /// Takes a certificate and key from elsewhere, so that it can issue.
    pub(super) fn adopt(
        der: Vec<u8>,
        subject: Vec<u8>,
        key_id: Vec<u8>,
        key: Key,
    ) -> Result<Self, MintError> {
        Ok(Self { der, key_pkcs8: key.pkcs8()?, subject, key_id, key })
    }
}

/// A distinguished name: attribute and value, in order.
pub(super) enum Attribute {
    CommonName(String),
    Organization(String),
    SerialNumber(String),
}

/// What a certificate says, apart from its issuer.
pub(super) struct Template {
    pub(super) subject: Vec<Attribute>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) extensions: Vec<Extension>,
    /// Without authorityKeyIdentifier, whoever issued it.
    pub(super) orphan: bool,
}

/// A new key on `curve`, signed by `issuer`; `None` is a certificate signed by itself.
pub(super) fn issue(
    template: &Template,
    curve: Curve,
    issuer: Option<&Issued>,
    random: &dyn Random,
) -> Result<Issued, MintError> {
    let key = Key::draw(curve, random)?;
    let key_id = key_identifier(&key.point());
    let subject = name(&template.subject)?;
    let mut extensions = Vec::new();
    if let Some(issuer) = issuer.filter(|_| !template.orphan) {
        extensions.push(Extension::authority_key_id(&issuer.key_id)?);
    }
    extensions.push(Extension::subject_key_id(&key_id)?);
    let extensions: Vec<Vec<u8>> =
        extensions.iter().chain(&template.extensions).map(Extension::to_der).collect();

    let tbs = der::sequence(&[
        der::tlv(0xA0, &der::tlv(der::INTEGER, &[2])),
        der::tlv(der::INTEGER, &serial_number(random)?),
        ecdsa_with_sha256()?,
        issuer.map_or_else(|| subject.clone(), |issuer| issuer.subject.clone()),
        der::sequence(&[der::time(template.not_before)?, der::time(template.not_after)?]),
        subject.clone(),
        public_key_info(&key)?,
        der::tlv(0xA3, &der::sequence(&extensions)),
    ]);
    let der = sign(tbs, issuer.map_or(&key, |issuer| &issuer.key))?;
    Issued::adopt(der, subject, key_id, key)
}

/// SIGNED of RFC 5280: a certificate or a revocation list.
pub(super) fn sign(tbs: Vec<u8>, key: &Key) -> Result<Vec<u8>, MintError> {
    let signature = key.sign(&tbs)?;
    Ok(der::sequence(&[tbs, ecdsa_with_sha256()?, der::bits(&signature)]))
}

/// RFC 5280 4.2.1.2 by the way of RFC 7093 (1): the leftmost 160 bits of SHA-256.
fn key_identifier(point: &[u8]) -> Vec<u8> {
    Sha256::digest(point).into_iter().take(20).collect()
}

/// Sixteen octets, positive and without a leading zero octet.
fn serial_number(random: &dyn Random) -> Result<Vec<u8>, MintError> {
    let mut octets = crate::random::octets::<16>(random).map_err(MintError::Random)?;
    if let Some(first) = octets.first_mut() {
        *first = (*first & 0x7F) | 0x40;
    }
    Ok(octets.to_vec())
}

fn ecdsa_with_sha256() -> Result<Vec<u8>, MintError> {
    Ok(der::sequence(&[der::oid(&Oid::parse("1.2.840.10045.4.3.2")?)]))
}

fn public_key_info(key: &Key) -> Result<Vec<u8>, MintError> {
    let ec_public_key = der::oid(&Oid::parse("1.2.840.10045.2.1")?);
    let curve = der::tlv(der::OBJECT_IDENTIFIER, key.curve().oid_content());
    Ok(der::sequence(&[der::sequence(&[ec_public_key, curve]), der::bits(&key.point())]))
}

/// `Name` as DER. An EID is a PrintableString (SGP.22 4.5.2.1.0.3); the rest is UTF-8.
pub(super) fn name(attributes: &[Attribute]) -> Result<Vec<u8>, MintError> {
    let mut parts = Vec::new();
    for attribute in attributes {
        let (kind, tag, text) = match attribute {
            Attribute::CommonName(text) => ("2.5.4.3", der::UTF8_STRING, text),
            Attribute::Organization(text) => ("2.5.4.10", der::UTF8_STRING, text),
            Attribute::SerialNumber(text) => ("2.5.4.5", der::PRINTABLE_STRING, text),
        };
        let pair = der::sequence(&[der::oid(&Oid::parse(kind)?), der::tlv(tag, text.as_bytes())]);
        parts.push(der::tlv(der::SET, &pair));
    }
    Ok(der::sequence(&parts))
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
