//! The last good list of each CI on disk, so that a restart knows it while its source is down (SGP.22 4.6).
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::asn1::KeyId;
use crate::config::private_folder;
use crate::pki::{CRL_OCTETS_MAX, Certificate, Revocations, Serial};
use crate::time::Timestamp;

/// A folder with `<key identifier of the CI>.crl` and `.json`.
#[derive(Debug, Clone)]
pub(super) struct Cache(PathBuf);

/// What is known about a list beside what stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    /// Where the held list came from.
    pub(super) source: Option<String>,
    pub(super) fetched_at: Option<Timestamp>,
    pub(super) tried_at: Option<Timestamp>,
    /// Why the last try failed, wholly or for one source.
    pub(super) error: Option<String>,
    /// Revoked by earlier lists only: serial number, and until when that matters.
    pub(super) carried: Vec<(String, Option<Timestamp>)>,
}

impl Record {
    pub(super) fn keep(&mut self, list: &Revocations, now: Timestamp) {
        self.fetched_at = Some(now);
        self.carried = list.carried().map(|(serial, expires)| (serial.to_string(), *expires)).collect();
    }
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// What was kept, verified again: a list that was changed on disk is none.
    pub(super) fn load(
        &self,
        id: &KeyId,
        root: &Certificate,
        now: Timestamp,
    ) -> (Option<Revocations>, Record) {
        let record = read(&self.path(id, "json")).ok();
        let record: Record = record.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let Ok(der) = read(&self.path(id, "crl")) else { return (None, record) };
        let carried =
            record.carried.iter().filter_map(|(serial, at)| Some((Serial::parse(serial).ok()?, *at)));
        let list = Revocations::read(&der, root).and_then(|mut list| {
            list.carry(carried, now)?;
            Ok(list)
        });
        match list {
            Ok(list) => (Some(list), record),
            Err(error) => {
                tracing::warn!(file = %self.path(id, "crl").display(), %error, "crl: the kept list is not believed");
                (None, record)
            }
        }
    }

    /// First what is carried along, then the list that does not name it any more.
    pub(super) fn save(&self, id: &KeyId, list: Option<&Revocations>, record: &Record) -> io::Result<()> {
        private_folder(&self.0)?;
        replace(&self.path(id, "json"), &serde_json::to_vec_pretty(record)?)?;
        list.map_or(Ok(()), |list| replace(&self.path(id, "crl"), list.der()))
    }

    fn path(&self, id: &KeyId, extension: &str) -> PathBuf {
        self.0.join(format!("{id}.{extension}"))
    }
}

/// The old file or the new one, whatever happens meanwhile.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // By process, since two servers may share the folder.
    let aside = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::File::create(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

/// Up to twice the size of a list: what is carried along is text.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(CRL_OCTETS_MAX).unwrap_or(u64::MAX).saturating_mul(2);
    let mut content = Vec::new();
    fs::File::open(path)?.take(most).read_to_end(&mut content)?;
    Ok(content)
}
