//! Seals what is kept secret at rest: AES-256-GCM, bound to the table, row and column where it stands.
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;

use crate::fault::Fault;
use crate::random::OsRandom;
use crate::random::octets;
use crate::types::Secret;

/// First octet of everything sealed: which form it has.
const FORM: u8 = 1;

/// Where a sealed value stands. A value moved to another place does not open.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub table: &'static str,
    pub row: &'a str,
    pub column: &'static str,
}

impl Place<'_> {
    fn aad(&self) -> Aad<Vec<u8>> {
        let parts = [self.table.as_bytes(), self.row.as_bytes(), self.column.as_bytes()];
        let with_length = |part: &&[u8]| [&part.len().to_be_bytes()[..], part].concat();
        Aad::from(parts.iter().flat_map(with_length).collect())
    }
}

/// The sealing key of the store, and the key of its blind indexes.
pub struct Sealer {
    key: LessSafeKey,
    index: hmac::Key,
    random: OsRandom,
}

impl Sealer {
    /// Derives both keys from the 32 octets of the sealing key.
    pub fn new(secret: &Secret<[u8; 32]>) -> Result<Self, Fault> {
        let refused = |_| Fault::new("hsm: sealing key");
        let root = Salt::new(HKDF_SHA256, b"smdpp store 1").extract(secret.expose());
        let key: UnboundKey = root.expand(&[b"seal"], &AES_256_GCM).map_err(refused)?.into();
        let mut index = zeroize::Zeroizing::new([0u8; 32]);
        root.expand(&[b"index"], Octets32).and_then(|okm| okm.fill(index.as_mut())).map_err(refused)?;
        let index = hmac::Key::new(hmac::HMAC_SHA256, index.as_ref());
        Ok(Self { key: LessSafeKey::new(key), index, random: OsRandom::new() })
    }

    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce: [u8; NONCE_LEN] = octets(&self.random)?;
        let mut body = Vec::with_capacity(plain.len().saturating_add(1 + NONCE_LEN + 16));
        body.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), place.aad(), &mut body)
            .map_err(|_| Fault::new("hsm: seal"))?;
        Ok([&[FORM], &nonce[..], &body, tag.as_ref()].concat())
    }

    /// Opens what was sealed at the same place; anything else is corruption.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let refused = || {
            Fault::new("hsm: a sealed value does not open: wrong sealing key, or the database was changed")
        };
        let Some(([FORM], rest)) = sealed.split_first_chunk::<1>() else { return Err(refused()) };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), place.aad(), &mut body);
        let length = plain.map_err(|_| refused())?.len();
        body.truncate(length);
        Ok(body)
    }

    /// A keyed hash by which equal values of a column can be found without being readable.
    pub fn index(&self, column: &'static str, value: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(&[column.as_bytes(), &[0]].concat());
        context.update(value.as_bytes());
        context.sign().as_ref().iter().copied().take(16).collect()
    }
}

/// An HKDF output of 32 octets.
struct Octets32;

impl KeyType for Octets32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'static> = Place { table: "package", row: "1", column: "sealed" };

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&Secret::new([key; 32])).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_was_sealed() {
        let sealed = sealer(1).seal(HERE, b"Ki").unwrap();
        assert_eq!(sealer(1).open(HERE, &sealed).unwrap(), b"Ki");
        assert!(sealer(1).open(Place { row: "2", ..HERE }, &sealed).is_err());
        assert!(sealer(1).open(Place { column: "keys", ..HERE }, &sealed).is_err());
        assert!(sealer(2).open(HERE, &sealed).is_err());
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let sealed = sealer(1).seal(HERE, b"Ki").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer(1).open(HERE, &changed).is_err(), "octet {at}");
            assert!(sealer(1).open(HERE, &sealed[..at]).is_err(), "{at} octets");
        }
    }

    #[test]
    fn indexes_differ_by_column_and_key() {
        let index = sealer(1).index("eid", "8904");
        assert_eq!(index, sealer(1).index("eid", "8904"));
        assert_ne!(index, sealer(1).index("matching_id", "8904"));
        assert_ne!(index, sealer(2).index("eid", "8904"));
    }
}
