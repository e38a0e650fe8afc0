//! The metadata of a Profile: ES8+.StoreMetadata (SGP.22 5.5.3).
use super::bits::{NotificationEvents, Pprs, code, exactly, text};
use super::tlv::{Members, Tlvs, message, tlv};
use crate::types::Iccid;
use crate::types::Malformed;

const NAME: &str = "profileMetadata";
const SERVICE_PROVIDER_NAME_CHARACTERS_MAX: usize = 32;
const PROFILE_NAME_CHARACTERS_MAX: usize = 64;
const ICON_OCTETS_MAX: usize = 1024;

/// Most addresses that one Profile notifies; the standard sets no limit.
const NOTIFICATION_ADDRESSES_MAX: usize = 32;

/// What the End User sees of a Profile, and who is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    pub iccid: Iccid,
    pub service_provider_name: String,
    pub profile_name: String,
    pub icon: Option<Icon>,
    pub class: ProfileClass,
    pub notification_addresses: Vec<NotificationAddress>,
    pub owner: Option<Owner>,
    pub pprs: Pprs,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon {
    pub kind: IconKind,
    pub octets: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IconKind {
    Jpg,
    Png,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileClass {
    Test,
    Provisioning,
    Operational,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationAddress {
    pub events: NotificationEvents,
    pub address: String,
}

/// The operator a Profile belongs to, as the eUICC compares it with its Rules Authorisation Table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub mcc_mnc: [u8; 3],
    pub gid1: Option<Vec<u8>>,
    pub gid2: Option<Vec<u8>>,
}

/// Which member of the metadata breaks which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error("serviceProviderName is longer than 32 characters")]
    ServiceProviderNameLong,
    #[error("profileName is longer than 64 characters")]
    ProfileNameLong,
    #[error("icon is empty")]
    IconEmpty,
    #[error("icon is larger than 1024 octets")]
    IconLarge,
    #[error("icon is not an image of its iconType")]
    IconOfOtherType,
    #[error("notificationConfigurationInfo has an entry without an address or without an event")]
    NotificationAddressEmpty,
    #[error("notificationConfigurationInfo has more than 32 entries")]
    NotificationAddressesMany,
    #[error("profileOwner is missing: it is mandatory with profilePolicyRules")]
    OwnerMissing,
    #[error("profileOwner has a wildcard ('E') in mccMnc: not allowed with profilePolicyRules")]
    OwnerWildcard,
}

impl Metadata {
    pub fn encode(&self) -> Vec<u8> {
        let addresses: Vec<u8> =
            self.notification_addresses.iter().flat_map(NotificationAddress::encode).collect();
        let mut content = [
            tlv(&[0x5A], &self.iccid.swapped()),
            tlv(&[0x91], self.service_provider_name.as_bytes()),
            tlv(&[0x92], self.profile_name.as_bytes()),
        ]
        .concat();
        if let Some(icon) = &self.icon {
            content.extend(tlv(&[0x93], &[icon.kind.code()]));
            content.extend(tlv(&[0x94], &icon.octets));
        }
        match self.class {
            ProfileClass::Test => content.extend(tlv(&[0x95], &[0])),
            ProfileClass::Provisioning => content.extend(tlv(&[0x95], &[1])),
            ProfileClass::Operational => {} // DER leaves a DEFAULT out
        }
        if !addresses.is_empty() {
            content.extend(tlv(&[0xB6], &addresses));
        }
        content.extend(self.owner.iter().flat_map(Owner::encode));
        if !self.pprs.is_empty() {
            content.extend(self.pprs.encode(&[0x99]));
        }
        tlv(&[0xBF, 0x25], &content)
    }

    pub fn decode(received: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(message(received, 0xBF25, NAME)?, NAME);
        let iccid = Iccid::from_swapped(members.required(0x5A)?.content)?;
        let service_provider_name = text(members.required(0x91)?.content, "serviceProviderName")?;
        let profile_name = text(members.required(0x92)?.content, "profileName")?;
        let icon_kind = members.optional(0x93)?.map(|tlv| IconKind::decode(tlv.content)).transpose()?;
        let icon_octets = members.optional(0x94)?.map(|tlv| tlv.content.to_vec());
        let class = members.optional(0x95)?.map(|tlv| ProfileClass::decode(tlv.content)).transpose()?;
        let addresses = members.optional(0xB6)?.map(|tlv| NotificationAddress::decode_list(tlv.content));
        let owner = members.optional(0xB7)?.map(|tlv| Owner::decode(tlv.content)).transpose()?;
        let pprs = members.optional(0x99)?.map(|tlv| Pprs::decode(tlv.content)).transpose()?;
        members.end()?;
        let icon = match (icon_kind, icon_octets) {
            (Some(kind), Some(octets)) => Some(Icon { kind, octets }),
            (Some(_) | None, None) => None,
            (None, Some(_)) => return Err(Malformed("iconType")),
        };
        Ok(Self {
            iccid,
            service_provider_name,
            profile_name,
            icon,
            class: class.unwrap_or(ProfileClass::Operational),
            notification_addresses: addresses.transpose()?.unwrap_or_default(),
            owner,
            pprs: pprs.unwrap_or_default(),
        })
    }

    /// The rules of 5.5.3 and 2.9 that the form alone does not hold.
    pub fn check(&self) -> Result<(), MetadataError> {
        // The limits count characters, not octets (2.8.2).
        if self.service_provider_name.chars().count() > SERVICE_PROVIDER_NAME_CHARACTERS_MAX {
            return Err(MetadataError::ServiceProviderNameLong);
        }
        if self.profile_name.chars().count() > PROFILE_NAME_CHARACTERS_MAX {
            return Err(MetadataError::ProfileNameLong);
        }
        if let Some(icon) = &self.icon {
            icon.check()?;
        }
        if self.notification_addresses.len() > NOTIFICATION_ADDRESSES_MAX {
            return Err(MetadataError::NotificationAddressesMany);
        }
        let none = NotificationEvents::of(&[]);
        if self.notification_addresses.iter().any(|entry| entry.address.is_empty() || entry.events == none) {
            return Err(MetadataError::NotificationAddressEmpty);
        }
        match &self.owner {
            Some(owner) if owner.has_wildcard() && !self.pprs.is_empty() => Err(MetadataError::OwnerWildcard),
            None if !self.pprs.is_empty() => Err(MetadataError::OwnerMissing),
            Some(_) | None => Ok(()),
        }
    }
}

impl Icon {
    fn check(&self) -> Result<(), MetadataError> {
        let starts: &[u8] = match self.kind {
            IconKind::Jpg => &[0xFF, 0xD8],
            IconKind::Png => &[0x89, b'P', b'N', b'G'],
        };
        if self.octets.is_empty() {
            return Err(MetadataError::IconEmpty);
        }
        if self.octets.len() > ICON_OCTETS_MAX {
            return Err(MetadataError::IconLarge);
        }
        self.octets.starts_with(starts).then_some(()).ok_or(MetadataError::IconOfOtherType)
    }
}

impl IconKind {
    const fn code(self) -> u8 {
        match self {
            Self::Jpg => 0,
            Self::Png => 1,
        }
    }

    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        match code(content, "iconType")? {
            0 => Ok(Self::Jpg),
            1 => Ok(Self::Png),
            _ => Err(Malformed("iconType")),
        }
    }
}

impl ProfileClass {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        match code(content, "profileClass")? {
            0 => Ok(Self::Test),
            1 => Ok(Self::Provisioning),
            2 => Ok(Self::Operational),
            _ => Err(Malformed("profileClass")),
        }
    }
}

impl NotificationAddress {
    fn encode(&self) -> Vec<u8> {
        tlv(&[0x30], &[self.events.encode(&[0x80]), tlv(&[0x81], self.address.as_bytes())].concat())
    }

    fn decode_list(content: &[u8]) -> Result<Vec<Self>, Malformed> {
        const NAME: &str = "notificationConfigurationInfo";
        let mut list = Vec::new();
        for entry in Tlvs::new(content, NAME) {
            let entry = entry?;
            if entry.tag != 0x30 || list.len() >= NOTIFICATION_ADDRESSES_MAX {
                return Err(Malformed(NAME));
            }
            let mut members = Members::of(entry.content, NAME);
            let events = NotificationEvents::decode(members.required(0x80)?.content)?;
            let address = text(members.required(0x81)?.content, NAME)?;
            members.end()?;
            list.push(Self { events, address });
        }
        Ok(list)
    }
}

impl Owner {
    fn encode(&self) -> Vec<u8> {
        let mut content = tlv(&[0x80], &self.mcc_mnc);
        content.extend(self.gid1.iter().flat_map(|gid| tlv(&[0x81], gid)));
        content.extend(self.gid2.iter().flat_map(|gid| tlv(&[0x82], gid)));
        tlv(&[0xB7], &content)
    }

    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "profileOwner");
        let owner = Self {
            mcc_mnc: exactly(members.required(0x80)?.content, "mccMnc")?,
            gid1: members.optional(0x81)?.map(|gid| gid.content.to_vec()),
            gid2: members.optional(0x82)?.map(|gid| gid.content.to_vec()),
        };
        members.end()?;
        Ok(owner)
    }

    fn has_wildcard(&self) -> bool {
        self.mcc_mnc.iter().any(|octet| octet >> 4 == 0xE || octet & 0x0F == 0xE)
    }
}

/// MCC (3 digits) and MNC (2 or 3) as 3GPP TS 24.008 packs them: "246", "81" is `42 F6 18`.
pub fn mcc_mnc(mcc: &str, mnc: &str) -> Result<[u8; 3], Malformed> {
    let malformed = Malformed("MCC or MNC");
    let digit = |text: &str, place: usize| -> Result<u8, Malformed> {
        let octet = text.as_bytes().get(place).filter(|octet| octet.is_ascii_digit());
        octet.map(|octet| octet & 0x0F).ok_or(malformed)
    };
    if mcc.len() != 3 || !matches!(mnc.len(), 2 | 3) {
        return Err(malformed);
    }
    let third = if mnc.len() == 3 { digit(mnc, 2)? } else { 0xF };
    Ok([
        digit(mcc, 1)? << 4 | digit(mcc, 0)?,
        third << 4 | digit(mcc, 2)?,
        digit(mnc, 1)? << 4 | digit(mnc, 0)?,
    ])
}

#[cfg(test)]
mod tests;
