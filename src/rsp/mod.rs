//! The RSP session as a staircase (SGP.22 5.6): each step consumes the proof of the step before.
//!
//! ```text
//! initiate      request ──▶ Opening ──seal──▶ answer
//! authenticate  Session ──verify──▶ Claim ──offer──▶ Offer ──seal──▶ answer
//! download      Session ──verify──▶ Preparation ──admit──▶ Admitted ──bind──▶ Delivery ──seal──▶ answer
//! ```
mod authenticate;
mod cancel;
mod download;
mod initiate;
mod notification;

pub use authenticate::{Authentication, Claim, Offer, OfferedDownload, Waiting};
pub use cancel::{Cancellation, cancel};
pub use download::{Admitted, Delivery, Download, Material, Preparation, again, still_bound};
pub use initiate::{Fresh, Opened, Opening, Request};
pub use notification::{Other, Reported, installation, other};

use sha2::{Digest, Sha256};

use crate::change::{Change, Refused, Versioned};
use crate::pki::Credential;
use crate::pki::Credentials;
use crate::pki::TrustStore;
use crate::profile::Policies;
use crate::session::Session;
use crate::time::Timestamp;
use crate::types::StatusCode;

/// What the rules may know of this server.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The FQDN of this SM-DP+.
    pub address: String,
    pub trust: TrustStore,
    pub credentials: Credentials,
    pub policies: Policies,
    /// How long a device may take from one step to the next.
    pub session_ms: i64,
    /// How long a session that delivered a package is remembered for its result.
    pub result_ms: i64,
}

impl Setting {
    /// The same after news of what the CIs have revoked: a revoked credential of ours is not used any more.
    #[must_use]
    pub fn with_trust(&self, trust: TrustStore) -> Self {
        Self { credentials: self.credentials.unrevoked(&trust), trust, ..self.clone() }
    }

    /// Our certificates under the CI that the session was opened with; gone only if the configuration changed.
    fn credential(&self, ci: &crate::asn1::KeyId) -> Result<&Credential, StatusCode> {
        self.credentials.under(ci).ok_or(StatusCode::CERTIFICATE_UNAVAILABLE)
    }
}

/// The eUICC itself refused: the session is over, the order is as it was.
pub fn close(session: Versioned<Session>, now: Timestamp, status: StatusCode) -> Box<Refused> {
    let Versioned { value, version } = session;
    let stage = value.stage().clone();
    let session = Versioned { value: value.moved(now, stage), version };
    Box::new(Refused { status, change: Change::default().session(session) })
}

/// SHA-256 of a request, to recognise its repetition.
pub fn digest(request: &[u8]) -> Vec<u8> {
    Sha256::digest(request).to_vec()
}
