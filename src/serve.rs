//! Opens both doors on a [`World`], and closes them gently.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::call::{Parts, Smdp};
use crate::config::{Config, Operator};
use crate::courier;
use crate::courier::Receivers;
use crate::errand::Agreements;
use crate::es2plus;
use crate::es2plus::{Registered, Registry};
use crate::es9plus;
use crate::fault::Fault;
use crate::keeper;
use crate::pki::Certificate;
use crate::random::OsRandom;
use crate::revocation;
use crate::rsp::Setting;
use crate::server::{Limits, Listener, TlsConfig};
use crate::time::{DAY_MS, MINUTE_MS, SystemClock};
use crate::world::World;

/// How long a session that delivered a package is remembered: phones lie in drawers for months.
const RESULT_MS: i64 = 180 * DAY_MS;

/// How long a dead task may stay unseen.
const LOOK: Duration = Duration::from_secs(1);

/// Files that are open beside the connections: database, readers, logs.
const FILES_BESIDE: u64 = 128;

/// Both doors, bound and not yet open.
pub struct Doors {
    es9plus: Listener,
    es2plus: Listener,
    smdp: Arc<Smdp>,
    receivers: Receivers,
    revocations: revocation::Lists,
    /// This server's certificates, as named to people.
    own: Vec<(String, Certificate)>,
}

impl Doors {
    pub async fn bind(world: World, config: &Config) -> Result<Self, Fault> {
        allow_files(config.limits.connections_max);
        let setting = Setting {
            address: config.address.as_str().to_owned(),
            trust: world.trust,
            credentials: world.credentials,
            policies: config.policies(),
            session_ms: MINUTE_MS.saturating_mul(i64::from(config.policy.session_minutes)),
            result_ms: RESULT_MS,
        };
        let smdp = Arc::new(Smdp::new(Parts {
            store: world.store,
            hsm: world.hsm,
            setting: setting.into(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom::new()),
            agreements: agreements(config),
            open_sessions_max: config.limits.open_sessions_max,
        }));
        let es12 = Arc::new(world.es12);
        let receivers = Receivers {
            es12: Some(Arc::clone(&es12)),
            requester: config.address.as_str().to_owned(),
            operators: world.endpoints,
            give_up_ms: DAY_MS.saturating_mul(i64::from(config.outbox.give_up_days)),
        };
        let limits = limits(config);
        let phones = es9plus::routes(Arc::clone(&smdp));
        let operators = es2plus::routes(Arc::clone(&smdp), Arc::new(registry(config)), es12);
        let es9plus_tls = TlsConfig::new(world.es9plus).with_brainpool(world.es9plus_brainpool);
        let es2plus_tls = TlsConfig::new(world.es2plus);
        let es9plus = Listener::bind(config.es9plus.listen, es9plus_tls, phones, limits).await?;
        let es2plus = Listener::bind(config.es2plus.listen, es2plus_tls, operators, limits).await?;
        let own = world.expiries.into_iter().map(|expiry| (expiry.name, expiry.certificate)).collect();
        Ok(Self { es9plus, es2plus, smdp, receivers, revocations: world.revocations, own })
    }

    pub fn es9plus(&self) -> SocketAddr {
        self.es9plus.local_addr()
    }

    pub fn es2plus(&self) -> SocketAddr {
        self.es2plus.local_addr()
    }

    /// Serves until SIGTERM or Ctrl-C, or until standard input ends; calls under way are finished.
    pub async fn run(self, until_eof: bool) -> Result<(), Fault> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Fault::caused("serve: SIGTERM"))?;
        let (stop, stopping) = watch::channel(false);
        let smdp = Arc::clone(&self.smdp);
        let courier = courier::carry(Arc::clone(&smdp), self.receivers, stopping.clone());
        let courier = tokio::spawn(courier);
        let watch = revocation::keep(self.revocations, Arc::clone(&smdp), self.own, Arc::new(SystemClock));
        let watch = tokio::spawn(watch);
        let keeper = tokio::spawn(keeper::keep(self.smdp));
        let doors = [self.es9plus, self.es2plus].map(|door| {
            let mut stopping = stopping.clone();
            tokio::spawn(door.run(async move {
                // An error means that the sender is gone, and then it is time to stop too.
                let _stopped = stopping.wait_for(|stop| *stop).await;
            }))
        });
        let [phones, operators] = &doors;
        let never_ends = [phones, operators, &courier, &watch, &keeper];
        let mut outcome = Ok(());
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping gently"),
            _ = tokio::signal::ctrl_c() => tracing::info!("Ctrl-C: stopping gently"),
            () = input_ended(until_eof) => tracing::info!("standard input ended: stopping gently"),
            () = one_ended(&never_ends) => outcome = Err(Fault::new("serve: a task died; start again")),
            () = smdp.stopped() => outcome = Err(Fault::new("serve: the store's writer died; start again")),
        }
        stop.send_replace(true);
        for door in doors {
            door.await.map_err(Fault::caused("serve: a door"))?;
        }
        courier.await.map_err(Fault::caused("serve: the courier"))?;
        // Their hold on the store ends with them; then the store is closed as the last thing.
        for task in [keeper, watch] {
            task.abort();
            let _aborted = task.await;
        }
        outcome
    }
}

/// Returns when one of these tasks has ended, by a panic: a server with a dead door must not look alive.
async fn one_ended(tasks: &[&JoinHandle<()>]) {
    while !tasks.iter().any(|task| task.is_finished()) {
        sleep(LOOK).await;
    }
}

/// Returns when standard input has ended; never, if nobody watches it.
async fn input_ended(watched: bool) {
    let (ended, end) = tokio::sync::oneshot::channel();
    if watched {
        // A thread of its own: a read from a pipe cannot be called off.
        std::thread::spawn(move || {
            let _octets = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            ended.send(())
        });
        let _sent = end.await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Each connection is a file descriptor: raises this process's limit as far as it may go.
fn allow_files(connections_max: usize) {
    let wanted =
        u64::try_from(connections_max).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(FILES_BESIDE);
    let allowed = rlimit::increase_nofile_limit(wanted).unwrap_or_default();
    if allowed < wanted {
        tracing::warn!(
            allowed,
            wanted,
            "too few open files for [limits] connections_max: raise `ulimit -n` (systemd: LimitNOFILE)"
        );
    }
}

fn limits(config: &Config) -> Limits {
    let ms = |seconds: u64| seconds.saturating_mul(1000);
    let given = &config.limits;
    Limits {
        connections_max: given.connections_max,
        handshake_ms: ms(given.handshake_seconds),
        header_ms: ms(given.header_seconds),
        body_ms: ms(given.body_seconds),
        request_bytes_max: given.request_bytes_max,
        ..Limits::default()
    }
}

/// Who is told what of its Profiles: the operators that gave an address.
fn agreements(config: &Config) -> Agreements {
    let agreed = |operator: &Operator| {
        operator.progress.as_ref().map(|progress| (operator.name.clone(), progress.agreement()))
    };
    config.operator.iter().filter_map(agreed).collect()
}

fn registry(config: &Config) -> Registry {
    let registered = config.operator.iter().map(|operator| Registered {
        name: operator.name.clone(),
        oid: operator.oid.clone(),
        common_name: operator.common_name.clone(),
        certificate_sha256: operator.certificate_sha256,
    });
    Registry::new(registered.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_dies_is_noticed_and_one_that_runs_is_not() {
        let runs = tokio::spawn(std::future::pending::<()>());
        let waited = tokio::time::timeout(LOOK * 2, one_ended(&[&runs])).await;
        assert!(waited.is_err());
        let dies = tokio::spawn(async { panic!("as wished") });
        tokio::time::timeout(LOOK * 3, one_ended(&[&runs, &dies])).await.unwrap();
    }
}
