//! Randomness enters the house here.
use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};

pub trait Random: Send + Sync {
    fn fill(&self, out: &mut [u8]) -> Result<(), crate::fault::Fault>;
}

/// The operating system's generator.
#[derive(Debug, Clone)]
pub struct OsRandom(SystemRandom);

impl OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the place where randomness enters")]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for OsRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), crate::fault::Fault> {
        self.0.fill(out).map_err(|_| crate::fault::Fault::new("random: the operating system gave none"))
    }
}

/// A repeatable stream for tests. Gives no security.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), crate::fault::Fault> {
        for byte in out {
            // SplitMix64: a full-period counter, mixed.
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let [low, ..] = z.to_le_bytes();
            *byte = low;
        }
        Ok(())
    }
}

/// `N` fresh octets.
pub fn octets<const N: usize>(random: &dyn Random) -> Result<[u8; N], crate::fault::Fault> {
    let mut out = [0; N];
    random.fill(&mut out)?;
    Ok(out)
}
