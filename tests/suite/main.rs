//! Whole calls through the real router, with a real database, a fixed clock and repeatable randomness.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of a test stop it where it cannot go on, as the tests themselves do"
)]
mod asn1;
mod at_once;
mod codes_es2plus;
mod codes_es9plus;
mod curves;
mod doubted;
mod eligibility;
mod every_code;
mod house;
mod lifecycle;
mod papers;
mod policy;
mod races;
mod road;
mod scene;
mod secrets;
mod seeds;
mod smds;
mod stories;
mod told;
mod walk;
