//! A small real SM-DS (SGP.22 3.6): SM-DP+s register events over ES12, LPAs ask for theirs over ES11.
//!
//! | module | what |
//! |---|---|
//! | `events` | the Event Records, in memory: who registered what for which eUICC |
//! | `es12` | RegisterEvent and DeleteEvent: the caller is the OID in its TLS certificate |
//! | `es11` | InitiateAuthentication and AuthenticateClient: every check of an eUICC |
//! | `identity` | CERT.DSauth with its key, CERT.DS.TLS, and the CIs |
//!
//! The PKI and the codec are those of the server, as a library; the rules here are the SM-DS' own.
mod es11;
mod es12;
mod events;
mod identity;
mod status;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use events::Event;
pub use identity::{Files, Identity};

use smdpp::fault::Fault;
use smdpp::server::{Limits, Listener, TlsConfig, es2plus_config, es9plus_config};
use tokio::sync::watch;

use events::Events;

/// What a test makes this SM-DS do instead of the right thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// ES12 answers Failed with this subject and reason, and does nothing.
    Fail(&'static str, &'static str),
    /// ES12 answers HTTP 500, and does nothing.
    Http500,
    /// ES12 does what it is told, and the answer is lost: HTTP 500.
    LoseAnswers,
    /// ES12 does what it is told, and never answers.
    Hang,
}

/// What both doors share.
struct State {
    identity: Identity,
    events: Events,
    sessions: es11::Sessions,
    mischief: Mutex<Option<Mischief>>,
}

/// Both doors, bound and not yet open.
pub struct Smds {
    state: Arc<State>,
    es11: Listener,
    es12: Listener,
}

/// A way to look at what it knows, and to make it misbehave.
#[derive(Clone)]
pub struct Watch(Arc<State>);

impl Watch {
    /// The events, in the order of their registration.
    pub fn events(&self) -> Vec<Event> {
        self.0.events.all()
    }

    pub fn mischief(&self, mischief: Option<Mischief>) {
        *locked(&self.0.mischief) = mischief;
    }
}

impl Smds {
    pub async fn bind(identity: Identity, es11: SocketAddr, es12: SocketAddr) -> Result<Self, Fault> {
        let phones = TlsConfig::new(es9plus_config(identity.tls()?)?);
        let servers = TlsConfig::new(es2plus_config(identity.tls()?, &identity.roots())?);
        let state = Arc::new(State {
            identity,
            events: Events::default(),
            sessions: es11::Sessions::default(),
            mischief: Mutex::new(None),
        });
        let es11 = Listener::bind(es11, phones, es11::routes(&state), Limits::default()).await?;
        let es12 = Listener::bind(es12, servers, es12::routes(&state), Limits::default()).await?;
        Ok(Self { state, es11, es12 })
    }

    pub fn es11(&self) -> SocketAddr {
        self.es11.local_addr()
    }

    pub fn es12(&self) -> SocketAddr {
        self.es12.local_addr()
    }

    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.state))
    }

    /// Serves until `stop` is ready.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopped, stopping) = watch::channel(false);
        let doors = [self.es11, self.es12].map(|door| {
            let mut stopping = stopping.clone();
            tokio::spawn(door.run(async move {
                let _stopped = stopping.wait_for(|stop| *stop).await;
            }))
        });
        stop.await;
        stopped.send_replace(true);
        for door in doors {
            let _ended = door.await;
        }
    }
}

/// No lock here is held across anything that can panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
