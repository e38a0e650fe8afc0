//! Segments protected by SCP03t: '86' and '87' encrypted, '88' in clear, all chained (SGP.22 section 2.5.3).

use aes::Aes128;
use aes::cipher::{Block, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use cmac::{Cmac, Mac};

use crate::tlv;

/// Largest segment, header and MAC included.
pub const SEGMENT_BYTES_MAX: usize = 1020;
/// Largest plaintext of an encrypted segment: header 4, MAC 8, and one octet of padding at least.
pub const PLAIN_BYTES_MAX: usize = 1007;
const MAC_BYTES: usize = 8;

/// The keys and the first chaining value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    pub chain: [u8; 16],
    pub enc: [u8; 16],
    pub mac: [u8; 16],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("scp03t: the segment's form is wrong")]
    Structure,
    #[error("scp03t: MAC or padding is wrong")]
    Security,
}

/// One direction of a secure channel.
#[derive(Clone)]
pub struct Channel {
    keys: Keys,
    counter: u128,
}

impl Channel {
    pub fn new(keys: Keys) -> Self {
        Self { keys, counter: 1 }
    }

    /// The MAC chaining value after the last segment.
    pub fn chain(&self) -> [u8; 16] {
        self.keys.chain
    }

    /// Checks the segment and gives its plaintext.
    pub fn open(&mut self, segment: &tlv::Tlv<'_>) -> Result<Vec<u8>, Error> {
        if segment.raw.len() > SEGMENT_BYTES_MAX {
            return Err(Error::Structure);
        }
        let cut = segment.raw.len().checked_sub(MAC_BYTES).ok_or(Error::Structure)?;
        let (covered, received) = segment.raw.split_at_checked(cut).ok_or(Error::Structure)?;
        let cut = segment.value.len().checked_sub(MAC_BYTES).ok_or(Error::Structure)?;
        let body = segment.value.get(..cut).ok_or(Error::Structure)?;
        let mac = self.mac(covered);
        if mac.get(..MAC_BYTES) != Some(received) {
            return Err(Error::Security);
        }
        let plain = match segment.tag {
            0x86 | 0x87 => self.decrypt(body)?,
            0x88 => body.to_vec(),
            _ => return Err(Error::Structure),
        };
        self.advance(mac);
        Ok(plain)
    }

    /// Protects one segment, as an SM-DP+ does; the caller cuts the data.
    pub fn seal(&mut self, tag: tlv::Tag, data: &[u8]) -> Vec<u8> {
        let body = if tag == 0x88 { data.to_vec() } else { self.encrypt(data) };
        let mut out = tlv::header(tag, body.len().saturating_add(MAC_BYTES));
        out.extend(body);
        let mac = self.mac(&out);
        out.extend(mac.iter().take(MAC_BYTES));
        self.advance(mac);
        out
    }

    fn advance(&mut self, mac: [u8; 16]) {
        self.keys.chain = mac;
        self.counter = self.counter.saturating_add(1);
    }

    fn mac(&self, covered: &[u8]) -> [u8; 16] {
        let mut mac = <Cmac<Aes128> as KeyInit>::new(&self.keys.mac.into());
        mac.update(&self.keys.chain);
        mac.update(covered);
        mac.finalize().into_bytes().into()
    }

    fn icv(&self) -> [u8; 16] {
        let mut block: Block<Aes128> = self.counter.to_be_bytes().into();
        Aes128::new(&self.keys.enc.into()).encrypt_block(&mut block);
        block.into()
    }

    fn encrypt(&self, data: &[u8]) -> Vec<u8> {
        let mut padded = data.to_vec();
        padded.push(0x80);
        padded.resize(padded.len().next_multiple_of(16), 0);
        let mut cipher = cbc::Encryptor::<Aes128>::new(&self.keys.enc.into(), &self.icv().into());
        for chunk in padded.as_chunks_mut::<16>().0 {
            let mut block: Block<Aes128> = (*chunk).into();
            cipher.encrypt_block(&mut block);
            *chunk = block.into();
        }
        padded
    }

    fn decrypt(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut plain = body.to_vec();
        let mut cipher = cbc::Decryptor::<Aes128>::new(&self.keys.enc.into(), &self.icv().into());
        let (chunks, rest) = plain.as_chunks_mut::<16>();
        if chunks.is_empty() || !rest.is_empty() {
            return Err(Error::Structure);
        }
        for chunk in chunks {
            let mut block: Block<Aes128> = (*chunk).into();
            cipher.decrypt_block(&mut block);
            *chunk = block.into();
        }
        let end = plain.iter().rposition(|octet| *octet != 0).ok_or(Error::Security)?;
        // The padding is at most one block: more zeros would hide in a message of another length.
        if plain.get(end) != Some(&0x80) || plain.len().saturating_sub(end) > 16 {
            return Err(Error::Security);
        }
        plain.truncate(end);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{Curve, OneTimeKey, sha256};
    use crate::hex::{decode, encode};
    use crate::kdf::session_keys;

    fn unhex(text: &str) -> Vec<u8> {
        decode(text).unwrap()
    }

    fn derived() -> Keys {
        let secret = unhex("2222222222222222222222222222222222222222222222222222222222222202");
        let euicc = OneTimeKey::from_secret(Curve::NistP256, &secret).unwrap();
        let server = unhex(
            "047FAFEF2621BA93AD79D2ED3A614CAF40CEC3C2F41B37DA6108E43BEEBF9EFB21174613D60DB38572BAA2DA989C07DA53D5ECD355DBC081469F9E15DDB9128F95",
        );
        let z = euicc.agree(&server).unwrap();
        assert_eq!(encode(&z), "8CF388576E79433C675788A2048DCE84703429E5DFED6D026F2C9B9DF2E4C1F5");
        let eid = unhex("89049032123451234512345678901235").try_into().unwrap();
        session_keys(&z, b"testhost", &eid)
    }

    fn keys(enc: u8, mac: u8, chain: u8) -> Keys {
        Keys { chain: [chain; 16], enc: [enc; 16], mac: [mac; 16] }
    }

    fn upp() -> Vec<u8> {
        (0..5).flat_map(|_| 0..=255).collect()
    }

    #[test]
    fn keys_are_derived_as_annex_g_says() {
        let keys = derived();
        assert_eq!(encode(&keys.chain), "64191189B089197A466BA9CED579A627");
        assert_eq!(encode(&keys.enc), "C350CF1BD54EF0FE363DD434DEEEE8B0");
        assert_eq!(encode(&keys.mac), "6388E9D573EF030F5EEA307AC9A576A8");
    }

    #[test]
    fn the_segments_of_the_vector_are_sealed_and_opened() {
        let steps = [
            (0x87, "BF2400", "8718AD98670FA19D2C4892401A1A27A649089F626092AFD5BD3D"),
            (
                0x88,
                "BF25145A0A980010325476981032149102543192025031",
                "881FBF25145A0A980010325476981032149102543192025031B912503F1AA7DB00",
            ),
            (
                0x87,
                "BF26368010A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A08110B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B18210C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2",
                "8748CCAE382BAC7224B22F953F120129F22DC3F0C71698D8404FBB842B9843ED294D97B9C1532B41550B7A60C0BDBEDA2FF5D493DE0D7FCB8BEAEA0842986DACA9B38EE82E31D99289F3",
            ),
        ];
        let (mut sender, mut receiver) = (Channel::new(derived()), Channel::new(derived()));
        for (tag, plain, sealed) in steps {
            assert_eq!(encode(&sender.seal(tag, &unhex(plain))), sealed);
            let bytes = unhex(sealed);
            let opened = receiver.open(&tlv::Tlv::parse(&bytes, tag).unwrap()).unwrap();
            assert_eq!(encode(&opened), plain);
        }
        assert_eq!(encode(&receiver.chain()), "8EE82E31D99289F34A3FE7120353B0AF");
        // Session-key mode goes on with the same counter.
        let (head, rest) = (&upp()[..PLAIN_BYTES_MAX], &upp()[PLAIN_BYTES_MAX..]);
        let mut go_on = sender.clone();
        // The vector continues after the metadata, without ReplaceSessionKeys, so rebuild that state.
        let mut direct = Channel::new(derived());
        direct.seal(0x87, &unhex("BF2400"));
        direct.seal(0x88, &unhex("BF25145A0A980010325476981032149102543192025031"));
        assert_eq!(
            encode(&sha256(&direct.seal(0x86, head))).to_lowercase(),
            "4edf2119c10ec666be698223c073f91d41aa752958dcdc8a3b34403b92970dce"
        );
        direct.seal(0x86, rest);
        assert_eq!(encode(&direct.chain()), "37ADC7C9C89A26D074910CF9948DE2BD");
        assert_ne!(go_on.seal(0x86, head), sender.seal(0x87, head));
    }

    #[test]
    fn profile_protection_keys_start_a_new_count() {
        let mut channel = Channel::new(keys(0xB1, 0xC2, 0xA0));
        let first = channel.seal(0x86, &upp()[..PLAIN_BYTES_MAX]);
        assert_eq!(first.len(), SEGMENT_BYTES_MAX);
        assert_eq!(
            encode(&sha256(&first)).to_lowercase(),
            "27244b70d8d08deb03c28bbc2b81140fad782569eaa6ee25212f43067d8f1f18"
        );
        assert_eq!(channel.seal(0x86, &upp()[PLAIN_BYTES_MAX..]).len(), 300);
        assert_eq!(encode(&channel.chain()), "47A3A28B76DFC8896425B978A696B152");
    }

    #[test]
    fn a_changed_bit_a_replay_and_a_swap_are_refused() {
        let mut sender = Channel::new(keys(1, 2, 3));
        let (one, two) = (sender.seal(0x86, b"one"), sender.seal(0x86, b"two"));
        let fresh = || Channel::new(keys(1, 2, 3));
        let open = |channel: &mut Channel, bytes: &[u8]| channel.open(&tlv::Tlv::parse(bytes, 0x86).unwrap());
        let mut receiver = fresh();
        assert_eq!(open(&mut receiver, &two), Err(Error::Security));
        assert_eq!(open(&mut receiver, &one).unwrap(), b"one");
        assert_eq!(open(&mut receiver, &one), Err(Error::Security));
        for position in 2..one.len() {
            let mut bent = one.clone();
            bent[position] ^= 1;
            assert_eq!(open(&mut fresh(), &bent), Err(Error::Security));
        }
    }

    #[test]
    fn a_segment_over_the_limit_is_refused() {
        let big = Channel::new(keys(1, 2, 3)).seal(0x86, &upp()[..PLAIN_BYTES_MAX + 1]);
        let opened = Channel::new(keys(1, 2, 3)).open(&tlv::Tlv::parse(&big, 0x86).unwrap());
        assert_eq!(opened, Err(Error::Structure));
    }

    #[test]
    fn a_segment_shorter_than_its_mac_is_refused() {
        let short = tlv::write(0x86, &[0; 7]);
        let opened = Channel::new(keys(1, 2, 3)).open(&tlv::Tlv::parse(&short, 0x86).unwrap());
        assert_eq!(opened, Err(Error::Structure));
    }
}
