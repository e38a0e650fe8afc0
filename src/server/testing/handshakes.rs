//! Who gets through the handshake, and how (TR-01, TR-03, TR-04).
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Ca, client, connect, es2plus, es9plus, exchange, p384_identity, short, status};
use crate::server::{Identity, Limits, es9plus_config};

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// What a client sees that shows `identity` on ES2+: the status of an answer, or the refusal.
async fn seen_on_es2plus(
    identity: impl Fn(&Ca) -> Option<Identity>,
    version: &'static SupportedProtocolVersion,
) -> String {
    let running = es2plus(Limits { handshake_ms: 5_000, ..short() }).await;
    let config = client(&running, version, identity(&running.ca));
    // In TLS 1.3 the client's handshake ends before the server has judged its certificate.
    let outcome = match connect(&running, &config).await {
        Ok(mut stream) => exchange(&mut stream, "GET", "/who", "").await,
        Err(refused) => Err(refused),
    };
    outcome.map_or_else(|error| error.to_string(), |answer| status(&answer).to_owned())
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_both_served() {
    let running = es9plus(short()).await;
    for version in BOTH {
        let mut stream = connect(&running, &client(&running, version, None)).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let answer = exchange(&mut stream, "GET", "/who", "").await.unwrap();
        assert!(answer.ends_with("anonymous"), "{answer}");
    }
}

#[tokio::test]
async fn tls_1_1_is_refused_with_an_alert() {
    let running = es9plus(short()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x09, 1, 0]);
    stream.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
}

#[tokio::test]
async fn no_session_is_resumed() {
    let running = es9plus(short()).await;
    for version in BOTH {
        let config = client(&running, version, None);
        for _ in 0..2 {
            let mut stream = connect(&running, &config).await.unwrap();
            exchange(&mut stream, "GET", "/who", "").await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        }
    }
}

#[tokio::test]
async fn the_handler_sees_the_certificate_of_an_operator() {
    for version in BOTH {
        let running = es2plus(short()).await;
        let identity = running.ca.issue(4000);
        let length = identity.chain[0].len().to_string();
        let mut stream = connect(&running, &client(&running, version, Some(identity))).await.unwrap();
        let answer = exchange(&mut stream, "GET", "/who", "").await.unwrap();
        assert!(answer.ends_with(&length), "{answer}");
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_in_the_handshake() {
    for version in BOTH {
        let seen = seen_on_es2plus(|_| None, version).await;
        assert!(seen.contains("CertificateRequired") || seen.contains("HandshakeFailure"), "{seen}");
    }
}

#[tokio::test]
async fn a_client_of_a_foreign_issuer_is_refused_in_the_handshake() {
    for version in BOTH {
        let seen = seen_on_es2plus(|_| Some(Ca::named("Foreign CA").issue(4000)), version).await;
        assert!(seen.contains("UnknownCA"), "{seen}");
    }
}

#[tokio::test]
async fn a_client_of_an_issuer_that_only_has_the_right_name_is_refused_in_the_handshake() {
    for version in BOTH {
        let seen = seen_on_es2plus(|_| Some(Ca::new().issue(4000)), version).await;
        assert!(seen.contains("DecryptError"), "{seen}");
    }
}

#[tokio::test]
async fn a_client_with_an_expired_certificate_is_refused_in_the_handshake() {
    for version in BOTH {
        let seen = seen_on_es2plus(|ca| Some(ca.issue(2020)), version).await;
        assert!(seen.contains("CertificateExpired"), "{seen}");
    }
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_without_a_restart() {
    let running = es9plus(short()).await;
    let renewed = running.ca.issue(4001);
    let expected = renewed.chain[0].clone();
    running.config.replace(es9plus_config(renewed).unwrap());
    let stream = connect(&running, &client(&running, &TLS13, None)).await.unwrap();
    assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], expected);
}

#[test]
fn a_key_of_another_curve_is_refused_at_start() {
    assert!(es9plus_config(p384_identity()).is_err());
}

#[test]
fn a_key_of_another_certificate_is_refused_at_start() {
    let ca = Ca::new();
    let mixed = Identity { chain: ca.issue(4000).chain, key: ca.issue(4000).key };
    assert!(es9plus_config(mixed).is_err());
}
