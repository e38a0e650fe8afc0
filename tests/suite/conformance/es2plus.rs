//! ES2+ (5.3): cases OP, DO, CO, XO, RP, PI.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
