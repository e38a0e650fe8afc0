//! smdpp.
