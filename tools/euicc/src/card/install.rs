//! ES10b.LoadBoundProfilePackage (SGP.22 sections 2.5.6, 5.5 and 5.7.6).

use super::profiles::Profile;
use super::segments::Parts;
use super::session::{Authenticated, Prepared};
use super::{Card, CardError};
use crate::curve;
use crate::faults::Fault;
use crate::info::TEST_PROFILE_SUPPORT;
use crate::kdf::{self, session_keys};
use crate::metadata::{Class, Event, Metadata};
use crate::package;
use crate::scp03t::{self, Channel, Keys};
use crate::tlv::{self, Tlv};

/// bppCommandId.
const INITIALISE: u8 = 0;
const CONFIGURE: u8 = 1;
const METADATA: u8 = 2;
const REPLACE_KEYS: u8 = 4;
const ELEMENTS: u8 = 5;

/// errorReason.
const INCORRECT_INPUT: u8 = 1;
const INVALID_SIGNATURE: u8 = 2;
const INVALID_TRANSACTION_ID: u8 = 3;
const UNSUPPORTED_CRT: u8 = 4;
const UNSUPPORTED_OPERATION: u8 = 5;
const UNSUPPORTED_CLASS: u8 = 6;
const SCP03T_STRUCTURE: u8 = 7;
const SCP03T_SECURITY: u8 = 8;
const ICCID_EXISTS: u8 = 9;
const INSUFFICIENT_MEMORY: u8 = 10;
const PE_PROCESSING: u8 = 12;
const DATA_MISMATCH: u8 = 13;
const PPR_NOT_ALLOWED: u8 = 15;

/// Largest proprietary data of ConfigureISDP, header included.
const CONFIGURE_DATA_BYTES_MAX: usize = 128;

/// A failed installation as the Profile Installation Result tells it.
pub(super) struct Failure {
    pub command: u8,
    pub reason: u8,
    pub why: String,
    /// Identification of the Profile Element that is refused, if one is blamed.
    pub element: Option<u64>,
}

fn failure<E: std::fmt::Display>(command: u8, reason: u8) -> impl Fn(E) -> Failure {
    move |why| Failure { command, reason, why: why.to_string(), element: None }
}

fn protected(command: u8) -> impl Fn(scp03t::Error) -> Failure {
    move |error| {
        let reason = match error {
            scp03t::Error::Structure => SCP03T_STRUCTURE,
            scp03t::Error::Security => SCP03T_SECURITY,
        };
        Failure { command, reason, why: error.to_string(), element: None }
    }
}

/// What is known when the installation ends, well or not.
#[derive(Default)]
struct Progress {
    metadata: Option<Metadata>,
}

impl Card {
    /// Gives ProfileInstallationResult `BF37`, which is also kept as a pending notification.
    pub fn load_bound_profile_package(&mut self, bpp: &[u8]) -> Result<Vec<u8>, CardError> {
        let outer = Tlv::parse(bpp, 0xBF36)?;
        let session =
            self.session.as_ref().and_then(|s| s.authenticated.clone()).ok_or(CardError::NoSession)?;
        let prepared = session.prepared.clone().ok_or(CardError::NoSession)?;
        self.session = None;
        let mut progress = Progress::default();
        let outcome =
            self.process(&outer, &session, &prepared, &mut progress).and_then(|installed| {
                match self.faults.value(Fault::PirReason, 127) {
                    Some(reason) => Err(self.pretended(reason)),
                    None => Ok(installed),
                }
            });
        let (result, installed) = match outcome {
            Ok(upp) => (Ok(self.next_aid()), Some(upp)),
            Err(failure) => {
                self.trouble = Some(format!("LoadBoundProfilePackage: {}", failure.why));
                (Err(failure), None)
            }
        };
        let iccid = progress.metadata.as_ref().map(|metadata| metadata.iccid.clone());
        let pir = self.installation_result(&session, iccid.as_deref(), &result)?;
        if let (Ok(aid), Some(upp), Some(metadata)) = (result, installed, progress.metadata) {
            self.drop_key(&session.smdp_oid);
            self.profiles.push(Profile { iccid: metadata.iccid.clone(), metadata, upp, aid, enabled: false });
            if let Some(iccid) = iccid {
                self.notify(&iccid, Event::Install)?;
            }
        }
        Ok(pir)
    }

    fn pretended(&self, reason: u64) -> Failure {
        let command = self.faults.value(Fault::PirCommand, 5).unwrap_or(5);
        Failure {
            command: u8::try_from(command).unwrap_or(ELEMENTS),
            reason: u8::try_from(reason).unwrap_or(127),
            why: "pretended by fault pir-reason".into(),
            element: self.faults.value(Fault::PirElement, 1),
        }
    }

    /// All steps in order; gives the decrypted package.
    fn process(
        &self,
        bpp: &Tlv<'_>,
        session: &Authenticated,
        prepared: &Prepared,
        progress: &mut Progress,
    ) -> Result<Vec<u8>, Failure> {
        let parts = Parts::read(bpp).map_err(failure(INITIALISE, INCORRECT_INPUT))?;
        let mut channel = self.initialise_secure_channel(&parts.initialise, session, prepared)?;
        configure_isdp(&mut channel, &parts.configure)?;
        let metadata = store_metadata(&mut channel, &parts.metadata)?;
        progress.metadata = Some(metadata.clone());
        self.check_metadata(&metadata)?;
        if let Some(request) = parts.replace_keys {
            channel = replace_session_keys(&mut channel, &request)?;
        }
        self.load_profile_elements(&mut channel, &parts.elements, &metadata)
    }

    fn initialise_secure_channel(
        &self,
        request: &Tlv<'_>,
        session: &Authenticated,
        prepared: &Prepared,
    ) -> Result<Channel, Failure> {
        let input = || failure::<tlv::Error>(INITIALISE, INCORRECT_INPUT);
        let says = |reason, why: &str| failure(INITIALISE, reason)(why.to_owned());
        let mut fields = request.reader();
        let operation = fields.take(0x82).map_err(input())?;
        let transaction_id = fields.take(0x80).map_err(input())?;
        let crt = fields.take(0xA6).map_err(input())?;
        let smdp_otpk = fields.take(0x5F49).map_err(input())?;
        let signature = fields.take(0x5F37).map_err(input())?;
        fields.finish().map_err(input())?;
        let covered =
            [operation.raw, transaction_id.raw, crt.raw, smdp_otpk.raw, &prepared.euicc_otpk].concat();
        curve::verify(&prepared.dppb_key, &covered, signature.value)
            .map_err(failure(INITIALISE, INVALID_SIGNATURE))?;
        if transaction_id.value != session.transaction_id {
            return Err(says(INVALID_TRANSACTION_ID, "transactionId of another session"));
        }
        if operation.value != [1] {
            return Err(says(UNSUPPORTED_OPERATION, "remoteOpId is not installBoundProfilePackage"));
        }
        let host_id =
            host_id(&crt).ok_or_else(|| says(UNSUPPORTED_CRT, "the control reference is not AES-128"))?;
        let shared =
            prepared.one_time_key.agree(smdp_otpk.value).map_err(failure(INITIALISE, INCORRECT_INPUT))?;
        Ok(Channel::new(session_keys(&shared, host_id, &self.identity.eid_octets)))
    }

    fn check_metadata(&self, metadata: &Metadata) -> Result<(), Failure> {
        let says = |reason, why: &str| Err(failure(METADATA, reason)(why.to_owned()));
        if metadata.class == Class::Test && self.info.rsp_capability & TEST_PROFILE_SUPPORT == 0 {
            return says(UNSUPPORTED_CLASS, "no support of test Profiles");
        }
        if self.profiles.iter().any(|profile| profile.iccid == metadata.iccid) {
            return says(ICCID_EXISTS, "a Profile with this ICCID is installed");
        }
        // 2.9: a Profile that must not be disabled cannot join another operational one.
        let joins = self.profiles.iter().any(|profile| profile.metadata.class == Class::Operational);
        if metadata.pprs & self.info.forbidden_pprs != 0 || (metadata.ppr1() && joins) {
            return says(PPR_NOT_ALLOWED, "policy rule not allowed here");
        }
        Ok(())
    }

    fn load_profile_elements(
        &self,
        channel: &mut Channel,
        segments: &[Tlv<'_>],
        metadata: &Metadata,
    ) -> Result<Vec<u8>, Failure> {
        let mut upp = Vec::new();
        for segment in segments {
            upp.extend(channel.open(segment).map_err(protected(ELEMENTS))?);
        }
        if u32::try_from(upp.len()).unwrap_or(u32::MAX) > self.info.free_memory_bytes {
            return Err(failure(ELEMENTS, INSUFFICIENT_MEMORY)("the Profile is larger than the free memory"));
        }
        let found = package::iccid(&upp).map_err(failure(ELEMENTS, PE_PROCESSING))?;
        if found != metadata.iccid {
            return Err(failure(ELEMENTS, DATA_MISMATCH)("EF.ICCID differs from the metadata"));
        }
        Ok(upp)
    }
}

/// The hostId when the Control Reference Template asks for AES-128.
fn host_id<'a>(crt: &Tlv<'a>) -> Option<&'a [u8]> {
    let mut fields = crt.reader();
    let key_type = fields.take(0x80).ok()?.value;
    let key_length = fields.take(0x81).ok()?.value;
    let host_id = fields.take(0x84).ok()?.value;
    fields.finish().ok()?;
    let known = key_type == [kdf::KEY_TYPE] && key_length == [kdf::KEY_LENGTH];
    (known && (1..=16).contains(&host_id.len())).then_some(host_id)
}

fn configure_isdp(channel: &mut Channel, segment: &Tlv<'_>) -> Result<(), Failure> {
    let plain = channel.open(segment).map_err(protected(CONFIGURE))?;
    let input = || failure::<tlv::Error>(CONFIGURE, INCORRECT_INPUT);
    let request = Tlv::parse(&plain, 0xBF24).map_err(input())?;
    let mut fields = request.reader();
    let data = fields.optional(0xB8).map_err(input())?;
    fields.finish().map_err(input())?;
    match data {
        Some(data) if data.raw.len() > CONFIGURE_DATA_BYTES_MAX => {
            Err(failure(CONFIGURE, INCORRECT_INPUT)("proprietary data over 128 octets"))
        }
        _ => Ok(()),
    }
}

fn store_metadata(channel: &mut Channel, segments: &[Tlv<'_>]) -> Result<Metadata, Failure> {
    let mut clear = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let command = if index == 0 { METADATA } else { METADATA.saturating_add(1) };
        clear.extend(channel.open(segment).map_err(protected(command))?);
    }
    Metadata::parse(&clear).map_err(failure(METADATA, INCORRECT_INPUT))
}

fn replace_session_keys(channel: &mut Channel, segment: &Tlv<'_>) -> Result<Channel, Failure> {
    let plain = channel.open(segment).map_err(protected(REPLACE_KEYS))?;
    read_keys(&plain).map(Channel::new).map_err(failure(REPLACE_KEYS, INCORRECT_INPUT))
}

fn read_keys(plain: &[u8]) -> Result<Keys, tlv::Error> {
    let request = Tlv::parse(plain, 0xBF26)?;
    let mut fields = request.reader();
    let mut key = |tag| -> Result<[u8; 16], tlv::Error> {
        fields.take(tag)?.value.try_into().map_err(|_| tlv::Error::Value(tag))
    };
    let keys = Keys { chain: key(0x80)?, enc: key(0x81)?, mac: key(0x82)? };
    fields.finish()?;
    Ok(keys)
}
