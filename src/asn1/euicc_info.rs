//! What an eUICC tells about itself: EUICCInfo1 and EUICCInfo2 (SGP.22 5.7.8).
use std::fmt;

use serde::{Deserialize, Serialize};

use super::bits::{Pprs, exactly};
use super::tlv::{Members, Tlv, Tlvs, message, split, tlv};
use crate::types::Malformed;
use crate::types::hex;

/// Most CI keys that we read of one eUICC; real ones name fewer than five.
const KEY_IDS_MAX: usize = 32;

/// A version of SGP.22.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Svn {
    pub major: u8,
    pub minor: u8,
    pub patch: u8,
}

impl Svn {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let [major, minor, patch] = exactly(content, "version")?;
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for Svn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A key by its subject key identifier: how SGP.22 names a CI.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(Vec<u8>);

impl KeyId {
    pub fn from_octets(octets: &[u8]) -> Result<Self, Malformed> {
        (1..=64).contains(&octets.len()).then(|| Self(octets.to_vec())).ok_or(Malformed("key identifier"))
    }

    /// Reads hexadecimal text in either case.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::from_octets(&hex::decode(text).ok_or(Malformed("key identifier"))?)
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl TryFrom<String> for KeyId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<KeyId> for String {
    fn from(value: KeyId) -> Self {
        value.to_string()
    }
}

/// euiccCiPKIdToBeUsed as the JSON binding carries it: `04 14 …`.
pub fn ci_pk_id_tlv(ci: &KeyId) -> Vec<u8> {
    tlv(&[0x04], ci.octets())
}

/// What InitiateAuthentication is told: version and CIs, in the eUICC's order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EuiccInfo1 {
    pub svn: Svn,
    pub ci_for_verification: Vec<KeyId>,
    pub ci_for_signing: Vec<KeyId>,
}

impl EuiccInfo1 {
    pub fn decode(received: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(message(received, 0xBF20, "euiccInfo1")?, "euiccInfo1");
        let info = Self {
            svn: Svn::decode(members.required(0x82)?.content)?,
            ci_for_verification: key_ids(members.required(0xA9)?)?,
            ci_for_signing: key_ids(members.required(0xAA)?)?,
        };
        members.end()?;
        Ok(info)
    }
}

/// What the eUICC signs about itself; eligibility is decided on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EuiccInfo2 {
    pub profile_version: Svn,
    pub svn: Svn,
    /// Free memory for Profiles, if the eUICC states it in a form that we understand.
    pub free_nvm: Option<u64>,
    /// The BIT STRING as received, its count of unused bits first.
    pub uicc_capability: Vec<u8>,
    /// As `uicc_capability`.
    pub rsp_capability: Vec<u8>,
    pub ci_for_verification: Vec<KeyId>,
    pub ci_for_signing: Vec<KeyId>,
    /// euiccCategory, if it is stated.
    pub category: Option<u8>,
    pub forbidden_pprs: Pprs,
    pub pp_version: Svn,
}

impl EuiccInfo2 {
    pub(super) fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "euiccInfo2");
        let profile_version = Svn::decode(members.required(0x81)?.content)?;
        let svn = Svn::decode(members.required(0x82)?.content)?;
        members.required(0x83)?; // euiccFirmwareVer
        let free_nvm = free_nvm(members.required(0x84)?.content);
        let uicc_capability = bit_string(members.required(0x85)?)?;
        members.optional(0x86)?; // ts102241Version
        members.optional(0x87)?; // globalplatformVersion
        let rsp_capability = bit_string(members.required(0x88)?)?;
        let ci_for_verification = key_ids(members.required(0xA9)?)?;
        let ci_for_signing = key_ids(members.required(0xAA)?)?;
        let category =
            members.optional(0x8B)?.and_then(|tlv| super::bits::code(tlv.content, "euiccCategory").ok());
        let forbidden_pprs = members.optional(0x99)?;
        let forbidden_pprs = forbidden_pprs.map(|tlv| Pprs::decode(tlv.content)).transpose()?;
        let pp_version = Svn::decode(members.required(0x04)?.content)?;
        members.required(0x0C)?; // sasAcreditationNumber
        members.optional(0xAC)?; // certificationDataObject
        members.end()?;
        Ok(Self {
            profile_version,
            svn,
            free_nvm,
            uicc_capability,
            rsp_capability,
            ci_for_verification,
            ci_for_signing,
            category,
            forbidden_pprs: forbidden_pprs.unwrap_or_default(),
            pp_version,
        })
    }
}

/// The octets of extCardResource are ETSI TS 102 226's, not DER of this module: what is odd there is not refused.
fn free_nvm(ext_card_resource: &[u8]) -> Option<u64> {
    let resources = split(ext_card_resource).ok()?;
    let free = resources.iter().find(|resource| resource.tag == 0x82)?;
    let significant = free.content.iter().copied().skip_while(|octet| *octet == 0);
    let significant: Vec<u8> = significant.collect();
    (significant.len() <= 8)
        .then(|| significant.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

fn bit_string(received: Tlv<'_>) -> Result<Vec<u8>, Malformed> {
    super::bits::named_bits(received.content, "capability")?;
    Ok(received.content.to_vec())
}

fn key_ids(list: Tlv<'_>) -> Result<Vec<KeyId>, Malformed> {
    let mut ids = Vec::new();
    for id in Tlvs::new(list.content, "CI list") {
        let id = id?;
        if id.tag != 0x04 || ids.len() >= KEY_IDS_MAX {
            return Err(Malformed("CI list"));
        }
        ids.push(KeyId::from_octets(id.content)?);
    }
    Ok(ids)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::asn1::hostile;

    /// SVN 2.2.2; one CI in each list: F5…C3.
    const INFO1: &str = concat!(
        "BF2035",
        "8203020202",
        "A916",
        "0414F54172BDF98A95D65CBEB88A38A1C11D800A85C3",
        "AA16",
        "0414F54172BDF98A95D65CBEB88A38A1C11D800A85C3",
    );

    pub(in crate::asn1) fn info2() -> Vec<u8> {
        let ci = hex::decode("0414F54172BDF98A95D65CBEB88A38A1C11D800A85C3").unwrap();
        let part = |text: &str| hex::decode(text).unwrap();
        let content = [
            part("8103020301"),
            part("8203020202"),
            part("830304080A"),
            part("840E81010282040004735283030020").into_iter().chain([0x00]).collect(),
            part("850305FBE0"),
            part("8603090200"),
            part("8703020300"),
            part("88020490"),
            tlv(&[0xA9], &ci),
            tlv(&[0xAA], &ci),
            part("99020640"),
            part("0403010000"),
            part("0C0454455354"),
        ];
        tlv(&[0xBF, 0x22], &content.concat())
    }

    #[test]
    fn euicc_info1_is_read() {
        let info = EuiccInfo1::decode(&hex::decode(INFO1).unwrap()).unwrap();
        assert_eq!(info.svn.to_string(), "2.2.2");
        assert_eq!(info.ci_for_signing, info.ci_for_verification);
        assert_eq!(info.ci_for_signing.len(), 1);
        assert_eq!(info.ci_for_signing[0].to_string(), "F54172BDF98A95D65CBEB88A38A1C11D800A85C3");
        assert_eq!(ci_pk_id_tlv(&info.ci_for_signing[0])[..3], [0x04, 0x14, 0xF5]);
    }

    #[test]
    fn euicc_info2_is_read_with_its_free_memory_and_forbidden_rules() {
        let received = info2();
        let info = EuiccInfo2::decode(message(&received, 0xBF22, "").unwrap()).unwrap();
        assert_eq!(
            (info.profile_version.to_string(), info.svn.to_string()),
            ("2.3.1".into(), "2.2.2".into())
        );
        assert_eq!(info.free_nvm, Some(291_666));
        assert_eq!(info.forbidden_pprs, Pprs { ppr1: true, ppr2: false });
        assert_eq!(info.rsp_capability, [4, 0x90]);
    }

    #[test]
    fn a_card_resource_in_another_form_states_no_free_memory() {
        assert_eq!(free_nvm(&[0x82, 0x02, 0x01]), None);
        assert_eq!(free_nvm(&[0x81, 0x01, 0x05]), None);
        assert_eq!(free_nvm(&[0x82, 0x01, 0x05]), Some(5));
        assert_eq!(free_nvm(&[0x82, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn members_of_a_later_version_are_skipped() {
        let content = message(&hex::decode(INFO1).unwrap(), 0xBF20, "").unwrap().to_vec();
        let longer = tlv(&[0xBF, 0x20], &[&content[..], &[0x93, 0x03, 3, 1, 0]].concat());
        assert_eq!(EuiccInfo1::decode(&longer).unwrap().svn.major, 2);
        let repeated = tlv(&[0xBF, 0x20], &[&content[..], &[0x82, 0x03, 3, 1, 0]].concat());
        assert!(EuiccInfo1::decode(&repeated).is_err());
    }

    #[test]
    fn a_cut_or_changed_euicc_info1_never_panics() {
        hostile::attack(&hex::decode(INFO1).unwrap(), EuiccInfo1::decode);
    }
}
