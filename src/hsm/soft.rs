//! Signing keys in files. Says loudly at start what it is.
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::KeyRole;
use crate::fault::Fault;
use crate::types::Secret;

/// Software keys, by credential: SK.DPauth and SK.DPpb.
pub struct SoftKeys {
    credentials: Vec<(EcdsaKeyPair, EcdsaKeyPair)>,
    random: SystemRandom,
}

/// A key file that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key in PKCS#8 PEM form (`smdpp pki import` converts other forms)")]
pub struct SoftKeyError;

impl Default for SoftKeys {
    #[expect(clippy::disallowed_methods, reason = "a vault owns its entropy")]
    fn default() -> Self {
        Self { credentials: Vec::new(), random: SystemRandom::new() }
    }
}

impl SoftKeys {
    /// Adds the next credential's keys (PKCS#8 PEM); gives back the public points of SK.DPauth and SK.DPpb.
    pub fn add(
        &mut self,
        dpauth: &Secret<Vec<u8>>,
        dppb: &Secret<Vec<u8>>,
    ) -> Result<(Vec<u8>, Vec<u8>), SoftKeyError> {
        let pair = (self.read(dpauth)?, self.read(dppb)?);
        let points = (pair.0.public_key().as_ref().to_vec(), pair.1.public_key().as_ref().to_vec());
        self.credentials.push(pair);
        Ok(points)
    }

    fn read(&self, pem: &Secret<Vec<u8>>) -> Result<EcdsaKeyPair, SoftKeyError> {
        let text = std::str::from_utf8(pem.expose()).map_err(|_| SoftKeyError)?;
        let key = SecretKey::from_pkcs8_pem(text).map_err(|_| SoftKeyError)?;
        let scalar = Secret::new(key.to_bytes().to_vec());
        let point = key.public_key().to_sec1_point(false);
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar.expose(),
            point.as_bytes(),
            &self.random,
        )
        .map_err(|_| SoftKeyError)
    }

    pub(super) fn sign(&self, role: KeyRole, message: &[u8]) -> Result<[u8; 64], Fault> {
        let (KeyRole::DpAuth { slot } | KeyRole::DpPb { slot }) = role;
        let (dpauth, dppb) = self.credentials.get(slot).ok_or_else(|| Fault::new("hsm: no such key"))?;
        let key = match role {
            KeyRole::DpAuth { .. } => dpauth,
            KeyRole::DpPb { .. } => dppb,
        };
        let signature = key.sign(&self.random, message).map_err(|_| Fault::new("hsm: sign"))?;
        signature.as_ref().try_into().map_err(Fault::caused("hsm: sign"))
    }
}
