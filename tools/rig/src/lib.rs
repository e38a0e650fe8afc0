//! Runs a real server.
