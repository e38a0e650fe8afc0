//! The lifecycle trail: a hash chain over events (`specs/trail.md`). Pure; the store only writes what this computes.
mod replay;

pub use replay::{Replay, Unsound};

use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::time::Timestamp;

/// Separates this hash from every other use of SHA-256.
const DOMAIN: &[u8] = b"smdpp trail 1\n";

/// The newest link: all that is needed to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl Head {
    /// Before the first entry.
    pub const GENESIS: Self = Self { seq: 0, hash: [0; 32] };
}

/// One row of the trail, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub seq: i64,
    pub at: Timestamp,
    pub iccid: String,
    /// The event as JSON, exactly as it was hashed.
    pub body: String,
    pub hash: [u8; 32],
}

impl Entry {
    /// The next entry after `head`. `body` is [`encode`]d.
    pub fn after(head: &Head, at: Timestamp, iccid: String, body: String) -> Self {
        let seq = head.seq.saturating_add(1);
        let hash = link(&head.hash, seq, at, &body);
        Self { seq, at, iccid, body, hash }
    }

    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    pub fn event(&self) -> Result<Event, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

/// The bytes of an event that are hashed and kept: compact JSON, members in the order of `Event`.
pub fn encode(event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(event)
}

fn link(previous: &[u8; 32], seq: i64, at: Timestamp, body: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(previous);
    hash.update(seq.to_be_bytes());
    hash.update(at.unix_ms().to_be_bytes());
    hash.update(body.as_bytes());
    hash.finalize().into()
}
