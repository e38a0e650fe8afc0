//! Subject and reason codes of an SM-DS (SGP.22 5.8, 5.9).
use smdpp::types::StatusCode;

const fn code(subject: &'static str, reason: &'static str, message: &'static str) -> StatusCode {
    StatusCode { subject, reason, message }
}

// ES12.
pub(crate) const EVENT_ID_IN_USE: StatusCode = code("8.9.5", "3.3", "This eventId was used before.");
pub(crate) const EVENT_UNKNOWN: StatusCode = code("8.9.5", "3.9", "There is no such event.");
pub(crate) const CALLER_UNKNOWN: StatusCode =
    code("1.1", "1.1", "The TLS certificate is no CERT.DP.TLS with one OID.");

// ES11.
pub(crate) const ADDRESS_REFUSED: StatusCode = code("8.9.1", "3.8", "This SM-DS has another address.");
pub(crate) const SECURITY_UNSUPPORTED: StatusCode = code("8.9.2", "3.1", "No common certificate issuer.");
pub(crate) const SVN_UNSUPPORTED: StatusCode = code("8.9.3", "3.1", "This SM-DS supports SGP.22 version 2.");
pub(crate) const CERTIFICATE_UNAVAILABLE: StatusCode =
    code("8.9.4", "3.7", "This SM-DS has no certificate that the eUICC can verify.");
