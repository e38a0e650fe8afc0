//! ES9+.InitiateAuthentication (SGP.22 section 5.6.1).
use super::Setting;
use crate::asn1::{EuiccInfo1, KeyId, ServerSigned1};
use crate::change::{Change, Versioned};
use crate::pki::Credential;
use crate::session::{Initiated, Session, Stage};
use crate::time::{MINUTE_MS, Timestamp};
use crate::types::StatusCode;
use crate::types::TransactionId;

/// The SGP.22 version whose eUICCs this server serves.
const SVN_MAJOR: u8 = 2;

/// From InitiateAuthentication to AuthenticateClient no person is asked anything: slow eUICCs on slow networks
/// have this long, and a flood of strangers no longer.
const INITIATED_MS: i64 = 2 * MINUTE_MS;

/// What the LPA sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub euicc_challenge: [u8; 16],
    pub euicc_info1: EuiccInfo1,
    pub smdp_address: String,
}

/// The random values of a new session.
#[derive(Debug, Clone)]
pub struct Fresh {
    pub transaction_id: TransactionId,
    pub server_challenge: [u8; 16],
}

/// A session that may be opened, waiting for SK.DPauth.
#[derive(Debug)]
pub struct Opening<'a> {
    credential: &'a Credential,
    ci: KeyId,
    info: EuiccInfo1,
    signed1: ServerSigned1,
    server_signed1: Vec<u8>,
    expires_at: Timestamp,
}

/// The output of InitiateAuthentication.
#[derive(Debug)]
pub struct Opened<'a> {
    pub transaction_id: TransactionId,
    pub server_signed1: Vec<u8>,
    pub server_signature1: [u8; 64],
    pub ci: KeyId,
    pub certificate: &'a [u8],
}

impl<'a> Opening<'a> {
    /// The checks of 5.6.1 in their order.
    pub fn check(
        request: Request,
        fresh: Fresh,
        setting: &'a Setting,
        now: Timestamp,
    ) -> Result<Self, StatusCode> {
        let Request { euicc_challenge, euicc_info1: info, smdp_address } = request;
        if info.svn.major != SVN_MAJOR {
            return Err(StatusCode::SVN_UNSUPPORTED);
        }
        // DNS names compare without case; a final dot names the same host.
        let named = smdp_address.strip_suffix('.').unwrap_or(&smdp_address);
        if !named.eq_ignore_ascii_case(&setting.address) {
            return Err(StatusCode::ADDRESS_REFUSED);
        }
        let ci = info.ci_for_signing.iter().find(|ci| setting.trust.knows(ci, now)).cloned();
        let ci = ci.ok_or(StatusCode::SECURITY_UNSUPPORTED)?;
        let credential = setting.credentials.for_verification(&info.ci_for_verification, now);
        let credential = credential.ok_or(StatusCode::CERTIFICATE_UNAVAILABLE)?;
        let signed1 = ServerSigned1 {
            transaction_id: fresh.transaction_id,
            euicc_challenge,
            // As received: the LPA compares it with what it sent (3.1.2 step 10).
            server_address: smdp_address,
            server_challenge: fresh.server_challenge,
        };
        let server_signed1 = signed1.encode();
        let expires_at = now.plus_ms(INITIATED_MS.min(setting.session_ms));
        Ok(Self { credential, ci, info, signed1, server_signed1, expires_at })
    }

    pub fn slot(&self) -> usize {
        self.credential.slot
    }

    /// The octets that SK.DPauth signs.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.server_signed1
    }

    pub fn seal(self, server_signature1: [u8; 64]) -> (Opened<'a>, Change) {
        let Self { credential, ci, info, signed1, server_signed1, expires_at } = self;
        let initiated = Initiated {
            server_address: signed1.server_address,
            server_challenge: signed1.server_challenge,
            svn: info.svn,
            ci: ci.clone(),
            credential_ci: credential.ci.clone(),
        };
        let transaction_id = signed1.transaction_id;
        let session = Session::new(transaction_id.clone(), expires_at, Stage::Initiated(initiated));
        let change = Change::default().session(Versioned::new(session));
        let certificate = credential.dpauth.der();
        (Opened { transaction_id, server_signed1, server_signature1, ci, certificate }, change)
    }
}
