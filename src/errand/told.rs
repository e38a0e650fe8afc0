//! Who is told of what happened: the table "who is told" of `specs/lifecycle.md` (SGP.22 3.1.3, 5.3.5).
use super::agreement::{Agreement, Agreements, Point};
use super::{DeleteEvent, Errand, PointStatus, Progress};
use crate::event::{Event, Failure, What, cancel_reason};
use crate::profile::{Profile, Transition};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Eid;
use crate::types::State;
use crate::types::StatusCode;
use crate::types::TransactionId;

/// CancelSession (3.1.3.1): subject and reason that tell its reason to the operator.
const END_USER_REJECTION: (&str, &str) = ("8.8.5", "3.8");
const PPR_NOT_ALLOWED: (&str, &str) = ("8.2.8", "1.2");
const METADATA_MISMATCH: (&str, &str) = ("8.2.9", "3.11");
const BPP_NOT_EXECUTED: (&str, &str) = ("8.2.10", "4.2");
const UNDEFINED_REASON: (&str, &str) = ("8", "4.2");

/// statusCodeData.message is a sentence, not a story.
const MESSAGE_CHARACTERS_MAX: usize = 128;

/// Everything that others must be told of one move. Asked once for each move, before it is committed.
pub fn told(transition: &Transition, agreements: &Agreements, now: Timestamp) -> Vec<Errand> {
    let progress = progress(transition, agreements, now).map(Errand::Progress);
    progress.into_iter().chain(withdrawal(transition).map(Errand::DeleteEvent)).collect()
}

/// The SM-DS that may have an event of this Profile is told when it is over (3.1.3.3 step 10, 5.3.3).
fn withdrawal(transition: &Transition) -> Option<DeleteEvent> {
    let event = transition.withdrawn()?.clone();
    Some(DeleteEvent::of(transition.after().iccid().clone(), event))
}

fn progress(transition: &Transition, agreements: &Agreements, now: Timestamp) -> Option<Progress> {
    let (event, profile) = (transition.event(), transition.after());
    let agreement = agreements.with(profile.operator())?;
    let Notice { point, status } = notice(event, profile, agreement)?;
    // Only point 4 has a result, and only the move that it explains carries it.
    let result_data = transition.evidence().map(<[u8]>::to_vec);
    Some(Progress {
        operator: profile.operator().clone(),
        eid: eid(event, profile).cloned(),
        iccid: profile.iccid().clone(),
        profile_type: profile.profile_type().clone(),
        at: now,
        point,
        status,
        result_data,
    })
}

/// The eUICC that did it, or else the one that the order is for.
fn eid<'a>(event: &'a Event, profile: &'a Profile) -> Option<&'a Eid> {
    match &event.actor {
        Actor::Euicc { eid } => Some(eid),
        Actor::Operator { .. } | Actor::Admin { .. } | Actor::House { .. } => profile.eid(),
    }
}

/// One notification point, reached.
struct Notice {
    point: u32,
    status: PointStatus,
}

/// What the operator hears of an event. `must` is what 3.1.3 demands; `may` is told if it was agreed.
fn notice(event: &Event, profile: &Profile, agreement: &Agreement) -> Option<Notice> {
    let must = |point: Point, status| Some(Notice { point: point.number(), status });
    let may = |point: Point, status| must(point, status).filter(|_| agreement.wants(point));
    match &event.what {
        What::DownloadAuthorised { .. } => may(Point::Eligibility, PointStatus::Success),
        What::ConfirmationCodeRefused { .. } => must(
            Point::ConfirmationFailure,
            failed(StatusCode::CONFIRMATION_CODE_REFUSED, "a wrong confirmation code"),
        ),
        What::ConfirmationCodeMissing { .. } => must(
            Point::ConfirmationFailure,
            failed(StatusCode::CONFIRMATION_CODE_MISSING, "the device gave no confirmation code"),
        ),
        What::PackageBound { .. } => may(Point::BppDownload, PointStatus::Success),
        What::ProfileInstalled { .. } => may(Point::BppInstallation, PointStatus::Success),
        What::InstallationFailed { command, reason, element, .. } => {
            let failure = Failure::Installation { command: *command, reason: *reason, element: *element };
            may(Point::BppInstallation, coded(BPP_NOT_EXECUTED, &failure.explain()))
        }
        // What an order in Error gives back was told when it ended.
        What::SessionCancelled { .. } if event.from == Some(State::Error) => None,
        What::SessionCancelled { transaction, reason, .. } if event.to == State::Error => {
            must(reached(profile, transaction), cancelled(*reason)?)
        }
        // The order lives on.
        What::SessionCancelled { .. } => None,
        What::OrderFailed { failure, .. } => {
            let why = failure.explain();
            match failure {
                Failure::OrderExpired => must(Point::Eligibility, failed(StatusCode::ORDER_EXPIRED, &why)),
                Failure::DownloadAttempts { .. } => {
                    must(Point::Eligibility, failed(StatusCode::ATTEMPTS_EXCEEDED, &why))
                }
                Failure::ConfirmationCodeAttempts { .. } => {
                    must(Point::ConfirmationFailure, failed(StatusCode::CONFIRMATION_CODE_EXCEEDED, &why))
                }
                Failure::NotEligible { .. } => {
                    may(Point::Eligibility, failed(StatusCode::NOT_ELIGIBLE, &why))
                }
                Failure::RebindingRefused => {
                    must(Point::BppDownload, failed(StatusCode::PROFILE_UNAVAILABLE, &why))
                }
                // These end an order by events of their own.
                Failure::SessionCancelled { .. } | Failure::Installation { .. } => None,
            }
        }
        What::NotificationReceived { notification, .. } => {
            let point = agreement.later(notification)?;
            Some(Notice { point, status: PointStatus::Success })
        }
        // The operator did it itself, or it is none of its business.
        What::ProfileImported { .. }
        | What::DownloadOrdered { .. }
        | What::OrderConfirmed { .. }
        | What::ProfileReleased { .. }
        | What::OrderCancelled { .. }
        | What::OrderSet { .. }
        | What::ResultLate { .. }
        | What::EventAnnounced { .. }
        | What::EventNotRegistered { .. }
        | What::NotificationInvalid { .. } => None,
    }
}

/// How far the cancelled session had come: with a package to point 3, without one only to point 1.
fn reached(profile: &Profile, cancelled: &TransactionId) -> Point {
    let Some(order) = profile.order() else { return Point::Eligibility };
    let bound = order.bound.as_ref().is_some_and(|bound| bound.transaction == *cancelled);
    // A session that is not the latest may cancel only with a package.
    if bound || order.session.as_ref() != Some(cancelled) { Point::BppDownload } else { Point::Eligibility }
}

/// `None`: postponed and timeout are not told (5.3.5).
fn cancelled(reason: u8) -> Option<PointStatus> {
    let code = match reason {
        0 => END_USER_REJECTION,
        1 | 2 => return None,
        3 => PPR_NOT_ALLOWED,
        4 => METADATA_MISMATCH,
        5 => BPP_NOT_EXECUTED,
        _ => UNDEFINED_REASON,
    };
    Some(coded(code, &format!("the device cancelled: {}", cancel_reason(reason))))
}

/// The code that the device heard, with a sentence for the operator.
fn failed(status: StatusCode, message: &str) -> PointStatus {
    coded((status.subject, status.reason), message)
}

fn coded((subject, reason): (&str, &str), message: &str) -> PointStatus {
    PointStatus::Failed {
        subject: subject.to_owned(),
        reason: reason.to_owned(),
        message: message.chars().take(MESSAGE_CHARACTERS_MAX).collect(),
    }
}
