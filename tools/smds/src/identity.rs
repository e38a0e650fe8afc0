//! Who this SM-DS is: CERT.DSauth and its key, CERT.DS.TLS, and the CIs that it believes (SGP.22 4.5.2.1).
use std::fs;
use std::path::{Path, PathBuf};

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature as Ecdsa, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use smdpp::asn1::KeyId;
use smdpp::fault::Fault;
use smdpp::pki::{Certificate, Role, TrustStore, check_tls_certificate, names_role};
use smdpp::server::Identity as Tls;
use smdpp::time::{Clock, SystemClock};

/// Where the certificates and keys are; PEM.
#[derive(Debug, Clone)]
pub struct Files {
    pub dsauth: (PathBuf, PathBuf),
    pub dstls: (PathBuf, PathBuf),
    pub ci: Vec<PathBuf>,
}

impl Files {
    /// As `smdpp pki init-test` lays them out.
    pub fn of_folder(folder: &Path) -> Self {
        let pair = |name: &str| (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        Self { dsauth: pair("dsauth"), dstls: pair("dstls"), ci: vec![folder.join("ci.pem")] }
    }
}

/// What is wrong with the files, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

pub struct Identity {
    pub(crate) address: String,
    pub(crate) trust: TrustStore,
    pub(crate) dsauth: Certificate,
    /// The CI of CERT.DSauth.
    pub(crate) ci: KeyId,
    key: SigningKey,
    tls: (Vec<u8>, Vec<u8>),
    roots: Vec<Certificate>,
}

impl Identity {
    pub fn read(address: &str, files: &Files) -> Result<Self, Unusable> {
        let roots = files.ci.iter().map(|path| certificate(path)).collect::<Result<Vec<_>, _>>()?;
        let trust = TrustStore::new(roots.clone()).map_err(|error| Unusable(error.to_string()))?;
        let (path, key_path) = &files.dsauth;
        let dsauth = certificate(path)?;
        let wrong = |what: &str| Unusable(format!("{}: {what}", path.display()));
        if !names_role(dsauth.der(), Role::DsAuth) {
            return Err(wrong("is no CERT.DSauth (policy 2.23.146.1.2.1.7)"));
        }
        let ci = dsauth.authority_key_id().filter(|ci| trust.root(ci).is_some()).cloned();
        let ci = ci.ok_or_else(|| wrong("was issued by a CI that is not given"))?;
        let pem = String::from_utf8(read(key_path)?).unwrap_or_default();
        let key = SigningKey::from_pkcs8_pem(&pem)
            .map_err(|_| Unusable(format!("{} is no P-256 key in PKCS#8 PEM", key_path.display())))?;
        let point = key.verifying_key().to_sec1_point(false);
        if dsauth.key().is_none_or(|own| own.point() != point.as_bytes()) {
            return Err(wrong("does not belong to the key that is given"));
        }
        let (tls_path, tls_key) = &files.dstls;
        check_tls_certificate(certificate(tls_path)?.der(), address, SystemClock.now())
            .map_err(|error| Unusable(format!("{}: {error}", tls_path.display())))?;
        let tls = (read(tls_path)?, read(tls_key)?);
        Ok(Self { address: address.to_owned(), trust, dsauth, ci, key, tls, roots })
    }

    /// SK.DSauth over `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<[u8; 64]> {
        let signature: Ecdsa = self.key.try_sign(message).ok()?;
        signature.to_bytes().as_slice().try_into().ok()
    }

    pub(crate) fn tls(&self) -> Result<Tls, Fault> {
        Tls::from_pem(&self.tls.0, &self.tls.1)
    }

    pub(crate) fn roots(&self) -> Vec<CertificateDer<'static>> {
        self.roots.iter().map(|root| CertificateDer::from(root.der().to_vec())).collect()
    }
}

fn certificate(path: &Path) -> Result<Certificate, Unusable> {
    let wrong = || Unusable(format!("{} is no X.509 certificate in PEM", path.display()));
    let der = CertificateDer::from_pem_slice(&read(path)?).map_err(|_| wrong())?;
    Certificate::parse(&der).map_err(|_| wrong())
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    fs::read(path).map_err(|cause| Unusable(format!("cannot read {}: {cause}", path.display())))
}
