//! What is in a Bound Profile Package (2.5.4, 5.5): cases E8.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
