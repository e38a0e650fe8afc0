//! The life of one connection: handshake, requests, a clean end.
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::brainpool;
use super::limits::whole_body;
use super::listeners::{Door, Figures};
use super::tls::TlsConfig;

/// How long an ended connection still swallows what the peer sends. Closing with unread bytes would make the
/// kernel send a reset, and a reset can overtake our last answer or alert.
pub(super) const LINGER_MS: u64 = 500;

/// Who sent a request; each request carries it as an extension.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    /// Present on ES2+ and verified there in the handshake; never asked for on ES9+.
    pub certificate: Option<Arc<ClientCertificate>>,
}

#[derive(Debug)]
pub struct ClientCertificate {
    pub der: Vec<u8>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

pub(super) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    door: Arc<Door>,
    mut stopping: watch::Receiver<bool>,
) {
    Figures::count(&door.figures.connections);
    // A function is one small request and one small answer: Nagle would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    let stream = tokio::select! {
        stream = handshake(stream, &door) => stream,
        _ = stopping.wait_for(|stop| *stop) => None,
    };
    let Some(stream) = stream else { return };
    let peer = Peer { address, certificate: client_certificate(&stream) };
    linger(requests(stream, peer, &door, stopping).await).await;
}

async fn handshake(stream: TcpStream, door: &Door) -> Option<TlsStream<TcpStream>> {
    match timeout(Duration::from_millis(door.limits.handshake_ms), accept(stream, &door.config)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err((error, stream))) => {
            tracing::debug!(%error, "handshake failed");
            Figures::count(&door.figures.handshakes_failed);
            if let Some(stream) = stream {
                linger(stream).await;
            }
        }
        Err(_) => {
            tracing::debug!("handshake timed out");
            Figures::count(&door.figures.handshakes_failed);
        }
    }
    None
}

/// The handshake. A door with a brainpool certificate reads the ClientHello before it shows one of the two.
async fn accept(
    stream: TcpStream,
    config: &TlsConfig,
) -> Result<TlsStream<TcpStream>, (std::io::Error, Option<TcpStream>)> {
    let failed = |(error, stream)| (error, Some(stream));
    let Some(second) = config.brainpool() else {
        return TlsAcceptor::from(config.current()).accept(stream).into_fallible().await.map_err(failed);
    };
    let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let start = match (&mut acceptor).await {
        Ok(start) => start,
        Err(error) => return Err((error, acceptor.take_io())),
    };
    let chosen = if brainpool::wanted(&start.client_hello()) { Arc::clone(second) } else { config.current() };
    start.into_stream(chosen).into_fallible().await.map_err(failed)
}

fn client_certificate(stream: &TlsStream<TcpStream>) -> Option<Arc<ClientCertificate>> {
    let (_, tls) = stream.get_ref();
    let der = tls.peer_certificates()?.first()?.to_vec();
    Some(Arc::new(ClientCertificate { der }))
}

/// Answers requests until the peer, a limit or the server ends the connection.
async fn requests(
    stream: TlsStream<TcpStream>,
    peer: Peer,
    door: &Arc<Door>,
    mut stopping: watch::Receiver<bool>,
) -> TcpStream {
    let limits = door.limits;
    let asked = Arc::new(AtomicBool::new(false));
    let service = {
        let (door, asked) = (Arc::clone(door), Arc::clone(&asked));
        service_fn(move |request| -> Answer {
            asked.store(true, Ordering::Relaxed);
            Box::pin(answer(request, peer.clone(), Arc::clone(&door)))
        })
    };
    let mut connection = http1::Builder::new()
        // `X-Admin-Protocol` as 6.2 spells it: some modems compare names letter by letter.
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.idle_ms))
        .max_buf_size(limits.header_bytes_max)
        .serve_connection(TokioIo::new(stream), service);

    let mut first_header = pin!(sleep(Duration::from_millis(limits.header_ms)));
    let mut first_header_due = true;
    let mut end = pin!(sleep(Duration::from_millis(limits.connection_ms)));
    let mut ending = false;
    loop {
        let must_end = tokio::select! {
            outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "connection ended");
                }
                break;
            }
            () = &mut first_header, if first_header_due => { first_header_due = false; false }
            () = &mut end => true,
            _ = stopping.wait_for(|stop| *stop), if !ending => true,
        };
        if !asked.load(Ordering::Relaxed) || (must_end && ending) {
            break;
        }
        if must_end {
            ending = true;
            Pin::new(&mut connection).graceful_shutdown();
            end.as_mut().reset(later(limits.grace_ms));
        }
    }
    let mut stream = connection.into_parts().io.into_inner();
    // Our close_notify; a peer that is gone already does not need it.
    drop(timeout(Duration::from_millis(LINGER_MS), stream.shutdown()).await);
    stream.into_inner().0
}

async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    door: Arc<Door>,
) -> Result<Response<Body>, Infallible> {
    Figures::count(&door.figures.requests);
    let (mut parts, body) = request.into_parts();
    let body = match whole_body(body, &door.limits).await {
        Ok(body) => body,
        Err(status) => {
            Figures::count(&door.figures.requests_refused);
            return Ok(last_answer(status));
        }
    };
    parts.extensions.insert(peer);
    let router = TowerToHyperService::new(door.router.clone());
    // A task of its own: a function that was begun is finished although its peer hangs up, and a panic ends here.
    let function = tokio::spawn(router.call(Request::from_parts(parts, Body::from(body))));
    match function.await {
        Ok(answer) => answer,
        Err(error) => {
            Figures::count(&door.figures.panics);
            tracing::error!(%error, "a handler panicked");
            Ok(last_answer(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

/// An empty answer after which the connection closes.
fn last_answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn linger(mut stream: TcpStream) {
    let swallowing = async {
        stream.shutdown().await.ok();
        let mut scrap = [0; 4096];
        while stream.read(&mut scrap).await.is_ok_and(|count| count > 0) {}
    };
    drop(timeout(Duration::from_millis(LINGER_MS), swallowing).await);
}

fn later(delay_ms: u64) -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(delay_ms)).unwrap_or(now)
}
