//! What a well-behaved client gets.
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{client, connect, connected, es2plus, es9plus, exchange, rest, short, status};
use crate::server::Limits;

#[tokio::test]
async fn an_unknown_path_is_404_and_a_wrong_method_405() {
    let running = es9plus(short()).await;
    for (method, path, expected) in [("POST", "/nothing", "404"), ("GET", "/length", "405")] {
        let answer = exchange(&mut connected(&running).await, method, path, "").await.unwrap();
        assert_eq!(status(&answer), expected);
        assert!(answer.ends_with("\r\n\r\n"), "the body is not empty: {answer}");
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let running = es9plus(short()).await;
    let mut stream = connected(&running).await;
    let request = "POST /length HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc";
    stream.write_all(request.repeat(5).as_bytes()).await.unwrap();
    let answer = exchange(&mut stream, "GET", "/who", "").await.unwrap();
    assert_eq!(answer.matches("200 OK").count(), 6, "{answer}");
    assert_eq!(running.figures.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn two_hundred_clients_at_once_are_all_answered() {
    let running =
        es9plus(Limits { handshake_ms: 20_000, header_ms: 20_000, body_ms: 20_000, ..short() }).await;
    let config = client(&running, &rustls::version::TLS13, None);
    let mut clients = JoinSet::new();
    for _ in 0..200 {
        let (stream, config) = (connect(&running, &config).await.unwrap(), config.clone());
        clients.spawn(async move {
            drop(config);
            let mut stream = stream;
            exchange(&mut stream, "POST", "/length", &"x".repeat(4_000)).await
        });
    }
    while let Some(answer) = clients.join_next().await {
        let answer = answer.unwrap().unwrap();
        assert!(answer.ends_with("4000"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_over_the_maximum_waits_for_its_turn() {
    let running =
        es9plus(Limits { connections_max: 1, header_ms: 300, handshake_ms: 5_000, ..short() }).await;
    let idle = connected(&running).await;
    let answer = exchange(&mut connected(&running).await, "GET", "/who", "").await.unwrap();
    assert_eq!(status(&answer), "200");
    drop(idle);
}

#[tokio::test]
async fn a_number_of_connections_beyond_what_can_be_counted_is_no_limit() {
    let running = es9plus(Limits { connections_max: usize::MAX, ..short() }).await;
    let answer = exchange(&mut connected(&running).await, "GET", "/who", "").await.unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_listener_lives() {
    let running = es9plus(short()).await;
    let answer = exchange(&mut connected(&running).await, "POST", "/panic", "").await.unwrap();
    assert_eq!(status(&answer), "500");
    let answer = exchange(&mut connected(&running).await, "GET", "/who", "").await.unwrap();
    assert_eq!(status(&answer), "200");
    assert_eq!(running.figures.panics.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_graceful_stop_finishes_the_request_under_way() {
    let running = es9plus(short()).await;
    let (mut slow, mut idle) = (connected(&running).await, connected(&running).await);
    let head = "POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(150)).await;
    running.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await.unwrap(), "", "an idle connection is closed cleanly");
    assert_eq!(status(&rest(&mut slow).await.unwrap()), "200");
    drop((slow, idle));
    running.task.await.unwrap();
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_period_is_cut() {
    let running = es9plus(Limits { grace_ms: 100, ..short() }).await;
    let mut slow = connected(&running).await;
    let head = "POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    running.stop.send(()).unwrap();
    assert_eq!(rest(&mut slow).await.unwrap_or_default(), "");
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn the_rigs_operator_asks_over_mutual_tls_and_reads_the_answer() {
    let running = es2plus(short()).await;
    let (target, root) = (running.address.to_string(), running.ca.root());
    let identity = running.ca.client_identity();
    let operator = rig::Es2Plus::new(&target, "localhost", &root, Some(&identity), "acme").unwrap();
    for _ in 0..3 {
        let answer = operator.download_order(None, None, Some("P9054-2")).await.unwrap().success().unwrap();
        assert_eq!(answer.body["asked"]["profileType"], "P9054-2");
        assert_eq!(answer.body["asked"]["header"]["functionRequesterIdentifier"], "acme");
    }
    assert_eq!(running.figures.connections.load(Ordering::Relaxed), 1, "the connection is kept");
    let nobody = rig::Es2Plus::new(&target, "localhost", &root, None, "acme").unwrap();
    assert!(nobody.release_profile("8999900000000000011").await.is_err());
    let refused = operator.release_profile("8999900000000000011").await.unwrap().success();
    assert!(refused.unwrap_err().to_string().contains("404"));
}
