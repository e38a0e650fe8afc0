//! One function for each certificate of SGP.22 4.5.2.1, and the ways to make it wrong for a test.
use super::MintError;
use super::certificate::Attribute;
use super::certificate::Issued;
use super::certificate::Template;
use super::certificate::issue;
use super::extension::Extension;
use super::extension::KeyUsage;
use super::extension::Role;
use crate::random::Random;
use crate::time::DAY_MS;
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Eid;
use crate::types::Oid;

const YEAR_DAYS: i64 = 365;

/// TLS certificates live 397 days: what CA/Browser practice and the SGP.26 set allow.
const TLS_DAYS: i64 = 397;

const CRL_URL: &str = "http://ci.test.example.com/CRL-A.crl";

/// When and by which randomness certificates are made.
#[derive(Clone, Copy)]
pub struct Press<'a> {
    pub now: Timestamp,
    pub random: &'a dyn Random,
    /// Days that CI, EUM, eUICC, DPauth and DPpb certificates are valid.
    pub valid_days: i64,
}

impl<'a> Press<'a> {
    /// Thirty years, as in the SGP.26 set.
    pub fn new(now: Timestamp, random: &'a dyn Random) -> Self {
        Self { now, random, valid_days: YEAR_DAYS.saturating_mul(30) }
    }
}

/// What a test wants to be different. `Default` is a right certificate.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    pub policy: Option<Oid>,
    pub key_usage: Option<KeyUsage>,
    pub common_name: Option<String>,
    /// The subject's organization; an eUICC's must be one that its EUM's name constraint names.
    pub organization: Option<String>,
    /// An EUM's name constraint: the digits that its EIDs start with.
    pub iin: Option<String>,
    /// The registeredID.
    pub registered_id: Option<Oid>,
    /// basicConstraints: whether it is a CA, and pathLenConstraint.
    pub authority: Option<(bool, Option<u8>)>,
    /// With a critical extension that nobody knows.
    pub unknown_critical: bool,
    /// Without authorityKeyIdentifier.
    pub orphan: bool,
    /// The curve of the key; that of the issuer otherwise, and NIST P-256 for who issues itself.
    pub curve: Option<Curve>,
}

/// A certificate issuer under test names: give another `common_name` for a foreign one.
pub fn issue_ci(press: Press<'_>, overrides: &Overrides) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: Some(Role::Ci), days: press.valid_days };
    let registered = draft.registered("2.999.1")?;
    let template = draft.template(
        vec![draft.common_name("smdpp test CI"), draft.organization("SMDPP TEST")],
        vec![
            draft.key_usage(KeyUsage::Issuing)?,
            Extension::authority(None)?,
            Extension::alternative_names(&[], &registered)?,
            Extension::crl_distribution(CRL_URL)?,
        ],
    )?;
    draft.issue(&template, None)
}

pub fn issue_eum(press: Press<'_>, ci: &Issued, overrides: &Overrides) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: Some(Role::Eum), days: press.valid_days };
    let registered = draft.registered("2.999.5")?;
    let organization = overrides.organization.as_deref().unwrap_or(EUM_ORGANIZATION);
    let iin = overrides.iin.as_deref().unwrap_or(super::TEST_IIN);
    let template = draft.template(
        vec![draft.organization(EUM_ORGANIZATION), draft.common_name("smdpp test EUM")],
        vec![
            draft.key_usage(KeyUsage::Issuing)?,
            Extension::alternative_names(&[], &registered)?,
            draft.authority(Some(0))?,
            Extension::crl_distribution(CRL_URL)?,
            Extension::name_constraints(organization, iin)?,
        ],
    )?;
    draft.issue(&template, Some(ci))
}

const EUM_ORGANIZATION: &str = "RSP Test EUM";

pub fn issue_euicc(
    press: Press<'_>,
    eum: &Issued,
    eid: &Eid,
    overrides: &Overrides,
) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: Some(Role::Euicc), days: press.valid_days };
    let template = draft.template(
        vec![
            draft.organization(EUM_ORGANIZATION),
            Attribute::SerialNumber(eid.as_str().to_owned()),
            draft.common_name("smdpp test eUICC"),
        ],
        vec![draft.key_usage(KeyUsage::DigitalSignature)?],
    )?;
    draft.issue(&template, Some(eum))
}

/// DPauth, DPpb or DSauth, by `role`: the first two differ in policy, key and serial number only (4.5.2.1.0.4).
pub fn issue_dp(
    press: Press<'_>,
    ci: &Issued,
    role: Role,
    smdp_oid: &Oid,
    overrides: &Overrides,
) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: Some(role), days: press.valid_days };
    let registered = overrides.registered_id.as_ref().unwrap_or(smdp_oid);
    let name = if role == Role::DsAuth { "smdpp test SM-DS" } else { "smdpp test SM-DP+" };
    let template = draft.template(
        vec![draft.organization(DP_ORGANIZATION), draft.common_name(name)],
        vec![
            Extension::alternative_names(&[], registered)?,
            draft.key_usage(KeyUsage::DigitalSignature)?,
            Extension::crl_distribution(CRL_URL)?,
        ],
    )?;
    draft.issue(&template, Some(ci))
}

const DP_ORGANIZATION: &str = "SMDPP TEST";

pub fn issue_dptls(
    press: Press<'_>,
    ci: &Issued,
    address: &str,
    smdp_oid: &Oid,
    overrides: &Overrides,
) -> Result<Issued, MintError> {
    issue_tls(press, ci, Role::DpTls, address, smdp_oid, overrides)
}

/// CERT.DS.TLS: server and client as CERT.DP.TLS is, of another role.
pub fn issue_dstls(
    press: Press<'_>,
    ci: &Issued,
    address: &str,
    smds_oid: &Oid,
    overrides: &Overrides,
) -> Result<Issued, MintError> {
    issue_tls(press, ci, Role::DsTls, address, smds_oid, overrides)
}

fn issue_tls(
    press: Press<'_>,
    ci: &Issued,
    role: Role,
    address: &str,
    oid: &Oid,
    overrides: &Overrides,
) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: Some(role), days: TLS_DAYS };
    let registered = overrides.registered_id.as_ref().unwrap_or(oid);
    let template = draft.template(
        vec![draft.organization(DP_ORGANIZATION), draft.common_name(address)],
        vec![
            draft.key_usage(KeyUsage::DigitalSignature)?,
            Extension::extended_key_usage(true, true)?,
            Extension::alternative_names(&[address], registered)?,
            Extension::crl_distribution(CRL_URL)?,
        ],
    )?;
    draft.issue(&template, Some(ci))
}

/// The issuer of operators' client certificates: no GSMA certificate, and none is asked for (6.4).
pub fn issue_operator_ca(press: Press<'_>, overrides: &Overrides) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: None, days: press.valid_days };
    let template = draft.template(
        vec![draft.common_name("smdpp test operator CA"), draft.organization("SMDPP TEST")],
        vec![draft.key_usage(KeyUsage::Issuing)?, Extension::authority(Some(0))?],
    )?;
    draft.issue(&template, None)
}

/// An operator's client certificate for ES2+, named by CN and by registeredID.
pub fn issue_operator(
    press: Press<'_>,
    ca: &Issued,
    name: &str,
    operator_oid: &Oid,
    overrides: &Overrides,
) -> Result<Issued, MintError> {
    let draft = Draft { press, overrides, role: None, days: TLS_DAYS };
    let registered = overrides.registered_id.as_ref().unwrap_or(operator_oid);
    let template = draft.template(
        vec![draft.organization(name), draft.common_name(name)],
        vec![
            draft.key_usage(KeyUsage::DigitalSignature)?,
            Extension::extended_key_usage(false, true)?,
            Extension::alternative_names(&[], registered)?,
        ],
    )?;
    draft.issue(&template, Some(ca))
}

/// What is common to all of them, with the overrides applied.
struct Draft<'a> {
    press: Press<'a>,
    overrides: &'a Overrides,
    /// `None` for certificates outside SGP.22, which carry no policy.
    role: Option<Role>,
    days: i64,
}

impl Draft<'_> {
    fn issue(&self, template: &Template, issuer: Option<&Issued>) -> Result<Issued, MintError> {
        let curve = self.overrides.curve.or_else(|| issuer.map(Issued::curve));
        issue(template, curve.unwrap_or(Curve::NistP256), issuer, self.press.random)
    }

    fn template(
        &self,
        subject: Vec<Attribute>,
        mut extensions: Vec<Extension>,
    ) -> Result<Template, MintError> {
        let policy = match (&self.overrides.policy, self.role) {
            (Some(policy), _) => Some(policy.clone()),
            (None, Some(role)) => Some(Oid::parse(role.policy())?),
            (None, None) => None,
        };
        if let Some(policy) = policy {
            // Table 15: only TLS certificates have it not critical.
            extensions
                .push(Extension::policy(&policy, !matches!(self.role, Some(Role::DpTls | Role::DsTls)))?);
        }
        if self.overrides.unknown_critical {
            extensions.push(Extension::unknown()?);
        }
        let not_before = self.press.now.plus_ms(DAY_MS.saturating_neg());
        let not_after = not_before.plus_ms(DAY_MS.saturating_mul(self.days));
        Ok(Template {
            subject,
            not_before: self.overrides.not_before.unwrap_or(not_before),
            not_after: self.overrides.not_after.unwrap_or(not_after),
            extensions,
            orphan: self.overrides.orphan,
        })
    }

    fn common_name(&self, right: &str) -> Attribute {
        Attribute::CommonName(self.overrides.common_name.clone().unwrap_or_else(|| right.to_owned()))
    }

    fn organization(&self, right: &str) -> Attribute {
        Attribute::Organization(self.overrides.organization.clone().unwrap_or_else(|| right.to_owned()))
    }

    fn registered(&self, right: &str) -> Result<Oid, MintError> {
        match &self.overrides.registered_id {
            Some(oid) => Ok(oid.clone()),
            None => Ok(Oid::parse(right)?),
        }
    }

    fn authority(&self, path_length: Option<u8>) -> Result<Extension, MintError> {
        match self.overrides.authority {
            Some((ca, path_length)) => Extension::basic_constraints(ca, path_length),
            None => Extension::authority(path_length),
        }
    }

    fn key_usage(&self, right: KeyUsage) -> Result<Extension, MintError> {
        Extension::key_usage(self.overrides.key_usage.unwrap_or(right))
    }
}
