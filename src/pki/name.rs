//! Distinguished names, and what an EUM may name (SGP.22 4.5.2.1, 4.5.2.2).
use crate::asn1::tlv::{Tlv, Tlvs, only};
use crate::types::Malformed;
use crate::types::hex;

const NAME: Malformed = Malformed("distinguished name");

/// Content octets of the attributes that we look at: 2.5.4.3, .5, .10.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const SERIAL_NUMBER: [u8; 3] = [0x55, 0x04, 0x05];
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0A];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    oid: Vec<u8>,
    value: String,
}

/// A name as a set of attributes: order and kind of string do not make another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Vec<Attribute>);

impl Name {
    /// Reads the DER of an X.501 Name.
    pub(super) fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let mut attributes = Vec::new();
        for set in Tlvs::new(content_of(only(der, NAME.0)?, 0x30)?, NAME.0) {
            for attribute in Tlvs::new(content_of(set?, 0x31)?, NAME.0) {
                attributes.push(Attribute::parse(attribute?)?);
            }
        }
        attributes.sort();
        Ok(Self(attributes))
    }

    pub fn common_name(&self) -> Option<&str> {
        self.values(&COMMON_NAME).next()
    }

    pub fn organization(&self) -> Option<&str> {
        self.values(&ORGANIZATION).next()
    }

    /// The serialNumber, if there is exactly one: it is the EID of an eUICC.
    pub fn serial_number(&self) -> Option<&str> {
        let mut values = self.values(&SERIAL_NUMBER);
        values.next().filter(|_| values.next().is_none())
    }

    /// How a person knows it.
    pub fn title(&self) -> &str {
        self.common_name().or(self.organization()).unwrap_or("(no name)")
    }

    /// 4.5.2.2, not RFC 5280: every attribute of the constraint is in this name, and the EID starts with the IIN
    /// that the constraint gives this organization.
    pub(super) fn within(&self, constraint: &Self) -> bool {
        let (Some(iin), Some(eid)) = (constraint.serial_number(), self.serial_number()) else { return false };
        let others = |attribute: &&Attribute| attribute.oid != SERIAL_NUMBER;
        constraint.organization().is_some()
            && !iin.is_empty()
            && eid.starts_with(iin)
            && constraint.0.iter().filter(others).all(|attribute| self.0.contains(attribute))
    }

    fn values(&self, oid: &[u8]) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |attribute| attribute.oid == oid).map(|attribute| attribute.value.as_str())
    }
}

impl Attribute {
    fn parse(der: Tlv<'_>) -> Result<Self, Malformed> {
        let mut parts = Tlvs::new(content_of(der, 0x30)?, NAME.0);
        let (Some(oid), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NAME);
        };
        let value = value?;
        let text = match value.tag {
            // UTF8String, PrintableString, IA5String
            0x0C | 0x13 | 0x16 => String::from_utf8(value.content.to_vec()).map_err(|_| NAME)?,
            _ => format!("#{}", hex::encode(value.whole)),
        };
        Ok(Self { oid: content_of(oid?, 0x06)?.to_vec(), value: text })
    }
}

/// permittedSubtrees of the form directoryName. Excluded ones are not in the profile of an EUM: refused.
pub(super) fn permitted_names(name_constraints: &[u8]) -> Result<Vec<Name>, Malformed> {
    const REFUSED: Malformed = Malformed("nameConstraints");
    let mut names = Vec::new();
    for subtrees in Tlvs::new(content_of(only(name_constraints, REFUSED.0)?, 0x30)?, REFUSED.0) {
        for subtree in Tlvs::new(content_of(subtrees?, 0xA0)?, REFUSED.0) {
            let base = Tlvs::new(content_of(subtree?, 0x30)?, REFUSED.0).next().ok_or(REFUSED)??;
            names.push(Name::parse(content_of(base, 0xA4)?)?);
        }
    }
    Ok(names)
}

pub(super) fn content_of(tlv: Tlv<'_>, tag: u32) -> Result<&[u8], Malformed> {
    (tlv.tag == tag).then_some(tlv.content).ok_or(NAME)
}
