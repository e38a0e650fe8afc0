//! A test eUICC and LPA.
