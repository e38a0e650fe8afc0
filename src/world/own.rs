//! Our own certificates and keys (SGP.22 4.5.2), and the CIs that we believe.
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Expiry;
use super::read_certificate_file;
use crate::config::Config;
use crate::config::Credentials as Files;
use crate::config::read_private;
use crate::hsm::Hsm;
use crate::hsm::SoftKeys;
use crate::pki::Certificate;
use crate::pki::Credential;
use crate::pki::Credentials;
use crate::pki::TrustStore;
use crate::pki::key_fits;
use crate::time::Timestamp;

/// The CI certificates. `None`: something is wrong with them, and `wrong` says what.
pub(super) fn trust(
    config: &Config,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> Option<TrustStore> {
    let mut roots = Vec::new();
    for ci in &config.ci {
        let path = &ci.certificate;
        match certificate(path).and_then(|root| in_time(path, "the CI certificate", root, now)) {
            Ok(root) => {
                expiries.push(Expiry::of("CI", path, &root));
                roots.push(root);
            }
            Err(why) => wrong.push(why),
        }
    }
    if roots.len() != config.ci.len() {
        return None;
    }
    TrustStore::new(roots).map_err(|error| wrong.push(format!("[[ci]]: {error}"))).ok()
}

/// All credentials with their keys, in the order of the configuration: the vault counts in the same order.
///
/// Without `trust` nothing can come of it, but what is wrong with the keys is still found.
pub(super) fn open(
    config: &Config,
    trust: Option<&TrustStore>,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> Option<(Hsm, Credentials)> {
    let mut keys = SoftKeys::default();
    let mut credentials = Vec::new();
    for files in &config.credentials {
        match credential(files, trust, now, &mut keys) {
            Ok(credential) if credentials.iter().any(|other: &Credential| other.ci == credential.ci) => {
                wrong.push(format!(
                    "{}: another [[credentials]] is under the same CI, and only the first would be used: keep one",
                    files.dpauth_certificate.display()
                ));
            }
            Ok(credential) => {
                expiries.push(Expiry::of("DPauth", &files.dpauth_certificate, &credential.dpauth));
                expiries.push(Expiry::of("DPpb", &files.dppb_certificate, &credential.dppb));
                credentials.push(credential);
            }
            Err(several) => wrong.extend(several),
        }
    }
    let complete = credentials.len() == config.credentials.len();
    complete.then(|| (Hsm::Soft(Box::new(keys)), Credentials::new(credentials)))
}

fn credential(
    files: &Files,
    trust: Option<&TrustStore>,
    now: Timestamp,
    keys: &mut SoftKeys,
) -> Result<Credential, Vec<String>> {
    let mut wrong = Vec::new();
    let mut or_wrong = |result: Result<Certificate, String>| result.map_err(|why| wrong.push(why)).ok();
    let certificates =
        (or_wrong(certificate(&files.dpauth_certificate)), or_wrong(certificate(&files.dppb_certificate)));
    let mut or_wrong = |path: &Path| {
        let key = read_private(path);
        key.map_err(|error| wrong.push(format!("private key: {error}"))).ok()
    };
    let secrets = (or_wrong(&files.dpauth_key), or_wrong(&files.dppb_key));
    let ((Some(dpauth), Some(dppb)), (Some(dpauth_key), Some(dppb_key))) = (certificates, secrets) else {
        return Err(wrong);
    };

    let pair = format!("{} and {}", files.dpauth_certificate.display(), files.dppb_certificate.display());
    let credential = trust.map(|trust| Credential::new(dpauth.der(), dppb.der(), trust, now));
    let credential =
        credential.transpose().map_err(|error| wrong.push(format!("{pair}: {error}"))).ok().flatten();
    let key_pair = format!("{} and {}", files.dpauth_key.display(), files.dppb_key.display());
    match keys.add(&dpauth_key, &dppb_key) {
        Ok(points) => {
            for (path, certificate, point) in
                [(&files.dpauth_key, &dpauth, &points.0), (&files.dppb_key, &dppb, &points.1)]
            {
                let fits = key_fits(certificate, point);
                wrong.extend(fits.err().map(|error| format!("{}: {error}", path.display())));
            }
        }
        Err(error) => wrong.push(format!("{key_pair}: {error}")),
    }
    credential.filter(|_| wrong.is_empty()).ok_or(wrong)
}

/// The first certificate of a file, in PEM or DER.
pub(super) fn certificate(path: &Path) -> Result<Certificate, String> {
    let content = read_certificate_file(path)?;
    let der = match CertificateDer::from_pem_slice(&content) {
        Ok(der) => der.to_vec(),
        Err(_) => content,
    };
    Certificate::parse(&der)
        .map_err(|_| format!("{} is no X.509 certificate in PEM or DER: give the CA's file", path.display()))
}

pub(super) fn in_time(
    path: &Path,
    what: &str,
    certificate: Certificate,
    now: Timestamp,
) -> Result<Certificate, String> {
    let (from, to) = (certificate.not_before(), certificate.not_after());
    if now > to {
        return Err(format!("{}: {what} expired on {to}: replace it by a new one", path.display()));
    }
    if now < from {
        return Err(format!(
            "{}: {what} is valid only from {from}, and it is {now}: check the clock, or wait",
            path.display()
        ));
    }
    Ok(certificate)
}
