//! TLS on brainpoolP256r1 (SGP.22 2.6.6, 2.6.7.1; RFC 8422), which rustls lacks: for LPAs that offer no other curve.
//!
//! TLS 1.2 only, with `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`: a configuration of its own, so that the one for
//! everybody else knows nothing of it.
use std::fmt;
use std::sync::Arc;

use bp256::elliptic_curve::PublicKey;
use bp256::elliptic_curve::ecdh::diffie_hellman;
use bp256::elliptic_curve::sec1::ToSec1Point;
use bp256::r1::BrainpoolP256r1;
use bp256::r1::ecdsa::DerSignature;
use ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoClientAuth};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{
    CipherSuite, Error, NamedGroup, PeerMisbehaved, ServerConfig, SignatureAlgorithm, SignatureScheme,
    version,
};

use super::tls::provider;
use crate::fault::Fault;
use crate::random::{OsRandom, octets};
use crate::types::Secret;

/// brainpoolP256r1 in TLS 1.2 (RFC 7027).
const GROUP: NamedGroup = NamedGroup::Unknown(26);
/// Two thirds of all random values are scalars of the curve: so many draws never fail in a row.
const KEY_DRAWS_MAX: u32 = 128;

/// CERT.DP.TLS on brainpoolP256r1 and its key.
pub struct BrainpoolIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<ecdsa::SigningKey<BrainpoolP256r1>>,
}

impl BrainpoolIdentity {
    /// The key is PKCS#8 in PEM.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: &Secret<Vec<u8>>) -> Result<Self, Fault> {
        let text = std::str::from_utf8(key.expose()).map_err(Fault::caused("tls: read the key"))?;
        let key = bp256::r1::SecretKey::from_pkcs8_pem(text)
            .map_err(|_| Fault::new("tls: the key is not a brainpoolP256r1 key in PKCS#8 PEM form"))?;
        Ok(Self { chain, key: Arc::new(key.into()) })
    }

    /// The public point of the key, uncompressed.
    pub fn point(&self) -> Vec<u8> {
        self.key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }
}

/// Whether this client offers brainpoolP256r1, and not NIST P-256, which every other client of ES9+ has. Without the
/// suite there is nothing here for it.
pub(super) fn wanted(hello: &ClientHello<'_>) -> bool {
    let groups = hello.named_groups().unwrap_or_default();
    groups.contains(&GROUP)
        && !groups.contains(&NamedGroup::secp256r1)
        && hello.cipher_suites().contains(&CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
}

/// For ES9+: what such a client gets.
pub fn brainpool_config(identity: BrainpoolIdentity) -> Result<ServerConfig, Fault> {
    let mut provider = provider();
    provider.cipher_suites =
        vec![rustls::crypto::ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    provider.kx_groups = vec![&Group];
    let key = CertifiedKey::new(identity.chain, Arc::new(Key(identity.key)));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS12])
        .map_err(Fault::caused("tls: choose the protocol versions"))?
        .with_client_cert_verifier(Arc::new(NoClientAuth))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    Ok(super::tls::without_resumption(config))
}

/// A key for rustls. TLS 1.2 names a scheme by hash and kind; the curve is that of the certificate (RFC 8422 5.4).
#[derive(Clone)]
struct Key(Arc<ecdsa::SigningKey<BrainpoolP256r1>>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer: Box<dyn Signer> = Box::new(self.clone());
        offered.contains(&self.scheme()).then_some(signer)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: Result<DerSignature, _> = self.0.try_sign(message);
        let signature = signature.map_err(|_| Error::General("signing failed".to_owned()))?;
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        // "ecdsa with sha256" of TLS 1.2; the name is that of TLS 1.3.
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

/// ECDHE on the curve.
#[derive(Debug)]
struct Group;

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let random = OsRandom::new();
        for _ in 0..KEY_DRAWS_MAX {
            let scalar = octets::<32>(&random).map_err(|_| Error::FailedToGetRandomBytes)?;
            if let Ok(key) = bp256::r1::SecretKey::from_slice(Secret::new(scalar).expose()) {
                let point = key.public_key().to_sec1_point(false).as_bytes().to_vec();
                return Ok(Box::new(Exchange { key, point }));
            }
        }
        Err(Error::FailedToGetRandomBytes)
    }

    fn name(&self) -> NamedGroup {
        GROUP
    }
}

struct Exchange {
    /// Wipes itself.
    key: bp256::r1::SecretKey,
    point: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let uncompressed = peer.first() == Some(&0x04);
        let peer = PublicKey::<BrainpoolP256r1>::from_sec1_bytes(peer).ok().filter(|_| uncompressed);
        let peer = peer.ok_or(PeerMisbehaved::InvalidKeyShare)?;
        let shared = diffie_hellman(self.key.to_nonzero_scalar(), peer.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.point
    }

    fn group(&self) -> NamedGroup {
        GROUP
    }
}
