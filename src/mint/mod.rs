//! Test PKI in one call: CI, EUM, eUICCs, SM-DP+ and operators (SGP.22 4.5.2.1). Never for production.
mod certificate;
mod crl;
mod der;
mod eid;
mod extension;
mod folder;
mod import;
mod key;
mod revoke;
mod roles;

use std::path::PathBuf;

pub use certificate::Issued;
pub use crl::{CrlPlan, RevokedCertificate, issue_crl, issue_segments, segmented_crl_list};
pub use eid::{FIRST_EID, TEST_IIN, check_digits_fit, nth_eid};
pub use extension::{KeyUsage, Role};
pub use import::{Findings, Wanted, import};
pub use revoke::revoke;
pub use roles::{
    Overrides, Press, issue_ci, issue_dp, issue_dptls, issue_dstls, issue_euicc, issue_eum, issue_operator,
    issue_operator_ca,
};

use crate::fault::Fault;
use crate::random::OsRandom;
use crate::random::Random;
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Eid;
use crate::types::Malformed;
use crate::types::Oid;
use crate::types::OperatorId;

/// More than a load test needs; each is two files.
const EUICCS_MAX: u64 = 100_000;

/// What the test world shall contain.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The SM-DP+ address: the TLS certificate's DNS name.
    pub address: String,
    pub smdp_oid: Oid,
    pub operators: Vec<OperatorId>,
    pub euiccs: u64,
    /// Days that all but the TLS certificates are valid; those have 397.
    pub valid_days: Option<u32>,
}

impl Plan {
    /// The test world of the documentation: `smdp.example.com`, 2.999.10, acme and beta, one eUICC.
    pub fn example() -> Result<Self, Malformed> {
        Ok(Self {
            address: "smdp.example.com".to_owned(),
            smdp_oid: Oid::parse("2.999.10")?,
            operators: vec![OperatorId::parse("acme")?, OperatorId::parse("beta")?],
            euiccs: 1,
            valid_days: None,
        })
    }
}

/// A whole test world in memory. [`TestPki::write`] lays it out in a folder.
pub struct TestPki {
    pub ci: Issued,
    pub eum: Issued,
    pub euiccs: Vec<(Eid, Issued)>,
    pub dpauth: Issued,
    pub dppb: Issued,
    pub dptls: Issued,
    pub operator_ca: Issued,
    pub operators: Vec<Operator>,
    /// The same SM-DP+ and the same eUICCs under a second CI.
    pub brainpool: Chain,
    /// An SM-DS for laboratories, `smds.example.com`.
    pub dsauth: Issued,
    pub dstls: Issued,
}

/// The SM-DS of the test world.
pub const SMDS_ADDRESS: &str = "smds.example.com";
const SMDS_OID: &str = "2.999.15";

/// All that is certified under one CI.
pub struct Chain {
    pub ci: Issued,
    pub eum: Issued,
    pub euiccs: Vec<(Eid, Issued)>,
    pub dpauth: Issued,
    pub dppb: Issued,
    pub dptls: Issued,
}

/// An operator with its client certificate.
pub struct Operator {
    pub name: OperatorId,
    pub oid: Oid,
    pub client: Issued,
}

impl TestPki {
    pub fn new(plan: &Plan, now: Timestamp) -> Result<Self, MintError> {
        Self::with_random(plan, now, &OsRandom::new())
    }

    /// The same octets for the same randomness: for tests that want to be repeated.
    pub fn with_random(plan: &Plan, now: Timestamp, random: &dyn Random) -> Result<Self, MintError> {
        if plan.euiccs > EUICCS_MAX {
            return Err(MintError::TooMany { wanted: plan.euiccs, most: EUICCS_MAX });
        }
        let mut press = Press::new(now, random);
        if let Some(days) = plan.valid_days {
            press.valid_days = i64::from(days);
        }
        let Chain { ci, eum, euiccs, dpauth, dppb, dptls } = Chain::new(press, plan, Curve::NistP256)?;
        let operator_ca = issue_operator_ca(press, &Overrides::default())?;
        let operators = operators(press, plan, &operator_ca)?;
        let brainpool = Chain::new(press, plan, Curve::BrainpoolP256r1)?;
        let (smds_oid, right) = (Oid::parse(SMDS_OID)?, Overrides::default());
        let dsauth = issue_dp(press, &ci, Role::DsAuth, &smds_oid, &right)?;
        let dstls = issue_dstls(press, &ci, SMDS_ADDRESS, &smds_oid, &right)?;
        Ok(Self { ci, eum, euiccs, dpauth, dppb, dptls, operator_ca, operators, brainpool, dsauth, dstls })
    }
}

impl Chain {
    fn new(press: Press<'_>, plan: &Plan, curve: Curve) -> Result<Self, MintError> {
        let right = Overrides::default();
        // Two CIs are two names; below them nobody's name says the curve.
        let common_name = match curve {
            Curve::NistP256 => None,
            Curve::BrainpoolP256r1 => Some("smdpp test CI brainpool".to_owned()),
        };
        let ci = issue_ci(press, &Overrides { common_name, curve: Some(curve), ..Overrides::default() })?;
        let eum = issue_eum(press, &ci, &right)?;
        let mut euiccs = Vec::new();
        for place in 0..plan.euiccs {
            let eid = nth_eid(place)?;
            let euicc = issue_euicc(press, &eum, &eid, &right)?;
            euiccs.push((eid, euicc));
        }
        Ok(Self {
            dpauth: issue_dp(press, &ci, Role::DpAuth, &plan.smdp_oid, &right)?,
            dppb: issue_dp(press, &ci, Role::DpPb, &plan.smdp_oid, &right)?,
            dptls: issue_dptls(press, &ci, &plan.address, &plan.smdp_oid, &right)?,
            ci,
            eum,
            euiccs,
        })
    }
}

/// Client certificates of the plan's operators: SM-DP+ OID, then 1, then their place.
fn operators(press: Press<'_>, plan: &Plan, ca: &Issued) -> Result<Vec<Operator>, MintError> {
    let mut operators = Vec::new();
    for (place, name) in (1_u32..).zip(&plan.operators) {
        let oid = Oid::parse(&format!("{}.1.{place}", plan.smdp_oid))?;
        let client = issue_operator(press, ca, name.as_str(), &oid, &Overrides::default())?;
        operators.push(Operator { name: name.clone(), oid, client });
    }
    Ok(operators)
}

/// Why a test PKI could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    #[error("{} is there already and is never overwritten. Choose another folder, or move it away first", .0.display())]
    Exists(PathBuf),
    #[error("{what} {}: {cause}", .path.display())]
    File { what: &'static str, path: PathBuf, cause: std::io::Error },
    #[error("{}: {why}", .path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("{wanted} eUICCs are too many: at most {most}")]
    TooMany { wanted: u64, most: u64 },
    #[error("mint: could not {0} a key")]
    Key(&'static str),
    #[error(transparent)]
    Random(Fault),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{0}")]
    Incomplete(String),
}

#[cfg(test)]
mod tests;
