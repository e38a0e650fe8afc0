//! Lists that are right, and lists that are wrong in one thing (conformance case AE-03 (a), RFC 5280 5).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::mint::{COMMON_NAME, Draft, Key, name, oid};
use super::super::{Certificate, CrlError, Revocations, Serial, TrustStore};
use crate::asn1::tlv::tlv;
use crate::time::{DAY_MS, Timestamp};

const NOW: Timestamp = Timestamp::from_unix_s(1_790_000_000); // 2026-09-21

fn ci_name() -> Vec<u8> {
    name(&[(COMMON_NAME, "Test root")])
}

fn ci_draft() -> Draft {
    Draft::new(&ci_name(), &ci_name(), &Key::new(1)).policy(0).usage(0x06).with(
        19,
        true,
        &[0x30, 3, 1, 1, 0xFF],
    )
}

fn ci() -> Certificate {
    Certificate::parse(&ci_draft().sign(&Key::new(1))).unwrap()
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![1, 1, 0xFF] } else { Vec::new() };
    tlv(&[0x30], &[oid(id), critical, tlv(&[0x04], value)].concat())
}

fn entry(serial: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let at = tlv(&[0x17], b"260901000000Z");
    let more = if more.is_empty() { Vec::new() } else { tlv(&[0x30], &more.concat()) };
    tlv(&[0x30], &[tlv(&[2], serial), at, more].concat())
}

fn expires(at: &[u8]) -> Vec<u8> {
    extension("2.23.146.1.2.0.1", true, &tlv(&[0x18], at))
}

/// A list, to be made wrong in one thing.
#[derive(Clone)]
struct List {
    issuer: Vec<u8>,
    key_id: Vec<u8>,
    number: u8,
    this_update: &'static [u8],
    next_update: &'static [u8],
    entries: Vec<Vec<u8>>,
    more: Vec<Vec<u8>>,
}

impl List {
    fn of(serials: &[&[u8]]) -> Self {
        Self {
            issuer: ci_name(),
            key_id: Key::new(1).id(),
            number: 5,
            this_update: b"260920000000Z",
            next_update: b"261020000000Z",
            entries: serials.iter().map(|serial| entry(serial, &[])).collect(),
            more: vec![extension("2.5.29.28", true, &tlv(&[0x30], &[]))],
        }
    }

    fn with(mut self, extension: Vec<u8>) -> Self {
        self.more.push(extension);
        self
    }

    fn segment(self, place: u8, total: u8) -> Self {
        self.with(extension("2.23.146.1.2.0.2", true, &[2, 1, total])).with(extension(
            "2.23.146.1.2.0.3",
            true,
            &[2, 1, place],
        ))
    }

    fn sign(&self) -> Vec<u8> {
        let algorithm = tlv(&[0x30], &oid("1.2.840.10045.4.3.2"));
        let aki = extension("2.5.29.35", true, &tlv(&[0x30], &tlv(&[0x80], &self.key_id)));
        let number = extension("2.5.29.20", false, &[2, 1, self.number]);
        let extensions = tlv(&[0x30], &[aki, number, self.more.concat()].concat());
        let revoked = if self.entries.is_empty() { Vec::new() } else { tlv(&[0x30], &self.entries.concat()) };
        let tbs = [
            vec![2, 1, 1],
            algorithm.clone(),
            self.issuer.clone(),
            tlv(&[0x17], self.this_update),
            tlv(&[0x17], self.next_update),
            revoked,
            tlv(&[0xA0], &extensions),
        ];
        let tbs = tlv(&[0x30], &tbs.concat());
        let signature = tlv(&[3], &[&[0], &Key::new(1).sign_asn1(&tbs)[..]].concat());
        tlv(&[0x30], &[tbs, algorithm, signature].concat())
    }

    fn read(&self) -> Result<Revocations, CrlError> {
        Revocations::read(&self.sign(), &ci())
    }
}

fn has(revocations: &Revocations, serial: &[u8]) -> bool {
    revocations.has_serial(&Serial::read(serial).unwrap())
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN X509 CRL-----\r\n{}\r\n-----END X509 CRL-----\n", STANDARD.encode(der))
}

#[test]
fn a_sound_list_says_who_is_revoked_and_until_when_it_holds() {
    let list = List::of(&[&[7], &[0, 0x81, 2]]).read().unwrap();
    assert!(has(&list, &[7]) && has(&list, &[0x81, 2]) && !has(&list, &[8]));
    assert_eq!((list.number().to_string(), list.entries()), ("5".to_owned(), 2));
    assert_eq!(list.this_update().to_string(), "2026-09-20T00:00:00.000Z");
    assert_eq!(list.next_update().to_string(), "2026-10-20T00:00:00.000Z");
    assert_eq!(List::of(&[]).read().unwrap().entries(), 0);
}

#[test]
fn der_pem_and_base64_are_the_same_list() {
    let der = List::of(&[&[7]]).sign();
    let text = STANDARD.encode(&der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|l| String::from_utf8(l.to_vec()).unwrap()).collect();
    for body in [der.clone(), pem(&der).into_bytes(), text.into_bytes(), lines.join("\r\n").into_bytes()] {
        let list = Revocations::read(&body, &ci()).unwrap();
        assert!(has(&list, &[7]));
        assert_eq!(list.der(), der);
    }
}

#[test]
fn only_all_segments_together_are_the_list() {
    let first = List::of(&[&[1]]).segment(1, 2).sign();
    let second = List::of(&[&[2]]).segment(2, 2).sign();
    let read = |segments: &[&Vec<u8>]| {
        let content: Vec<u8> = segments.iter().flat_map(|one| one.iter().copied()).collect();
        Revocations::read(&tlv(&[0x30], &content), &ci()).map(|list| list.entries())
    };
    assert_eq!(read(&[&second, &first]), Ok(2));
    let blocks = format!("{}{}", pem(&first), pem(&second));
    assert_eq!(Revocations::read(blocks.as_bytes(), &ci()).unwrap().entries(), 2);
    let other_number = List { number: 6, ..List::of(&[&[2]]) }.segment(2, 2).sign();
    let other_total = List::of(&[&[2]]).segment(2, 3).sign();
    let whole = List::of(&[&[2]]).sign();
    for wrong in [&[&first][..], &[&first, &first], &[&first, &other_number], &[&first, &other_total]] {
        assert_eq!(read(wrong), Err(CrlError::Segments));
    }
    assert_eq!(read(&[&first, &whole]), Err(CrlError::Segments));
    let mut forged = first.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(read(&[&forged, &second]), Err(CrlError::BadSignature));
    assert_eq!(read(&[&forged, &forged]), Err(CrlError::Segments), "counted before anything is verified");
    assert_eq!(Revocations::read(&first, &ci()).err(), Some(CrlError::Segments));
    assert_eq!(Revocations::read(&[0x30, 0], &ci()).err(), Some(CrlError::Segments));
    let half = List::of(&[]).with(extension("2.23.146.1.2.0.3", true, &[2, 1, 1]));
    assert_eq!(half.read().err(), Some(CrlError::Segments));
}

#[test]
fn a_list_of_another_ci_is_not_taken() {
    let other_name = List { issuer: name(&[(COMMON_NAME, "Other root")]), ..List::of(&[]) };
    assert_eq!(other_name.read().err(), Some(CrlError::OtherIssuer));
    let other_key = List { key_id: Key::new(2).id(), ..List::of(&[]) };
    assert_eq!(other_key.read().err(), Some(CrlError::OtherIssuer));
    let silent = Certificate::parse(&ci_draft().usage(0x04).sign(&Key::new(1))).unwrap();
    assert_eq!(Revocations::read(&List::of(&[]).sign(), &silent).err(), Some(CrlError::NotAnIssuer));
}

#[test]
fn what_is_critical_and_unknown_or_narrower_than_the_ci_is_not_taken() {
    let unknown = extension("2.5.29.99", true, &[5, 0]);
    let refused = List::of(&[]).with(unknown.clone()).read();
    assert!(matches!(refused, Err(CrlError::ExtensionUnknown(_))));
    assert!(List::of(&[]).with(extension("2.5.29.99", false, &[5, 0])).read().is_ok());
    let odd_entry = List { entries: vec![entry(&[7], &[unknown])], ..List::of(&[]) };
    assert!(matches!(odd_entry.read(), Err(CrlError::ExtensionUnknown(_))));
    let delta = List::of(&[]).with(extension("2.5.29.27", false, &[2, 1, 1]));
    assert_eq!(delta.read().err(), Some(CrlError::Partial("a delta")));
    for scope in 0x81..=0x84 {
        let narrow = extension("2.5.29.28", true, &tlv(&[0x30], &[scope, 1, 0xFF]));
        let list = List { more: vec![narrow], ..List::of(&[]) };
        assert!(matches!(list.read(), Err(CrlError::Partial(_))), "{scope:02X}");
    }
    let twice = extension("2.5.29.20", false, &[2, 1, 5]);
    assert!(matches!(List::of(&[]).with(twice).read(), Err(CrlError::Malformed(_))));
}

#[test]
fn a_newer_list_takes_the_place_and_an_older_one_does_not() {
    let held = List::of(&[&[1]]).read().unwrap();
    let newer = List { number: 6, this_update: b"260921000000Z", ..List::of(&[&[2]]) };
    assert!(newer.read().unwrap().succeed(&held, NOW).is_ok());
    let lower = List { number: 4, this_update: b"260921000000Z", ..List::of(&[]) };
    assert!(matches!(lower.read().unwrap().succeed(&held, NOW), Err(CrlError::Older { .. })));
    let earlier = List { number: 6, this_update: b"260919000000Z", ..List::of(&[]) };
    assert!(matches!(earlier.read().unwrap().succeed(&held, NOW), Err(CrlError::Older { .. })));
}

#[test]
fn what_an_earlier_list_revoked_stays_revoked_until_its_certificate_has_expired() {
    let entries = vec![
        entry(&[1], &[]),
        entry(&[2], &[expires(b"20300101000000Z"), extension("2.5.29.21", false, &[0x0A, 1, 6])]),
        entry(&[3], &[expires(b"20260101000000Z")]),
    ];
    let held = List { entries, ..List::of(&[]) }.read().unwrap();
    assert!(has(&held, &[3]));
    let list = List { number: 6, ..List::of(&[&[9]]) }.read().unwrap().succeed(&held, NOW).unwrap();
    assert!(has(&list, &[1]) && has(&list, &[2]) && has(&list, &[9]) && !has(&list, &[3]));
    let third = List { number: 7, ..List::of(&[]) }.read().unwrap().succeed(&list, NOW).unwrap();
    assert!(has(&third, &[1]) && has(&third, &[9]));
    let much_later = NOW.plus_ms(DAY_MS * 365 * 10);
    let last = List { number: 8, ..List::of(&[]) }.read().unwrap().succeed(&third, much_later).unwrap();
    assert!(has(&last, &[1]) && !has(&last, &[2]));
    let kept: Vec<String> = last.carried().map(|(serial, _)| serial.to_string()).collect();
    assert_eq!(kept, ["01", "09"]);
    assert_eq!(Serial::parse("09"), Serial::read(&[0, 9]));
}

#[test]
fn hostile_octets_are_no_list_and_no_panic() {
    let der = List { entries: vec![entry(&[2], &[expires(b"20300101000000Z")])], ..List::of(&[]) }.sign();
    let ci = ci();
    assert!(Revocations::read(&der, &ci).is_ok());
    for length in 0..der.len() {
        assert!(Revocations::read(&der[..length], &ci).is_err(), "{length}");
    }
    for place in 0..der.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = der.clone();
            changed[place] ^= bit;
            assert!(Revocations::read(&changed, &ci).is_err(), "octet {place}");
        }
    }
    assert!(Revocations::read(&[&der[..], &[0]].concat(), &ci).is_err());
    let bodies =
        ["", "MIIB", "-----BEGIN CERTIFICATE-----", "-----BEGIN X509 CRL-----", "<html>", "\u{FEFF}"];
    for body in bodies {
        assert!(Revocations::read(body.as_bytes(), &ci).is_err(), "{body}");
    }
}

#[test]
fn times_and_numbers_in_other_forms_are_refused() {
    for wrong in
        [&b"2609200000Z"[..], b"260920000000", b"260920000000+0000", b"-60920000000Z", b"261320000000Z"]
    {
        let list = List { this_update: Box::leak(wrong.to_vec().into_boxed_slice()), ..List::of(&[]) };
        assert!(list.read().is_err(), "{wrong:?}");
    }
    let backwards = List { next_update: b"260919000000Z", ..List::of(&[]) };
    assert_eq!(backwards.read().err(), Some(CrlError::Malformed("nextUpdate")));
    assert!(List { number: 0x80, ..List::of(&[]) }.read().is_err());
    assert!(List::of(&[&[1; 21]]).read().is_err());
    assert!(List::of(&[&[]]).read().is_err());
}

#[test]
fn a_list_of_too_many_entries_or_octets_is_refused() {
    let mut list = List::of(&[]);
    list.entries = (0..100_001u32).map(|n| entry(&[&[1], &n.to_be_bytes()[..]].concat(), &[])).collect();
    assert_eq!(list.read().err(), Some(CrlError::TooMany));
    list.entries.pop();
    assert_eq!(list.read().unwrap().entries(), 100_000);
    let body = vec![b'M'; 4 * 1024 * 1024 + 1];
    assert_eq!(Revocations::read(&body, &ci()).err(), Some(CrlError::Malformed("more than 4 MiB")));
    let many = tlv(&[0x30], &tlv(&[0x30], &[5, 0].repeat(1_000_000)));
    assert!(matches!(Revocations::read(&many, &ci()), Err(CrlError::Malformed(_))));
}

#[test]
fn a_revoked_ci_vouches_for_nobody_and_an_old_list_only_as_long_as_allowed() {
    let id = crate::asn1::KeyId::from_octets(&Key::new(1).id()).unwrap();
    let trust = TrustStore::new(vec![ci()]).unwrap();
    let sound = std::sync::Arc::new(List::of(&[&[7]]).read().unwrap());
    assert!(trust.clone().with_revocations(&id, sound, None).knows(&id, NOW));
    // Every certificate of `pki/mint.rs` has the serial number 01 02.
    let own = std::sync::Arc::new(List::of(&[&[1, 2]]).read().unwrap());
    let revoked = trust.with_revocations(&id, own, None);
    assert!(!revoked.knows(&id, NOW) && revoked.root(&id).is_some());
}

/// openssl as a second opinion: it reads what we read, and we read what it writes.
#[test]
fn a_list_that_openssl_made_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &str| {
        let output =
            std::process::Command::new("openssl").args(words.split(' ')).current_dir(&folder).output();
        let Ok(output) = output else {
            println!("NOTICE: skipped, because there is no openssl");
            return false;
        };
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        true
    };
    let config = "[req]\ndistinguished_name=dn\n[dn]\n[ca]\ndefault_ca=it\n[it]\ndatabase=index\ncrlnumber=number\n\
        default_md=sha256\ndefault_crl_days=30\ncrl_extensions=crl\n[crl]\nauthorityKeyIdentifier=keyid:always\n\
        [root]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";
    std::fs::write(folder.path().join("conf"), config).unwrap();
    let expiry = "301231235959Z";
    let index = format!("R\t{expiry}\t260101000000Z,keyCompromise\t1234ABCD\tunknown\t/CN=EUM\n");
    std::fs::write(folder.path().join("index"), index).unwrap();
    std::fs::write(folder.path().join("number"), "2A\n").unwrap();
    let made = "req -x509 -config conf -extensions root -subj /CN=Root -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
                -nodes -keyout key -out root.der -outform DER";
    if !run(made) {
        return;
    }
    assert!(run("x509 -in root.der -inform DER -out root.pem"));
    assert!(run("ca -config conf -gencrl -cert root.pem -keyfile key -out crl.pem"));
    let file = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let list = Revocations::read(&file("crl.pem"), &Certificate::parse(&file("root.der")).unwrap()).unwrap();
    assert_eq!((list.number().to_string(), list.entries()), ("42".to_owned(), 1));
    assert!(has(&list, &[0x12, 0x34, 0xAB, 0xCD]));
}
