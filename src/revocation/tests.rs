//! Sources that fail in every way, and what is kept on disk.
use std::io::{Read, Write};
use std::net::TcpListener;

use super::cache::{Cache, Record};
use super::source::{Source, look};
use super::{Watched, sources};
use crate::asn1::KeyId;
use crate::config::CrlSource;
use crate::mint::{CrlPlan, Overrides, Plan, Press, RevokedCertificate, TestPki, issue_ci, issue_crl};
use crate::pki::{Certificate, Credentials, Revocations};
use crate::random::SeededRandom;
use crate::time::{DAY_MS, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_s(1_790_000_000);

/// A server that gives one answer, whatever is asked; gives back the request.
fn answering(answer: Vec<u8>) -> (Source, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/a.crl?segmentedForm=true", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 2048];
        let length = stream.read(&mut request).unwrap();
        // A client that has read enough may have gone.
        let _written = stream.write_all(&answer);
        String::from_utf8(request[..length].to_vec()).unwrap()
    });
    (Source::Http(uri.parse().unwrap()), served)
}

async fn fetched(answer: &[u8]) -> Result<Vec<u8>, String> {
    answering(answer.to_vec()).0.fetch().await
}

#[tokio::test]
async fn a_list_comes_by_a_plain_get_of_the_address_as_it_stands() {
    let (source, served) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nMIIB".to_vec());
    assert_eq!(source.fetch().await.unwrap(), b"MIIB");
    let request = served.join().unwrap();
    assert!(request.starts_with("GET /a.crl?segmentedForm=true HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nMI\r\n2\r\nIB\r\n0\r\n\r\n";
    assert_eq!(fetched(chunked).await.unwrap(), b"MIIB");
    assert_eq!(fetched(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nMIIB").await.unwrap(), b"MIIB");
}

#[tokio::test]
async fn another_answer_than_a_whole_200_is_a_failure_with_a_reason() {
    assert_eq!(
        fetched(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await,
        Err("HTTP 404".to_owned())
    );
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(fetched(redirect).await, Err("HTTP 302".to_owned()));
    assert!(fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nMIIB").await.is_err());
    assert!(fetched(b"SSH-2.0-OpenSSH\r\n").await.is_err());
    assert!(fetched(b"").await.is_err());
    let mut large = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    large.resize(5 * 1024 * 1024, b'M');
    assert!(fetched(&large).await.is_err());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(Source::Http(format!("http://{port}/").parse().unwrap()).fetch().await.is_err());
}

#[tokio::test]
async fn a_file_that_changes_is_seen_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ci.crl");
    let sources = [Source::File(path.clone())];
    assert!(sources[0].fetch().await.is_err());
    let absent = look(&sources).await;
    std::fs::write(&path, b"MIIB").unwrap();
    let first = look(&sources).await;
    assert_ne!(first, absent);
    assert_eq!(sources[0].fetch().await.unwrap(), b"MIIB");
    std::fs::write(&path, b"MIIBxx").unwrap();
    assert_ne!(look(&sources).await, first);
}

#[test]
fn a_kept_list_is_verified_again_and_brings_what_it_carried() {
    let random = SeededRandom::new(3);
    let ci = issue_ci(Press::new(NOW, &random), &Overrides::default()).unwrap();
    let root = Certificate::parse(&ci.der).unwrap();
    let id = KeyId::from_octets(ci.key_id()).unwrap();
    let list = |number: u64, serial: u8| {
        let revoked_at = NOW;
        let revoked = RevokedCertificate { serial: vec![serial], revoked_at, expires: NOW.plus_ms(DAY_MS) };
        let next_update = NOW.plus_ms(DAY_MS);
        let plan = CrlPlan { number, this_update: NOW, next_update, revoked: vec![revoked] };
        Revocations::read(&issue_crl(&ci, &plan).unwrap(), &root).unwrap()
    };
    let held = list(2, 8).succeed(&list(1, 7), NOW).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path().join("crl"));
    assert!(cache.load(&id, &root, NOW).0.is_none());
    let mut record = Record { source: Some("here".to_owned()), ..Record::default() };
    record.keep(&held, NOW);
    cache.save(&id, Some(&held), &record).unwrap();

    let (loaded, record_again) = cache.load(&id, &root, NOW);
    let loaded = loaded.unwrap();
    assert_eq!((loaded.entries(), loaded.number(), record_again), (2, held.number(), record));
    assert_eq!(cache.load(&id, &root, NOW.plus_ms(2 * DAY_MS)).0.unwrap().entries(), 1);

    let file = folder.path().join(format!("crl/{id}.crl"));
    let mut der = std::fs::read(&file).unwrap();
    *der.last_mut().unwrap() ^= 1;
    std::fs::write(&file, der).unwrap();
    assert!(cache.load(&id, &root, NOW).0.is_none());
    std::fs::write(folder.path().join(format!("crl/{id}.json")), b"{").unwrap();
    assert_eq!(cache.load(&id, &root, NOW).1, Record::default());
}

/// A CI under test, and the lists that it signs: with this number, of this one serial number.
fn ci_with_lists() -> (KeyId, Certificate, impl Fn(u64, u8) -> Vec<u8>) {
    let random = SeededRandom::new(5);
    let ci = issue_ci(Press::new(NOW, &random), &Overrides::default()).unwrap();
    let root = Certificate::parse(&ci.der).unwrap();
    let id = KeyId::from_octets(ci.key_id()).unwrap();
    let list = move |number: u64, serial: u8| {
        let (revoked_at, expires) = (NOW, NOW.plus_ms(DAY_MS));
        let revoked = vec![RevokedCertificate { serial: vec![serial], revoked_at, expires }];
        issue_crl(&ci, &CrlPlan { number, this_update: NOW, next_update: expires, revoked }).unwrap()
    };
    (id, root, list)
}

/// The one asks a mirror that lags behind.
#[tokio::test]
async fn of_two_servers_with_one_folder_none_puts_an_older_list_in_the_place_of_a_newer_one() {
    let (id, root, list) = ci_with_lists();
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path().join("crl"));
    let (new, old) = (folder.path().join("new.crl"), folder.path().join("old.crl"));
    std::fs::write(&new, list(2, 8)).unwrap();
    std::fs::write(&old, list(1, 7)).unwrap();
    let server = |path| Watched::open(id.clone(), root.clone(), vec![Source::File(path)], &cache, NOW);
    let (mut behind, mut ahead) = (server(old.clone()), server(new));
    assert!(behind.refresh(&cache, NOW).await);
    assert!(ahead.refresh(&cache, NOW).await);
    assert!(behind.refresh(&cache, NOW).await, "news of the other server");
    for held in [behind.held.as_deref().unwrap(), &cache.load(&id, &root, NOW).0.unwrap()] {
        assert_eq!((held.number().to_string().as_str(), held.entries()), ("2", 2));
    }
    assert!(behind.record.error.as_deref().unwrap().contains("older"));
    // One that had nothing takes what the others have.
    std::fs::remove_file(old.clone()).unwrap();
    let mut late = server(old);
    late.held = None;
    assert!(late.refresh(&cache, NOW).await);
    assert_eq!(late.held.unwrap().entries(), 2);
}

#[tokio::test]
async fn a_ci_whose_certificates_name_no_address_has_a_list_that_is_missing() {
    let (id, root, _) = ci_with_lists();
    let named = sources(&[CrlSource::Cdp], &id, &root, &Credentials::default());
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path().join("crl"));
    let mut watched = Watched::open(id, root, Vec::new(), &cache, NOW);
    assert!(!watched.refresh(&cache, NOW).await);
    assert!(watched.held.is_none() && watched.record.error.unwrap().contains("name an http address"));
    assert!(watched.due_at > NOW, "asked again later, not at once");
    assert!(!named.is_empty(), "the minted CI names one");
}

#[test]
fn a_ci_on_brainpool_revokes_too() {
    let random = SeededRandom::new(4);
    let pki = TestPki::with_random(&Plan::example().unwrap(), NOW, &random).unwrap();
    let (ci, eum) = (&pki.brainpool.ci, Certificate::parse(&pki.brainpool.eum.der).unwrap());
    let serial = crate::types::hex::decode(&eum.serial()).unwrap();
    let line = RevokedCertificate { serial, revoked_at: NOW, expires: eum.not_after() };
    let plan = CrlPlan { number: 1, this_update: NOW, next_update: NOW.plus_ms(DAY_MS), revoked: vec![line] };
    let root = Certificate::parse(&ci.der).unwrap();
    let list = Revocations::read(&issue_crl(ci, &plan).unwrap(), &root).unwrap();
    assert!(list.has(&eum) && !list.has(&root));
    let segments = crate::mint::issue_segments(ci, &plan, 1).unwrap();
    let body = crate::mint::segmented_crl_list(&segments);
    assert!(Revocations::read(&body, &root).unwrap().has(&eum));
    let other = Certificate::parse(&pki.ci.der).unwrap();
    assert!(Revocations::read(&body, &other).is_err());
}
