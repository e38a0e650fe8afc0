//! Session keys from the key agreement (SGP.22 Annex G), and the keys of a Profile prepared in advance.
use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::es8plus::HostId;
use crate::types::Eid;
use crate::types::Secret;

/// What protects one run of segments: S-ENC, S-MAC and the first MAC chaining value, or their PPK siblings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelKeys {
    pub enc: Secret<[u8; 16]>,
    pub mac: Secret<[u8; 16]>,
    pub chain: Secret<[u8; 16]>,
}

/// S-ENC, S-MAC and chain: shared with one eUICC in one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKeys(pub ChannelKeys);

/// PPK-ENC, PPK-MAC and chain: random, of one Profile, the same for every eUICC (2.5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileKeys(pub ChannelKeys);

/// `z` is the x coordinate of the shared point; derives as in BSI TR-03111 (X9.63) with SHA-256.
pub fn derive(z: &Secret<Vec<u8>>, host_id: &HostId, eid: &Eid) -> SessionKeys {
    let info = shared_info(host_id, eid);
    let first = round(z, 1, &info);
    let second = round(z, 2, &info);
    let mut data = Zeroizing::new([0; 48]);
    data.iter_mut().zip(first.iter().chain(second.iter())).for_each(|(place, octet)| *place = *octet);
    SessionKeys(ChannelKeys::from_octets(&data))
}

impl ProfileKeys {
    /// Takes 48 random octets, or what [`ProfileKeys::octets`] gave.
    pub fn from_octets(octets: &[u8; 48]) -> Self {
        Self(ChannelKeys::from_octets(octets))
    }

    /// For the vault, which stores them sealed.
    pub fn octets(&self) -> Secret<Vec<u8>> {
        let ChannelKeys { enc, mac, chain } = &self.0;
        Secret::new([chain, enc, mac].map(|key| key.expose().as_slice()).concat())
    }
}

impl ChannelKeys {
    /// Annex G hands out the chaining value first, then the encryption key, then the MAC key.
    fn from_octets(octets: &[u8; 48]) -> Self {
        let part = |place: usize| {
            let mut key = Zeroizing::new([0; 16]);
            key.iter_mut()
                .zip(octets.iter().skip(place.saturating_mul(16)))
                .for_each(|(to, from)| *to = *from);
            Secret::new(*key)
        };
        Self { chain: part(0), enc: part(1), mac: part(2) }
    }
}

/// keyType ‖ keyLen ‖ hostId as length-value ‖ EID as length-value.
fn shared_info(host_id: &HostId, eid: &Eid) -> Vec<u8> {
    let mut info = vec![0x88, 0x10];
    for part in [host_id.octets(), &eid.octets()] {
        // Both have at most 16 octets by their types.
        info.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
        info.extend_from_slice(part);
    }
    info
}

fn round(z: &Secret<Vec<u8>>, counter: u32, info: &[u8]) -> Zeroizing<[u8; 32]> {
    let digest =
        Sha256::new().chain_update(z.expose()).chain_update(counter.to_be_bytes()).chain_update(info);
    Zeroizing::new(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_keys_survive_the_way_through_the_vault() {
        let octets: [u8; 48] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let keys = ProfileKeys::from_octets(&octets);
        assert_eq!(keys.0.chain.expose()[0], 0);
        assert_eq!(keys.0.enc.expose()[0], 16);
        assert_eq!(keys.0.mac.expose()[0], 32);
        assert_eq!(*keys.octets().expose(), octets);
    }

    #[test]
    fn another_host_or_eid_gives_other_keys() {
        let z = Secret::new(vec![1; 32]);
        let eid = Eid::parse("89049032123451234512345678901235").unwrap();
        let other_eid = Eid::parse("89049032123451234512345678901234").unwrap();
        let host = HostId::from_octets(b"a").unwrap();
        let keys = derive(&z, &host, &eid);
        assert_eq!(keys, derive(&z, &host, &eid));
        assert_ne!(keys, derive(&z, &host, &other_eid));
        assert_ne!(keys, derive(&z, &HostId::from_octets(b"b").unwrap(), &eid));
        assert_ne!(keys, derive(&Secret::new(vec![2; 32]), &host, &eid));
    }
}
