//! Writes and signs the revocation list of a test CI, whole or in segments (SGP.22 4.6).
use super::MintError;
use super::certificate::{Issued, sign};
use super::der;
use super::extension::Extension;
use crate::time::Timestamp;
use crate::types::Oid;

/// What a list says, apart from its issuer.
#[derive(Debug, Clone)]
pub struct CrlPlan {
    pub number: u64,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
    pub revoked: Vec<RevokedCertificate>,
}

/// One line of the list.
#[derive(Debug, Clone)]
pub struct RevokedCertificate {
    /// Content octets of the certificate's serial number.
    pub serial: Vec<u8>,
    pub revoked_at: Timestamp,
    /// Until when it would have been valid (id-rsp-expDate).
    pub expires: Timestamp,
}

const DISTRIBUTION_POINT: &str = "http://ci.test.example.com/CRL-A.crl";
/// CRLReason keyCompromise.
const KEY_COMPROMISE: [u8; 3] = [0x0A, 1, 1];

/// The whole list as one CertificateList.
pub fn issue_crl(ci: &Issued, plan: &CrlPlan) -> Result<Vec<u8>, MintError> {
    write(ci, plan, &plan.revoked, None)
}

/// The same as a SegmentedCrlList of so many entries each.
pub fn issue_segments(ci: &Issued, plan: &CrlPlan, entries_each: usize) -> Result<Vec<Vec<u8>>, MintError> {
    let parts: Vec<&[RevokedCertificate]> = plan.revoked.chunks(entries_each.max(1)).collect();
    let total = parts.len();
    let places = (1..=total).zip(parts);
    places.map(|(place, part)| write(ci, plan, part, Some([place, total]))).collect()
}

/// SegmentedCrlList.
pub fn segmented_crl_list(segments: &[Vec<u8>]) -> Vec<u8> {
    der::sequence(segments)
}

fn write(
    ci: &Issued,
    plan: &CrlPlan,
    revoked: &[RevokedCertificate],
    segment: Option<[usize; 2]>,
) -> Result<Vec<u8>, MintError> {
    let mut extensions = vec![
        Extension::of_crl("2.5.29.35", true, &der::sequence(&[der::tlv(0x80, ci.key_id())]))?,
        Extension::of_crl("2.5.29.20", false, &integer(&plan.number.to_be_bytes()))?,
        Extension::of_crl("2.5.29.28", true, &distribution_point())?,
    ];
    if let Some([place, total]) = segment {
        extensions.push(Extension::of_crl("2.23.146.1.2.0.2", true, &integer(&total.to_be_bytes()))?);
        extensions.push(Extension::of_crl("2.23.146.1.2.0.3", true, &integer(&place.to_be_bytes()))?);
    }
    let extensions: Vec<Vec<u8>> = extensions.iter().map(Extension::to_der).collect();
    let revoked: Vec<Vec<u8>> = revoked.iter().map(RevokedCertificate::to_der).collect::<Result<_, _>>()?;
    let mut tbs = vec![
        der::tlv(der::INTEGER, &[1]),
        der::sequence(&[der::oid(&Oid::parse("1.2.840.10045.4.3.2")?)]),
        ci.subject.clone(),
        der::time(plan.this_update)?,
        der::time(plan.next_update)?,
    ];
    if !revoked.is_empty() {
        tbs.push(der::sequence(&revoked));
    }
    tbs.push(der::tlv(0xA0, &der::sequence(&extensions)));
    sign(der::sequence(&tbs), &ci.key)
}

impl RevokedCertificate {
    fn to_der(&self) -> Result<Vec<u8>, MintError> {
        let extensions = [
            Extension::of_crl("2.5.29.21", false, &KEY_COMPROMISE)?,
            Extension::of_crl("2.23.146.1.2.0.1", true, &der::time(self.expires)?)?,
        ];
        let extensions: Vec<Vec<u8>> = extensions.iter().map(Extension::to_der).collect();
        let serial = der::tlv(der::INTEGER, &self.serial);
        Ok(der::sequence(&[serial, der::time(self.revoked_at)?, der::sequence(&extensions)]))
    }
}

/// DistributionPointName with the one URI.
fn distribution_point() -> Vec<u8> {
    let full_name = der::tlv(0xA0, &der::tlv(0x86, DISTRIBUTION_POINT.as_bytes()));
    der::sequence(&[der::tlv(0xA0, &full_name)])
}

/// A positive INTEGER in its shortest form.
fn integer(octets: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
    let sign = if significant.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
    der::tlv(der::INTEGER, &[sign, &significant].concat())
}
