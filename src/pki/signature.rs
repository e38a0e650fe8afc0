//! Signatures and points by curve: the seam where brainpoolP256r1 joins (SGP.22 2.6.7).
use std::borrow::Cow;

use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::asn1::Signature;
use crate::types::Malformed;
use crate::types::hex;

/// Octets of an uncompressed point; the same on every curve of SGP.22.
const POINT_OCTETS: usize = 65;
const UNCOMPRESSED: u8 = 0x04;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    NistP256,
}

impl Curve {
    /// Content octets of 1.2.840.10045.3.1.7.
    const NIST_P256: [u8; 8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

    pub(super) fn from_oid_content(oid: &[u8]) -> Option<Self> {
        (oid == Self::NIST_P256).then_some(Self::NistP256)
    }
}

/// The signature is not this key's over these octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct BadSignature;

/// A public key to verify with. The point is an uncompressed one on the curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredKey", into = "StoredKey")]
pub struct PublicKey {
    curve: Curve,
    point: Vec<u8>,
}

impl PublicKey {
    pub fn new(curve: Curve, point: &[u8]) -> Result<Self, Malformed> {
        check_point(curve, point)?;
        Ok(Self { curve, point: point.to_vec() })
    }

    pub fn curve(&self) -> Curve {
        self.curve
    }

    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// Verifies r‖s over the parts, one after the other.
    pub fn verify_fixed(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), BadSignature> {
        let message = match parts {
            [one] => Cow::Borrowed(*one),
            many => Cow::Owned(many.concat()),
        };
        let key = match self.curve {
            Curve::NistP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point),
        };
        key.verify(&message, signature.octets()).map_err(|_| BadSignature)
    }

    /// Verifies the DER form that X.509 uses.
    pub fn verify_asn1(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = match self.curve {
            Curve::NistP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point),
        };
        key.verify(message, signature).map_err(|_| BadSignature)
    }
}

/// Refuses what is not an uncompressed point on the curve. A one-time key that skips this leaks our own.
pub fn check_point(curve: Curve, octets: &[u8]) -> Result<(), Malformed> {
    const REFUSED: Malformed = Malformed("point of a public key");
    if octets.len() != POINT_OCTETS || octets.first() != Some(&UNCOMPRESSED) {
        return Err(REFUSED);
    }
    match curve {
        Curve::NistP256 => p256::PublicKey::from_sec1_bytes(octets).map(|_| ()).map_err(|_| REFUSED),
    }
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    curve: Curve,
    point: String,
}

impl TryFrom<StoredKey> for PublicKey {
    type Error = Malformed;

    fn try_from(stored: StoredKey) -> Result<Self, Malformed> {
        let point = hex::decode(&stored.point).ok_or(Malformed("point of a public key"))?;
        Self::new(stored.curve, &point)
    }
}

impl From<PublicKey> for StoredKey {
    fn from(key: PublicKey) -> Self {
        Self { curve: key.curve, point: hex::encode(&key.point) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::mint::Key;

    #[test]
    fn a_signature_fits_its_key_and_its_octets_only() {
        let (key, other) = (Key::new(1), Key::new(2));
        let signature = key.sign_fixed(b"message");
        let public = PublicKey::new(Curve::NistP256, &key.point()).unwrap();
        let stranger = PublicKey::new(Curve::NistP256, &other.point()).unwrap();
        assert_eq!(public.verify_fixed(&[b"mess", b"age"], &signature), Ok(()));
        assert_eq!(public.verify_fixed(&[b"message"], &signature), Ok(()));
        assert_eq!(public.verify_fixed(&[b"massage"], &signature), Err(BadSignature));
        assert_eq!(stranger.verify_fixed(&[b"message"], &signature), Err(BadSignature));
    }

    #[test]
    fn r_and_s_of_zero_or_all_ones_never_verify() {
        let public = PublicKey::new(Curve::NistP256, &Key::new(1).point()).unwrap();
        for octet in [0x00, 0xFF] {
            let signature = Signature::from_octets([octet; 64]);
            assert_eq!(public.verify_fixed(&[b"message"], &signature), Err(BadSignature));
        }
    }

    #[test]
    fn a_point_is_uncompressed_and_on_the_curve() {
        let good = Key::new(1).point();
        assert_eq!(check_point(Curve::NistP256, &good), Ok(()));
        let mut off = good.clone();
        off[64] ^= 1;
        let compressed = [&[0x02 | (good[64] & 1)][..], &good[1..33]].concat();
        let mut hybrid = good.clone();
        hybrid[0] = 0x06 | (good[64] & 1);
        for bad in [off, compressed, hybrid, vec![0], Vec::new(), vec![4; 65], good[..64].to_vec()] {
            assert!(check_point(Curve::NistP256, &bad).is_err(), "{bad:02X?}");
        }
    }

    #[test]
    fn a_stored_key_is_checked_again() {
        let key = PublicKey::new(Curve::NistP256, &Key::new(1).point()).unwrap();
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&stored).unwrap(), key);
        assert!(serde_json::from_str::<PublicKey>(r#"{"curve":"nist_p256","point":"0400"}"#).is_err());
    }
}
