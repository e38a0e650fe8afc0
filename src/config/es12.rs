//! `[es12]` and `[[smds]]`: how SM-DSs are called (SGP.22 3.6, 5.9).
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Config;
use crate::types::Fqdn;

/// As whom this server calls an SM-DS, and how long it waits: the operator waits with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Es12 {
    /// CERT.DP.TLS; without it, and its key, those of `[es9plus]`.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub timeout_seconds: u64,
}

impl Default for Es12 {
    fn default() -> Self {
        Self { tls_certificate: None, tls_key: None, timeout_seconds: 10 }
    }
}

/// An SM-DS that is not simply found by its name, at port 443, under a CI of ours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smds {
    pub address: Fqdn,
    /// `host:port`
    pub connect: Option<String>,
    /// Who issued its TLS certificate, if it was none of our CIs.
    pub ca: Option<PathBuf>,
}

impl Config {
    /// The certificate and the key that an SM-DS sees.
    pub fn es12_tls(&self) -> (&Path, &Path) {
        match (&self.es12.tls_certificate, &self.es12.tls_key) {
            (Some(certificate), Some(key)) => (certificate, key),
            _ => (&self.es9plus.tls_certificate, &self.es9plus.tls_key),
        }
    }

    /// What is wrong with these sections.
    pub(super) fn suspicious_smds(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.es12.tls_certificate.is_some() != self.es12.tls_key.is_some() {
            found.push("es12.tls_certificate and es12.tls_key go together: give both or none".to_owned());
        }
        for (place, smds) in self.smds.iter().enumerate() {
            if self.smds.iter().take(place).any(|other| other.address == smds.address) {
                found.push(format!("two [[smds]] are {}: keep one", smds.address));
            }
            let port = |connect: &String| {
                connect
                    .rsplit_once(':')
                    .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
            };
            if !smds.connect.as_ref().is_none_or(port) {
                found
                    .push(format!("[[smds]] {}: connect is host:port, such as 127.0.0.1:9443", smds.address));
            }
        }
        found
    }

    pub(super) fn smds_paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let own = [&mut self.es12.tls_certificate, &mut self.es12.tls_key];
        own.into_iter().chain(self.smds.iter_mut().map(|smds| &mut smds.ca)).flatten()
    }
}
