//! Who asks. There is no default, so that nothing is ever put on the wrong account.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Eid, Malformed};

/// An operator as the configuration names it; known on the wire by its client certificate only (6.1.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorId(String);

impl OperatorId {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        fits.then(|| Self(text.to_owned())).ok_or(Malformed("operator name"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

stored_as_text!(OperatorId);

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// An eUICC whose chain and signature were verified.
    Euicc { eid: Eid },
    /// An operator, known by its client certificate.
    Operator { operator: OperatorId },
    /// A person at the command line of this machine.
    Admin { name: String },
    /// A part of this server, on its own.
    House { part: String },
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Euicc { eid } => write!(f, "eUICC {eid}"),
            Self::Operator { operator } => write!(f, "operator {operator}"),
            Self::Admin { name } => write!(f, "admin {name}"),
            Self::House { part } => write!(f, "server ({part})"),
        }
    }
}
