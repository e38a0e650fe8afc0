//! Every refusal of the five ES9+ functions (SGP.22 5.6), provoked through the door; a file for each function.
mod authenticate_client;
mod cancel_session;
mod certificates;
mod get_bound_profile_package;
mod handle_notification;
mod initiate_authentication;
mod malformed;
mod retry;
mod revocation;
