//! AuthenticateClient that succeeds (5.6.3): cases AC.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
