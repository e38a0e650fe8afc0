//! May this eUICC, in this device, hold this Profile (SGP.22 3.1.3 step 5, annex F).
use super::lifecycle::Ineligible;
use super::package::Version;
use crate::asn1::{DeviceInfo, EuiccInfo2, Metadata, ProfileClass};
use crate::types::Malformed;
use crate::types::StatusCode;

/// Bits of rspCapability (EUICCInfo2): one more Profile can be installed; Test Profiles are supported.
const ADDITIONAL_PROFILE: u8 = 0x80;
const TEST_PROFILE_SUPPORT: u8 = 0x10;

/// What an operator asks of the eUICC and of the device. The device speaks through the LPA: a rule about it keeps
/// honest customers from a Profile that would not serve them, and nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// If not empty: only devices whose TAC begins with one of these.
    pub tac_allow: Vec<TacPrefix>,
    /// Never devices whose TAC begins with one of these.
    pub tac_deny: Vec<TacPrefix>,
    pub device: Vec<DeviceRule>,
    /// The eUICC's profileVersion must not be below the version of the package.
    pub profile_version: bool,
    /// The least ppVersion of the eUICC.
    pub pp_version_min: Option<[u8; 3]>,
    /// If not empty: only eUICCs of these categories.
    pub euicc_category: Vec<EuiccCategory>,
    /// A Profile of class test needs testProfileSupport.
    pub test_profile_support: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            tac_allow: Vec::new(),
            tac_deny: Vec::new(),
            device: Vec::new(),
            profile_version: true,
            pp_version_min: None,
            euicc_category: Vec::new(),
            test_profile_support: true,
        }
    }
}

/// One to eight digits with which a TAC begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TacPrefix(String);

impl TacPrefix {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fits = (1..=8).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| Self(text.to_owned())).ok_or(Malformed("a TAC: one to eight digits"))
    }
}

/// A capability that the device must state, and its least release: `nr`, `eutran >= 13`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRule {
    name: &'static str,
    /// Any of these members of DeviceCapabilities is enough.
    tags: &'static [u32],
    release_min: u8,
}

/// Names of DeviceCapabilities, without `SupportedRelease` and such; and two that say several at once.
const CAPABILITIES: [(&str, &[u32]); 12] = [
    ("gsm", &[0x80]),
    ("utran", &[0x81]),
    ("cdma2000onex", &[0x82]),
    ("cdma2000hrpd", &[0x83]),
    ("cdma2000ehrpd", &[0x84]),
    ("eutran", &[0x85, 0x8A]),
    ("contactless", &[0x86]),
    ("rspCrl", &[0x87]),
    ("nrEpc", &[0x88]),
    ("nr5gc", &[0x89]),
    ("eutran5gc", &[0x8A]),
    ("nr", &[0x88, 0x89]),
];

impl DeviceRule {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        const FORM: Malformed = Malformed("a device rule: a capability such as \"nr\", or \"eutran >= 13\"");
        let (name, release) = text.split_once(">=").map_or((text, None), |(name, least)| (name, Some(least)));
        let known = CAPABILITIES.iter().find(|(known, _)| *known == name.trim());
        let (name, tags) = known.ok_or(FORM)?;
        let release_min = release.map_or(Ok(0), |least| least.trim().parse().map_err(|_| FORM))?;
        Ok(Self { name, tags, release_min })
    }

    fn holds(&self, device: &DeviceInfo) -> bool {
        self.tags.iter().any(|tag| device.release(*tag).is_some_and(|[major, ..]| major >= self.release_min))
    }

    fn missing(&self) -> String {
        match self.release_min {
            0 => format!("the device states no {}", self.name),
            least => format!("the device states no {} of release {least} or later", self.name),
        }
    }
}

/// euiccCategory of EUICCInfo2 (annex H).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EuiccCategory {
    Other,
    Basic,
    Medium,
    Contactless,
}

impl EuiccCategory {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "other" => Ok(Self::Other),
            "basicEuicc" => Ok(Self::Basic),
            "mediumEuicc" => Ok(Self::Medium),
            "contactlessEuicc" => Ok(Self::Contactless),
            _ => Err(Malformed("an eUICC category: other, basicEuicc, mediumEuicc or contactlessEuicc")),
        }
    }

    fn of(code: Option<u8>) -> Option<Self> {
        match code? {
            0 => Some(Self::Other),
            1 => Some(Self::Basic),
            2 => Some(Self::Medium),
            3 => Some(Self::Contactless),
            _ => None,
        }
    }
}

/// The Profile that is asked for.
#[derive(Debug)]
pub struct Candidate<'a> {
    pub metadata: &'a Metadata,
    /// The size of the Profile Package.
    pub octets: u64,
    /// The version in its ProfileHeader, if it was noted at import.
    pub version: Option<Version>,
}

/// Why the eUICC may not have the Profile, if so.
pub fn eligibility(
    profile: &Candidate<'_>,
    euicc: &EuiccInfo2,
    device: &DeviceInfo,
    rules: &Rules,
) -> Option<Ineligible> {
    let never = |why| Ineligible { status: StatusCode::NOT_ELIGIBLE, why, terminal: true };
    // What `now` says passes when the user deletes another Profile, so the order lives on.
    let now = |status, why: &str| Some(Ineligible { status, why: why.to_owned(), terminal: false });
    let forbidden = unfit_euicc(profile, euicc, rules).or_else(|| unfit_device(device, rules));
    if forbidden.is_some() {
        return forbidden.map(never);
    }
    if !euicc.is_capable(ADDITIONAL_PROFILE) {
        return now(StatusCode::NOT_ELIGIBLE, "it cannot hold one more profile now");
    }
    if euicc.free_nvm.is_some_and(|free| free < profile.octets) {
        return now(StatusCode::EUICC_MEMORY, "it has too little free memory");
    }
    None
}

fn unfit_euicc(profile: &Candidate<'_>, euicc: &EuiccInfo2, rules: &Rules) -> Option<String> {
    let (wanted, forbidden) = (profile.metadata.pprs, euicc.forbidden_pprs);
    if (wanted.ppr1 && forbidden.ppr1) || (wanted.ppr2 && forbidden.ppr2) {
        return Some("it forbids a profile policy rule of this profile".to_owned());
    }
    let supported = euicc.profile_version;
    if let Some(Version { major, minor }) = profile.version
        && rules.profile_version
        && (supported.major, supported.minor) < (major, minor)
    {
        return Some(format!("the package is of version {major}.{minor}, the eUICC reads up to {supported}"));
    }
    let pp_version = euicc.pp_version;
    if let Some(least) = rules.pp_version_min
        && [pp_version.major, pp_version.minor, pp_version.patch] < least
    {
        let [major, minor, patch] = least;
        return Some(format!("its ppVersion is {pp_version}, at least {major}.{minor}.{patch} is asked for"));
    }
    let category = EuiccCategory::of(euicc.category);
    if !rules.euicc_category.is_empty() && !category.is_some_and(|own| rules.euicc_category.contains(&own)) {
        return Some("its euiccCategory is not one of those asked for".to_owned());
    }
    let is_test = profile.metadata.class == ProfileClass::Test;
    if is_test && rules.test_profile_support && !euicc.is_capable(TEST_PROFILE_SUPPORT) {
        return Some("it does not support test profiles".to_owned());
    }
    None
}

fn unfit_device(device: &DeviceInfo, rules: &Rules) -> Option<String> {
    let tac = device.tac_digits();
    let is_in = |list: &[TacPrefix]| list.iter().any(|prefix| tac.starts_with(&prefix.0));
    if is_in(&rules.tac_deny) {
        return Some(format!("devices of TAC {tac} are excluded"));
    }
    if !rules.tac_allow.is_empty() && !is_in(&rules.tac_allow) {
        return Some(format!("devices of TAC {tac} are not among those allowed"));
    }
    rules.device.iter().find(|rule| !rule.holds(device)).map(DeviceRule::missing)
}

impl EuiccInfo2 {
    /// A bit of the first octet of rspCapability; before it stands the count of unused bits. An eUICC that says
    /// nothing is believed capable.
    fn is_capable(&self, bit: u8) -> bool {
        self.rsp_capability.get(1).is_none_or(|octet| octet & bit != 0)
    }
}
