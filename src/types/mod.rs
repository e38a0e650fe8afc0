//! The words of SGP.22: values that cannot be built wrong.
#[macro_use]
mod text;

mod actor;
mod curve;
mod digits;
mod fqdn;
pub mod hex;
mod identifiers;
mod oid;
mod secret;
mod state;
mod status;

pub use actor::{Actor, OperatorId};
pub use curve::Curve;
pub use digits::{Eid, Iccid};
pub use fqdn::Fqdn;
pub use identifiers::{FunctionCallId, MatchingId, ProfileType, TransactionId};
pub use oid::Oid;
pub use secret::{CodeHash, Secret};
pub use state::State;
pub use status::StatusCode;

/// A value that does not have the form the standard gives it; names the value, never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct Malformed(pub &'static str);
