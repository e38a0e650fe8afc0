//! What the server of a test is made of: keys, setting, operators, the way to SM-DSs.
use std::collections::BTreeMap;
use std::sync::Arc;

use smdpp::es2plus::{Registered, Registry};
use smdpp::es12::{Es12, Smds, is_smds};
use smdpp::hsm::SoftKeys;
use smdpp::https::{Client, Patience};
use smdpp::mint::TestPki;
use smdpp::pki::{Certificate, Credential, Credentials, TrustStore};
use smdpp::random::SeededRandom;
use smdpp::rsp::Setting;
use smdpp::time::{DAY_MS, MINUTE_MS, Timestamp};
use smdpp::types::{Fqdn, Secret};

use super::{ADDRESS, Wishes};

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

pub(super) fn soft_keys(pki: &TestPki) -> SoftKeys {
    let pem =
        |issued: &smdpp::mint::Issued| Secret::new(issued.key_pem().unwrap().expose().clone().into_bytes());
    let mut keys = SoftKeys::default();
    keys.add(&pem(&pki.dpauth), &pem(&pki.dppb)).unwrap();
    keys.add(&pem(&pki.brainpool.dpauth), &pem(&pki.brainpool.dppb)).unwrap();
    keys
}

pub(super) fn setting(pki: &TestPki, wishes: &Wishes, now: Timestamp) -> Setting {
    let second = &pki.brainpool;
    let roots = [&pki.ci, &second.ci].map(|ci| Certificate::parse(&ci.der).unwrap());
    let trust = TrustStore::new(roots.to_vec()).unwrap();
    let credentials = [(&pki.dpauth, &pki.dppb), (&second.dpauth, &second.dppb)]
        .map(|(dpauth, dppb)| Credential::new(&dpauth.der, &dppb.der, &trust, now).unwrap());
    Setting {
        address: ADDRESS.to_owned(),
        trust,
        credentials: Credentials::new(credentials.to_vec()),
        limits: wishes.limits,
        session_ms: 15 * MINUTE_MS,
        result_ms: 180 * DAY_MS,
        order_ms: wishes.order_ms,
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
