//! Notifications: which were taken in, each once; and those that cannot be believed, kept within bounds (3.5).
use super::engine::{Row, Value};
use super::reader::Reader;
use super::rows::Rows;
use super::writer::Write;
use crate::change::InvalidNotification;
use crate::fault::Fault;
use crate::hsm::Place;
use crate::time::{MINUTE_MS, Timestamp};
use crate::types::Eid;

/// Sequence numbers remembered of one eUICC; what is below them counts as seen.
const SEEN_MAX: i64 = 256;
/// What is older is forgotten at every so many numbers.
const PRUNED_EVERY: i64 = 32;
/// Notifications kept that cannot be believed: in all, of one subject, and taken in within a minute.
const INVALID_MAX: i64 = 10_000;
const INVALID_OF_SUBJECT_MAX: i64 = 8;
const INVALID_A_MINUTE_MAX: i64 = 120;

/// A notification that was acknowledged and not believed, as it lies in the store.
#[derive(Debug, Clone)]
pub struct KeptNotification {
    pub id: i64,
    pub received_at: Timestamp,
    pub subject: String,
    pub why: String,
    pub sha256: String,
    pub received: Vec<u8>,
}

impl Reader<'_> {
    /// True when this notification was taken in before, or is older than all that is remembered of the eUICC.
    pub async fn notification_seen(&self, eid: &Eid, sequence: u64) -> Result<bool, Fault> {
        let sequence = i64::try_from(sequence).map_err(Fault::caused("store: sequence number"))?;
        let sql = "SELECT 1 FROM notification_seen WHERE eid_index = ?1 AND sequence = ?2
                   UNION ALL
                   SELECT 1 WHERE ?2 < (SELECT max(sequence) FROM notification_seen WHERE eid_index = ?1)
                              AND ?2 < (SELECT sequence FROM notification_seen WHERE eid_index = ?1
                                        ORDER BY sequence DESC LIMIT 1 OFFSET ?3)";
        let oldest = Value::Int(SEEN_MAX.saturating_sub(1));
        let values = [Value::Blob(self.rows.eid_index(eid)), Value::Int(sequence), oldest];
        Ok(!self.readers.query(sql, &values)?.is_empty())
    }

    /// True when these very octets are kept already: to send them again costs us one look.
    pub async fn invalid_notification_kept(&self, sha256: &str) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM invalid_notification WHERE sha256 = ?1";
        Ok(!self.readers.query(sql, &[Value::text(sha256)])?.is_empty())
    }

    /// The newest first; of one subject, or of all.
    pub async fn invalid_notifications(
        &self,
        subject: Option<&str>,
        limit: i64,
    ) -> Result<Vec<KeptNotification>, Fault> {
        let sql = "SELECT id, received_at, subject, why, sha256, body FROM invalid_notification
                   WHERE ?1 IS NULL OR subject = ?1 ORDER BY id DESC LIMIT ?2";
        let mut found =
            self.readers.query(sql, &[Value::optional(subject, Value::text), Value::Int(limit)])?;
        found.iter_mut().map(|row| kept(self.rows, row)).collect()
    }
}

fn kept(rows: &Rows, row: &mut Row) -> Result<KeptNotification, Fault> {
    let (id, received_at, subject, why) = (row.int(0)?, row.int(1)?, row.text(2)?, row.text(3)?);
    let sha256 = row.text(4)?;
    let received = rows.sealer().open(place(&sha256), &row.blob(5)?)?;
    let received_at = Timestamp::from_unix_ms(received_at);
    Ok(KeptNotification { id, received_at, subject, why, sha256, received })
}

fn place(sha256: &str) -> Place<'_> {
    Place { table: "invalid_notification", row: sha256, column: "body" }
}

/// One that is there already is a conflict: the call runs again, and sees it.
pub(super) fn seen_writes(
    rows: &Rows,
    at: Timestamp,
    eid: &Eid,
    sequence: u64,
) -> Result<impl Iterator<Item = Write>, Fault> {
    let sequence = i64::try_from(sequence).map_err(Fault::caused("store: sequence number"))?;
    let eid = Value::Blob(rows.eid_index(eid));
    let insert = Write {
        sql: "INSERT INTO notification_seen (eid_index, sequence, received_at) VALUES (?1, ?2, ?3)",
        values: vec![eid.clone(), Value::Int(sequence), Value::Int(at.unix_ms())],
        one_row: true,
    };
    let prune = Write {
        sql: "DELETE FROM notification_seen WHERE eid_index = ?1
              AND sequence < (SELECT sequence FROM notification_seen WHERE eid_index = ?1
                              ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
        values: vec![eid, Value::Int(SEEN_MAX.saturating_sub(1))],
        one_row: false,
    };
    // Counting costs, and a few more than are remembered do no harm.
    let prune = Some(prune).filter(|_| sequence.checked_rem(PRUNED_EVERY) == Some(0));
    Ok([insert].into_iter().chain(prune))
}

/// Within the bounds, or not at all.
pub(super) fn invalid_writes(
    rows: &Rows,
    at: Timestamp,
    invalid: &InvalidNotification,
) -> Result<[Write; 3], Fault> {
    let sha256 = invalid.sha256();
    let body = rows.sealer().seal(place(&sha256), &invalid.received)?;
    let insert = Write {
        sql: "INSERT INTO invalid_notification (sha256, received_at, subject, why, body)
              SELECT ?1, ?2, ?3, ?4, ?5
              WHERE (SELECT count(*) FROM invalid_notification WHERE received_at > ?6) < ?7
              ON CONFLICT (sha256) DO NOTHING",
        values: vec![
            Value::text(sha256),
            Value::Int(at.unix_ms()),
            Value::text(&invalid.subject),
            Value::text(invalid.why),
            Value::Blob(body),
            Value::Int(at.plus_ms(MINUTE_MS.saturating_neg()).unix_ms()),
            Value::Int(INVALID_A_MINUTE_MAX),
        ],
        one_row: false,
    };
    let of_subject = Write {
        sql: "DELETE FROM invalid_notification WHERE subject = ?1
              AND id NOT IN (SELECT id FROM invalid_notification WHERE subject = ?1 ORDER BY id DESC LIMIT ?2)",
        values: vec![Value::text(&invalid.subject), Value::Int(INVALID_OF_SUBJECT_MAX)],
        one_row: false,
    };
    let in_all = Write {
        sql: "DELETE FROM invalid_notification WHERE id <= (SELECT max(id) FROM invalid_notification) - ?1",
        values: vec![Value::Int(INVALID_MAX)],
        one_row: false,
    };
    Ok([insert, of_subject, in_all])
}
