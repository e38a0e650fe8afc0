//! The commands that a person types.
pub mod audit;
pub mod command;
mod crl;
pub mod init;
pub mod notification;
pub mod order;
pub mod out;
pub mod outbox;
pub mod pki;
pub mod profile;
pub mod serve;
pub mod table;

pub use command::{Smdpp, main};

/// What a command says when it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Mint(#[from] crate::mint::MintError),
    #[error(transparent)]
    Malformed(#[from] crate::types::Malformed),
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error(transparent)]
    Refusals(#[from] crate::world::Refusals),
    #[error("{}", .0.story())]
    Fault(#[from] crate::fault::Fault),
    #[error("cannot {what} {}: {cause}", .path.display())]
    File { what: &'static str, path: std::path::PathBuf, cause: std::io::Error },
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    #[error("{0}")]
    Refused(String),
    /// The audit trail does not hold.
    #[error("the audit trail does not hold at {0}")]
    Unsound(crate::audit::Unsound),
}

/// The person at the keyboard, as far as the machine knows; for the audit trail.
fn person() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "root".to_owned())
}

#[cfg(test)]
mod tests;
