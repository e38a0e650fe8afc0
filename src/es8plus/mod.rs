//! ES8+: the commands an SM-DP+ gives to an eUICC, before they are protected (SGP.22 section 5.5).
pub mod configure_isdp;
pub mod initialise_secure_channel;
pub mod load_profile_elements;
pub mod replace_session_keys;
pub mod store_metadata;

use crate::types::Malformed;

/// An uncompressed point, `04 ‖ X ‖ Y`: 65 octets on every curve of 2.6.7.1.
pub type Point = [u8; 65];

/// The name our side has in the key derivation: 1 to 16 octets of our choice (5.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostId(Vec<u8>);

impl HostId {
    pub fn from_octets(octets: &[u8]) -> Result<Self, Malformed> {
        let fits = (1..=16).contains(&octets.len());
        fits.then(|| Self(octets.to_vec())).ok_or(Malformed("hostId"))
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::HostId;

    #[test]
    fn a_host_id_has_1_to_16_octets() {
        assert!(HostId::from_octets(&[]).is_err());
        assert!(HostId::from_octets(&[0; 17]).is_err());
        assert_eq!(HostId::from_octets(b"host").unwrap().octets(), b"host");
    }
}
