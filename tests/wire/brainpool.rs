//! BR-01 from TLS to the last notification: an LPA and an eUICC that know brainpoolP256r1 and nothing else.
use std::process::{Command, Stdio};

use euicc::{Lpa, LpaConfig};
use rig::Confirm;
use smdpp::types::State;

use crate::house::House;

/// Offers brainpoolP256r1 alone and trusts the CI on it alone.
fn brainpool_lpa(house: &House) -> Lpa {
    let config = LpaConfig {
        connect: Some(house.server.ready().unwrap().es9plus.clone()),
        tls_roots: vec![house.server.pki().brainpool().ci().unwrap()],
        brainpool_only: true,
        ..LpaConfig::default()
    };
    Lpa::new(house.server.address(), config).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_tls_to_the_notification_all_is_on_brainpool_while_nist_goes_on() {
    let (house, stock) = House::open(1, 2);
    let operator = house.operator("acme");
    for (stocked, brainpool) in stock.iter().zip([true, false]) {
        let pki = house.server.pki();
        let (lpa, mut card) = if brainpool {
            (brainpool_lpa(&house), pki.brainpool().first_card().unwrap())
        } else {
            (house.lpa(), pki.first_card().unwrap())
        };
        let code = house.order(&operator, &stocked.iccid, None, Confirm::default()).await;
        let installed = lpa.download(&mut card, &code, None).await.unwrap();
        assert!(installed.upp == stocked.upp);
        assert!(card.list_notifications().is_empty());
        assert_eq!(house.eye().state(&stocked.iccid).await, State::Installed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_second_certificate_such_an_lpa_finds_no_common_curve() {
    let mut house = House::new(1);
    house.set("\nbrainpool_tls_", "\n# brainpool_tls_");
    let stock = house.stock(0, 1, 0);
    house.server.start().unwrap();
    let code = house.order(&house.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    let mut card = house.server.pki().brainpool().first_card().unwrap();
    let refused = brainpool_lpa(&house).download(&mut card, &code, None).await.unwrap_err().to_string();
    assert!(refused.contains("HandshakeFailure"), "{refused}");
    house.lpa().download(&mut card, &code, None).await.unwrap();
}

/// What a foreign client says of the handshake; `None`, said aloud, where there is no openssl.
fn openssl(house: &House, ca: &str, options: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &house.server.ready().unwrap().es9plus])
        .args(["-servername", house.server.address(), "-verify_return_error", "-CAfile"])
        .arg(house.server.pki().folder().join(ca))
        .args(options)
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("NOTICE: NOT TESTED with a foreign client, because openssl is not installed");
            None
        }
        Err(error) => panic!("openssl: {error}"),
    }
}

/// TR-01 on each curve, and which certificate whom: who offers P-256 never meets the other one.
#[test]
fn openssl_gets_the_certificate_of_the_curve_that_it_offers() {
    let (house, _) = House::open(1, 0);
    const NIST: &str = "Server Temp Key: ECDH, prime256v1";
    const BRAINPOOL: &str = "Server Temp Key: ECDH, brainpoolP256r1";
    let tls12 = |groups| ["-tls1_2", "-curves", groups];
    for (groups, ca, key) in [
        ("P-256", "ci.pem", NIST),
        ("brainpoolP256r1:P-256", "ci.pem", NIST),
        ("brainpoolP256r1", "brainpool/ci.pem", BRAINPOOL),
        ("brainpoolP256r1:X25519", "brainpool/ci.pem", BRAINPOOL),
    ] {
        let Some((good, text)) = openssl(&house, ca, &tls12(groups)) else { return };
        assert!(
            good && text.contains(key) && text.contains("Verify return code: 0 (ok)"),
            "{groups}: {text}"
        );
    }
    let suite = [&tls12("brainpoolP256r1")[..], &["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]].concat();
    assert!(openssl(&house, "brainpool/ci.pem", &suite).unwrap().0);
    // Its one suite that this curve would have is missing; TLS 1.3 with the other group is left.
    let other_suite = ["-curves", "X25519:brainpoolP256r1", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"];
    let (good, text) = openssl(&house, "ci.pem", &other_suite).unwrap();
    assert!(good && text.contains("TLSv1.3"), "{text}");
    let (good, text) = openssl(&house, "ci.pem", &["-tls1_3"]).unwrap();
    assert!(good && text.contains("TLSv1.3"), "{text}");
    let (good, text) = openssl(&house, "ci.pem", &tls12("brainpoolP384r1")).unwrap();
    assert!(!good && text.contains("handshake failure"), "{text}");
}
