//! `smdpp`: an SM-DP+ server (GSMA SGP.22). The house plan; `ARCHITECTURE.md` walks through it.
//!
//! ```text
//! doors    es9plus  es2plus            HTTP and JSON in, HTTP and JSON out   (beside them: server, keeper, courier, cli)
//! calls    call                        run one function · commit once · then answer
//! vaults   hsm  store                  sign · seal · read · commit
//! rules    rsp  bpp  es8plus  profile  pki  asn1  change  errand  session  event  audit  pure: no clock, no I/O
//! words    types  time  random  fault
//! ```
pub mod asn1;
pub mod audit;
pub mod bpp;
pub mod call;
pub mod change;
pub mod cli;
pub mod config;
pub mod courier;
pub mod errand;
pub mod es12;
pub mod es2plus;
pub mod es8plus;
pub mod es9plus;
pub mod event;
pub mod fault;
pub mod hsm;
pub mod https;
pub mod keeper;
pub mod mint;
pub mod pki;
pub mod profile;
pub mod random;
pub mod revocation;
pub mod rsp;
pub mod serve;
pub mod server;
pub mod session;
pub mod store;
pub mod time;
pub mod types;
pub mod wire;
pub mod world;
