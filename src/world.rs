//! Opens the house: what exists once, made from the configuration, or the list of all that is wrong.
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::config::Database;
use crate::config::read_private;
use crate::fault::Fault;
use crate::hsm::Sealer;
use crate::store::Store;
use crate::types::Secret;
use crate::types::hex;

/// Everything that exists once.
pub struct World;

/// All that is wrong: one sentence each, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals(pub Vec<String>);

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => f.write_str(only),
            several => {
                write!(f, "{} things must be put right first:", several.len())?;
                several.iter().try_for_each(|one| write!(f, "\n  - {one}"))
            }
        }
    }
}

impl std::error::Error for Refusals {}

impl World {
    /// Opens the database alone: for commands that need no keys but the sealing key.
    pub fn open_store(config: &Config) -> Result<Store, Refusals> {
        let refused = |why: String| Refusals(vec![why]);
        let sealer = sealer(&config.vault.seal_key).map_err(refused)?;
        let Database::Sqlite(path) = &config.database;
        Store::open(path, Arc::new(sealer))
            .map_err(|fault| refused(format!("{}: {}", path.display(), fault.story())))
    }
}

fn sealer(path: &Path) -> Result<Sealer, String> {
    let text = read_private(path).map_err(|error| format!("sealing key: {error}"))?;
    let digits = std::str::from_utf8(text.expose()).unwrap_or_default().trim();
    let octets = hex::decode(digits).map(Secret::new);
    let octets = octets.and_then(|octets| <[u8; 32]>::try_from(octets.expose().as_slice()).ok());
    let octets = octets.map(Secret::new).ok_or_else(|| {
        format!(
            "{} does not hold 32 octets in hexadecimal (64 digits): restore the sealing key of this database",
            path.display()
        )
    })?;
    Sealer::new(&octets).map_err(|fault: Fault| fault.story())
}
