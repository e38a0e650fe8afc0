//! The certificates and keys of a house, made once for all houses alike: arithmetic on brainpoolP256r1 takes its time
//! where it is not optimised.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use smdpp::hsm::SoftKeys;
use smdpp::mint::{Issued, Plan, TestPki};
use smdpp::pki::{Certificate, Credential, Credentials, TrustStore};
use smdpp::random::SeededRandom;
use smdpp::time::Timestamp;
use smdpp::types::Secret;

#[derive(Clone)]
pub(crate) struct Papers {
    pub(crate) pki: Arc<TestPki>,
    pub(crate) trust: TrustStore,
    pub(crate) credentials: Credentials,
}

static MADE: Mutex<BTreeMap<(u64, i64), Papers>> = Mutex::new(BTreeMap::new());

impl Papers {
    /// Two CIs, and so many eUICCs under each.
    pub(crate) fn of(euiccs: u64, now: Timestamp) -> Self {
        let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        made.entry((euiccs, now.unix_s())).or_insert_with(|| Self::made(euiccs, now)).clone()
    }

    fn made(euiccs: u64, now: Timestamp) -> Self {
        let plan = Plan { euiccs, ..Plan::example().unwrap() };
        let pki = TestPki::with_random(&plan, now, &SeededRandom::new(7)).unwrap();
        let second = &pki.brainpool;
        let roots = [&pki.ci, &second.ci].map(|ci| Certificate::parse(&ci.der).unwrap());
        let trust = TrustStore::new(roots.to_vec()).unwrap();
        let credentials = [(&pki.dpauth, &pki.dppb), (&second.dpauth, &second.dppb)]
            .map(|(dpauth, dppb)| Credential::new(&dpauth.der, &dppb.der, &trust, now).unwrap());
        let credentials = Credentials::new(credentials.to_vec());
        Self { pki: Arc::new(pki), trust, credentials }
    }

    pub(crate) fn soft_keys(&self) -> SoftKeys {
        let pem = |issued: &Issued| Secret::new(issued.key_pem().unwrap().expose().clone().into_bytes());
        let (first, second) = (&self.pki, &self.pki.brainpool);
        let mut keys = SoftKeys::default();
        keys.add(&pem(&first.dpauth), &pem(&first.dppb)).unwrap();
        keys.add(&pem(&second.dpauth), &pem(&second.dppb)).unwrap();
        keys
    }
}
