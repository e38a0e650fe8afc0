//! The text of a policy: `[policy]`, `[operator.policy]` and `[profile_type.policy]` have the same members.
use serde::Deserialize;

use crate::profile::DeviceRule;
use crate::profile::EuiccCategory;
use crate::profile::KeyMode;
use crate::profile::Layer;
use crate::profile::RetryAfter;
use crate::profile::Rules;
use crate::profile::TacPrefix;
use crate::time::DAY_MS;
use crate::types::Malformed;
use crate::types::OperatorId;
use crate::types::ProfileType;

/// Longest list of rules: more than anybody writes by hand.
const LIST_MAX: usize = 10_000;

/// `[policy]`: the house's own, and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Text")]
pub struct Policy {
    pub layer: Layer,
    pub session_minutes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { layer: Layer::default(), session_minutes: 15 }
    }
}

/// What is different for one operator or one profile type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Text")]
pub struct Narrower(pub Layer);

/// `[[profile_type]]`: a type by its name, everybody's or one operator's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileTypePolicy {
    pub name: ProfileType,
    pub operator: Option<OperatorId>,
    pub policy: Narrower,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Text {
    download_attempts_max: Option<u32>,
    confirmation_code_attempts_max: Option<u32>,
    order_valid_days: Option<u32>,
    session_minutes: Option<u32>,
    keys: Option<String>,
    rebind: Option<bool>,
    retry_after: Option<Words>,
    eligibility: Option<Eligibility>,
}

/// A word, or a list of names.
#[derive(Deserialize)]
#[serde(untagged, expecting = "retry_after is a word, or a list of names")]
enum Words {
    One(String),
    Many(Vec<String>),
}

/// Whoever says anything of eligibility says all of it; what is left out is the default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Eligibility {
    tac_allow: Vec<String>,
    tac_deny: Vec<String>,
    device: Vec<String>,
    profile_version: Option<bool>,
    pp_version_min: Option<String>,
    euicc_category: Vec<String>,
    test_profile_support: Option<bool>,
}

impl TryFrom<Text> for Policy {
    type Error = Malformed;

    fn try_from(text: Text) -> Result<Self, Malformed> {
        let session_minutes = text.session_minutes.unwrap_or(Self::default().session_minutes);
        Ok(Self { layer: layer(text)?, session_minutes })
    }
}

impl TryFrom<Text> for Narrower {
    type Error = Malformed;

    fn try_from(text: Text) -> Result<Self, Malformed> {
        if text.session_minutes.is_some() {
            return Err(Malformed("session_minutes: it stands in [policy], the same for all"));
        }
        layer(text).map(Self)
    }
}

fn layer(text: Text) -> Result<Layer, Malformed> {
    let retry_after = text.retry_after.map(|words| match words {
        Words::One(word) => RetryAfter::parse(&word),
        Words::Many(names) => RetryAfter::of_names(&names),
    });
    Ok(Layer {
        download_attempts_max: text.download_attempts_max,
        confirmation_code_attempts_max: text.confirmation_code_attempts_max,
        order_valid_ms: text.order_valid_days.map(|days| DAY_MS.saturating_mul(i64::from(days))),
        keys: text.keys.as_deref().map(KeyMode::parse).transpose()?,
        rebind: text.rebind,
        retry_after: retry_after.transpose()?,
        eligibility: text.eligibility.map(rules).transpose()?,
    })
}

fn rules(text: Eligibility) -> Result<Rules, Malformed> {
    let default = Rules::default();
    Ok(Rules {
        tac_allow: list(&text.tac_allow, TacPrefix::parse)?,
        tac_deny: list(&text.tac_deny, TacPrefix::parse)?,
        device: list(&text.device, DeviceRule::parse)?,
        profile_version: text.profile_version.unwrap_or(default.profile_version),
        pp_version_min: text.pp_version_min.as_deref().map(version).transpose()?,
        euicc_category: list(&text.euicc_category, EuiccCategory::parse)?,
        test_profile_support: text.test_profile_support.unwrap_or(default.test_profile_support),
    })
}

fn list<T>(texts: &[String], parse: impl Fn(&str) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    if texts.len() > LIST_MAX {
        return Err(Malformed("a list of more than 10000 rules"));
    }
    texts.iter().map(|text| parse(text)).collect()
}

/// `1.0.0`.
fn version(text: &str) -> Result<[u8; 3], Malformed> {
    let numbers = text.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u8>>>();
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or(Malformed("pp_version_min: such as \"1.0.0\""))
}
