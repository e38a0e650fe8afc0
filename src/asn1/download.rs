//! The preparation of a download: SmdpSigned2 and PrepareDownloadResponse (SGP.22 5.7.5).
use super::bits::code;
use super::signed::{Signature, Signed};
use super::tlv::{Members, message, only, tlv};
use crate::types::Malformed;
use crate::types::TransactionId;

/// What this server signs at AuthenticateClient (5.6.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmdpSigned2 {
    pub transaction_id: TransactionId,
    pub cc_required: bool,
    /// The eUICC's one-time key of an earlier try, offered for use again.
    pub bpp_euicc_otpk: Option<Vec<u8>>,
}

impl SmdpSigned2 {
    pub fn encode(&self) -> Vec<u8> {
        let cc_required = if self.cc_required { 0xFF } else { 0x00 };
        let otpk = self.bpp_euicc_otpk.as_ref().map(|point| tlv(&[0x5F, 0x49], point));
        let members = [
            tlv(&[0x80], self.transaction_id.octets()),
            tlv(&[0x01], &[cc_required]),
            otpk.unwrap_or_default(),
        ];
        tlv(&[0x30], &members.concat())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareDownloadResponse {
    Ok(Box<PrepareDownloadResponseOk>),
    Error { transaction_id: TransactionId, code: u8 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepareDownloadResponseOk {
    pub signed2: Signed<EuiccSigned2>,
    pub signature2: Signature,
}

impl PrepareDownloadResponse {
    pub fn decode(received: &[u8]) -> Result<Self, Malformed> {
        const NAME: &str = "prepareDownloadResponse";
        let choice = only(message(received, 0xBF21, NAME)?, NAME)?;
        let mut members = Members::of(choice.content, NAME);
        match choice.tag {
            0xA0 => {
                let signed2 = Signed::decode(members.required(0x30)?, EuiccSigned2::decode)?;
                let signature2 = Signature::decode(members.required(0x5F37)?)?;
                members.end()?;
                Ok(Self::Ok(Box::new(PrepareDownloadResponseOk { signed2, signature2 })))
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
pub struct EuiccSigned2 {
    pub transaction_id: TransactionId,
    /// The one-time public key as received: `pki::check_point` says whether it is one.
    pub euicc_otpk: Vec<u8>,
    /// As received: what is not the right hash is a wrong Confirmation Code.
    pub hash_cc: Option<Vec<u8>>,
}

impl EuiccSigned2 {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "euiccSigned2");
        let signed = Self {
            transaction_id: TransactionId::from_octets(members.required(0x80)?.content)?,
            euicc_otpk: members.required(0x5F49)?.content.to_vec(),
            hash_cc: members.optional(0x04)?.map(|hash| hash.content.to_vec()),
        };
        members.end()?;
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::hostile;

    fn response(added: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let content =
            [&[0x80, 2, 0xAB, 0xCD][..], &tlv(&[0x5F, 0x49], &[4; 65]), &tlv(&[4], &[7; 32]), added];
        let signed = tlv(&[0x30], &content.concat());
        let ok = [&signed[..], &Signature::from_octets([9; 64]).tlv()].concat();
        (tlv(&[0xBF, 0x21], &tlv(&[0xA0], &ok)), signed)
    }

    #[test]
    fn smdp_signed2_offers_an_old_key_only_if_there_is_one() {
        let transaction_id = TransactionId::parse("0102").unwrap();
        let without = SmdpSigned2 { transaction_id, cc_required: true, bpp_euicc_otpk: None };
        assert_eq!(without.encode(), [0x30, 7, 0x80, 2, 1, 2, 1, 1, 0xFF]);
        let with = SmdpSigned2 { cc_required: false, bpp_euicc_otpk: Some(vec![4, 5]), ..without };
        assert_eq!(with.encode(), [0x30, 12, 0x80, 2, 1, 2, 1, 1, 0, 0x5F, 0x49, 2, 4, 5]);
    }

    #[test]
    fn an_answer_is_read_and_what_was_signed_is_kept() {
        let (received, signed) = response(&[0x9F, 0x55, 0x01, 0xAA]);
        let PrepareDownloadResponse::Ok(ok) = PrepareDownloadResponse::decode(&received).unwrap() else {
            panic!("an error");
        };
        assert_eq!(ok.signed2.bytes(), signed);
        assert_eq!(ok.signed2.euicc_otpk, [4; 65]);
        assert_eq!(ok.signed2.hash_cc, Some(vec![7; 32]));
        assert_eq!(ok.signed2.transaction_id.to_string(), "ABCD");
    }

    #[test]
    fn the_refusal_of_an_euicc_is_read() {
        let received = [0xBF, 0x21, 0x09, 0xA1, 0x07, 0x80, 0x02, 0xAB, 0xCD, 0x02, 0x01, 0x03];
        let transaction_id = TransactionId::parse("ABCD").unwrap();
        let error = PrepareDownloadResponse::Error { transaction_id, code: 3 };
        assert_eq!(PrepareDownloadResponse::decode(&received), Ok(error));
    }

    #[test]
    fn a_second_hash_is_refused() {
        assert!(PrepareDownloadResponse::decode(&response(&tlv(&[4], &[7; 32])).0).is_err());
    }

    #[test]
    fn a_cut_or_changed_answer_never_panics() {
        hostile::attack(&response(&[]).0, PrepareDownloadResponse::decode);
    }
}
