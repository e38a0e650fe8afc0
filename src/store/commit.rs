//! The only way to write: one change, one transaction; rows and trail together or not at all.
use super::Store;
use super::engine::Value;
use super::notification::{invalid_writes, seen_writes};
use super::outbox;
use super::rows::{Rows, encode};
use super::writer::{Batch, Line, Write};
use crate::audit;
use crate::change::{BindingChange, Change, Package, Parts, Versioned};
use crate::event::Event;
use crate::fault::Fault;
use crate::hsm::Place;
use crate::profile::Profile;
use crate::session::Session;
use crate::time::Timestamp;
use crate::types::State;

#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another call changed a row that this one had read. Run the call again.
    #[error("a row changed since it was read")]
    Conflict,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Returns when the change is durable. Sealing and encoding happen here, on the caller's thread; the writer
    /// only runs SQL.
    pub async fn commit(&self, at: Timestamp, change: Change) -> Result<(), CommitError> {
        if change.is_empty() {
            return Ok(());
        }
        let Parts { session, profiles, packages, binding, notification, invalid, events, errands } =
            change.into_parts();
        let rows = &self.rows;
        let mut writes = Vec::new();
        for profile in profiles {
            writes.push(profile_write(rows, at, &profile)?);
            writes.extend(event_write(rows, &profile.value));
        }
        for package in packages {
            writes.push(package_write(rows, package)?);
        }
        if let Some(binding) = binding {
            writes.push(binding_write(rows, binding)?);
        }
        if let Some(session) = session {
            writes.push(session_write(rows, &session)?);
        }
        if let Some((eid, sequence)) = notification {
            writes.extend(seen_writes(rows, at, &eid, sequence)?);
        }
        if let Some(invalid) = invalid {
            writes.extend(invalid_writes(rows, at, &invalid)?);
        }
        for errand in &errands {
            writes.push(outbox::write(rows, at, errand)?);
        }
        let lines = events.iter().map(line).collect::<Result<_, _>>()?;
        self.writer.write(Batch { at, writes, lines }).await
    }
}

fn one_row(sql: &'static str, values: Vec<Value>) -> Write {
    Write { sql, values, one_row: true }
}

fn line(event: &Event) -> Result<Line, Fault> {
    let body = audit::encode(event).map_err(Fault::caused("store: encode an event"))?;
    Ok(Line { iccid: event.iccid.to_string(), body })
}

fn profile_write(rows: &Rows, at: Timestamp, profile: &Versioned<Profile>) -> Result<Write, Fault> {
    let Versioned { value: profile, version } = profile;
    let order = profile.order();
    // An installed Profile needs its MatchingID no more: the operator may use it again.
    let held = order.filter(|_| profile.state() != State::Installed);
    let matching_id = held.and_then(|order| order.held_matching_id()).filter(|id| !id.is_empty());
    let body = order.map(|order| {
        let place = Place { table: "profile", row: profile.iccid().as_str(), column: "order_body" };
        encode(order).and_then(|plain| rows.sealer().seal(place, &plain))
    });
    let mut values = vec![
        Value::text(profile.iccid().as_str()),
        Value::text(profile.state().as_str()),
        Value::Int(i64::from(profile.orders())),
        Value::optional(order.and_then(|order| order.repeat_key.as_deref()), Value::text),
        Value::optional(profile.cancelled_by(), |call| Value::text(call.as_str())),
        Value::optional(profile.eid(), |eid| Value::Blob(rows.eid_index(eid))),
        Value::optional(matching_id, |id| Value::Blob(rows.matching_index(id))),
        Value::optional(body.transpose()?, Value::Blob),
        Value::Int(at.unix_ms()),
        Value::Int(*version),
    ];
    if *version == Versioned::<Profile>::NEW {
        values.push(Value::text(profile.operator().as_str()));
        values.push(Value::text(profile.profile_type().as_str()));
        return Ok(one_row(
            "INSERT INTO profile (iccid, state, orders, repeat_key, cancelled_call, eid_index, matching_index,
                                  order_body, updated_at, version, operator, profile_type)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 + 1, ?11, ?12)",
            values,
        ));
    }
    Ok(one_row(
        "UPDATE profile SET state = ?2, orders = ?3, repeat_key = ?4, cancelled_call = ?5, eid_index = ?6,
                            matching_index = ?7, order_body = ?8, updated_at = ?9, version = version + 1
         WHERE iccid = ?1 AND version = ?10",
        values,
    ))
}

/// An EventID is never used again (3.6.1.1): another order that has it conflicts.
fn event_write(rows: &Rows, profile: &Profile) -> Option<Write> {
    let event = profile.order()?.event.as_ref().filter(|event| event.may_be_registered())?;
    let values = vec![
        Value::Blob(rows.matching_index(&event.event_id)),
        Value::text(profile.iccid().as_str()),
        Value::Int(i64::from(profile.orders())),
    ];
    Some(one_row(
        "INSERT INTO event_used (event_index, iccid, orders) VALUES (?1, ?2, ?3)
         ON CONFLICT (event_index) DO UPDATE SET orders = excluded.orders
         WHERE iccid = excluded.iccid AND orders = excluded.orders",
        values,
    ))
}

fn package_write(rows: &Rows, package: Package) -> Result<Write, Fault> {
    let row = package.iccid.as_str();
    let seal = |column, plain: &[u8]| rows.sealer().seal(Place { table: "package", row, column }, plain);
    let octets = i64::try_from(package.octets).map_err(Fault::caused("store: package size"))?;
    let values = vec![
        Value::text(row),
        Value::Int(octets),
        Value::Blob(seal("keys", package.keys.expose())?),
        Value::Blob(seal("sealed", &package.protected)?),
        Value::Blob(package.metadata),
        Value::optional(package.version, |version| Value::Text(version.to_string())),
    ];
    Ok(one_row(
        "INSERT INTO package (iccid, octets, keys, sealed, metadata, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values,
    ))
}

fn binding_write(rows: &Rows, binding: BindingChange) -> Result<Write, Fault> {
    match binding {
        BindingChange::Keep(iccid, body) => {
            let place = Place { table: "binding", row: iccid.as_str(), column: "body" };
            let values =
                vec![Value::text(iccid.as_str()), Value::Blob(rows.sealer().seal(place, body.expose())?)];
            Ok(one_row(
                "INSERT INTO binding (iccid, body) VALUES (?1, ?2)
                 ON CONFLICT (iccid) DO UPDATE SET body = excluded.body",
                values,
            ))
        }
        BindingChange::Forget(iccid) => {
            let values = vec![Value::text(iccid.as_str())];
            Ok(Write { sql: "DELETE FROM binding WHERE iccid = ?1", values, one_row: false })
        }
    }
}

fn session_write(rows: &Rows, session: &Versioned<Session>) -> Result<Write, Fault> {
    let Versioned { value: session, version } = session;
    let row = session.id().to_string();
    let place = Place { table: "session", row: &row, column: "body" };
    let body = rows.sealer().seal(place, &encode(session)?)?;
    let values = vec![
        Value::text(&row),
        Value::text(session.stage().name()),
        Value::Int(session.expires_at().unix_ms()),
        Value::Blob(body),
        Value::Int(*version),
    ];
    if *version == Versioned::<Session>::NEW {
        return Ok(one_row(
            "INSERT INTO session (transaction_id, stage, expires_at, body, version)
             VALUES (?1, ?2, ?3, ?4, ?5 + 1)",
            values,
        ));
    }
    Ok(one_row(
        "UPDATE session SET stage = ?2, expires_at = ?3, body = ?4, version = version + 1
         WHERE transaction_id = ?1 AND version = ?5",
        values,
    ))
}
