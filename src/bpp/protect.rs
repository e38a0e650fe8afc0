//! SCP03t (SGP.22 section 2.5.3): segments that only the eUICC can read, each tied to the one before.
use aes::Aes128;
use aes::cipher::Array;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::BlockModeEncrypt;
use aes::cipher::InnerIvInit;
use aes::cipher::KeyInit;
use cmac::Cmac;
use cmac::Mac;

use crate::asn1::tlv::concat;
use crate::asn1::tlv::tlv;
use crate::bpp::keys::ChannelKeys;
use crate::bpp::keys::ProfileKeys;
use crate::es8plus::load_profile_elements;
use crate::es8plus::store_metadata::StoreMetadata;
use crate::types::Secret;

/// Octets of the MAC that a segment carries; the chain keeps all sixteen.
const MAC_OCTETS: usize = 8;

/// A Profile under its own keys: the '86' segments, made once and good for any eUICC (2.5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedProfile(Vec<u8>);

/// Protects a whole Profile under its own keys.
pub fn protect(upp: &[u8], keys: &ProfileKeys) -> ProtectedProfile {
    ProtectedProfile(Channel::new(&keys.0).load_profile_elements(upp))
}

impl ProtectedProfile {
    /// Takes back what was stored from [`ProtectedProfile::octets`].
    pub fn from_octets(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// One run of segments: the keys, the number of the next segment and the MAC of the last one.
#[derive(Clone)]
pub struct Channel {
    enc: Aes128,
    mac: Cmac<Aes128>,
    chain: Secret<[u8; 16]>,
    counter: u128,
}

impl Channel {
    pub fn new(keys: &ChannelKeys) -> Self {
        let enc = Aes128::new(&(*keys.enc.expose()).into());
        let mac = Cmac::new(&(*keys.mac.expose()).into());
        Self { enc, mac, chain: keys.chain.clone(), counter: 1 }
    }

    /// Encrypts a command, ConfigureISDP or ReplaceSessionKeys, as '87'. Neither fills a segment.
    pub fn command(&mut self, command: &[u8]) -> Vec<u8> {
        load_profile_elements::pieces(command).flat_map(|piece| self.encrypt_and_mac(0x87, piece)).collect()
    }

    /// Encrypts Profile Elements as '86', in as many segments as they need.
    pub fn load_profile_elements(&mut self, upp: &[u8]) -> Vec<u8> {
        let mut segments = Vec::with_capacity(upp.len().saturating_add(upp.len() / 32));
        for piece in load_profile_elements::pieces(upp) {
            segments.extend_from_slice(&self.encrypt_and_mac(0x86, piece));
        }
        segments
    }

    /// Authenticates metadata as '88', readable by the LPA.
    pub fn store_metadata(&mut self, metadata: StoreMetadata<'_>) -> Vec<u8> {
        metadata.pieces().flat_map(|piece| self.mac_only(piece)).collect()
    }

    // The two below take a piece that fits a segment of 1020 octets: only the cuts of es8plus reach them.

    fn encrypt_and_mac(&mut self, tag: u8, piece: &[u8]) -> Vec<u8> {
        let mut icv = self.counter.to_be_bytes().into();
        self.enc.encrypt_block(&mut icv);
        let mut body = Vec::with_capacity(piece.len().saturating_add(16));
        body.extend_from_slice(piece);
        body.push(0x80);
        body.resize(body.len().next_multiple_of(16), 0);
        let (blocks, _) = Array::slice_as_chunks_mut(&mut body);
        cbc::Encryptor::inner_iv_init(self.enc.clone(), &icv).encrypt_blocks(blocks);
        self.seal(tag, &body)
    }

    fn mac_only(&mut self, piece: &[u8]) -> Vec<u8> {
        self.seal(0x88, piece)
    }

    /// Adds header and MAC, and steps on. The counter moves with every segment, encrypted or not (2.5.4).
    fn seal(&mut self, tag: u8, body: &[u8]) -> Vec<u8> {
        let mut segment = tlv(&[tag], &concat(&[body, &[0; MAC_OCTETS]]));
        if let Some((covered, place)) = segment.split_last_chunk_mut::<MAC_OCTETS>() {
            let mac = self.mac.clone().chain_update(self.chain.expose()).chain_update(&*covered);
            self.chain = Secret::new(mac.finalize().into_bytes().into());
            place.iter_mut().zip(self.chain.expose()).for_each(|(to, from)| *to = *from);
        }
        // A 128-bit counter does not come to its end.
        self.counter = self.counter.wrapping_add(1);
        segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::tlv::split;

    #[test]
    fn no_segment_is_longer_than_1020_octets_and_a_full_one_is_exactly_that() {
        let keys = ProfileKeys::from_octets(&[7; 48]);
        for size in [0usize, 1, 15, 16, 1006, 1007, 1008, 2014, 2015, 100_000] {
            let protected = protect(&vec![3; size], &keys);
            let segments = split(protected.octets()).unwrap();
            assert_eq!(segments.len(), size.div_ceil(1007), "{size}");
            assert!(
                segments.iter().all(|segment| segment.tag == 0x86 && segment.whole.len() <= 1020),
                "{size}"
            );
        }
        assert_eq!(protect(&[3; 1007], &keys).octets().len(), 1020);
    }

    #[test]
    fn a_profile_is_protected_alike_every_time_and_otherwise_under_other_keys() {
        let first = protect(b"profile", &ProfileKeys::from_octets(&[7; 48]));
        assert_eq!(first, protect(b"profile", &ProfileKeys::from_octets(&[7; 48])));
        assert_ne!(first, protect(b"profile", &ProfileKeys::from_octets(&[8; 48])));
        assert_eq!(ProtectedProfile::from_octets(first.octets().to_vec()), first);
    }
}
