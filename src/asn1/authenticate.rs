//! The mutual authentication: ServerSigned1 and AuthenticateServerResponse (SGP.22 5.7.13).
use super::bits::{code, exactly, text};
use super::euicc_info::EuiccInfo2;
use super::signed::{Signature, Signed};
use super::tlv::{Members, Tlvs, message, only, tlv};
use crate::types::Malformed;
use crate::types::TransactionId;

/// What this server signs at InitiateAuthentication (5.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSigned1 {
    pub transaction_id: TransactionId,
    pub euicc_challenge: [u8; 16],
    pub server_address: String,
    pub server_challenge: [u8; 16],
}

impl ServerSigned1 {
    pub fn encode(&self) -> Vec<u8> {
        let members = [
            tlv(&[0x80], self.transaction_id.octets()),
            tlv(&[0x81], &self.euicc_challenge),
            tlv(&[0x83], self.server_address.as_bytes()),
            tlv(&[0x84], &self.server_challenge),
        ];
        tlv(&[0x30], &members.concat())
    }
}

/// The eUICC's answer to us: it proves itself, or says why it will not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthenticateServerResponse {
    Ok(Box<AuthenticateResponseOk>),
    Error { transaction_id: TransactionId, code: u8 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticateResponseOk {
    pub signed1: Signed<EuiccSigned1>,
    pub signature1: Signature,
    /// The certificate TLV as received; nothing in it is checked yet.
    pub euicc_certificate: Vec<u8>,
    /// As `euicc_certificate`.
    pub eum_certificate: Vec<u8>,
}

impl AuthenticateServerResponse {
    pub fn decode(received: &[u8]) -> Result<Self, Malformed> {
        const NAME: &str = "authenticateServerResponse";
        let choice = only(message(received, 0xBF38, NAME)?, NAME)?;
        let mut members = Members::of(choice.content, NAME);
        match choice.tag {
            0xA0 => {
                let ok = AuthenticateResponseOk {
                    signed1: Signed::decode(members.required(0x30)?, EuiccSigned1::decode)?,
                    signature1: Signature::decode(members.required(0x5F37)?)?,
                    euicc_certificate: members.required(0x30)?.whole.to_vec(),
                    eum_certificate: members.required(0x30)?.whole.to_vec(),
                };
                members.end()?;
                Ok(Self::Ok(Box::new(ok)))
            }
            0xA1 => {
                let transaction_id = TransactionId::from_octets(members.required(0x80)?.content)?;
                let code = code(members.required(0x02)?.content, NAME)?;
                members.end()?;
                Ok(Self::Error { transaction_id, code })
            }
            _ => Err(Malformed(NAME)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EuiccSigned1 {
    pub transaction_id: TransactionId,
    pub server_address: String,
    pub server_challenge: Vec<u8>,
    pub euicc_info2: EuiccInfo2,
    /// As received: other characters than a MatchingID may have are a refusal of the order, not of the message.
    pub matching_id: Option<String>,
    pub device: DeviceInfo,
}

impl EuiccSigned1 {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        const NAME: &str = "euiccSigned1";
        let mut members = Members::of(content, NAME);
        let transaction_id = TransactionId::from_octets(members.required(0x80)?.content)?;
        let server_address = text(members.required(0x83)?.content, "serverAddress")?;
        let server_challenge = members.required(0x84)?.content.to_vec();
        let euicc_info2 = EuiccInfo2::decode(members.required(0xBF22)?.content)?;
        let mut context = Members::of(members.required(0xA0)?.content, "ctxParams1");
        members.end()?;

        let matching_id = context.optional(0x80)?.map(|tlv| text(tlv.content, "matchingId")).transpose()?;
        let device = DeviceInfo::decode(context.required(0xA1)?.content)?;
        context.end()?;
        Ok(Self { transaction_id, server_address, server_challenge, euicc_info2, matching_id, device })
    }
}

/// What the LPA says about the device; the eUICC signs it unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    pub tac: [u8; 4],
    /// The content of deviceCapabilities as received.
    pub capabilities: Vec<u8>,
    pub imei: Option<[u8; 8]>,
}

impl DeviceInfo {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "deviceInfo");
        let device = Self {
            tac: exactly(members.required(0x80)?.content, "tac")?,
            capabilities: members.required(0xA1)?.content.to_vec(),
            // An odd IMEI is no reason to refuse a customer.
            imei: members.optional(0x82)?.and_then(|tlv| tlv.content.try_into().ok()),
        };
        members.end()?;
        Ok(device)
    }

    /// The eight digits: Telephony BCD, the first digit in the lower half of its octet.
    pub fn tac_digits(&self) -> String {
        crate::types::hex::encode(&self.tac.map(|octet| octet.rotate_left(4)))
    }

    /// The release of one capability, such as `85` for eutranSupportedRelease; unknown members are passed over.
    pub fn release(&self, tag: u32) -> Option<[u8; 3]> {
        let mut members = Tlvs::new(&self.capabilities, "deviceCapabilities").map_while(Result::ok);
        members.find(|member| member.tag == tag).and_then(|member| member.content.try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::euicc_info::tests::info2;
    use crate::asn1::{MALFORMED_SIGNATURE, hostile};

    fn transaction_id() -> TransactionId {
        TransactionId::parse("00112233445566778899AABBCCDDEEFF").unwrap()
    }

    fn signed1(matching_id: &[u8], added: &[u8]) -> Vec<u8> {
        let device =
            [tlv(&[0x80], &[0x35, 0x29, 0x06, 0x11]), tlv(&[0xA1], &tlv(&[0x80], &[5, 0, 0]))].concat();
        let context = [matching_id, &tlv(&[0xA1], &device)].concat();
        let content = [
            tlv(&[0x80], transaction_id().octets()),
            tlv(&[0x83], b"smdp.example"),
            tlv(&[0x84], &[0xC5; 16]),
            info2(),
            tlv(&[0xA0], &context),
            added.to_vec(),
        ];
        tlv(&[0x30], &content.concat())
    }

    fn response(signed1: &[u8], signature: &[u8]) -> Vec<u8> {
        let content = [signed1, signature, &[0x30, 2, 5, 0], &[0x30, 3, 4, 1, 9]].concat();
        tlv(&[0xBF, 0x38], &tlv(&[0xA0], &content))
    }

    fn decode_ok(received: &[u8]) -> AuthenticateResponseOk {
        match AuthenticateServerResponse::decode(received).unwrap() {
            AuthenticateServerResponse::Ok(ok) => *ok,
            AuthenticateServerResponse::Error { code, .. } => panic!("error {code}"),
        }
    }

    #[test]
    fn server_signed1_has_its_four_members_in_order() {
        let signed = ServerSigned1 {
            transaction_id: TransactionId::parse("0102").unwrap(),
            euicc_challenge: [0xEE; 16],
            server_address: "a.b".to_owned(),
            server_challenge: [0x55; 16],
        };
        let mut expected = vec![0x30, 0x2D, 0x80, 0x02, 0x01, 0x02, 0x81, 0x10];
        expected.extend([0xEE; 16]);
        expected.extend([0x83, 0x03, b'a', b'.', b'b', 0x84, 0x10]);
        expected.extend([0x55; 16]);
        assert_eq!(signed.encode(), expected);
    }

    #[test]
    fn an_answer_is_read_and_what_was_signed_is_kept() {
        let signed = signed1(&tlv(&[0x80], b"ABC-1"), &[]);
        let ok = decode_ok(&response(&signed, &Signature::from_octets([9; 64]).tlv()));
        assert_eq!(ok.signed1.bytes(), signed);
        assert_eq!(ok.signed1.transaction_id, transaction_id());
        assert_eq!(ok.signed1.matching_id.as_deref(), Some("ABC-1"));
        assert_eq!(ok.signed1.server_address, "smdp.example");
        assert_eq!(ok.signed1.device.tac, [0x35, 0x29, 0x06, 0x11]);
        assert_eq!(ok.signature1, Signature::from_octets([9; 64]));
        assert_eq!(ok.euicc_certificate, [0x30, 2, 5, 0]);
        assert_eq!(ok.eum_certificate, [0x30, 3, 4, 1, 9]);
    }

    #[test]
    fn what_a_later_version_adds_is_skipped_but_stays_in_the_signed_octets() {
        let signed = signed1(&[], &[0xBF, 0x55, 0x01, 0xAA]);
        let ok = decode_ok(&response(&signed, &Signature::from_octets([9; 64]).tlv()));
        assert_eq!(ok.signed1.bytes(), signed);
        assert!(ok.signed1.bytes().ends_with(&[0xBF, 0x55, 0x01, 0xAA]));
        assert_eq!(ok.signed1.matching_id, None);
    }

    #[test]
    fn a_matching_id_of_other_characters_is_left_to_the_rules() {
        let signed = signed1(&tlv(&[0x80], b"ac_\0"), &[]);
        let ok = decode_ok(&response(&signed, &Signature::from_octets([9; 64]).tlv()));
        assert_eq!(ok.signed1.matching_id.as_deref(), Some("ac_\0"));
    }

    #[test]
    fn the_refusal_of_an_euicc_is_read() {
        let received = [0xBF, 0x38, 0x09, 0xA1, 0x07, 0x80, 0x02, 0xAB, 0xCD, 0x02, 0x01, 0x7F];
        let error = AuthenticateServerResponse::decode(&received);
        let transaction_id = TransactionId::parse("ABCD").unwrap();
        assert_eq!(error, Ok(AuthenticateServerResponse::Error { transaction_id, code: 127 }));
        hostile::attack(&received, AuthenticateServerResponse::decode);
    }

    #[test]
    fn a_signature_in_another_form_is_named() {
        let received = response(&signed1(&[], &[]), &[0x5F, 0x37, 0x02, 0x30, 0x00]);
        assert_eq!(AuthenticateServerResponse::decode(&received), Err(MALFORMED_SIGNATURE));
    }

    #[test]
    fn a_cut_or_changed_answer_never_panics() {
        let signed = signed1(&tlv(&[0x80], b"ABC-1"), &[]);
        let received = response(&signed, &Signature::from_octets([9; 64]).tlv());
        hostile::attack(&received, AuthenticateServerResponse::decode);
    }
}
