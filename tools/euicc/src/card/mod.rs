//! The eUICC: what it keeps, and its file.

mod authenticate;
pub mod cancel;
mod install;
mod notifications;
mod prepare;
mod profiles;
mod segments;
mod session;
#[cfg(test)]
pub(crate) mod tests;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use authenticate::DeviceInfo;
pub use notifications::Notification;
pub use profiles::Profile;
pub use segments::{metadata_of, segment_count};

use crate::curve::{self, Curve, OneTimeKey};
use crate::faults::{Fault, Faults};
use crate::identity::Identity;
use crate::info::Info;
use crate::tlv;
use session::Session;

/// Why a command has no answer at all; a refusal by the eUICC is an answer.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    #[error("eUICC: command is no DER: {0}")]
    Form(#[from] tlv::Error),
    #[error("eUICC: {0}")]
    Curve(#[from] curve::Error),
    #[error("eUICC: certificate in the command: {0}")]
    Certificate(#[from] crate::x509::Error),
    #[error("eUICC: no session has come far enough for this command")]
    NoSession,
    #[error("eUICC: the certificate given is that of another EID")]
    OtherEuicc,
    #[error("eUICC: no Profile with this ICCID")]
    UnknownProfile,
    #[error("eUICC: the Profile is in that state already")]
    AlreadySo,
    #[error("eUICC: the Profile's policy rules forbid it")]
    PolicyRule,
    #[error("eUICC: an enabled Profile cannot be deleted")]
    Enabled,
    #[error("eUICC: no notification with this sequence number")]
    UnknownNotification,
    #[error("card file {0}: {1}")]
    File(String, std::io::Error),
    #[error("card file {0}: {1}")]
    Json(String, serde_json::Error),
}

/// One eUICC; independent of every other in the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Card {
    /// The one in use: that under the CI which the last server chose.
    pub identity: Identity,
    /// The same eUICC under other CIs.
    #[serde(default)]
    alternatives: Vec<Identity>,
    pub info: Info,
    profiles: Vec<Profile>,
    notifications: Vec<Notification>,
    /// The last sequence number given out; never goes back.
    sequence: u64,
    held_keys: Vec<HeldKey>,
    #[serde(with = "crate::hex")]
    last_server_challenge: Vec<u8>,
    #[serde(skip)]
    last_transaction_id: Vec<u8>,
    #[serde(skip)]
    session: Option<Session>,
    #[serde(skip)]
    pub faults: Faults,
    /// In words, why the eUICC last said no; real ones keep it to themselves.
    #[serde(skip)]
    pub trouble: Option<String>,
}

/// A one-time key kept for a retry with the same SM-DP+.
#[derive(Clone, Serialize, Deserialize)]
struct HeldKey {
    #[serde(default)]
    curve: Curve,
    #[serde(with = "crate::hex")]
    smdp_oid: Vec<u8>,
    #[serde(with = "crate::hex")]
    secret: Vec<u8>,
    #[serde(with = "crate::hex")]
    public: Vec<u8>,
}

impl std::fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeldKey")
    }
}

impl Card {
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            alternatives: Vec::new(),
            info: Info::default(),
            profiles: Vec::new(),
            notifications: Vec::new(),
            sequence: 0,
            held_keys: Vec::new(),
            last_server_challenge: Vec::new(),
            last_transaction_id: Vec::new(),
            session: None,
            faults: Faults::none(),
            trouble: None,
        }
    }

    /// Gives the eUICC a second key and certificate, under another CI, which it trusts after those it trusts already.
    pub fn with_identity(mut self, mut other: Identity) -> Result<Self, CardError> {
        if other.eid != self.identity.eid {
            return Err(CardError::OtherEuicc);
        }
        let mut issuers = self.identity.issuers.to_vec();
        let known = |key_id: &[u8]| self.identity.issuers.iter().any(|one| one.subject_key_id == key_id);
        issuers.extend(other.issuers.iter().filter(|one| !known(&one.subject_key_id)).cloned());
        let issuers = std::sync::Arc::new(issuers);
        self.identity.issuers = issuers.clone();
        other.issuers = issuers;
        self.alternatives.push(other);
        Ok(self)
    }

    /// Signs from now on under this CI (euiccCiPKIdToBeUsed), if the eUICC has a certificate there.
    fn use_identity_under(&mut self, ci: &[u8]) {
        let under = |identity: &Identity| identity.eum.authority_key_id == ci;
        if !self.faults.has(Fault::IdentityKept)
            && !under(&self.identity)
            && let Some(other) = self.alternatives.iter_mut().find(|other| under(other))
        {
            std::mem::swap(&mut self.identity, other);
        }
    }

    pub fn load(path: &Path) -> Result<Self, CardError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|cause| CardError::File(name.clone(), cause))?;
        serde_json::from_slice(&bytes).map_err(|cause| CardError::Json(name, cause))
    }

    /// Replaces the file as a whole, readable by its owner only: it holds the eUICC's secret key.
    pub fn save(&self, path: &Path) -> Result<(), CardError> {
        let name = path.display().to_string();
        let text = serde_json::to_vec_pretty(self).map_err(|cause| CardError::Json(name.clone(), cause))?;
        let fresh = path.with_extension("new");
        let write = || {
            let _ = std::fs::remove_file(&fresh);
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)
        };
        write().map_err(|cause| CardError::File(name, cause))
    }

    pub fn eid(&self) -> &str {
        &self.identity.eid
    }

    /// ES10b.GetEUICCInfo, EUICCInfo1.
    pub fn euicc_info1(&self) -> Vec<u8> {
        self.info.info1(&self.identity.issuers)
    }

    /// ES10b.GetEUICCInfo, EUICCInfo2.
    pub fn euicc_info2(&self) -> Vec<u8> {
        self.info.info2(&self.identity.issuers, self.info.svn)
    }

    /// ES10b.GetEUICCChallenge: begins a session and drops the one before.
    pub fn get_euicc_challenge(&mut self) -> Result<[u8; 16], CardError> {
        let challenge = curve::random::<16>()?;
        if let Some(before) = self.session.as_ref().and_then(|session| session.authenticated.as_ref()) {
            self.last_transaction_id = before.transaction_id.clone();
        }
        self.session = Some(Session { challenge, authenticated: None });
        Ok(challenge)
    }

    /// The point of the one-time key of the session, once PrepareDownload made it.
    pub fn session_otpk(&self) -> Option<&[u8]> {
        let prepared = self.session.as_ref()?.authenticated.as_ref()?.prepared.as_ref()?;
        Some(&prepared.one_time_key.public)
    }

    /// The whole one-time key of the session: who examines a package opens it by himself.
    pub fn session_one_time_key(&self) -> Option<&OneTimeKey> {
        let prepared = self.session.as_ref()?.authenticated.as_ref()?.prepared.as_ref()?;
        Some(&prepared.one_time_key)
    }

    fn held_key(&self, smdp_oid: &[u8]) -> Option<OneTimeKey> {
        let held = self.held_keys.iter().find(|held| held.smdp_oid == smdp_oid)?;
        Some(OneTimeKey { curve: held.curve, secret: held.secret.clone(), public: held.public.clone() })
    }

    fn hold_key(&mut self, smdp_oid: &[u8], key: &OneTimeKey) {
        self.drop_key(smdp_oid);
        self.held_keys.push(HeldKey {
            curve: key.curve,
            smdp_oid: smdp_oid.to_vec(),
            secret: key.secret.clone(),
            public: key.public.clone(),
        });
    }

    fn drop_key(&mut self, smdp_oid: &[u8]) {
        self.held_keys.retain(|held| held.smdp_oid != smdp_oid);
    }

    /// The element `5F37` over the message.
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, CardError> {
        Ok(tlv::write(0x5F37, &self.identity.signer.sign(message)?))
    }
}

/// The octets with their last bit changed.
fn bent(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}
