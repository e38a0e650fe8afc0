//! Whole calls through the real router, with a real database, a fixed clock and repeatable randomness.
mod codes_es2plus;
mod codes_es9plus;
mod house;
mod road;
mod scene;
