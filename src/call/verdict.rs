//! How a call ends: accepted, refused, turned away, or not reached.
use crate::change::{Change, Refused};
use crate::fault::Fault;
use crate::types::StatusCode;

pub type Verdict<T> = Result<Accepted<T>, Failure>;

/// The function was executed: an answer, and what changed.
#[derive(Debug)]
pub struct Accepted<T> {
    pub body: T,
    pub change: Change,
}

impl<T> Accepted<T> {
    /// The answer to what was so already.
    pub fn unchanged(body: T) -> Self {
        Self { body, change: Change::default() }
    }
}

/// Why a function was not executed: we said no, not now, or we could not say.
#[derive(Debug)]
pub enum Failure {
    Refused(Box<Refused>),
    /// Too much is going on; the same request may succeed a little later.
    Busy,
    Fault(Fault),
}

impl From<Box<Refused>> for Failure {
    fn from(refused: Box<Refused>) -> Self {
        Self::Refused(refused)
    }
}

impl From<StatusCode> for Failure {
    fn from(status: StatusCode) -> Self {
        Self::Refused(status.into())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
