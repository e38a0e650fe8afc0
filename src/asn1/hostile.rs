//! What a decoder must bear: every way to cut a message, every octet changed, something after the end.
use std::fmt::Debug;

use crate::types::Malformed;

pub(super) fn attack<T: Debug>(message: &[u8], decode: impl Fn(&[u8]) -> Result<T, Malformed>) {
    decode(message).expect("the message itself is good");
    for length in 0..message.len() {
        decode(&message[..length]).expect_err("a cut message");
    }
    decode(&[message, &[0]].concat()).expect_err("one octet too many");
    decode(&[message, &[0x80, 0]].concat()).expect_err("one TLV too many");
    for place in 0..message.len() {
        for flip in [0x01, 0x20, 0x80, 0xFF] {
            let mut changed = message.to_vec();
            changed[place] ^= flip;
            let _ = decode(&changed);
        }
    }
}
