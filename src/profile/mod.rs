//! A Profile as the SM-DP+ holds it, the order on it, and the one place that decides its state.
pub mod elements;
mod eligibility;
mod event_record;
mod lifecycle;
mod moves;
mod order;
pub mod package;
mod policy;

pub use eligibility::{Candidate, DeviceRule, EuiccCategory, Rules, TacPrefix, eligibility};
pub use event_record::{EventRecord, EventStatus, Heard, Reply};
pub use lifecycle::{
    Command, Confirm, Denied, FinalState, Import, Ineligible, OrderChange, Report, Transition,
};
pub use order::{Bound, Confirmation, Limits, Order, OrderSettings};
pub use policy::{KeyMode, Layer, Policies, Policy, RetryAfter, Set, Source, TypeLayer};

use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::OperatorId;
use crate::types::ProfileType;
use crate::types::State;

/// One Profile: whose it is, where it stands, and what is ordered. State and order move only through
/// [`Profile::decide`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    iccid: Iccid,
    operator: OperatorId,
    profile_type: ProfileType,
    state: State,
    /// How many orders this Profile has had: the number of the present one.
    orders: u32,
    order: Option<Order>,
    /// The CancelOrder call that ended the last order, so that its repetition is success.
    cancelled_by: Option<FunctionCallId>,
}

/// The columns of a stored Profile.
#[derive(Debug, Clone)]
pub struct Stored {
    pub iccid: Iccid,
    pub operator: OperatorId,
    pub profile_type: ProfileType,
    pub state: State,
    pub orders: u32,
    pub order: Option<Order>,
    pub cancelled_by: Option<FunctionCallId>,
}

impl Profile {
    /// A Profile as the store kept it.
    pub fn stored(stored: Stored) -> Self {
        let Stored { iccid, operator, profile_type, state, orders, order, cancelled_by } = stored;
        Self { iccid, operator, profile_type, state, orders, order, cancelled_by }
    }

    pub fn iccid(&self) -> &Iccid {
        &self.iccid
    }

    pub fn operator(&self) -> &OperatorId {
        &self.operator
    }

    pub fn profile_type(&self) -> &ProfileType {
        &self.profile_type
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn orders(&self) -> u32 {
        self.orders
    }

    pub fn order(&self) -> Option<&Order> {
        self.order.as_ref()
    }

    pub fn cancelled_by(&self) -> Option<&FunctionCallId> {
        self.cancelled_by.as_ref()
    }

    /// The EID that the order is for, or that has downloaded it.
    pub fn eid(&self) -> Option<&Eid> {
        self.order.as_ref().and_then(Order::eid)
    }
}
