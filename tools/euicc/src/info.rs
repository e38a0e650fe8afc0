//! What the eUICC says of itself: EUICCInfo1 and EUICCInfo2 (SGP.22 sections 5.7.8 and 4.3).

use serde::{Deserialize, Serialize};

use crate::tlv;
use crate::x509::Certificate;

/// rspCapability bits, counted from the left.
pub const ADDITIONAL_PROFILE: u8 = 0x80;
pub const TEST_PROFILE_SUPPORT: u8 = 0x10;

/// The adjustable parts of EUICCInfo1 and EUICCInfo2.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    pub profile_version: [u8; 3],
    pub svn: [u8; 3],
    pub firmware: [u8; 3],
    pub free_memory_bytes: u32,
    pub free_ram_bytes: u32,
    /// UICCCapability, a BIT STRING with its count of unused bits.
    pub uicc_capability: Vec<u8>,
    pub rsp_capability: u8,
    /// Octet of forbiddenProfilePolicyRules: `0x40` ppr1, `0x20` ppr2.
    pub forbidden_pprs: u8,
    pub pp_version: [u8; 3],
    /// euiccCategory, when it is stated.
    pub category: Option<u8>,
    pub sas_accreditation: String,
    /// Key identifiers shown in place of those of the trusted issuers.
    pub ci_for_verification: Option<Vec<Vec<u8>>>,
    pub ci_for_signing: Option<Vec<Vec<u8>>>,
    /// Further elements put at the end of EUICCInfo2 as they are.
    #[serde(with = "crate::hex")]
    pub extra: Vec<u8>,
}

impl Default for Info {
    fn default() -> Self {
        Self {
            profile_version: [2, 3, 1],
            svn: [2, 2, 2],
            firmware: [1, 0, 0],
            free_memory_bytes: 512 * 1024,
            free_ram_bytes: 16 * 1024,
            uicc_capability: vec![6, 0x7F, 0x36, 0xC0],
            rsp_capability: ADDITIONAL_PROFILE | TEST_PROFILE_SUPPORT,
            forbidden_pprs: 0,
            pp_version: [1, 0, 0],
            category: None,
            sas_accreditation: "TEST-EUICC-0001".to_owned(),
            ci_for_verification: None,
            ci_for_signing: None,
            extra: Vec::new(),
        }
    }
}

impl Info {
    pub fn info1(&self, issuers: &[Certificate]) -> Vec<u8> {
        tlv::nest(0xBF20, &[&tlv::write(0x82, &self.svn), &self.issuer_lists(issuers)])
    }

    /// euiccCiPKIdListForVerification and euiccCiPKIdListForSigning.
    fn issuer_lists(&self, issuers: &[Certificate]) -> Vec<u8> {
        let list = |tag, shown: &Option<Vec<Vec<u8>>>| {
            let own = || issuers.iter().map(|issuer| issuer.subject_key_id.clone()).collect();
            let ids: Vec<u8> =
                shown.clone().unwrap_or_else(own).iter().flat_map(|id| tlv::write(0x04, id)).collect();
            tlv::write(tag, &ids)
        };
        [list(0xA9, &self.ci_for_verification), list(0xAA, &self.ci_for_signing)].concat()
    }

    pub fn info2(&self, issuers: &[Certificate], svn: [u8; 3]) -> Vec<u8> {
        let resources = [
            tlv::write(0x81, &[0]),
            tlv::write(0x82, &self.free_memory_bytes.to_be_bytes()),
            tlv::write(0x83, &self.free_ram_bytes.to_be_bytes()),
        ]
        .concat();
        let mut parts = vec![
            tlv::write(0x81, &self.profile_version),
            tlv::write(0x82, &svn),
            tlv::write(0x83, &self.firmware),
            tlv::write(0x84, &resources),
            tlv::write(0x85, &self.uicc_capability),
            tlv::write(0x88, &named_bits(self.rsp_capability)),
            self.issuer_lists(issuers),
        ];
        parts.extend(self.category.map(|category| tlv::write(0x8B, &[category])));
        if self.forbidden_pprs != 0 {
            parts.push(tlv::write(0x99, &named_bits(self.forbidden_pprs)));
        }
        parts.push(tlv::write(0x04, &self.pp_version));
        parts.push(tlv::write(0x0C, self.sas_accreditation.as_bytes()));
        parts.push(self.extra.clone());
        tlv::write(0xBF22, &parts.concat())
    }
}

/// A named-bit BIT STRING of at most eight bits: DER drops the zeros at its end.
pub fn named_bits(bits: u8) -> Vec<u8> {
    if bits == 0 {
        return vec![0];
    }
    vec![u8::try_from(bits.trailing_zeros()).unwrap_or(0), bits]
}

/// The same, read: any count of unused bits is accepted.
pub fn read_named_bits(content: &[u8]) -> u8 {
    content.get(1).copied().unwrap_or(0)
}
