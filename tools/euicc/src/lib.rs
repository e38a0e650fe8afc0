//! A test eUICC and LPA for SGP.22 v2, with a codec of its own: the examiner must not copy the pupil.
//!
//! | module | what |
//! |---|---|
//! | `tlv`, `x509`, `hex` | bytes: strict DER, certificates, hexadecimal |
//! | `curve`, `kdf`, `scp03t` | cryptography: both curves, Annex G, protected segments |
//! | `card` | the eUICC: ES10b on bytes, installed Profiles, notifications |
//! | `faults` | what the eUICC and LPA do wrong on demand |
//! | `activation`, `http`, `lpa` | the LPA: Activation Codes, ES9+ |

pub mod activation;
mod brainpool_tls;
pub mod card;
pub mod curve;
pub mod decode;
pub mod faults;
pub mod hex;
pub mod http;
pub mod identity;
pub mod info;
pub mod kdf;
pub mod lpa;
pub mod metadata;
pub mod package;
pub mod scp03t;
pub mod tlv;
pub mod x509;

pub use activation::ActivationCode;
pub use card::Card;
pub use faults::{Fault, Faults};
pub use identity::Identity;
pub use lpa::{Lpa, LpaConfig, LpaError};
