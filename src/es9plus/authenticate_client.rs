//! ES9+.AuthenticateClient (SGP.22 section 5.6.3).
use serde_json::{Map, Value};

use super::asn1::Asn1;
use super::{Json, Lpa, members};
use crate::asn1::{AuthenticateServerResponse, Es9Plus, Metadata, SessionRequest, transaction_id_tlv};
use crate::bpp::bind::BoundPackage;
use crate::call::{Accepted, Call, Function, Verdict};
use crate::change::{Change, PackageFacts, Versioned};
use crate::fault::Fault;
use crate::hsm::KeyRole;
use crate::profile::Profile;
use crate::rsp::{Authentication, Claim, Offer, OfferedDownload, Waiting, close, digest};
use crate::types::Iccid;
use crate::types::StatusCode;
use crate::types::TransactionId;
use crate::wire::{Members, base64};

pub struct AuthenticateClient;

pub struct Request {
    transaction_id: TransactionId,
    response: AuthenticateServerResponse,
    sha256: Vec<u8>,
}

impl Request {
    /// The same octets from the eUICC are the same request, whichever binding brings them.
    fn of(transaction_id: TransactionId, response: &[u8]) -> Result<Self, StatusCode> {
        let sha256 = digest(response);
        let response = AuthenticateServerResponse::decode(response).map_err(super::undecodable)?;
        Ok(Self { transaction_id, response, sha256 })
    }
}

pub struct Response {
    transaction_id: TransactionId,
    metadata: Vec<u8>,
    smdp_signed2: Vec<u8>,
    smdp_signature2: Vec<u8>,
    certificate: Vec<u8>,
}

impl Function for AuthenticateClient {
    const NAME: &'static str = "ES9+.AuthenticateClient";
    type Caller = Lpa;
    type Request = Request;
    type Response = Response;

    async fn execute(call: &Call<'_>, _: &Lpa, request: &Request) -> Verdict<Response> {
        let session = call.reader.session(&request.transaction_id).await?;
        let session = session.ok_or(StatusCode::TRANSACTION_UNKNOWN)?;
        let (session, initiated) = match Authentication::of(session, &request.sha256, call.now)? {
            Authentication::First(session, initiated) => (*session, *initiated),
            Authentication::Again(transaction, done) => {
                let metadata = package_facts(call, &done.iccid).await?.metadata;
                let body = Offer::again(transaction, *done, metadata, call.setting)?.into();
                return Ok(Accepted::unchanged(body));
            }
        };
        let response = match &request.response {
            AuthenticateServerResponse::Ok(response) => response.as_ref().clone(),
            AuthenticateServerResponse::Error { code, .. } => {
                tracing::info!(code, "the eUICC refused us in AuthenticateServer");
                return Err(close(session, call.now, StatusCode::EUICC_REFUSED).into());
            }
        };
        let claim = Claim::verify(session, initiated, response, call.setting, call.now)?;

        let named = match claim.matching_id() {
            Some(id) => call.reader.profile_by_matching_id(id).await?,
            None => None,
        };
        let own = match claim.matching_id() {
            Some(_) => Vec::new(),
            None => call.reader.profiles_of(claim.eid()).await?,
        };
        let profile = claim.choose(named, own, &call.setting.policies, call.now)?;
        let waiting = waiting(call, &claim, &profile).await?;
        let offer = claim.offer(profile, waiting, call.setting, call.now)?;

        let signature = call.hsm.sign(KeyRole::DpPb { slot: offer.slot() }, &offer.to_be_signed()).await?;
        let (offered, change): (_, Change) = offer.seal(signature, request.sha256.clone());
        Ok(Accepted { body: offered.into(), change })
    }
}

/// What the offer needs to know of the Profile.
async fn waiting(call: &Call<'_>, claim: &Claim, profile: &Versioned<Profile>) -> Result<Waiting, Fault> {
    let iccid = profile.value.iccid();
    let PackageFacts { metadata, octets, version } = package_facts(call, iccid).await?;
    let metadata_value = Metadata::decode(&metadata).map_err(Fault::caused("stored metadata"))?;
    let bound = profile.value.order().and_then(|order| order.bound.as_ref());
    let bound_otpk = match bound.filter(|bound| bound.eid == *claim.eid()) {
        Some(_) => call.reader.binding(iccid).await?.map(|kept| {
            let kept = BoundPackage::from_octets(kept.expose()).map_err(Fault::caused("stored binding"))?;
            Ok::<_, Fault>(kept.euicc_otpk().to_vec())
        }),
        None => None,
    };
    Ok(Waiting { metadata, metadata_value, octets, version, bound_otpk: bound_otpk.transpose()? })
}

async fn package_facts(call: &Call<'_>, iccid: &Iccid) -> Result<PackageFacts, Fault> {
    call.reader.package_facts(iccid).await?.ok_or_else(|| Fault::new("a profile without its package"))
}

impl From<OfferedDownload<'_>> for Response {
    fn from(offered: OfferedDownload<'_>) -> Self {
        let OfferedDownload { transaction_id, metadata, smdp_signed2, smdp_signature2, certificate } =
            offered;
        Self { transaction_id, metadata, smdp_signed2, smdp_signature2, certificate: certificate.to_vec() }
    }
}

impl Json for AuthenticateClient {
    const PATH: &'static str = "/gsma/rsp2/es9plus/authenticateClient";

    fn read(members: &Members) -> Result<Request, StatusCode> {
        let transaction_id = super::transaction_id(members)?;
        Request::of(transaction_id, &members.octets("authenticateServerResponse")?)
    }

    fn write(response: Response) -> Option<Map<String, Value>> {
        Some(members([
            ("transactionId", Value::String(response.transaction_id.to_string())),
            ("profileMetadata", base64(&response.metadata)),
            ("smdpSigned2", base64(&response.smdp_signed2)),
            ("smdpSignature2", base64(&response.smdp_signature2)),
            ("smdpCertificate", base64(&response.certificate)),
        ]))
    }
}

impl Asn1 for AuthenticateClient {
    const FUNCTION: Es9Plus = Es9Plus::AuthenticateClient;

    const ERRORS: Option<&'static [(StatusCode, u8)]> = Some(&[
        (StatusCode::EUM_CERTIFICATE_INVALID, 1),
        (StatusCode::EUM_CERTIFICATE_EXPIRED, 2),
        (StatusCode::EUICC_CERTIFICATE_INVALID, 3),
        (StatusCode::EUICC_CERTIFICATE_EXPIRED, 4),
        (StatusCode::EUICC_VERIFICATION_FAILED, 5),
        (StatusCode::MATCHING_ID_REFUSED, 6),
        (StatusCode::EID_REFUSED, 7),
        (StatusCode::NOT_ELIGIBLE, 8),
        (StatusCode::CI_UNKNOWN, 9),
        (StatusCode::TRANSACTION_UNKNOWN, 10),
        (StatusCode::EUICC_MEMORY, 11),
        // Of version 2.6.
        (StatusCode::ORDER_EXPIRED, 18),
    ]);

    fn decode(content: &[u8]) -> Result<Request, StatusCode> {
        let request = SessionRequest::authenticate_client(content).map_err(super::undecodable)?;
        Request::of(request.transaction_id, &request.response)
    }

    fn encode(response: Response) -> Option<Vec<u8>> {
        let Response { transaction_id, metadata, smdp_signed2, smdp_signature2, certificate } = response;
        let transaction_id = transaction_id_tlv(&transaction_id);
        Some([transaction_id, metadata, smdp_signed2, smdp_signature2, certificate].concat())
    }
}
