//! Transport: TLS, HTTP, encodings (2.6.6, 6.2 to 6.6): cases TR.
mod asn1;
mod hello;
mod http;
mod malformed;
mod raw;
mod tls;

use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    let sections = [tls::cases(), http::cases(), malformed::cases(), asn1::cases()];
    sections.into_iter().flatten().collect()
}
