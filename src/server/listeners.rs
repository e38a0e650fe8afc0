//! A listener: accepts, never waits for one peer, and stops gently.
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::{self, LINGER_MS};
use super::limits::Limits;
use super::tls::TlsConfig;
use crate::fault::Fault;

/// Without descriptors (EMFILE) every accept fails at once: wait for connections to end instead of spinning.
const ACCEPT_PAUSE_MS: u64 = 100;

/// What a listener has counted since it started.
#[derive(Debug, Default)]
pub struct Figures {
    pub connections: AtomicU64,
    pub handshakes_failed: AtomicU64,
    pub requests: AtomicU64,
    /// Requests refused because of their size, their time or their form.
    pub requests_refused: AtomicU64,
    pub panics: AtomicU64,
}

impl Figures {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What all connections of one listener share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) config: TlsConfig,
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) figures: Arc<Figures>,
}

/// Names the address, since the kernel does not: the operator must free it or configure another.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}")]
struct Unbound {
    address: SocketAddr,
    cause: io::Error,
}

#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    door: Arc<Door>,
}

impl Listener {
    pub async fn bind(
        address: SocketAddr,
        config: TlsConfig,
        router: Router,
        limits: Limits,
    ) -> Result<Self, Fault> {
        let bound = TcpListener::bind(address).await.map_err(|cause| Unbound { address, cause });
        let socket = bound.map_err(Fault::caused("server: bind the listener"))?;
        let address = socket.local_addr().map_err(Fault::caused("server: name the listener's address"))?;
        // The body is read and measured before the router sees it.
        let router = router.layer(DefaultBodyLimit::disable());
        let door = Arc::new(Door { config, router, limits, figures: Arc::default() });
        Ok(Self { socket, address, door })
    }

    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.door.figures)
    }

    /// Serves until `shutdown` is ready; then takes no more connections, and the requests under way
    /// get their grace period.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let slots = Arc::new(Semaphore::new(self.door.limits.connections_max.min(Semaphore::MAX_PERMITS)));
        loop {
            let next = self.accept(&slots);
            let (stream, address, slot) = tokio::select! {
                () = &mut shutdown => break,
                accepted = next => match accepted {
                    Some(accepted) => accepted,
                    None => continue,
                },
            };
            while connections.try_join_next().is_some() {}
            let (door, stopping) = (Arc::clone(&self.door), stopping.clone());
            connections.spawn(async move {
                connection::serve(stream, address, door, stopping).await;
                drop(slot);
            });
        }
        // The kernel must refuse newcomers from here on, not queue them.
        drop(self.socket);
        stop.send_replace(true);
        let grace = Duration::from_millis(self.door.limits.grace_ms.saturating_add(LINGER_MS));
        let ended = timeout(grace, async { while connections.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!(connections = connections.len(), "cut after the grace period");
        }
    }

    /// The next connection, once there is a slot for it; `None` after an error that was waited out.
    async fn accept(&self, slots: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, address)) => Some((stream, address, slot)),
            Err(error) if is_the_peers(&error) => None,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                None
            }
        }
    }
}

/// The peer left between its SYN and our accept: nothing is wrong here.
fn is_the_peers(error: &io::Error) -> bool {
    [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted]
        .contains(&error.kind())
}
