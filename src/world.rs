//! Opens the house: everything that exists once, made from the configuration, or the list of all that is wrong.
mod es12;
mod own;
mod progress;
mod tls;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

pub use tls::Tls;

use crate::config::Config;
use crate::config::Database;
use crate::config::OnTrouble;
use crate::config::PrivateError;
use crate::config::read_private;
use crate::es2plus::Endpoint;
use crate::es12::Es12;
use crate::fault::Fault;
use crate::hsm::Hsm;
use crate::hsm::Sealer;
use crate::pki::Certificate;
use crate::pki::Credentials;
use crate::pki::TrustStore;
use crate::revocation::Lists;
use crate::store::Store;
use crate::time::Timestamp;
use crate::types::OperatorId;
use crate::types::Secret;
use crate::types::hex;

/// A chain of certificates has a few KiB.
const CERTIFICATE_FILE_BYTES_MAX: u64 = 256 * 1024;
/// What another machine's clock may be ahead, in the trail it wrote.
const CLOCK_SLACK_MS: i64 = 60 * crate::time::SECOND_MS;

/// Everything that exists once.
pub struct World {
    pub store: Store,
    pub hsm: Hsm,
    pub trust: TrustStore,
    pub credentials: Credentials,
    pub es9plus: Tls,
    pub es9plus_brainpool: Option<Tls>,
    pub es2plus: Tls,
    /// Where operators want to hear of their Profiles.
    pub endpoints: BTreeMap<OperatorId, Endpoint>,
    /// The way to SM-DSs.
    pub es12: Es12,
    /// Until when each certificate of ours may be used, as named to people.
    pub expiries: Vec<Expiry>,
    /// What the CIs have revoked; `trust` and `credentials` know it already.
    pub revocations: Lists,
}

/// The last day of one certificate.
#[derive(Debug, Clone)]
pub struct Expiry {
    pub name: String,
    pub file: String,
    pub not_after: Timestamp,
    pub certificate: Certificate,
}

impl Expiry {
    fn of(name: &str, path: &Path, certificate: &Certificate) -> Self {
        let file = path.display().to_string();
        Self {
            name: name.to_owned(),
            file,
            not_after: certificate.not_after(),
            certificate: certificate.clone(),
        }
    }
}

const NOT_THERE: &str = "\nFiles that are not there: put yours in these places, or let `smdpp pki init-test FOLDER` make \
                         test certificates with their keys (it overwrites nothing).";

const SEALING_KEY: &str = "sealing key";

/// All that is wrong: one sentence each, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals(pub Vec<String>);

impl Refusals {
    /// Each once: both doors may have the same files.
    fn of(wrong: Vec<String>) -> Self {
        let mut each: Vec<String> = Vec::new();
        for one in wrong {
            if !each.contains(&one) {
                each.push(one);
            }
        }
        Self(each)
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => f.write_str(only)?,
            several => {
                write!(f, "{} things must be put right first:", several.len())?;
                several.iter().try_for_each(|one| write!(f, "\n  - {one}"))?;
            }
        }
        // ENOENT: many files with one cure, named once. A sealing key has another.
        if self.0.iter().any(|one| one.contains("(os error 2)") && !one.starts_with(SEALING_KEY)) {
            f.write_str(NOT_THERE)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusals {}

impl World {
    /// Opens everything, and believes nothing that does not fit together.
    pub async fn open(config: &Config, now: Timestamp) -> Result<Self, Refusals> {
        let mut wrong = config.suspicious();
        let mut expiries = Vec::new();
        let trust = own::trust(config, now, &mut wrong, &mut expiries);
        let own = own::open(config, trust.as_ref(), now, &mut wrong, &mut expiries);
        let es9plus = tls::es9plus(config, now, &mut wrong, &mut expiries);
        let es9plus_brainpool = tls::es9plus_brainpool(config, now, &mut wrong, &mut expiries);
        let es2plus = tls::es2plus(config, now, &mut wrong, &mut expiries);
        let credential = own.as_ref().and_then(|(_, credentials)| credentials.iter().next());
        let requester = credential.map_or_else(String::new, |own| own.oid.to_string());
        let es12 = es12::open(config, requester, now, &mut wrong, &mut expiries);
        let endpoints = progress::endpoints(config, now, &mut wrong, &mut expiries);
        let store = match Self::open_store(config) {
            Ok(store) => {
                wrong.extend(clock_behind(&store, now).await);
                Some(store)
            }
            Err(refusals) => {
                wrong.extend(refusals.0);
                None
            }
        };
        match (store, trust, own, es9plus, es2plus, es12) {
            (
                Some(store),
                Some(trust),
                Some((hsm, credentials)),
                Some(es9plus),
                Some(es2plus),
                Some(es12),
            ) if wrong.is_empty() => {
                let mut revocations = Lists::open(config, &trust, &credentials, now);
                revocations.first(now).await;
                refuse_missing(config, &revocations)?;
                let trust = revocations.inform(trust);
                let credentials = credentials.unrevoked(&trust);
                Ok(Self {
                    store,
                    hsm,
                    trust,
                    credentials,
                    es9plus,
                    es9plus_brainpool,
                    es2plus,
                    endpoints,
                    es12,
                    expiries,
                    revocations,
                })
            }
            _ => Err(Refusals::of(wrong)),
        }
    }

    /// Opens the database alone: for commands that need no keys but the sealing key.
    pub fn open_store(config: &Config) -> Result<Store, Refusals> {
        let refused = |why: String| Refusals(vec![why]);
        let sealer = sealer(&config.vault.seal_key).map_err(refused)?;
        let Database::Sqlite(path) = &config.database;
        Store::open(path, Arc::new(sealer))
            .map_err(|fault| refused(format!("{}: {}", path.display(), fault.story())))
    }
}

/// The CI certificates alone: for commands that need no keys.
pub fn open_trust(config: &Config, now: Timestamp) -> Result<TrustStore, Refusals> {
    let mut wrong = Vec::new();
    own::trust(config, now, &mut wrong, &mut Vec::new()).ok_or_else(|| Refusals::of(wrong))
}

fn refuse_missing(config: &Config, revocations: &Lists) -> Result<(), Refusals> {
    let missing = revocations.missing().map(|ci| {
        format!(
            "no revocation list of CI \"{ci}\" could be had, and revocation.missing is \"refuse\": \
             `smdpp pki crl` says why"
        )
    });
    let missing: Vec<String> = missing.collect();
    let refused = config.revocation.missing == OnTrouble::Refuse && !missing.is_empty();
    if refused { Err(Refusals::of(missing)) } else { Ok(()) }
}

/// A trail that ends in the future means that this clock is behind: times in new entries would be lies.
async fn clock_behind(store: &Store, now: Timestamp) -> Option<String> {
    let entries = match store.reader().trail_end(1).await {
        Ok(entries) => entries,
        Err(fault) => return Some(fault.story()),
    };
    let ahead = entries.last().filter(|last| last.at > now.plus_ms(CLOCK_SLACK_MS))?;
    Some(format!(
        "the audit trail ends at {}, but this machine says it is {now}: set the clock of this machine",
        ahead.at
    ))
}

fn sealer(path: &Path) -> Result<Sealer, String> {
    let text = read_private(path).map_err(|error| match error {
        PrivateError::Unreadable { .. } => {
            format!("{SEALING_KEY}: {error}. Restore it: nothing else opens this database")
        }
        PrivateError::Exposed { .. } | PrivateError::NotAFile { .. } | PrivateError::TooLarge { .. } => {
            format!("{SEALING_KEY}: {error}")
        }
    })?;
    let digits = std::str::from_utf8(text.expose()).unwrap_or_default().trim();
    let octets = hex::decode(digits).map(Secret::new);
    let octets = octets.and_then(|octets| <[u8; 32]>::try_from(octets.expose().as_slice()).ok());
    let octets = octets.map(Secret::new).ok_or_else(|| {
        format!(
            "{} does not hold 32 octets in hexadecimal (64 digits): restore the sealing key of this database",
            path.display()
        )
    })?;
    Sealer::new(&octets).map_err(|fault: Fault| fault.story())
}

/// A certificate file, of at most a sensible size.
fn read_certificate_file(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |cause| format!("cannot read {}: {cause}", path.display());
    let mut content = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(CERTIFICATE_FILE_BYTES_MAX).read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}
