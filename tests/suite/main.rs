//! Whole calls through the real router, with a real database, a fixed clock and repeatable randomness.
mod house;
mod road;
mod stories;
