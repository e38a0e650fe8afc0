//! What an operator ordered, and what it is made of.
pub mod elements;
pub mod package;
