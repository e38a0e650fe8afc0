//! From a trusted CI over the EUM to the eUICC (SGP.22 4.5.2.2).
//!
//! Each certificate is asked in one order: known issuer, signature, dates, profile. An expired certificate with
//! another fault is therefore expired, and one with a wrong signature is never looked into further.
use std::collections::BTreeMap;
use std::sync::Arc;

use super::certificate::{BasicConstraints, Certificate, Role};
use super::credentials::PkiError;
use super::euicc::VerifiedEuicc;
use super::revocation::Revocations;
use crate::asn1::KeyId;
use crate::time::Timestamp;
use crate::types::Eid;
use crate::types::StatusCode;

/// The CI certificates that this server believes, each checked once when it is loaded.
///
/// What a CI has revoked is known beside its certificate (4.6), and asked for each EUM.
#[derive(Debug, Clone)]
pub struct TrustStore {
    roots: Vec<(KeyId, Certificate)>,
    revocations: BTreeMap<KeyId, Standing>,
}

/// What this CI revoked, and from when on nobody under it is believed without a newer list.
#[derive(Debug, Clone)]
struct Standing {
    revocations: Arc<Revocations>,
    refused_after: Option<Timestamp>,
}

/// Proof that an EUM's certificate was verified. It may be used again, as long as the dates are asked again: that is
/// what `verify_euicc_of` does.
#[derive(Debug, Clone)]
pub struct VerifiedEum {
    ci: KeyId,
    certificate: Certificate,
}

/// The two ways in which a certificate is refused.
struct Codes {
    invalid: StatusCode,
    expired: StatusCode,
}

const EUM: Codes =
    Codes { invalid: StatusCode::EUM_CERTIFICATE_INVALID, expired: StatusCode::EUM_CERTIFICATE_EXPIRED };
const EUICC: Codes =
    Codes { invalid: StatusCode::EUICC_CERTIFICATE_INVALID, expired: StatusCode::EUICC_CERTIFICATE_EXPIRED };

impl TrustStore {
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, PkiError> {
        let mut roots: Vec<(KeyId, Certificate)> = Vec::new();
        for certificate in certificates {
            let id = check_root(&certificate)?;
            if roots.iter().any(|(known, _)| *known == id) {
                return Err(PkiError::CiTwice { name: certificate.subject().title().to_owned() });
            }
            roots.push((id, certificate));
        }
        Ok(Self { roots, revocations: BTreeMap::new() })
    }

    /// The same with another list of this CI; after `refused_after` nobody under this CI is believed.
    #[must_use]
    pub fn with_revocations(
        mut self,
        ci: &KeyId,
        revocations: Arc<Revocations>,
        refused_after: Option<Timestamp>,
    ) -> Self {
        self.revocations.insert(ci.clone(), Standing { revocations, refused_after });
        self
    }

    /// Loaded, in date, and not revoked by itself.
    pub fn knows(&self, ci: &KeyId, now: Timestamp) -> bool {
        self.root(ci).is_some_and(|root| root.is_in_date(now) && !self.has_revoked(ci, root))
    }

    /// The CI of this certificate has revoked it, or itself.
    pub fn is_revoked(&self, certificate: &Certificate) -> bool {
        let Some(ci) = certificate.authority_key_id() else { return false };
        self.has_revoked(ci, certificate) || self.root(ci).is_some_and(|root| self.has_revoked(ci, root))
    }

    fn has_revoked(&self, ci: &KeyId, certificate: &Certificate) -> bool {
        self.revocations.get(ci).is_some_and(|standing| standing.revocations.has(certificate))
    }

    /// Not revoked, and its CI's list is not too old to say so.
    fn is_in_good_standing(&self, eum: &VerifiedEum, now: Timestamp) -> bool {
        let end = self.revocations.get(&eum.ci).and_then(|standing| standing.refused_after);
        end.is_none_or(|end| now <= end) && !self.is_revoked(&eum.certificate)
    }

    /// In the order in which they were loaded.
    pub fn key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.roots.iter().map(|(id, _)| id)
    }

    pub fn root(&self, ci: &KeyId) -> Option<&Certificate> {
        self.roots.iter().find(|(id, _)| id == ci).map(|(_, certificate)| certificate)
    }

    pub fn verify_euicc(
        &self,
        eum_der: &[u8],
        euicc_der: &[u8],
        now: Timestamp,
    ) -> Result<VerifiedEuicc, StatusCode> {
        let eum = self.verify_eum(eum_der, now)?;
        self.verify_euicc_of(&eum, euicc_der, now)
    }

    pub fn verify_eum(&self, eum_der: &[u8], now: Timestamp) -> Result<VerifiedEum, StatusCode> {
        let eum = Certificate::parse(eum_der).map_err(|_| EUM.invalid)?;
        let ci = eum.authority_key_id().ok_or(EUM.invalid)?.clone();
        let root = self.root(&ci).ok_or(StatusCode::CI_UNKNOWN)?;
        eum.verify_issued_by(root).map_err(|_| EUM.invalid)?;
        check_dates(&eum, now, &EUM)?;
        // A root outside its own dates vouches for nobody.
        if !root.is_in_date(now) || !has_eum_profile(&eum, root) {
            return Err(EUM.invalid);
        }
        let verified = VerifiedEum { ci, certificate: eum };
        self.is_in_good_standing(&verified, now).then_some(verified).ok_or(EUM.invalid)
    }

    /// Verifies an eUICC under an EUM that this store has verified, now or before.
    pub fn verify_euicc_of(
        &self,
        eum: &VerifiedEum,
        euicc_der: &[u8],
        now: Timestamp,
    ) -> Result<VerifiedEuicc, StatusCode> {
        if self.root(&eum.ci).is_none() {
            return Err(StatusCode::CI_UNKNOWN);
        }
        check_dates(&eum.certificate, now, &EUM)?;
        if !self.is_in_good_standing(eum, now) {
            return Err(EUM.invalid);
        }

        let euicc = Certificate::parse(euicc_der).map_err(|_| EUICC.invalid)?;
        euicc.verify_issued_by(&eum.certificate).map_err(|_| EUICC.invalid)?;
        check_dates(&euicc, now, &EUICC)?;
        if !has_euicc_profile(&euicc, &eum.certificate) {
            return Err(EUICC.invalid);
        }
        let eid = euicc.subject().serial_number().and_then(|digits| Eid::parse(digits).ok());
        let (Some(eid), Some(key)) = (eid, euicc.key()) else { return Err(EUICC.invalid) };
        Ok(VerifiedEuicc::new(eid, key.clone(), eum.ci.clone()))
    }
}

/// Both ends of the period belong to it (RFC 5280 4.1.2.5).
fn check_dates(certificate: &Certificate, now: Timestamp, codes: &Codes) -> Result<(), StatusCode> {
    if now.unix_s() > certificate.not_after().unix_s() {
        return Err(codes.expired);
    }
    (now >= certificate.not_before()).then_some(()).ok_or(codes.invalid)
}

fn has_eum_profile(eum: &Certificate, ci: &Certificate) -> bool {
    let extensions = &eum.extensions;
    let lowest_ca = BasicConstraints { ca: true, path_length: Some(0) };
    eum.has_role(Role::Eum)
        && eum.has_usage(|usage| usage.key_cert_sign)
        && extensions.basic_constraints.as_ref().is_some_and(|it| it.critical && it.value == lowest_ca)
        && extensions.permitted_names.as_ref().is_some_and(|it| it.critical && !it.value.is_empty())
        && extensions.subject_key_id.is_some()
        && extensions.unknown_critical.is_empty()
        && eum.is_on_curve_of(ci)
}

fn has_euicc_profile(euicc: &Certificate, eum: &Certificate) -> bool {
    let extensions = &euicc.extensions;
    let permitted = eum.extensions.permitted_names.as_ref();
    let named = |names: &Vec<super::name::Name>| names.iter().any(|name| euicc.subject().within(name));
    euicc.has_role(Role::Euicc)
        && euicc.has_usage(|usage| usage.digital_signature)
        && extensions.basic_constraints.as_ref().is_none_or(|it| !it.value.ca)
        && extensions.subject_key_id.is_some()
        && extensions.unknown_critical.is_empty()
        && permitted.is_some_and(|it| named(&it.value))
        && euicc.is_on_curve_of(eum)
}

fn check_root(certificate: &Certificate) -> Result<KeyId, PkiError> {
    let name = || certificate.subject().title().to_owned();
    if certificate.key().is_none() {
        return Err(PkiError::CurveUnsupported { name: name(), kind: certificate.key_kind().clone() });
    }
    certificate.verify_self_signed().map_err(|_| PkiError::NotSelfSigned { name: name() })?;
    let is_ca = certificate.extensions.basic_constraints.as_ref().is_some_and(|it| it.value.ca);
    if !is_ca || !certificate.has_usage(|usage| usage.key_cert_sign) {
        return Err(PkiError::NotACi { name: name() });
    }
    if let Some(oid) = certificate.extensions.unknown_critical.first() {
        return Err(PkiError::ExtensionUnknown { name: name(), oid: oid.clone() });
    }
    certificate.subject_key_id().cloned().ok_or_else(|| PkiError::NotACi { name: name() })
}
