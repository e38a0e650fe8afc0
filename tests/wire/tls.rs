//! Who gets through the doors, and how the answers look on the wire (SGP.22 2.6.6, 6.1 to 6.5).
use std::fs;
use std::process::Command;
use std::time::Duration;

use euicc::LpaConfig;
use rig::pki::ClientIdentity;
use rig::{Confirm, Es2Plus, RigError};
use serde_json::Value;
use smdpp::mint::{Issued, Overrides, Press, issue_operator, issue_operator_ca};
use smdpp::random::OsRandom;
use smdpp::time::{Clock, DAY_MS, SystemClock};
use smdpp::types::{Oid, State};
use tokio::time::{sleep, timeout};

use crate::house::{ES2PLUS, ES9PLUS, House, Stocked};
use crate::raw::Raw;

const ACME: &str = "2.999.10.1.1";

/// A house whose operators' CA is in our hands, so that it can issue wrong certificates too.
struct Gate {
    house: House,
    stock: Vec<Stocked>,
    ca: Issued,
    random: OsRandom,
}

impl Gate {
    fn new() -> Self {
        let random = OsRandom::new();
        let mut house = House::new(1);
        let ca = issue_operator_ca(Press::new(SystemClock.now(), &random), &Overrides::default()).unwrap();
        fs::write(house.server.pki().folder().join("operator-ca.pem"), ca.certificate_pem()).unwrap();
        let stock = house.stock(0, 1, 0);
        house.server.start().unwrap();
        Self { house, stock, ca, random }
    }

    fn issue(&self, name: &str, oid: &str, overrides: &Overrides) -> Issued {
        let press = Press::new(SystemClock.now(), &self.random);
        issue_operator(press, &self.ca, name, &Oid::parse(oid).unwrap(), overrides).unwrap()
    }

    fn foreign_ca(&self, name: &str) -> Issued {
        let overrides = Overrides { common_name: Some(name.to_owned()), ..Overrides::default() };
        issue_operator_ca(Press::new(SystemClock.now(), &self.random), &overrides).unwrap()
    }

    fn client(&self, issued: Option<&Issued>) -> Es2Plus {
        let identity = issued.map(|issued| ClientIdentity {
            certificate: issued.certificate_pem().into_bytes(),
            key: issued.key_pem().unwrap().expose().clone().into_bytes(),
        });
        let (server, ci) = (&self.house.server, self.house.server.pki().ci().unwrap());
        let target = &server.ready().unwrap().es2plus;
        Es2Plus::new(target, server.address(), &ci, identity.as_ref(), "acme").unwrap()
    }

    /// The handshake fails, and the Profile stays where it was.
    async fn keeps_out(&self, what: &str, issued: Option<&Issued>) {
        let order = self.client(issued).download_order(None, Some(&self.stock[0].iccid), None).await;
        assert!(matches!(order, Err(RigError::Es2Plus { .. })), "{what}: {order:?}");
        assert_eq!(self.house.eye().state(&self.stock[0].iccid).await, State::Available, "{what}");
        self.curl_is_kept_out(what, issued);
    }

    fn curl_is_kept_out(&self, what: &str, issued: Option<&Issued>) {
        let folder = self.house.server.folder();
        let (certificate, key) = (folder.join("client.pem"), folder.join("client.key"));
        let mut identity = Vec::new();
        if let Some(issued) = issued {
            fs::write(&certificate, issued.certificate_pem()).unwrap();
            fs::write(&key, issued.key_pem().unwrap().expose()).unwrap();
            identity = vec!["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
        }
        if let Some(answer) = curl(&self.house, true, &identity, ES2PLUS, "downloadOrder") {
            assert!(answer.exit != 0 && answer.text.is_empty(), "{what}: {answer:?}");
        }
    }
}

#[derive(Debug)]
struct Curled {
    exit: i32,
    text: String,
}

/// A foreign client; a loud notice where there is none.
fn curl(house: &House, es2plus: bool, options: &[&str], folder: &str, function: &str) -> Option<Curled> {
    let (server, ready) = (&house.server, house.server.ready().unwrap());
    let target = if es2plus { &ready.es2plus } else { &ready.es9plus };
    let output = Command::new("curl")
        .args(["--silent", "--include", "--http1.1", "--max-time", "10", "--cacert"])
        .arg(server.pki().folder().join("ci.pem"))
        .args(["--connect-to", &format!("{}:443:{target}", server.address())])
        .args(["-H", "Content-Type: application/json", "-H", "X-Admin-Protocol: gsma/rsp/v2.2.0"])
        .args(["--data", "{}"])
        .args(options)
        .arg(format!("https://{}{folder}{function}", server.address()))
        .output();
    match output {
        Ok(output) => Some(Curled {
            exit: output.status.code().unwrap_or(-1),
            text: String::from_utf8(output.stdout).unwrap().to_lowercase(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("NOTICE: NOT TESTED with a foreign client, because curl is not installed");
            None
        }
        Err(error) => panic!("curl: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_valid_client_certificate_nobody_passes_the_handshake() {
    let gate = Gate::new();
    gate.keeps_out("no certificate", None).await;
    let past = SystemClock.now().plus_ms(-2 * DAY_MS);
    let ended = Overrides {
        not_before: Some(past.plus_ms(-30 * DAY_MS)),
        not_after: Some(past),
        ..Overrides::default()
    };
    gate.keeps_out("expired", Some(&gate.issue("acme", ACME, &ended))).await;
    let later = Overrides { not_before: Some(SystemClock.now().plus_ms(DAY_MS)), ..Overrides::default() };
    gate.keeps_out("not yet valid", Some(&gate.issue("acme", ACME, &later))).await;
    gate.keeps_out("self-signed", Some(&gate.foreign_ca("acme"))).await;

    let same_name = Gate { ca: gate.foreign_ca("smdpp test operator CA"), ..gate };
    let strange = same_name.issue("acme", ACME, &Overrides::default());
    same_name.keeps_out("of another CA with the same name", Some(&strange)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_nobody_registered_is_forbidden() {
    let gate = Gate::new();
    let acme = gate.issue("acme", ACME, &Overrides::default());
    let half =
        [("gamma", "2.999.10.1.9"), ("acme", "2.999.10.1.9"), ("gamma", ACME), ("acme", "2.999.10.1.2")];
    for (name, oid) in half {
        let client = gate.client(Some(&gate.issue(name, oid, &Overrides::default())));
        let answer = client.download_order(None, Some(&gate.stock[0].iccid), None).await.unwrap();
        assert_eq!((answer.http_status, &*answer.codes()), (403, "1.1/1.1"), "{name} {oid}");
    }
    assert_eq!(gate.house.eye().state(&gate.stock[0].iccid).await, State::Available);
    let answer =
        gate.client(Some(&acme)).download_order(None, Some(&gate.stock[0].iccid), None).await.unwrap();
    assert!(answer.succeeded(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_cannot_see_or_touch_what_is_anothers() {
    let (house, stock) = House::open(1, 2);
    let (acme, beta) = (house.operator("acme"), house.operator("beta"));
    let iccid = Some(stock[0].iccid.as_str());
    let code = house.order(&acme, &stock[1].iccid, None, Confirm::default()).await;
    let before = house.eye().trail_entries().await;
    let (own, ordered) = (stock[0].iccid.as_str(), stock[1].iccid.as_str());
    let refused = [
        (beta.download_order(None, iccid, None).await, "8.2.1/1.2"),
        (beta.download_order(None, None, Some("consumer")).await, "8.2.5/1.2"),
        (beta.confirm_order(own, Confirm { release: true, ..Confirm::default() }).await, "8.2.1/1.2"),
        (beta.release_profile(ordered).await, "8.2.1/1.2"),
        (beta.cancel_order(ordered, None, code.matching_id.as_deref(), "Available").await, "8.2.1/1.2"),
    ];
    for (answer, codes) in refused {
        let answer = answer.unwrap();
        assert_eq!((answer.http_status, answer.codes()), (200, codes.to_owned()), "{}", answer.function);
    }
    assert_eq!(house.eye().trail_entries().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_client_is_answered_and_told_what_is_missing() {
    let (house, _) = House::open(1, 1);
    let operators = house.server.pki().folder().join("operators");
    let file = |name: &str| operators.join(name).display().to_string();
    let (certificate, key) = (file("acme.pem"), file("acme.key"));
    let identity = ["--cert", &certificate, "--key", &key];
    let Some(answer) = curl(&house, true, &identity, ES2PLUS, "downloadOrder") else { return };
    assert!(answer.text.contains("http/1.1 200") && answer.text.contains("\"failed\""), "{answer:?}");
    assert!(answer.text.contains("x-admin-protocol: gsma/rsp/v2."), "{answer:?}");

    let refusals: [(bool, &[&str], &str, &str, &str); 4] = [
        (false, &[], ES2PLUS, "downloadOrder", "404"),
        (true, &identity, ES9PLUS, "initiateAuthentication", "404"),
        (false, &["--get"], ES9PLUS, "initiateAuthentication", "405"),
        (false, &[], ES9PLUS, "noSuchFunction", "404"),
    ];
    for (es2plus, options, folder, function, status) in refusals {
        let Some(answer) = curl(&house, es2plus, options, folder, function) else { return };
        assert!(answer.text.starts_with(&format!("http/1.1 {status}")), "{folder}{function}: {answer:?}");
    }
    for version in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
        let answer = curl(&house, false, &version, ES9PLUS, "initiateAuthentication").unwrap();
        assert!(answer.text.contains("http/1.1 200") && answer.text.contains("1.6"), "{answer:?}");
    }
    let old = curl(&house, false, &["--tls-max", "1.1"], ES9PLUS, "initiateAuthentication").unwrap();
    assert!(old.exit != 0 && old.text.is_empty(), "{old:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_look_as_the_binding_says() {
    let (house, stock) = House::open(1, 1);
    let (lpa, mut card) = (house.lpa(), house.server.pki().first_card().unwrap());
    let path = format!("{ES9PLUS}initiateAuthentication");
    let mut slashes = 0;
    for _ in 0..4 {
        let request = lpa.initiate_authentication_request(&mut card).unwrap().to_string();
        let answer = lpa.post(&path, "application/json;charset=UTF-8", request.into_bytes()).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.header("x-admin-protocol").is_some_and(|value| value.starts_with("gsma/rsp/v2.")));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("\\/") && !text.contains("\\u"), "{text}");
        slashes += text.matches('/').count();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["header"]["functionExecutionStatus"]["status"], "Executed-Success");
    }
    assert!(slashes > 0, "no base64 had a slash, so nothing was shown");

    let code = house.order(&house.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    lpa.download(&mut card, &code, None).await.unwrap();
    card.enable(&stock[0].iccid).unwrap();
    let pending = card.list_notifications().last().unwrap().bytes.clone();
    let answer = lpa.call("handleNotification", lpa.handle_notification_request(&pending)).await.unwrap();
    assert_eq!((answer.status, answer.body), (204, Value::Null));
    assert!(answer.headers.iter().any(|(name, _)| name == "x-admin-protocol"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_oversized_bodies_do_not_hold_others_up() {
    let mut house = House::new(1);
    house.set("body_seconds = 30", "body_seconds = 2");
    let stock = house.stock(0, 1, 0);
    house.server.start().unwrap();
    let path = format!("{ES9PLUS}initiateAuthentication");
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect(&house).await;
        raw.send(Raw::header(&path, 200).as_bytes()).await;
        slow.push(tokio::spawn(async move {
            for _ in 0..100 {
                if timeout(Duration::from_millis(100), raw.answer()).await.is_ok()
                    || !raw.try_send(b" ").await
                {
                    break;
                }
            }
            raw.answer().await;
            raw.text()
        }));
    }
    let before_kib = house.server.peak_rss_kib().unwrap();
    let large = (0..20).map(|_| {
        let lpa = house.lpa_with(LpaConfig::default());
        let path = path.clone();
        tokio::spawn(async move {
            lpa.post(&path, "application/json", vec![b' '; 10 << 20]).await.unwrap().status
        })
    });
    for answer in large.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), 413);
    }
    let grown_kib = house.server.peak_rss_kib().unwrap().saturating_sub(before_kib);
    assert!(grown_kib < 64 * 1024, "200 MiB of bodies took {grown_kib} KiB");

    let code = house.order(&house.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    let mut card = house.server.pki().first_card().unwrap();
    let download = house.lpa();
    let download = download.download(&mut card, &code, None);
    timeout(Duration::from_secs(5), download).await.expect("prompt").unwrap();
    sleep(Duration::from_millis(100)).await;
    for answer in slow {
        let text = answer.await.unwrap();
        assert!(text.starts_with("HTTP/1.1 408"), "{text:?}");
    }
}

/// A body of chunks of one octet each costs what it weighs: memory is `connections_max` requests, not forty times that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_chunks_cost_no_more_than_one_large() {
    let (house, _) = House::open(1, 0);
    let header = format!(
        "POST {ES9PLUS}initiateAuthentication HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n"
    );
    let before_kib = house.server.peak_rss_kib().unwrap();
    let senders = (0..12).map(|_| Raw::connect(&house));
    let mut open = Vec::new();
    for sender in senders {
        let mut raw = sender.await;
        raw.send(header.as_bytes()).await;
        raw.send("1\r\n \r\n".repeat(65_000).as_bytes()).await;
        open.push(raw);
    }
    for raw in &mut open {
        raw.send(b"0\r\n\r\n").await;
        raw.answer().await;
        assert!(raw.text().starts_with("HTTP/1.1 400"), "{:?}", raw.text());
    }
    let grown_kib = house.server.peak_rss_kib().unwrap().saturating_sub(before_kib);
    assert!(grown_kib < 8 * 1024, "12 bodies of 65000 octets took {grown_kib} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_certificate_is_the_one_for_tls() {
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
    let (house, _) = House::open(1, 1);
    // rustls has verified the chain to the CI and the name.
    let raw = Raw::connect(&house).await;
    let der = raw.server_certificate();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(certificate.validity().is_valid());
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && usage.flags == 1, "digitalSignature alone");
    let extended = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && extended.client_auth && extended.other.is_empty() && !extended.any);
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    let dns: Vec<_> = names
        .iter()
        .filter_map(|name| if let GeneralName::DNSName(dns) = name { Some(*dns) } else { None })
        .collect();
    assert!(dns.contains(&house.server.address()));
    let common_name = certificate.subject().iter_common_name().next().unwrap().as_str().unwrap();
    assert!(dns.contains(&common_name));
    assert_eq!(names.iter().filter(|name| matches!(name, GeneralName::RegisteredID(_))).count(), 1);
    let policies = certificate
        .extensions()
        .iter()
        .find(|extension| extension.oid.to_id_string() == "2.5.29.32")
        .unwrap();
    // id-rspRole-dp-tls, 2.23.146.1.2.1.3
    assert!(!policies.critical && policies.value.ends_with(&[0x67, 0x81, 0x12, 0x01, 0x02, 0x01, 0x03]));
    let dpauth = fs::read(house.server.pki().folder().join("dpauth.pem")).unwrap();
    let dpauth = euicc::identity::certificate_der(&dpauth).unwrap();
    let (_, dpauth) = X509Certificate::from_der(&dpauth).unwrap();
    let organization = |certificate: &X509Certificate<'_>| {
        certificate
            .subject()
            .iter_organization()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(organization(&certificate), organization(&dpauth));
}
