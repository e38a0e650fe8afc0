//! One function of the standard, run once: read, decide, sign, commit, answer.
mod in_force;
mod outbox;
mod perform;
mod verdict;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

pub use in_force::InForce;
pub use outbox::Outbox;
pub use perform::{Ended, perform};
pub use verdict::{Accepted, Failure, Verdict};

use crate::errand::{Agreements, Errand, Posted};
use crate::fault::Fault;
use crate::hsm::Hsm;
use crate::random::{Random, octets};
use crate::rsp::Setting;
use crate::store::{Reader, Store};
use crate::time::{Clock, Timestamp};
use crate::types::FunctionCallId;
use crate::types::hex;

/// A function of an SGP.22 interface: its name, who may call it, its two messages and its recipe.
pub trait Function {
    const NAME: &'static str;
    /// Who calls, as the door knows it.
    type Caller: Send + Sync;
    type Request: Send + Sync;
    type Response: Send;

    fn execute(
        call: &Call<'_>,
        caller: &Self::Caller,
        request: &Self::Request,
    ) -> impl Future<Output = Verdict<Self::Response>> + Send;
}

/// What the server is made of.
pub struct Parts {
    pub store: Store,
    pub hsm: Hsm,
    pub setting: InForce,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// Which operators are told of what happens to their Profiles.
    pub agreements: Agreements,
    /// Sessions that may wait for their AuthenticateClient; more are turned away for a while.
    pub open_sessions_max: u32,
}

/// The whole server: built once, shared by every call.
///
/// The parts are private to this room: a door can perform a function, and nothing else.
pub struct Smdp {
    parts: Parts,
    open_sessions: AtomicI64,
    /// Rings when there is something new in the outbox.
    news: Notify,
}

/// What a recipe may use. It can read and sign; it cannot write, and it has one "now".
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub now: Timestamp,
    pub reader: Reader<'a>,
    pub hsm: &'a Hsm,
    pub setting: &'a Setting,
    pub random: &'a dyn Random,
    house: &'a Smdp,
}

impl Smdp {
    pub fn new(parts: Parts) -> Self {
        Self { parts, open_sessions: AtomicI64::new(0), news: Notify::new() }
    }

    /// For what only looks: health, tests.
    pub fn reader(&self) -> Reader<'_> {
        self.parts.store.reader()
    }

    /// Returns when nothing can be committed any more.
    pub async fn stopped(&self) {
        self.parts.store.stopped().await;
    }

    /// Forgets what is over, and counts what is open. Called now and then by the keeper.
    pub async fn sweep(&self) -> Result<(), Fault> {
        self.parts.store.forget_sessions(self.parts.clock.now()).await?;
        let open = self.reader().initiated_sessions(self.parts.open_sessions_max).await?;
        self.open_sessions.store(i64::from(open), Ordering::Relaxed);
        Ok(())
    }

    /// Keeps count of the sessions that wait for AuthenticateClient.
    fn count(&self, opened: i64) {
        self.open_sessions.fetch_add(opened, Ordering::Relaxed);
    }

    /// What is in force now.
    pub fn setting(&self) -> Arc<Setting> {
        self.parts.setting.now()
    }

    /// Puts another setting in force, made from the one that is: for every call that begins from now on.
    pub fn renew_setting(&self, renew: impl FnOnce(&Setting) -> Setting) {
        self.parts.setting.renew(renew);
    }

    fn call<'a>(&'a self, setting: &'a Setting) -> Call<'a> {
        let Parts { store, hsm, clock, random, .. } = &self.parts;
        Call { now: clock.now(), reader: store.reader(), hsm, setting, random: random.as_ref(), house: self }
    }
}

impl Call<'_> {
    /// An errand under the name by which its repetitions are known.
    pub fn posted(&self, errand: Errand) -> Result<Posted, Fault> {
        let name: [u8; 16] = octets(self.random)?;
        let call = FunctionCallId::parse(&hex::encode(&name)).map_err(Fault::caused("name an errand"))?;
        Ok(Posted { call, errand })
    }

    /// Asks for a place for a new session. Anybody may ask for one, so there is a limit: a flood must not fill the
    /// store. The count is put right at each sweep.
    pub fn admit_session(&self) -> Result<(), Failure> {
        let open = self.house.open_sessions.load(Ordering::Relaxed);
        if open >= i64::from(self.house.parts.open_sessions_max) { Err(Failure::Busy) } else { Ok(()) }
    }
}
