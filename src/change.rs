//! What a decision changes, as a value. The store turns it into one transaction.
use sha2::{Digest, Sha256};

use crate::errand::Posted;
use crate::event::Event;
use crate::profile::package::Version;
use crate::profile::{Denied, Profile, Transition};
use crate::session::{Session, Stage};
use crate::types::Eid;
use crate::types::Iccid;
use crate::types::Secret;
use crate::types::State;
use crate::types::StatusCode;
use crate::types::hex;

/// A value together with the row version it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub value: T,
    pub version: i64,
}

impl<T> Versioned<T> {
    /// The version of a row that does not exist yet.
    pub const NEW: i64 = 0;

    pub fn new(value: T) -> Self {
        Self { value, version: Self::NEW }
    }

    /// The same row, with a new value, to be written only if nobody wrote it since.
    pub fn with<U>(&self, value: U) -> Versioned<U> {
        Versioned { value, version: self.version }
    }
}

/// A Protected Profile Package with its metadata and its profile keys (2.5.3).
#[derive(Debug, Clone)]
pub struct Package {
    pub iccid: Iccid,
    /// StoreMetadataRequest, `BF25…`
    pub metadata: Vec<u8>,
    /// The length of the Unprotected Profile Package.
    pub octets: usize,
    /// The version in its ProfileHeader; `None` if it was not noted.
    pub version: Option<Version>,
    /// Initial MAC chaining value, PPK-ENC and PPK-MAC: 48 octets.
    pub keys: Secret<Vec<u8>>,
    /// The `86` segments.
    pub protected: Vec<u8>,
}

/// What a package says of itself.
#[derive(Debug, Clone)]
pub struct PackageFacts {
    /// StoreMetadataRequest of the Profile.
    pub metadata: Vec<u8>,
    /// The length of the Unprotected Profile Package.
    pub octets: u64,
    /// In the ProfileHeader, if it was noted at import.
    pub version: Option<Version>,
}

/// What happens to the stored binding of a Profile.
#[derive(Debug, Clone)]
pub enum BindingChange {
    /// What a bound package needs to be delivered again to the same one-time key (5.6.2).
    Keep(Iccid, Secret<Vec<u8>>),
    Forget(Iccid),
}

/// A notification that was acknowledged and is not believed: kept for a person, and changing nothing.
#[derive(Debug, Clone)]
pub struct InvalidNotification {
    /// What it claims to be about: a transactionId or an ICCID, or nothing.
    pub subject: String,
    pub why: &'static str,
    pub received: Vec<u8>,
}

impl InvalidNotification {
    /// Two certificates and an EUICCResponse stay far below; what is longer only fills the store, and anybody can
    /// send it.
    pub const OCTETS_MAX: usize = 8 * 1024;

    /// By what its repetition is told.
    pub fn sha256(&self) -> String {
        hex::encode(&Sha256::digest(&self.received))
    }
}

/// The effect of one call. Empty by default; it can only grow.
#[derive(Debug, Default, Clone)]
#[must_use = "a change does nothing until the store commits it"]
pub struct Change {
    session: Option<Versioned<Session>>,
    transitions: Vec<Versioned<Transition>>,
    packages: Vec<Package>,
    binding: Option<BindingChange>,
    notification: Option<(Eid, u64)>,
    invalid: Option<InvalidNotification>,
    errands: Vec<Posted>,
}

/// The pieces of a change, for the store.
#[derive(Debug)]
pub struct Parts {
    pub session: Option<Versioned<Session>>,
    pub profiles: Vec<Versioned<Profile>>,
    pub packages: Vec<Package>,
    pub binding: Option<BindingChange>,
    pub notification: Option<(Eid, u64)>,
    pub invalid: Option<InvalidNotification>,
    pub events: Vec<Event>,
    pub errands: Vec<Posted>,
}

impl Change {
    pub fn session(mut self, session: Versioned<Session>) -> Self {
        self.session = Some(session);
        self
    }

    /// A Profile changes only together with the event that explains it.
    pub fn profile(mut self, transition: Versioned<Transition>) -> Self {
        self.transitions.push(transition);
        self
    }

    /// All that happens to Profiles by this change.
    pub fn transitions(&self) -> impl Iterator<Item = &Transition> {
        self.transitions.iter().map(|transition| &transition.value)
    }

    /// As [`Change::profile`]; where no other try can follow, what was kept for one is forgotten.
    pub fn moved(self, transition: Versioned<Transition>) -> Self {
        let after = transition.value.after();
        let forget = matches!(after.state(), State::Installed | State::Error);
        let iccid = after.iccid().clone();
        let change = self.profile(transition);
        if forget { change.binding(BindingChange::Forget(iccid)) } else { change }
    }

    pub fn package(mut self, package: Package) -> Self {
        self.packages.push(package);
        self
    }

    pub fn binding(mut self, binding: BindingChange) -> Self {
        self.binding = Some(binding);
        self
    }

    /// Remembers that this notification was taken in, once and for ever.
    pub fn notification(mut self, eid: Eid, sequence: u64) -> Self {
        self.notification = Some((eid, sequence));
        self
    }

    /// Keeps a notification that cannot be believed.
    pub fn invalid(mut self, invalid: InvalidNotification) -> Self {
        self.invalid = Some(invalid);
        self
    }

    /// Something that somebody must be told when this change is durable.
    pub fn errand(mut self, errand: Posted) -> Self {
        self.errands.push(errand);
        self
    }

    /// Sessions that begin to wait for AuthenticateClient by this change, or end it: 1, 0 or -1.
    pub fn opened(&self) -> i64 {
        let Some(session) = &self.session else { return 0 };
        match session.value.stage() {
            Stage::Initiated(_) if session.version == Versioned::<Session>::NEW => 1,
            // The eUICC refused us: the session is closed where it stands.
            Stage::Initiated(_) => -1,
            Stage::Authenticated(stage) if !stage.code_refused => -1,
            Stage::Authenticated(_) | Stage::Bound(_) | Stage::Ended(_) => 0,
        }
    }

    /// True when there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        let Self { session, transitions, packages, binding, notification, invalid, errands } = self;
        session.is_none()
            && transitions.is_empty()
            && packages.is_empty()
            && binding.is_none()
            && notification.is_none()
            && invalid.is_none()
            && errands.is_empty()
    }

    /// True when somebody must be told something.
    pub fn has_errands(&self) -> bool {
        !self.errands.is_empty()
    }

    pub fn into_parts(self) -> Parts {
        let Self { session, transitions, packages, binding, notification, invalid, errands } = self;
        let (mut profiles, mut events) = (Vec::new(), Vec::new());
        for Versioned { value, version } in transitions {
            let (profile, event) = value.into_parts();
            profiles.push(Versioned { value: profile, version });
            events.push(event);
        }
        Parts { session, profiles, packages, binding, notification, invalid, events, errands }
    }
}

/// A function was refused. A refusal is an answer, and may change things too.
#[derive(Debug, Clone)]
pub struct Refused {
    pub status: StatusCode,
    pub change: Change,
}

impl Refused {
    /// The refusal for a command that the Profile, read at `version`, did not obey.
    pub fn denied(denied: Denied, version: i64) -> Box<Self> {
        let change = denied.moved.map(|value| Change::default().moved(Versioned { value, version }));
        Box::new(Self { status: denied.status, change: change.unwrap_or_default() })
    }
}

impl From<StatusCode> for Box<Refused> {
    fn from(status: StatusCode) -> Self {
        Self::new(Refused { status, change: Change::default() })
    }
}
