//! Reads every file of a folder and says what it is: certificate by policy, key by public key.
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::super::Issued;
use super::super::MintError;
use super::super::extension::Role;
use super::super::key::Key;
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Eid;
use crate::types::Oid;
use crate::types::Secret;

/// A PKI folder is small; whoever names `/` by mistake shall not wait.
const FILES_MAX: usize = 2_000;
const DEPTH_MAX: u32 = 4;
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// One certificate of a known role on a curve that the server speaks.
pub(super) struct Found {
    /// Path below the source folder.
    pub(super) file: String,
    pub(super) der: Vec<u8>,
    pub(super) role: Role,
    pub(super) curve: Curve,
    pub(super) not_after: Timestamp,
    pub(super) registered: Option<Oid>,
    pub(super) dns: Vec<String>,
    pub(super) eid: Option<Eid>,
    subject: Vec<u8>,
    point: Vec<u8>,
    key_id: Vec<u8>,
    issuer: Vec<u8>,
    issuer_key_id: Option<Vec<u8>>,
}

impl Found {
    /// By name and key identifier; the server verifies the signatures when it starts.
    pub(super) fn issued_by(&self, ca: &Self) -> bool {
        self.issuer == ca.subject && self.issuer_key_id.as_ref().is_none_or(|id| *id == ca.key_id)
    }
}

/// Everything that was found.
#[derive(Default)]
pub(super) struct Set {
    pub(super) certificates: Vec<Found>,
    keys: Vec<Key>,
    pub(super) left_alone: Vec<(String, String)>,
}

impl Set {
    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &Found> {
        self.certificates.iter().filter(move |found| found.role == role)
    }

    pub(super) fn key(&self, found: &Found) -> Option<&Key> {
        self.keys.iter().find(|key| key.curve() == found.curve && key.point() == found.point)
    }

    pub(super) fn key_pkcs8(&self, found: &Found) -> Option<Secret<Vec<u8>>> {
        self.key(found)?.pkcs8().ok()
    }

    /// `found` as an issuer, if its key is here.
    pub(super) fn issuer(&self, found: &Found) -> Result<Option<Issued>, MintError> {
        let key = self.key(found).cloned();
        let adopt = |key| Issued::adopt(found.der.clone(), found.subject.clone(), found.key_id.clone(), key);
        key.map(adopt).transpose()
    }
}

pub(super) fn read(source: &Path) -> Result<Set, MintError> {
    let mut files = Vec::new();
    collect(source, 0, &mut files)?;
    files.sort();
    let mut set = Set::default();
    for path in files {
        let file = path.strip_prefix(source).unwrap_or(&path).display().to_string();
        match content(&path)? {
            Some(content) => set.add(file, &content),
            None => set.left_alone.push((file, "too large for a certificate or key".to_owned())),
        }
    }
    Ok(set)
}

fn collect(folder: &Path, depth: u32, files: &mut Vec<PathBuf>) -> Result<(), MintError> {
    let tried = |cause: io::Error| MintError::File { what: "read folder", path: folder.to_owned(), cause };
    for entry in fs::read_dir(folder).map_err(tried)? {
        let path = entry.map_err(tried)?.path();
        if path.is_dir() {
            if depth < DEPTH_MAX {
                collect(&path, depth.saturating_add(1), files)?;
            }
        } else if path.is_file() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            let why = format!("has more than {FILES_MAX} files: that is no PKI");
            return Err(MintError::Unreadable { path: folder.to_owned(), why });
        }
    }
    Ok(())
}

fn content(path: &Path) -> Result<Option<Secret<Vec<u8>>>, MintError> {
    let tried = |cause: io::Error| MintError::File { what: "read", path: path.to_owned(), cause };
    let file = fs::File::open(path).map_err(tried)?;
    if file.metadata().map_err(tried)?.len() > FILE_BYTES_MAX {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut content).map_err(tried)?;
    Ok(Some(Secret::new(content)))
}

impl Set {
    fn add(&mut self, file: String, content: &Secret<Vec<u8>>) {
        let blocks = pem_blocks(content.expose());
        if blocks.is_empty() {
            self.add_block(&file, "CERTIFICATE", content.expose());
            return;
        }
        // `EC PARAMETERS` only repeats the curve.
        for (label, der) in blocks.iter().filter(|(label, _)| label != "EC PARAMETERS") {
            self.add_block(&file, label, der.expose());
        }
    }

    fn add_block(&mut self, file: &str, label: &str, der: &[u8]) {
        let done = match label {
            "CERTIFICATE" => certificate(file, der).map(|found| self.certificates.push(found)),
            "EC PRIVATE KEY" => key(Key::from_sec1_der(der)).map(|key| self.keys.push(key)),
            "PRIVATE KEY" => key(Key::from_pkcs8_der(der)).map(|key| self.keys.push(key)),
            _ => Err("neither certificate nor private key".to_owned()),
        };
        if let Err(reason) = done {
            self.left_alone.push((file.to_owned(), reason));
        }
    }
}

fn key(key: Option<Key>) -> Result<Key, String> {
    key.ok_or_else(|| "not a key on NIST P-256 or brainpoolP256r1".to_owned())
}

fn certificate(file: &str, der: &[u8]) -> Result<Found, String> {
    let (rest, x509) =
        X509Certificate::from_der(der).map_err(|_| "neither PEM nor certificate".to_owned())?;
    if !rest.is_empty() {
        return Err("octets after the certificate".to_owned());
    }
    let curve = x509.public_key().algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    let curve = curve.and_then(|oid| Curve::of_oid_content(oid.as_bytes()));
    let curve = curve.ok_or("not a certificate on NIST P-256 or brainpoolP256r1")?;
    let mut found = Found {
        file: file.to_owned(),
        der: der.to_vec(),
        role: role(&x509).ok_or("no SGP.22 v2 policy: role unknown")?,
        curve,
        not_after: Timestamp::from_unix_s(x509.validity().not_after.timestamp()),
        registered: None,
        dns: Vec::new(),
        eid: eid(&x509),
        subject: x509.subject().as_raw().to_vec(),
        point: x509.public_key().subject_public_key.data.to_vec(),
        key_id: Vec::new(),
        issuer: x509.issuer().as_raw().to_vec(),
        issuer_key_id: None,
    };
    for extension in x509.extensions() {
        read_extension(&mut found, extension.parsed_extension());
    }
    Ok(found)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum of all extensions there are; three matter"
)]
fn read_extension(found: &mut Found, extension: &ParsedExtension<'_>) {
    match extension {
        ParsedExtension::SubjectKeyIdentifier(id) => found.key_id = id.0.to_vec(),
        ParsedExtension::AuthorityKeyIdentifier(authority) => {
            found.issuer_key_id = authority.key_identifier.as_ref().map(|id| id.0.to_vec());
        }
        ParsedExtension::SubjectAlternativeName(names) => {
            for name in &names.general_names {
                match name {
                    GeneralName::DNSName(dns) => found.dns.push((*dns).to_owned()),
                    GeneralName::RegisteredID(oid) => {
                        found.registered = Oid::from_der_content(oid.as_bytes()).ok();
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum of all extensions there are; one matters")]
fn role(x509: &X509Certificate<'_>) -> Option<Role> {
    let policies: Vec<String> = x509
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CertificatePolicies(policies) => Some(policies),
            _ => None,
        })
        .flat_map(|policies| policies.iter().map(|policy| policy.policy_id.to_id_string()))
        .collect();
    Role::ALL.into_iter().find(|role| policies.iter().any(|policy| policy == role.policy()))
}

fn eid(x509: &X509Certificate<'_>) -> Option<Eid> {
    let serial_number = x509_parser::oid_registry::OID_X509_SERIALNUMBER;
    x509.subject().iter_by_oid(&serial_number).find_map(|number| Eid::parse(number.as_str().ok()?).ok())
}

/// Label and content of each PEM block; none for a DER file.
fn pem_blocks(content: &[u8]) -> Vec<(String, Secret<Vec<u8>>)> {
    let Ok(text) = std::str::from_utf8(content) else { return Vec::new() };
    let mut blocks = Vec::new();
    for block in text.split("-----BEGIN ").skip(1) {
        let Some((label, rest)) = block.split_once("-----") else { continue };
        let Some((body, _)) = rest.split_once("-----END ") else { continue };
        let body: Secret<String> = Secret::new(body.split_whitespace().collect());
        if let Ok(der) = base64::engine::general_purpose::STANDARD.decode(body.expose()) {
            blocks.push((label.to_owned(), Secret::new(der)));
        }
    }
    blocks
}
