//! What a test may want to be different from the usual house: its policies, its size, its clock.
use std::collections::BTreeMap;

use smdpp::errand::Agreements;
use smdpp::es12::Smds;
use smdpp::profile::{Layer, Limits, Policies};
use smdpp::types::Fqdn;

use super::START_MS;
use super::own::unreachable;

/// What a test may want to be different.
#[derive(Clone)]
pub(crate) struct Wishes {
    pub(crate) limits: Limits,
    pub(crate) order_ms: Option<i64>,
    /// What operators and profile types have of their own; the house has `house`, and the two values above.
    pub(crate) policies: Policies,
    pub(crate) euiccs: u64,
    pub(crate) open_sessions_max: u32,
    pub(crate) agreements: Agreements,
    /// What the clock says at first.
    pub(crate) start_ms: i64,
    /// The SM-DSs that can be reached.
    pub(crate) smds: BTreeMap<Fqdn, Smds>,
}

impl Default for Wishes {
    fn default() -> Self {
        let limits = Limits { download_attempts_max: 10, confirmation_code_attempts_max: 3 };
        let policies = Policies::default();
        Self {
            limits,
            order_ms: None,
            policies,
            euiccs: 2,
            open_sessions_max: 1000,
            agreements: Agreements::default(),
            start_ms: START_MS,
            smds: unreachable(),
        }
    }
}

impl Wishes {
    /// The house's own policy is this one; limits and expiry are as they were.
    pub(crate) fn of(house: Layer) -> Self {
        Self { policies: Policies { house, ..Policies::default() }, ..Self::default() }
    }

    pub(super) fn policies(&self) -> Policies {
        let mut policies = self.policies.clone();
        let house = &mut policies.house;
        house.download_attempts_max.get_or_insert(self.limits.download_attempts_max);
        house.confirmation_code_attempts_max.get_or_insert(self.limits.confirmation_code_attempts_max);
        house.order_valid_ms = house.order_valid_ms.or(self.order_ms);
        policies
    }
}
