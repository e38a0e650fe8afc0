//! A whole SM-DP+ in one process: test PKI, SQLite in a temporary folder, a clock that is set by hand.
#[path = "doors.rs"]
mod doors;
#[path = "house/own.rs"]
mod own;
#[path = "wishes.rs"]
mod wishes;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use euicc::lpa::{Authentication, Binding, Lpa, LpaConfig, Offer, asn1};
use euicc::{Card, Identity};
use serde_json::{Value, json};
use smdpp::asn1::{
    Metadata, NotificationAddress, NotificationEvent, NotificationEvents, Owner, Pprs, ProfileClass,
};
use smdpp::bpp::keys::ProfileKeys;
use smdpp::bpp::protect::protect;
use smdpp::call::{Parts, Smdp};
use smdpp::change::{Change, Package, Versioned};
use smdpp::es12::Es12;
use smdpp::hsm::{Hsm, Sealer};
use smdpp::mint::{Issued, TestPki};
use smdpp::profile::{Import, Profile};
use smdpp::random::SeededRandom;
use smdpp::store::Store;
use smdpp::time::{Clock, Timestamp};
use smdpp::types::{Actor, Eid, Iccid, OperatorId, ProfileType, Secret, State};
use smdpp::{es2plus, es9plus};

use crate::papers::Papers;
pub(crate) use doors::{Answer, BINDING, Road};
use own::{es12, registry, setting};
pub(crate) use wishes::Wishes;

pub(crate) const ADDRESS: &str = "smdp.example.com";
pub(crate) const TYPE: &str = "P9054-2";
/// 2026-11-22.
pub(crate) const START_MS: i64 = 1_795_305_600_000;

/// A clock that a test sets.
pub(crate) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

/// The server, and everything around it.
pub(crate) struct House {
    pub(crate) pki: Arc<TestPki>,
    pub(crate) clock: Arc<Hands>,
    pub(crate) smdp: Arc<Smdp>,
    /// A second handle on the same database, for what the doors do not do: stock, and looking.
    pub(crate) store: Store,
    pub(crate) es9plus: Router,
    pub(crate) es2plus: Router,
    pub(crate) es12: Arc<Es12>,
    /// The conformance suite puts real sockets between caller and router.
    pub(crate) road: Option<Box<dyn Road>>,
    pub(crate) lpa: Lpa,
    calls: AtomicI64,
    pub(crate) folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Wishes::default()).await
    }

    pub(crate) async fn with(wishes: Wishes) -> Self {
        let clock = Arc::new(Hands(AtomicI64::new(wishes.start_ms)));
        let papers = Papers::of(wishes.euiccs, clock.now());
        let pki = papers.pki.clone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smdpp.db");
        let sealer = || Arc::new(Sealer::new(&Secret::new([7; 32])).unwrap());
        let store = Store::open(&path, sealer()).unwrap();
        let parts = Parts {
            store: Store::open(&path, sealer()).unwrap(),
            hsm: Hsm::Soft(Box::new(papers.soft_keys())),
            setting: setting(&papers, &wishes).into(),
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(8)),
            agreements: wishes.agreements.clone(),
            open_sessions_max: wishes.open_sessions_max,
        };
        let smdp = Arc::new(Smdp::new(parts));
        let es9plus = es9plus::routes(smdp.clone());
        let es12 = Arc::new(es12(&pki, wishes.smds));
        let es2plus = es2plus::routes(smdp.clone(), Arc::new(registry(&pki)), es12.clone());
        let config = LpaConfig { tls_roots: vec![pki.ci.der.clone()], ..LpaConfig::default() };
        let lpa = Lpa::new(ADDRESS, config).unwrap();
        let calls = AtomicI64::new(0);
        Self { pki, clock, smdp, store, es9plus, es2plus, es12, road: None, lpa, calls, folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// A fresh card of the `n`th eUICC of the test PKI.
    pub(crate) fn card(&self, n: usize) -> Card {
        let (_, euicc) = &self.pki.euiccs[n];
        self.card_of(euicc, &euicc.der, &self.pki.eum.der)
    }

    /// A card with certificates of the test's own making; it trusts our CI.
    pub(crate) fn card_of(&self, euicc: &Issued, certificate: &[u8], eum: &[u8]) -> Card {
        let ci = self.pki.ci.der.clone();
        let key = euicc.key_pem().unwrap();
        Card::new(Identity::from_pem(certificate, key.expose().as_bytes(), eum, &[ci]).unwrap())
    }

    /// The `n`th eUICC as one that knows the CI on brainpoolP256r1 only.
    pub(crate) fn brainpool_card(&self, n: usize) -> Card {
        let chain = &self.pki.brainpool;
        let (_, euicc) = &chain.euiccs[n];
        let key = euicc.key_pem().unwrap();
        let issuers = [chain.ci.der.clone()];
        let identity = Identity::from_pem(&euicc.der, key.expose().as_bytes(), &chain.eum.der, &issuers);
        Card::new(identity.unwrap())
    }

    /// The `n`th eUICC with a key and certificate under each CI, NIST first.
    pub(crate) fn dual_card(&self, n: usize) -> Card {
        self.card(n).with_identity(self.brainpool_card(n).identity).unwrap()
    }

    pub(crate) fn eid(&self, n: usize) -> String {
        self.pki.euiccs[n].0.to_string()
    }
}

/// ES2+.
impl House {
    pub(crate) async fn es2(&self, function: &str, operator: &str, mut body: Value) -> Answer {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if body.get("header").is_none() {
            let requester = format!("{operator}.example.com");
            let header = json!({ "functionRequesterIdentifier": requester, "functionCallIdentifier": format!("c{call}") });
            body["header"] = header;
        }
        self.es2_raw(function, operator, body.to_string().into_bytes()).await
    }

    pub(crate) async fn es2_raw(&self, function: &str, operator: &str, body: Vec<u8>) -> Answer {
        let found = self.pki.operators.iter().find(|known| known.name.as_str() == operator);
        self.es2_with(function, found.map(|found| found.client.der.clone()), body).await
    }

    /// With a client certificate of the test's choice.
    pub(crate) async fn es2_with(
        &self,
        function: &str,
        certificate: Option<Vec<u8>>,
        body: Vec<u8>,
    ) -> Answer {
        let path = format!("/gsma/rsp2/es2plus/{function}");
        self.send(&self.es2plus, path, certificate, body).await
    }

    /// DownloadOrder, ConfirmOrder with release; gives the MatchingID.
    pub(crate) async fn order(&self, iccid: &str, more: Value) -> String {
        self.es2("downloadOrder", "acme", json!({ "iccid": iccid })).await.ok();
        let mut confirm = json!({ "iccid": iccid, "releaseFlag": true });
        for (name, value) in more.as_object().unwrap() {
            confirm[name] = value.clone();
        }
        let answer = self.es2("confirmOrder", "acme", confirm).await.ok();
        answer["matchingId"].as_str().unwrap().to_owned()
    }
}

/// ES9+.
impl House {
    /// In the binding of the test: the same members, and the answer by the same names.
    pub(crate) async fn es9(&self, function: &str, body: &Value) -> Answer {
        match BINDING.try_get().unwrap_or_default() {
            Binding::Json => self.es9_raw(function, body.to_string().into_bytes()).await,
            Binding::Asn1 => {
                let (answer, octets) = self.asn1_raw(asn1::encode(function, body).unwrap()).await;
                match answer.http {
                    200 => Answer { body: asn1::decode(function, &octets).unwrap(), ..answer },
                    _ => answer,
                }
            }
        }
    }

    /// Any octets, in the ASN.1 binding.
    pub(crate) async fn asn1_raw(&self, body: Vec<u8>) -> (Answer, Vec<u8>) {
        doors::send(&self.es9plus, asn1::PATH, None, body).await
    }

    pub(crate) async fn es9_raw(&self, function: &str, body: Vec<u8>) -> Answer {
        self.send(&self.es9plus, format!("/gsma/rsp2/es9plus/{function}"), None, body).await
    }

    async fn send(
        &self,
        router: &Router,
        path: String,
        certificate: Option<Vec<u8>>,
        body: Vec<u8>,
    ) -> Answer {
        match &self.road {
            Some(road) => road.travel(path, certificate, body).await,
            None => doors::send(router, &path, certificate, body).await.0,
        }
    }

    pub(crate) async fn initiate(&self, card: &mut Card) -> Authentication {
        let request = self.initiate_request(card);
        let body = self.es9("initiateAuthentication", &request).await.ok();
        Authentication::read("initiateAuthentication", &body).unwrap()
    }

    pub(crate) fn initiate_request(&self, card: &mut Card) -> Value {
        self.lpa.initiate_authentication_request(card).unwrap()
    }

    pub(crate) fn authenticate_request(
        &self,
        card: &mut Card,
        server: &Authentication,
        id: Option<&str>,
    ) -> Value {
        self.lpa.authenticate_client_request(card, server, id).unwrap()
    }

    pub(crate) async fn authenticate(&self, card: &mut Card, id: Option<&str>) -> Offer {
        let server = self.initiate(card).await;
        let request = self.authenticate_request(card, &server, id);
        let body = self.es9("authenticateClient", &request).await.ok();
        Offer::read("authenticateClient", &body).unwrap()
    }

    /// AuthenticateClient in a new session, whatever comes of it.
    pub(crate) async fn try_authenticate(&self, card: &mut Card, id: Option<&str>) -> Answer {
        let server = self.initiate(card).await;
        let request = self.authenticate_request(card, &server, id);
        self.es9("authenticateClient", &request).await
    }

    pub(crate) fn bind_request(&self, card: &mut Card, offer: &Offer, code: Option<&str>) -> Value {
        self.lpa.get_bound_profile_package_request(card, offer, code).unwrap()
    }

    pub(crate) async fn bind(&self, card: &mut Card, offer: &Offer) -> Vec<u8> {
        let request = self.bind_request(card, offer, None);
        bpp(&self.es9("getBoundProfilePackage", &request).await.ok())
    }

    pub(crate) fn cancel_request(&self, card: &mut Card, transaction_id: &str, reason: u8) -> Value {
        self.lpa.cancel_session_request(card, transaction_id, reason).unwrap()
    }

    pub(crate) async fn notify(&self, notification: &[u8]) -> Answer {
        self.es9("handleNotification", &self.lpa.handle_notification_request(notification)).await
    }

    /// Delivers all that the card has to tell.
    pub(crate) async fn deliver(&self, card: &mut Card) {
        let pending: Vec<_> = card.list_notifications().to_vec();
        for notification in pending {
            self.notify(&notification.bytes).await.ok();
            card.remove_notification(notification.sequence).unwrap();
        }
    }
}

/// Stock, and a look at what is stored.
impl House {
    /// Puts the `n`th test Profile in acme's stock; gives its ICCID and its package.
    pub(crate) async fn stock(&self, n: u64) -> (String, Vec<u8>) {
        self.stock_as(n, "acme", TYPE, Pprs::default(), None).await
    }

    pub(crate) async fn stock_as(
        &self,
        n: u64,
        operator: &str,
        profile_type: &str,
        pprs: Pprs,
        class: Option<ProfileClass>,
    ) -> (String, Vec<u8>) {
        let change = |metadata: &mut Metadata| {
            let mcc_mnc = smdpp::asn1::mcc_mnc("001", "01").unwrap();
            metadata.class = class.unwrap_or(ProfileClass::Test);
            metadata.owner = (!pprs.is_empty()).then_some(Owner { mcc_mnc, gid1: None, gid2: None });
            metadata.pprs = pprs;
        };
        self.stock_with(n, operator, profile_type, change).await
    }

    /// With metadata of the test's choice.
    pub(crate) async fn stock_with(
        &self,
        n: u64,
        operator: &str,
        profile_type: &str,
        change: impl FnOnce(&mut Metadata),
    ) -> (String, Vec<u8>) {
        let iccid = rig::numbers::iccid(n);
        let upp = rig::upp::test_profile(&iccid, &rig::numbers::imsi(n), 3000);
        let number = Iccid::parse(&iccid).unwrap();
        let events = NotificationEvents::of(&NotificationEvent::ALL);
        let address = NotificationAddress { events, address: ADDRESS.to_owned() };
        let mut metadata = Metadata {
            iccid: number.clone(),
            service_provider_name: "Acme Telecom".to_owned(),
            profile_name: "Test plan".to_owned(),
            icon: None,
            class: ProfileClass::Test,
            notification_addresses: vec![address],
            owner: None,
            pprs: Pprs::default(),
        };
        change(&mut metadata);
        let keys = ProfileKeys::from_octets(&[u8::try_from(n % 200).unwrap(); 48]);
        let package = Package {
            iccid: number.clone(),
            metadata: metadata.encode(),
            octets: upp.len(),
            version: smdpp::profile::package::Package::read(&upp).ok().map(|package| package.version),
            keys: keys.octets(),
            protected: protect(&upp, &keys).octets().to_vec(),
        };
        let import = Import {
            iccid: number,
            operator: OperatorId::parse(operator).unwrap(),
            profile_type: ProfileType::parse(profile_type).unwrap(),
            package_sha256: String::new(),
            octets: upp.len(),
        };
        let transition = Profile::imported(Actor::Admin { name: "test".to_owned() }, import);
        let change = Change::default().profile(Versioned::new(transition)).package(package);
        self.store.commit(self.clock.now(), change).await.unwrap();
        (iccid, upp)
    }

    pub(crate) async fn profile(&self, iccid: &str) -> Profile {
        let iccid = Iccid::parse(iccid).unwrap();
        self.store.reader().profile(&iccid).await.unwrap().unwrap().value
    }

    pub(crate) async fn state(&self, iccid: &str) -> State {
        self.profile(iccid).await.state()
    }

    /// Follows the whole trail and compares it with the rows; gives the number of entries.
    pub(crate) async fn verify_trail(&self) -> i64 {
        let mut replay = smdpp::audit::Replay::default();
        let reader = self.store.reader();
        loop {
            let page = reader.trail(replay.head().seq).await.unwrap();
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|entry| replay.follow(entry).unwrap());
        }
        let mut rows = Vec::new();
        loop {
            let after = rows.last().map_or(String::new(), |(iccid, _): &(String, State)| iccid.clone());
            let page = reader.states(&after).await.unwrap();
            if page.is_empty() {
                break;
            }
            rows.extend(page);
        }
        replay.compare(rows.iter().map(|(iccid, state)| (iccid.as_str(), *state))).unwrap();
        replay.head().seq
    }
}

pub(crate) fn bpp(body: &Value) -> Vec<u8> {
    use base64::Engine;
    let text = body["boundProfilePackage"].as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// The EID as the server's own type.
pub(crate) fn eid(text: &str) -> Eid {
    Eid::parse(text).unwrap()
}
