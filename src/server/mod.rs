//! The floor under the doors: TLS listeners with a limit on everything (SGP.22 2.6.6, 6.1).
mod brainpool;
mod connection;
mod limits;
mod listeners;
#[cfg(test)]
mod testing;
mod tls;

pub use brainpool::{BrainpoolIdentity, brainpool_config};
pub use connection::{ClientCertificate, Peer};
pub use limits::{Limits, gathered};
pub use listeners::{Figures, Listener};
pub use tls::{Identity, TlsConfig, es2plus_config, es9plus_config, install_provider};
