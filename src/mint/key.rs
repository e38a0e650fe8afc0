//! A private key of the test PKI, on either curve (SGP.22 2.6.7.1).
use p256::ecdsa::signature::Signer;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use p256::pkcs8::EncodePrivateKey;

use super::MintError;
use crate::random::Random;
use crate::types::Curve;
use crate::types::Secret;

/// How often a random value outside the curve's order is drawn again: a third of them are on brainpoolP256r1.
const KEY_DRAWS_MAX: u32 = 128;

#[derive(Clone)]
pub(super) enum Key {
    NistP256(p256::SecretKey),
    BrainpoolP256r1(bp256::r1::SecretKey),
}

impl Key {
    pub(super) fn draw(curve: Curve, random: &dyn Random) -> Result<Self, MintError> {
        for _ in 0..KEY_DRAWS_MAX {
            let octets = Secret::new(crate::random::octets::<32>(random).map_err(MintError::Random)?);
            let key = match curve {
                Curve::NistP256 => p256::SecretKey::from_slice(octets.expose()).map(Self::NistP256).ok(),
                Curve::BrainpoolP256r1 => {
                    bp256::r1::SecretKey::from_slice(octets.expose()).map(Self::BrainpoolP256r1).ok()
                }
            };
            if let Some(key) = key {
                return Ok(key);
            }
        }
        Err(MintError::Key("draw"))
    }

    /// `None`: no key of either curve.
    pub(super) fn from_sec1_der(der: &[u8]) -> Option<Self> {
        // Nothing in SEC1 says the curve but optional parameters: these readers compare them, and the public key.
        let nist = || p256::SecretKey::from_sec1_der(der).map(Self::NistP256).ok();
        let brainpool = || bp256::r1::SecretKey::from_sec1_der(der).map(Self::BrainpoolP256r1).ok();
        let named = Curve::BrainpoolP256r1.oid_content();
        let says_brainpool = der.windows(named.len()).any(|window| window == named);
        if says_brainpool { brainpool() } else { nist().or_else(brainpool) }
    }

    /// `None`: no key of either curve.
    pub(super) fn from_pkcs8_der(der: &[u8]) -> Option<Self> {
        let nist = p256::SecretKey::from_pkcs8_der(der).map(Self::NistP256).ok();
        nist.or_else(|| bp256::r1::SecretKey::from_pkcs8_der(der).map(Self::BrainpoolP256r1).ok())
    }

    pub(super) fn curve(&self) -> Curve {
        match self {
            Self::NistP256(_) => Curve::NistP256,
            Self::BrainpoolP256r1(_) => Curve::BrainpoolP256r1,
        }
    }

    /// The public point, uncompressed.
    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::NistP256(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::BrainpoolP256r1(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    pub(super) fn pkcs8(&self) -> Result<Secret<Vec<u8>>, MintError> {
        let der = match self {
            Self::NistP256(key) => key.to_pkcs8_der(),
            Self::BrainpoolP256r1(key) => key.to_pkcs8_der(),
        };
        let der = der.map_err(|_| MintError::Key("write as PKCS#8"))?;
        Ok(Secret::new(der.as_bytes().to_vec()))
    }

    /// ECDSA with SHA-256 in the DER form of X.509.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, MintError> {
        let failed = |_| MintError::Key("sign");
        match self {
            Self::NistP256(key) => {
                let key = p256::ecdsa::SigningKey::from(key);
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::BrainpoolP256r1(key) => {
                let key = ecdsa::SigningKey::from(key);
                let signature: bp256::r1::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.as_bytes().to_vec())
            }
        }
    }
}
