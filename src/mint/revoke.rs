//! Revokes certificates of a test PKI folder, for laboratories (SGP.22 4.6).
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::CrlPlan;
use super::MintError;
use super::RevokedCertificate;
use super::import::ci_with_key;
use super::issue_crl;
use crate::time::Timestamp;

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The list that a CI of `folder` would publish now, with these certificates revoked: the CI that issued them, or
/// the folder's own. Its number is the time, so that a later list is a newer one.
pub fn revoke(
    folder: &Path,
    files: &[PathBuf],
    next_update: Timestamp,
    now: Timestamp,
) -> Result<Vec<u8>, MintError> {
    let found: Vec<Found> = files.iter().map(|file| read(file, now)).collect::<Result<_, _>>()?;
    let issuer = found.iter().find_map(|found| found.issuer.as_deref());
    let ci = ci_with_key(folder, issuer)?;
    let other = found
        .iter()
        .zip(files)
        .find(|(found, _)| found.issuer.as_deref().is_some_and(|id| id != ci.key_id()));
    if let Some((_, path)) = other {
        let why = "was issued by another CI than the others: each CI has its own list".to_owned();
        return Err(MintError::Unreadable { path: path.clone(), why });
    }
    let number = u64::try_from(now.unix_ms()).unwrap_or_default();
    let revoked = found.into_iter().map(|found| found.line).collect();
    issue_crl(&ci, &CrlPlan { number, this_update: now, next_update, revoked })
}

struct Found {
    line: RevokedCertificate,
    /// The key identifier of its issuer; a root may have none.
    issuer: Option<Vec<u8>>,
}

fn read(path: &Path, now: Timestamp) -> Result<Found, MintError> {
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
    let issuer = certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityKeyIdentifier(issuer) = extension.parsed_extension() else {
            return None;
        };
        Some(issuer.key_identifier.as_ref()?.0.to_vec())
    });
    let line = RevokedCertificate {
        serial: certificate.raw_serial().to_vec(),
        revoked_at: now,
        expires: Timestamp::from_unix_s(certificate.validity().not_after.timestamp()),
    };
    Ok(Found { line, issuer })
}
