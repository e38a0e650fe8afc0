//! The one-time key of a binding (SGP.22 5.5.1): made, used once, and gone before the package leaves.
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;

use crate::fault::Fault;
use crate::types::Secret;

/// What is left of a key agreement: our public point, and the secret Z. The private key is gone.
pub struct Agreed {
    /// otPK.DP, uncompressed.
    pub otpk: Vec<u8>,
    pub z: Secret<Vec<u8>>,
}

/// Agrees with otPK.EUICC on P-256. `None`: the point is not one of the curve.
#[expect(clippy::disallowed_methods, reason = "a vault owns its entropy")]
pub fn agree(euicc_otpk: &[u8]) -> Result<Option<Agreed>, Fault> {
    let key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
    let key = key.map_err(|_| Fault::new("hsm: one-time key"))?;
    let otpk = key.compute_public_key().map_err(|_| Fault::new("hsm: one-time key"))?.as_ref().to_vec();
    let peer = UnparsedPublicKey::new(&ECDH_P256, euicc_otpk);
    let z = agree_ephemeral(key, &peer, |z| Secret::new(z.to_vec()));
    Ok(z.ok().map(|z| Agreed { otpk, z }))
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::sec1::ToSec1Point;

    use super::*;

    #[test]
    fn both_sides_agree_and_each_key_is_new() {
        let euicc = p256::SecretKey::from_slice(&[0x22; 32]).unwrap();
        let point = euicc.public_key().to_sec1_point(false);
        let ours = agree(point.as_bytes()).unwrap().unwrap();
        let peer = p256::PublicKey::from_sec1_bytes(&ours.otpk).unwrap();
        let theirs = p256::ecdh::diffie_hellman(euicc.to_nonzero_scalar(), peer.as_affine());
        assert_eq!(ours.z.expose().as_slice(), theirs.raw_secret_bytes().as_slice());
        assert_ne!(agree(point.as_bytes()).unwrap().unwrap().otpk, ours.otpk);
    }

    #[test]
    fn a_point_off_the_curve_gives_nothing() {
        let mut point = vec![4u8];
        point.extend([7; 64]);
        assert!(agree(&point).unwrap().is_none());
        assert!(agree(&[0]).unwrap().is_none());
        assert!(agree(&[]).unwrap().is_none());
    }
}
