//! Session keys from the shared secret (SGP.22 Annex G).

use crate::curve::sha256;
use crate::scp03t::Keys;

/// Key usage 'AES' and its length, fixed by the Control Reference Template.
pub const KEY_TYPE: u8 = 0x88;
pub const KEY_LENGTH: u8 = 0x10;

/// The EID is given as its 32 digits packed into 16 octets, not swapped.
pub fn session_keys(shared_secret: &[u8], host_id: &[u8], eid: &[u8; 16]) -> Keys {
    let host_length = u8::try_from(host_id.len()).unwrap_or(u8::MAX);
    let info = [&[KEY_TYPE, KEY_LENGTH, host_length], host_id, &[16], eid].concat();
    let block = |counter: u8| sha256(&[shared_secret, &[0, 0, 0, counter], &info].concat());
    let material = [block(1), block(2)].concat();
    let (parts, _) = material.as_chunks::<16>();
    match parts {
        [chain, enc, mac, ..] => Keys { chain: *chain, enc: *enc, mac: *mac },
        _ => Keys::default(),
    }
}
