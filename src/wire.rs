//! The JSON binding (SGP.22 6.2 to 6.5): members of a request, and the one form of every answer.
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode as HttpStatus, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::types::StatusCode;

/// Header of 6.2: the highest version that this server speaks.
const ADMIN_PROTOCOL: (&str, &str) = ("x-admin-protocol", "gsma/rsp/v2.5.0");

/// The members of a request; unknown ones are ignored.
#[derive(Debug)]
pub struct Members(Map<String, Value>);

impl Members {
    /// `None`: the body is no JSON object.
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().map(Self)
    }

    /// A member that may be left out; `null` is left out too.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, StatusCode> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(StatusCode::PARAMETER_INVALID)
            }
        }
    }

    pub fn text(&self, name: &str) -> Result<&str, StatusCode> {
        self.optional(name)?.ok_or(StatusCode::PARAMETER_MISSING)
    }

    pub fn boolean(&self, name: &str) -> Result<bool, StatusCode> {
        match self.0.get(name) {
            None | Some(Value::Null) => Err(StatusCode::PARAMETER_MISSING),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(StatusCode::PARAMETER_INVALID)
            }
        }
    }

    /// A member that holds octets in base64 (6.5.2).
    pub fn octets(&self, name: &str) -> Result<Vec<u8>, StatusCode> {
        BASE64.decode(self.text(name)?).map_err(|_| StatusCode::PARAMETER_INVALID)
    }

    /// A member that is an object.
    pub fn object(&self, name: &str) -> Result<Members, StatusCode> {
        match self.0.get(name) {
            None | Some(Value::Null) => Err(StatusCode::PARAMETER_MISSING),
            Some(Value::Object(members)) => Ok(Self(members.clone())),
            Some(Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Bool(_)) => {
                Err(StatusCode::PARAMETER_INVALID)
            }
        }
    }
}

/// Octets as the standard writes them in JSON.
pub fn base64(octets: &[u8]) -> Value {
    Value::String(BASE64.encode(octets))
}

/// 6.3: executed, with the output of the function.
pub fn executed(mut members: Map<String, Value>) -> Response<Body> {
    members
        .insert("header".to_owned(), json!({ "functionExecutionStatus": { "status": "Executed-Success" } }));
    respond(HttpStatus::OK, &Value::Object(members))
}

/// 6.3: not executed is an answer too, and HTTP calls it 200.
pub fn refused(status: StatusCode) -> Response<Body> {
    failed(HttpStatus::OK, status)
}

/// A refusal that is not about the function: no JSON, no known operator.
pub fn failed(http: HttpStatus, status: StatusCode) -> Response<Body> {
    let StatusCode { subject, reason, message } = status;
    let data = json!({ "subjectCode": subject, "reasonCode": reason, "message": message });
    let status = json!({ "status": "Failed", "statusCodeData": data });
    respond(http, &json!({ "header": { "functionExecutionStatus": status } }))
}

/// 6.3: a notification is acknowledged without a body.
pub fn acknowledged() -> Response<Body> {
    empty(HttpStatus::NO_CONTENT)
}

/// Come back in a moment.
pub fn busy() -> Response<Body> {
    let mut response = empty(HttpStatus::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// Our own failure says nothing to a peer.
pub fn fault() -> Response<Body> {
    empty(HttpStatus::INTERNAL_SERVER_ERROR)
}

fn respond(http: HttpStatus, body: &Value) -> Response<Body> {
    let mut response = empty(http);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(body.to_string());
    response
}

fn empty(http: HttpStatus) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = http;
    let (name, version) = ADMIN_PROTOCOL;
    response.headers_mut().insert(name, HeaderValue::from_static(version));
    response
}
