//! Where keys live. The rest of the house sees roles, signatures and sealed values, never a private key.
mod agreement;
mod sealer;
mod soft;

pub use agreement::{Agreed, agree};
pub use sealer::{Place, Sealer};
pub use soft::{SoftKeyError, SoftKeys};

use crate::fault::Fault;

/// What a signing key is for. `slot` counts our certificate chains in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// SK.DPauth
    DpAuth { slot: usize },
    /// SK.DPpb
    DpPb { slot: usize },
}

/// The closed set of places where signing keys can be. (PKCS#11 joins here.)
pub enum Hsm {
    /// Keys in files, held in memory. For a bench and for small deployments that know what they do.
    Soft(Box<SoftKeys>),
}

impl Hsm {
    /// Signs with ECDSA and SHA-256: `r‖s`, 64 octets.
    pub async fn sign(&self, role: KeyRole, message: &[u8]) -> Result<[u8; 64], Fault> {
        match self {
            Self::Soft(keys) => keys.sign(role, message),
        }
    }

    /// How this vault is named to people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Soft(_) => "software",
        }
    }
}
