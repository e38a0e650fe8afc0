//! The one-time key of a binding (SGP.22 5.5.1): made, used once, and gone before the package leaves.
use bp256::elliptic_curve::PublicKey;
use bp256::elliptic_curve::ecdh::diffie_hellman;
use bp256::elliptic_curve::sec1::ToSec1Point;
use bp256::r1::BrainpoolP256r1;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;

use crate::fault::Fault;
use crate::random::OsRandom;
use crate::random::Random;
use crate::random::octets;
use crate::types::Curve;
use crate::types::Secret;

/// Half of all random values and more are scalars of the curve: so many draws never fail in a row.
const KEY_DRAWS_MAX: u32 = 128;

/// What is left of a key agreement: our public point, and the secret Z. The private key is gone.
pub struct Agreed {
    /// otPK.DP, uncompressed.
    pub otpk: Vec<u8>,
    pub z: Secret<Vec<u8>>,
}

/// Agrees with otPK.EUICC on the curve of CERT.DPpb. `None`: the point is not an uncompressed one of that curve.
pub fn agree(curve: Curve, euicc_otpk: &[u8]) -> Result<Option<Agreed>, Fault> {
    match curve {
        Curve::NistP256 => nist(euicc_otpk),
        Curve::BrainpoolP256r1 => brainpool(euicc_otpk),
    }
}

#[expect(clippy::disallowed_methods, reason = "a vault owns its entropy")]
fn nist(euicc_otpk: &[u8]) -> Result<Option<Agreed>, Fault> {
    let key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
    let key = key.map_err(|_| Fault::new("hsm: one-time key"))?;
    let otpk = key.compute_public_key().map_err(|_| Fault::new("hsm: one-time key"))?.as_ref().to_vec();
    let peer = UnparsedPublicKey::new(&ECDH_P256, euicc_otpk);
    let z = agree_ephemeral(key, &peer, |z| Secret::new(z.to_vec()));
    Ok(z.ok().map(|z| Agreed { otpk, z }))
}

fn brainpool(euicc_otpk: &[u8]) -> Result<Option<Agreed>, Fault> {
    // `from_sec1_bytes` reads compressed points too.
    let uncompressed = euicc_otpk.first() == Some(&0x04);
    let peer = PublicKey::<BrainpoolP256r1>::from_sec1_bytes(euicc_otpk);
    let Some(peer) = peer.ok().filter(|_| uncompressed) else { return Ok(None) };
    let key = brainpool_key(&OsRandom::new())?;
    let otpk = key.public_key().to_sec1_point(false).as_bytes().to_vec();
    // The shared point is wiped when it goes out of scope, as the key is.
    let shared = diffie_hellman(key.to_nonzero_scalar(), peer.as_affine());
    Ok(Some(Agreed { otpk, z: Secret::new(shared.raw_secret_bytes().to_vec()) }))
}

/// A scalar drawn evenly: a value outside the curve's order is drawn again.
fn brainpool_key(random: &dyn Random) -> Result<bp256::r1::SecretKey, Fault> {
    for _ in 0..KEY_DRAWS_MAX {
        let scalar = Secret::new(octets::<32>(random)?);
        if let Ok(key) = bp256::r1::SecretKey::from_slice(scalar.expose()) {
            return Ok(key);
        }
    }
    Err(Fault::new("hsm: one-time key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an eUICC with this one-time key computes of our point.
    fn euicc(curve: Curve, otpk: &[u8]) -> Vec<u8> {
        let secret = [0x22; 32];
        match curve {
            Curve::NistP256 => {
                let key = p256::SecretKey::from_slice(&secret).unwrap();
                let peer = p256::PublicKey::from_sec1_bytes(otpk).unwrap();
                diffie_hellman(key.to_nonzero_scalar(), peer.as_affine()).raw_secret_bytes().to_vec()
            }
            Curve::BrainpoolP256r1 => {
                let key = bp256::r1::SecretKey::from_slice(&secret).unwrap();
                let peer = PublicKey::<BrainpoolP256r1>::from_sec1_bytes(otpk).unwrap();
                diffie_hellman(key.to_nonzero_scalar(), peer.as_affine()).raw_secret_bytes().to_vec()
            }
        }
    }

    fn point(curve: Curve) -> Vec<u8> {
        let secret = [0x22; 32];
        match curve {
            Curve::NistP256 => {
                let key = p256::SecretKey::from_slice(&secret).unwrap();
                key.public_key().to_sec1_point(false).as_bytes().to_vec()
            }
            Curve::BrainpoolP256r1 => {
                let key = bp256::r1::SecretKey::from_slice(&secret).unwrap();
                key.public_key().to_sec1_point(false).as_bytes().to_vec()
            }
        }
    }

    #[test]
    fn both_sides_agree_and_each_key_is_new() {
        for curve in Curve::ALL {
            let ours = agree(curve, &point(curve)).unwrap().unwrap();
            assert_eq!(*ours.z.expose(), euicc(curve, &ours.otpk));
            assert_eq!((ours.otpk.len(), ours.otpk[0]), (65, 4));
            assert_ne!(agree(curve, &point(curve)).unwrap().unwrap().otpk, ours.otpk);
        }
    }

    #[test]
    fn a_point_off_the_curve_or_in_another_form_gives_nothing() {
        for (curve, other) in
            [(Curve::NistP256, Curve::BrainpoolP256r1), (Curve::BrainpoolP256r1, Curve::NistP256)]
        {
            let good = point(curve);
            let compressed = [&[0x02 | (good[64] & 1)][..], &good[1..33]].concat();
            let no_point = [&[4][..], &[7; 64]].concat();
            for bad in [point(other), compressed, no_point, vec![0], vec![], good[..64].to_vec()] {
                assert!(agree(curve, &bad).unwrap().is_none(), "{bad:02X?}");
            }
        }
    }
}
