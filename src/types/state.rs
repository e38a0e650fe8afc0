//! The Profile states of SGP.22 Table 6b.
use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a Profile stands. Only `profile/lifecycle.rs` moves one from state to state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// In stock.
    Available,
    /// Reserved, for no EID yet.
    Allocated,
    /// Reserved for one EID.
    Linked,
    /// Reserved with a MatchingID, not to be downloaded yet.
    Confirmed,
    /// May be downloaded.
    Released,
    /// The Bound Profile Package was delivered to the LPA.
    Downloaded,
    /// The eUICC reported that it installed the Profile.
    Installed,
    /// The order ended badly; see its failure.
    Error,
    /// Never to be used again.
    Unavailable,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Available,
        Self::Allocated,
        Self::Linked,
        Self::Confirmed,
        Self::Released,
        Self::Downloaded,
        Self::Installed,
        Self::Error,
        Self::Unavailable,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Allocated => "Allocated",
            Self::Linked => "Linked",
            Self::Confirmed => "Confirmed",
            Self::Released => "Released",
            Self::Downloaded => "Downloaded",
            Self::Installed => "Installed",
            Self::Error => "Error",
            Self::Unavailable => "Unavailable",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
