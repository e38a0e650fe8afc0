//! CancelSession (5.6.5), and the whole chain on brainpoolP256r1: cases CS and BR.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
