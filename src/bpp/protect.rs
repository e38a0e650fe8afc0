//! SCP03t (SGP.22 section 2.5.3): segments that only the eUICC can read, each tied to the one before.
use aes::Aes128;
use aes::cipher::Array;
use aes::cipher::BlockCipherEncrypt;
use aes::cipher::BlockModeDecrypt;
use aes::cipher::BlockModeEncrypt;
use aes::cipher::BlockSizeUser;
use aes::cipher::InnerIvInit;
use aes::cipher::KeyInit;
use cmac::Cmac;
use cmac::Mac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::asn1::tlv::Tlvs;
use crate::asn1::tlv::concat;
use crate::asn1::tlv::tlv;
use crate::bpp::keys::ChannelKeys;
use crate::bpp::keys::ProfileKeys;
use crate::es8plus::load_profile_elements;
use crate::es8plus::store_metadata::StoreMetadata;
use crate::types::Malformed;
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

/// Opens what [`protect`] made, for a Profile that goes under session keys. In memory only, and wiped with the value.
pub fn open(profile: &ProtectedProfile, keys: &ProfileKeys) -> Result<Secret<Vec<u8>>, Malformed> {
    Channel::new(&keys.0).open_profile_elements(&profile.0)
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

    /// The other direction of [`Channel::load_profile_elements`].
    fn open_profile_elements(&mut self, segments: &[u8]) -> Result<Secret<Vec<u8>>, Malformed> {
        const WRONG: Malformed = Malformed("stored profile segments");
        // Never grows, so that no copy is left behind.
        let mut upp = Zeroizing::new(Vec::with_capacity(segments.len()));
        for segment in Tlvs::new(segments, "stored profile segments") {
            let segment = segment?;
            let icv = self.icv();
            let (covered, mac) = segment.whole.split_last_chunk::<MAC_OCTETS>().ok_or(WRONG)?;
            self.step(covered);
            if segment.tag != 0x86 || !bool::from(mac.as_slice().ct_eq(self.mac_shown())) {
                return Err(WRONG);
            }
            let (body, _) = segment.content.split_last_chunk::<MAC_OCTETS>().ok_or(WRONG)?;
            let mut body = Zeroizing::new(body.to_vec());
            let (blocks, rest) = Array::slice_as_chunks_mut(&mut body);
            if !rest.is_empty() {
                return Err(WRONG);
            }
            cbc::Decryptor::inner_iv_init(self.enc.clone(), &icv).decrypt_blocks(blocks);
            let end = body.iter().rposition(|octet| *octet != 0).ok_or(WRONG)?;
            let plain = body.split_at_checked(end).filter(|(_, padding)| padding.first() == Some(&0x80));
            upp.extend_from_slice(plain.ok_or(WRONG)?.0);
        }
        Ok(Secret::new(std::mem::take(&mut upp)))
    }

    // The two below take a piece that fits a segment of 1020 octets: only the cuts of es8plus reach them.

    fn encrypt_and_mac(&mut self, tag: u8, piece: &[u8]) -> Vec<u8> {
        let icv = self.icv();
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
            self.step(covered);
            place.copy_from_slice(self.mac_shown());
        }
        segment
    }

    /// The counter under S-ENC: what CBC begins with.
    fn icv(&self) -> Array<u8, <Aes128 as BlockSizeUser>::BlockSize> {
        let mut icv = self.counter.to_be_bytes().into();
        self.enc.encrypt_block(&mut icv);
        icv
    }

    /// Chains the MAC over one segment, and counts it.
    fn step(&mut self, covered: &[u8]) {
        let mac = self.mac.clone().chain_update(self.chain.expose()).chain_update(covered);
        self.chain = Secret::new(mac.finalize().into_bytes().into());
        // A 128-bit counter does not come to its end.
        self.counter = self.counter.wrapping_add(1);
    }

    /// The part of the chain that the segment carries.
    fn mac_shown(&self) -> &[u8] {
        self.chain.expose().get(..MAC_OCTETS).unwrap_or_default()
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
    fn what_was_protected_opens_under_its_own_keys_only() {
        let keys = ProfileKeys::from_octets(&[7; 48]);
        let upp: Vec<u8> = (0..5000u32).map(|place| (place / 3).to_le_bytes()[0]).collect();
        for size in [1usize, 15, 16, 1006, 1007, 1008, 2014, 2015, 5000] {
            let protected = protect(&upp[..size], &keys);
            assert_eq!(open(&protected, &keys).unwrap().expose(), &upp[..size], "{size}");
            assert!(open(&protected, &ProfileKeys::from_octets(&[8; 48])).is_err(), "{size}");
        }
        let octets = protect(&upp, &keys).octets().to_vec();
        for place in (0..octets.len()).step_by(97) {
            let mut changed = octets.clone();
            changed[place] ^= 1;
            assert!(open(&ProtectedProfile::from_octets(changed), &keys).is_err(), "{place}");
        }
        assert!(open(&ProtectedProfile::from_octets(octets[1020..].to_vec()), &keys).is_err());
    }

    #[test]
    fn a_profile_is_protected_alike_every_time_and_otherwise_under_other_keys() {
        let first = protect(b"profile", &ProfileKeys::from_octets(&[7; 48]));
        assert_eq!(first, protect(b"profile", &ProfileKeys::from_octets(&[7; 48])));
        assert_ne!(first, protect(b"profile", &ProfileKeys::from_octets(&[8; 48])));
        assert_eq!(ProtectedProfile::from_octets(first.octets().to_vec()), first);
    }
}
