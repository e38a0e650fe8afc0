//! Event Records in memory: one SM-DP+ registers and deletes its own, an eUICC finds those for its EID.
use std::collections::BTreeSet;
use std::sync::Mutex;

use smdpp::types::{Eid, Oid, StatusCode};

use crate::locked;
use crate::status::{EVENT_ID_IN_USE, EVENT_UNKNOWN};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who registered it, by its OID.
    pub owner: Oid,
    pub eid: Eid,
    pub event_id: String,
    pub rsp_server_address: String,
}

#[derive(Default)]
pub(crate) struct Events(Mutex<Book>);

#[derive(Default)]
struct Book {
    /// In the order of registration (5.8.2).
    events: Vec<Event>,
    /// Every EventID ever, by caller: none is used twice (3.6.1.1).
    used: BTreeSet<(Oid, String)>,
}

impl Events {
    pub(crate) fn register(&self, event: Event) -> Result<(), StatusCode> {
        let mut book = locked(&self.0);
        if !book.used.insert((event.owner.clone(), event.event_id.clone())) {
            return Err(EVENT_ID_IN_USE);
        }
        book.events.push(event);
        Ok(())
    }

    pub(crate) fn delete(&self, owner: &Oid, eid: &Eid, event_id: &str) -> Result<(), StatusCode> {
        let mut book = locked(&self.0);
        let before = book.events.len();
        book.events
            .retain(|event| (&event.owner, &event.eid, event.event_id.as_str()) != (owner, eid, event_id));
        if book.events.len() < before { Ok(()) } else { Err(EVENT_UNKNOWN) }
    }

    /// All events of an eUICC, or the one that is named.
    pub(crate) fn of(&self, eid: &Eid, event_id: Option<&str>) -> Result<Vec<Event>, StatusCode> {
        let wanted = |event: &&Event| event.eid == *eid && event_id.is_none_or(|id| event.event_id == id);
        let found: Vec<Event> = locked(&self.0).events.iter().filter(wanted).cloned().collect();
        if event_id.is_some() && found.is_empty() { Err(EVENT_UNKNOWN) } else { Ok(found) }
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        locked(&self.0).events.clone()
    }
}
