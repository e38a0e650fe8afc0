//! Every refusal of the four ES2+ functions (SGP.22 5.3), provoked through the door; a file for each function.
mod callers;
mod cancel_order;
mod confirm_order;
mod download_order;
mod release_profile;
