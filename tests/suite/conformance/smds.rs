//! A real SM-DS beside a house, reached over mutual TLS (3.6, 5.9).
use std::collections::BTreeMap;
use std::future::pending;

use ::smds::{Files, Identity, Watch};
use smdpp::es12::{Smds, is_smds};
use smdpp::https::{Client, Patience};
use smdpp::mint::SMDS_ADDRESS;
use smdpp::server;
use smdpp::types::Fqdn;

use crate::house::Wishes;
use crate::papers::Papers;
use crate::sockets;

/// The wishes with an SM-DS at `SMDS_ADDRESS`, and a way to look into it; `more` are other names, and where they lead.
pub(crate) async fn beside(wishes: Wishes, more: &[(&str, &str)]) -> (Wishes, Watch) {
    let pki = Papers::of(wishes.euiccs, sockets::start()).pki;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, octets: &[u8]| std::fs::write(folder.path().join(name), octets).unwrap();
    write("ci.pem", pki.ci.certificate_pem().as_bytes());
    for (name, issued) in [("dsauth", &pki.dsauth), ("dstls", &pki.dstls), ("dptls", &pki.dptls)] {
        write(&format!("{name}.pem"), issued.certificate_pem().as_bytes());
        write(&format!("{name}.key"), issued.key_pem().unwrap().expose().as_bytes());
    }
    let identity = Identity::read(SMDS_ADDRESS, &Files::of_folder(folder.path())).unwrap();
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let running = ::smds::Smds::bind(identity, anywhere, anywhere).await.unwrap();
    let (watch, address) = (running.watch(), running.es12().to_string());
    tokio::spawn(running.run(pending()));

    let key = pki.dptls.key_pem().unwrap();
    let certificate = pki.dptls.certificate_pem();
    let own = server::Identity::from_pem(certificate.as_bytes(), key.expose().as_bytes()).unwrap();
    let patience = Patience { connect_ms: 2_000, handshake_ms: 2_000, total_ms: 3_000 };
    let roots = [pki.ci.der.clone().into()];
    let client = Client::new(Some(own), &roots, patience).unwrap().checking(is_smds);
    let at = |name: &str, connect: &str| {
        let way = Smds { connect: Some(connect.to_owned()), client: Some(client.clone()) };
        (Fqdn::parse(name).unwrap(), way)
    };
    let mut smds = BTreeMap::from([at(SMDS_ADDRESS, &address)]);
    smds.extend(more.iter().map(|(name, connect)| at(name, connect)));
    (Wishes { smds, ..wishes }, watch)
}
