//! Runs a real server.
pub mod upp;
