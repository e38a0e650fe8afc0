//! The fuzz targets: each takes any octets, and panics when a promise does not hold.
//!
//! The suite runs them over `fuzz/seeds` too (`tests/suite/seeds.rs`), so what they use is what both have.
mod doors;
mod messages;
mod pki;
mod profiles;
mod session;
mod words;

pub(crate) type Target = fn(&[u8]);

/// All targets by name; each has its folder in `fuzz/seeds`.
pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("tlv", messages::tlv),
    ("authenticate_server_response", messages::authenticate_server_response),
    ("prepare_download_response", messages::prepare_download_response),
    ("pending_notification", messages::pending_notification),
    ("cancel_session_response", messages::cancel_session_response),
    ("euicc_info1", messages::euicc_info1),
    ("asn1_envelope", messages::asn1_envelope),
    ("metadata", messages::metadata),
    ("certificate", pki::certificate),
    ("chain", pki::chain),
    ("crl", pki::crl),
    ("package", profiles::package),
    ("bound_package", profiles::bound_package),
    ("words", words::words),
    ("config", words::config),
    ("trail_event", words::trail_event),
    ("initiate_authentication", doors::initiate_authentication),
    ("authenticate_client", doors::authenticate_client),
    ("get_bound_profile_package", doors::get_bound_profile_package),
    ("handle_notification", doors::handle_notification),
    ("cancel_session", doors::cancel_session),
    ("asn1_binding", doors::asn1_binding),
    ("download_order", doors::download_order),
    ("confirm_order", doors::confirm_order),
    ("cancel_order", doors::cancel_order),
    ("release_profile", doors::release_profile),
    ("session", session::session),
];
