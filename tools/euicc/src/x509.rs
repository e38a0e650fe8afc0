//! What an eUICC reads from a certificate and checks of its chain (SGP.22 section 4.5.2).

use crate::curve::{self, Curve, PublicKey};
use crate::tlv::{self, Tlv};

/// Content octets of 2.23.146.1.2.1, the prefix of all role policies.
const ROLE_PREFIX: &[u8] = &[0x67, 0x81, 0x12, 0x01, 0x02, 0x01];

const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x0E];
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 0x20];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x23];
const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0A];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    DpAuth,
    DpPb,
    DsAuth,
}

impl Role {
    fn last_arc(self) -> u8 {
        match self {
            Self::DpAuth => 4,
            Self::DpPb => 5,
            Self::DsAuth => 7,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("certificate: {0}")]
    Form(#[from] tlv::Error),
    #[error("certificate: on no curve that this tool knows")]
    Curve,
    #[error("certificate: not issued by the expected certificate issuer")]
    Issuer,
    #[error("certificate: its signature does not verify")]
    Signature,
    #[error("certificate: keyUsage is not critical digitalSignature")]
    KeyUsage,
    #[error("certificate: the critical role policy is missing or another")]
    Role,
    #[error("certificate: subjectAltName holds no registeredID")]
    Oid,
}

/// The parts of a certificate this tool uses, each as the octets in the certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub der: Vec<u8>,
    tbs: Vec<u8>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub public_key: PublicKey,
    pub subject_key_id: Vec<u8>,
    pub authority_key_id: Vec<u8>,
    /// Content octets of the registeredID in subjectAltName.
    pub registered_id: Option<Vec<u8>>,
    digital_signature: bool,
    policies: Vec<Vec<u8>>,
    policies_critical: bool,
}

impl Certificate {
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        let outer = Tlv::parse(der, 0x30)?;
        let mut outer = outer.reader();
        let tbs = outer.take(0x30)?;
        outer.take(0x30)?;
        let signature = outer.take(0x03)?;
        outer.finish()?;
        let mut fields = tbs.reader();
        fields.optional(0xA0)?;
        fields.take(0x02)?;
        fields.take(0x30)?;
        let issuer = fields.take(0x30)?;
        fields.take(0x30)?;
        let subject = fields.take(0x30)?;
        let public_key = public_key(&fields.take(0x30)?)?;
        let mut certificate = Self {
            der: der.to_vec(),
            tbs: tbs.raw.to_vec(),
            signature: bit_string(&signature)?.to_vec(),
            issuer: issuer.raw.to_vec(),
            subject: subject.raw.to_vec(),
            public_key,
            subject_key_id: Vec::new(),
            authority_key_id: Vec::new(),
            registered_id: None,
            digital_signature: false,
            policies: Vec::new(),
            policies_critical: false,
        };
        if let Some(extensions) = tlv::all(tbs.value)?.into_iter().find(|part| part.tag == 0xA3) {
            for extension in extensions.child(0x30)?.children()? {
                certificate.read_extension(&extension)?;
            }
        }
        Ok(certificate)
    }

    fn read_extension(&mut self, extension: &Tlv<'_>) -> Result<(), Error> {
        let mut fields = extension.reader();
        let oid = fields.take(0x06)?.value;
        let critical = fields.optional(0x01)?.is_some_and(|flag| flag.value == [0xFF]);
        let content = fields.take(0x04)?.value;
        match oid {
            SUBJECT_KEY_IDENTIFIER => self.subject_key_id = Tlv::parse(content, 0x04)?.value.to_vec(),
            AUTHORITY_KEY_IDENTIFIER => {
                let found = Tlv::parse(content, 0x30)?.find(0x80)?;
                self.authority_key_id = found.map(|id| id.value.to_vec()).unwrap_or_default();
            }
            KEY_USAGE => {
                let bits = Tlv::parse(content, 0x03)?;
                self.digital_signature = critical && bits.value.get(1).is_some_and(|octet| octet & 0x80 != 0);
            }
            SUBJECT_ALT_NAME => {
                let found = Tlv::parse(content, 0x30)?.find(0x88)?;
                self.registered_id = found.map(|id| id.value.to_vec());
            }
            CERTIFICATE_POLICIES => {
                self.policies_critical = critical;
                for policy in Tlv::parse(content, 0x30)?.children()? {
                    self.policies.push(policy.child(0x06)?.value.to_vec());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether this issuer's name, key identifier and key fit.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), Error> {
        if self.issuer != issuer.subject || self.authority_key_id != issuer.subject_key_id {
            return Err(Error::Issuer);
        }
        curve::verify_der(&issuer.public_key, &self.tbs, &self.signature).map_err(|_| Error::Signature)
    }

    /// All an eUICC asks of the certificate of an SM-DP+ or SM-DS but the date: it has no clock.
    pub fn verify_dp(&self, role: Role, issuer: &Self) -> Result<(), Error> {
        self.verify_issued_by(issuer)?;
        if !self.digital_signature {
            return Err(Error::KeyUsage);
        }
        let wanted = [ROLE_PREFIX, &[role.last_arc()]].concat();
        if !self.policies_critical || !self.policies.contains(&wanted) {
            return Err(Error::Role);
        }
        if self.registered_id.is_none() { Err(Error::Oid) } else { Ok(()) }
    }

    /// The EID of an eUICC certificate: its subject's serialNumber.
    pub fn eid(&self) -> Option<String> {
        self.attribute(SERIAL_NUMBER)
    }

    pub fn organization(&self) -> Option<String> {
        self.attribute(ORGANIZATION)
    }

    pub fn common_name(&self) -> Option<String> {
        self.attribute(COMMON_NAME)
    }

    fn attribute(&self, wanted: &[u8]) -> Option<String> {
        let name = Tlv::parse(&self.subject, 0x30).ok()?;
        for relative in name.children().ok()? {
            for attribute in relative.children().ok()? {
                if let [oid, text] = attribute.children().ok()?.as_slice()
                    && oid.value == wanted
                {
                    return text.text().ok().map(str::to_owned);
                }
            }
        }
        None
    }
}

fn public_key(info: &Tlv<'_>) -> Result<PublicKey, Error> {
    let mut fields = info.reader();
    let algorithm = fields.take(0x30)?;
    let curve = algorithm.children()?.into_iter().nth(1).ok_or(Error::Curve)?;
    let point = fields.take(0x03)?;
    let curve = Curve::by_oid(curve.value).ok_or(Error::Curve)?;
    let point = bit_string(&point)?;
    if !curve::is_point(curve, point) {
        return Err(Error::Curve);
    }
    Ok(PublicKey { curve, point: point.to_vec() })
}

fn bit_string<'a>(element: &Tlv<'a>) -> Result<&'a [u8], Error> {
    match element.value.split_first() {
        Some((0, bits)) => Ok(bits),
        _ => Err(Error::Form(tlv::Error::Value(element.tag))),
    }
}

/// The dotted form of an OBJECT IDENTIFIER's content, right for 2.999 too.
pub fn dotted(content: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0_u64;
    for octet in content {
        arc = (arc.wrapping_shl(7)) | u64::from(octet & 0x7F);
        if *octet < 0x80 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let Some((first, rest)) = arcs.split_first() else { return String::new() };
    let root = (first / 40).min(2);
    let second = first.saturating_sub(root.saturating_mul(40));
    let tail: String = rest.iter().map(|arc| format!(".{arc}")).collect();
    format!("{root}.{second}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_written_with_dots_also_under_2_999() {
        assert_eq!(dotted(&[0x88, 0x37, 0x0A]), "2.999.10");
        assert_eq!(dotted(&[0x2B, 0x06, 0x01, 0x04, 0x01, 0x81, 0xF8, 0x02]), "1.3.6.1.4.1.31746");
        assert_eq!(dotted(&[]), "");
    }

    #[test]
    fn octets_that_are_no_certificate_are_refused() {
        assert!(Certificate::parse(&[]).is_err());
        assert!(Certificate::parse(&tlv::write(0x30, &[0x30, 0])).is_err());
    }
}
