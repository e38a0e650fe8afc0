//! The operators of this server, and the client certificates by which they are known (SGP.22 6.1.1, 6.4).
use crate::pki::Certificate;
use crate::types::Oid;
use crate::types::OperatorId;

/// How one operator is known: every member that is given must fit its certificate.
#[derive(Debug, Clone)]
pub struct Registered {
    pub name: OperatorId,
    /// registeredID in the subjectAltName.
    pub oid: Option<Oid>,
    pub common_name: Option<String>,
    pub certificate_sha256: Option<[u8; 32]>,
}

#[derive(Debug, Default)]
pub struct Registry(Vec<Registered>);

impl Registry {
    pub fn new(operators: Vec<Registered>) -> Self {
        Self(operators)
    }

    /// Whose client certificate this is. TLS has checked its chain and its dates.
    pub fn operator(&self, certificate: &[u8]) -> Option<&OperatorId> {
        let certificate = Certificate::parse(certificate).ok()?;
        self.0.iter().find(|operator| operator.fits(&certificate)).map(|operator| &operator.name)
    }
}

impl Registered {
    fn fits(&self, certificate: &Certificate) -> bool {
        let named = self.oid.is_some() || self.common_name.is_some() || self.certificate_sha256.is_some();
        named
            && self.oid.as_ref().is_none_or(|oid| certificate.registered_id() == Some(oid))
            && self
                .common_name
                .as_deref()
                .is_none_or(|name| certificate.subject().common_name() == Some(name))
            && self.certificate_sha256.is_none_or(|hash| certificate.fingerprint() == hash)
    }
}
