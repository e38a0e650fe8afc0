//! Whole calls through the real router, with a real database, a fixed clock and repeatable randomness.
mod codes_es2plus;
mod codes_es9plus;
mod every_code;
mod house;
mod lifecycle;
mod road;
mod scene;
