//! A ClientHello of TLS 1.2 octet by octet (RFC 5246), for what no client of ours would offer, and the answer to it.
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::ADDRESS;

pub(super) const ECDHE_ECDSA_AES_128_GCM_SHA256: u16 = 0xC02B;
pub(super) const ECDHE_ECDSA_AES_128_CBC_SHA256: u16 = 0xC023;
pub(super) const RSA_AES_128_GCM_SHA256: u16 = 0x009C;
pub(super) const RSA_AES_128_CBC_SHA: u16 = 0x002F;

/// Handshake messages.
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const CERTIFICATE: u8 = 11;
pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;

pub(super) struct Hello<'a> {
    pub(super) version: [u8; 2],
    pub(super) suites: &'a [u16],
    pub(super) session_id: &'a [u8],
    pub(super) ticket: Option<&'a [u8]>,
}

pub(super) const TLS_1_1: [u8; 2] = [3, 2];
pub(super) const TLS_1_2: [u8; 2] = [3, 3];

/// What the server said to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Description of a fatal alert.
    Alert(u8),
    Closed,
    /// Version and suite of the ServerHello, its session id, and all messages of the flight.
    Hello {
        version: [u8; 2],
        suite: u16,
        session_id: Vec<u8>,
        messages: Vec<u8>,
    },
}

fn short(count: usize) -> [u8; 2] {
    u16::try_from(count).unwrap().to_be_bytes()
}

/// Octets under a length of two octets.
fn vector(octets: &[u8]) -> Vec<u8> {
    [&short(octets.len())[..], octets].concat()
}

fn extension(number: u16, octets: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &vector(octets)].concat()
}

impl Hello<'_> {
    /// With secp256r1 and ecdsa_secp256r1_sha256 alone.
    fn record(&self) -> Vec<u8> {
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        let name = [&[0][..], &vector(ADDRESS.as_bytes())].concat();
        let mut extensions = [
            extension(0, &vector(&name)),
            extension(10, &vector(&[0, 23])),
            extension(11, &[1, 0]),
            extension(13, &vector(&[4, 3])),
            extension(23, &[]),
        ]
        .concat();
        if let Some(ticket) = self.ticket {
            extensions.extend(extension(35, ticket));
        }
        let session_id = [&[u8::try_from(self.session_id.len()).unwrap()][..], self.session_id].concat();
        let hello =
            [&self.version[..], &[0x5A; 32], &session_id, &vector(&suites), &[1, 0], &vector(&extensions)]
                .concat();
        let message = [&[1, 0][..], &vector(&hello)].concat();
        [&[22, 3, 1][..], &vector(&message)].concat()
    }

    pub(super) async fn say(&self, to: SocketAddr) -> Said {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(&self.record()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), flight(&mut stream)).await;
        answer.expect("an answer in time")
    }
}

/// Reads records until the flight is whole.
async fn flight(stream: &mut TcpStream) -> Said {
    let mut handshake: Vec<u8> = Vec::new();
    loop {
        let mut header = [0; 5];
        if stream.read_exact(&mut header).await.is_err() {
            return Said::Closed;
        }
        let mut content = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut content).await.unwrap();
        match header[0] {
            21 => return Said::Alert(content[1]),
            22 => handshake.extend(content),
            other => panic!("a record of type {other}"),
        }
        if let Some(said) = hello(&handshake) {
            return said;
        }
    }
}

/// The ServerHello, once ServerHelloDone is there.
fn hello(handshake: &[u8]) -> Option<Said> {
    let mut messages = Vec::new();
    let mut rest = handshake;
    while let [kind, _, high, low, after @ ..] = rest {
        messages.push(*kind);
        rest = after.get(usize::from(u16::from_be_bytes([*high, *low]))..)?;
    }
    if messages.last() != Some(&SERVER_HELLO_DONE) {
        return None;
    }
    assert_eq!(handshake[0], SERVER_HELLO);
    let id = 39 + usize::from(handshake[38]);
    Some(Said::Hello {
        version: [handshake[4], handshake[5]],
        suite: u16::from_be_bytes([handshake[id], handshake[id + 1]]),
        session_id: handshake[39..id].to_vec(),
        messages,
    })
}
