//! One policy for an order (SGP.22 3.1.3, 4.7): from house, operator, profile type and the order itself.
use std::collections::BTreeMap;

use super::Profile;
use super::eligibility::Rules;
use super::order::{Limits, Order};
use crate::event::error_reason;
use crate::time::Timestamp;
use crate::types::Malformed;
use crate::types::OperatorId;
use crate::types::ProfileType;

/// Everything that may be decided differently for one order than for another, and who decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Downloads that may be begun (3.1.3); the next is refused.
    pub download_attempts_max: Set<u32>,
    /// Wrong Confirmation Codes (4.7); the next request is refused.
    pub confirmation_code_attempts_max: Set<u32>,
    /// How long an order stays open; 0 for ever. It is asked when the order is made.
    pub order_valid_ms: Set<i64>,
    pub keys: Set<KeyMode>,
    /// May the Profile be bound anew to another one-time key of the same eUICC (5.6.2)?
    pub rebind: Set<bool>,
    /// After which failed installations the same eUICC may try again.
    pub retry_after: Set<RetryAfter>,
    pub eligibility: Set<Rules>,
}

/// A value, and who set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set<T> {
    pub value: T,
    pub by: Source,
}

/// Who set a value; the later in this list wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Default,
    House,
    Operator,
    ProfileType,
    Order,
}

impl Source {
    /// As `smdpp order show` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::House => "[policy]",
            Self::Operator => "[operator.policy]",
            Self::ProfileType => "[profile_type.policy]",
            Self::Order => "this order",
        }
    }
}

/// Under which keys a Profile travels (2.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMode {
    /// The profile keys that it was prepared under; they travel in ReplaceSessionKeys.
    Prepared,
    /// The session keys; nothing is replaced.
    Session,
}

impl KeyMode {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "prepared" => Ok(Self::Prepared),
            "session" => Ok(Self::Session),
            _ => Err(Malformed("keys: \"prepared\" or \"session\"")),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Session => "session",
        }
    }
}

/// After which errorReasons (2.5.6) an order stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    None,
    /// insufficientMemory and interruption: they pass.
    Temporary,
    All,
    Reasons(Vec<u8>),
}

/// The errorReasons that have a name.
const REASONS: [u8; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 31, 32, 127];

impl RetryAfter {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text {
            "none" => Ok(Self::None),
            "temporary" => Ok(Self::Temporary),
            "all" => Ok(Self::All),
            _ => Err(Malformed("retry_after: \"none\", \"temporary\", \"all\", or a list of errorReasons")),
        }
    }

    /// By the names of 2.5.6, with or without `installFailedDueTo`.
    pub fn of_names<S: AsRef<str>>(names: &[S]) -> Result<Self, Malformed> {
        let reasons = names.iter().map(|name| reason(name.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self::Reasons(reasons))
    }

    pub fn allows(&self, reason: u8) -> bool {
        match self {
            Self::None => false,
            Self::Temporary => matches!(reason, 10 | 11),
            Self::All => true,
            Self::Reasons(reasons) => reasons.contains(&reason),
        }
    }

    pub fn describe(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Temporary => "temporary".to_owned(),
            Self::All => "all".to_owned(),
            Self::Reasons(reasons) => {
                reasons.iter().map(|reason| error_reason(*reason)).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

fn reason(name: &str) -> Result<u8, Malformed> {
    let short = |reason: u8| error_reason(reason).trim_start_matches("installFailedDueTo").to_owned();
    let known = REASONS
        .into_iter()
        .find(|reason| error_reason(*reason) == name || short(*reason).eq_ignore_ascii_case(name));
    known.ok_or(Malformed("retry_after: an errorReason of SGP.22 2.5.6, such as \"interruption\""))
}

/// What one level says; what it leaves out, the level before decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    pub download_attempts_max: Option<u32>,
    pub confirmation_code_attempts_max: Option<u32>,
    pub order_valid_ms: Option<i64>,
    pub keys: Option<KeyMode>,
    pub rebind: Option<bool>,
    pub retry_after: Option<RetryAfter>,
    pub eligibility: Option<Rules>,
}

/// What is said of one profile type: of everybody's, or of one operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeLayer {
    pub name: ProfileType,
    pub operator: Option<OperatorId>,
    pub layer: Layer,
}

/// All that the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    pub house: Layer,
    pub operators: BTreeMap<OperatorId, Layer>,
    pub types: Vec<TypeLayer>,
}

impl Policies {
    /// The policy for the order on this Profile, or for the next one.
    pub fn of(&self, profile: &Profile) -> Policy {
        self.resolve(profile.operator(), profile.profile_type(), profile.order())
    }

    pub fn resolve(&self, operator: &OperatorId, name: &ProfileType, order: Option<&Order>) -> Policy {
        let of_type = |exact: bool| {
            self.types.iter().filter(move |of| of.name == *name && of.operator.is_some() == exact)
        };
        let general = of_type(false);
        let own = of_type(true).filter(|of| of.operator.as_ref() == Some(operator));
        let order = order.map(|order| Layer {
            download_attempts_max: order.set.download_attempts_max,
            confirmation_code_attempts_max: order.set.confirmation_code_attempts_max,
            ..Layer::default()
        });
        let mut layers = vec![(Source::House, &self.house)];
        layers.extend(self.operators.get(operator).map(|layer| (Source::Operator, layer)));
        layers.extend(general.chain(own).map(|of| (Source::ProfileType, &of.layer)));
        layers.extend(order.as_ref().map(|layer| (Source::Order, layer)));
        Policy::of(&layers)
    }
}

impl Policy {
    fn of(layers: &[(Source, &Layer)]) -> Self {
        Self {
            download_attempts_max: last(layers, |layer| layer.download_attempts_max.as_ref(), 10),
            confirmation_code_attempts_max: last(
                layers,
                |layer| layer.confirmation_code_attempts_max.as_ref(),
                3,
            ),
            order_valid_ms: last(layers, |layer| layer.order_valid_ms.as_ref(), 0),
            keys: last(layers, |layer| layer.keys.as_ref(), KeyMode::Prepared),
            rebind: last(layers, |layer| layer.rebind.as_ref(), true),
            retry_after: last(layers, |layer| layer.retry_after.as_ref(), RetryAfter::Temporary),
            eligibility: last(layers, |layer| layer.eligibility.as_ref(), Rules::default()),
        }
    }

    /// When an order that is made now ends.
    pub fn expiry(&self, now: Timestamp) -> Option<Timestamp> {
        let valid_ms = self.order_valid_ms.value;
        (valid_ms != 0).then(|| now.plus_ms(valid_ms))
    }

    pub fn limits(&self) -> Limits {
        Limits {
            download_attempts_max: self.download_attempts_max.value,
            confirmation_code_attempts_max: self.confirmation_code_attempts_max.value,
        }
    }
}

/// The last layer that says something decides.
fn last<'l, T: Clone + 'l>(
    layers: &[(Source, &'l Layer)],
    member: impl Fn(&'l Layer) -> Option<&'l T>,
    default: T,
) -> Set<T> {
    let found = layers.iter().rev().find_map(|(by, layer)| member(layer).map(|value| (value.clone(), *by)));
    let (value, by) = found.unwrap_or((default, Source::Default));
    Set { value, by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(attempts: u32) -> Layer {
        Layer { download_attempts_max: Some(attempts), ..Layer::default() }
    }

    fn operator(name: &str) -> OperatorId {
        OperatorId::parse(name).unwrap()
    }

    fn profile_type(name: &str) -> ProfileType {
        ProfileType::parse(name).unwrap()
    }

    #[test]
    fn the_narrowest_level_that_says_something_decides_each_member_alone() {
        let of = |name: &str, owner: Option<&str>, layer| TypeLayer {
            name: profile_type(name),
            operator: owner.map(operator),
            layer,
        };
        let session = Layer { keys: Some(KeyMode::Session), ..Layer::default() };
        let policies = Policies {
            house: Layer { rebind: Some(false), ..attempts(1) },
            operators: [(operator("acme"), attempts(2))].into(),
            // The order of the file does not matter: one operator's own type is narrower than everybody's.
            types: vec![
                of("iot", Some("acme"), attempts(4)),
                of("iot", None, attempts(3)),
                of("m2m", None, session),
            ],
        };
        let found = |owner: &str, name: &str| {
            let policy = policies.resolve(&operator(owner), &profile_type(name), None);
            (policy.download_attempts_max.value, policy.download_attempts_max.by)
        };
        assert_eq!(found("beta", "consumer"), (1, Source::House));
        assert_eq!(found("acme", "consumer"), (2, Source::Operator));
        assert_eq!(found("beta", "iot"), (3, Source::ProfileType));
        assert_eq!(found("acme", "iot"), (4, Source::ProfileType));
        let policy = policies.resolve(&operator("acme"), &profile_type("m2m"), None);
        assert_eq!(policy.keys, Set { value: KeyMode::Session, by: Source::ProfileType });
        assert_eq!(policy.rebind, Set { value: false, by: Source::House });
        assert_eq!(policy.confirmation_code_attempts_max, Set { value: 3, by: Source::Default });
    }

    #[test]
    fn reasons_are_named_as_the_standard_names_them_or_shorter() {
        let of = |names: &[&str]| RetryAfter::of_names(names).unwrap();
        assert_eq!(
            of(&["interruption", "installFailedDueToPEProcessingError"]),
            RetryAfter::Reasons(vec![11, 12])
        );
        assert_eq!(of(&["scp03tSecurityError", "unknownError"]), RetryAfter::Reasons(vec![8, 127]));
        assert_eq!(of(&["installFailedDueToUnknownError"]), RetryAfter::Reasons(vec![127]));
        assert_eq!(of(&["insufficientMinimumSecurityLevel"]), RetryAfter::Reasons(vec![31]));
        assert!(of(&["Interruption"]).allows(11) && !of(&["Interruption"]).allows(10));
        assert!(RetryAfter::of_names(&["weather"]).is_err() && RetryAfter::parse("often").is_err());
        for reason in 0..=255 {
            assert_eq!(RetryAfter::Temporary.allows(reason), matches!(reason, 10 | 11), "{reason}");
            assert!(RetryAfter::All.allows(reason) && !RetryAfter::None.allows(reason));
        }
    }
}
