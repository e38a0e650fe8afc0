//! ES9+.GetBoundProfilePackage (SGP.22 section 5.6.2).
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Setting;
use crate::asn1::{PrepareDownloadResponseOk, Signature};
use crate::bpp::bind::{Binding, BoundPackage, Parts, Profile as Mode};
use crate::bpp::keys::SessionKeys;
use crate::bpp::protect::ProtectedProfile;
use crate::change::{BindingChange, Change, Refused, Versioned};
use crate::es8plus::store_metadata::StoreMetadata;
use crate::es8plus::{HostId, Point};
use crate::event::{OneTimeKey, What};
use crate::pki::{Credential, check_point};
use crate::profile::{Command, Denied, KeyMode, Profile, Transition};
use crate::session::{Authenticated, Bound, Session, Stage};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Curve;
use crate::types::Eid;
use crate::types::Iccid;
use crate::types::State;
use crate::types::StatusCode;
use crate::types::TransactionId;

/// What a request may do to its session.
#[derive(Debug)]
pub enum Download {
    /// The first of its session.
    First(Box<Versioned<Session>>, Box<Authenticated>),
    /// The same request again: its answer was lost, and is given once more.
    Again(TransactionId, Box<Bound>),
}

impl Download {
    pub fn of(
        session: Versioned<Session>,
        request_sha256: &[u8],
        now: Timestamp,
    ) -> Result<Self, StatusCode> {
        match session.value.open(now)?.clone() {
            Stage::Authenticated(authenticated) if authenticated.refused_sha256 == request_sha256 => {
                Err(StatusCode::confirmation_code_refused(authenticated.refused_left))
            }
            Stage::Authenticated(authenticated) => {
                Ok(Self::First(Box::new(session), Box::new(authenticated)))
            }
            Stage::Bound(bound) if bound.request_sha256 == request_sha256 => {
                Ok(Self::Again(session.value.id().clone(), Box::new(bound)))
            }
            Stage::Initiated(_) | Stage::Bound(_) | Stage::Ended(_) => Err(StatusCode::TRANSACTION_UNKNOWN),
        }
    }
}

/// An eUICC that accepted the offer and brings its one-time key.
#[derive(Debug)]
pub struct Preparation {
    session: Versioned<Session>,
    authenticated: Authenticated,
    euicc_otpk: Point,
    hash_cc: Option<Vec<u8>>,
    request_sha256: Vec<u8>,
}

impl Preparation {
    pub fn verify(
        session: Versioned<Session>,
        authenticated: Authenticated,
        response: PrepareDownloadResponseOk,
        request_sha256: Vec<u8>,
        setting: &Setting,
    ) -> Result<Self, StatusCode> {
        let PrepareDownloadResponseOk { signed2, signature2 } = response;
        authenticated.euicc.verify(&[signed2.bytes(), &authenticated.smdp_signature2], &signature2)?;
        if signed2.transaction_id != *session.value.id() {
            return Err(StatusCode::TRANSACTION_UNKNOWN);
        }
        // 2.6.7.1: on the curve of CERT.DPpb, whatever the curve of the eUICC's own key.
        let curve = setting.credential(&authenticated.credential_ci)?.curve;
        check_point(curve, &signed2.euicc_otpk).map_err(|_| StatusCode::EUICC_VERIFICATION_FAILED)?;
        let euicc_otpk = Point::try_from(signed2.euicc_otpk.as_slice());
        let euicc_otpk = euicc_otpk.map_err(|_| StatusCode::EUICC_VERIFICATION_FAILED)?;
        let hash_cc = signed2.hash_cc.clone();
        Ok(Self { session, authenticated, euicc_otpk, hash_cc, request_sha256 })
    }

    pub fn iccid(&self) -> &Iccid {
        &self.authenticated.iccid
    }

    /// Order, Confirmation Code, lifecycle: may the package leave? `kept` is what was stored of the last one.
    pub fn admit(
        self,
        profile: Versioned<Profile>,
        kept: Option<BoundPackage>,
        setting: &Setting,
        now: Timestamp,
    ) -> Result<Admitted<'_>, Box<Refused>> {
        let Versioned { value: profile, version } = profile;
        let credential = setting.credential(&self.authenticated.credential_ci)?;
        let order = profile.order().filter(|order| order.number == self.authenticated.order);
        let order = order.ok_or(StatusCode::PROFILE_UNAVAILABLE)?;
        let eid = self.authenticated.euicc.eid().clone();
        let transaction = self.session.value.id().clone();
        let actor = Actor::Euicc { eid: eid.clone() };

        if order.eid().is_some_and(|bound| *bound != eid) {
            return Err(StatusCode::EID_REFUSED.into());
        }
        let policy = setting.policies.of(&profile);
        let limit = policy.confirmation_code_attempts_max.value;
        let left = limit.saturating_sub(order.confirmation_code_attempts).saturating_sub(1);
        let over = order.expired(now) || !matches!(profile.state(), State::Released | State::Downloaded);
        let refused_code = match order.confirmation_code_hash() {
            // Asked before the code (5.6.2), and the lifecycle below says it.
            Some(_) if over => false,
            Some(stored) => {
                let Some(given) = self.hash_cc.as_ref() else {
                    return Err(self.code_missing(actor, Versioned { value: profile, version }));
                };
                order.confirmation_code_attempts >= limit || !fits(stored.expose(), given, &transaction)
            }
            None => false,
        };
        // The same key as last time, and the same eUICC: the stored package is delivered again.
        let kept = kept.filter(|kept| *kept.euicc_otpk() == self.euicc_otpk);
        let kept = kept.filter(|_| order.bound.as_ref().is_some_and(|bound| bound.eid == eid));
        let command = if refused_code {
            Command::RefuseConfirmationCode { transaction, limits: policy.limits() }
        } else {
            let one_time_key = if kept.is_some() { OneTimeKey::Reused } else { OneTimeKey::New };
            Command::Bind { transaction, eid, one_time_key, rebind: policy.rebind.value }
        };
        match profile.decide(actor, command, now) {
            Ok(Some(transition)) => {
                let transition = Versioned { value: transition, version };
                let expires_at = now.plus_ms(setting.result_ms);
                let key_mode = policy.keys.value;
                Ok(Admitted { preparation: self, credential, transition, kept, key_mode, expires_at })
            }
            Ok(None) => Err(StatusCode::PROFILE_UNAVAILABLE.into()),
            Err(denied) => Err(self.denied(*denied, version, left)),
        }
    }

    /// `left`: tries of the Confirmation Code that are left after this one.
    fn denied(self, denied: Denied, version: i64, left: u32) -> Box<Refused> {
        let guessed = denied.status.is(StatusCode::CONFIRMATION_CODE_REFUSED);
        let refused = Refused::denied(denied, version);
        let guess = self.request_sha256.clone();
        if guessed { self.code_refused(refused, guess, left) } else { refused }
    }

    /// Costs no attempt. The first of a session is noted, so that the operator is told; a flood of them is not.
    fn code_missing(self, actor: Actor, profile: Versioned<Profile>) -> Box<Refused> {
        let mut refused: Box<Refused> = StatusCode::CONFIRMATION_CODE_MISSING.into();
        if !self.authenticated.code_refused {
            let (order, transaction) = (self.authenticated.order, self.session.value.id().clone());
            let Versioned { value, version } = profile;
            let note = value.noted(actor, What::ConfirmationCodeMissing { order, transaction });
            refused.change = refused.change.profile(Versioned { value: note, version });
        }
        self.code_refused(refused, Vec::new(), 0)
    }

    /// A wrong guess stays in the session: the same request again is its repetition, and is not counted.
    fn code_refused(self, mut refused: Box<Refused>, guess: Vec<u8>, left: u32) -> Box<Refused> {
        let Self { session: Versioned { value, version }, authenticated, .. } = self;
        let expires_at = value.expires_at();
        let stage =
            Authenticated { code_refused: true, refused_sha256: guess, refused_left: left, ..authenticated };
        let session = Versioned { value: value.moved(expires_at, Stage::Authenticated(stage)), version };
        refused.change = refused.change.session(session);
        refused
    }
}

/// hashCc = SHA-256(SHA-256(code) ‖ transactionId), compared in constant time.
fn fits(stored: &[u8; 32], given: &[u8], transaction: &TransactionId) -> bool {
    let expected = Sha256::new().chain_update(stored).chain_update(transaction.octets()).finalize();
    expected.as_slice().ct_eq(given).into()
}

/// A download that will happen: only keys and a signature are missing.
#[derive(Debug)]
pub struct Admitted<'a> {
    preparation: Preparation,
    credential: &'a Credential,
    transition: Versioned<Transition>,
    kept: Option<BoundPackage>,
    key_mode: KeyMode,
    expires_at: Timestamp,
}

/// What a new binding is made of.
pub struct Material<'a, 'p> {
    pub smdp_otpk: &'a Point,
    pub session_keys: &'a SessionKeys,
    pub host_id: &'a HostId,
    pub metadata: StoreMetadata<'a>,
    pub profile: Mode<'a, 'p>,
}

impl<'a> Admitted<'a> {
    /// otPK.EUICC to agree with, unless the stored package serves.
    pub fn wants_agreement(&self) -> Option<&Point> {
        self.kept.is_none().then_some(&self.preparation.euicc_otpk)
    }

    /// Under which keys a new binding sends the Profile.
    pub fn key_mode(&self) -> KeyMode {
        self.key_mode
    }

    /// The curve of CERT.DPpb, on which both one-time keys are (2.6.7.1).
    pub fn curve(&self) -> Curve {
        self.credential.curve
    }

    pub fn eid(&self) -> &Eid {
        self.preparation.authenticated.euicc.eid()
    }

    /// Delivers the stored package again, under this transaction.
    pub fn rebind<'p>(mut self, profile: &'p ProtectedProfile) -> Option<Delivery<'a, 'p>> {
        let transaction = self.preparation.session.value.id().clone();
        let otpk = self.preparation.euicc_otpk;
        let binding = self.kept.take()?.rebind(&transaction, &otpk, Some(profile))?;
        Some(Delivery { admitted: self, binding })
    }

    /// Binds the Profile to this eUICC anew.
    pub fn bind<'p>(self, material: &Material<'_, 'p>) -> Delivery<'a, 'p> {
        let binding = Binding::prepare(&Parts {
            transaction_id: self.preparation.session.value.id(),
            host_id: material.host_id,
            smdp_otpk: material.smdp_otpk,
            euicc_otpk: &self.preparation.euicc_otpk,
            session_keys: material.session_keys,
            metadata: material.metadata,
            profile: material.profile,
        });
        Delivery { admitted: self, binding }
    }
}

/// A package that waits for SK.DPpb.
#[derive(Debug)]
pub struct Delivery<'a, 'p> {
    admitted: Admitted<'a>,
    binding: Binding<'p>,
}

impl Delivery<'_, '_> {
    pub fn slot(&self) -> usize {
        self.admitted.credential.slot
    }

    pub fn to_be_signed(&self) -> Vec<u8> {
        self.binding.to_be_signed()
    }

    /// Closes the step: transaction, package, and everything that changes with it.
    pub fn seal(self, signature: [u8; 64]) -> (TransactionId, Vec<u8>, Change) {
        let Self { admitted, binding } = self;
        let Admitted { preparation, transition, expires_at, .. } = admitted;
        let Preparation { session, authenticated, request_sha256, .. } = preparation;
        let sealed = binding.seal(&signature);
        let iccid = authenticated.iccid.clone();
        let bound = Bound {
            authenticated,
            smdp_sign: Signature::from_octets(signature).octets().to_vec(),
            request_sha256,
            suspicious: false,
        };
        let transaction = session.value.id().clone();
        let Versioned { value, version } = session;
        let session = Versioned { value: value.moved(expires_at, Stage::Bound(bound)), version };
        let kept = crate::types::Secret::new(sealed.keep.to_octets());
        let change =
            Change::default().profile(transition).session(session).binding(BindingChange::Keep(iccid, kept));
        (transaction, sealed.bpp, change)
    }
}

/// A repeated request gets its package again only while the Profile is as that session left it.
pub fn still_bound(profile: &Profile, transaction: &TransactionId, bound: &Bound) -> Result<(), StatusCode> {
    let order = profile.order().filter(|order| order.number == bound.authenticated.order);
    let last = order.and_then(|order| order.bound.as_ref());
    let same =
        profile.state() == State::Downloaded && last.is_some_and(|last| last.transaction == *transaction);
    same.then_some(()).ok_or(StatusCode::PROFILE_UNAVAILABLE)
}

/// The package of a repeated request: the octets of the first answer, if the Profile was not bound anew since.
pub fn again(
    transaction: &TransactionId,
    bound: &Bound,
    kept: BoundPackage,
    profile: &ProtectedProfile,
    euicc_otpk: &[u8],
) -> Result<Vec<u8>, StatusCode> {
    let otpk = Point::try_from(euicc_otpk).map_err(|_| StatusCode::TRANSACTION_UNKNOWN)?;
    let signature = <[u8; 64]>::try_from(bound.smdp_sign.as_slice());
    let signature = signature.map_err(|_| StatusCode::TRANSACTION_UNKNOWN)?;
    let binding = kept.rebind(transaction, &otpk, Some(profile)).ok_or(StatusCode::TRANSACTION_UNKNOWN)?;
    Ok(binding.seal(&signature).bpp)
}
