//! AuthenticateClient that is refused (5.6.3, Table 43): cases AE.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
