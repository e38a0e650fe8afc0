//! Longer reads for people and auditors: lists of Profiles, and the trail page by page.
use super::engine::{Value, corrupt};
use super::reader::Reader;
use crate::audit::{Entry, Head};
use crate::change::Versioned;
use crate::fault::Fault;
use crate::profile::Profile;
use crate::time::Timestamp;
use crate::types::Iccid;
use crate::types::State;

/// Rows read at a time.
const PAGE: i64 = 1000;

/// Which Profiles a list shows. Nothing set means all.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    pub state: Option<State>,
    pub operator: Option<String>,
    pub profile_type: Option<String>,
    /// Continue after this ICCID.
    pub after: String,
    pub limit: i64,
}

impl Reader<'_> {
    /// Profiles in the order of their ICCIDs.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Versioned<Profile>>, Fault> {
        let text = |value: &Option<String>| Value::optional(value.clone(), Value::Text);
        let values = [
            Value::text(&*filter.after),
            Value::optional(filter.state, |state| Value::text(state.as_str())),
            text(&filter.operator),
            text(&filter.profile_type),
            Value::Int(filter.limit),
        ];
        let condition = "iccid > ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR operator = ?3)
                         AND (?4 IS NULL OR profile_type = ?4) ORDER BY iccid LIMIT ?5";
        self.many(condition, &values)
    }

    /// The next page of the trail after entry `after`.
    pub async fn trail(&self, after: i64) -> Result<Vec<Entry>, Fault> {
        let sql = "SELECT seq, at, iccid, body, hash FROM trail WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.entries(sql, &[Value::Int(after), Value::Int(PAGE)])
    }

    /// The head of the trail as the writer sealed it; `None` before the first entry.
    pub async fn sealed_head(&self) -> Result<Option<Head>, Fault> {
        let mut found = self.readers.query("SELECT value FROM house WHERE name = 'trail_head'", &[])?;
        found.first_mut().map(|row| self.rows.head(row)).transpose()
    }

    /// One Profile's life, oldest first.
    pub async fn trail_of(&self, iccid: &Iccid) -> Result<Vec<Entry>, Fault> {
        let sql = "SELECT seq, at, iccid, body, hash FROM trail WHERE iccid = ?1 ORDER BY seq";
        self.entries(sql, &[Value::text(iccid.as_str())])
    }

    /// The newest entries, oldest of them first.
    pub async fn trail_end(&self, count: i64) -> Result<Vec<Entry>, Fault> {
        let sql = "SELECT seq, at, iccid, body, hash FROM trail ORDER BY seq DESC LIMIT ?1";
        let mut entries = self.entries(sql, &[Value::Int(count)])?;
        entries.reverse();
        Ok(entries)
    }

    /// Each Profile's ICCID and state, page by page; to compare with the trail.
    pub async fn states(&self, after: &str) -> Result<Vec<(String, State)>, Fault> {
        let sql = "SELECT iccid, state FROM profile WHERE iccid > ?1 ORDER BY iccid LIMIT ?2";
        let mut found = self.readers.query(sql, &[Value::text(after), Value::Int(PAGE)])?;
        let state = |row: &mut super::engine::Row| {
            Ok((row.text(0)?, State::parse(&row.text(1)?).ok_or_else(corrupt)?))
        };
        found.iter_mut().map(state).collect()
    }

    fn entries(&self, sql: &str, values: &[Value]) -> Result<Vec<Entry>, Fault> {
        let mut found = self.readers.query(sql, values)?;
        let entry = |row: &mut super::engine::Row| {
            Ok(Entry {
                seq: row.int(0)?,
                at: Timestamp::from_unix_ms(row.int(1)?),
                iccid: row.text(2)?,
                body: row.text(3)?,
                hash: row.blob(4)?.try_into().map_err(|_| corrupt())?,
            })
        };
        found.iter_mut().map(entry).collect()
    }
}
