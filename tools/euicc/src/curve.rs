//! The curve in one place: ECDSA, ECDH and randomness on NIST P-256 (SGP.22 section 2.6.7).

use p256::ecdh::diffie_hellman;
use p256::{PublicKey, SecretKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};

/// Octets of an uncompressed point.
pub const POINT_BYTES: usize = 65;
/// OBJECT IDENTIFIER content of prime256v1.
pub const CURVE_OID: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("curve: the point is not an uncompressed point on P-256")]
    Point,
    #[error("curve: the secret key is not one of P-256, or not that of the certificate")]
    Secret,
    #[error("curve: the signature does not verify")]
    Signature,
    #[error("curve: the system gives no randomness")]
    Random,
}

/// A key pair that signs.
pub struct Signer {
    pair: EcdsaKeyPair,
    secret: Vec<u8>,
}

impl Signer {
    /// From the scalar and the public point that must belong to it.
    pub fn new(secret: &[u8], public: &[u8]) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            secret,
            public,
            &system(),
        )
        .map_err(|_| Error::Secret)?;
        Ok(Self { pair, secret: secret.to_vec() })
    }

    /// From the scalar alone.
    pub fn from_secret(secret: &[u8]) -> Result<Self, Error> {
        Self::new(secret, &OneTimeKey::from_secret(secret)?.public)
    }

    /// The 64 octets r‖s over SHA-256 of the message.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.pair.sign(&system(), message).map_err(|_| Error::Random)?;
        Ok(signature.as_ref().to_vec())
    }

    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
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
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}

/// Checks a signature in the DER form of X.509.
pub fn verify_der(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}

/// A one-time key pair; an eUICC keeps it to retry a broken download (SGP.22 section 3.1.3).
#[derive(Clone)]
pub struct OneTimeKey {
    pub secret: Vec<u8>,
    pub public: Vec<u8>,
}

impl OneTimeKey {
    pub fn generate() -> Result<Self, Error> {
        // A random string is no scalar with probability 2^-32; three in a row mean a broken source.
        for _ in 0..3 {
            if let Ok(key) = Self::from_secret(&random::<32>()?) {
                return Ok(key);
            }
        }
        Err(Error::Random)
    }

    pub fn from_secret(secret: &[u8]) -> Result<Self, Error> {
        let key = SecretKey::from_slice(secret).map_err(|_| Error::Secret)?;
        let public = key.public_key().to_sec1_bytes();
        // The default encoding may be compressed; the eUICC speaks uncompressed only.
        let public =
            if public.len() == POINT_BYTES { public.to_vec() } else { uncompressed(&key.public_key()) };
        Ok(Self { secret: secret.to_vec(), public })
    }

    /// The x coordinate of the shared point.
    pub fn agree(&self, peer: &[u8]) -> Result<Vec<u8>, Error> {
        let secret = SecretKey::from_slice(&self.secret).map_err(|_| Error::Secret)?;
        let shared = diffie_hellman(secret.to_nonzero_scalar(), point(peer)?.as_affine());
        Ok(shared.raw_secret_bytes().to_vec())
    }
}

fn point(bytes: &[u8]) -> Result<PublicKey, Error> {
    if bytes.len() != POINT_BYTES || bytes.first() != Some(&4) {
        return Err(Error::Point);
    }
    PublicKey::from_sec1_bytes(bytes).map_err(|_| Error::Point)
}

/// Whether the octets are an uncompressed point on the curve.
pub fn is_point(bytes: &[u8]) -> bool {
    point(bytes).is_ok()
}

/// The same point in compressed form, for an eUICC that does it wrong.
pub fn compressed(public: &[u8]) -> Vec<u8> {
    let parity = public.last().map_or(2, |last| 2 | (last & 1));
    let x = public.get(1..33).unwrap_or_default();
    [&[parity], x].concat()
}

fn uncompressed(key: &PublicKey) -> Vec<u8> {
    use p256::elliptic_curve::sec1::ToSec1Point;
    key.to_sec1_point(false).as_bytes().to_vec()
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
        let (a, b) = (OneTimeKey::generate().unwrap(), OneTimeKey::generate().unwrap());
        assert_eq!(a.agree(&b.public), b.agree(&a.public));
        assert_eq!(a.public.len(), POINT_BYTES);
    }

    #[test]
    fn points_in_another_form_or_off_the_curve_are_refused() {
        let key = OneTimeKey::generate().unwrap();
        let mut off = key.public.clone();
        off[64] ^= 1;
        assert!(is_point(&key.public));
        for bad in [&off[..], &compressed(&key.public), &key.public[1..], &[0], &[]] {
            assert_eq!(key.agree(bad), Err(Error::Point));
        }
    }

    #[test]
    fn a_signature_verifies_only_over_its_own_message() {
        let signer = Signer::from_secret(&random::<32>().unwrap()).unwrap();
        let signature = signer.sign(b"this").unwrap();
        assert_eq!(verify(signer.public(), b"this", &signature), Ok(()));
        assert_eq!(verify(signer.public(), b"that", &signature), Err(Error::Signature));
    }
}
