//! The real program behind real TLS sockets: what only a whole process can show.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "what helps a test may panic as a test may; clippy knows only functions that are marked as tests"
)]
mod brainpool;
mod crash;
mod der;
mod envelopes;
mod house;
mod json;
mod mutants;
mod orders;
mod progress;
mod raw;
mod revocation;
mod road;
mod smds;
mod start;
mod tls;
