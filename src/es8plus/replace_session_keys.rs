//! ES8+.ReplaceSessionKeys (SGP.22 section 5.5.4): hands over the keys that protect the Profile itself.
use crate::asn1::tlv::concat;
use crate::asn1::tlv::tlv;
use crate::types::Secret;

/// The command holds keys in clear: it lives only until it is encrypted.
pub fn encode(chain: &[u8; 16], ppk_enc: &[u8; 16], ppk_cmac: &[u8; 16]) -> Secret<Vec<u8>> {
    let members = Secret::new(concat(&[
        &[0x80, 0x10],
        chain.as_slice(),
        &[0x81, 0x10],
        ppk_enc.as_slice(),
        &[0x82, 0x10],
        ppk_cmac.as_slice(),
    ]));
    Secret::new(tlv(&[0xBF, 0x26], members.expose()))
}
