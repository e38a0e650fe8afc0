//! TLS 1.2 on brainpoolP256r1 alone, which rustls lacks: an LPA that knows no other curve (SGP.22 section 2.6.6).

use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureScheme};

use crate::curve::{Curve, OneTimeKey, PublicKey, verify_der};

/// Its number in TLS 1.2 (RFC 7027).
const GROUP: NamedGroup = NamedGroup::Unknown(26);

/// Offers this curve and the suite that every SM-DP+ has, and believes certificates on this curve only.
pub(crate) fn provider() -> CryptoProvider {
    let schemes: &[(SignatureScheme, &[&dyn SignatureVerificationAlgorithm])] =
        // "ecdsa with sha256" of TLS 1.2, whatever the curve; the name is that of TLS 1.3.
        &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[&Verifier])];
    CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256],
        kx_groups: vec![&Group],
        signature_verification_algorithms: WebPkiSupportedAlgorithms { all: &[&Verifier], mapping: schemes },
        ..ring::default_provider()
    }
}

/// ECDSA with SHA-256 of keys on the curve.
#[derive(Debug)]
struct Verifier;

impl SignatureVerificationAlgorithm for Verifier {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = PublicKey { curve: Curve::BrainpoolP256r1, point: key.to_vec() };
        verify_der(&key, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        // id-ecPublicKey with brainpoolP256r1
        AlgorithmIdentifier::from_slice(&[
            0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02,
            0x08, 0x01, 0x01, 0x07,
        ])
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        // ecdsa-with-SHA256
        AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02])
    }
}

/// ECDHE on the curve.
#[derive(Debug)]
struct Group;

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = OneTimeKey::generate(Curve::BrainpoolP256r1).map_err(|_| Error::FailedToGetRandomBytes)?;
        Ok(Box::new(Exchange(key)))
    }

    fn name(&self) -> NamedGroup {
        GROUP
    }
}

struct Exchange(OneTimeKey);

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let shared = self.0.agree(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        Ok(SharedSecret::from(shared.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.0.public
    }

    fn group(&self) -> NamedGroup {
        GROUP
    }
}
