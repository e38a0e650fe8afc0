//! Profile metadata, the content of StoreMetadataRequest (SGP.22 section 5.5.3).

use serde::{Deserialize, Serialize};

use crate::hex;
use crate::info::read_named_bits;
use crate::tlv::{self, Tlv};

const SERVICE_PROVIDER_CHARS_MAX: usize = 32;
const PROFILE_NAME_CHARS_MAX: usize = 64;
const ICON_BYTES_MAX: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Test,
    Provisioning,
    Operational,
}

/// When a notification is due; the number is the bit in notificationEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Install,
    Enable,
    Disable,
    Delete,
}

impl Event {
    pub const ALL: [Self; 4] = [Self::Install, Self::Enable, Self::Disable, Self::Delete];

    pub fn bit(self) -> u8 {
        match self {
            Self::Install => 0x80,
            Self::Enable => 0x40,
            Self::Disable => 0x20,
            Self::Delete => 0x10,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Metadata {
    /// As in EF.ICCID, nibbles swapped.
    #[serde(with = "crate::hex")]
    pub iccid: Vec<u8>,
    pub service_provider: String,
    pub profile_name: String,
    pub class: Class,
    pub notifications: Vec<(Event, String)>,
    pub icon_bytes: Option<usize>,
    /// mccMnc of the profileOwner as coded.
    pub owner: Option<String>,
    /// Octet of profilePolicyRules: `0x40` ppr1, `0x20` ppr2.
    pub pprs: u8,
    #[serde(with = "crate::hex")]
    pub raw: Vec<u8>,
}

impl Metadata {
    pub fn parse(bytes: &[u8]) -> Result<Self, tlv::Error> {
        let outer = Tlv::parse(bytes, 0xBF25)?;
        let iccid = outer.child(0x5A)?.value;
        if iccid.len() != 10 {
            return Err(tlv::Error::Value(0x5A));
        }
        let metadata = Self {
            iccid: iccid.to_vec(),
            service_provider: short_text(&outer, 0x91, SERVICE_PROVIDER_CHARS_MAX)?,
            profile_name: short_text(&outer, 0x92, PROFILE_NAME_CHARS_MAX)?,
            class: class(&outer)?,
            notifications: notifications(&outer)?,
            icon_bytes: icon(&outer)?,
            owner: owner(&outer)?,
            pprs: outer.find(0x99)?.map_or(0, |bits| read_named_bits(bits.value)),
            raw: bytes.to_vec(),
        };
        // 5.5.3: rules are only for a Profile whose owner is named.
        if metadata.pprs != 0 && metadata.owner.is_none() {
            return Err(tlv::Error::Missing(0xB7));
        }
        Ok(metadata)
    }

    pub fn ppr1(&self) -> bool {
        self.pprs & 0x40 != 0
    }

    pub fn ppr2(&self) -> bool {
        self.pprs & 0x20 != 0
    }

    /// The digits of the ICCID, without filler.
    pub fn iccid_digits(&self) -> String {
        iccid_digits(&self.iccid)
    }
}

/// The digits of an ICCID coded as in EF.ICCID.
pub fn iccid_digits(coded: &[u8]) -> String {
    hex::encode(&hex::swap_nibbles(coded)).trim_end_matches('F').to_owned()
}

/// The coding in EF.ICCID of 19 or 20 digits.
pub fn iccid_coded(digits: &str) -> Option<Vec<u8>> {
    if !digits.chars().all(|c| c.is_ascii_digit()) || !(19..=20).contains(&digits.len()) {
        return None;
    }
    Some(hex::swap_nibbles(&hex::decode(&format!("{digits:F<20}"))?))
}

fn short_text(outer: &Tlv<'_>, tag: tlv::Tag, chars_max: usize) -> Result<String, tlv::Error> {
    let text = outer.child(tag)?.text()?;
    if text.chars().count() > chars_max { Err(tlv::Error::Value(tag)) } else { Ok(text.to_owned()) }
}

fn class(outer: &Tlv<'_>) -> Result<Class, tlv::Error> {
    let Some(element) = outer.find(0x95)? else { return Ok(Class::Operational) };
    match element.value {
        [0] => Ok(Class::Test),
        [1] => Ok(Class::Provisioning),
        [2] => Ok(Class::Operational),
        _ => Err(tlv::Error::Value(0x95)),
    }
}

fn icon(outer: &Tlv<'_>) -> Result<Option<usize>, tlv::Error> {
    let kind = outer.find(0x93)?;
    let Some(icon) = outer.find(0x94)? else {
        return if kind.is_some() { Err(tlv::Error::Missing(0x94)) } else { Ok(None) };
    };
    let kind = kind.ok_or(tlv::Error::Missing(0x93))?;
    if !matches!(kind.value, [0 | 1]) {
        return Err(tlv::Error::Value(0x93));
    }
    if icon.value.len() > ICON_BYTES_MAX { Err(tlv::Error::Value(0x94)) } else { Ok(Some(icon.value.len())) }
}

fn owner(outer: &Tlv<'_>) -> Result<Option<String>, tlv::Error> {
    let Some(owner) = outer.find(0xB7)? else { return Ok(None) };
    let code = owner.child(0x80)?;
    // 'E' is a wildcard in the eUICC's rules; an owner has none.
    if code.value.len() != 3 || code.value.iter().any(|o| o & 0x0F == 0x0E || o >> 4 == 0x0E) {
        return Err(tlv::Error::Value(0x80));
    }
    Ok(Some(hex::encode(code.value)))
}

fn notifications(outer: &Tlv<'_>) -> Result<Vec<(Event, String)>, tlv::Error> {
    let Some(list) = outer.find(0xB6)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in list.children()? {
        let bits = read_named_bits(entry.child(0x80)?.value);
        let address = entry.child(0x81)?.text()?;
        found.extend(Event::ALL.into_iter().filter(|e| e.bit() & bits != 0).map(|e| (e, address.to_owned())));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(more: &[Vec<u8>]) -> Vec<u8> {
        let iccid = iccid_coded("8900012345678901234").unwrap();
        let mut parts =
            vec![tlv::write(0x5A, &iccid), tlv::write(0x91, b"Telecom"), tlv::write(0x92, b"Plan")];
        parts.extend_from_slice(more);
        tlv::write(0xBF25, &parts.concat())
    }

    #[test]
    fn nineteen_digits_come_back_without_their_filler() {
        let read = Metadata::parse(&metadata(&[])).unwrap();
        assert_eq!(read.iccid_digits(), "8900012345678901234");
        assert_eq!(read.class, Class::Operational);
    }

    #[test]
    fn an_event_of_two_bits_is_two_notifications() {
        let entry = tlv::nest(0x30, &[&tlv::write(0x80, &[4, 0x90]), &tlv::write(0x81, b"a.example")]);
        let read = Metadata::parse(&metadata(&[tlv::write(0xB6, &entry)])).unwrap();
        let expected = [(Event::Install, "a.example".to_owned()), (Event::Delete, "a.example".to_owned())];
        assert_eq!(read.notifications, expected);
    }

    #[test]
    fn an_icon_over_1024_octets_or_without_type_is_refused() {
        let kind = tlv::write(0x93, &[1]);
        assert!(Metadata::parse(&metadata(&[kind.clone(), tlv::write(0x94, &[0; 1024])])).is_ok());
        assert!(Metadata::parse(&metadata(&[kind, tlv::write(0x94, &[0; 1025])])).is_err());
        assert!(Metadata::parse(&metadata(&[tlv::write(0x94, &[0; 10])])).is_err());
    }

    #[test]
    fn policy_rules_without_an_owner_are_refused() {
        let rules = tlv::write(0x99, &[6, 0x40]);
        let owner = tlv::write(0xB7, &tlv::write(0x80, &[0x42, 0xF6, 0x18]));
        assert!(Metadata::parse(&metadata(std::slice::from_ref(&rules))).is_err());
        assert!(Metadata::parse(&metadata(&[owner, rules])).unwrap().ppr1());
    }
}
