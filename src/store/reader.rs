//! The read-only view of the store that a call is given. Each read is a point look-up on an index.
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::engine::{Connection, Row, Value};
use super::rows::{PROFILE, Rows};
use crate::change::{Package, PackageFacts, Versioned};
use crate::fault::Fault;
use crate::profile::Profile;
use crate::profile::package::Version;
use crate::session::Session;
use crate::types::Eid;
use crate::types::Iccid;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::ProfileType;
use crate::types::Secret;
use crate::types::State;
use crate::types::TransactionId;

/// Connections kept open for reading.
const KEPT: usize = 16;
/// Orders of one eUICC that are looked at; real devices have a handful.
const ORDERS_MAX: i64 = 64;
/// Candidates from which DownloadOrder takes one, so that many at once do not all want the same.
const CANDIDATES_MAX: i64 = 64;

/// Idle read connections.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs on the caller's thread: a look-up in the page cache takes microseconds, less than handing it over.
    pub(super) fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| Connection::reader(&self.path), Ok)?;
        let rows = connection.query(sql, values)?;
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(rows)
    }
}

/// Reads what is committed. The functions are `async` because an engine over a network waits.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub(super) readers: &'a Readers,
    pub(super) rows: &'a Rows,
}

impl<'a> Reader<'a> {
    pub(super) fn new(readers: &'a Readers, rows: &'a Rows) -> Self {
        Self { readers, rows }
    }

    pub async fn session(&self, id: &TransactionId) -> Result<Option<Versioned<Session>>, Fault> {
        let sql = "SELECT body, version FROM session WHERE transaction_id = ?1";
        let mut found = self.readers.query(sql, &[Value::text(id.to_string())])?;
        found.first_mut().map(|row| self.rows.session(id, row)).transpose()
    }

    /// How many sessions wait for their AuthenticateClient, as far as `enough`.
    pub async fn initiated_sessions(&self, enough: u32) -> Result<u32, Fault> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM session WHERE stage = 'initiated' LIMIT ?1)";
        let mut found = self.readers.query(sql, &[Value::Int(i64::from(enough))])?;
        let count = found.first_mut().map_or(Ok(0), |row| row.int(0))?;
        u32::try_from(count).map_err(Fault::caused("store: row"))
    }

    pub async fn profile(&self, iccid: &Iccid) -> Result<Option<Versioned<Profile>>, Fault> {
        self.one("iccid = ?1", &[Value::text(iccid.as_str())])
    }

    /// The Profile whose order has this MatchingID; an empty one belongs to nobody.
    pub async fn profile_by_matching_id(&self, id: &MatchingId) -> Result<Option<Versioned<Profile>>, Fault> {
        if id.is_empty() {
            return Ok(None);
        }
        self.one("matching_index = ?1", &[Value::Blob(self.rows.matching_index(id))])
    }

    /// True if an SM-DS was told of this MatchingID for another order than this one of the Profile.
    pub async fn event_used_by_another(
        &self,
        id: &MatchingId,
        iccid: &Iccid,
        order: u32,
    ) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM event_used WHERE event_index = ?1 AND NOT (iccid = ?2 AND orders = ?3)";
        let values = [
            Value::Blob(self.rows.matching_index(id)),
            Value::text(iccid.as_str()),
            Value::Int(i64::from(order)),
        ];
        Ok(!self.readers.query(sql, &values)?.is_empty())
    }

    /// What is ordered for this eUICC and not over; what can be downloaded first.
    pub async fn profiles_of(&self, eid: &Eid) -> Result<Vec<Versioned<Profile>>, Fault> {
        let values = [Value::Blob(self.rows.eid_index(eid)), Value::Int(ORDERS_MAX)];
        self.many(
            "eid_index = ?1 AND state IN ('Downloaded', 'Released', 'Confirmed', 'Linked')
             ORDER BY CASE state WHEN 'Downloaded' THEN 0 WHEN 'Released' THEN 1 ELSE 2 END, updated_at DESC
             LIMIT ?2",
            &values,
        )
    }

    /// The Profile that an earlier delivery of the same DownloadOrder call reserved.
    pub async fn profile_by_repeat_key(
        &self,
        operator: &OperatorId,
        repeat_key: &str,
    ) -> Result<Option<Versioned<Profile>>, Fault> {
        self.one(
            "operator = ?1 AND repeat_key = ?2",
            &[Value::text(operator.as_str()), Value::text(repeat_key)],
        )
    }

    /// Some Profiles of a type that are in stock.
    pub async fn stock(
        &self,
        operator: &OperatorId,
        profile_type: &ProfileType,
    ) -> Result<Vec<Versioned<Profile>>, Fault> {
        let values = [
            Value::text(operator.as_str()),
            Value::text(profile_type.as_str()),
            Value::text(State::Available.as_str()),
            Value::Int(CANDIDATES_MAX),
        ];
        self.many("operator = ?1 AND profile_type = ?2 AND state = ?3 LIMIT ?4", &values)
    }

    /// Who has Profiles of this type: the operator itself, and anybody.
    pub async fn type_owners(
        &self,
        operator: &OperatorId,
        profile_type: &ProfileType,
    ) -> Result<TypeOwners, Fault> {
        let sql = "SELECT EXISTS (SELECT 1 FROM profile WHERE operator = ?1 AND profile_type = ?2),
                          EXISTS (SELECT 1 FROM profile WHERE profile_type = ?2)";
        let values = [Value::text(operator.as_str()), Value::text(profile_type.as_str())];
        let mut found = self.readers.query(sql, &values)?;
        let row = found.first_mut().ok_or_else(super::engine::corrupt)?;
        Ok(TypeOwners { operator: row.int(0)? == 1, anybody: row.int(1)? == 1 })
    }

    pub async fn package(&self, iccid: &Iccid) -> Result<Option<Package>, Fault> {
        let sql = "SELECT metadata, octets, keys, sealed, version FROM package WHERE iccid = ?1";
        let mut found = self.readers.query(sql, &[Value::text(iccid.as_str())])?;
        found.first_mut().map(|row| self.rows.package(iccid, row)).transpose()
    }

    /// What a package says of itself, without the package.
    pub async fn package_facts(&self, iccid: &Iccid) -> Result<Option<PackageFacts>, Fault> {
        let sql = "SELECT metadata, octets, version FROM package WHERE iccid = ?1";
        let mut found = self.readers.query(sql, &[Value::text(iccid.as_str())])?;
        let Some(row) = found.first_mut() else { return Ok(None) };
        let octets = u64::try_from(row.int(1)?).map_err(Fault::caused("store: row"))?;
        let version = row.text_or_null(2)?.as_deref().and_then(Version::parse);
        Ok(Some(PackageFacts { metadata: row.blob(0)?, octets, version }))
    }

    /// What was kept of the last bound package.
    pub async fn binding(&self, iccid: &Iccid) -> Result<Option<Secret<Vec<u8>>>, Fault> {
        let sql = "SELECT body FROM binding WHERE iccid = ?1";
        let mut found = self.readers.query(sql, &[Value::text(iccid.as_str())])?;
        found.first_mut().map(|row| self.rows.binding(iccid, row)).transpose()
    }

    fn one(&self, condition: &str, values: &[Value]) -> Result<Option<Versioned<Profile>>, Fault> {
        Ok(self.many(condition, values)?.into_iter().next())
    }

    pub(super) fn many(&self, condition: &str, values: &[Value]) -> Result<Vec<Versioned<Profile>>, Fault> {
        let sql = format!("SELECT {PROFILE} FROM profile WHERE {condition}");
        let mut found = self.readers.query(&sql, values)?;
        found.iter_mut().map(|row| self.rows.profile(row)).collect()
    }
}

/// Whose a Profile Type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeOwners {
    pub operator: bool,
    pub anybody: bool,
}
