//! The HTTP bindings (SGP.22 6.2 to 6.6): members of a JSON request, and the one form of every answer.
use std::collections::BTreeMap;
use std::fmt;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode as HttpStatus, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::types::StatusCode;

/// Header of 6.2: the highest version that this server speaks.
pub const ADMIN_PROTOCOL: (&str, &str) = ("x-admin-protocol", "gsma/rsp/v2.5.0");

/// The members of a request; unknown ones are ignored. Numbers and lists have no place in a request, so nothing
/// is kept of them, whatever their size.
#[derive(Debug, Deserialize)]
pub struct Members(BTreeMap<String, Member>);

#[derive(Debug)]
enum Member {
    Null,
    Text(String),
    Flag(bool),
    Object(Members),
    Other,
}

impl Members {
    /// `None`: the body is no JSON object.
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// A member that may be left out; `null` is left out too.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, StatusCode> {
        match self.0.get(name) {
            None | Some(Member::Null) => Ok(None),
            Some(Member::Text(text)) => Ok(Some(text)),
            Some(Member::Flag(_) | Member::Object(_) | Member::Other) => Err(StatusCode::PARAMETER_INVALID),
        }
    }

    pub fn text(&self, name: &str) -> Result<&str, StatusCode> {
        self.optional(name)?.ok_or(StatusCode::PARAMETER_MISSING)
    }

    pub fn boolean(&self, name: &str) -> Result<bool, StatusCode> {
        match self.0.get(name) {
            None | Some(Member::Null) => Err(StatusCode::PARAMETER_MISSING),
            Some(Member::Flag(flag)) => Ok(*flag),
            Some(Member::Text(_) | Member::Object(_) | Member::Other) => Err(StatusCode::PARAMETER_INVALID),
        }
    }

    /// A member that holds octets in base64 (6.5.2).
    pub fn octets(&self, name: &str) -> Result<Vec<u8>, StatusCode> {
        BASE64.decode(self.text(name)?).map_err(|_| StatusCode::PARAMETER_INVALID)
    }

    /// A member that is an object.
    pub fn object(&self, name: &str) -> Result<&Members, StatusCode> {
        match self.0.get(name) {
            None | Some(Member::Null) => Err(StatusCode::PARAMETER_MISSING),
            Some(Member::Object(members)) => Ok(members),
            Some(Member::Text(_) | Member::Flag(_) | Member::Other) => Err(StatusCode::PARAMETER_INVALID),
        }
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Member, E> {
        Ok(Member::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Member, E> {
        Ok(Member::Flag(flag))
    }

    fn visit_str<E>(self, text: &str) -> Result<Member, E> {
        Ok(Member::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Member, E> {
        Ok(Member::Text(text))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Member, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Member, A::Error> {
        let members = BTreeMap::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Member::Object(Members(members)))
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

/// 6.6: an answer of the ASN.1 binding, executed or refused.
pub fn asn1(message: Vec<u8>) -> Response<Body> {
    let mut response = empty(HttpStatus::OK);
    let media_type = HeaderValue::from_static("application/x-gsma-rsp-asn1");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    *response.body_mut() = Body::from(message);
    response
}

/// A request of the ASN.1 binding that names no function, or one whose answer has no place for an error.
pub fn unreadable() -> Response<Body> {
    empty(HttpStatus::BAD_REQUEST)
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
