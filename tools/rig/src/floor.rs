//! The floor: the P-256 operations that no server can leave out of a download, done by `ring` on one thread.
use std::fs;
use std::hint::black_box;
use std::time::Duration;

use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey as Verifier,
};
use tokio::time::Instant;

/// serverSigned1, smdpSigned2 and the command of the secure channel.
pub const SIGNS: u32 = 3;
/// EUM and eUICC certificates, euiccSigned1, euiccSigned2, ProfileInstallationResult.
pub const VERIFIES: u32 = 5;

const ROUNDS: u32 = 5;
/// Linux counts the time of a running thread in ticks: a round is long against one.
const DOWNLOADS_PER_ROUND: u32 = 300;
/// About as long as what is signed.
const MESSAGE: [u8; 256] = [0x5A; 256];

/// Processor time of one download's curve operations: the best of five rounds.
pub fn per_download() -> Result<Duration, Unspecified> {
    let work = Work::new()?;
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Stopwatch::start();
        for _ in 0..DOWNLOADS_PER_ROUND {
            work.one_download()?;
        }
        best = best.min(start.elapsed() / DOWNLOADS_PER_ROUND);
    }
    Ok(best)
}

struct Work {
    random: SystemRandom,
    key: EcdsaKeyPair,
    signature: Vec<u8>,
    peer: Vec<u8>,
}

impl Work {
    fn new() -> Result<Self, Unspecified> {
        #[expect(clippy::disallowed_methods, reason = "a measurement; nothing here is kept")]
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
            .map_err(|_| Unspecified)?;
        let signature = key.sign(&random, &MESSAGE)?.as_ref().to_vec();
        let peer =
            EphemeralPrivateKey::generate(&ECDH_P256, &random)?.compute_public_key()?.as_ref().to_vec();
        Ok(Self { random, key, signature, peer })
    }

    fn one_download(&self) -> Result<(), Unspecified> {
        for _ in 0..SIGNS {
            black_box(self.key.sign(&self.random, black_box(&MESSAGE))?);
        }
        for _ in 0..VERIFIES {
            let public = Verifier::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
            public.verify(black_box(&MESSAGE), &self.signature)?;
        }
        let one_time = EphemeralPrivateKey::generate(&ECDH_P256, &self.random)?;
        black_box(one_time.compute_public_key()?);
        agree_ephemeral(one_time, &UnparsedPublicKey::new(&ECDH_P256, &self.peer), |secret| {
            black_box(secret.first().copied());
        })
    }
}

/// Processor time of this thread where Linux tells it, else time on the wall.
struct Stopwatch {
    cpu_ns: Option<u64>,
    wall: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self { cpu_ns: thread_cpu_ns(), wall: Instant::now() }
    }

    fn elapsed(&self) -> Duration {
        match (self.cpu_ns, thread_cpu_ns()) {
            (Some(start), Some(end)) if end > start => Duration::from_nanos(end - start),
            _ => self.wall.elapsed(),
        }
    }
}

fn thread_cpu_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_floor_is_a_fraction_of_a_millisecond_but_not_nothing() {
        let floor = super::per_download().unwrap();
        assert!(floor.as_micros() > 50 && floor.as_millis() < 50, "{floor:?}");
    }
}
