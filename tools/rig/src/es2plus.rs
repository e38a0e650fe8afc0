//! The operator's side of ES2+ (SGP.22 5.3): orders over mutual TLS.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::error::RigError;
use crate::pki::ClientIdentity;
use crate::server::Server;

/// Calls of this process: a functionCallIdentifier names one call, whatever connection it takes.
static CALLS: AtomicU64 = AtomicU64::new(0);

const PATH: &str = "/gsma/rsp2/es2plus/";
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// One operator's connection to one server.
pub struct Es2Plus {
    target: String,
    host: String,
    requester: String,
    tls: TlsConnector,
    kept: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

/// What ConfirmOrder may carry beside the ICCID.
#[derive(Debug, Clone, Copy, Default)]
pub struct Confirm<'a> {
    pub release: bool,
    pub eid: Option<&'a str>,
    pub matching_id: Option<&'a str>,
    pub confirmation_code: Option<&'a str>,
    pub smds_address: Option<&'a str>,
}

/// An answer of ES2+, whatever it says.
#[derive(Debug, Clone)]
pub struct Es2Answer {
    pub function: String,
    pub http_status: u16,
    /// `Executed-Success`, `Failed`, …; empty when there is no header.
    pub status: String,
    pub subject: String,
    pub reason: String,
    pub message: String,
    pub request: Value,
    pub body: Value,
}

impl Es2Answer {
    pub fn succeeded(&self) -> bool {
        self.http_status == 200 && self.status == "Executed-Success"
    }

    /// `8.2.1/3.9`.
    pub fn codes(&self) -> String {
        format!("{}/{}", self.subject, self.reason)
    }

    /// A text member of the answer.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.body.get(member).and_then(Value::as_str)
    }

    /// Itself if it succeeded, else its refusal as an error.
    pub fn success(self) -> Result<Self, RigError> {
        if self.succeeded() {
            return Ok(self);
        }
        let message = match self.message.is_empty() {
            true => format!("HTTP {} {}", self.http_status, self.status),
            false => self.message,
        };
        Err(RigError::Refused {
            function: self.function,
            subject: self.subject,
            reason: self.reason,
            message,
        })
    }
}

impl Es2Plus {
    /// As the operator `name` of the server's own PKI.
    pub fn of(server: &Server, name: &str) -> Result<Self, RigError> {
        let (pki, target) = (server.pki(), &server.ready()?.es2plus);
        Self::new(target, server.address(), &pki.ci()?, Some(&pki.operator(name)?), name)
    }

    /// To `target`, which must prove to be `host` under `root`; without `identity` it shows no certificate.
    pub fn new(
        target: &str,
        host: &str,
        root: &[u8],
        identity: Option<&ClientIdentity>,
        requester: &str,
    ) -> Result<Self, RigError> {
        Ok(Self {
            target: target.to_owned(),
            host: host.to_owned(),
            requester: requester.to_owned(),
            tls: TlsConnector::from(Arc::new(tls_config(root, identity)?)),
            kept: Mutex::new(None),
        })
    }

    /// ES2+.DownloadOrder: by ICCID, by Profile Type, or both.
    pub async fn download_order(
        &self,
        eid: Option<&str>,
        iccid: Option<&str>,
        profile_type: Option<&str>,
    ) -> Result<Es2Answer, RigError> {
        self.call("downloadOrder", given(&[("eid", eid), ("iccid", iccid), ("profileType", profile_type)]))
            .await
    }

    /// ES2+.ConfirmOrder.
    pub async fn confirm_order(&self, iccid: &str, confirm: Confirm<'_>) -> Result<Es2Answer, RigError> {
        let mut fields = given(&[
            ("iccid", Some(iccid)),
            ("eid", confirm.eid),
            ("matchingId", confirm.matching_id),
            ("confirmationCode", confirm.confirmation_code),
            ("smdsAddress", confirm.smds_address),
        ]);
        fields.insert("releaseFlag".to_owned(), json!(confirm.release));
        self.call("confirmOrder", fields).await
    }

    /// ES2+.ReleaseProfile.
    pub async fn release_profile(&self, iccid: &str) -> Result<Es2Answer, RigError> {
        self.call("releaseProfile", given(&[("iccid", Some(iccid))])).await
    }

    /// ES2+.CancelOrder; `final_status` is `Available` or `Unavailable`.
    pub async fn cancel_order(
        &self,
        iccid: &str,
        eid: Option<&str>,
        matching_id: Option<&str>,
        final_status: &str,
    ) -> Result<Es2Answer, RigError> {
        let fields = given(&[
            ("iccid", Some(iccid)),
            ("eid", eid),
            ("matchingId", matching_id),
            ("finalProfileStatusIndicator", Some(final_status)),
        ]);
        self.call("cancelOrder", fields).await
    }

    /// Any function with any members, under a header with a fresh functionCallIdentifier.
    pub async fn call(&self, function: &str, fields: Map<String, Value>) -> Result<Es2Answer, RigError> {
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let identifier = format!("{}-{}-{number}", self.requester, std::process::id());
        self.call_again(function, fields, &identifier).await
    }

    /// The same under a given functionCallIdentifier: a retry.
    pub async fn call_again(
        &self,
        function: &str,
        mut fields: Map<String, Value>,
        identifier: &str,
    ) -> Result<Es2Answer, RigError> {
        let header = json!({
            "functionRequesterIdentifier": self.requester,
            "functionCallIdentifier": identifier,
        });
        fields.insert("header".to_owned(), header);
        let request = Value::Object(fields);
        let (http_status, octets) = self.post(function, request.to_string().into_bytes()).await?;
        let body: Value = serde_json::from_slice(&octets).unwrap_or(Value::Null);
        let status = |path: &str| {
            let path = format!("/header/functionExecutionStatus/{path}");
            body.pointer(&path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(Es2Answer {
            function: function.to_owned(),
            http_status,
            status: status("status"),
            subject: status("statusCodeData/subjectCode"),
            reason: status("statusCodeData/reasonCode"),
            message: status("statusCodeData/message"),
            request,
            body,
        })
    }

    /// Any octets to a function: for what is no JSON.
    pub async fn post(&self, function: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), RigError> {
        let answer = tokio::time::timeout(ANSWER_LIMIT, self.exchange(function, body)).await;
        answer.map_err(|_| self.failed(&"no answer in time"))?
    }

    async fn exchange(&self, function: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), RigError> {
        let request = hyper::Request::post(format!("{PATH}{function}"))
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header("x-admin-protocol", "gsma/rsp/v2.2.0")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.failed(&error))?;
        let mut kept = self.kept.lock().await;
        let mut connection = match kept.take().filter(|kept| !kept.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        connection.ready().await.map_err(|error| self.failed(&error))?;
        let response = connection.send_request(request).await.map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        let last = response.headers().get("connection").is_some_and(|value| value == "close");
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| self.failed(&error))?
            .to_bytes();
        *kept = (!last).then_some(connection);
        Ok((status, body.to_vec()))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, RigError> {
        let name = ServerName::try_from(self.host.clone()).map_err(|error| self.failed(&error))?;
        let stream = TcpStream::connect(&self.target).await.map_err(|error| self.failed(&error))?;
        stream.set_nodelay(true).map_err(|error| self.failed(&error))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| self.failed(&error))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| self.failed(&error))?;
        // Its errors reach us through the sender.
        tokio::spawn(async move {
            connection.await.ok();
        });
        Ok(sender)
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> RigError {
        RigError::Es2Plus { target: self.target.clone(), what: error.to_string() }
    }
}

/// The members that have a value.
pub fn given(fields: &[(&str, Option<&str>)]) -> Map<String, Value> {
    fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!((*value)?)))).collect()
}

fn tls_config(root: &[u8], identity: Option<&ClientIdentity>) -> Result<ClientConfig, RigError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root.to_vec()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let pem =
                |error: rustls::pki_types::pem::Error| RigError::Wrong(format!("client identity: {error}"));
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.certificate).collect();
            let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(pem)?;
            builder.with_client_auth_cert(chain.map_err(pem)?, key)?
        }
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}
