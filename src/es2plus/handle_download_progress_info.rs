//! ES2+.HandleDownloadProgressInfo (SGP.22 section 5.3.5): here we are the client, and the operator the server.
use std::fmt;

use serde_json::{Map, Value, json};

use crate::errand::{PointStatus, Progress};
use crate::https::{Client, Target};
use crate::types::FunctionCallId;
use crate::wire::base64;

/// Where one operator wants to hear of its Profiles.
#[derive(Clone)]
pub struct Endpoint {
    pub client: Client,
    pub target: Target,
    pub path: String,
}

/// Why the operator does not have it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untold {
    /// It could not be reached, did not answer, or says that it cannot now.
    Unheard(String),
    /// It answered, and will not have this one: 4xx.
    Refused(u16),
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unheard(why) => f.write_str(why),
            Self::Refused(status) => write!(f, "refused with HTTP {status}"),
        }
    }
}

impl Endpoint {
    /// Told when the operator acknowledged it: 204 by 6.3, and any other 2xx of a lenient one.
    pub async fn tell(
        &self,
        requester: &str,
        call: &FunctionCallId,
        progress: &Progress,
    ) -> Result<(), Untold> {
        let body = Value::Object(body(requester, call, progress));
        let answer = self.client.post(&self.target, &self.path, &body).await;
        match answer.map_err(|error| Untold::Unheard(error.story()))?.status {
            200..=299 => Ok(()),
            // Request Timeout, Too Early, Too Many Requests: not now.
            status @ (408 | 425 | 429) => Err(Untold::Unheard(format!("HTTP {status}"))),
            status @ 400..=499 => Err(Untold::Refused(status)),
            status => Err(Untold::Unheard(format!("HTTP {status}"))),
        }
    }
}

fn body(requester: &str, call: &FunctionCallId, progress: &Progress) -> Map<String, Value> {
    let mut members = Map::new();
    let mut member = |name: &str, value: Value| members.insert(name.to_owned(), value);
    let header = json!({ "functionRequesterIdentifier": requester, "functionCallIdentifier": call.as_str() });
    member("header", header);
    if let Some(eid) = &progress.eid {
        member("eid", json!(eid.as_str()));
    }
    member("iccid", json!(progress.iccid.as_str()));
    member("profileType", json!(progress.profile_type.as_str()));
    member("timestamp", json!(progress.at.date_time()));
    member("notificationPointId", json!(progress.point));
    member("notificationPointStatus", status(&progress.status));
    if let Some(result) = &progress.result_data {
        member("resultData", base64(result));
    }
    members
}

fn status(status: &PointStatus) -> Value {
    match status {
        PointStatus::Success => json!({ "status": "Executed-Success" }),
        PointStatus::Failed { subject, reason, message } => {
            let data = json!({ "subjectCode": subject, "reasonCode": reason, "message": message });
            json!({ "status": "Failed", "statusCodeData": data })
        }
    }
}
