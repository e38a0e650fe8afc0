//! The Bound Profile Package (SGP.22 section 2.5): one Profile made readable by one eUICC.
pub mod bind;
pub mod keys;
pub mod protect;

#[cfg(test)]
mod vectors;
