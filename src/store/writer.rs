//! The writer: one thread that puts many waiting changes into one durable transaction (group commit).
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::commit::CommitError;
use super::engine::{Connection, StatementError, Value};
use super::rows::Rows;
use crate::audit::{Entry, Head};
use crate::fault::Fault;
use crate::time::Timestamp;

/// Changes that may wait; more callers wait to hand theirs in.
const QUEUE: usize = 1024;
/// Changes in one transaction; keeps the wait of the first one short.
const GROUP: usize = 256;

/// One statement. Unless it is a sweep it must touch exactly one row, or the change conflicts.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
    pub(super) one_row: bool,
}

/// What is appended to the trail with a change.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) iccid: String,
    pub(super) body: String,
}

/// A change as SQL: all of it is written, or none.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) at: Timestamp,
    pub(super) writes: Vec<Write>,
    pub(super) lines: Vec<Line>,
}

type Outcome = Result<(), CommitError>;

struct Job {
    batch: Batch,
    reply: oneshot::Sender<Outcome>,
}

/// The way to the writer thread.
pub(super) struct Writer {
    /// `None` only while this is dropped.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What waits is still written, and the journal is folded into the database file.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(Err(_)) = self.thread.take().map(thread::JoinHandle::join) {
            tracing::error!("store: the writer had died");
        }
    }
}

impl Writer {
    pub(super) fn start(connection: Connection, rows: Rows) -> Result<Self, Fault> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, &rows, jobs))
            .map_err(Fault::caused("store: start the writer"))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Returns when the writer thread is gone; then nothing can be written any more.
    pub(super) async fn stopped(&self) {
        if let Some(queue) = &self.queue {
            queue.closed().await;
        }
    }

    /// Returns when the batch is on disk, or when it is certain that it is not.
    pub(super) async fn write(&self, batch: Batch) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let gone = |_| CommitError::Fault(Fault::new("store: the writer has stopped"));
        let queue = self.queue.as_ref().ok_or_else(|| gone(()))?;
        queue.send(Job { batch, reply }).await.map_err(|_| gone(()))?;
        outcome.await.map_err(|_| gone(()))?
    }

    /// Runs one statement that may touch any number of rows.
    pub(super) async fn sweep(&self, sql: &'static str, values: Vec<Value>) -> Result<(), Fault> {
        let write = Write { sql, values, one_row: false };
        let batch = Batch { at: Timestamp::from_unix_ms(0), writes: vec![write], lines: Vec::new() };
        self.write(batch).await.map_err(Fault::caused("store: sweep"))
    }
}

fn run(connection: &Connection, rows: &Rows, mut jobs: mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = jobs.blocking_recv() {
        group.push(first);
        while group.len() < GROUP {
            let Ok(job) = jobs.try_recv() else { break };
            group.push(job);
        }
        commit_group(connection, rows, &mut group);
    }
}

/// One transaction for all. A change that conflicts is rolled back alone; if the commit itself fails, nobody
/// is told success.
fn commit_group(connection: &Connection, rows: &Rows, group: &mut Vec<Job>) {
    let mut replies = Vec::with_capacity(group.len());
    let written = in_transaction(connection, |head| {
        let before = *head;
        for Job { batch, reply } in group.drain(..) {
            let outcome = apply_alone(connection, head, &batch);
            replies.push((reply, outcome));
        }
        if !connection.in_transaction() {
            return Err(Fault::new("store: the transaction was rolled back"));
        }
        if *head == before { Ok(()) } else { seal_head(connection, rows, head) }
    });
    // Nobody may be left without an answer, also when BEGIN failed and the group was never looked at.
    replies.extend(group.drain(..).map(|job| (job.reply, Ok(()))));
    let failure = written.err().map(|fault| fault.story());
    if let Some(story) = &failure {
        tracing::error!(story, changes = replies.len(), "store: a group of changes was not committed");
    }
    for (reply, outcome) in replies {
        let outcome = match &failure {
            Some(_) => Err(CommitError::Fault(Fault::new("store: commit"))),
            None => outcome,
        };
        // A caller that has gone away no longer needs to know.
        let _gone = reply.send(outcome);
    }
}

/// Keeps the head of the trail where only the sealing key can write it, so that a trail cut at its end shows.
fn seal_head(connection: &Connection, rows: &Rows, head: &Head) -> Result<(), Fault> {
    let sealed = rows.seal_head(head)?;
    let sql = "INSERT INTO house (name, value) VALUES ('trail_head', ?1)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(sql, &[Value::Blob(sealed)]).map_err(Fault::caused("store: seal the trail's head"))?;
    Ok(())
}

fn in_transaction(
    connection: &Connection,
    work: impl FnOnce(&mut Head) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // IMMEDIATE: the write lock is ours from the first statement, also against other processes.
    connection.batch("BEGIN IMMEDIATE")?;
    let done =
        newest(connection).and_then(|mut head| work(&mut head)).and_then(|()| connection.batch("COMMIT"));
    if done.is_err() && connection.in_transaction() {
        connection.batch("ROLLBACK")?;
    }
    done
}

/// The last entry of the trail; read inside the transaction, since another process may have written.
fn newest(connection: &Connection) -> Result<Head, Fault> {
    let mut rows = connection.query("SELECT seq, hash FROM trail ORDER BY seq DESC LIMIT 1", &[])?;
    let Some(row) = rows.first_mut() else { return Ok(Head::GENESIS) };
    let hash = row.blob(1)?.try_into().map_err(|_| super::engine::corrupt())?;
    Ok(Head { seq: row.int(0)?, hash })
}

/// A savepoint of its own: a conflict in one change never fails its neighbours.
fn apply_alone(connection: &Connection, head: &mut Head, batch: &Batch) -> Outcome {
    // A full disk makes SQLite roll everything back by itself; a savepoint would then open a transaction of its own.
    if !connection.in_transaction() {
        return Err(Fault::new("store: the transaction was rolled back").into());
    }
    connection.batch("SAVEPOINT change")?;
    let applied = apply(connection, *head, batch);
    match &applied {
        Ok(after) => {
            connection.batch("RELEASE change")?;
            *head = *after;
        }
        Err(_) => connection.batch("ROLLBACK TO change; RELEASE change")?,
    }
    applied.map(drop)
}

fn apply(connection: &Connection, mut head: Head, batch: &Batch) -> Result<Head, CommitError> {
    for write in &batch.writes {
        let touched = connection.execute(write.sql, &write.values)?;
        if write.one_row && touched != 1 {
            return Err(CommitError::Conflict);
        }
    }
    for line in &batch.lines {
        let entry = Entry::after(&head, batch.at, line.iccid.clone(), line.body.clone());
        head = entry.head();
        let values = [
            Value::Int(entry.seq),
            Value::Int(entry.at.unix_ms()),
            Value::Text(entry.iccid),
            Value::Text(entry.body),
            Value::Blob(entry.hash.to_vec()),
        ];
        connection
            .execute("INSERT INTO trail (seq, at, iccid, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)", &values)?;
    }
    Ok(head)
}

impl From<StatementError> for CommitError {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Exists => Self::Conflict,
            StatementError::Fault(fault) => Self::Fault(fault),
        }
    }
}
