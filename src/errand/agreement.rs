//! What was agreed with each operator about HandleDownloadProgressInfo (SGP.22 5.3.5).
use std::collections::{BTreeMap, BTreeSet};

use crate::types::OperatorId;

/// The notification points of 5.3.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Eligibility and retry limit check.
    Eligibility,
    ConfirmationFailure,
    BppDownload,
    BppInstallation,
}

impl Point {
    pub const ALL: [Self; 4] =
        [Self::Eligibility, Self::ConfirmationFailure, Self::BppDownload, Self::BppInstallation];

    /// notificationPointId.
    pub const fn number(self) -> u32 {
        match self {
            Self::Eligibility => 1,
            Self::ConfirmationFailure => 2,
            Self::BppDownload => 3,
            Self::BppInstallation => 4,
        }
    }
}

/// Numbers of our own agreement for the notifications of a Profile's later life (3.5); what has none is not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaterLife {
    pub install: Option<u32>,
    pub enable: Option<u32>,
    pub disable: Option<u32>,
    pub delete: Option<u32>,
}

/// What one operator wants to hear. What the standard says must be told is told in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    pub points: BTreeSet<Point>,
    pub later_life: LaterLife,
}

impl Agreement {
    pub(super) fn wants(&self, point: Point) -> bool {
        self.points.contains(&point)
    }

    /// The number agreed for a notification, by its name in the trail.
    pub(super) fn later(&self, notification: &str) -> Option<u32> {
        let LaterLife { install, enable, disable, delete } = self.later_life;
        match notification {
            "install" => install,
            "enable" => enable,
            "disable" => disable,
            "delete" => delete,
            _ => None,
        }
    }
}

/// Each operator that wants to be told; the others are told nothing.
#[derive(Debug, Clone, Default)]
pub struct Agreements(BTreeMap<OperatorId, Agreement>);

impl Agreements {
    pub(super) fn with(&self, operator: &OperatorId) -> Option<&Agreement> {
        self.0.get(operator)
    }
}

impl FromIterator<(OperatorId, Agreement)> for Agreements {
    fn from_iter<I: IntoIterator<Item = (OperatorId, Agreement)>>(agreed: I) -> Self {
        Self(agreed.into_iter().collect())
    }
}
