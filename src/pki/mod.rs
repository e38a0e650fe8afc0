//! The GSMA public key infrastructure (SGP.22 4.5): who may be believed, and our own right to be believed.
mod certificate;
mod chain;
mod credentials;
mod crl;
mod euicc;
#[cfg(test)]
mod mint;
mod name;
mod revocation;
mod signature;
#[cfg(test)]
mod tests;

pub use certificate::{Certificate, Role, names_role};
pub use chain::{TrustStore, VerifiedEum};
pub use credentials::{Credential, Credentials, PkiError, check_tls_certificate, key_fits};
pub use crl::{CRL_OCTETS_MAX, CrlError, CrlNumber, Serial};
pub use euicc::{EuiccIdentity, VerifiedEuicc};
pub use revocation::Revocations;
pub use signature::{BadSignature, PublicKey, check_point};
