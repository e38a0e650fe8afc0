//! Starting where one should not, stopping while somebody is served, and two programs on one database.
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use euicc::{ActivationCode, Card, Lpa, LpaError};
use rig::{Confirm, Server};
use smdpp::types::State;
use tokio::time::sleep;

use crate::house::{ES9PLUS, House, Stocked};
use crate::raw::Raw;

fn serve(house: &House, listen: [&str; 2]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smdpp"))
        .arg("--config")
        .arg(house.server.config())
        .arg("serve")
        .env("SMDPP_ES9PLUS_LISTEN", listen[0])
        .env("SMDPP_ES2PLUS_LISTEN", listen[1])
        .output()
        .unwrap()
}

#[test]
fn a_port_that_is_taken_is_named() {
    let house = House::new(1);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for listen in [[&*address, "127.0.0.1:0"], ["127.0.0.1:0", &address]] {
        let output = serve(&house, listen);
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&address) && said.contains("in use"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn both_doors_on_one_port_are_refused() {
    let house = House::new(1);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = serve(&house, [&free, &free]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&free), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gentle_stop_finishes_the_request_under_way() {
    let (mut house, _) = House::open(1, 1);
    let mut card = house.server.pki().first_card().unwrap();
    let request = house.lpa().initiate_authentication_request(&mut card).unwrap().to_string();
    let (start, end) = request.split_at(request.len() / 2);
    let mut raw = Raw::connect(&house).await;
    raw.send(Raw::header(&format!("{ES9PLUS}initiateAuthentication"), request.len()).as_bytes()).await;
    raw.send(start.as_bytes()).await;
    sleep(Duration::from_millis(200)).await;
    let es9plus = house.server.ready().unwrap().es9plus.clone();
    let stopping = tokio::task::spawn_blocking(move || (house.server.terminate().unwrap(), house));
    // The door is shut for others before the last one is served.
    while tokio::net::TcpStream::connect(&es9plus).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    raw.send(end.as_bytes()).await;
    raw.answer().await;
    let answer = raw.text();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Executed-Success"), "{answer}");
    let (status, house) = stopping.await.unwrap();
    assert!(status.success(), "{status}");
    house.eye().verify_trail().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_does_not_hold_up_a_gentle_stop() {
    let (mut house, _) = House::open(1, 1);
    let _silent = Raw::connect(&house).await;
    let _unspoken = tokio::net::TcpStream::connect(&house.server.ready().unwrap().es9plus).await.unwrap();
    let begin = tokio::time::Instant::now();
    assert!(house.server.terminate().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

/// An eUICC with what it has to download.
struct Device {
    lpa: Lpa,
    card: Card,
    waiting: Vec<(Stocked, ActivationCode)>,
}

impl Device {
    /// Downloads until the server is gone; any other failure is one.
    async fn works(mut self) -> Self {
        while let Some((stocked, code)) = self.waiting.last() {
            match self.lpa.download(&mut self.card, code, None).await {
                Ok(installed) => assert!(installed.upp == stocked.upp),
                // Installed, and only the report was cut off: the notification is sent later.
                Err(LpaError::Http(_)) if self.card.profile(&stocked.iccid).is_some() => {}
                Err(LpaError::Http(_)) => return self,
                Err(other) => panic!("{}: {other}", stocked.iccid),
            }
            self.waiting.pop();
        }
        self
    }
}

async fn devices(house: &House, mut stock: Vec<Stocked>) -> Vec<Device> {
    let operator = house.operator("acme");
    let cards = house.server.pki().cards().unwrap();
    let each = stock.len() / cards.len();
    let mut devices = Vec::new();
    for card in cards {
        let mut waiting = Vec::new();
        for stocked in stock.split_off(stock.len() - each) {
            let code = house.order(&operator, &stocked.iccid, None, Confirm::default()).await;
            waiting.push((stocked, code));
        }
        devices.push(Device { lpa: house.lpa(), card, waiting });
    }
    devices
}

async fn all_installed(house: &House) {
    let eye = house.eye();
    eye.verify_trail().await;
    for (iccid, state) in eye.states().await {
        assert_eq!(state, State::Installed, "{iccid}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gentle_restarts_under_load_lose_nothing() {
    let (mut house, stock) = House::open(4, 80);
    let mut devices = devices(&house, stock).await;
    for life_ms in [20, 60, 100, 150, 200] {
        let tasks: Vec<_> = devices
            .into_iter()
            .map(|device| tokio::spawn(Device { lpa: house.lpa(), ..device }.works()))
            .collect();
        sleep(Duration::from_millis(life_ms)).await;
        assert!(house.server.terminate().unwrap().success());
        devices = Vec::new();
        for task in tasks {
            devices.push(task.await.unwrap());
        }
        house.server.start().unwrap();
        house.eye().verify_trail().await;
    }
    for device in devices {
        let mut device = Device { lpa: house.lpa(), ..device }.works().await;
        device.lpa.send_notifications(&mut device.card).await.unwrap();
        assert!(device.waiting.is_empty());
    }
    all_installed(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_database_keep_one_sound_trail() {
    let (house, stock) = House::open(4, 40);
    let folder: &Path = house.server.folder();
    let mut twin = House { server: Server::attach(folder, house.server.address()).unwrap() };
    twin.server.start().unwrap();
    assert_ne!(twin.server.ready().unwrap().pid, house.server.ready().unwrap().pid);
    let devices = devices(&house, stock).await;
    let tasks = devices.into_iter().zip([&house, &twin, &house, &twin]).map(|(device, served_by)| {
        let lpa = served_by.lpa();
        tokio::spawn(Device { lpa, ..device }.works())
    });
    for task in tasks.collect::<Vec<_>>() {
        assert!(task.await.unwrap().waiting.is_empty());
    }
    all_installed(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begun_at_one_server_goes_on_at_its_twin() {
    let (house, stock) = House::open(1, 1);
    let mut twin = House { server: Server::attach(house.server.folder(), house.server.address()).unwrap() };
    twin.server.start().unwrap();
    let code = house.order(&twin.operator("acme"), &stock[0].iccid, None, Confirm::default()).await;
    let mut card = house.server.pki().first_card().unwrap();
    let (one, other) = (house.lpa(), twin.lpa());
    let server = one.initiate_authentication(&mut card).await.unwrap();
    let offer = other.authenticate_client(&mut card, &server, code.matching_id.as_deref()).await.unwrap();
    let bpp = one.get_bound_profile_package(&mut card, &offer, None).await.unwrap();
    card.load_bound_profile_package(&bpp).unwrap();
    assert!(other.send_notifications(&mut card).await.unwrap() > 0);
    all_installed(&house).await;
}
