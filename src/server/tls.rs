//! What TLS the two doors speak: ES9+ shows a certificate, ES2+ also demands one (SGP.22 2.6.6, 6.1).
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, SignatureScheme, version};

use crate::fault::Fault;

/// A certificate chain, its own certificate first, and the key that belongs to it.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Fault> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(Fault::caused("tls: read the certificate chain"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(Fault::caused("tls: read the key"))?;
        Ok(Self { chain, key })
    }
}

/// The configuration of a listener. Replaced while it runs: new connections take the new one, old ones stay.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    config: Arc<RwLock<Arc<ServerConfig>>>,
    /// For clients that offer brainpoolP256r1 and not P-256.
    brainpool: Option<Arc<ServerConfig>>,
}

impl TlsConfig {
    pub fn new(config: ServerConfig) -> Self {
        Self { config: Arc::new(RwLock::new(Arc::new(config))), brainpool: None }
    }

    /// With a second certificate, from `brainpool_config`.
    #[must_use]
    pub fn with_brainpool(self, config: Option<ServerConfig>) -> Self {
        Self { brainpool: config.map(Arc::new), ..self }
    }

    pub(super) fn brainpool(&self) -> Option<&Arc<ServerConfig>> {
        self.brainpool.as_ref()
    }

    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn replace(&self, config: ServerConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

/// Makes `ring` the one provider of this process. Call it first thing: rustls panics if it has to guess.
pub fn install_provider() {
    // An error only says that somebody installed a provider before us; our own listeners name theirs anyway.
    drop(ring::default_provider().install_default());
}

/// For ES9+: the server is known by its certificate, the LPA stays anonymous.
pub fn es9plus_config(identity: Identity) -> Result<ServerConfig, Fault> {
    config(identity, Arc::new(NoClientAuth))
}

/// For ES2+: a client without a valid certificate from one of `client_roots` does not get past the handshake.
pub fn es2plus_config(
    identity: Identity,
    client_roots: &[CertificateDer<'static>],
) -> Result<ServerConfig, Fault> {
    let mut roots = RootCertStore::empty();
    for root in client_roots {
        roots.add(root.clone()).map_err(Fault::caused("tls: read the operators' root certificate"))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider()))
        .build()
        .map_err(Fault::caused("tls: build the verifier of operators"))?;
    config(identity, verifier)
}

fn config(identity: Identity, verifier: Arc<dyn ClientCertVerifier>) -> Result<ServerConfig, Fault> {
    let provider = Arc::new(provider());
    let key = provider
        .key_provider
        .load_private_key(identity.key.clone_key())
        .map_err(Fault::caused("tls: load the key"))?;
    if key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).is_none() {
        return Err(Fault::new("tls: the key is not a P-256 key"));
    }
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(Fault::caused("tls: choose the protocol versions"))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain, identity.key)
        .map_err(Fault::caused("tls: use the certificate with its key"))?;
    Ok(without_resumption(config))
}

/// 3.1.2: each session has a new key exchange, so nothing is kept to resume one.
pub(super) fn without_resumption(mut config: ServerConfig) -> ServerConfig {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// `ring` with the suites that an ECDSA P-256 certificate can serve, all with forward secrecy.
pub(super) fn provider() -> CryptoProvider {
    use ring::cipher_suite as suite;
    use ring::kx_group;
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![kx_group::SECP256R1, kx_group::X25519],
        ..ring::default_provider()
    }
}
