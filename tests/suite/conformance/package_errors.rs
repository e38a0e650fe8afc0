//! GetBoundProfilePackage that is refused (5.6.2, Table 40): cases GE.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
