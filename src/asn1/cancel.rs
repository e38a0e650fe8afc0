//! CancelSessionResponse (SGP.22 5.7.14).
use super::bits::code;
use super::signed::{Signature, Signed};
use super::tlv::{Members, message, only};
use crate::types::Malformed;
use crate::types::Oid;
use crate::types::TransactionId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelSessionResponse {
    Ok(Box<CancelSessionOk>),
    /// The eUICC could not cancel. Nothing is signed, so nothing may follow from it.
    Error {
        code: u8,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelSessionOk {
    pub signed: Signed<CancelSessionSigned>,
    pub signature: Signature,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelSessionSigned {
    pub transaction_id: TransactionId,
    pub smdp_oid: Oid,
    pub reason: u8,
}

impl CancelSessionResponse {
    pub fn decode(received: &[u8]) -> Result<Self, Malformed> {
        const NAME: &str = "cancelSessionResponse";
        let choice = only(message(received, 0xBF41, NAME)?, NAME)?;
        match choice.tag {
            0xA0 => {
                let mut members = Members::of(choice.content, NAME);
                let signed = Signed::decode(members.required(0x30)?, CancelSessionSigned::decode)?;
                let signature = Signature::decode(members.required(0x5F37)?)?;
                members.end()?;
                Ok(Self::Ok(Box::new(CancelSessionOk { signed, signature })))
            }
            0x81 => Ok(Self::Error { code: code(choice.content, NAME)? }),
            _ => Err(Malformed(NAME)),
        }
    }
}

impl CancelSessionSigned {
    fn decode(content: &[u8]) -> Result<Self, Malformed> {
        let mut members = Members::of(content, "euiccCancelSessionSigned");
        let signed = Self {
            transaction_id: TransactionId::from_octets(members.required(0x80)?.content)?,
            smdp_oid: Oid::from_der_content(members.required(0x81)?.content)?,
            reason: code(members.required(0x82)?.content, "cancelSessionReason")?,
        };
        members.end()?;
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::hostile;
    use crate::asn1::tlv::tlv;

    const SIGNED: [u8; 14] = [0x30, 12, 0x80, 2, 0xAB, 0xCD, 0x81, 3, 0x88, 0x37, 0x0A, 0x82, 1, 0];

    fn response(signed: &[u8]) -> Vec<u8> {
        let ok = [signed, &Signature::from_octets([9; 64]).tlv()].concat();
        tlv(&[0xBF, 0x41], &tlv(&[0xA0], &ok))
    }

    #[test]
    fn a_cancellation_is_read() {
        let CancelSessionResponse::Ok(ok) = CancelSessionResponse::decode(&response(&SIGNED)).unwrap() else {
            panic!("an error");
        };
        assert_eq!(ok.signed.bytes(), SIGNED);
        assert_eq!(ok.signed.smdp_oid.to_string(), "2.999.10");
        assert_eq!((ok.signed.transaction_id.to_string(), ok.signed.reason), ("ABCD".into(), 0));
    }

    #[test]
    fn the_error_of_an_euicc_is_read() {
        let received = [0xBF, 0x41, 3, 0x81, 1, 0x7F];
        assert_eq!(CancelSessionResponse::decode(&received), Ok(CancelSessionResponse::Error { code: 127 }));
        hostile::attack(&received, CancelSessionResponse::decode);
    }

    #[test]
    fn a_cut_or_changed_answer_never_panics() {
        hostile::attack(&response(&SIGNED), CancelSessionResponse::decode);
    }
}
