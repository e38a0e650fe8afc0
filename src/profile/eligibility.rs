//! May this eUICC hold this Profile (SGP.22 3.1.3 step 5).
use super::lifecycle::Ineligible;
use crate::asn1::{EuiccInfo2, Metadata};
use crate::types::StatusCode;

/// A bit of rspCapability (EUICCInfo2): one more Profile can be installed.
const ADDITIONAL_PROFILE: u8 = 0x80;

/// Why the eUICC may not have the Profile, if so. `octets` is the size of the Profile Package.
pub fn eligibility(metadata: &Metadata, octets: u64, euicc: &EuiccInfo2) -> Option<Ineligible> {
    let (wanted, forbidden) = (metadata.pprs, euicc.forbidden_pprs);
    if (wanted.ppr1 && forbidden.ppr1) || (wanted.ppr2 && forbidden.ppr2) {
        let why = "it forbids a profile policy rule of this profile";
        return Some(Ineligible { status: StatusCode::NOT_ELIGIBLE, why, terminal: true });
    }
    // What follows passes when the user deletes another Profile, so the order lives on.
    if !euicc.is_capable(ADDITIONAL_PROFILE) {
        let why = "it cannot hold one more profile now";
        return Some(Ineligible { status: StatusCode::NOT_ELIGIBLE, why, terminal: false });
    }
    if euicc.free_nvm.is_some_and(|free| free < octets) {
        let why = "it has too little free memory";
        return Some(Ineligible { status: StatusCode::EUICC_MEMORY, why, terminal: false });
    }
    None
}

impl EuiccInfo2 {
    /// A bit of the first octet of rspCapability; before it stands the count of unused bits. An eUICC that says
    /// nothing is believed capable.
    fn is_capable(&self, bit: u8) -> bool {
        self.rsp_capability.get(1).is_none_or(|octet| octet & bit != 0)
    }
}
