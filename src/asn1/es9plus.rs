//! ES9+ in ASN.1: the envelope of the five functions, and the messages in it (SGP.22 6.6, annex H).
use super::euicc_info::EuiccInfo1;
use super::tlv::{Members, message, only, tlv};
use super::{bits, notification};
use crate::types::Malformed;
use crate::types::TransactionId;

const REQUEST: &str = "remoteProfileProvisioningRequest";

/// RemoteProfileProvisioningRequest and RemoteProfileProvisioningResponse have the same tag.
const ENVELOPE_TAG: u8 = 0xA2;
/// In each response the alternative for what was executed, and the one for what was refused.
const OK_TAG: u8 = 0xA0;
const ERROR_TAG: u8 = 0x81;

/// A function of ES9+, as its tag in the envelope names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Es9Plus {
    InitiateAuthentication,
    AuthenticateClient,
    GetBoundProfilePackage,
    HandleNotification,
    CancelSession,
}

impl Es9Plus {
    pub const ALL: [Self; 5] = [
        Self::InitiateAuthentication,
        Self::AuthenticateClient,
        Self::GetBoundProfilePackage,
        Self::HandleNotification,
        Self::CancelSession,
    ];

    fn tag(self) -> [u8; 2] {
        match self {
            Self::InitiateAuthentication => [0xBF, 0x39],
            Self::AuthenticateClient => [0xBF, 0x3B],
            Self::GetBoundProfilePackage => [0xBF, 0x3A],
            Self::HandleNotification => [0xBF, 0x3D],
            Self::CancelSession => [0xBF, 0x41],
        }
    }

    /// Which function a request calls, and what it says to it.
    pub fn called(received: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let choice = only(message(received, u32::from(ENVELOPE_TAG), REQUEST)?, REQUEST)?;
        let function =
            Self::ALL.into_iter().find(|known| u32::from(u16::from_be_bytes(known.tag())) == choice.tag);
        Ok((function.ok_or(Malformed(REQUEST))?, choice.content))
    }

    /// The response to a function that was executed; `members` are those of its output.
    pub fn executed(self, members: &[u8]) -> Vec<u8> {
        self.response(&tlv(&[OK_TAG], members))
    }

    /// The response to a function that was refused.
    pub fn refused(self, error: u8) -> Vec<u8> {
        self.response(&tlv(&[ERROR_TAG], &[error]))
    }

    fn response(self, choice: &[u8]) -> Vec<u8> {
        tlv(&[ENVELOPE_TAG], &tlv(&self.tag(), choice))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitiateAuthenticationRequest {
    pub euicc_challenge: [u8; 16],
    pub smdp_address: String,
    pub euicc_info1: EuiccInfo1,
}

impl InitiateAuthenticationRequest {
    pub fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "initiateAuthenticationRequest");
        let request = Self {
            euicc_challenge: bits::exactly(members.required(0x81)?.content, "euiccChallenge")?,
            smdp_address: bits::text(members.required(0x83)?.content, "smdpAddress")?,
            euicc_info1: EuiccInfo1::decode(members.required(0xBF20)?.whole)?,
        };
        members.end()?;
        Ok(request)
    }
}

/// The form of a request inside a session: which session, and what the eUICC says in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRequest {
    pub transaction_id: TransactionId,
    /// The eUICC's response, a TLV with the tag of its own type.
    pub response: Vec<u8>,
}

impl SessionRequest {
    /// AuthenticateClient.
    pub fn authenticate_client(content: &[u8]) -> Result<Self, Malformed> {
        Self::decode(content, 0xBF38, "authenticateClientRequest")
    }

    /// GetBoundProfilePackage.
    pub fn get_bound_profile_package(content: &[u8]) -> Result<Self, Malformed> {
        Self::decode(content, 0xBF21, "getBoundProfilePackageRequest")
    }

    fn decode(content: &[u8], response: u32, name: &'static str) -> Result<Self, Malformed> {
        let mut members = Members::of(content, name);
        let transaction_id = TransactionId::from_octets(members.required(0x80)?.content)?;
        let response = members.required(response)?.whole.to_vec();
        members.end()?;
        Ok(Self { transaction_id, response })
    }

    /// CancelSession, whose members are tagged automatically. X.680 31.2.7 lets the automatic tag take the place of
    /// BF41; common compilers put it around. Both are read.
    pub fn cancel_session(content: &[u8]) -> Result<Self, Malformed> {
        const NAME: &str = "cancelSessionRequestEs9";
        let mut members = Members::of(content, NAME);
        let transaction_id = TransactionId::from_octets(members.required(0x80)?.content)?;
        let automatic = members.required(0xA1)?.content;
        members.end()?;
        let inner = only(automatic, NAME)?;
        let response = if inner.tag == 0xBF41 { automatic.to_vec() } else { tlv(&[0xBF, 0x41], automatic) };
        Ok(Self { transaction_id, response })
    }
}

/// transactionId in a response.
pub fn transaction_id_tlv(transaction_id: &TransactionId) -> Vec<u8> {
    tlv(&[0x80], transaction_id.octets())
}

/// The PendingNotification in a request to HandleNotification.
pub fn pending_notification(content: &[u8]) -> Result<notification::PendingNotification, Malformed> {
    const NAME: &str = "handleNotification";
    let mut members = Members::of(content, NAME);
    let automatic = members.required(0xA0)?;
    members.end()?;
    notification::PendingNotification::decode(automatic.content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::hostile;

    const SESSION: [u8; 4] = [0x80, 2, 0xAB, 0xCD];

    fn envelope(function: Es9Plus, content: &[u8]) -> Vec<u8> {
        function.response(content)
    }

    fn info1() -> Vec<u8> {
        let list = tlv(&[0x04], &[7; 20]);
        let members = [tlv(&[0x82], &[2, 2, 0]), tlv(&[0xA9], &list), tlv(&[0xAA], &list)];
        tlv(&[0xBF, 0x20], &members.concat())
    }

    #[test]
    fn each_function_is_known_by_its_tag() {
        for function in Es9Plus::ALL {
            let content = [0x80, 1, 0x55];
            let whole = envelope(function, &content);
            assert_eq!(Es9Plus::called(&whole), Ok((function, &content[..])));
            hostile::attack(&whole, |octets| Es9Plus::called(octets).map(|_| ()));
        }
        // ES11.AuthenticateClient, and a response where a request should be.
        for octets in [&[0xA2, 3, 0xBF, 0x40, 0][..], &[0xA3, 3, 0xBF, 0x39, 0], &[0xA2, 0], &[]] {
            assert!(Es9Plus::called(octets).is_err(), "{octets:02X?}");
        }
    }

    #[test]
    fn an_answer_is_executed_or_refused() {
        assert_eq!(Es9Plus::CancelSession.executed(&[]), [0xA2, 5, 0xBF, 0x41, 2, 0xA0, 0]);
        assert_eq!(Es9Plus::AuthenticateClient.refused(127), [0xA2, 6, 0xBF, 0x3B, 3, 0x81, 1, 0x7F]);
    }

    #[test]
    fn initiate_authentication_is_read() {
        let content = [tlv(&[0x81], &[0xEE; 16]), tlv(&[0x83], b"smdp.example"), info1()].concat();
        for length in 0..content.len() {
            assert!(InitiateAuthenticationRequest::decode(&content[..length]).is_err(), "{length}");
        }
        let request = InitiateAuthenticationRequest::decode(&content).unwrap();
        assert_eq!((request.euicc_challenge, request.smdp_address.as_str()), ([0xEE; 16], "smdp.example"));
        // A later version adds lpaRspCapability.
        let later = [&content[..], &[0x88, 2, 5, 0xE0]].concat();
        assert_eq!(InitiateAuthenticationRequest::decode(&later), Ok(request));
    }

    #[test]
    fn a_request_inside_a_session_keeps_what_the_euicc_said() {
        let said = tlv(&[0xBF, 0x38], &[0xA1, 0]);
        let content = [&SESSION[..], &said].concat();
        let read = SessionRequest::authenticate_client(&content).unwrap();
        assert_eq!((read.transaction_id.to_string().as_str(), &read.response), ("ABCD", &said));
        // 2.6 adds useMatchingIdForAcr.
        let later = [&content[..], &[0x05, 0]].concat();
        assert_eq!(SessionRequest::authenticate_client(&later), Ok(read));
        assert!(SessionRequest::get_bound_profile_package(&content).is_err());
        let content = [&SESSION[..], &tlv(&[0xBF, 0x21], &[0xA1, 0])].concat();
        assert!(SessionRequest::get_bound_profile_package(&content).is_ok());
    }

    #[test]
    fn a_cancellation_is_read_in_both_taggings() {
        let choice = [0x81, 1, 5];
        let response = tlv(&[0xBF, 0x41], &choice);
        for automatic in [&choice[..], &response] {
            let content = [&SESSION[..], &tlv(&[0xA1], automatic)].concat();
            assert_eq!(SessionRequest::cancel_session(&content).unwrap().response, response);
            hostile::attack(&content, SessionRequest::cancel_session);
        }
    }

    #[test]
    fn exactly_one_notification_is_in_a_request() {
        for content in [&[0xA0, 0][..], &[0xA0, 2, 0x30, 0], &[0xBF, 0x37, 0], &[]] {
            assert!(pending_notification(content).is_err(), "{content:02X?}");
        }
    }
}
