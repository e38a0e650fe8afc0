//! Revocation lists of a real server: fetched over real HTTP, refreshed at nextUpdate, kept while the source is down.
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::{Card, LpaError};
use rig::Confirm;
use serde_json::Value;
use smdpp::time::{Clock, SystemClock};
use tokio::time::Instant;

use crate::house::House;

/// The CI's web server. Without a body it hangs up.
struct Source {
    address: SocketAddr,
    body: Arc<Mutex<Option<Vec<u8>>>>,
    asked: Arc<Mutex<u32>>,
}

impl Source {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let source =
            Self { address: listener.local_addr().unwrap(), body: Arc::default(), asked: Arc::default() };
        let (body, asked) = (source.body.clone(), source.asked.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _request = stream.read(&mut [0; 2048]);
                *asked.lock().unwrap() += 1;
                if let Some(body) = &*body.lock().unwrap() {
                    let header = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    let _written = stream.write_all(&[header.as_bytes(), body].concat());
                }
            }
        });
        source
    }

    fn serves(&self, body: Option<Vec<u8>>) {
        *self.body.lock().unwrap() = body;
    }

    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
}

/// What the CI publishes now: with the EUM revoked or not, and so long until the next.
fn list(house: &House, eum_is_revoked: bool, seconds: i64) -> Vec<u8> {
    let pki = house.server.folder().join("pki");
    let files: Vec<PathBuf> = if eum_is_revoked { vec![pki.join("eum.pem")] } else { Vec::new() };
    let now = SystemClock.now();
    smdpp::mint::revoke(&pki, &files, now.plus_ms(seconds * 1000), now).unwrap()
}

/// `ok`, or the code of the refusal.
async fn verdict(house: &House, card: &mut Card, id: Option<&str>) -> String {
    let lpa = house.lpa();
    let server = lpa.initiate_authentication(card).await.unwrap();
    match lpa.authenticate_client(card, &server, id).await {
        Ok(_) => "ok".to_owned(),
        Err(LpaError::Refused { subject_code, reason_code, .. }) => format!("{subject_code}/{reason_code}"),
        Err(other) => panic!("{other}"),
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(40), "not within 40 s: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What `smdpp --json pki crl` says of the only CI.
fn shown(house: &House) -> Value {
    let said = house.server.smdpp(&["--json", "pki", "crl"]).unwrap();
    serde_json::from_str::<Value>(&said).unwrap()["crl"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_fetched_at_start_and_at_next_update_and_outlives_its_source() {
    let (mut house, source) = (House::new(1), Source::open());
    let stock = house.stock(0, 1, 0);
    house.set("crl = []", &format!("crl = [\"http://{}/ci.crl\"]", source.address));
    source.serves(Some(STANDARD.encode(list(&house, false, 6)).into_bytes()));
    house.server.start().unwrap();
    let before = shown(&house);
    assert_eq!((&before["state"], &before["entries"]), (&"fresh".into(), &0.into()), "{before}");
    assert!(before["age_s"].as_i64().unwrap() < 30, "{before}");

    let code = house.order(&house.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    let id = code.matching_id.as_deref();
    let mut card = house.server.pki().first_card().unwrap();
    assert_eq!(verdict(&house, &mut card, id).await, "ok");

    source.serves(Some(list(&house, true, 3600)));
    until("the EUM is refused", async || verdict(&house, &mut card, id).await == "8.1.2/6.1").await;
    let after = shown(&house);
    assert_eq!(
        (&after["state"], &after["entries"], &after["error"]),
        (&"fresh".into(), &1.into(), &Value::Null)
    );
    assert_ne!(after["number"], before["number"]);

    source.serves(None);
    assert!(house.server.terminate().unwrap().success());
    let asked = source.asked();
    house.server.start().unwrap();
    assert_eq!(verdict(&house, &mut card, id).await, "8.1.2/6.1");
    until("the failure is shown", async || shown(&house)["error"].is_string()).await;
    assert!(source.asked() > asked);
    let down = shown(&house);
    assert_eq!((&down["state"], &down["number"]), (&"fresh".into(), &after["number"]));
    assert_eq!(verdict(&house, &mut card, id).await, "8.1.2/6.1");
    let said = house.server.smdpp(&["pki", "crl"]).unwrap();
    assert!(said.contains("AGE") && said.contains("fresh") && said.contains("last try"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_is_read_again_and_an_older_list_is_not_taken() {
    let mut house = House::new(1);
    let stock = house.stock(0, 1, 0);
    house.set("crl = []", "crl = [\"ci.crl\"]");
    let path = house.server.folder().join("ci.crl");
    let put = |list: &[u8]| {
        fs::write(path.with_extension("new"), list).unwrap();
        fs::rename(path.with_extension("new"), &path).unwrap();
    };
    let older = list(&house, false, 3600);
    put(&list(&house, false, 3600));
    house.server.start().unwrap();
    let code = house.order(&house.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    let id = code.matching_id.as_deref();
    let mut card = house.server.pki().first_card().unwrap();
    assert_eq!(verdict(&house, &mut card, id).await, "ok");
    put(&list(&house, true, 3600));
    until("the EUM is refused", async || verdict(&house, &mut card, id).await == "8.1.2/6.1").await;
    put(&older);
    until("the rollback is seen", async || shown(&house)["error"].is_string()).await;
    assert!(shown(&house)["error"].as_str().unwrap().contains("older"), "{}", shown(&house));
    assert_eq!(verdict(&house, &mut card, id).await, "8.1.2/6.1");
}

#[test]
fn without_any_list_a_server_starts_or_not_as_it_is_told() {
    let (mut house, source) = (House::new(1), Source::open());
    house.set("crl = []", &format!("crl = [\"http://{}/ci.crl\"]", source.address));
    house.server.start().unwrap();
    assert_eq!(shown(&house)["state"], "missing");
    assert!(house.server.log().contains("no revocation list of this CI"), "{}", house.server.log());
    house.server.kill();
    house.set("missing = \"warn\"", "missing = \"refuse\"");
    let refused = house.server.start().unwrap_err().to_string();
    assert!(refused.contains("no revocation list of CI"), "{refused}");
    source.serves(Some(list(&house, false, 3600)));
    house.server.start().unwrap();
}
