//! Signatures and points by curve (SGP.22 2.6.7.1): `ring` for NIST P-256, `bp256` for brainpoolP256r1.
use std::borrow::Cow;

use bp256::BrainpoolP256r1;
use bp256::r1::ecdsa::Signature as BrainpoolSignature;
use ecdsa::VerifyingKey;
use ecdsa::signature::Verifier;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::asn1::Signature;
use crate::types::Curve;
use crate::types::Malformed;
use crate::types::hex;

/// Octets of an uncompressed point; the same on every curve of SGP.22.
const POINT_OCTETS: usize = 65;
const UNCOMPRESSED: u8 = 0x04;

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
        match self.curve {
            Curve::NistP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point)
                .verify(&message, signature.octets())
                .map_err(|_| BadSignature),
            Curve::BrainpoolP256r1 => {
                self.verify_brainpool(&message, BrainpoolSignature::from_slice(signature.octets()))
            }
        }
    }

    /// Verifies the DER form that X.509 uses.
    pub fn verify_asn1(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self.curve {
            Curve::NistP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point)
                .verify(message, signature)
                .map_err(|_| BadSignature),
            Curve::BrainpoolP256r1 => self.verify_brainpool(message, BrainpoolSignature::from_der(signature)),
        }
    }

    /// To read a signature is to refuse r and s outside 1 to n-1, and DER that is not canonical.
    fn verify_brainpool(
        &self,
        message: &[u8],
        signature: Result<BrainpoolSignature, ecdsa::Error>,
    ) -> Result<(), BadSignature> {
        let signature = signature.map_err(|_| BadSignature)?;
        let key = VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(&self.point).map_err(|_| BadSignature)?;
        key.verify(message, &signature).map_err(|_| BadSignature)
    }
}

/// Refuses what is not an uncompressed point on the curve. A one-time key that skips this leaks our own.
pub fn check_point(curve: Curve, octets: &[u8]) -> Result<(), Malformed> {
    const REFUSED: Malformed = Malformed("point of a public key");
    if octets.len() != POINT_OCTETS || octets.first() != Some(&UNCOMPRESSED) {
        return Err(REFUSED);
    }
    let on_curve = match curve {
        Curve::NistP256 => p256::PublicKey::from_sec1_bytes(octets).is_ok(),
        Curve::BrainpoolP256r1 => VerifyingKey::<BrainpoolP256r1>::from_sec1_bytes(octets).is_ok(),
    };
    on_curve.then_some(()).ok_or(REFUSED)
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

    fn keys() -> [Key; 2] {
        [Key::new(1), Key::brainpool(1)]
    }

    fn public(key: &Key) -> PublicKey {
        PublicKey::new(key.curve(), &key.point()).unwrap()
    }

    /// n of each curve.
    fn order(curve: Curve) -> [u8; 32] {
        let text = match curve {
            Curve::NistP256 => "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
            Curve::BrainpoolP256r1 => "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7",
        };
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_signature_fits_its_key_and_its_octets_only() {
        for (key, other) in [(Key::new(1), Key::new(2)), (Key::brainpool(1), Key::brainpool(2))] {
            let signature = key.sign_fixed(b"message");
            let (public, stranger) = (public(&key), public(&other));
            assert_eq!(public.verify_fixed(&[b"mess", b"age"], &signature), Ok(()));
            assert_eq!(public.verify_fixed(&[b"message"], &signature), Ok(()));
            assert_eq!(public.verify_fixed(&[b"massage"], &signature), Err(BadSignature));
            assert_eq!(stranger.verify_fixed(&[b"message"], &signature), Err(BadSignature));
        }
        let [nist, brainpool] = keys();
        let signature = nist.sign_fixed(b"message");
        assert_eq!(public(&brainpool).verify_fixed(&[b"message"], &signature), Err(BadSignature));
    }

    #[test]
    fn r_and_s_outside_one_to_n_minus_one_never_verify() {
        for key in keys() {
            let good = *key.sign_fixed(b"message").octets();
            let (r, s): ([u8; 32], [u8; 32]) =
                (good[..32].try_into().unwrap(), good[32..].try_into().unwrap());
            for bad in [[0; 32], [0xFF; 32], order(key.curve())] {
                for halves in [[bad, s], [r, bad], [bad, bad]] {
                    let signature = Signature::from_octets(halves.concat().try_into().unwrap());
                    assert_eq!(public(&key).verify_fixed(&[b"message"], &signature), Err(BadSignature));
                }
            }
        }
    }

    /// s + n is the same number modulo n, and must not be a second form of one signature.
    #[test]
    fn the_der_form_is_read_in_its_one_canonical_form() {
        for key in keys() {
            let good = key.sign_asn1(b"message");
            let public = public(&key);
            assert_eq!(public.verify_asn1(b"message", &good), Ok(()));
            assert_eq!(public.verify_asn1(b"massage", &good), Err(BadSignature));
            let body = &good[2..];
            let length = u8::try_from(body.len()).unwrap();
            let padded = {
                // r with a superfluous zero before it
                let first = [&[0x02, body[1] + 1, 0][..], &body[2..]].concat();
                [&[0x30, length + 1][..], &first].concat()
            };
            let long = [&[0x30, 0x81, length][..], body].concat();
            let indefinite = [&[0x30, 0x80][..], body, &[0, 0]].concat();
            let trailing = [&good[..], &[0]].concat();
            let raw = key.sign_fixed(b"message").octets().to_vec();
            for bad in [padded, long, indefinite, trailing, raw, good[..good.len() - 1].to_vec(), vec![]] {
                assert_eq!(public.verify_asn1(b"message", &bad), Err(BadSignature), "{bad:02X?}");
            }
        }
    }

    #[test]
    fn a_point_is_uncompressed_and_on_its_own_curve() {
        let [nist, brainpool] = keys();
        for (key, other) in [(&nist, &brainpool), (&brainpool, &nist)] {
            let good = key.point();
            assert_eq!(check_point(key.curve(), &good), Ok(()));
            assert!(check_point(other.curve(), &good).is_err());
            let mut off = good.clone();
            off[64] ^= 1;
            let compressed = [&[0x02 | (good[64] & 1)][..], &good[1..33]].concat();
            let mut hybrid = good.clone();
            hybrid[0] = 0x06 | (good[64] & 1);
            for bad in [off, compressed, hybrid, vec![0], Vec::new(), vec![4; 65], good[..64].to_vec()] {
                assert!(check_point(key.curve(), &bad).is_err(), "{bad:02X?}");
            }
        }
    }

    #[test]
    fn a_stored_key_is_checked_again() {
        for key in keys() {
            let key = public(&key);
            let stored = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<PublicKey>(&stored).unwrap(), key);
        }
        assert!(serde_json::from_str::<PublicKey>(r#"{"curve":"nist_p256","point":"0400"}"#).is_err());
        let nist = serde_json::to_string(&public(&Key::new(1))).unwrap();
        let moved = nist.replace("nist_p256", "brainpool_p256r1");
        assert!(serde_json::from_str::<PublicKey>(&moved).is_err());
    }
}
