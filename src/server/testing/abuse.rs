//! What a client gets that is slow, silent or too large (TR-08 j, k); nobody else notices.
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Running, connected, es9plus, exchange, rest, short, status};
use crate::server::Limits;

/// Everybody else is still served, and promptly.
async fn others_are_served(running: &Running) {
    let request = async { exchange(&mut connected(running).await, "GET", "/who", "").await };
    let answer = timeout(Duration::from_secs(2), request).await.unwrap().unwrap();
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_dropped_after_the_handshake_limit() {
    let running = es9plus(short()).await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    others_are_served(&running).await;
    let start = Instant::now();
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).await.ok();
    assert!(answer.is_empty() && start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_client_that_asks_nothing_is_dropped_after_the_header_limit() {
    let running = es9plus(Limits { idle_ms: 60_000, ..short() }).await;
    let mut silent = connected(&running).await;
    let start = Instant::now();
    assert_eq!(rest(&mut silent).await.unwrap(), "");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_header_that_trickles_is_dropped() {
    let running = es9plus(Limits { idle_ms: 60_000, ..short() }).await;
    let mut stream = connected(&running).await;
    let mut sent = 0;
    for byte in "GET /who HTTP/1.1\r\nhost: localhost\r\nx-slow: yes\r\n\r\n".bytes() {
        if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        sent += 1;
        if timeout(Duration::from_millis(100), stream.read_u8()).await.is_ok() {
            break;
        }
    }
    assert!((2..10).contains(&sent), "{sent} bytes were taken");
    others_are_served(&running).await;
}

#[tokio::test]
async fn a_second_header_that_never_comes_ends_the_connection() {
    let running = es9plus(short()).await;
    let mut stream = connected(&running).await;
    stream.write_all(b"GET /who HTTP/1.1\r\nhost: localhost\r\n\r\nGET /w").await.unwrap();
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await.unwrap().matches("200 OK").count(), 1);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408_and_closed() {
    let running = es9plus(short()).await;
    let mut stream = connected(&running).await;
    stream
        .write_all(b"POST /length HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n")
        .await
        .unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() && writer.flush().await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = String::new();
    reader.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "408");
    others_are_served(&running).await;
    trickle.abort();
}

#[tokio::test]
async fn an_announced_body_over_the_limit_is_answered_413() {
    let running = es9plus(short()).await;
    let body = "x".repeat(65 * 1024);
    let answer = exchange(&mut connected(&running).await, "POST", "/length", &body).await.unwrap();
    assert_eq!(status(&answer), "413");
    others_are_served(&running).await;
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_answered_413() {
    let running = es9plus(short()).await;
    let mut stream = connected(&running).await;
    stream
        .write_all(b"POST /length HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    for _ in 0..5 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    assert_eq!(status(&rest(&mut stream).await.unwrap()), "413");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let running = es9plus(short()).await;
    let body = "x".repeat(64 * 1024);
    let answer = exchange(&mut connected(&running).await, "POST", "/length", &body).await.unwrap();
    assert!(answer.ends_with("65536"), "{answer}");
}

#[tokio::test]
async fn a_header_over_the_limit_is_answered_431() {
    let running = es9plus(short()).await;
    let mut stream = connected(&running).await;
    let head = format!("GET /who HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(status(&rest(&mut stream).await.unwrap()), "431");
    others_are_served(&running).await;
}

#[tokio::test]
async fn a_connection_ends_at_its_longest_life() {
    let running = es9plus(Limits { connection_ms: 300, grace_ms: 100, ..short() }).await;
    let mut stream = connected(&running).await;
    stream.write_all(b"POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await.unwrap_or_default(), "");
    assert!(start.elapsed() < Duration::from_secs(2));
}
