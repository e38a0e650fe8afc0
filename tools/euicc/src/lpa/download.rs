//! A whole download as a real LPA does it (SGP.22 sections 3.1.2 and 3.1.3).

use super::steps::{AUTHENTICATE_CLIENT, GET_BOUND_PROFILE_PACKAGE};
use super::{Authentication, Lpa, LpaError, Offer};
use crate::activation::ActivationCode;
use crate::card::cancel::reason;
use crate::card::{self, Card};
use crate::faults::Fault;
use crate::hex;
use crate::metadata::Metadata;
use crate::tlv::{self, Tlv};
use crate::x509::{Certificate, dotted};

/// A Profile that was downloaded and installed.
#[derive(Debug, Clone)]
pub struct Installed {
    pub transaction_id: String,
    /// Digits.
    pub iccid: String,
    pub metadata: Metadata,
    /// The decrypted package.
    pub upp: Vec<u8>,
    pub bpp_bytes: usize,
    pub segments: usize,
    /// Notifications the server took.
    pub delivered: usize,
}

/// What the person with the device says when shown the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Install,
    Cancel(u8),
}

/// How far a download is.
#[derive(Debug)]
pub enum Progress<'a> {
    Initiated(&'a Authentication),
    Offered(&'a Offer),
    Bound { bpp_bytes: usize, segments: usize },
    Installed { iccid: &'a str },
    Delivered { sequence: u64 },
    Cancelled { reason: u8, answered: bool },
}

/// What to download.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub code: &'a ActivationCode,
    pub confirmation_code: Option<&'a str>,
    /// Without a MatchingID, send an empty one as v2.2 LPAs do, instead of none.
    pub empty_matching_id: bool,
    pub wish: Wish,
}

impl Lpa {
    /// Downloads and installs; a failure on our side cancels the session, a success sends the notifications.
    pub async fn download(
        &self,
        card: &mut Card,
        code: &ActivationCode,
        confirmation_code: Option<&str>,
    ) -> Result<Installed, LpaError> {
        let request = Request { code, confirmation_code, empty_matching_id: false, wish: Wish::Install };
        self.download_observed(card, &request, |_| {}).await
    }

    /// The same, telling after each step.
    pub async fn download_observed(
        &self,
        card: &mut Card,
        request: &Request<'_>,
        mut tell: impl FnMut(&Progress<'_>),
    ) -> Result<Installed, LpaError> {
        if !request.code.address.eq_ignore_ascii_case(self.address()) {
            return Err(LpaError::OtherServer(request.code.address.clone()));
        }
        let server = self.initiate_authentication(card).await?;
        tell(&Progress::Initiated(&server));
        stop_after(card, 1)?;
        let offer = self.authenticate(card, &server, request).await?;
        tell(&Progress::Offered(&offer));
        stop_after(card, 2)?;
        match self.install(card, &offer, request, &mut tell).await {
            Ok(installed) => Ok(installed),
            Err(error) => {
                if let Some(reason) = reason_to_cancel(&error) {
                    let answered = self.cancel_session(card, &offer.transaction_id, reason).await.is_ok();
                    tell(&Progress::Cancelled { reason, answered });
                }
                Err(error)
            }
        }
    }

    async fn authenticate(
        &self,
        card: &mut Card,
        server: &Authentication,
        request: &Request<'_>,
    ) -> Result<Offer, LpaError> {
        self.check_server(server, request.code.smdp_oid.as_ref())?;
        let empty = if request.empty_matching_id { Some("") } else { None };
        let matching_id = request.code.matching_id.as_deref().or(empty);
        let body = self.authenticate_client_request(card, server, matching_id)?;
        let refusal = euicc_refusal(AUTHENTICATE_CLIENT, card, &body, "authenticateServerResponse", 0xBF38);
        let answer = self.succeed(card, AUTHENTICATE_CLIENT, body).await;
        // The server is told of the refusal; ours is the reason worth showing.
        refusal.map_or(Ok(()), Err)?;
        Offer::read(AUTHENTICATE_CLIENT, &answer?)
    }

    /// 3.1.2 step 10, and the OID an Activation Code may demand.
    pub(super) fn check_server(
        &self,
        server: &Authentication,
        wanted_oid: Option<&String>,
    ) -> Result<(), LpaError> {
        let form = |e: &dyn std::fmt::Display| LpaError::malformed("initiateAuthentication", e);
        let signed = Tlv::parse(&server.server_signed1, 0x30).map_err(|e| form(&e))?;
        let address = signed.child(0x83).and_then(|address| address.text()).map_err(|e| form(&e))?;
        if !address.eq_ignore_ascii_case(self.address()) {
            return Err(LpaError::Address(address.to_owned()));
        }
        let inner = signed.child(0x80).map_err(|e| form(&e))?.value;
        if hex::decode(&server.transaction_id).as_deref() != Some(inner) {
            return Err(form(&"transactionId differs from the signed one"));
        }
        let certificate = Certificate::parse(&server.server_certificate).map_err(|e| form(&e))?;
        let found = dotted(certificate.registered_id.as_deref().unwrap_or_default());
        match wanted_oid {
            Some(wanted) if *wanted != found => Err(LpaError::Oid { found, wanted: wanted.clone() }),
            _ => Ok(()),
        }
    }

    async fn install(
        &self,
        card: &mut Card,
        offer: &Offer,
        request: &Request<'_>,
        tell: &mut impl FnMut(&Progress<'_>),
    ) -> Result<Installed, LpaError> {
        if let Wish::Cancel(reason) = request.wish {
            return Err(LpaError::Cancelled(reason));
        }
        let tolerated = card.faults.has(Fault::HashCcMissing) || card.faults.has(Fault::HashCcWrong);
        if offer.confirmation_code_required() && request.confirmation_code.is_none() && !tolerated {
            return Err(LpaError::ConfirmationCodeRequired);
        }
        let body = self.get_bound_profile_package_request(card, offer, request.confirmation_code)?;
        let refusal =
            euicc_refusal(GET_BOUND_PROFILE_PACKAGE, card, &body, "prepareDownloadResponse", 0xBF21);
        let answer = self.succeed(card, GET_BOUND_PROFILE_PACKAGE, body).await;
        refusal.map_or(Ok(()), Err)?;
        let bpp = super::answers::octets(GET_BOUND_PROFILE_PACKAGE, &answer?, "boundProfilePackage")?;
        let form = |e| LpaError::malformed(GET_BOUND_PROFILE_PACKAGE, format!("boundProfilePackage: {e}"));
        let segments = card::segment_count(&bpp).map_err(form)?;
        tell(&Progress::Bound { bpp_bytes: bpp.len(), segments });
        stop_after(card, 3)?;
        if card::metadata_of(&bpp).map_err(form)? != offer.metadata.raw {
            return Err(LpaError::MetadataMismatch);
        }
        let pir = card.load_bound_profile_package(&bpp)?;
        let outcome = installation_outcome(card, &pir);
        let iccid = offer.metadata.iccid_digits();
        if outcome.is_ok() {
            tell(&Progress::Installed { iccid: &iccid });
        }
        stop_after(card, 4)?;
        let delivered = self.deliver(card, tell).await;
        outcome?;
        let upp = card.profile(&iccid).map(|profile| profile.upp.clone()).unwrap_or_default();
        Ok(Installed {
            transaction_id: offer.transaction_id.clone(),
            iccid,
            metadata: offer.metadata.clone(),
            upp,
            bpp_bytes: bpp.len(),
            segments,
            delivered: delivered?,
        })
    }

    /// Sends the pending notifications for this server in order, removing each that was answered.
    pub async fn send_notifications(&self, card: &mut Card) -> Result<usize, LpaError> {
        self.deliver(card, &mut |_| {}).await
    }

    async fn deliver(
        &self,
        card: &mut Card,
        tell: &mut impl FnMut(&Progress<'_>),
    ) -> Result<usize, LpaError> {
        let mine = |address: &str| address.eq_ignore_ascii_case(self.address());
        let pending: Vec<_> =
            card.list_notifications().iter().filter(|one| mine(&one.address)).cloned().collect();
        for one in &pending {
            self.handle_notification(card, &one.bytes).await?;
            card.remove_notification(one.sequence)?;
            tell(&Progress::Delivered { sequence: one.sequence });
        }
        if card.faults.has(Fault::NotificationReplayed) {
            for one in &pending {
                self.handle_notification(card, &one.bytes).await?;
            }
        }
        Ok(pending.len())
    }
}

fn stop_after(card: &Card, step: u64) -> Result<(), LpaError> {
    match card.faults.value(Fault::StopAfter, 3) {
        Some(wanted) if wanted == step => Err(LpaError::Stopped(step)),
        _ => Ok(()),
    }
}

/// Which failures end with CancelSession: those before the eUICC consumed the session, found on our side.
fn reason_to_cancel(error: &LpaError) -> Option<u8> {
    match error {
        LpaError::Cancelled(reason) => Some(*reason),
        LpaError::ConfirmationCodeRequired => Some(reason::POSTPONED),
        LpaError::MetadataMismatch => Some(reason::METADATA_MISMATCH),
        LpaError::Malformed { .. } | LpaError::Card(_) => Some(reason::LOAD_BPP_EXECUTION_ERROR),
        // The server was sent the eUICC's refusal, which ends its session too.
        LpaError::Euicc { .. }
        | LpaError::Http(_)
        | LpaError::Status { .. }
        | LpaError::Refused { .. }
        | LpaError::RefusedAsn1 { .. }
        | LpaError::Record { .. }
        | LpaError::Address(_)
        | LpaError::Oid { .. }
        | LpaError::OtherServer(_)
        | LpaError::Installation { .. }
        | LpaError::Stopped(_) => None,
    }
}

/// The refusal in an eUICC's response `tag{A1{80, 02 code}}`, if it is one.
fn euicc_refusal(
    function: &str,
    card: &Card,
    request: &serde_json::Value,
    member: &str,
    tag: tlv::Tag,
) -> Option<LpaError> {
    let response = super::answers::octets(function, request, member).ok()?;
    let refusal = Tlv::parse(&response, tag).ok()?.find(0xA1).ok()??;
    let code = refusal.child(0x02).ok()?.unsigned().ok()?;
    let why = card.trouble.clone().unwrap_or_else(|| "a fault demands it".to_owned());
    Some(LpaError::Euicc { function: function.to_owned(), code, why })
}

/// What the Profile Installation Result says.
fn installation_outcome(card: &Card, pir: &[u8]) -> Result<(), LpaError> {
    let read = || -> Result<Option<(u64, u64)>, tlv::Error> {
        let data = Tlv::parse(pir, 0xBF37)?.child(0xBF27)?;
        let Some(error) = data.child(0xA2)?.find(0xA1)? else { return Ok(None) };
        Ok(Some((error.child(0x80)?.unsigned()?, error.child(0x81)?.unsigned()?)))
    };
    match read() {
        Ok(None) => Ok(()),
        Ok(Some((command, reason))) => {
            Err(LpaError::Installation { command, reason, why: card.trouble.clone().unwrap_or_default() })
        }
        Err(error) => Err(LpaError::malformed("loadBoundProfilePackage", error)),
    }
}
