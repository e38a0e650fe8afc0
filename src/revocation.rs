//! Keeps what each CI has revoked: fetched at nextUpdate, kept on disk, given to the rules (SGP.22 4.6).
mod cache;
mod overview;
mod source;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cache::{Cache, Record};
pub use overview::{Overview, overview};
use source::{Seen, Source};

use crate::asn1::KeyId;
use crate::call::Smdp;
use crate::config::Config;
use crate::config::CrlSource;
use crate::config::Database;
use crate::config::OnTrouble;
use crate::pki::Certificate;
use crate::pki::Credentials;
use crate::pki::Revocations;
use crate::pki::TrustStore;
use crate::time::{Clock, DAY_MS, SECOND_MS, Timestamp};

/// How often it is looked whether something is due, or a file has changed.
const LOOK: Duration = Duration::from_secs(1);
/// A CI may publish before it said it would, when a key was stolen: asked for at least this often.
const REFRESH_MS: i64 = DAY_MS;
/// After a failure, doubled each time.
const RETRY_FIRST_MS: i64 = 10 * SECOND_MS;
const RETRY_MOST_MS: i64 = 3600 * SECOND_MS;
const HOUR_MS: i64 = 3600 * SECOND_MS;

/// The lists of all CIs that have a source in the configuration.
pub struct Lists {
    watched: Vec<Watched>,
    cache: Cache,
    stale: OnTrouble,
    grace_ms: i64,
}

/// One CI, where its list comes from, and the last good one.
struct Watched {
    id: KeyId,
    root: Certificate,
    sources: Vec<Source>,
    seen: Vec<Seen>,
    held: Option<Arc<Revocations>>,
    record: Record,
    failures: u32,
    due_at: Timestamp,
}

/// How a list stands, as a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Stale,
    Missing,
    /// No source is configured.
    Off,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Off => "off",
        }
    }

    fn of(held: Option<&Revocations>, now: Timestamp) -> Self {
        match held {
            Some(list) if now <= list.next_update() => Self::Fresh,
            Some(_) => Self::Stale,
            None => Self::Missing,
        }
    }
}

/// The folder of the last good lists, beside the database.
fn folder(config: &Config) -> PathBuf {
    let Database::Sqlite(database) = &config.database;
    database.with_file_name("crl")
}

impl Lists {
    /// With what the last run kept on disk; asks nobody yet.
    pub fn open(config: &Config, trust: &TrustStore, own: &Credentials, now: Timestamp) -> Self {
        let cache = Cache::new(folder(config));
        let roots = trust.key_ids().cloned().zip(&config.ci);
        let watched = roots.filter_map(|(id, ci)| {
            let root = trust.root(&id)?.clone();
            let sources = sources(&ci.crl.0, &id, &root, own);
            // "cdp" may name nothing: that is a list that is missing, not one that nobody wanted.
            (!ci.crl.0.is_empty()).then(|| Watched::open(id, root, sources, &cache, now))
        });
        Self {
            watched: watched.collect(),
            stale: config.revocation.stale,
            grace_ms: HOUR_MS.saturating_mul(i64::from(config.revocation.grace_hours)),
            cache,
        }
    }

    /// The first look, before a door opens: waits only for lists that are missing or stale.
    pub async fn first(&mut self, now: Timestamp) {
        for watched in &mut self.watched {
            if State::of(watched.held.as_deref(), now) != State::Fresh {
                watched.refresh(&self.cache, now).await;
            }
        }
    }

    /// The CIs of which no list was ever had, by name.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let missing = self.watched.iter().filter(|watched| watched.held.is_none());
        missing.map(|watched| watched.root.subject().title())
    }

    /// The store with all that is known.
    pub fn inform(&self, trust: TrustStore) -> TrustStore {
        self.watched.iter().fold(trust, |trust, watched| {
            let Some(held) = &watched.held else { return trust };
            let refused_after =
                (self.stale == OnTrouble::Refuse).then(|| held.next_update().plus_ms(self.grace_ms));
            trust.with_revocations(&watched.id, Arc::clone(held), refused_after)
        })
    }

    /// Refreshes what is due; true if a list was taken.
    async fn refresh(&mut self, now: Timestamp) -> bool {
        let mut news = false;
        for watched in &mut self.watched {
            if watched.is_due(now).await {
                news |= watched.refresh(&self.cache, now).await;
            }
        }
        news
    }
}

/// Runs until it is dropped. `own` are this server's certificates, as named to people.
pub async fn keep(mut lists: Lists, smdp: Arc<Smdp>, own: Vec<(String, Certificate)>, clock: Arc<dyn Clock>) {
    lists.watched.iter().for_each(|watched| watched.say(clock.now()));
    shout(&smdp, &own);
    loop {
        if lists.refresh(clock.now()).await {
            smdp.renew_setting(|setting| setting.with_trust(lists.inform(setting.trust.clone())));
            shout(&smdp, &own);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A revoked certificate of our own: eUICCs and phones will refuse this server.
fn shout(smdp: &Smdp, own: &[(String, Certificate)]) {
    let setting = smdp.setting();
    for (name, certificate) in own.iter().filter(|(_, certificate)| setting.trust.is_revoked(certificate)) {
        tracing::error!(
            certificate = name,
            serial = certificate.serial(),
            "OUR OWN CERTIFICATE IS REVOKED: DPauth and DPpb are not used any more; ask the CI for new ones"
        );
    }
}

/// What the configuration names; `cdp` is where the CI's certificate and ours under it say.
fn sources(configured: &[CrlSource], id: &KeyId, root: &Certificate, own: &Credentials) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    let mut add = |source: Source| {
        if !sources.contains(&source) {
            sources.push(source);
        }
    };
    for one in configured {
        match one {
            CrlSource::File(path) => add(Source::File(path.clone())),
            CrlSource::Http(uri) => add(Source::Http(uri.clone())),
            CrlSource::Cdp => {
                let ours = own.under(id).into_iter().flat_map(|own| [&own.dpauth, &own.dppb]);
                let points = std::iter::once(root).chain(ours).flat_map(Certificate::distribution_points);
                points.filter_map(|point| CrlSource::http(point)).map(Source::Http).for_each(&mut add);
            }
        }
    }
    sources
}

impl Watched {
    fn open(id: KeyId, root: Certificate, sources: Vec<Source>, cache: &Cache, now: Timestamp) -> Self {
        let (held, record) = cache.load(&id, &root, now);
        // Asked soon after each start, whatever is held.
        Self {
            id,
            root,
            seen: Vec::new(),
            sources,
            held: held.map(Arc::new),
            record,
            failures: 0,
            due_at: now,
        }
    }

    async fn is_due(&self, now: Timestamp) -> bool {
        now >= self.due_at || self.seen != source::look(&self.sources).await
    }

    /// Asks all sources; the newest sound list is taken. True if there is one, or another server had news.
    async fn refresh(&mut self, cache: &Cache, now: Timestamp) -> bool {
        self.seen = source::look(&self.sources).await;
        let learned = self.learn(cache, now);
        let mut errors = Vec::new();
        if self.sources.is_empty() {
            errors.push("neither the CI's certificate nor ours under it name an http address".to_owned());
        }
        let mut taken = None;
        for source in &self.sources {
            match self.ask(source, taken.as_ref(), now).await {
                Ok(list) => {
                    self.record.source = Some(source.to_string());
                    taken = Some(list);
                }
                Err(why) => errors.push(format!("{source}: {why}")),
            }
        }
        self.record.tried_at = Some(now);
        self.record.error = (!errors.is_empty()).then(|| errors.join("; "));
        let fetched = taken.is_some();
        if let Some(list) = taken {
            self.record.keep(&list, now);
            self.held = Some(Arc::new(list));
        }
        self.plan(fetched, now);
        self.say(now);
        if let Err(error) = cache.save(&self.id, self.held.as_deref(), &self.record) {
            tracing::error!(ci = self.root.subject().title(), %error, "crl: cannot be kept on disk");
        }
        learned || fetched
    }

    /// Another server may share the folder: what it has kept meanwhile counts here too, and nothing older is put
    /// in its place. True if it was another list.
    fn learn(&mut self, cache: &Cache, now: Timestamp) -> bool {
        let (Some(kept), record) = cache.load(&self.id, &self.root, now) else { return false };
        let kept = match self.held.as_deref() {
            None => Ok(kept),
            Some(held) if held.der() == kept.der() => return false,
            Some(held) => kept.succeed(held, now),
        };
        let Ok(kept) = kept else { return false };
        let fetched_at = record.fetched_at.unwrap_or(now);
        self.record = record;
        self.record.keep(&kept, fetched_at);
        self.held = Some(Arc::new(kept));
        true
    }

    async fn ask(
        &self,
        source: &Source,
        taken: Option<&Revocations>,
        now: Timestamp,
    ) -> Result<Revocations, String> {
        let body = source.fetch().await?;
        let list = Revocations::read(&body, &self.root).map_err(|error| error.to_string())?;
        match taken.or(self.held.as_deref()) {
            Some(held) => list.succeed(held, now).map_err(|error| error.to_string()),
            None => Ok(list),
        }
    }

    /// When it is asked again: at nextUpdate, within a day, or soon if there was nothing new when there should be.
    fn plan(&mut self, news: bool, now: Timestamp) {
        let fresh = self.held.as_deref().map(Revocations::next_update).filter(|next| *next > now);
        self.due_at = match fresh {
            Some(next_update) if news => {
                self.failures = 0;
                next_update.min(now.plus_ms(REFRESH_MS))
            }
            _ => {
                let wait_ms = RETRY_FIRST_MS.saturating_mul(1i64 << self.failures.min(20));
                self.failures = self.failures.saturating_add(1);
                let retry_at = now.plus_ms(wait_ms.min(RETRY_MOST_MS));
                fresh.map_or(retry_at, |next_update| next_update.min(retry_at))
            }
        };
    }

    fn say(&self, now: Timestamp) {
        let ci = self.root.subject().title();
        let state = State::of(self.held.as_deref(), now).as_str();
        let Some(list) = &self.held else {
            let error = self.record.error.as_deref().unwrap_or("not asked yet");
            tracing::warn!(
                ci,
                error,
                "crl: there is no revocation list of this CI: nobody counts as revoked"
            );
            return;
        };
        let (number, entries, next_update) = (list.number(), list.entries(), list.next_update());
        match &self.record.error {
            None if state == State::Fresh.as_str() => {
                tracing::info!(ci, %number, entries, %next_update, "crl: loaded");
            }
            None => {
                tracing::warn!(ci, %number, entries, %next_update, "crl: STALE, and its source has no newer one")
            }
            Some(error) => {
                tracing::warn!(ci, state, %number, entries, %next_update, error, "crl: a source failed, the last good list is kept");
            }
        }
    }
}
