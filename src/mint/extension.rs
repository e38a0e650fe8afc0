//! The X.509 extensions that SGP.22 certificates carry (SGP.22 4.5.2.1, tables 10 to 16).
use super::MintError;
use super::certificate::Attribute;
use super::certificate::name;
use super::der;
use crate::types::Oid;

/// Who a certificate is for, by its policy (2.23.146.1.2.1.x; flat v2 identifiers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Ci,
    Euicc,
    Eum,
    DpTls,
    DpAuth,
    DpPb,
    DsTls,
    DsAuth,
}

impl Role {
    pub const ALL: [Self; 8] =
        [Self::Ci, Self::Euicc, Self::Eum, Self::DpTls, Self::DpAuth, Self::DpPb, Self::DsTls, Self::DsAuth];

    pub const fn policy(self) -> &'static str {
        match self {
            Self::Ci => "2.23.146.1.2.1.0",
            Self::Euicc => "2.23.146.1.2.1.1",
            Self::Eum => "2.23.146.1.2.1.2",
            Self::DpTls => "2.23.146.1.2.1.3",
            Self::DpAuth => "2.23.146.1.2.1.4",
            Self::DpPb => "2.23.146.1.2.1.5",
            Self::DsTls => "2.23.146.1.2.1.6",
            Self::DsAuth => "2.23.146.1.2.1.7",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Ci => "CI",
            Self::Euicc => "eUICC",
            Self::Eum => "EUM",
            Self::DpTls => "DPtls",
            Self::DpAuth => "DPauth",
            Self::DpPb => "DPpb",
            Self::DsTls => "DStls",
            Self::DsAuth => "DSauth",
        }
    }
}

/// The two key usages of SGP.22.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUsage {
    DigitalSignature,
    /// keyCertSign and cRLSign.
    Issuing,
}

/// One extension, ready to be written.
pub(super) struct Extension {
    id: Oid,
    critical: bool,
    value: Vec<u8>,
}

impl Extension {
    fn new(id: &str, critical: bool, value: Vec<u8>) -> Result<Self, MintError> {
        Ok(Self { id: Oid::parse(id)?, critical, value })
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut parts = vec![der::oid(&self.id)];
        if self.critical {
            parts.push(vec![0x01, 0x01, 0xFF]);
        }
        parts.push(der::tlv(der::OCTET_STRING, &self.value));
        der::sequence(&parts)
    }

    pub(super) fn subject_key_id(key_id: &[u8]) -> Result<Self, MintError> {
        Self::new("2.5.29.14", false, der::tlv(der::OCTET_STRING, key_id))
    }

    pub(super) fn authority_key_id(key_id: &[u8]) -> Result<Self, MintError> {
        Self::new("2.5.29.35", false, der::sequence(&[der::tlv(0x80, key_id)]))
    }

    pub(super) fn key_usage(usage: KeyUsage) -> Result<Self, MintError> {
        // The first octet counts the unused bits: digitalSignature is bit 0, keyCertSign 5, cRLSign 6.
        let bits = match usage {
            KeyUsage::DigitalSignature => [7, 0x80],
            KeyUsage::Issuing => [1, 0x06],
        };
        Self::new("2.5.29.15", true, der::tlv(der::BIT_STRING, &bits))
    }

    pub(super) fn policy(policy: &Oid, critical: bool) -> Result<Self, MintError> {
        Self::new("2.5.29.32", critical, der::sequence(&[der::sequence(&[der::oid(policy)])]))
    }

    pub(super) fn authority(path_length: Option<u8>) -> Result<Self, MintError> {
        Self::basic_constraints(true, path_length)
    }

    pub(super) fn basic_constraints(ca: bool, path_length: Option<u8>) -> Result<Self, MintError> {
        // False is the default, which DER leaves out.
        let mut parts = if ca { vec![vec![0x01, 0x01, 0xFF]] } else { Vec::new() };
        parts.extend(path_length.map(|length| der::tlv(der::INTEGER, &[length])));
        Self::new("2.5.29.19", true, der::sequence(&parts))
    }

    /// A critical one that no standard knows, under the arc for examples.
    pub(super) fn unknown() -> Result<Self, MintError> {
        Self::new("2.999.29.1", true, vec![0x05, 0x00])
    }

    /// subjectAltName: DNS names, then the registeredID.
    pub(super) fn alternative_names(dns: &[&str], registered: &Oid) -> Result<Self, MintError> {
        let mut names: Vec<Vec<u8>> = dns.iter().map(|name| der::tlv(0x82, name.as_bytes())).collect();
        names.push(der::tlv(0x88, registered.der_content()));
        Self::new("2.5.29.17", false, der::sequence(&names))
    }

    /// extKeyUsage: serverAuth and clientAuth, as asked.
    pub(super) fn extended_key_usage(server: bool, client: bool) -> Result<Self, MintError> {
        let mut usages = Vec::new();
        if server {
            usages.push(der::oid(&Oid::parse("1.3.6.1.5.5.7.3.1")?));
        }
        if client {
            usages.push(der::oid(&Oid::parse("1.3.6.1.5.5.7.3.2")?));
        }
        Self::new("2.5.29.37", true, der::sequence(&usages))
    }

    /// Which eUICCs an EUM may certify: its organization and the first digits of their EIDs.
    pub(super) fn name_constraints(organization: &str, iin: &str) -> Result<Self, MintError> {
        let permitted =
            name(&[Attribute::Organization(organization.into()), Attribute::SerialNumber(iin.into())])?;
        let subtree = der::sequence(&[der::tlv(0xA4, &permitted)]);
        Self::new("2.5.29.30", true, der::sequence(&[der::tlv(0xA0, &subtree)]))
    }

    /// An extension of a revocation list or of a line in it.
    pub(super) fn of_crl(id: &str, critical: bool, value: &[u8]) -> Result<Self, MintError> {
        Self::new(id, critical, value.to_vec())
    }

    pub(super) fn crl_distribution(url: &str) -> Result<Self, MintError> {
        let full_name = der::tlv(0xA0, &der::tlv(0x86, url.as_bytes()));
        Self::new("2.5.29.31", false, der::sequence(&[der::sequence(&[der::tlv(0xA0, &full_name)])]))
    }
}
