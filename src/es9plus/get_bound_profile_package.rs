//! ES9+.GetBoundProfilePackage (SGP.22 section 5.6.2).
use serde_json::{Map, Value};

use super::asn1::Asn1;
use super::{Json, Lpa, members};
use crate::asn1::{Es9Plus, PrepareDownloadResponse, SessionRequest, transaction_id_tlv};
use crate::bpp::bind::{BoundPackage, Profile as Mode};
use crate::bpp::keys::{ProfileKeys, derive};
use crate::bpp::protect::{ProtectedProfile, open};
use crate::call::{Accepted, Call, Function, Verdict};
use crate::change::Package;
use crate::es8plus::store_metadata::StoreMetadata;
use crate::es8plus::{HostId, Point};
use crate::fault::Fault;
use crate::hsm::{KeyRole, agree};
use crate::profile::KeyMode;
use crate::random::octets;
use crate::rsp::{Admitted, Delivery, Download, Material, Preparation, again, close, digest, still_bound};
use crate::types::Iccid;
use crate::types::StatusCode;
use crate::types::TransactionId;
use crate::wire::{Members, base64};

pub struct GetBoundProfilePackage;

pub struct Request {
    transaction_id: TransactionId,
    response: PrepareDownloadResponse,
    sha256: Vec<u8>,
}

impl Request {
    /// The same octets from the eUICC are the same request, whichever binding brings them.
    fn of(transaction_id: TransactionId, response: &[u8]) -> Result<Self, StatusCode> {
        let sha256 = digest(response);
        let response = PrepareDownloadResponse::decode(response).map_err(super::undecodable)?;
        Ok(Self { transaction_id, response, sha256 })
    }
}

pub struct Response {
    transaction_id: TransactionId,
    bpp: Vec<u8>,
}

impl Function for GetBoundProfilePackage {
    const NAME: &'static str = "ES9+.GetBoundProfilePackage";
    type Caller = Lpa;
    type Request = Request;
    type Response = Response;

    async fn execute(call: &Call<'_>, _: &Lpa, request: &Request) -> Verdict<Response> {
        let session = call.reader.session(&request.transaction_id).await?;
        let session = session.ok_or(StatusCode::TRANSACTION_UNKNOWN)?;
        let download = Download::of(session, &request.sha256, call.now)?;
        let response = match &request.response {
            PrepareDownloadResponse::Ok(response) => response.as_ref(),
            PrepareDownloadResponse::Error { code, .. } => {
                tracing::info!(code, "the eUICC refused us in PrepareDownload");
                return Err(match download {
                    Download::First(session, _) => {
                        close(*session, call.now, StatusCode::BPP_NOT_LOADED).into()
                    }
                    Download::Again(..) => StatusCode::BPP_NOT_LOADED.into(),
                });
            }
        };
        let (session, authenticated) = match download {
            Download::First(session, authenticated) => (*session, *authenticated),
            Download::Again(transaction_id, bound) => {
                let iccid = &bound.authenticated.iccid;
                let profile = call.reader.profile(iccid).await?.ok_or(StatusCode::PROFILE_UNAVAILABLE)?;
                still_bound(&profile.value, &transaction_id, &bound)?;
                let kept = kept(call, iccid).await?.ok_or(StatusCode::TRANSACTION_UNKNOWN)?;
                let profile = ProtectedProfile::from_octets(package(call, iccid).await?.protected);
                let bpp = again(&transaction_id, &bound, kept, &profile, &response.signed2.euicc_otpk)?;
                return Ok(Accepted::unchanged(Response { transaction_id, bpp }));
            }
        };
        let sha256 = request.sha256.clone();
        let preparation =
            Preparation::verify(session, authenticated, response.clone(), sha256, call.setting)?;

        let iccid = preparation.iccid().clone();
        let profile = call.reader.profile(&iccid).await?.ok_or(StatusCode::PROFILE_UNAVAILABLE)?;
        let bound_before = profile.value.order().is_some_and(|order| order.bound.is_some());
        let kept = if bound_before { kept(call, &iccid).await? } else { None };
        let admitted = preparation.admit(profile, kept, call.setting, call.now)?;

        let package = package(call, &iccid).await?;
        let profile = ProtectedProfile::from_octets(package.protected);
        let parts = PackageParts { metadata: &package.metadata, keys: package.keys.expose() };
        let delivery = deliver(call, admitted, &profile, &parts)?;
        let role = KeyRole::DpPb { slot: delivery.slot() };
        let signature = call.hsm.sign(role, &delivery.to_be_signed()).await?;
        let (transaction_id, bpp, change) = delivery.seal(signature);
        Ok(Accepted { body: Response { transaction_id, bpp }, change })
    }
}

/// The package beside its segments.
struct PackageParts<'a> {
    metadata: &'a [u8],
    keys: &'a [u8],
}

/// Binds anew, or delivers the stored package again to the same one-time key. The private one-time key lives
/// inside `agree` only.
fn deliver<'a, 'p>(
    call: &Call<'_>,
    admitted: Admitted<'a>,
    profile: &'p ProtectedProfile,
    parts: &PackageParts<'_>,
) -> Result<Delivery<'a, 'p>, crate::call::Failure> {
    let Some(euicc_otpk) = admitted.wants_agreement() else {
        let delivery = admitted.rebind(profile);
        return delivery.ok_or_else(|| Fault::new("stored binding of another key").into());
    };
    let agreed = agree(admitted.curve(), euicc_otpk)?.ok_or(StatusCode::EUICC_VERIFICATION_FAILED)?;
    let smdp_otpk = Point::try_from(agreed.otpk.as_slice()).map_err(Fault::caused("our one-time key"))?;
    let host_id: [u8; 16] = octets(call.random)?;
    let host_id = HostId::from_octets(&host_id).map_err(Fault::caused("host identifier"))?;
    let keys = parts.keys.try_into().map_err(Fault::caused("stored profile keys"))?;
    let keys = ProfileKeys::from_octets(keys);
    // Prepared under keys of its own, unless the policy wants it under the session keys now.
    let opened = match admitted.key_mode() {
        KeyMode::Prepared => None,
        KeyMode::Session => Some(open(profile, &keys).map_err(Fault::caused("stored profile"))?),
    };
    let mode = match &opened {
        None => Mode::Prepared { profile, keys: &keys },
        Some(upp) => Mode::Plain { upp: upp.expose() },
    };
    let material = Material {
        smdp_otpk: &smdp_otpk,
        session_keys: &derive(&agreed.z, &host_id, admitted.eid()),
        host_id: &host_id,
        metadata: StoreMetadata::from_der(parts.metadata).map_err(Fault::caused("stored metadata"))?,
        profile: mode,
    };
    Ok(admitted.bind(&material))
}

async fn package(call: &Call<'_>, iccid: &Iccid) -> Result<Package, Fault> {
    call.reader.package(iccid).await?.ok_or_else(|| Fault::new("a profile without its package"))
}

async fn kept(call: &Call<'_>, iccid: &Iccid) -> Result<Option<BoundPackage>, Fault> {
    let kept = call.reader.binding(iccid).await?;
    let kept = kept.map(|kept| BoundPackage::from_octets(kept.expose()));
    kept.transpose().map_err(Fault::caused("stored binding"))
}

impl Json for GetBoundProfilePackage {
    const PATH: &'static str = "/gsma/rsp2/es9plus/getBoundProfilePackage";

    fn read(members: &Members) -> Result<Request, StatusCode> {
        let transaction_id = super::transaction_id(members)?;
        Request::of(transaction_id, &members.octets("prepareDownloadResponse")?)
    }

    fn write(response: Response) -> Option<Map<String, Value>> {
        Some(members([
            ("transactionId", Value::String(response.transaction_id.to_string())),
            ("boundProfilePackage", base64(&response.bpp)),
        ]))
    }
}

impl Asn1 for GetBoundProfilePackage {
    const FUNCTION: Es9Plus = Es9Plus::GetBoundProfilePackage;

    const ERRORS: Option<&'static [(StatusCode, u8)]> = Some(&[
        (StatusCode::EUICC_VERIFICATION_FAILED, 1),
        (StatusCode::CONFIRMATION_CODE_MISSING, 2),
        (StatusCode::CONFIRMATION_CODE_REFUSED, 3),
        (StatusCode::CONFIRMATION_CODE_EXCEEDED, 4),
        (StatusCode::PROFILE_UNAVAILABLE, 5),
        (StatusCode::ORDER_EXPIRED, 6),
        (StatusCode::TRANSACTION_UNKNOWN, 95),
    ]);

    fn decode(content: &[u8]) -> Result<Request, StatusCode> {
        let request = SessionRequest::get_bound_profile_package(content).map_err(super::undecodable)?;
        Request::of(request.transaction_id, &request.response)
    }

    fn encode(response: Response) -> Option<Vec<u8>> {
        Some([transaction_id_tlv(&response.transaction_id), response.bpp].concat())
    }
}
