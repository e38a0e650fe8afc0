//! ES12: what this server tells an SM-DS (SGP.22 3.6, 5.9). Mutual TLS with CERT.DP.TLS; one call, one answer.
mod answer;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

pub use answer::Answered;

use crate::errand::DeleteEvent;
use crate::fault::Fault;
use crate::https::{Client, Target};
use crate::pki::Role;
use crate::pki::names_role;
use crate::profile::{EventRecord, Reply};
use crate::random::{Random, octets};
use crate::types::Fqdn;
use crate::types::FunctionCallId;
use crate::types::hex;

const REGISTER_EVENT: &str = "/gsma/rsp2/es12/registerEvent";
const DELETE_EVENT: &str = "/gsma/rsp2/es12/deleteEvent";

/// CERT.DS.TLS bears the role id-rspRole-ds-tls (4.5.2.1); asked before anything is sent.
pub fn is_smds(certificate: &[u8]) -> bool {
    names_role(certificate, Role::DsTls)
}

/// An SM-DS that the configuration speaks of: where it is reached, and who may have issued its certificate.
#[derive(Clone)]
pub struct Smds {
    pub connect: Option<String>,
    /// `None`: the CIs of this server.
    pub client: Option<Client>,
}

/// This SM-DP+ as a client of SM-DSs.
pub struct Es12 {
    /// rspServerAddress: where the LPA shall go.
    address: Fqdn,
    /// functionRequesterIdentifier: the SM-DP+ OID.
    requester: String,
    client: Client,
    listed: BTreeMap<Fqdn, Smds>,
    random: Arc<dyn Random>,
}

impl Es12 {
    pub fn new(
        address: Fqdn,
        requester: String,
        client: Client,
        listed: BTreeMap<Fqdn, Smds>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { address, requester, client, listed, random }
    }

    /// ES12.RegisterEvent (5.9.1).
    pub async fn register_event(&self, event: &EventRecord) -> Reply {
        let body = json!({
            "eid": event.eid.as_str(),
            "rspServerAddress": self.address.as_str(),
            "eventId": event.event_id.as_str(),
            // 3.6.1: always, for the event of a download.
            "forwardingIndicator": true,
        });
        let smds = &event.smds_address;
        let answered = match self.fresh_call() {
            Ok(call) => self.call(smds, REGISTER_EVENT, &call, body).await,
            Err(fault) => {
                tracing::error!(story = fault.story(), "fault before RegisterEvent");
                return Reply::Unreachable;
            }
        };
        let (reply, why) = answered.registration();
        match reply {
            Reply::Registered => tracing::info!(%smds, "the SM-DS registered an event"),
            Reply::Used | Reply::Refused | Reply::Unreachable | Reply::Silent => {
                tracing::warn!(%smds, why, "the SM-DS did not register an event");
            }
        }
        reply
    }

    /// ES12.DeleteEvent (5.9.2). An event that is not there is deleted.
    pub async fn delete_event(&self, event: &DeleteEvent, call: &FunctionCallId) -> Answered {
        let body = json!({ "eid": event.eid.as_str(), "eventId": event.event_id.as_str() });
        self.call(&event.smds_address, DELETE_EVENT, call.as_str(), body).await
    }

    async fn call(&self, smds: &Fqdn, path: &str, call: &str, mut body: Value) -> Answered {
        if let Some(members) = body.as_object_mut() {
            let header =
                json!({ "functionRequesterIdentifier": self.requester, "functionCallIdentifier": call });
            members.insert("header".to_owned(), header);
        }
        let listed = self.listed.get(smds);
        let mut target = Target::of(smds.as_str());
        if let Some(connect) = listed.and_then(|smds| smds.connect.clone()) {
            target.connect = connect;
        }
        let client = listed.and_then(|smds| smds.client.as_ref()).unwrap_or(&self.client);
        Answered::of(client.post(&target, path, &body).await)
    }

    fn fresh_call(&self) -> Result<String, Fault> {
        octets::<16>(self.random.as_ref()).map(|name| hex::encode(&name))
    }
}
