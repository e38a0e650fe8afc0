//! Runs a real server in a temporary folder and drives it: the demo, the load driver, the helpers of the tests.
//!
//! | module | what |
//! |---|---|
//! | `server`, `figures` | `smdpp` as a child process; what it costs |
//! | `pki` | the folder of certificates: test eUICCs, operators |
//! | `es2plus` | the operator's side: orders over mutual TLS |
//! | `operator_endpoint` | where an operator is told of its Profiles; down, slow or in error on demand |
//! | `upp`, `numbers` | test Profiles, and the ICCIDs and IMSIs in them |
//! | `download` | one verified download, each function timed |
//! | `floor` | what the cryptography of a download costs at least |
//! | `smds_beside` | an SM-DS beside a server, in this process |
//! | `show` | what a person sees |
#![expect(clippy::arithmetic_side_effects, reason = "a tool of ours that counts small numbers of its own")]

pub mod download;
mod error;
pub mod es2plus;
pub mod figures;
pub mod floor;
pub mod numbers;
pub mod operator_endpoint;
pub mod pki;
pub mod server;
pub mod show;
pub mod smds_beside;
pub mod upp;

pub use error::RigError;
pub use es2plus::{Confirm, Es2Answer, Es2Plus};
pub use pki::Pki;
pub use server::{Certificates, Server, smdpp};
