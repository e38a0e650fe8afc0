//! ES9+.AuthenticateClient (SGP.22 section 5.6.3).
use super::Setting;
use crate::asn1::{AuthenticateResponseOk, DeviceInfo, EuiccInfo2, KeyId, Metadata, Signature, SmdpSigned2};
use crate::change::{Change, Refused, Versioned};
use crate::event::Failure;
use crate::pki::{Credential, VerifiedEuicc, check_point};
use crate::profile::package::Version;
use crate::profile::{Candidate, Command, Limits, Policies, Profile, Transition, eligibility};
use crate::session::{Authenticated, Initiated, Session, Stage};
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Eid;
use crate::types::MatchingId;
use crate::types::State;
use crate::types::StatusCode;
use crate::types::TransactionId;

/// What a request may do to its session.
#[derive(Debug)]
pub enum Authentication {
    /// The first of its session.
    First(Box<Versioned<Session>>, Box<Initiated>),
    /// The same request again: its answer was lost, and is given once more.
    Again(TransactionId, Box<Authenticated>),
}

impl Authentication {
    pub fn of(
        session: Versioned<Session>,
        request_sha256: &[u8],
        now: Timestamp,
    ) -> Result<Self, StatusCode> {
        match session.value.open(now)?.clone() {
            Stage::Initiated(initiated) => Ok(Self::First(Box::new(session), Box::new(initiated))),
            Stage::Authenticated(done) if done.request_sha256 == request_sha256 => {
                Ok(Self::Again(session.value.id().clone(), Box::new(done)))
            }
            Stage::Authenticated(_) | Stage::Bound(_) | Stage::Ended(_) => {
                Err(StatusCode::TRANSACTION_UNKNOWN)
            }
        }
    }
}

/// A verified eUICC that asks for a Profile.
#[derive(Debug)]
pub struct Claim {
    session: Versioned<Session>,
    credential_ci: KeyId,
    euicc: VerifiedEuicc,
    info: EuiccInfo2,
    device: DeviceInfo,
    matching_id: Option<MatchingId>,
    signature1: Signature,
}

impl Claim {
    /// Believes the eUICC: chain, signature, transaction, challenge, address, version; in that order.
    pub fn verify(
        session: Versioned<Session>,
        initiated: Initiated,
        response: AuthenticateResponseOk,
        setting: &Setting,
        now: Timestamp,
    ) -> Result<Self, StatusCode> {
        let AuthenticateResponseOk { signed1, signature1, euicc_certificate, eum_certificate } = response;
        let euicc = setting.trust.verify_euicc(&eum_certificate, &euicc_certificate, now)?;
        if *euicc.ci() != initiated.ci {
            return Err(StatusCode::CI_UNKNOWN);
        }
        euicc.verify(&[signed1.bytes()], &signature1)?;
        if signed1.transaction_id != *session.value.id() {
            return Err(StatusCode::TRANSACTION_UNKNOWN);
        }
        let same = signed1.server_challenge == initiated.server_challenge
            && signed1.server_address == initiated.server_address
            && signed1.euicc_info2.svn == initiated.svn;
        if !same {
            return Err(StatusCode::EUICC_VERIFICATION_FAILED);
        }
        // Empty and absent mean the same: the default SM-DP+ (3.1.3 step 2).
        let matching_id = match signed1.matching_id.as_deref() {
            None | Some("") => None,
            Some(text) => Some(MatchingId::parse(text).map_err(|_| StatusCode::MATCHING_ID_REFUSED)?),
        };
        let (info, device) = (signed1.euicc_info2.clone(), signed1.device.clone());
        let credential_ci = initiated.credential_ci;
        Ok(Self { session, credential_ci, euicc, info, device, matching_id, signature1 })
    }

    pub fn eid(&self) -> &Eid {
        self.euicc.eid()
    }

    pub fn matching_id(&self) -> Option<&MatchingId> {
        self.matching_id.as_ref()
    }

    /// Picks the pending order (5.6.3): the one that the MatchingID names, or one of this EID.
    pub fn choose(
        &self,
        named: Option<Versioned<Profile>>,
        own: Vec<Versioned<Profile>>,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Versioned<Profile>, StatusCode> {
        let Some(_) = self.matching_id else {
            let rank = |profile: &Profile| preference(profile, policies.of(profile).limits(), now);
            let best = own.into_iter().min_by_key(|profile| rank(&profile.value));
            return best.ok_or(StatusCode::EID_REFUSED);
        };
        let named =
            named.filter(|profile| is_pending(&profile.value)).ok_or(StatusCode::MATCHING_ID_REFUSED)?;
        if named.value.eid().is_some_and(|eid| eid != self.eid()) {
            return Err(StatusCode::EID_REFUSED);
        }
        Ok(named)
    }

    /// Refuses, or offers the Profile. A refusal can change the Profile too: see the limits.
    pub fn offer<'a>(
        self,
        profile: Versioned<Profile>,
        waiting: Waiting,
        setting: &'a Setting,
        now: Timestamp,
    ) -> Result<Offer<'a>, Box<Refused>> {
        let credential = setting.credential(&self.credential_ci)?;
        let policy = setting.policies.of(&profile.value);
        let candidate =
            Candidate { metadata: &waiting.metadata_value, octets: waiting.octets, version: waiting.version };
        let ineligible = eligibility(&candidate, &self.info, &self.device, &policy.eligibility.value);
        let transaction = self.session.value.id().clone();
        let command =
            Command::Authorise { transaction: transaction.clone(), limits: policy.limits(), ineligible };
        let cc_required = profile.value.order().is_some_and(|order| order.confirmation_code_hash().is_some());
        let actor = Actor::Euicc { eid: self.eid().clone() };
        let version = profile.version;
        let transition = match profile.value.decide(actor, command, now) {
            Ok(Some(transition)) => Versioned { value: transition, version },
            Ok(None) => return Err(StatusCode::PROFILE_UNAVAILABLE.into()),
            Err(denied) => return Err(Refused::denied(*denied, version)),
        };
        // A key of a session on another curve is of no use in this one.
        let bpp_euicc_otpk = waiting.bound_otpk.filter(|otpk| check_point(credential.curve, otpk).is_ok());
        let smdp_signed2 = SmdpSigned2 { transaction_id: transaction, cc_required, bpp_euicc_otpk }.encode();
        let expires_at = now.plus_ms(setting.session_ms);
        Ok(Offer {
            claim: self,
            credential,
            transition,
            metadata: waiting.metadata,
            smdp_signed2,
            expires_at,
        })
    }
}

/// Error is pending only where its reason is what the device should hear.
fn is_pending(profile: &Profile) -> bool {
    match profile.state() {
        State::Allocated | State::Linked | State::Confirmed | State::Released | State::Downloaded => true,
        State::Error => matches!(
            profile.order().and_then(|order| order.failure.as_ref()),
            Some(Failure::OrderExpired | Failure::DownloadAttempts { .. })
        ),
        State::Available | State::Installed | State::Unavailable => false,
    }
}

/// Without a MatchingID: a download that has begun goes on, then what is ready, then what is not, and last what is
/// over; of equals an order that expects no MatchingID, and the oldest.
fn preference(profile: &Profile, limits: Limits, now: Timestamp) -> (u8, bool, Option<Timestamp>) {
    let order = profile.order();
    let over = order
        .is_none_or(|order| order.expired(now) || order.download_attempts >= limits.download_attempts_max);
    let rank = match profile.state() {
        State::Downloaded if !over => 0,
        State::Released if !over => 1,
        State::Allocated | State::Linked | State::Confirmed => 2,
        State::Downloaded | State::Released => 3,
        State::Available | State::Installed | State::Error | State::Unavailable => 4,
    };
    let named = order.and_then(|order| order.matching_id()).is_some_and(|id| !id.is_empty());
    (rank, named, order.map(|order| order.ordered_at))
}

/// What the store knows of the Profile that the claim is about.
#[derive(Debug)]
pub struct Waiting {
    /// StoreMetadataRequest as it stands in the package.
    pub metadata: Vec<u8>,
    pub metadata_value: Metadata,
    pub octets: u64,
    pub version: Option<Version>,
    /// The eUICC's one-time key of the last binding to it, if there was one (5.6.3: may be offered again).
    pub bound_otpk: Option<Vec<u8>>,
}

/// A Profile offered to an eUICC, waiting for SK.DPpb.
#[derive(Debug)]
pub struct Offer<'a> {
    claim: Claim,
    credential: &'a Credential,
    transition: Versioned<Transition>,
    metadata: Vec<u8>,
    smdp_signed2: Vec<u8>,
    expires_at: Timestamp,
}

/// The output of AuthenticateClient.
#[derive(Debug)]
pub struct OfferedDownload<'a> {
    pub transaction_id: TransactionId,
    pub metadata: Vec<u8>,
    pub smdp_signed2: Vec<u8>,
    pub smdp_signature2: Vec<u8>,
    pub certificate: &'a [u8],
}

impl<'a> Offer<'a> {
    pub fn slot(&self) -> usize {
        self.credential.slot
    }

    /// smdpSigned2 ‖ euiccSignature1, each as TLV.
    pub fn to_be_signed(&self) -> Vec<u8> {
        [&self.smdp_signed2[..], &self.claim.signature1.tlv()].concat()
    }

    /// Closes the step: the answer for the eUICC, and everything that changes with it.
    pub fn seal(self, signature: [u8; 64], request_sha256: Vec<u8>) -> (OfferedDownload<'a>, Change) {
        let Self { claim, credential, transition, metadata, smdp_signed2, expires_at } = self;
        let profile = transition.value.after();
        let smdp_signature2 = Signature::from_octets(signature).tlv();
        let authenticated = Authenticated {
            euicc: claim.euicc.identity(),
            iccid: profile.iccid().clone(),
            order: profile.orders(),
            credential_ci: credential.ci.clone(),
            smdp_signed2: smdp_signed2.clone(),
            smdp_signature2: smdp_signature2.clone(),
            request_sha256,
            code_refused: false,
            refused_sha256: Vec::new(),
            refused_left: 0,
        };
        let transaction_id = claim.session.value.id().clone();
        let session = claim.session.value.moved(expires_at, Stage::Authenticated(authenticated));
        let session = Versioned { value: session, version: claim.session.version };
        let change = Change::default().profile(transition).session(session);
        let certificate = credential.dppb.der();
        (OfferedDownload { transaction_id, metadata, smdp_signed2, smdp_signature2, certificate }, change)
    }

    /// The answer to a repetition: the octets of the first one.
    pub fn again(
        transaction_id: TransactionId,
        done: Authenticated,
        metadata: Vec<u8>,
        setting: &'a Setting,
    ) -> Result<OfferedDownload<'a>, StatusCode> {
        let certificate = setting.credential(&done.credential_ci)?.dppb.der();
        let Authenticated { smdp_signed2, smdp_signature2, .. } = done;
        Ok(OfferedDownload { transaction_id, metadata, smdp_signed2, smdp_signature2, certificate })
    }
}
