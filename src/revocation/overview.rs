//! How the lists stand, for a person beside the server: what the folder of the last good lists says (SGP.22 4.6).
use serde::Serialize;

use super::{Cache, State, folder};
use crate::config::{Config, CrlSource};
use crate::pki::TrustStore;
use crate::time::{SECOND_MS, Timestamp};

/// One CI and its list. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    pub ci: String,
    /// The CI's key identifier, which names its files in the folder.
    pub key_id: String,
    pub state: &'static str,
    pub sources: Vec<String>,
    /// Where the held list came from.
    pub source: Option<String>,
    pub number: Option<String>,
    pub this_update: Option<String>,
    pub next_update: Option<String>,
    /// Seconds since thisUpdate.
    pub age_s: Option<i64>,
    pub entries: Option<usize>,
    pub fetched_at: Option<String>,
    pub tried_at: Option<String>,
    pub error: Option<String>,
}

pub fn overview(config: &Config, trust: &TrustStore, now: Timestamp) -> Vec<Overview> {
    let cache = Cache::new(folder(config));
    let mut all = Vec::new();
    for (id, ci) in trust.key_ids().zip(&config.ci) {
        let Some(root) = trust.root(id) else { continue };
        let (held, record) = cache.load(id, root, now);
        let off = ci.crl.0.is_empty();
        let held = held.filter(|_| !off);
        let list = held.as_ref();
        all.push(Overview {
            ci: root.subject().title().to_owned(),
            key_id: id.to_string(),
            state: if off { State::Off } else { State::of(list, now) }.as_str(),
            sources: ci.crl.0.iter().map(CrlSource::to_string).collect(),
            source: record.source,
            number: list.map(|list| list.number().to_string()),
            this_update: list.map(|list| list.this_update().to_string()),
            next_update: list.map(|list| list.next_update().to_string()),
            age_s: list.map(|list| since(list.this_update(), now)),
            entries: list.map(crate::pki::Revocations::entries),
            fetched_at: record.fetched_at.map(|at| at.to_string()),
            tried_at: record.tried_at.map(|at| at.to_string()),
            error: record.error,
        });
    }
    all
}

fn since(at: Timestamp, now: Timestamp) -> i64 {
    now.unix_ms().saturating_sub(at.unix_ms()).div_euclid(SECOND_MS)
}
