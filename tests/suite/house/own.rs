//! What the server of a test is made of: setting, operators, the way to SM-DSs.
use std::collections::BTreeMap;
use std::sync::Arc;

use smdpp::es2plus::{Registered, Registry};
use smdpp::es12::{Es12, Smds, is_smds};
use smdpp::https::{Client, Patience};
use smdpp::mint::TestPki;
use smdpp::random::SeededRandom;
use smdpp::rsp::Setting;
use smdpp::time::{DAY_MS, MINUTE_MS};
use smdpp::types::Fqdn;

use super::{ADDRESS, Wishes};
use crate::papers::Papers;

/// An SM-DS where nobody listens.
pub(super) fn unreachable() -> BTreeMap<Fqdn, Smds> {
    let nobody = Smds { connect: Some("127.0.0.1:1".to_owned()), client: None };
    [(Fqdn::parse("smds.example.com").unwrap(), nobody)].into_iter().collect()
}

/// A way to SM-DSs that is not told of any but `smds`.
pub(super) fn es12(pki: &TestPki, smds: BTreeMap<Fqdn, Smds>) -> Es12 {
    let roots = [pki.ci.der.clone().into()];
    let patience = Patience { connect_ms: 2_000, handshake_ms: 2_000, total_ms: 3_000 };
    let client = Client::new(None, &roots, patience).unwrap().checking(is_smds);
    let address = Fqdn::parse(ADDRESS).unwrap();
    Es12::new(address, "2.999.10".to_owned(), client, smds, Arc::new(SeededRandom::new(9)))
}

pub(super) fn setting(papers: &Papers, wishes: &Wishes) -> Setting {
    Setting {
        address: ADDRESS.to_owned(),
        trust: papers.trust.clone(),
        credentials: papers.credentials.clone(),
        policies: wishes.policies(),
        session_ms: 15 * MINUTE_MS,
        result_ms: 180 * DAY_MS,
    }
}

pub(super) fn registry(pki: &TestPki) -> Registry {
    let registered = |operator: &smdpp::mint::Operator| Registered {
        name: operator.name.clone(),
        oid: Some(operator.oid.clone()),
        common_name: None,
        certificate_sha256: None,
    };
    Registry::new(pki.operators.iter().map(registered).collect())
}
