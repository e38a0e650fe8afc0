//! The LPA: ES9+ calls to one SM-DP+ (SGP.22 section 5.6), each step also as a request to bend.

mod answers;
pub mod asn1;
mod discover;
mod download;
mod record;
mod steps;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

pub use answers::{Authentication, Offer};
pub use discover::EventEntry;
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
    #[error("{function}: the SM-DP+ refuses: {error} {}", asn1::error_name(function, *error))]
    RefusedAsn1 { function: String, error: u64 },
    #[error("write {file}: {cause}")]
    Record { file: String, cause: std::io::Error },
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
            | Self::RefusedAsn1 { .. }
            | Self::Record { .. }
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

/// How the functions are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binding {
    #[default]
    Json,
    Asn1,
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
    /// Offer brainpoolP256r1 and nothing else; TLS 1.2.
    pub brainpool_only: bool,
    pub timeout: Duration,
    pub user_agent: String,
    pub admin_protocol: String,
    pub binding: Binding,
    /// A folder for every message, as it went over the wire.
    pub record: Option<PathBuf>,
}

impl Default for LpaConfig {
    fn default() -> Self {
        Self {
            connect: None,
            tls_roots: Vec::new(),
            keep_alive: false,
            tls12_only: false,
            brainpool_only: false,
            timeout: Duration::from_secs(30),
            user_agent: "gsma-rsp-lpad".to_owned(),
            admin_protocol: "gsma/rsp/v2.2.0".to_owned(),
            binding: Binding::default(),
            record: None,
        }
    }
}

/// An answer to one call, with the members as JSON has them; the body is null when there is none or it is unreadable.
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
    binding: Binding,
    record: Option<PathBuf>,
}

impl Lpa {
    /// The address is that of the Activation Code; it is also the name the TLS certificate must bear.
    pub fn new(address: &str, config: LpaConfig) -> Result<Self, LpaError> {
        let http = HttpConfig {
            connect: config.connect,
            tls_roots: config.tls_roots,
            keep_alive: config.keep_alive,
            tls12_only: config.tls12_only,
            brainpool_only: config.brainpool_only,
            timeout: config.timeout,
            headers: vec![
                ("user-agent".to_owned(), config.user_agent),
                ("x-admin-protocol".to_owned(), config.admin_protocol),
            ],
        };
        let LpaConfig { binding, record, .. } = config;
        let (device, http) = (DeviceInfo::default(), Http::new(address, http)?);
        Ok(Self { device, address: address.to_owned(), http, binding, record })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends the members of a request to an ES9+ function, in this LPA's binding, and gives whatever comes back.
    pub async fn call(&self, function: &str, request: Value) -> Result<Answer, LpaError> {
        let (path, media_type, octets) = match self.binding {
            Binding::Json => {
                (format!("{PATH}{function}"), "application/json", request.to_string().into_bytes())
            }
            Binding::Asn1 => (asn1::PATH.to_owned(), asn1::MEDIA_TYPE, asn1::encode(function, &request)?),
        };
        let kept = self.record.as_ref().map(|folder| (folder, octets.clone()));
        let answer = self.http.post(&path, media_type, octets).await?;
        if let Some((folder, octets)) = kept {
            record::write(folder, function, self.binding, &octets, &answer.body)
                .map_err(|(file, cause)| LpaError::Record { file: file.display().to_string(), cause })?;
        }
        let body = match self.binding {
            Binding::Json => serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
            Binding::Asn1 if answer.status == 200 => asn1::decode(function, &answer.body)?,
            Binding::Asn1 => Value::Null,
        };
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
