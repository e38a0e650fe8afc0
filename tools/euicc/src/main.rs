//! The lpa command.
fn main() {}
