//! Signing keys in files. Says loudly at start what it is.
use bp256::r1::BrainpoolP256r1;
use ecdsa::signature::Signer;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::KeyRole;
use crate::fault::Fault;
use crate::types::Secret;

/// Software keys, by credential: SK.DPauth and SK.DPpb.
pub struct SoftKeys {
    credentials: Vec<(SigningKey, SigningKey)>,
    random: SystemRandom,
}

/// A key on either curve. `ring` knows only the first, and is several times faster there.
enum SigningKey {
    NistP256(EcdsaKeyPair),
    BrainpoolP256r1(ecdsa::SigningKey<BrainpoolP256r1>),
}

/// A key file that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a private key on NIST P-256 or brainpoolP256r1 in PKCS#8 PEM form (`smdpp pki import` converts other forms)"
)]
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
        let points = (pair.0.point(), pair.1.point());
        self.credentials.push(pair);
        Ok(points)
    }

    fn read(&self, pem: &Secret<Vec<u8>>) -> Result<SigningKey, SoftKeyError> {
        let text = std::str::from_utf8(pem.expose()).map_err(|_| SoftKeyError)?;
        // PKCS#8 names the curve, so one reader takes a key and the other refuses it.
        if let Ok(key) = bp256::r1::SecretKey::from_pkcs8_pem(text) {
            return Ok(SigningKey::BrainpoolP256r1(key.into()));
        }
        let key = p256::SecretKey::from_pkcs8_pem(text).map_err(|_| SoftKeyError)?;
        let scalar = Secret::new(key.to_bytes().to_vec());
        let point = key.public_key().to_sec1_point(false);
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar.expose(),
            point.as_bytes(),
            &self.random,
        )
        .map(SigningKey::NistP256)
        .map_err(|_| SoftKeyError)
    }

    pub(super) fn sign(&self, role: KeyRole, message: &[u8]) -> Result<[u8; 64], Fault> {
        let (KeyRole::DpAuth { slot } | KeyRole::DpPb { slot }) = role;
        let (dpauth, dppb) = self.credentials.get(slot).ok_or_else(|| Fault::new("hsm: no such key"))?;
        let key = match role {
            KeyRole::DpAuth { .. } => dpauth,
            KeyRole::DpPb { .. } => dppb,
        };
        key.sign(message, &self.random)
    }
}

impl SigningKey {
    /// The public point, uncompressed.
    fn point(&self) -> Vec<u8> {
        match self {
            Self::NistP256(key) => key.public_key().as_ref().to_vec(),
            Self::BrainpoolP256r1(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    fn sign(&self, message: &[u8], random: &SystemRandom) -> Result<[u8; 64], Fault> {
        const FAILED: &str = "hsm: sign";
        match self {
            Self::NistP256(key) => {
                let signature = key.sign(random, message).map_err(|_| Fault::new(FAILED))?;
                signature.as_ref().try_into().map_err(Fault::caused(FAILED))
            }
            // Its nonce comes from the key and the message (RFC 6979): no dice to get wrong.
            Self::BrainpoolP256r1(key) => {
                let signature: bp256::r1::ecdsa::Signature =
                    key.try_sign(message).map_err(|_| Fault::new(FAILED))?;
                Ok(signature.to_bytes().into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ecdsa::signature::Verifier;
    use p256::pkcs8::{EncodePrivateKey, LineEnding};
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn nist(number: u8) -> Secret<Vec<u8>> {
        let key = p256::SecretKey::from_slice(&[number; 32]).unwrap();
        Secret::new(key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes().to_vec())
    }

    fn brainpool(number: u8) -> Secret<Vec<u8>> {
        let key = bp256::r1::SecretKey::from_slice(&[number; 32]).unwrap();
        Secret::new(key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes().to_vec())
    }

    #[test]
    fn each_slot_signs_with_its_own_key_on_its_own_curve() {
        let mut keys = SoftKeys::default();
        let first = keys.add(&nist(1), &nist(2)).unwrap();
        let second = keys.add(&brainpool(3), &brainpool(4)).unwrap();
        for (role, point) in [(KeyRole::DpAuth { slot: 0 }, &first.0), (KeyRole::DpPb { slot: 0 }, &first.1)]
        {
            let signature = keys.sign(role, b"message").unwrap();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            assert!(key.verify(b"message", &signature).is_ok());
        }
        for (role, point) in
            [(KeyRole::DpAuth { slot: 1 }, &second.0), (KeyRole::DpPb { slot: 1 }, &second.1)]
        {
            let signature = keys.sign(role, b"message").unwrap();
            let signature = bp256::r1::ecdsa::Signature::from_slice(&signature).unwrap();
            let key = ecdsa::VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(point).unwrap();
            assert!(key.verify(b"message", &signature).is_ok());
        }
        assert!(keys.sign(KeyRole::DpPb { slot: 2 }, b"message").is_err());
    }

    #[test]
    fn a_file_that_is_no_key_of_either_curve_is_refused() {
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        for bad in [p384.into_bytes(), b"no key".to_vec(), vec![0xFF], Vec::new()] {
            assert!(SoftKeys::default().add(&nist(1), &Secret::new(bad)).is_err());
        }
    }
}
