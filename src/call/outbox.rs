//! What waits to be told, as the courier sees it: the heads of the lanes, and what became of each.
use super::Smdp;
use crate::fault::Fault;
use crate::random::octets;
use crate::store::{Head, Undelivered};
use crate::time::Timestamp;
use crate::types::FunctionCallId;

/// The outbox of a server.
#[derive(Clone, Copy)]
pub struct Outbox<'a>(&'a Smdp);

impl Smdp {
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }
}

impl Outbox<'_> {
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Returns when something new was put in; at once, if it was since the last time.
    pub async fn news(&self) {
        self.0.news.notified().await;
    }

    /// The oldest errand of each receiver, due or not.
    pub async fn heads(&self) -> Result<Vec<Head>, Fault> {
        self.0.reader().errand_heads(self.now()).await
    }

    pub async fn delivered(&self, call: &FunctionCallId) -> Result<(), Fault> {
        self.0.parts.store.delivered(call).await
    }

    pub async fn undelivered(&self, call: &FunctionCallId, next: Undelivered) -> Result<(), Fault> {
        self.0.parts.store.undelivered(call, next).await
    }

    /// One throw, so that those who wait do not all come back at once.
    pub fn dice(&self) -> Result<u8, Fault> {
        let [dice] = octets(self.0.parts.random.as_ref())?;
        Ok(dice)
    }
}
