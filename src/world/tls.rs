//! The TLS certificates and keys of both doors (SGP.22 2.6.6, 6.1).
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Expiry;
use super::own::certificate;
use super::own::in_time;
use super::read_certificate_file;
use crate::config::Config;
use crate::config::read_private;
use crate::fault::Fault;
use crate::pki::Certificate;
use crate::pki::check_tls_certificate;
use crate::pki::key_fits;
use crate::server::BrainpoolIdentity;
use crate::server::Identity;
use crate::server::brainpool_config;
use crate::server::es2plus_config;
use crate::server::es9plus_config;
use crate::time::Timestamp;
use crate::types::Secret;

/// The ready configuration of a door.
pub type Tls = rustls::ServerConfig;

pub(super) fn es9plus(
    config: &Config,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> Option<Tls> {
    let door = &config.es9plus;
    let paths = Paths { certificate: &door.tls_certificate, key: &door.tls_key };
    let opened = paths.open(now).and_then(|(identity, own)| {
        // Phones come by the SM-DP+ address; operators may know this server by another name.
        check_tls_certificate(own.der(), config.address.as_str(), now)
            .map_err(|error| vec![format!("{}: {error}", paths.certificate.display())])?;
        expiries.push(Expiry::of("ES9+ TLS", paths.certificate, &own));
        es9plus_config(identity).map_err(|fault| vec![paths.wrong(&fault.story())])
    });
    opened.map_err(|several| wrong.extend(several)).ok()
}

/// The second certificate of ES9+, if one is configured.
pub(super) fn es9plus_brainpool(
    config: &Config,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> Option<Tls> {
    let door = &config.es9plus;
    let (certificate, key) = (door.brainpool_tls_certificate.as_ref()?, door.brainpool_tls_key.as_ref()?);
    let paths = Paths { certificate, key };
    let opened = paths.files(now).and_then(|(chain, key, own)| {
        let named = |error| vec![format!("{}: {error}", certificate.display())];
        check_tls_certificate(own.der(), config.address.as_str(), now).map_err(named)?;
        expiries.push(Expiry::of("ES9+ TLS (brainpool)", certificate, &own));
        let refused = |fault: Fault| vec![paths.wrong(&fault.story())];
        let identity = BrainpoolIdentity::new(chain, &key).map_err(refused)?;
        key_fits(&own, &identity.point()).map_err(|error| vec![paths.wrong(&error.to_string())])?;
        brainpool_config(identity).map_err(refused)
    });
    opened.map_err(|several| wrong.extend(several)).ok()
}

pub(super) fn es2plus(
    config: &Config,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> Option<Tls> {
    let door = &config.es2plus;
    let paths = Paths { certificate: &door.tls_certificate, key: &door.tls_key };
    let identity = paths.open(now);
    let roots = roots(&door.client_ca, now, "the operators' CA certificate");
    let (identity, roots) = match (identity, roots) {
        (Ok(identity), Ok(roots)) => (identity, roots),
        (identity, roots) => {
            wrong.extend(identity.err().unwrap_or_default());
            wrong.extend(roots.err());
            return None;
        }
    };
    expiries.push(Expiry::of("ES2+ TLS", paths.certificate, &identity.1));
    expiries.push(Expiry::of("operator CA", &door.client_ca, &roots.1));
    let built = es2plus_config(identity.0, &roots.0);
    built.map_err(|fault| wrong.push(paths.wrong(&fault.story()))).ok()
}

type Files = (Vec<CertificateDer<'static>>, Secret<Vec<u8>>, Certificate);

/// The two files of a door.
pub(super) struct Paths<'a> {
    pub(super) certificate: &'a Path,
    pub(super) key: &'a Path,
}

impl Paths<'_> {
    pub(super) fn open(&self, now: Timestamp) -> Result<(Identity, Certificate), Vec<String>> {
        let (chain, key, own) = self.files(now)?;
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| {
            vec![format!("{} is no private key in PEM: give a P-256 key", self.key.display())]
        })?;
        Ok((Identity { chain, key }, own))
    }

    /// The chain, the key as it is in its file, and the first certificate of the chain, which is in time.
    fn files(&self, now: Timestamp) -> Result<Files, Vec<String>> {
        let own = certificate(self.certificate)
            .and_then(|own| in_time(self.certificate, "the TLS certificate", own, now));
        let key = read_private(self.key).map_err(|error| format!("private key: {error}"));
        let (own, key) = match (own, key) {
            (Ok(own), Ok(key)) => (own, key),
            (own, key) => return Err(own.err().into_iter().chain(key.err()).collect()),
        };
        let chain = certificates(self.certificate).map_err(|why| vec![why])?;
        Ok((chain, key, own))
    }

    fn wrong(&self, story: &str) -> String {
        format!("{} with key {}: {story}", self.certificate.display(), self.key.display())
    }
}

/// The roots of a file, and the one of them that ends first.
pub(super) fn roots(
    path: &Path,
    now: Timestamp,
    what: &str,
) -> Result<(Vec<CertificateDer<'static>>, Certificate), String> {
    let roots = certificates(path)?;
    let mut first: Option<Certificate> = None;
    for root in &roots {
        let parsed = Certificate::parse(root)
            .map_err(|_| format!("{} holds something that is no X.509 certificate", path.display()))?;
        let root = in_time(path, what, parsed, now)?;
        first = Some(match first {
            Some(first) if first.not_after() <= root.not_after() => first,
            Some(_) | None => root,
        });
    }
    let first = first.ok_or_else(|| format!("{} holds no certificate", path.display()))?;
    Ok((roots, first))
}

/// All certificates of a file, in PEM, or the one in DER.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let content = read_certificate_file(path)?;
    let wrong = |_| format!("{} is damaged PEM: give the CA's file", path.display());
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&content).collect::<Result<_, _>>().map_err(wrong)?;
    Ok(if chain.is_empty() { vec![CertificateDer::from(content)] } else { chain })
}
