//! The ways to the doors of a house: their routers called in process, or real sockets; and what comes back.
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use euicc::lpa::{Binding, asn1};
use http_body_util::BodyExt;
use serde_json::Value;
use smdpp::server::{ClientCertificate, Peer};
use tower::ServiceExt;

/// A way to the doors other than calling their routers; an ES2+ caller shows a certificate.
pub(crate) trait Road: Send + Sync {
    fn travel<'a>(
        &'a self,
        path: String,
        certificate: Option<Vec<u8>>,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}

tokio::task_local! {
    /// The binding that ES9+ is called in; JSON unless a test says otherwise.
    pub(crate) static BINDING: Binding;
}

/// HTTP status and JSON body (null when empty).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) http: u16,
    pub(crate) body: Value,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Answer {
    /// `ok`, `8.1/6.1`, or `HTTP 404`.
    pub(crate) fn verdict(&self) -> String {
        let status = self.body.pointer("/header/functionExecutionStatus");
        let text = status.and_then(|status| status.pointer("/status")).and_then(Value::as_str);
        match (self.http, text) {
            (204, None) | (200, Some("Executed-Success")) => "ok".to_owned(),
            (200, Some("Failed")) => self.code(),
            (http, _) => format!("HTTP {http}"),
        }
    }

    /// Subject and reason, whatever HTTP says; `error 5` in the ASN.1 binding.
    pub(crate) fn code(&self) -> String {
        if let Some(error) = self.body.pointer("/header/functionExecutionStatus/error") {
            return format!("error {error}");
        }
        let data = self.body.pointer("/header/functionExecutionStatus/statusCodeData");
        let text = |name: &str| data.and_then(|data| data.get(name)).and_then(Value::as_str).unwrap_or("");
        format!("{}/{}", text("subjectCode"), text("reasonCode"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.verdict(), "ok", "{:?}", self.body);
        self.body
    }
}

pub(super) async fn send(
    router: &Router,
    path: &str,
    certificate: Option<Vec<u8>>,
    body: Vec<u8>,
) -> (Answer, Vec<u8>) {
    let certificate = certificate.map(|der| Arc::new(ClientCertificate { der }));
    let media_type = if path == asn1::PATH { asn1::MEDIA_TYPE } else { "application/json" };
    let mut request = Request::post(path)
        .header(header::CONTENT_TYPE, media_type)
        .header("user-agent", "gsma-rsp-lpad")
        .header("x-admin-protocol", "gsma/rsp/v2.2.0")
        .body(Body::from(body))
        .unwrap();
    request.extensions_mut().insert(Peer { address: ([127, 0, 0, 1], 4).into(), certificate });
    let response = router.clone().oneshot(request).await.unwrap();
    let http = response.status().as_u16();
    let header = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let answer = Answer { http, body: serde_json::from_slice(&body).unwrap_or_default(), headers };
    (answer, body.to_vec())
}
