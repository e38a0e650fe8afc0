//! Transport: TLS, HTTP, encodings (2.6.6, 6.2, 6.3): cases TR.
use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    Vec::new()
}
