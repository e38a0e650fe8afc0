//! ES8+.InitialiseSecureChannel (SGP.22 section 5.5.1): who we are, and our half of the key agreement.
use crate::asn1::tlv::concat;
use crate::asn1::tlv::tlv;
use crate::es8plus::HostId;
use crate::es8plus::Point;
use crate::types::TransactionId;

/// remoteOpId 1, installBoundProfilePackage: the only operation there is.
const REMOTE_OPERATION: [u8; 3] = [0x82, 0x01, 0x01];
/// keyType '88' (AES) and keyLen '10' (16 octets).
const AES_128: [u8; 6] = [0x80, 0x01, 0x88, 0x81, 0x01, 0x10];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialiseSecureChannel {
    pub transaction_id: TransactionId,
    pub host_id: HostId,
    pub smdp_otpk: Point,
}

impl InitialiseSecureChannel {
    /// What SK.DPpb signs: the request's members, then otPK.EUICC in the very form it has in euiccSigned2.
    pub fn to_be_signed(&self, euicc_otpk: &Point) -> Vec<u8> {
        concat(&[&self.members(), &one_time_key(euicc_otpk)])
    }

    /// The whole command; `signature` is r‖s.
    pub fn encode(&self, signature: &[u8; 64]) -> Vec<u8> {
        tlv(&[0xBF, 0x23], &concat(&[&self.members(), &tlv(&[0x5F, 0x37], signature)]))
    }

    fn members(&self) -> Vec<u8> {
        let control_reference = concat(&[&AES_128, &tlv(&[0x84], self.host_id.octets())]);
        concat(&[
            &REMOTE_OPERATION,
            &tlv(&[0x80], self.transaction_id.octets()),
            &tlv(&[0xA6], &control_reference),
            &one_time_key(&self.smdp_otpk),
        ])
    }
}

fn one_time_key(point: &Point) -> Vec<u8> {
    tlv(&[0x5F, 0x49], point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::hex;

    fn request() -> InitialiseSecureChannel {
        InitialiseSecureChannel {
            transaction_id: TransactionId::parse("0102").unwrap(),
            host_id: HostId::from_octets(b"host").unwrap(),
            smdp_otpk: [0x04; 65],
        }
    }

    #[test]
    fn the_members_stand_in_the_order_of_5_5_1() {
        let encoded = hex::encode(&request().encode(&[0x37; 64]));
        let members = format!("82010180020102A60C80018881011084{}5F4941{}", "04686F7374", "04".repeat(65));
        let expected = format!("BF23819C{members}5F3740{}", "37".repeat(64));
        assert_eq!(encoded, expected);
    }

    #[test]
    fn the_signature_covers_the_members_and_the_euiccs_key_but_no_outer_header() {
        let signed = request().to_be_signed(&[0x05; 65]);
        let encoded = request().encode(&[0x37; 64]);
        let members = &encoded[4..encoded.len() - 67];
        assert_eq!(signed, concat(&[members, &[0x5F, 0x49, 0x41], &[0x05; 65]]));
    }
}
