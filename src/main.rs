//! The smdpp command.
fn main() {}
