//! What is SQLite's own: connections, values, the schema. PostgreSQL joins behind this file.
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection as Sqlite, ErrorCode, OpenFlags, ToSql};

use crate::fault::Fault;

/// How long a write waits for another process (such as `smdpp profile import`) to finish its own.
const BUSY: Duration = Duration::from_secs(15);
/// Statements kept prepared per connection; the house has fewer.
const STATEMENTS: usize = 64;

/// The schema, step by step; a step is never edited once it is released.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_house.sql"),
    include_str!("../../migrations/sqlite/0002_outbox.sql"),
    include_str!("../../migrations/sqlite/0003_policy.sql"),
    include_str!("../../migrations/sqlite/0004_events.sql"),
];

/// A value on its way into a column or out of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row of an answer, columns in the order of the SELECT.
#[derive(Debug)]
pub(super) struct Row(Vec<Value>);

/// One connection to the database.
pub(super) struct Connection(Sqlite);

/// Why a statement did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatementError {
    /// A uniqueness rule of the schema was hit: somebody else was first.
    #[error("a row of that key exists")]
    Exists,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Connection {
    /// Opens for writing, makes the file if there is none, and brings the schema up to date.
    pub(super) fn writer(path: &Path) -> Result<Self, Fault> {
        // SQLite gives its journal files the rights of the database file.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        made.map(drop).map_err(Fault::caused("store: make the database file"))?;
        let connection = Sqlite::open(path).map_err(Fault::caused("store: open the database"))?;
        // FULL: a commit is on disk before it is acknowledged, also when the power goes.
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
        let connection = Self::prepared(connection, pragmas)?;
        connection.migrate()?;
        Ok(connection)
    }

    /// Opens for reading only; readers never wait for the writer.
    pub(super) fn reader(path: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Sqlite::open_with_flags(path, flags).map_err(Fault::caused("store: open for reading"))?;
        Self::prepared(connection, "PRAGMA query_only = ON;")
    }

    fn prepared(connection: Sqlite, pragmas: &str) -> Result<Self, Fault> {
        connection.busy_timeout(BUSY).map_err(Fault::caused("store: busy timeout"))?;
        connection.execute_batch(pragmas).map_err(Fault::caused("store: pragmas"))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self(connection))
    }

    /// Each step and its number go in one transaction, so that two programs may start at once.
    fn migrate(&self) -> Result<(), Fault> {
        let fault = "store: migrate the schema";
        self.batch("BEGIN IMMEDIATE")?;
        let version: i64 =
            self.0.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(Fault::caused(fault))?;
        let done = usize::try_from(version).map_err(Fault::caused(fault))?;
        if done > MIGRATIONS.len() {
            self.batch("ROLLBACK")?;
            return Err(Fault::new("store: the schema is newer than this program; start a newer smdpp"));
        }
        for step in MIGRATIONS.iter().skip(done) {
            self.0.execute_batch(step).map_err(Fault::caused(fault))?;
        }
        self.batch(&format!("PRAGMA user_version = {}", MIGRATIONS.len()))?;
        self.batch("COMMIT")
    }

    /// Runs statements that have no arguments and give no rows.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Fault> {
        self.0.execute_batch(sql).map_err(Fault::caused("store: transaction"))
    }

    /// True while a transaction is open.
    pub(super) fn in_transaction(&self) -> bool {
        !self.0.is_autocommit()
    }

    /// Runs one writing statement; gives the number of rows it touched.
    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StatementError> {
        let mut statement = self.0.prepare_cached(sql).map_err(Fault::caused("store: prepare"))?;
        statement.execute(rusqlite::params_from_iter(values)).map_err(|error| match error.sqlite_error() {
            Some(cause)
                if cause.code == ErrorCode::ConstraintViolation
                    && matches!(
                        cause.extended_code,
                        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                    ) =>
            {
                StatementError::Exists
            }
            Some(_) | None => Fault::caused("store: write")(error).into(),
        })
    }

    /// Runs one reading statement.
    pub(super) fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let fault = "store: read";
        let mut statement = self.0.prepare_cached(sql).map_err(Fault::caused("store: prepare"))?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(Fault::caused(fault))?;
        let mut answer = Vec::new();
        while let Some(row) = rows.next().map_err(Fault::caused(fault))? {
            let value =
                |column| row.get::<_, SqlValue>(column).map_err(Fault::caused(fault)).and_then(Value::read);
            answer.push(Row((0..columns).map(value).collect::<Result<_, _>>()?));
        }
        Ok(answer)
    }
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn optional<T>(value: Option<T>, to: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, to)
    }

    fn read(value: SqlValue) -> Result<Self, Fault> {
        match value {
            SqlValue::Null => Ok(Self::Null),
            SqlValue::Integer(value) => Ok(Self::Int(value)),
            SqlValue::Text(value) => Ok(Self::Text(value)),
            SqlValue::Blob(value) => Ok(Self::Blob(value)),
            SqlValue::Real(_) => Err(Fault::new("store: a column has a type that no column has")),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// Columns are taken out once each; a column of another type than expected is corruption.
impl Row {
    pub(super) fn int(&mut self, column: usize) -> Result<i64, Fault> {
        match self.take(column) {
            Value::Int(value) => Ok(value),
            Value::Null | Value::Text(_) | Value::Blob(_) => Err(corrupt()),
        }
    }

    pub(super) fn text(&mut self, column: usize) -> Result<String, Fault> {
        self.text_or_null(column)?.ok_or_else(corrupt)
    }

    pub(super) fn text_or_null(&mut self, column: usize) -> Result<Option<String>, Fault> {
        match self.take(column) {
            Value::Text(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            Value::Int(_) | Value::Blob(_) => Err(corrupt()),
        }
    }

    pub(super) fn blob(&mut self, column: usize) -> Result<Vec<u8>, Fault> {
        self.blob_or_null(column)?.ok_or_else(corrupt)
    }

    pub(super) fn blob_or_null(&mut self, column: usize) -> Result<Option<Vec<u8>>, Fault> {
        match self.take(column) {
            Value::Blob(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            Value::Int(_) | Value::Text(_) => Err(corrupt()),
        }
    }

    fn take(&mut self, column: usize) -> Value {
        self.0.get_mut(column).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }
}

/// A row that does not parse is corruption, not a missing value.
pub(super) fn corrupt() -> Fault {
    Fault::new("store: a row does not parse; the database was changed or is damaged")
}
