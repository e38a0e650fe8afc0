//! ES11: what an SM-DS knows for this eUICC (SGP.22 sections 3.6.3 and 5.8).

use serde_json::Value;

use super::answers::text;
use super::steps::AUTHENTICATE_CLIENT;
use super::{Lpa, LpaError};
use crate::card::Card;

/// Where a Profile waits, and under which MatchingID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEntry {
    pub event_id: String,
    pub rsp_server_address: String,
}

impl Lpa {
    /// Asks an SM-DS, which this LPA is made for, for one event or for all; in the order of their registration.
    pub async fn discover(
        &self,
        card: &mut Card,
        event_id: Option<&str>,
    ) -> Result<Vec<EventEntry>, LpaError> {
        let server = self.initiate_authentication(card).await?;
        self.check_server(&server, None)?;
        let request = self.authenticate_client_request(card, &server, event_id)?;
        let body = self.succeed(card, AUTHENTICATE_CLIENT, request).await?;
        let entries = body.get("eventEntries").and_then(Value::as_array);
        let missing = || LpaError::malformed(AUTHENTICATE_CLIENT, "eventEntries is missing");
        entries.ok_or_else(missing)?.iter().map(EventEntry::read).collect()
    }
}

impl EventEntry {
    fn read(entry: &Value) -> Result<Self, LpaError> {
        Ok(Self {
            event_id: text(AUTHENTICATE_CLIENT, entry, "eventId")?,
            rsp_server_address: text(AUTHENTICATE_CLIENT, entry, "rspServerAddress")?,
        })
    }
}
