//! The folder of certificates that `smdpp init` lays out: test eUICCs and operators.
use std::fs;
use std::path::{Path, PathBuf};

use euicc::identity::certificate_der;
use euicc::{Card, Identity};

use crate::error::RigError;

#[derive(Debug, Clone)]
pub struct Pki {
    folder: PathBuf,
}

/// An operator's client certificate and key, PEM.
#[derive(Clone)]
pub struct ClientIdentity {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl Pki {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Certificate Issuer, DER: root of the servers' TLS certificates too.
    pub fn ci(&self) -> Result<Vec<u8>, RigError> {
        Ok(certificate_der(&self.read("ci.pem")?)?)
    }

    /// The same eUICCs and the same SM-DP+ under the CI on brainpoolP256r1.
    #[must_use]
    pub fn brainpool(&self) -> Self {
        Self::new(self.folder.join("brainpool"))
    }

    /// An empty card for each test eUICC, in the order of their EIDs.
    pub fn cards(&self) -> Result<Vec<Card>, RigError> {
        let folder = self.folder.join("euicc");
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(RigError::file("look into", &folder))? {
            let path = entry.map_err(RigError::file("look into", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                names.push(path);
            }
        }
        names.sort();
        names.iter().map(|certificate| self.card(certificate)).collect()
    }

    /// The first test eUICC.
    pub fn first_card(&self) -> Result<Card, RigError> {
        self.cards()?.into_iter().next().ok_or_else(|| RigError::NoEuicc(self.folder.clone()))
    }

    fn card(&self, certificate: &Path) -> Result<Card, RigError> {
        let (key, eum, ci) =
            (certificate.with_extension("key"), self.folder.join("eum.pem"), self.folder.join("ci.pem"));
        Ok(Card::new(Identity::from_files(certificate, &key, &eum, &[&ci])?))
    }

    pub fn operator(&self, name: &str) -> Result<ClientIdentity, RigError> {
        Ok(ClientIdentity {
            certificate: self.read(&format!("operators/{name}.pem"))?,
            key: self.read(&format!("operators/{name}.key"))?,
        })
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, RigError> {
        let path = self.folder.join(name);
        fs::read(&path).map_err(RigError::file("read", &path))
    }
}
