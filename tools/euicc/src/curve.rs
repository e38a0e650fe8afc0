//! The curves in one place: ECDSA, ECDH and randomness on NIST P-256 and brainpoolP256r1 (SGP.22 section 2.6.7).

use bp256::BrainpoolP256r1;
use ecdsa::signature::{Signer as _, Verifier};
use p256::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToSec1Point;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

/// Octets of an uncompressed point.
pub const POINT_BYTES: usize = 65;

/// A random string is no scalar of brainpoolP256r1 once in three; so many in a row mean a broken source.
const KEY_DRAWS_MAX: u32 = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Curve {
    #[default]
    NistP256,
    BrainpoolP256r1,
}

impl Curve {
    pub const ALL: [Self; 2] = [Self::NistP256, Self::BrainpoolP256r1];

    /// Content of its OBJECT IDENTIFIER.
    pub fn oid(self) -> &'static [u8] {
        match self {
            Self::NistP256 => &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
            Self::BrainpoolP256r1 => &[0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07],
        }
    }

    pub fn by_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// The one that this is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::NistP256 => Self::BrainpoolP256r1,
            Self::BrainpoolP256r1 => Self::NistP256,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("curve: the point is not an uncompressed point on the curve")]
    Point,
    #[error("curve: the secret key is not one of the curve, or not that of the certificate")]
    Secret,
    #[error("curve: the signature does not verify")]
    Signature,
    #[error("curve: the system gives no randomness")]
    Random,
}

/// A point to verify with; whoever makes one has looked whether it is on the curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub curve: Curve,
    pub point: Vec<u8>,
}

/// A key pair that signs.
pub struct Signer {
    pair: Pair,
    public: PublicKey,
    secret: Vec<u8>,
}

enum Pair {
    NistP256(EcdsaKeyPair),
    BrainpoolP256r1(ecdsa::SigningKey<BrainpoolP256r1>),
}

impl Signer {
    /// From the scalar and the public point that must belong to it.
    pub fn new(secret: &[u8], public: &PublicKey) -> Result<Self, Error> {
        let pair = match public.curve {
            Curve::NistP256 => EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                secret,
                &public.point,
                &system(),
            )
            .map(Pair::NistP256)
            .map_err(|_| Error::Secret)?,
            Curve::BrainpoolP256r1 => {
                let key = ecdsa::SigningKey::from_slice(secret).map_err(|_| Error::Secret)?;
                if public_of(public.curve, secret)? != public.point {
                    return Err(Error::Secret);
                }
                Pair::BrainpoolP256r1(key)
            }
        };
        Ok(Self { pair, public: public.clone(), secret: secret.to_vec() })
    }

    /// From the scalar alone.
    pub fn from_secret(curve: Curve, secret: &[u8]) -> Result<Self, Error> {
        Self::new(secret, &PublicKey { curve, point: public_of(curve, secret)? })
    }

    /// The 64 octets r‖s over SHA-256 of the message.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.pair {
            Pair::NistP256(pair) => {
                let signature = pair.sign(&system(), message).map_err(|_| Error::Random)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::BrainpoolP256r1(key) => {
                let signature: bp256::r1::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().to_vec())
            }
        }
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// Checks a plain r‖s signature.
pub fn verify(public: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    match public.curve {
        Curve::NistP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public.point)
            .verify(message, signature)
            .map_err(|_| Error::Signature),
        Curve::BrainpoolP256r1 => {
            verify_brainpool(public, message, bp256::r1::ecdsa::Signature::from_slice(signature))
        }
    }
}

/// Checks a signature in the DER form of X.509.
pub fn verify_der(public: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    match public.curve {
        Curve::NistP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public.point)
            .verify(message, signature)
            .map_err(|_| Error::Signature),
        Curve::BrainpoolP256r1 => {
            verify_brainpool(public, message, bp256::r1::ecdsa::Signature::from_der(signature))
        }
    }
}

fn verify_brainpool(
    public: &PublicKey,
    message: &[u8],
    signature: Result<bp256::r1::ecdsa::Signature, ecdsa::Error>,
) -> Result<(), Error> {
    let key = ecdsa::VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(&public.point);
    let verified = key.and_then(|key| key.verify(message, &signature?));
    verified.map_err(|_| Error::Signature)
}

/// A one-time key pair; an eUICC keeps it to retry a broken download (SGP.22 section 3.1.3).
#[derive(Clone)]
pub struct OneTimeKey {
    pub curve: Curve,
    pub secret: Vec<u8>,
    pub public: Vec<u8>,
}

impl OneTimeKey {
    pub fn generate(curve: Curve) -> Result<Self, Error> {
        for _ in 0..KEY_DRAWS_MAX {
            if let Ok(key) = Self::from_secret(curve, &random::<32>()?) {
                return Ok(key);
            }
        }
        Err(Error::Random)
    }

    pub fn from_secret(curve: Curve, secret: &[u8]) -> Result<Self, Error> {
        Ok(Self { curve, secret: secret.to_vec(), public: public_of(curve, secret)? })
    }

    /// The x coordinate of the shared point.
    pub fn agree(&self, peer: &[u8]) -> Result<Vec<u8>, Error> {
        if !is_point(self.curve, peer) {
            return Err(Error::Point);
        }
        match self.curve {
            Curve::NistP256 => {
                let secret = p256::SecretKey::from_slice(&self.secret).map_err(|_| Error::Secret)?;
                let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| Error::Point)?;
                let shared = diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
            Curve::BrainpoolP256r1 => {
                let secret = bp256::r1::SecretKey::from_slice(&self.secret).map_err(|_| Error::Secret)?;
                let peer = ecdsa::VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(peer);
                let peer = peer.map_err(|_| Error::Point)?;
                let shared =
                    bp256::elliptic_curve::ecdh::diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
        }
    }
}

/// The uncompressed point of a scalar: the eUICC speaks no other form.
fn public_of(curve: Curve, secret: &[u8]) -> Result<Vec<u8>, Error> {
    let point = match curve {
        Curve::NistP256 => {
            let key = p256::SecretKey::from_slice(secret).map_err(|_| Error::Secret)?;
            key.public_key().to_sec1_point(false).as_bytes().to_vec()
        }
        Curve::BrainpoolP256r1 => {
            let key = bp256::r1::SecretKey::from_slice(secret).map_err(|_| Error::Secret)?;
            key.public_key().to_sec1_point(false).as_bytes().to_vec()
        }
    };
    Ok(point)
}

/// Whether the octets are an uncompressed point on the curve.
pub fn is_point(curve: Curve, bytes: &[u8]) -> bool {
    if bytes.len() != POINT_BYTES || bytes.first() != Some(&4) {
        return false;
    }
    match curve {
        Curve::NistP256 => p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
        Curve::BrainpoolP256r1 => ecdsa::VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(bytes).is_ok(),
    }
}

/// The same point in compressed form, for an eUICC that does it wrong.
pub fn compressed(public: &[u8]) -> Vec<u8> {
    let parity = public.last().map_or(2, |last| 2 | (last & 1));
    let x = public.get(1..33).unwrap_or_default();
    [&[parity], x].concat()
}

/// Random octets.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut out = [0; N];
    system().fill(&mut out).map_err(|_| Error::Random)?;
    Ok(out)
}

#[expect(clippy::disallowed_methods, reason = "a tool outside the server, and this is its only source")]
fn system() -> SystemRandom {
    SystemRandom::new()
}

pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_one_time_keys_agree_on_one_secret() {
        for curve in Curve::ALL {
            let (a, b) = (OneTimeKey::generate(curve).unwrap(), OneTimeKey::generate(curve).unwrap());
            assert_eq!(a.agree(&b.public), b.agree(&a.public));
            assert_eq!(a.public.len(), POINT_BYTES);
        }
    }

    #[test]
    fn points_in_another_form_or_off_the_curve_are_refused() {
        for curve in Curve::ALL {
            let key = OneTimeKey::generate(curve).unwrap();
            let mut off = key.public.clone();
            off[64] ^= 1;
            let other = OneTimeKey::generate(curve.other()).unwrap().public;
            assert!(is_point(curve, &key.public));
            for bad in [&off[..], &other, &compressed(&key.public), &key.public[1..], &[0], &[]] {
                assert_eq!(key.agree(bad), Err(Error::Point));
            }
        }
    }

    #[test]
    fn a_signature_verifies_only_over_its_own_message_and_on_its_own_curve() {
        for curve in Curve::ALL {
            let signer = Signer::from_secret(curve, &[7; 32]).unwrap();
            let signature = signer.sign(b"this").unwrap();
            assert_eq!(verify(signer.public(), b"this", &signature), Ok(()));
            assert_eq!(verify(signer.public(), b"that", &signature), Err(Error::Signature));
            let other = Signer::from_secret(curve.other(), &[7; 32]).unwrap();
            assert_eq!(verify(other.public(), b"this", &signature), Err(Error::Signature));
            assert!(Signer::new(&[8; 32], signer.public()).is_err());
        }
    }
}
