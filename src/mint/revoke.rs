//! Revokes certificates of a test PKI folder, for laboratories (SGP.22 4.6).
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::CrlPlan;
use super::MintError;
use super::RevokedCertificate;
use super::import::ci_with_key;
use super::issue_crl;
use crate::time::Timestamp;

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The list that the CI of `folder` would publish now, with these certificates revoked. Its number is the time, so
/// that a later list is a newer one.
pub fn revoke(
    folder: &Path,
    files: &[PathBuf],
    next_update: Timestamp,
    now: Timestamp,
) -> Result<Vec<u8>, MintError> {
    let ci = ci_with_key(folder)?;
    let revoked = files.iter().map(|file| certificate(file, now)).collect::<Result<_, _>>()?;
    let number = u64::try_from(now.unix_ms()).unwrap_or_default();
    issue_crl(&ci, &CrlPlan { number, this_update: now, next_update, revoked })
}

fn certificate(path: &Path, now: Timestamp) -> Result<RevokedCertificate, MintError> {
    let tried = |cause| MintError::File { what: "read", path: path.to_owned(), cause };
    let mut content = Vec::new();
    let file = fs::File::open(path).map_err(tried)?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut content).map_err(tried)?;
    let unreadable = || {
        let why = "is no certificate in PEM or DER".to_owned();
        MintError::Unreadable { path: path.to_owned(), why }
    };
    let der = match x509_parser::pem::parse_x509_pem(&content) {
        Ok((_, pem)) => pem.contents,
        Err(_) => content,
    };
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| unreadable())?;
    Ok(RevokedCertificate {
        serial: certificate.raw_serial().to_vec(),
        revoked_at: now,
        expires: Timestamp::from_unix_s(certificate.validity().not_after.timestamp()),
    })
}
