//! The LPA: ES9+ calls to one SM-DP+ (SGP.22 section 5.6), each step also as a request to bend.

mod answers;
mod download;
mod steps;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

pub use answers::{Authentication, Offer};
pub use download::{Installed, Progress, Request, Wish};
pub use steps::{
    AUTHENTICATE_CLIENT, CANCEL_SESSION, GET_BOUND_PROFILE_PACKAGE, HANDLE_NOTIFICATION,
    INITIATE_AUTHENTICATION,
};

use crate::card::{CardError, DeviceInfo};
use crate::http::{Http, HttpConfig, HttpError};

/// Where the JSON functions of ES9+ live.
const PATH: &str = "/gsma/rsp2/es9plus/";

#[derive(Debug, thiserror::Error)]
pub enum LpaError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{function}: HTTP status {status}")]
    Status { function: String, status: u16 },
    #[error("{function}: the SM-DP+ refuses: {subject_code}/{reason_code} {message}")]
    Refused { function: String, subject_code: String, reason_code: String, message: String },
    #[error("{function}: the answer is not as SGP.22 says: {what}")]
    Malformed { function: String, what: String },
    #[error(transparent)]
    Card(#[from] CardError),
    #[error("{function}: the eUICC refuses with code {code}: {why}")]
    Euicc { function: String, code: u64, why: String },
    #[error("initiateAuthentication: serverAddress is {0}, not the server we asked")]
    Address(String),
    #[error("the server's OID is {found}, the Activation Code demands {wanted}")]
    Oid { found: String, wanted: String },
    #[error("the Activation Code is for {0}, this LPA for another server")]
    OtherServer(String),
    #[error("this Profile needs a Confirmation Code")]
    ConfirmationCodeRequired,
    #[error("the metadata in the package differs from what was shown")]
    MetadataMismatch,
    #[error("cancelled as asked, reason {0}")]
    Cancelled(u8),
    #[error("installation failed: errorReason {reason} in command {command}: {why}")]
    Installation { command: u64, reason: u64, why: String },
    #[error("stopped after step {0} as the fault demands")]
    Stopped(u64),
}

impl LpaError {
    /// `subject/reason` of a refusal by the server.
    pub fn codes(&self) -> Option<(&str, &str)> {
        match self {
            Self::Refused { subject_code, reason_code, .. } => Some((subject_code, reason_code)),
            Self::Http(_)
            | Self::Status { .. }
            | Self::Malformed { .. }
            | Self::Card(_)
            | Self::Euicc { .. }
            | Self::Address(_)
            | Self::Oid { .. }
            | Self::OtherServer(_)
            | Self::ConfirmationCodeRequired
            | Self::MetadataMismatch
            | Self::Cancelled(_)
            | Self::Installation { .. }
            | Self::Stopped(_) => None,
        }
    }

    pub(crate) fn malformed(function: &str, what: impl ToString) -> Self {
        Self::Malformed { function: function.to_owned(), what: what.to_string() }
    }
}

/// How the LPA speaks.
#[derive(Debug, Clone)]
pub struct LpaConfig {
    /// `host:port` to connect to in place of the server's own; SNI and Host keep the name.
    pub connect: Option<String>,
    /// DER certificates that may have issued the server's TLS certificate.
    pub tls_roots: Vec<Vec<u8>>,
    /// One connection for all calls; otherwise a fresh one for each, as lpac does.
    pub keep_alive: bool,
    pub tls12_only: bool,
    pub timeout: Duration,
    pub user_agent: String,
    pub admin_protocol: String,
}

impl Default for LpaConfig {
    fn default() -> Self {
        Self {
            connect: None,
            tls_roots: Vec::new(),
            keep_alive: false,
            tls12_only: false,
            timeout: Duration::from_secs(30),
            user_agent: "gsma-rsp-lpad".to_owned(),
            admin_protocol: "gsma/rsp/v2.2.0".to_owned(),
        }
    }
}

/// An answer to one call; the body is null when there is none or it is no JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// An LPA for one SM-DP+.
#[derive(Debug)]
pub struct Lpa {
    /// What it tells of the device it runs on.
    pub device: DeviceInfo,
    address: String,
    http: Http,
}

impl Lpa {
    /// The address is that of the Activation Code; it is also the name the TLS certificate must bear.
    pub fn new(address: &str, config: LpaConfig) -> Result<Self, LpaError> {
        let http = HttpConfig {
            connect: config.connect,
            tls_roots: config.tls_roots,
            keep_alive: config.keep_alive,
            tls12_only: config.tls12_only,
            timeout: config.timeout,
            headers: vec![
                ("user-agent".to_owned(), config.user_agent),
                ("x-admin-protocol".to_owned(), config.admin_protocol),
            ],
        };
        let device = DeviceInfo::default();
        Ok(Self { device, address: address.to_owned(), http: Http::new(address, http)? })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends any JSON to an ES9+ function and gives whatever comes back.
    pub async fn call(&self, function: &str, request: Value) -> Result<Answer, LpaError> {
        let path = format!("{PATH}{function}");
        let answer = self.http.post(&path, "application/json", request.to_string().into_bytes()).await?;
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Ok(Answer { status: answer.status, headers: answer.headers, body })
    }

    /// Sends any octets to any path: for what is no JSON, or no ES9+.
    pub async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<crate::http::HttpAnswer, LpaError> {
        Ok(self.http.post(path, content_type, body).await?)
    }
}
