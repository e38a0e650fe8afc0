//! A house behind real TLS sockets: ES9+ with the server's certificate, ES2+ with certificates on both sides (6.1).
use std::future::pending;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use axum::Router;
use euicc::lpa::{Lpa, LpaConfig};
use rig::Es2Plus;
use rig::pki::ClientIdentity;
use rustls::pki_types::CertificateDer;
use smdpp::mint::Issued;
use smdpp::server::{
    BrainpoolIdentity, Identity, Limits, Listener, TlsConfig, brainpool_config, es2plus_config,
    es9plus_config,
};
use smdpp::time::{Clock, SystemClock, Timestamp};
use smdpp::types::Secret;

use crate::examiner::Examiner;
use crate::house::{ADDRESS, Answer, House, Road, Wishes};

/// Where the two doors are, and who goes there.
pub(crate) struct Sockets {
    pub(crate) es9plus: SocketAddr,
    pub(crate) es2plus: SocketAddr,
    phones: Lpa,
    /// Each with its client certificate.
    operators: Vec<(Vec<u8>, Es2Plus)>,
    /// Without a client certificate.
    stranger: Es2Plus,
    examiner: Examiner,
}

/// A house that is reached through its sockets. Its clock starts with this program: TLS knows no other.
pub(crate) async fn house(wishes: Wishes) -> House {
    opened(wishes).await.0
}

/// The same, for who wants to knock at the sockets himself.
pub(crate) async fn opened(wishes: Wishes) -> (House, Arc<Sockets>) {
    opened_with(wishes, Limits::default(), |_| {}).await
}

/// With limits of the case's own, and phones that speak TLS in their own way.
pub(crate) async fn opened_with(
    wishes: Wishes,
    limits: Limits,
    phones: impl FnOnce(&mut LpaConfig),
) -> (House, Arc<Sockets>) {
    let mut house = House::with(Wishes { start_ms: start().unix_ms(), ..wishes }).await;
    let sockets = Arc::new(Sockets::open(&house, limits, phones).await);
    house.road = Some(Box::new(Trip(sockets.clone())));
    (house, sockets)
}

/// When all houses begin.
pub(crate) fn start() -> Timestamp {
    static START: LazyLock<Timestamp> = LazyLock::new(|| SystemClock.now());
    *START
}

impl Sockets {
    async fn open(house: &House, limits: Limits, phones: impl FnOnce(&mut LpaConfig)) -> Self {
        let pki = &house.pki;
        let client_roots = [CertificateDer::from(pki.operator_ca.der.clone())];
        let brainpool = brainpool_config(brainpool_identity(&pki.brainpool.dptls)).unwrap();
        let es9plus_tls = es9plus_config(identity(&pki.dptls)).unwrap();
        let es9plus_tls = TlsConfig::new(es9plus_tls).with_brainpool(Some(brainpool));
        let es2plus_tls = TlsConfig::new(es2plus_config(identity(&pki.dptls), &client_roots).unwrap());
        let es9plus = listen(es9plus_tls, house.es9plus.clone(), limits).await;
        let es2plus = listen(es2plus_tls, house.es2plus.clone(), limits).await;
        let mut config = LpaConfig {
            connect: Some(es9plus.to_string()),
            tls_roots: vec![pki.ci.der.clone(), pki.brainpool.ci.der.clone()],
            keep_alive: true,
            ..LpaConfig::default()
        };
        phones(&mut config);
        let operator = |identity: Option<&ClientIdentity>, name: &str| {
            Es2Plus::new(&es2plus.to_string(), ADDRESS, &pki.ci.der, identity, name).unwrap()
        };
        let operators = pki.operators.iter().map(|known| {
            let identity = client_identity(&known.client);
            (known.client.der.clone(), operator(Some(&identity), known.name.as_str()))
        });
        Self {
            es9plus,
            es2plus,
            phones: Lpa::new(ADDRESS, config).unwrap(),
            operators: operators.collect(),
            stranger: operator(None, "stranger"),
            examiner: Examiner::new(
                &[pki.ci.der.clone(), pki.brainpool.ci.der.clone()],
                vec![0x88, 0x37, 0x0A],
            ),
        }
    }

    /// A caller with a connection of its own; without a certificate, or with one of the case's choice.
    pub(crate) fn operator(&self, house: &House, client: Option<&Issued>) -> Es2Plus {
        let identity = client.map(client_identity);
        Es2Plus::new(&self.es2plus.to_string(), ADDRESS, &house.pki.ci.der, identity.as_ref(), "acme")
            .unwrap()
    }

    async fn es9plus(&self, path: &str, body: Vec<u8>) -> Answer {
        let answer = self.phones.post(path, "application/json", body).await.unwrap();
        let headers = answer.headers.iter().cloned().collect();
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        Answer { http: answer.status, body, headers }
    }

    async fn es2plus(&self, path: &str, certificate: Option<Vec<u8>>, body: Vec<u8>) -> Answer {
        let function = path.rsplit('/').next().unwrap_or_default();
        let known = self.operators.iter().find(|(der, _)| Some(der) == certificate.as_ref());
        let operator = known.map_or(&self.stranger, |(_, operator)| operator);
        let (http, body) = operator.post(function, body).await.unwrap();
        assert!(http < 500, "{function}: HTTP {http}");
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Answer { http, body, headers: std::collections::BTreeMap::new() }
    }
}

/// The house's way to its own sockets.
struct Trip(Arc<Sockets>);

impl Road for Trip {
    fn travel<'a>(
        &'a self,
        path: String,
        certificate: Option<Vec<u8>>,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            if path.starts_with("/gsma/rsp2/es2plus/") {
                return self.0.es2plus(&path, certificate, body).await;
            }
            let answer = self.0.es9plus(&path, body.clone()).await;
            self.0.examiner.examine(&path, &body, &answer);
            answer
        })
    }
}

pub(crate) async fn listen(tls: TlsConfig, router: Router, limits: Limits) -> SocketAddr {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(free, tls, router, limits).await.unwrap();
    let address = listener.local_addr();
    // It ends with the runtime of its case.
    tokio::spawn(listener.run(pending()));
    address
}

pub(crate) fn identity(issued: &Issued) -> Identity {
    let key = issued.key_pem().unwrap();
    Identity::from_pem(issued.certificate_pem().as_bytes(), key.expose().as_bytes()).unwrap()
}

fn brainpool_identity(issued: &Issued) -> BrainpoolIdentity {
    let key = Secret::new(issued.key_pem().unwrap().expose().clone().into_bytes());
    BrainpoolIdentity::new(vec![CertificateDer::from(issued.der.clone())], &key).unwrap()
}

pub(crate) fn client_identity(issued: &Issued) -> ClientIdentity {
    let key = issued.key_pem().unwrap().expose().clone().into_bytes();
    ClientIdentity { certificate: issued.certificate_pem().into_bytes(), key }
}
