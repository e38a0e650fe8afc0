//! The outbox: what waits to be told, in the order in which it happened, one lane for each receiver.
use super::Store;
use super::engine::{Row, Value, corrupt};
use super::reader::Reader;
use super::rows::{Rows, decode, encode, malformed};
use super::writer::Write;
use crate::errand::{Errand, Posted};
use crate::fault::Fault;
use crate::hsm::Place;
use crate::time::Timestamp;
use crate::types::FunctionCallId;
use crate::types::Iccid;

/// Receivers looked at in one go; more than anybody has.
const LANES_MAX: i64 = 1024;

/// The errand at the head of a lane.
#[derive(Debug, Clone)]
pub struct Head {
    pub posted: Posted,
    pub receiver: String,
    pub due_at: Timestamp,
    pub tries: u32,
    /// When this series of tries began.
    pub since: Timestamp,
}

/// An errand as people see it: without what it says of the eUICC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub call: String,
    pub receiver: String,
    pub iccid: String,
    pub title: String,
    pub queued_at: Timestamp,
    pub due_at: Timestamp,
    pub tries: u32,
    pub last_error: Option<String>,
    pub given_up: bool,
}

/// How a try went wrong, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    pub why: String,
    pub due_at: Timestamp,
    /// Those behind it need not wait for it.
    pub aside: bool,
    pub given_up: bool,
}

fn place(call: &FunctionCallId) -> Place<'_> {
    Place { table: "outbox", row: call.as_str(), column: "body" }
}

/// For the transaction of the change that the errand is about.
pub(super) fn write(rows: &Rows, at: Timestamp, posted: &Posted) -> Result<Write, Fault> {
    let Posted { call, errand } = posted;
    let values = vec![
        Value::text(call.as_str()),
        Value::text(errand.receiver().to_string()),
        Value::text(errand.iccid().as_str()),
        Value::text(errand.title()),
        Value::Blob(rows.sealer().seal(place(call), &encode(errand)?)?),
        Value::Int(at.unix_ms()),
    ];
    Ok(Write {
        sql: "INSERT INTO outbox (call, receiver, iccid, title, body, queued_at, since, due_at, tries, aside, given_up)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6, 0, 0, 0)",
        values,
        one_row: true,
    })
}

impl Store {
    /// The receiver has it: there is nothing left to keep.
    pub async fn delivered(&self, call: &FunctionCallId) -> Result<(), Fault> {
        self.writer.sweep("DELETE FROM outbox WHERE call = ?1", vec![Value::text(call.as_str())]).await
    }

    pub async fn undelivered(&self, call: &FunctionCallId, next: Undelivered) -> Result<(), Fault> {
        let Undelivered { why, due_at, aside, given_up } = next;
        let values = vec![
            Value::text(call.as_str()),
            Value::Text(why),
            Value::Int(due_at.unix_ms()),
            Value::Int(i64::from(aside)),
            Value::Int(i64::from(given_up)),
        ];
        let sql =
            "UPDATE outbox SET tries = tries + 1, last_error = ?2, due_at = ?3, aside = ?4, given_up = ?5
                   WHERE call = ?1";
        self.writer.sweep(sql, values).await
    }

    /// Tries everything again from now on, also what was given up; `receiver` alone, if one is named. Gives the
    /// number.
    pub async fn retry_errands(&self, receiver: Option<&str>, now: Timestamp) -> Result<i64, Fault> {
        let count = "SELECT count(*) FROM outbox WHERE ?1 IS NULL OR receiver = ?1";
        let mut found = self.readers.query(count, &[Value::optional(receiver, Value::text)])?;
        let again = found.first_mut().map_or(Ok(0), |row| row.int(0))?;
        let values = vec![Value::optional(receiver, Value::text), Value::Int(now.unix_ms())];
        let sql = "UPDATE outbox SET tries = 0, since = ?2, due_at = ?2, aside = 0, given_up = 0
                   WHERE ?1 IS NULL OR receiver = ?1";
        self.writer.sweep(sql, values).await?;
        Ok(again)
    }
}

impl Reader<'_> {
    /// The head of each lane, due or not: an errand that waits for its next try holds up those behind it, unless it
    /// was put aside.
    ///
    /// Several servers on one database would each find the same heads: here is where they would take a lease.
    pub async fn errand_heads(&self, now: Timestamp) -> Result<Vec<Head>, Fault> {
        // Steps from receiver to receiver on the index, however many errands wait for one of them.
        let sql = "WITH RECURSIVE lane (receiver) AS (
                       SELECT min(receiver) FROM outbox WHERE given_up = 0
                       UNION ALL
                       SELECT (SELECT min(o.receiver) FROM outbox AS o
                               WHERE o.given_up = 0 AND o.receiver > lane.receiver)
                       FROM lane WHERE lane.receiver IS NOT NULL
                   )
                   SELECT o.call, o.body, o.receiver, o.due_at, o.tries, o.since
                   FROM lane JOIN outbox AS o ON o.id = (
                       SELECT h.id FROM outbox AS h
                       WHERE h.receiver = lane.receiver AND h.given_up = 0 AND (h.aside = 0 OR h.due_at <= ?1)
                       ORDER BY h.id LIMIT 1
                   )
                   LIMIT ?2";
        let mut found = self.readers.query(sql, &[Value::Int(now.unix_ms()), Value::Int(LANES_MAX)])?;
        let readable = |row: &mut Row| match head(self.rows, row) {
            Ok(head) => Some(head),
            // A damaged errand, or one of a newer program, stops its own lane and no other.
            Err(fault) => {
                tracing::error!(
                    story = fault.story(),
                    "store: an errand cannot be read: see `smdpp outbox list`"
                );
                None
            }
        };
        Ok(found.iter_mut().filter_map(readable).collect())
    }

    /// What waits or was given up, oldest first.
    pub async fn errands(&self, receiver: Option<&str>, limit: i64) -> Result<Vec<Waiting>, Fault> {
        let values = [Value::optional(receiver, Value::text), Value::Int(limit)];
        self.waiting("?1 IS NULL OR receiver = ?1 ORDER BY id LIMIT ?2", &values)
    }

    /// What waits or was given up about one Profile, oldest first.
    pub async fn errands_of(&self, iccid: &Iccid) -> Result<Vec<Waiting>, Fault> {
        self.waiting("iccid = ?1 ORDER BY id", &[Value::text(iccid.as_str())])
    }

    fn waiting(&self, condition: &str, values: &[Value]) -> Result<Vec<Waiting>, Fault> {
        let sql = format!(
            "SELECT call, receiver, iccid, title, queued_at, due_at, tries, last_error, given_up
             FROM outbox WHERE {condition}"
        );
        self.readers.query(&sql, values)?.iter_mut().map(waiting).collect()
    }
}

fn head(rows: &Rows, row: &mut Row) -> Result<Head, Fault> {
    let call = FunctionCallId::parse(&row.text(0)?).map_err(malformed)?;
    let errand: Errand = decode(&rows.sealer().open(place(&call), &row.blob(1)?)?)?;
    Ok(Head {
        posted: Posted { call, errand },
        receiver: row.text(2)?,
        due_at: time(row, 3)?,
        tries: tries(row, 4)?,
        since: time(row, 5)?,
    })
}

fn waiting(row: &mut Row) -> Result<Waiting, Fault> {
    Ok(Waiting {
        call: row.text(0)?,
        receiver: row.text(1)?,
        iccid: row.text(2)?,
        title: row.text(3)?,
        queued_at: time(row, 4)?,
        due_at: time(row, 5)?,
        tries: tries(row, 6)?,
        last_error: row.text_or_null(7)?,
        given_up: row.int(8)? == 1,
    })
}

fn time(row: &mut Row, column: usize) -> Result<Timestamp, Fault> {
    row.int(column).map(Timestamp::from_unix_ms)
}

fn tries(row: &mut Row, column: usize) -> Result<u32, Fault> {
    u32::try_from(row.int(column)?).map_err(|_| corrupt())
}
