//! GetBoundProfilePackage that succeeds (5.6.2): cases GB.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
