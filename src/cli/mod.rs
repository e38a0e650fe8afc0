//! The commands that a person types.
pub mod init;
pub mod pki;

/// What a command says when it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Mint(#[from] crate::mint::MintError),
    #[error(transparent)]
    Malformed(#[from] crate::types::Malformed),
    #[error("cannot {what} {}: {cause}", .path.display())]
    File { what: &'static str, path: std::path::PathBuf, cause: std::io::Error },
    #[error("{0}")]
    Refused(String),
}

#[cfg(test)]
mod tests;
