//! The messages of SGP.22 as octets and as values.
pub mod tlv;
