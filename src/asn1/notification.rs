//! What an eUICC tells afterwards: PendingNotification and what is in it (SGP.22 2.5.6, 3.5).
use serde::{Deserialize, Serialize};

use super::bits::{NotificationEvents, code, text, unsigned};
use super::signed::{Signature, Signed};
use super::tlv::{Members, Tlvs, message, only};
use crate::types::Iccid;
use crate::types::Malformed;
use crate::types::Oid;
use crate::types::TransactionId;

const NAME: &str = "pendingNotification";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingNotification {
    Installation(Box<ProfileInstallationResult>),
    Other(Box<OtherSignedNotification>),
}

impl PendingNotification {
    /// Takes `BF37…` or `30…`, as both bindings carry it.
    pub fn decode(received: &[u8]) -> Result<Self, Malformed> {
        if received.first() == Some(&0x30) {
            let content = message(received, 0x30, NAME)?;
            return OtherSignedNotification::decode(content, received)
                .map(|other| Self::Other(Box::new(other)));
        }
        let content = message(received, 0xBF37, NAME)?;
        ProfileInstallationResult::decode(content, received)
            .map(|result| Self::Installation(Box::new(result)))
    }
}

/// No certificate is inside: it is verified with the key of the session it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileInstallationResult {
    pub data: Signed<ProfileInstallationResultData>,
    pub signature: Signature,
    /// The whole message, for the case that it cannot be believed.
    pub received: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSignedNotification {
    pub metadata: Signed<NotificationMetadata>,
    pub signature: Signature,
    /// The certificate TLV as received; nothing in it is checked yet.
    pub euicc_certificate: Vec<u8>,
    /// As `euicc_certificate`.
    pub eum_certificate: Vec<u8>,
    /// As in ProfileInstallationResult.
    pub received: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileInstallationResultData {
    pub transaction_id: TransactionId,
    pub metadata: NotificationMetadata,
    pub smdp_oid: Oid,
    pub result: InstallationResult,
    /// finalResult as received (`A2…`), which ES2+ passes on.
    pub final_result_tlv: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationMetadata {
    pub seq_number: u64,
    pub events: NotificationEvents,
    pub address: String,
    /// Missing if the eUICC failed before it knew.
    pub iccid: Option<Iccid>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallationResult {
    Success { aid: Vec<u8>, response: Vec<u8> },
    Failure { command: BppCommandId, reason: ErrorReason, response: Option<Vec<u8>> },
}

/// What the eUICC says of one Profile Element (PEStatus of the TCA interoperable format).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeStatus {
    pub status: u8,
    pub identification: Option<u16>,
    pub additional: Option<u8>,
}

impl InstallationResult {
    /// The first element that is not ok in EUICCResponse. eUICCs differ here, and nothing depends on it: what
    /// cannot be read is passed over.
    pub fn failed_element(&self) -> Option<PeStatus> {
        let Self::Failure { response: Some(response), .. } = self else { return None };
        let outer = only(response, NAME).ok()?;
        let list = Tlvs::new(outer.content, NAME).map_while(Result::ok).find(|member| member.tag == 0xA0)?;
        let statuses = Tlvs::new(list.content, NAME).map_while(Result::ok);
        statuses.filter_map(|one| PeStatus::decode(one.content)).find(|one| one.status != 0)
    }
}

impl PeStatus {
    fn decode(content: &[u8]) -> Option<Self> {
        let mut members = Members::of(content, "peStatus");
        let status = code(members.required(0x80).ok()?.content, NAME).ok()?;
        let mut number = |tag| Some(unsigned(members.optional(tag).ok()??.content, NAME).ok());
        let identification = number(0x81).flatten().and_then(|number| u16::try_from(number).ok());
        let additional = number(0x82).flatten().and_then(|number| u8::try_from(number).ok());
        Some(Self { status, identification, additional })
    }
}

/// Declares a named list of which later versions know more.
macro_rules! named_codes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "u8", into = "u8")]
        pub enum $name {
            $($variant,)*
            Other(u8),
        }

        impl From<u8> for $name {
            fn from(code: u8) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Other(other),
                }
            }
        }

        impl From<$name> for u8 {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => $code,)*
                    $name::Other(code) => code,
                }
            }
        }
    };
}

named_codes! {
    /// Which part of the Bound Profile Package the eUICC was at.
    BppCommandId {
        InitialiseSecureChannel = 0,
        ConfigureIsdp = 1,
        StoreMetadata = 2,
        StoreMetadata2 = 3,
        ReplaceSessionKeys = 4,
        LoadProfileElements = 5,
    }
}

named_codes! {
    /// Why the installation failed.
    ErrorReason {
        IncorrectInputValues = 1,
        InvalidSignature = 2,
        InvalidTransactionId = 3,
        UnsupportedCrtValues = 4,
        UnsupportedRemoteOperationType = 5,
        UnsupportedProfileClass = 6,
        Scp03tStructureError = 7,
        Scp03tSecurityError = 8,
        IccidAlreadyExists = 9,
        InsufficientMemory = 10,
        Interruption = 11,
        PeProcessingError = 12,
        DataMismatch = 13,
        InvalidNaaKey = 14,
        PprNotAllowed = 15,
        Unknown = 127,
    }
}

impl ProfileInstallationResult {
    fn decode(content: &[u8], received: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "profileInstallationResult");
        let data = Signed::decode(members.required(0xBF27)?, ProfileInstallationResultData::decode)?;
        let signature = Signature::decode(members.required(0x5F37)?)?;
        members.end()?;
        Ok(Self { data, signature, received: received.to_vec() })
    }
}

impl OtherSignedNotification {
    fn decode(content: &[u8], received: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "otherSignedNotification");
        let notification = Self {
            metadata: Signed::decode(members.required(0xBF2F)?, NotificationMetadata::decode)?,
            signature: Signature::decode(members.required(0x5F37)?)?,
            euicc_certificate: members.required(0x30)?.whole.to_vec(),
            eum_certificate: members.required(0x30)?.whole.to_vec(),
            received: received.to_vec(),
        };
        members.end()?;
        Ok(notification)
    }
}

impl ProfileInstallationResultData {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "profileInstallationResultData");
        let transaction_id = TransactionId::from_octets(members.required(0x80)?.content)?;
        let metadata = NotificationMetadata::decode(members.required(0xBF2F)?.content)?;
        let smdp_oid = Oid::from_der_content(members.required(0x06)?.content)?;
        let final_result = members.required(0xA2)?;
        members.end()?;
        let result = InstallationResult::decode(final_result.content)?;
        let final_result_tlv = final_result.whole.to_vec();
        Ok(Self { transaction_id, metadata, smdp_oid, result, final_result_tlv })
    }
}

impl NotificationMetadata {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "notificationMetadata");
        let metadata = Self {
            seq_number: unsigned(members.required(0x80)?.content, "seqNumber")?,
            events: NotificationEvents::decode(members.required(0x81)?.content)?,
            address: text(members.required(0x0C)?.content, "notificationAddress")?,
            iccid: members.optional(0x5A)?.map(|tlv| Iccid::from_swapped(tlv.content)).transpose()?,
        };
        members.end()?;
        Ok(metadata)
    }
}

impl InstallationResult {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        const NAME: &str = "finalResult";
        let choice = only(content, NAME)?;
        let mut members = Members::of(choice.content, NAME);
        let result = match choice.tag {
            0xA0 => Self::Success {
                aid: members.required(0x4F)?.content.to_vec(),
                response: members.required(0x04)?.content.to_vec(),
            },
            0xA1 => Self::Failure {
                command: code(members.required(0x80)?.content, "bppCommandId")?.into(),
                reason: code(members.required(0x81)?.content, "errorReason")?.into(),
                response: members.optional(0x82)?.map(|tlv| tlv.content.to_vec()),
            },
            _ => return Err(Malformed(NAME)),
        };
        members.end()?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::tlv::tlv;
    use crate::asn1::{NotificationEvent, hostile};
    use crate::types::hex;

    const METADATA: &str = concat!(
        "BF2F",
        "18",
        "800107",                   // seqNumber 7
        "81020480",                 // install, not trimmed
        "0C03612E62",               // a.b
        "5A0A989209012143658709F5", // 8929901012345678905
    );

    fn installation(final_result: &str, added: &str) -> (Vec<u8>, Vec<u8>) {
        let content = ["8002ABCD", METADATA, "060388370A", final_result, added].concat();
        let data = tlv(&[0xBF, 0x27], &hex::decode(&content).unwrap());
        let result = [&data[..], &Signature::from_octets([9; 64]).tlv()].concat();
        (tlv(&[0xBF, 0x37], &result), data)
    }

    fn decoded(received: &[u8]) -> ProfileInstallationResult {
        match PendingNotification::decode(received).unwrap() {
            PendingNotification::Installation(result) => *result,
            PendingNotification::Other(_) => panic!("another notification"),
        }
    }

    #[test]
    fn a_success_is_read() {
        let (received, data) = installation("A209A0074F02A00004013F", "");
        let result = decoded(&received);
        assert_eq!(result.data.bytes(), data);
        assert_eq!(result.data.transaction_id.to_string(), "ABCD");
        assert_eq!(result.data.smdp_oid.to_string(), "2.999.10");
        assert_eq!(result.data.metadata.seq_number, 7);
        assert_eq!(result.data.metadata.events.single_event(), Some(NotificationEvent::Install));
        assert_eq!(result.data.metadata.iccid, Some(Iccid::parse("8929901012345678905").unwrap()));
        let success = InstallationResult::Success { aid: vec![0xA0, 0], response: vec![0x3F] };
        assert_eq!(result.data.result, success);
        assert_eq!(hex::encode(&result.data.final_result_tlv), "A209A0074F02A00004013F");
    }

    #[test]
    fn a_failure_is_read_with_known_and_unknown_reasons() {
        let (received, data) = installation("A208A10680010581010A", "9F550100");
        let result = decoded(&received);
        assert_eq!(result.data.bytes(), data);
        let failure = InstallationResult::Failure {
            command: BppCommandId::LoadProfileElements,
            reason: ErrorReason::InsufficientMemory,
            response: None,
        };
        assert_eq!(result.data.result, failure);
        assert_eq!(ErrorReason::from(31), ErrorReason::Other(31));
        assert_eq!(u8::from(ErrorReason::PprNotAllowed), 15);
    }

    fn refused(response: &str) -> Option<PeStatus> {
        let failure = ["80010581010C82", &format!("{:02X}", response.len() / 2), response].concat();
        let failure = hex::decode(&failure).unwrap();
        let result = hex::encode(&tlv(&[0xA2], &tlv(&[0xA1], &failure)));
        decoded(&installation(&result, "").0).data.result.failed_element()
    }

    #[test]
    fn the_first_element_that_is_not_ok_is_named() {
        let element = refused("3012A01030068001008101013006800103810105");
        assert_eq!(element, Some(PeStatus { status: 3, identification: Some(5), additional: None }));
        let element = refused("300EA00C300A8001068102012C820109");
        assert_eq!(element, Some(PeStatus { status: 6, identification: Some(300), additional: Some(9) }));
        for odd in ["", "3000", "30", "3002A000", "3005A0033001FF", "3007A00530038001008100", "040100"] {
            assert_eq!(refused(odd), None, "{odd}");
        }
    }

    #[test]
    fn another_notification_is_read() {
        let metadata = hex::decode(METADATA).unwrap();
        let signature = Signature::from_octets([9; 64]).tlv();
        let received = tlv(&[0x30], &[&metadata[..], &signature, &[0x30, 0], &[0x30, 2, 5, 0]].concat());
        let PendingNotification::Other(other) = PendingNotification::decode(&received).unwrap() else {
            panic!("an installation");
        };
        assert_eq!(other.metadata.bytes(), metadata);
        assert_eq!(other.metadata.address, "a.b");
        assert_eq!((other.euicc_certificate.len(), other.eum_certificate.len()), (2, 4));
        hostile::attack(&received, PendingNotification::decode);
    }

    #[test]
    fn a_cut_or_changed_result_never_panics() {
        hostile::attack(&installation("A209A0074F02A00004013F", "").0, PendingNotification::decode);
    }
}
