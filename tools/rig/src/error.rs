//! Why the rig could not do what it was asked; each message says what a person can do or look at.
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum RigError {
    #[error("no smdpp at {}: build it (cargo build -p smdpp) or name it in SMDPP_BIN", .0.display())]
    NoBinary(PathBuf),
    #[error("{what} {}: {cause}", .path.display())]
    File { what: &'static str, path: PathBuf, cause: io::Error },
    #[error("smdpp {arguments}: {status}\n{output}")]
    Command { arguments: String, status: String, output: String },
    #[error("smdpp serve {what}; its log says:\n{log}")]
    Start { what: String, log: String },
    #[error("the server does not run")]
    NotRunning,
    #[error("{0}")]
    Identity(#[from] euicc::identity::Error),
    #[error("there is no test eUICC in {}", .0.display())]
    NoEuicc(PathBuf),
    #[error("TLS to ES2+: {0}")]
    Tls(#[from] rustls::Error),
    #[error("ES2+ at {target}: {what}")]
    Es2Plus { target: String, what: String },
    #[error("{function} was refused: {subject}/{reason} {message}")]
    Refused { function: String, subject: String, reason: String, message: String },
    #[error(transparent)]
    Lpa(#[from] euicc::LpaError),
    #[error(transparent)]
    Card(#[from] euicc::card::CardError),
    #[error("{0}")]
    Wrong(String),
}

impl RigError {
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { what, path, cause }
    }
}
