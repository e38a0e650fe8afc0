//! Typed configuration from one TOML file, each value overridable by environment; `smdpp init` writes it.
mod crl;
mod environment;
mod es12;
mod policy;
mod private;
mod progress;
mod template;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;

pub use crl::{CrlSource, CrlSources, OnTrouble, Revocation};
pub use es12::{Es12, Smds};
pub use policy::{Narrower, Policy, ProfileTypePolicy};
pub use private::{PrivateError, private_folder, read_private, write_private, write_public};
pub use progress::{Points, Progress, Url};
pub use template::{Answers, OperatorAnswer};

use crate::profile::Layer;
use crate::profile::Policies;
use crate::profile::TypeLayer;
pub use crate::types::Fqdn;
use crate::types::Oid;
use crate::types::OperatorId;

/// A configuration is a page or two.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Everything that the server is told from outside. Secrets are not in it; it names their files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The SM-DP+ address that is in Activation Codes and in the TLS certificate.
    pub address: Fqdn,
    pub database: Database,
    pub mode: Mode,
    pub es9plus: Es9plus,
    pub es2plus: Es2plus,
    pub ci: Vec<Ci>,
    pub credentials: Vec<Credentials>,
    pub vault: Vault,
    #[serde(default)]
    pub operator: Vec<Operator>,
    #[serde(default)]
    pub es12: Es12,
    #[serde(default)]
    pub smds: Vec<Smds>,
    #[serde(default)]
    pub revocation: Revocation,
    #[serde(default)]
    pub policy: Policy,
    #[serde(default)]
    pub profile_type: Vec<ProfileTypePolicy>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub outbox: Outbox,
    #[serde(default)]
    pub log: Log,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Test,
    Production,
}

/// Where the state is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Database {
    Sqlite(PathBuf),
}

impl TryFrom<String> for Database {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty());
        let path =
            path.ok_or("a database is written \"sqlite:\" and a path, such as \"sqlite:data/smdpp.db\"")?;
        Ok(Self::Sqlite(path.into()))
    }
}

/// The door for LPAs (5.6).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Es9plus {
    pub listen: SocketAddr,
    pub tls_certificate: PathBuf,
    pub tls_key: PathBuf,
    /// A second certificate, for LPAs that offer brainpoolP256r1 and not NIST P-256.
    pub brainpool_tls_certificate: Option<PathBuf>,
    pub brainpool_tls_key: Option<PathBuf>,
}

/// The door for operators, with mutual TLS (5.3, 6.1).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Es2plus {
    pub listen: SocketAddr,
    pub tls_certificate: PathBuf,
    pub tls_key: PathBuf,
    /// Who issues the operators' client certificates.
    pub client_ca: PathBuf,
}

/// A Certificate Issuer whose eUICCs are served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ci {
    pub certificate: PathBuf,
    #[serde(default)]
    pub crl: CrlSources,
}

/// Our certificates under one CI (4.5.2).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub dpauth_certificate: PathBuf,
    pub dpauth_key: PathBuf,
    pub dppb_certificate: PathBuf,
    pub dppb_key: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    pub kind: VaultKind,
    /// File with 32 random octets in hexadecimal, under which secret columns are sealed.
    pub seal_key: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VaultKind {
    Software,
}

/// An operator, known by its client certificate: every member that is given must fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, try_from = "OperatorText")]
pub struct Operator {
    pub name: OperatorId,
    pub oid: Option<Oid>,
    pub common_name: Option<String>,
    pub certificate_sha256: Option<[u8; 32]>,
    pub policy: Narrower,
    /// Where it is told of what happens to its Profiles; without this it is told nothing.
    pub progress: Option<Progress>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorText {
    name: OperatorId,
    oid: Option<Oid>,
    common_name: Option<String>,
    certificate_sha256: Option<String>,
    #[serde(default)]
    policy: Narrower,
    progress: Option<Progress>,
}

impl TryFrom<OperatorText> for Operator {
    type Error = &'static str;

    fn try_from(text: OperatorText) -> Result<Self, Self::Error> {
        if text.oid.is_none() && text.common_name.is_none() && text.certificate_sha256.is_none() {
            return Err(
                "an operator needs oid, common_name or certificate_sha256: how else would it be known?",
            );
        }
        let certificate_sha256 = text.certificate_sha256.as_deref().map(sha256).transpose()?;
        let OperatorText { name, oid, common_name, policy, progress, .. } = text;
        Ok(Self { name, oid, common_name, certificate_sha256, policy, progress })
    }
}

/// With or without the colons that openssl prints.
fn sha256(text: &str) -> Result<[u8; 32], &'static str> {
    let octets = crate::types::hex::decode(&text.replace(':', ""));
    octets.and_then(|octets| octets.try_into().ok()).ok_or(
        "certificate_sha256 is 64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256 -in FILE",
    )
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub request_bytes_max: usize,
    pub connections_max: usize,
    pub handshake_seconds: u64,
    pub header_seconds: u64,
    pub body_seconds: u64,
    pub open_sessions_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 65_536,
            connections_max: 1_000,
            handshake_seconds: 10,
            header_seconds: 10,
            body_seconds: 30,
            open_sessions_max: 100_000,
        }
    }
}

/// What waits to be told to operators.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbox {
    pub give_up_days: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { give_up_days: 7 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}: {cause}. `smdpp init` writes a configuration to start from", .path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{} has more than {FILE_BYTES_MAX} octets: that is no configuration", .path.display())]
    TooLarge { path: PathBuf },
    #[error("{place}: {what}. {help}")]
    Wrong { place: String, what: String, help: &'static str },
}

impl Config {
    /// Reads the file; what `env` knows as `SMDPP_…` wins over it. Paths are relative to the file's folder.
    pub fn load(path: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
        if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(ConfigError::TooLarge { path: path.to_owned() });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let mut config = Self::read(&text, &path.display().to_string(), env)?;
        config.anchor(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Reads the text of a file; `place` is how errors call it.
    pub fn read(text: &str, place: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        environment::read(text, place, env)
    }

    /// The commented file that `smdpp init` writes.
    pub fn template(answers: &Answers) -> String {
        template::write(answers)
    }

    /// What in this configuration a careful operator would not start; empty is good. What needs certificates
    /// to be read is checked when the server has read them.
    pub fn suspicious(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.mode == Mode::Production && self.vault.kind == VaultKind::Software {
            found.push(
                "mode = \"production\" with vault.kind = \"software\": keys in files are for tests only. \
                 Set mode = \"test\""
                    .to_owned(),
            );
        }
        if self.es9plus.listen == self.es2plus.listen && self.es9plus.listen.port() != 0 {
            found.push(format!(
                "es9plus.listen and es2plus.listen are both {}: choose two",
                self.es9plus.listen
            ));
        }
        if self.es9plus.brainpool_tls_certificate.is_some() != self.es9plus.brainpool_tls_key.is_some() {
            found.push(
                "es9plus.brainpool_tls_certificate and es9plus.brainpool_tls_key belong together: give both, \
                 or neither"
                    .to_owned(),
            );
        }
        if self.ci.is_empty() {
            found.push("no [[ci]]: no eUICC would be trusted".to_owned());
        }
        if self.credentials.is_empty() {
            found.push("no [[credentials]]: nothing could be signed".to_owned());
        }
        for (place, operator) in self.operator.iter().enumerate() {
            if self.operator.iter().take(place).any(|other| other.name == operator.name) {
                found.push(format!("two [[operator]] are named {}: each needs its own name", operator.name));
            }
        }
        found.extend(self.suspicious_smds());
        found.extend(self.odd_types());
        found.extend(self.zeros().map(|name| format!("{name} = 0 would refuse everything: set at least 1")));
        found
    }

    /// All levels of the policy but the orders' own.
    pub fn policies(&self) -> Policies {
        let operators = self.operator.iter().map(|one| (one.name.clone(), one.policy.0.clone()));
        let types = self.profile_type.iter().map(|one| TypeLayer {
            name: one.name.clone(),
            operator: one.operator.clone(),
            layer: one.policy.0.clone(),
        });
        Policies { house: self.policy.layer.clone(), operators: operators.collect(), types: types.collect() }
    }

    /// Profile types that are named twice, or of operators that are not there: a typing error would change nothing.
    fn odd_types(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (place, one) in self.profile_type.iter().enumerate() {
            let before = self.profile_type.iter().take(place);
            if before.clone().any(|other| (&other.name, &other.operator) == (&one.name, &one.operator)) {
                found.push(format!("two [[profile_type]] are named {}: join them", one.name));
            }
            let unknown =
                one.operator.as_ref().filter(|name| !self.operator.iter().any(|op| op.name == **name));
            if let Some(name) = unknown {
                found.push(format!("[[profile_type]] {} is of {name}, but no [[operator]] is", one.name));
            }
        }
        found
    }

    /// Limits that must not be 0.
    fn zeros(&self) -> impl Iterator<Item = &'static str> {
        let Limits {
            request_bytes_max,
            connections_max,
            handshake_seconds,
            header_seconds,
            body_seconds,
            open_sessions_max,
        } = self.limits;
        let zeros = [
            ("download_attempts_max", self.layers().any(|layer| layer.download_attempts_max == Some(0))),
            (
                "confirmation_code_attempts_max",
                self.layers().any(|layer| layer.confirmation_code_attempts_max == Some(0)),
            ),
            ("policy.session_minutes", self.policy.session_minutes == 0),
            ("outbox.give_up_days", self.outbox.give_up_days == 0),
            ("es12.timeout_seconds", self.es12.timeout_seconds == 0),
            ("limits.request_bytes_max", request_bytes_max == 0),
            ("limits.connections_max", connections_max == 0),
            ("limits.handshake_seconds", handshake_seconds == 0),
            ("limits.header_seconds", header_seconds == 0),
            ("limits.body_seconds", body_seconds == 0),
            ("limits.open_sessions_max", open_sessions_max == 0),
        ];
        zeros.into_iter().filter_map(|(name, zero)| zero.then_some(name))
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        let operators = self.operator.iter().map(|one| &one.policy.0);
        let types = self.profile_type.iter().map(|one| &one.policy.0);
        std::iter::once(&self.policy.layer).chain(operators).chain(types)
    }

    fn anchor(&mut self, folder: &Path) {
        for path in self.smds_paths() {
            *path = folder.join(&*path);
        }
        let Database::Sqlite(database) = &mut self.database;
        let mut paths = vec![
            database,
            &mut self.es9plus.tls_certificate,
            &mut self.es9plus.tls_key,
            &mut self.es2plus.tls_certificate,
            &mut self.es2plus.tls_key,
            &mut self.es2plus.client_ca,
            &mut self.vault.seal_key,
        ];
        for ci in &mut self.ci {
            paths.push(&mut ci.certificate);
            paths.extend(ci.crl.files());
        }
        let progress = self.operator.iter_mut().filter_map(|operator| operator.progress.as_mut());
        paths.extend(progress.map(|progress| &mut progress.ca));
        paths.extend(self.es9plus.brainpool_tls_certificate.as_mut());
        paths.extend(self.es9plus.brainpool_tls_key.as_mut());
        for own in &mut self.credentials {
            paths.extend([&mut own.dpauth_certificate, &mut own.dpauth_key]);
            paths.extend([&mut own.dppb_certificate, &mut own.dppb_key]);
        }
        for path in paths {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests;
