//! This server as a client of SM-DSs: its certificate, and whom it believes (SGP.22 5.9, 6.1).
use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::Expiry;
use super::own::certificate;
use super::tls::{Paths, roots};
use crate::config::Config;
use crate::config::Smds as Listed;
use crate::es12::{Es12, Smds, is_smds};
use crate::https::{Client, Patience};
use crate::random::OsRandom;
use crate::time::Timestamp;

pub(super) fn open(
    config: &Config,
    requester: String,
    now: Timestamp,
    wrong: &mut Vec<String>,
    expiries: &mut Vec<Expiry>,
) -> Option<Es12> {
    let client = client(config, &roots_of_ours(config), now);
    // What is wrong with the certificate of ES9+ has been said there.
    let said = config.es12.tls_certificate.is_none() && !wrong.is_empty();
    let (client, expiry) =
        client.map_err(|several| wrong.extend(several.into_iter().filter(|_| !said))).ok()?;
    if config.es12.tls_certificate.is_some() {
        expiries.push(expiry);
    }
    let mut listed = BTreeMap::new();
    for smds in &config.smds {
        match one(config, smds, now, expiries) {
            Ok(found) => drop(listed.insert(smds.address.clone(), found)),
            Err(several) => {
                wrong.extend(several.into_iter().map(|why| format!("SM-DS {}: {why}", smds.address)));
            }
        }
    }
    Some(Es12::new(config.address.clone(), requester, client, listed, Arc::new(OsRandom::new())))
}

/// The CIs. One that cannot be read is complained about where it is needed first.
fn roots_of_ours(config: &Config) -> Vec<CertificateDer<'static>> {
    let read = config.ci.iter().filter_map(|ci| certificate(&ci.certificate).ok());
    read.map(|root| CertificateDer::from(root.der().to_vec())).collect()
}

fn one(
    config: &Config,
    smds: &Listed,
    now: Timestamp,
    expiries: &mut Vec<Expiry>,
) -> Result<Smds, Vec<String>> {
    let connect = smds.connect.clone();
    let Some(ca) = &smds.ca else { return Ok(Smds { connect, client: None }) };
    let (roots, first) = roots(ca, now, "the CA certificate of the SM-DS").map_err(|why| vec![why])?;
    expiries.push(Expiry::of("SM-DS CA", ca, &first));
    Ok(Smds { connect, client: Some(client(config, &roots, now)?.0) })
}

fn client(
    config: &Config,
    roots: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<(Client, Expiry), Vec<String>> {
    let (certificate, key) = config.es12_tls();
    let (identity, own) = Paths { certificate, key }.open(now)?;
    let total_ms = config.es12.timeout_seconds.saturating_mul(1000);
    let patience = Patience { connect_ms: total_ms, handshake_ms: total_ms, total_ms };
    let client = Client::new(Some(identity), roots, patience)
        .map_err(|fault| vec![format!("{}: {}", certificate.display(), fault.story())])?;
    Ok((client.checking(is_smds), Expiry::of("ES12 TLS", certificate, &own)))
}
