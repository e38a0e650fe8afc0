//! Row ↔ value: what is sealed, what is a blind index, and what a stored row means.
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::{Row, corrupt};
use crate::audit::Head;
use crate::change::{Package, Versioned};
use crate::fault::Fault;
use crate::hsm::{Place, Sealer};
use crate::profile::package::Version;
use crate::profile::{Profile, Stored};
use crate::session::Session;
use crate::types::Eid;
use crate::types::FunctionCallId;
use crate::types::Iccid;
use crate::types::Malformed;
use crate::types::MatchingId;
use crate::types::OperatorId;
use crate::types::ProfileType;
use crate::types::Secret;
use crate::types::State;
use crate::types::TransactionId;

/// The columns of a Profile, in the order that [`Rows::profile`] reads.
pub(super) const PROFILE: &str =
    "iccid, operator, profile_type, state, orders, cancelled_call, order_body, version";

/// Where the head of the trail is kept.
const TRAIL_HEAD: Place<'static> = Place { table: "house", row: "trail_head", column: "value" };

/// Reads rows with the sealing key at hand.
pub(super) struct Rows {
    sealer: Arc<Sealer>,
}

impl Rows {
    pub(super) fn new(sealer: Arc<Sealer>) -> Self {
        Self { sealer }
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(super) fn eid_index(&self, eid: &Eid) -> Vec<u8> {
        self.sealer.index("eid", eid.as_str())
    }

    pub(super) fn matching_index(&self, id: &MatchingId) -> Vec<u8> {
        self.sealer.index("matching_id", id.as_str())
    }

    pub(super) fn seal_head(&self, head: &Head) -> Result<Vec<u8>, Fault> {
        let plain = [&head.seq.to_be_bytes()[..], &head.hash].concat();
        self.sealer.seal(TRAIL_HEAD, &plain)
    }

    /// Column: value.
    pub(super) fn head(&self, row: &mut Row) -> Result<Head, Fault> {
        let plain = self.sealer.open(TRAIL_HEAD, &row.blob(0)?)?;
        let (seq, hash) = plain.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let hash = hash.try_into().map_err(|_| corrupt())?;
        Ok(Head { seq: i64::from_be_bytes(*seq), hash })
    }

    pub(super) fn profile(&self, row: &mut Row) -> Result<Versioned<Profile>, Fault> {
        let iccid = row.text(0)?;
        let order = match row.blob_or_null(6)? {
            Some(sealed) => {
                let place = Place { table: "profile", row: &iccid, column: "order_body" };
                Some(decode(&self.sealer.open(place, &sealed)?)?)
            }
            None => None,
        };
        let cancelled_by = row.text_or_null(5)?.as_deref().map(FunctionCallId::parse).transpose();
        let stored = Stored {
            iccid: Iccid::parse(&iccid).map_err(malformed)?,
            operator: OperatorId::parse(&row.text(1)?).map_err(malformed)?,
            profile_type: ProfileType::parse(&row.text(2)?).map_err(malformed)?,
            state: State::parse(&row.text(3)?).ok_or_else(corrupt)?,
            orders: u32::try_from(row.int(4)?).map_err(Fault::caused("store: row"))?,
            order,
            cancelled_by: cancelled_by.map_err(malformed)?,
        };
        Ok(Versioned { value: Profile::stored(stored), version: row.int(7)? })
    }

    /// Columns: body, version.
    pub(super) fn session(&self, id: &TransactionId, row: &mut Row) -> Result<Versioned<Session>, Fault> {
        let place = Place { table: "session", row: &id.to_string(), column: "body" };
        let value = decode(&self.sealer.open(place, &row.blob(0)?)?)?;
        Ok(Versioned { value, version: row.int(1)? })
    }

    /// Columns: metadata, octets, keys, sealed, version.
    pub(super) fn package(&self, iccid: &Iccid, row: &mut Row) -> Result<Package, Fault> {
        let open = |column, sealed: &[u8]| {
            self.sealer.open(Place { table: "package", row: iccid.as_str(), column }, sealed)
        };
        Ok(Package {
            iccid: iccid.clone(),
            metadata: row.blob(0)?,
            octets: usize::try_from(row.int(1)?).map_err(Fault::caused("store: row"))?,
            keys: Secret::new(open("keys", &row.blob(2)?)?),
            protected: open("sealed", &row.blob(3)?)?,
            version: row.text_or_null(4)?.as_deref().and_then(Version::parse),
        })
    }

    /// Column: body.
    pub(super) fn binding(&self, iccid: &Iccid, row: &mut Row) -> Result<Secret<Vec<u8>>, Fault> {
        let place = Place { table: "binding", row: iccid.as_str(), column: "body" };
        Ok(Secret::new(self.sealer.open(place, &row.blob(0)?)?))
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(Fault::caused("store: encode"))
}

pub(super) fn decode<T: DeserializeOwned>(plain: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(plain).map_err(Fault::caused("store: a row does not parse"))
}

pub(super) fn malformed(cause: Malformed) -> Fault {
    Fault::caused("store: a row does not parse")(cause)
}
