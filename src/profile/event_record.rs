//! The Event Record of an order at an SM-DS (SGP.22 3.6): asked for, answered, and in the end withdrawn.
use serde::{Deserialize, Serialize};

use super::Profile;
use super::lifecycle::{Confirm, Denied, Transition};
use super::moves::Step;
use super::order::Order;
use crate::event::{SmdsReply, What};
use crate::types::Eid;
use crate::types::Fqdn;
use crate::types::MatchingId;
use crate::types::State;
use crate::types::StatusCode;

/// What an SM-DS knows of an order, or shall know: the EventID is the order's MatchingID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    pub smds_address: Fqdn,
    pub eid: Eid,
    pub event_id: MatchingId,
    pub status: EventStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// The SM-DS is told when the Profile is released.
    Kept,
    /// So many calls have begun to tell the SM-DS, and none was settled: it may know the event.
    Pending {
        calls: u32,
    },
    Registered,
    /// The SM-DS is told to forget it.
    Withdrawn,
}

/// The event that was registered, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub event: EventRecord,
    pub reply: Reply,
}

/// What came of RegisterEvent (5.9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Registered,
    /// 8.9.5/3.3: an event of ours has this EventID.
    Used,
    Refused,
    /// It is certain that the SM-DS heard nothing.
    Unreachable,
    /// No answer that can be understood: it may have registered the event, or not.
    Silent,
}

impl Reply {
    /// False if it is certain that the SM-DS keeps nothing because of this call.
    pub fn may_have_registered(self) -> bool {
        match self {
            Self::Registered | Self::Used | Self::Silent => true,
            Self::Refused | Self::Unreachable => false,
        }
    }
}

impl EventRecord {
    pub fn may_be_registered(&self) -> bool {
        match self.status {
            EventStatus::Pending { .. } | EventStatus::Registered => true,
            EventStatus::Kept | EventStatus::Withdrawn => false,
        }
    }

    /// The same event at the same SM-DS, whatever its status.
    pub fn is(&self, other: &Self) -> bool {
        (&self.smds_address, &self.eid, &self.event_id) == (&other.smds_address, &other.eid, &other.event_id)
    }

    pub fn is_pending(&self) -> bool {
        self.calls() > 0
    }

    fn calls(&self) -> u32 {
        match self.status {
            EventStatus::Pending { calls } => calls,
            EventStatus::Kept | EventStatus::Registered | EventStatus::Withdrawn => 0,
        }
    }

    fn with(self, status: EventStatus) -> Self {
        Self { status, ..self }
    }
}

/// Whether the SM-DS has been asked.
pub(super) enum Asked {
    /// Not by this call: the note that it will be, and then it has to be.
    First(Box<Transition>),
    Registered(EventRecord),
}

impl Order {
    /// The event that ConfirmOrder wants. One that an earlier call may have registered is used again, so that one
    /// order never has two.
    pub(super) fn wanted_event(
        &self,
        confirm: &Confirm,
        eid: Option<&Eid>,
    ) -> Result<Option<EventRecord>, StatusCode> {
        let Some(smds_address) = confirm.smds_address.clone() else { return Ok(None) };
        let Some(eid) = eid else { return Err(StatusCode::EID_MISSING) };
        let given = confirm.matching_id.as_ref();
        if given.is_some_and(MatchingId::is_empty) {
            return Err(StatusCode::MATCHING_ID_INVALID);
        }
        let event_id = given.unwrap_or(&confirm.fresh).clone();
        let fresh = EventRecord { smds_address, eid: eid.clone(), event_id, status: EventStatus::Kept };
        let fits = |event: &&EventRecord| {
            event.may_be_registered()
                && (&event.smds_address, &event.eid) == (&fresh.smds_address, &fresh.eid)
                && given.is_none_or(|id| *id == event.event_id)
        };
        Ok(Some(self.event.as_ref().filter(fits).cloned().unwrap_or(fresh)))
    }
}

impl Profile {
    /// The Profile may be released once the SM-DS has the event (5.3.2, 5.3.4): never before, and never without.
    pub(super) fn asked(
        self,
        step: Step,
        event: EventRecord,
        heard: Option<Heard>,
    ) -> Result<Asked, Box<Denied>> {
        let order = self.orders;
        let smds_address = event.smds_address.to_string();
        let Some(Heard { event: told, reply }) = heard else {
            let calls = event.calls().saturating_add(1);
            let what = What::EventAnnounced { order, smds_address, call: calls };
            let to = self.state;
            let note = self.moved(step, to, what, |profile| {
                profile.set_event(Some(event.with(EventStatus::Pending { calls })));
            });
            return Ok(Asked::First(Box::new(note)));
        };
        let present = self.order.as_ref().and_then(|order| order.event.as_ref());
        let Some(present) = present.filter(|present| present.is(&told) && present.is(&event)).cloned() else {
            // Another call has meanwhile made another event of this order.
            return Err(StatusCode::ICCID_IN_USE.into());
        };
        // 8.9.5/3.3 says that the event is there. If other calls told the SM-DS too, it is theirs, and this order's.
        let alone = present.calls() <= 1;
        let (status, reply) = match reply {
            Reply::Registered => return Ok(Asked::Registered(present.with(EventStatus::Registered))),
            Reply::Used if !alone => return Ok(Asked::Registered(present.with(EventStatus::Registered))),
            Reply::Used | Reply::Refused => (StatusCode::SMDS_REFUSED, SmdsReply::Refused),
            Reply::Unreachable => (StatusCode::SMDS_INACCESSIBLE, SmdsReply::Unreachable),
            Reply::Silent => (StatusCode::SMDS_INACCESSIBLE, SmdsReply::Silent),
        };
        let what = What::EventNotRegistered { order, smds_address, reply };
        let to = self.state;
        let moved = self.moved(step, to, what, |profile| {
            if alone && reply != SmdsReply::Silent {
                // An order that is confirmed keeps the address for the next ReleaseProfile.
                let confirmed = profile.state == State::Confirmed;
                profile.set_event(confirmed.then(|| present.with(EventStatus::Kept)));
            }
        });
        Err(Box::new(Denied { status, moved: Some(moved.without_withdrawal()) }))
    }

    /// The SM-DS shall have this event, for the order that is on this Profile now.
    pub fn wants_event(&self, event: &EventRecord) -> bool {
        let present = self.order.as_ref().and_then(|order| order.event.as_ref());
        present.is_some_and(|present| present.is(event) && present.may_be_registered())
    }

    /// RegisterEvent was called, and nobody knows yet what came of it.
    pub fn awaits_smds(&self) -> bool {
        self.order.as_ref().and_then(|order| order.event.as_ref()).is_some_and(EventRecord::is_pending)
    }

    fn set_event(&mut self, event: Option<EventRecord>) {
        if let Some(order) = &mut self.order {
            order.event = event;
        }
    }

    /// The event that the SM-DS may have and that this Profile needs no more. It is marked as withdrawn, so that
    /// it is withdrawn once.
    pub(super) fn withdraw(&mut self, before: Option<EventRecord>) -> Option<EventRecord> {
        let before = before.filter(EventRecord::may_be_registered)?;
        let over = match self.state {
            State::Installed | State::Error | State::Available | State::Unavailable => true,
            State::Allocated | State::Linked | State::Confirmed | State::Released | State::Downloaded => {
                false
            }
        };
        let present = self.order.as_mut().and_then(|order| order.event.as_mut());
        match present.filter(|present| present.is(&before) && present.may_be_registered()) {
            Some(_) if !over => None,
            Some(present) => {
                present.status = EventStatus::Withdrawn;
                Some(before)
            }
            None => Some(before),
        }
    }
}
