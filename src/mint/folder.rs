//! The folder of a PKI: certificates and keys as PEM, keys for their owner only, and a README.txt.
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::Issued;
use super::MintError;
use super::TestPki;
use super::certificate::pem;
use crate::config::private_folder;
use crate::config::write_private;
use crate::config::write_public;
use crate::types::Secret;

/// One certificate of the folder: `<name>.pem`, and `<name>.key` when the key is known.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) says: String,
    pub(super) certificate: Vec<u8>,
    pub(super) key_pkcs8: Option<Secret<Vec<u8>>>,
}

impl Entry {
    pub(super) fn new(name: impl Into<String>, says: impl Into<String>, issued: &Issued) -> Self {
        Self {
            name: name.into(),
            says: says.into(),
            certificate: issued.der.clone(),
            key_pkcs8: Some(issued.key_pkcs8.clone()),
        }
    }
}

impl TestPki {
    /// Lays the whole set out in `folder`, which must be new or empty.
    pub fn write(&self, folder: &Path) -> Result<(), MintError> {
        write_entries(folder, &self.entries())
    }

    /// Name, without extension, and meaning of each certificate: what `write` writes.
    pub fn contents(&self) -> Vec<(String, String)> {
        self.entries().into_iter().map(|entry| (entry.name, entry.says)).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        let second = &self.brainpool;
        let mut entries = vec![
            Entry::new("ci", "Certificate Issuer: the root that eUICCs and this server trust", &self.ci),
            Entry::new("eum", "eUICC manufacturer: issues the eUICC certificates", &self.eum),
            Entry::new("dpauth", "SM-DP+ authentication: signs serverSigned1", &self.dpauth),
            Entry::new("dppb", "SM-DP+ profile binding: signs smdpSigned2 and the one-time keys", &self.dppb),
            Entry::new("dptls", "SM-DP+ TLS: the server certificate of ES9+ and ES2+", &self.dptls),
            Entry::new("brainpool/ci", "a second Certificate Issuer, on brainpoolP256r1", &second.ci),
            Entry::new("brainpool/eum", "the eUICC manufacturer under it", &second.eum),
            Entry::new("brainpool/dpauth", "SM-DP+ authentication under it", &second.dpauth),
            Entry::new("brainpool/dppb", "SM-DP+ profile binding under it", &second.dppb),
            Entry::new("brainpool/dptls", "SM-DP+ TLS for LPAs that speak brainpool only", &second.dptls),
            Entry::new("dsauth", "SM-DS authentication, for a laboratory: signs ES11", &self.dsauth),
            Entry::new("dstls", "SM-DS TLS: smds.example.com on ES11 and ES12", &self.dstls),
            Entry::new("operator-ca", "issues operators' client certificates for ES2+", &self.operator_ca),
        ];
        entries.extend(self.operators.iter().map(|operator| {
            let says = format!("client certificate of operator {}, OID {}", operator.name, operator.oid);
            Entry::new(format!("operators/{}", operator.name), says, &operator.client)
        }));
        // Last, because there may be thousands.
        entries.extend(self.euiccs.iter().map(|(eid, issued)| {
            Entry::new(format!("euicc/{eid}"), "a test eUICC, named by its EID", issued)
        }));
        entries.extend(second.euiccs.iter().map(|(eid, issued)| {
            Entry::new(format!("brainpool/euicc/{eid}"), "the same eUICC under the second CI", issued)
        }));
        entries
    }
}

/// Refuses a folder with anything in it, before writing the first file.
pub(super) fn write_entries(folder: &Path, entries: &[Entry]) -> Result<(), MintError> {
    let tried = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |cause: io::Error| MintError::File { what, path, cause }
    };
    refuse_occupied(folder)?;
    let brainpool = entries.iter().any(|entry| entry.name.starts_with("brainpool/"));
    let second: &[&str] = if brainpool { &["brainpool", "brainpool/euicc"] } else { &[] };
    for sub in ["", "euicc", "operators"].iter().chain(second) {
        let path = folder.join(sub);
        private_folder(&path).map_err(tried("make folder", &path))?;
    }
    // An empty folder that was there already may be open to others.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(tried("close", folder))?;
    for entry in entries {
        let path = file(folder, &entry.name, "pem");
        let text = pem("CERTIFICATE", &entry.certificate);
        write_public(&path, text.as_bytes()).map_err(tried("write", &path))?;
        if let Some(key) = &entry.key_pkcs8 {
            let path = file(folder, &entry.name, "key");
            let text = Secret::new(pem("PRIVATE KEY", key.expose()));
            write_private(&path, text.expose().as_bytes()).map_err(tried("write", &path))?;
        }
    }
    let path = folder.join("README.txt");
    write_public(&path, readme(entries).as_bytes()).map_err(tried("write", &path))
}

fn refuse_occupied(folder: &Path) -> Result<(), MintError> {
    match fs::read_dir(folder).map(|mut inside| inside.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(MintError::Exists(folder.to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(MintError::File { what: "look into", path: folder.to_owned(), cause }),
    }
}

/// Not `Path::with_extension`: an operator's name may have a dot in it.
fn file(folder: &Path, name: &str, extension: &str) -> PathBuf {
    folder.join(format!("{name}.{extension}"))
}

fn readme(entries: &[Entry]) -> String {
    let mut text = String::from(
        "A test PKI for smdpp (SGP.22 section 4.5.2). For tests only: real certificates come from a GSMA CI,\n\
         and real keys never lie in files. X.pem is the certificate, X.key its private key (PKCS#8).\n\
         Keys are on NIST P-256, below brainpool/ on brainpoolP256r1.\n\n",
    );
    for entry in entries {
        let key = if entry.key_pkcs8.is_some() { "" } else { " (no key)" };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{:<48} {}{key}", entry.name, entry.says);
    }
    text.push_str(
        "\nLook at one:     openssl x509 -noout -text -in dpauth.pem\n\
         Check one:       openssl verify -CAfile ci.pem dpauth.pem\n\
         openssl refuses the eUICC certificates: SGP.22's name constraint (the first digits of an EID) is not\n\
         one of RFC 5280. smdpp checks it by SGP.22 4.5.2.2.\n",
    );
    text
}
