//! HandleNotification (3.5, 5.6.4): cases HN.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
