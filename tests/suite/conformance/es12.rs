//! ES12, the server as client of an SM-DS (5.9): cases DS.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
