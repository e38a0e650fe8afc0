//! Our own certificates: which DPauth and DPpb this server shows under which CI (SGP.22 4.5.2.1).
use super::certificate::{Certificate, Role};
use super::chain::TrustStore;
use crate::asn1::KeyId;
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Oid;

/// Which certificate is wrong, why, and what a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PkiError {
    #[error("{name} cannot be read as an X.509 certificate ({what}): give the DER file of the CA")]
    Unreadable { name: String, what: &'static str },
    #[error("CI certificate \"{name}\" is not signed by its own key: load the root certificate itself")]
    NotSelfSigned { name: String },
    #[error(
        "CI certificate \"{name}\" is no CA with keyCertSign and a key identifier: load a GSMA CI certificate"
    )]
    NotACi { name: String },
    #[error("CI certificate \"{name}\" is loaded twice (same key): keep one of the files")]
    CiTwice { name: String },
    #[error(
        "\"{name}\" has a key of kind {kind}, which this server does not support: use a CI on NIST P-256 or \
         brainpoolP256r1"
    )]
    CurveUnsupported { name: String, kind: Oid },
    #[error(
        "\"{name}\" has the critical extension {oid}, which this server does not know: ask the CA for another"
    )]
    ExtensionUnknown { name: String, oid: Oid },
    #[error(
        "{name} was issued by a CI that is not loaded (key {ci}): load its certificate, or use another {name}"
    )]
    IssuerUnknown { name: &'static str, ci: String },
    #[error(
        "{name} is not signed by the CI it names: the file is damaged, or another CI has the same key identifier"
    )]
    BadSignature { name: &'static str },
    #[error("{name} has a key on another curve than its CI: ask the CI for another")]
    CurveOfCi { name: &'static str },
    #[error("{name} expired on {not_after}: ask the CI for a new one")]
    Expired { name: &'static str, not_after: Timestamp },
    #[error("{name} is valid only from {not_before}: check the clock, or wait")]
    NotYetValid { name: &'static str, not_before: Timestamp },
    #[error(
        "{name} does not carry the role of a {name} (critical policy {policy}): the files may be swapped"
    )]
    WrongRole { name: &'static str, policy: &'static str },
    #[error(
        "{name} may not make signatures (critical keyUsage digitalSignature is missing): ask the CI for another"
    )]
    WrongUsage { name: &'static str },
    #[error("{name} has no SM-DP+ OID (exactly one registeredID in subjectAltName): ask the CI for another")]
    OidMissing { name: &'static str },
    #[error("DPauth and DPpb differ in {what}: both must belong to one SM-DP+ under one CI")]
    Differ { what: &'static str },
    #[error(
        "the TLS certificate is for {names}, not for {address}: use the certificate of the SM-DP+ address"
    )]
    AddressMismatch { address: String, names: String },
    #[error(
        "the private key does not belong to certificate \"{name}\": give the key that its request was made with"
    )]
    KeyMismatch { name: String },
}

/// One identity of this server: the pair of certificates under one CI.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its place in the configuration, by which the vault knows its keys.
    pub slot: usize,
    pub ci: KeyId,
    pub curve: Curve,
    pub dpauth: Certificate,
    pub dppb: Certificate,
    pub oid: Oid,
}

impl Credential {
    pub fn new(dpauth: &[u8], dppb: &[u8], trust: &TrustStore, now: Timestamp) -> Result<Self, PkiError> {
        let (dpauth, ci, oid) = check_own(dpauth, &DP_AUTH, trust, now)?;
        let (dppb, dppb_ci, dppb_oid) = check_own(dppb, &DP_PB, trust, now)?;
        if ci != dppb_ci {
            return Err(PkiError::Differ { what: "their CI" });
        }
        if oid != dppb_oid {
            return Err(PkiError::Differ { what: "their SM-DP+ OID" });
        }
        if dpauth.subject() != dppb.subject() {
            return Err(PkiError::Differ { what: "their subject" });
        }
        // Both are on the curve of their CI, and that is one: this only names it.
        let curve = dppb.key().ok_or(PkiError::CurveOfCi { name: DP_PB.name })?.curve();
        Ok(Self { slot: 0, ci, curve, dpauth, dppb, oid })
    }
}

/// All identities of this server.
#[derive(Debug, Clone, Default)]
pub struct Credentials(Vec<Credential>);

impl Credentials {
    pub fn new(list: Vec<Credential>) -> Self {
        Self(
            list.into_iter()
                .enumerate()
                .map(|(slot, credential)| Credential { slot, ..credential })
                .collect(),
        )
    }

    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        self.0.iter()
    }

    /// Those that no CI has revoked; each keeps its slot in the vault.
    #[must_use]
    pub fn unrevoked(&self, trust: &TrustStore) -> Self {
        let good = |one: &&Credential| !trust.is_revoked(&one.dpauth) && !trust.is_revoked(&one.dppb);
        Self(self.0.iter().filter(good).cloned().collect())
    }

    /// The first CI of the eUICC's list under which we have certificates that are in date: the order is the eUICC's
    /// wish (5.6.1).
    pub fn for_verification(&self, wanted: &[KeyId], now: Timestamp) -> Option<&Credential> {
        let in_date = |own: &&Credential| own.dpauth.is_in_date(now) && own.dppb.is_in_date(now);
        wanted.iter().find_map(|ci| self.under(ci).filter(in_date))
    }

    /// The identity under this CI.
    pub fn under(&self, ci: &KeyId) -> Option<&Credential> {
        self.0.iter().find(|credential| credential.ci == *ci)
    }
}

/// What one of our own certificates must be.
struct Kind {
    name: &'static str,
    role: Role,
    policy: &'static str,
}

const DP_AUTH: Kind = Kind { name: "DPauth", role: Role::DpAuth, policy: "2.23.146.1.2.1.4" };
const DP_PB: Kind = Kind { name: "DPpb", role: Role::DpPb, policy: "2.23.146.1.2.1.5" };
const TLS: &str = "the TLS certificate";

fn check_own(
    der: &[u8],
    kind: &Kind,
    trust: &TrustStore,
    now: Timestamp,
) -> Result<(Certificate, KeyId, Oid), PkiError> {
    let name = kind.name;
    let certificate = read(der, name)?;
    let ci = certificate.authority_key_id().cloned();
    let root = ci.as_ref().and_then(|ci| trust.root(ci));
    let (Some(ci), Some(root)) = (ci.clone(), root) else {
        let ci = ci.map_or_else(|| "not named".to_owned(), |ci| ci.to_string());
        return Err(PkiError::IssuerUnknown { name, ci });
    };
    certificate.verify_issued_by(root).map_err(|_| PkiError::BadSignature { name })?;
    check_period(&certificate, name, now)?;
    if !certificate.is_on_curve_of(root) {
        return Err(PkiError::CurveOfCi { name });
    }
    if !certificate.has_role(kind.role) {
        return Err(PkiError::WrongRole { name, policy: kind.policy });
    }
    if !certificate.has_usage(|usage| usage.digital_signature) {
        return Err(PkiError::WrongUsage { name });
    }
    if let Some(oid) = certificate.extensions.unknown_critical.first() {
        return Err(PkiError::ExtensionUnknown { name: name.to_owned(), oid: oid.clone() });
    }
    let oid = certificate.registered_id().cloned().ok_or(PkiError::OidMissing { name })?;
    Ok((certificate, ci, oid))
}

/// The certificate that LPAs see must be for the SM-DP+ address. Its issuer may be any: the LPA decides.
pub fn check_tls_certificate(der: &[u8], address: &str, now: Timestamp) -> Result<(), PkiError> {
    let certificate = read(der, TLS)?;
    check_period(&certificate, TLS, now)?;
    let address = address.to_ascii_lowercase();
    if certificate.dns_names().iter().any(|name| covers(name, &address)) {
        return Ok(());
    }
    Err(PkiError::AddressMismatch { address, names: certificate.dns_names().join(", ") })
}

/// The private key whose public point this is belongs to the certificate.
pub fn key_fits(certificate: &Certificate, point: &[u8]) -> Result<(), PkiError> {
    let fits = certificate.key().is_some_and(|key| key.point() == point);
    fits.then_some(()).ok_or_else(|| PkiError::KeyMismatch { name: certificate.subject().title().to_owned() })
}

fn read(der: &[u8], name: &str) -> Result<Certificate, PkiError> {
    let unreadable =
        |error: crate::types::Malformed| PkiError::Unreadable { name: name.to_owned(), what: error.0 };
    Certificate::parse(der).map_err(unreadable)
}

fn check_period(certificate: &Certificate, name: &'static str, now: Timestamp) -> Result<(), PkiError> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if now.unix_s() > not_after.unix_s() {
        return Err(PkiError::Expired { name, not_after });
    }
    (now >= not_before).then_some(()).ok_or(PkiError::NotYetValid { name, not_before })
}

/// `*` stands for exactly the first label (RFC 6125 6.4.3).
fn covers(name: &str, address: &str) -> bool {
    match (name.strip_prefix("*."), address.split_once('.')) {
        (Some(parent), Some((label, rest))) => !label.is_empty() && rest == parent,
        (Some(_), None) => false,
        (None, _) => name == address,
    }
}
