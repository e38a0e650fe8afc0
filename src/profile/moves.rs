//! The moves of the lifecycle table: what changes in a Profile, and the event that says so.
use super::Profile;
use super::event_record::{Asked, Heard};
use super::lifecycle::{Confirm, Decision, Denied, FinalState, Ineligible, OrderChange, Report, Transition};
use super::order::{Bound, Confirmation, Limits, Order, OrderSettings};
use super::policy::RetryAfter;
use crate::event::{ENCODING, Event, Failure, OneTimeKey, What};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::MatchingId;
use crate::types::State;
use crate::types::StatusCode;
use crate::types::TransactionId;

/// Who moves the Profile, and when.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) actor: Actor,
    pub(super) now: Timestamp,
}

/// The input of DownloadOrder.
pub(super) struct Reservation {
    pub(super) call: FunctionCallId,
    pub(super) repeat_key: Option<String>,
    pub(super) eid: Option<Eid>,
    pub(super) expires_at: Option<Timestamp>,
}

/// The moves, in the order of the table.
impl Profile {
    pub(super) fn reserved(self, step: Step, reservation: Reservation) -> Decision {
        let Reservation { call, repeat_key, eid, expires_at } = reservation;
        let number = self.orders.saturating_add(1);
        let order = Order {
            number,
            call,
            repeat_key,
            ordered_at: step.now,
            expires_at,
            eid,
            confirmation: None,
            download_attempts: 0,
            confirmation_code_attempts: 0,
            session: None,
            bound: None,
            out: Vec::new(),
            event: None,
            failure: None,
            set: OrderSettings::default(),
        };
        let to = if order.eid.is_some() { State::Linked } else { State::Allocated };
        let what = What::DownloadOrdered {
            order: number,
            call: order.call.to_string(),
            eid: order.eid.as_ref().map(Eid::to_string),
            expires_at,
        };
        Ok(Some(self.moved(step, to, what, |profile| {
            profile.orders = number;
            profile.order = Some(order);
            profile.cancelled_by = None;
        })))
    }

    pub(super) fn confirmed(self, step: Step, confirm: Confirm) -> Decision {
        let Some(order) = self.order.clone() else { return Err(StatusCode::ICCID_WRONG_STATE.into()) };
        if order.expired(step.now) {
            return Err(StatusCode::ORDER_EXPIRED.into());
        }
        if matches!((&order.eid, &confirm.eid), (Some(ordered), Some(given)) if ordered != given) {
            return Err(StatusCode::EID_MISMATCH.into());
        }
        let eid = order.eid.as_ref().or(confirm.eid.as_ref()).cloned();
        let mut event = order.wanted_event(&confirm, eid.as_ref())?;
        let Confirm { matching_id, fresh, confirmation_code_hash, release_flag, heard, .. } = confirm;
        if let Some(wanted) = event.take_if(|_| release_flag) {
            event = match self.clone().asked(step.clone(), wanted, heard)? {
                Asked::First(note) => return Ok(Some(*note)),
                Asked::Registered(event) => Some(event),
            };
        }
        let named = event.as_ref().map(|event| event.event_id.clone());
        let matching_id = named.or(matching_id).unwrap_or(fresh);
        if matching_id.is_empty() && eid.is_none() {
            return Err(StatusCode::EID_MISSING.into());
        }
        let what = What::OrderConfirmed {
            order: order.number,
            eid: eid.as_ref().map(Eid::to_string),
            confirmation_code: confirmation_code_hash.is_some(),
        };
        let to = if release_flag { State::Released } else { State::Confirmed };
        let confirmation = Confirmation { matching_id, confirmation_code_hash, release_flag };
        Ok(Some(self.moved(step, to, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.eid = eid;
                order.repeat_key = None;
                order.confirmation = Some(confirmation);
                order.event = event;
            }
        })))
    }

    pub(super) fn cancelled(
        self,
        step: Step,
        call: FunctionCallId,
        eid: Option<&Eid>,
        matching_id: Option<&MatchingId>,
        final_state: FinalState,
    ) -> Decision {
        let Some(order) = &self.order else { return Err(StatusCode::ICCID_WRONG_STATE.into()) };
        // 5.3.3 compares the MatchingID first. An empty one says nothing that leaving it out does not.
        let stored = order.matching_id().filter(|id| !id.is_empty());
        match (stored, matching_id.filter(|id| !id.is_empty())) {
            (None, None) => {}
            (Some(stored), Some(given)) if stored == given => {}
            (Some(_), None) => return Err(StatusCode::MATCHING_ID_MISSING.into()),
            (_, Some(_)) => return Err(StatusCode::MATCHING_ID_MISMATCH.into()),
        }
        match (order.eid.as_ref(), order.eid(), eid) {
            (_, Some(stored), Some(given)) if stored == given => {}
            (_, _, Some(_)) => return Err(StatusCode::ICCID_OTHER_EID.into()),
            (Some(_), _, None) => return Err(StatusCode::EID_LEFT_OUT.into()),
            // The operator never named an EID, so it need not name the one that downloaded.
            (None, _, None) => {}
        }
        // A package that left may be installed until its eUICC has signed that it is not: the Profile must not go
        // to a second one.
        if final_state == FinalState::Available && !order.out.is_empty() {
            return Err(StatusCode::ICCID_IN_USE.into());
        }
        let to = final_state.state();
        let what = What::OrderCancelled { order: order.number };
        Ok(Some(self.moved(step, to, what, |profile| {
            profile.order = None;
            profile.cancelled_by = Some(call);
        })))
    }

    pub(super) fn authorised(
        self,
        step: Step,
        transaction: TransactionId,
        limits: Limits,
        ineligible: Option<Ineligible>,
    ) -> Decision {
        let Some(order) = &self.order else { return Err(StatusCode::MATCHING_ID_REFUSED.into()) };
        if order.expired(step.now) {
            return Err(self.failed(step, StatusCode::ORDER_EXPIRED, Failure::OrderExpired));
        }
        if !matches!(self.state, State::Released | State::Downloaded) {
            return Err(StatusCode::PROFILE_NOT_RELEASED.into());
        }
        let limit = limits.download_attempts_max;
        if order.download_attempts >= limit {
            let failure = Failure::DownloadAttempts { limit };
            return Err(self.failed(step, StatusCode::ATTEMPTS_EXCEEDED, failure));
        }
        if let Some(Ineligible { status, why, terminal }) = ineligible {
            if !terminal {
                return Err(status.into());
            }
            return Err(self.failed(step, status, Failure::NotEligible { why }));
        }
        let attempt = order.download_attempts.saturating_add(1);
        let what =
            What::DownloadAuthorised { order: order.number, transaction: transaction.clone(), attempt };
        let to = self.state;
        Ok(Some(self.moved(step, to, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.download_attempts = attempt;
                order.session = Some(transaction);
            }
        })))
    }

    /// What a later AuthenticateClient hears about an order that ended in Error.
    pub(super) fn ended(&self) -> StatusCode {
        match self.order.as_ref().and_then(|order| order.failure.as_ref()) {
            Some(Failure::OrderExpired) => StatusCode::ORDER_EXPIRED,
            Some(Failure::DownloadAttempts { .. }) => StatusCode::ATTEMPTS_EXCEEDED,
            Some(
                Failure::ConfirmationCodeAttempts { .. }
                | Failure::NotEligible { .. }
                | Failure::SessionCancelled { .. }
                | Failure::Installation { .. }
                | Failure::RebindingRefused,
            )
            | None => StatusCode::MATCHING_ID_REFUSED,
        }
    }

    pub(super) fn confirmation_code_refused(
        self,
        step: Step,
        transaction: TransactionId,
        limits: Limits,
    ) -> Decision {
        let Some(order) = &self.order else { return Err(StatusCode::PROFILE_UNAVAILABLE.into()) };
        let limit = limits.confirmation_code_attempts_max;
        if order.confirmation_code_attempts >= limit {
            let failure = Failure::ConfirmationCodeAttempts { limit };
            return Err(self.failed(step, StatusCode::CONFIRMATION_CODE_EXCEEDED, failure));
        }
        let attempt = order.confirmation_code_attempts.saturating_add(1);
        let what = What::ConfirmationCodeRefused { order: order.number, transaction, attempt };
        let to = self.state;
        let moved = self.moved(step, to, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.confirmation_code_attempts = attempt;
            }
        });
        let status = StatusCode::confirmation_code_refused(limit.saturating_sub(attempt));
        Err(Box::new(Denied { status, moved: Some(moved) }))
    }

    pub(super) fn bound(
        self,
        step: Step,
        transaction: TransactionId,
        eid: Eid,
        one_time_key: OneTimeKey,
        rebind: bool,
    ) -> Decision {
        let Some(order) = &self.order else { return Err(StatusCode::PROFILE_UNAVAILABLE.into()) };
        if order.expired(step.now) {
            return Err(self.failed(step, StatusCode::ORDER_EXPIRED, Failure::OrderExpired));
        }
        if order.eid().is_some_and(|bound| *bound != eid) {
            return Err(StatusCode::EID_REFUSED.into());
        }
        // 5.6.2: either is right, to bind anew or to end here (3.1.6).
        if order.bound.is_some() && one_time_key == OneTimeKey::New && !rebind {
            return Err(self.failed(step, StatusCode::PROFILE_UNAVAILABLE, Failure::RebindingRefused));
        }
        let what = What::PackageBound {
            order: order.number,
            transaction: transaction.clone(),
            eid: eid.to_string(),
            one_time_key,
        };
        Ok(Some(self.moved(step, State::Downloaded, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.out.push(transaction.clone());
                order.bound = Some(Bound { eid, transaction });
            }
        })))
    }

    pub(super) fn reported(
        self,
        step: Step,
        transaction: TransactionId,
        order: u32,
        result_sha256: String,
        report: Report,
        retry_after: &RetryAfter,
    ) -> Decision {
        let Some(present) = self.order.as_ref().filter(|present| present.number == order) else {
            return self.reported_late(step, transaction, order, report);
        };
        let latest = present.bound.as_ref().is_some_and(|bound| bound.transaction == transaction);
        match report {
            Report::Installed => {
                let what = What::ProfileInstalled { order, transaction, result_sha256 };
                Ok(Some(self.moved(step, State::Installed, what, |profile| {
                    if let Some(order) = &mut profile.order {
                        order.failure = None;
                    }
                })))
            }
            Report::Failed { command, reason, element } => {
                let decides = latest && self.state == State::Downloaded;
                if !decides && !present.out.contains(&transaction) {
                    return self.reported_late(step, transaction, order, report);
                }
                let to = if decides && !retry_after.allows(reason) { State::Error } else { self.state };
                let failed = transaction.clone();
                let what =
                    What::InstallationFailed { order, transaction, command, reason, result_sha256, element };
                Ok(Some(self.moved(step, to, what, |profile| {
                    if let Some(order) = &mut profile.order {
                        if decides {
                            order.failure = Some(Failure::Installation { command, reason, element });
                        }
                        order.give_back(&failed, report);
                    }
                })))
            }
        }
    }

    /// A result that has nothing to move is evidence all the same.
    pub(super) fn reported_late(
        self,
        step: Step,
        transaction: TransactionId,
        order: u32,
        report: Report,
    ) -> Decision {
        let what = What::ResultLate { order, transaction, installed: report == Report::Installed };
        Ok(Some(self.noted(step.actor, what)))
    }

    pub(super) fn session_cancelled(
        self,
        step: Step,
        transaction: TransactionId,
        order: u32,
        eid: &Eid,
        reason: u8,
        ends_order: bool,
    ) -> Decision {
        let Some(present) = self.order.as_ref().filter(|present| present.number == order) else {
            return Ok(None);
        };
        // Only the latest session, or one that has a package, may end the order; and never an eUICC that it is not for.
        let has_package = present.out.contains(&transaction);
        let holds = has_package || present.session.as_ref() == Some(&transaction);
        let over = self.state == State::Error && !has_package;
        if !holds || over || present.eid().is_some_and(|bound| bound != eid) {
            return Ok(None);
        }
        let terminal = ends_order && self.state != State::Error;
        let to = if terminal { State::Error } else { self.state };
        let cancelled = transaction.clone();
        let what = What::SessionCancelled { order, transaction, reason };
        Ok(Some(self.moved(step, to, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.out.retain(|out| *out != cancelled);
                if terminal {
                    order.failure = Some(Failure::SessionCancelled { reason });
                }
            }
        })))
    }
}

impl Order {
    /// The eUICC signed that this package is not installed. If it had already taken the metadata, no earlier package
    /// of this Profile is installed either: it would have refused the ICCID as existing.
    fn give_back(&mut self, failed: &TransactionId, report: Report) {
        match report {
            Report::Failed { reason: 9, .. } | Report::Installed => {}
            Report::Failed { command: 3.., .. } => self.out.clear(),
            Report::Failed { .. } => self.out.retain(|out| out != failed),
        }
    }
}

/// What the moves have in common.
impl Profile {
    pub(super) fn is_ordered_for(&self, eid: Option<&Eid>) -> bool {
        self.order.as_ref().is_some_and(|order| order.eid.as_ref() == eid)
    }

    pub(super) fn is_confirmed_as(&self, confirm: &Confirm) -> bool {
        let Some(order) = &self.order else { return false };
        let Some(confirmation) = &order.confirmation else { return false };
        confirm.eid.as_ref().is_none_or(|eid| order.eid.as_ref() == Some(eid))
            && confirm.matching_id.as_ref().is_none_or(|id| *id == confirmation.matching_id)
            && confirm.confirmation_code_hash == confirmation.confirmation_code_hash
            && confirm.release_flag == confirmation.release_flag
            && confirm.smds_address.as_ref() == order.event.as_ref().map(|event| &event.smds_address)
    }

    pub(super) fn released(self, step: Step, heard: Option<Heard>) -> Decision {
        let Some(order) = self.order.clone() else { return Err(StatusCode::ICCID_WRONG_STATE.into()) };
        if order.expired(step.now) {
            return Err(StatusCode::ORDER_EXPIRED.into());
        }
        let event = match order.event {
            None => None,
            Some(event) => match self.clone().asked(step.clone(), event, heard)? {
                Asked::First(note) => return Ok(Some(*note)),
                Asked::Registered(event) => Some(event),
            },
        };
        let what = What::ProfileReleased { order: order.number };
        Ok(Some(self.moved(step, State::Released, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.event = event;
            }
        })))
    }

    pub(super) fn set(self, step: Step, change: OrderChange) -> Decision {
        let Some(order) = &self.order else { return Err(StatusCode::ICCID_WRONG_STATE.into()) };
        let set = OrderSettings {
            download_attempts_max: change.download_attempts_max.or(order.set.download_attempts_max),
            confirmation_code_attempts_max: change
                .confirmation_code_attempts_max
                .or(order.set.confirmation_code_attempts_max),
        };
        let expires_at = change.expires_at.unwrap_or(order.expires_at);
        if (set, expires_at) == (order.set, order.expires_at) {
            return Ok(None);
        }
        let what = What::OrderSet {
            order: order.number,
            download_attempts_max: set.download_attempts_max,
            confirmation_code_attempts_max: set.confirmation_code_attempts_max,
            expires_at,
        };
        let to = self.state;
        Ok(Some(self.moved(step, to, what, |profile| {
            if let Some(order) = &mut profile.order {
                (order.set, order.expires_at) = (set, expires_at);
            }
        })))
    }

    fn failed(self, step: Step, status: StatusCode, failure: Failure) -> Box<Denied> {
        let what = What::OrderFailed { order: self.orders, failure: failure.clone() };
        let moved = self.moved(step, State::Error, what, |profile| {
            if let Some(order) = &mut profile.order {
                order.repeat_key = None;
                order.failure = Some(failure);
            }
        });
        Box::new(Denied { status, moved: Some(moved) })
    }

    pub(super) fn moved(
        mut self,
        step: Step,
        to: State,
        what: What,
        change: impl FnOnce(&mut Self),
    ) -> Transition {
        let event = Event {
            v: ENCODING,
            actor: step.actor,
            iccid: self.iccid.clone(),
            from: Some(self.state),
            to,
            what,
        };
        let registered = self.order.as_ref().and_then(|order| order.event.clone());
        self.state = to;
        change(&mut self);
        let withdrawn = self.withdraw(registered);
        Transition::of(self, event, withdrawn)
    }
}
