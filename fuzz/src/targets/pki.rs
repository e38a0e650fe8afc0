//! Certificates, chains and revocation lists (SGP.22 4.5.2, 4.6): only what a test CI signed is believed.
use std::sync::LazyLock;

use smdpp::mint::{Plan, TestPki};
use smdpp::pki::{Certificate, Revocations, TrustStore};
use smdpp::random::SeededRandom;
use smdpp::time::Timestamp;

/// 2026-11-22.
const NOW: Timestamp = Timestamp::from_unix_ms(1_795_305_600_000);

/// The same keys as in the suite's house.
static PKI: LazyLock<TestPki> =
    LazyLock::new(|| TestPki::with_random(&Plan::example().unwrap(), NOW, &SeededRandom::new(7)).unwrap());

/// Both CIs: NIST and Brainpool.
static ROOTS: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    let roots = [&PKI.ci, &PKI.brainpool.ci];
    roots.map(|root| Certificate::parse(&root.der).unwrap()).to_vec()
});

static TRUST: LazyLock<TrustStore> = LazyLock::new(|| TrustStore::new(ROOTS.clone()).unwrap());

/// Whatever parses can be asked for everything, and is kept as it came.
pub(super) fn certificate(input: &[u8]) {
    LazyLock::force(&TRUST);
    let Ok(certificate) = Certificate::parse(input) else { return };
    assert_eq!(certificate.der(), input);
    let names = (certificate.subject().title(), certificate.issuer().title(), certificate.serial());
    let dates = (certificate.not_before(), certificate.not_after());
    let ids = (certificate.subject_key_id(), certificate.authority_key_id(), certificate.registered_id());
    std::hint::black_box((names, dates, ids, certificate.dns_names(), certificate.fingerprint()));
    let _ = smdpp::pki::check_tls_certificate(input, "smdp.example.com", NOW);
    let _ = TRUST.verify_eum(input, NOW);
    if let Ok(trust) = TrustStore::new(vec![certificate]) {
        assert_eq!(trust.key_ids().count(), 1);
    }
}

/// Two certificates, one behind the other: EUM and eUICC.
pub(super) fn chain(input: &[u8]) {
    LazyLock::force(&TRUST);
    let Ok(parts) = smdpp::asn1::tlv::split(input) else { return };
    let [eum, euicc] = parts.as_slice() else { return };
    let Ok(euicc) = TRUST.verify_euicc(eum.whole, euicc.whole, NOW) else { return };
    // Nobody can make another that these CIs signed: what verifies is a certificate of the test PKI, found in a seed.
    assert!(PKI.euiccs.iter().any(|(eid, _)| eid == euicc.eid()), "{} is not ours", euicc.eid());
}

/// A list in DER, PEM or Base64, whole or in segments: what is believed reads the same again, and follows itself.
pub(super) fn crl(input: &[u8]) {
    for ci in LazyLock::force(&ROOTS) {
        let Ok(list) = Revocations::read(input, ci) else { continue };
        let again = Revocations::read(list.der(), ci).unwrap();
        assert_eq!((again.number(), again.entries()), (list.number(), list.entries()));
        let entries = list.entries();
        assert_eq!(again.succeed(&list, NOW).unwrap().entries(), entries);
    }
}
