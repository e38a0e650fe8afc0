//! The ledger: read through [`Reader`], and exactly one way to write, [`Store::commit`].
mod commit;
mod engine;
mod listing;
mod notification;
mod outbox;
mod reader;
mod rows;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use commit::CommitError;
pub use listing::Filter;
pub use notification::KeptNotification;
pub use outbox::{Head, Undelivered, Waiting};
pub use reader::Reader;

use crate::fault::Fault;
use crate::hsm::{Place, Sealer};
use engine::{Connection, Value};
use reader::Readers;
use rows::Rows;
use writer::Writer;

/// What the canary says when it opens.
const CANARY: &[u8] = b"smdpp";

/// The database of one SM-DP+: one writer that commits for many, and readers that never wait for it.
pub struct Store {
    rows: Rows,
    readers: Readers,
    writer: Writer,
}

impl Store {
    /// Opens the database file, or makes it. Refuses a database that was sealed with another key.
    pub fn open(path: &Path, sealer: Arc<Sealer>) -> Result<Self, Fault> {
        let connection = Connection::writer(path)?;
        check_canary(&connection, &sealer)?;
        let rows = Rows::new(Arc::clone(&sealer));
        let readers = Readers::new(PathBuf::from(path));
        let writer = Writer::start(connection, Rows::new(sealer))?;
        Ok(Self { rows, readers, writer })
    }

    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.readers, &self.rows)
    }

    /// Returns when the writer is gone; then this process is of no more use.
    pub async fn stopped(&self) {
        self.writer.stopped().await;
    }

    /// Deletes sessions that ended before `now`; gives their number.
    pub async fn forget_sessions(&self, now: crate::time::Timestamp) -> Result<(), Fault> {
        self.writer.sweep("DELETE FROM session WHERE expires_at < ?1", vec![Value::Int(now.unix_ms())]).await
    }
}

/// One sealed value that every start must be able to open.
fn check_canary(connection: &Connection, sealer: &Sealer) -> Result<(), Fault> {
    let place = Place { table: "house", row: "canary", column: "value" };
    let mut found = connection.query("SELECT value FROM house WHERE name = 'canary'", &[])?;
    match found.first_mut() {
        Some(row) => match sealer.open(place, &row.blob(0)?) {
            Ok(plain) if plain == CANARY => Ok(()),
            Ok(_) | Err(_) => Err(Fault::new(
                "store: this database was sealed with another key; restore the sealing key it was made with ([vault] seal_key)",
            )),
        },
        None => {
            let sealed = sealer.seal(place, CANARY)?;
            let insert =
                "INSERT INTO house (name, value) VALUES ('canary', ?1) ON CONFLICT (name) DO NOTHING";
            connection.execute(insert, &[Value::Blob(sealed)]).map_err(Fault::caused("store: canary"))?;
            Ok(())
        }
    }
}
