//! Where operators want to hear of their Profiles: one HTTPS client for each, with our certificate (SGP.22 5.3.5, 6.4).
use std::collections::BTreeMap;

use super::Expiry;
use super::tls::{Paths, roots};
use crate::config::Config;
use crate::config::Progress;
use crate::es2plus::Endpoint;
use crate::https::{Client, Patience, Target};
use crate::time::Timestamp;
use crate::types::OperatorId;

/// An operator's endpoint has this long; meanwhile only what is behind it in its own lane waits.
const PATIENCE: Patience = Patience { connect_ms: 5_000, handshake_ms: 5_000, total_ms: 15_000 };

pub(super) fn endpoints(
    config: &Config,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> BTreeMap<OperatorId, Endpoint> {
    let mut endpoints = BTreeMap::new();
    for operator in &config.operator {
        let Some(progress) = &operator.progress else { continue };
        match endpoint(config, progress, now) {
            Ok((endpoint, expiry)) => {
                endpoints.insert(operator.name.clone(), endpoint);
                expiries.push(expiry);
            }
            Err(several) => {
                wrong.extend(several.into_iter().map(|why| format!("operator {}: {why}", operator.name)));
            }
        }
    }
    endpoints
}

fn endpoint(config: &Config, progress: &Progress, now: Timestamp) -> Result<(Endpoint, Expiry), Vec<String>> {
    let one = |why: String| vec![why];
    let (roots, first) = roots(&progress.ca, now, "the CA certificate of its endpoint").map_err(one)?;
    // The certificate by which the operator knows us as a server is the one by which it knows us as a client.
    let own = Paths { certificate: &config.es2plus.tls_certificate, key: &config.es2plus.tls_key };
    let (identity, _) = own.open(now)?;
    let client = Client::new(Some(identity), &roots, PATIENCE)
        .map_err(|fault| one(format!("{}: {}", progress.ca.display(), fault.story())))?;
    let (host, port) = (&progress.url.host, progress.url.port);
    let target = Target { host: host.clone(), connect: format!("{host}:{port}") };
    let endpoint = Endpoint { client, target, path: progress.url.path.clone() };
    Ok((endpoint, Expiry::of("endpoint CA", &progress.ca, &first)))
}
