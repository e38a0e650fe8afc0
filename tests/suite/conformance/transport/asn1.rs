//! The ASN.1 binding (6.6, annex H): case TR-09, through the same sockets as JSON.
use std::sync::Arc;

use euicc::lpa::{
    AUTHENTICATE_CLIENT, Authentication, Binding, CANCEL_SESSION, GET_BOUND_PROFILE_PACKAGE,
    HANDLE_NOTIFICATION, INITIATE_AUTHENTICATION, Lpa, LpaConfig, Offer,
};
use euicc::{Card, Fault, Faults};
use serde_json::{Value, json};
use smdpp::types::State;

use crate::case::{Case, case};
use crate::house::{ADDRESS, Answer, House, Wishes, bpp};
use crate::scene::{CODE, faulty, with};
use crate::sockets::{self, Sockets};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("TR-09", "the ASN.1 binding", "6.6, annex H", "")
            .part(
                "1",
                "a whole session, and enable",
                "as in JSON: state Installed; application/x-gsma-rsp-asn1",
                whole_session,
            )
            .part("2", "CancelSession after AuthenticateClient", "OK; state Error", || {
                cancelled(Faults::none(), None)
            })
            .part("3", "InitiateAuthentication: another server's address", "invalidDpAddress(1)", address)
            .part("4", "AuthenticateClient: euiccSignature1 broken", "euiccSignatureInvalid(5)", || {
                refused(Fault::Signature1Bad, 5)
            })
            .part(
                "5",
                "AuthenticateClient: another transactionId in JSON's place",
                "invalidTransactionId(10)",
                || refused(Fault::TransactionIdWrong1, 10),
            )
            .part("6", "GetBoundProfilePackage: unknown transactionId", "invalidTransactionId(95)", unbound)
            .part(
                "7",
                "GetBoundProfilePackage: wrong Confirmation Code",
                "confirmationCodeRefused(3)",
                wrong_code,
            )
            .part("8", "CancelSession: unknown transactionId", "invalidTransactionId(1)", || {
                cancelled(Faults::none(), Some(1))
            })
            .part("9", "HandleNotification: a result that is not believed", "204; nothing changed", doubted)
            .part("10", "both bindings in one session", "OK; state Installed", mixed),
    ]
}

/// A house, its sockets, an LPA that speaks ASN.1, and a released order with a Confirmation Code.
struct Talk {
    house: House,
    _sockets: Arc<Sockets>,
    lpa: Lpa,
    iccid: String,
    id: String,
    card: Card,
}

impl Talk {
    async fn new() -> Self {
        let (house, sockets) = sockets::opened(Wishes::default()).await;
        let config = LpaConfig {
            connect: Some(sockets.es9plus.to_string()),
            tls_roots: vec![house.pki.ci.der.clone()],
            binding: Binding::Asn1,
            ..LpaConfig::default()
        };
        let lpa = Lpa::new(ADDRESS, config).unwrap();
        let (iccid, _) = house.stock(1).await;
        let id = house.order(&iccid, json!({ "confirmationCode": CODE })).await;
        let card = house.card(0);
        Self { house, _sockets: sockets, lpa, iccid, id, card }
    }

    async fn call(&self, function: &str, request: &Value) -> Answer {
        let answer = self.lpa.call(function, request.clone()).await.unwrap();
        let headers: std::collections::BTreeMap<_, _> = answer.headers.into_iter().collect();
        assert!(headers["x-admin-protocol"].starts_with("gsma/rsp/v2."));
        match answer.status {
            200 => assert_eq!(headers["content-type"], "application/x-gsma-rsp-asn1"),
            other => assert_eq!(other, 204),
        }
        Answer { http: answer.status, body: answer.body, headers }
    }

    async fn initiate(&mut self) -> Authentication {
        let request = self.house.initiate_request(&mut self.card);
        let body = self.call(INITIATE_AUTHENTICATION, &request).await.ok();
        Authentication::read(INITIATE_AUTHENTICATION, &body).unwrap()
    }

    async fn authenticate(&mut self) -> Offer {
        let server = self.initiate().await;
        let request = self.house.authenticate_request(&mut self.card, &server, Some(&self.id));
        let body = self.call(AUTHENTICATE_CLIENT, &request).await.ok();
        let offer = Offer::read(AUTHENTICATE_CLIENT, &body).unwrap();
        assert_eq!(
            (offer.metadata.iccid_digits(), offer.confirmation_code_required()),
            (self.iccid.clone(), true)
        );
        offer
    }

    async fn bind(&mut self) {
        let offer = self.authenticate().await;
        let request = self.house.bind_request(&mut self.card, &offer, Some(CODE));
        let package = bpp(&self.call(GET_BOUND_PROFILE_PACKAGE, &request).await.ok());
        self.card.load_bound_profile_package(&package).unwrap();
    }

    async fn deliver(&mut self) {
        for pending in self.card.list_notifications().to_vec() {
            let request = self.lpa.handle_notification_request(&pending.bytes);
            assert_eq!(self.call(HANDLE_NOTIFICATION, &request).await.http, 204);
            self.card.remove_notification(pending.sequence).unwrap();
        }
    }

    async fn state(&self) -> State {
        self.house.state(&self.iccid).await
    }
}

async fn whole_session() {
    let mut talk = Talk::new().await;
    talk.bind().await;
    assert_eq!(talk.card.trouble, None);
    assert_eq!(talk.state().await, State::Downloaded);
    talk.deliver().await;
    assert_eq!(talk.state().await, State::Installed);
    talk.card.enable(&talk.iccid).unwrap();
    talk.deliver().await;
    let life = crate::notification::life(&talk.house, &talk.iccid).await;
    assert_eq!(life[5..], ["profile_installed", "notification_received", "notification_received"]);
    talk.house.verify_trail().await;
}

/// With an unknown transactionId first, where `error` is its number.
async fn cancelled(faults: Faults, error: Option<u64>) {
    let mut talk = Talk::new().await;
    talk.card.faults = faults;
    let offer = talk.authenticate().await;
    let request = talk.house.cancel_request(&mut talk.card, &offer.transaction_id, 0);
    if let Some(error) = error {
        let nowhere = with(&request, "transactionId", json!("00".repeat(16)));
        assert_eq!(talk.call(CANCEL_SESSION, &nowhere).await.verdict(), format!("error {error}"));
        assert_eq!(talk.state().await, State::Released);
    }
    talk.call(CANCEL_SESSION, &request).await.ok();
    assert_eq!(talk.state().await, State::Error);
}

async fn address() {
    let mut talk = Talk::new().await;
    let request = talk.house.initiate_request(&mut talk.card);
    let elsewhere = with(&request, "smdpAddress", json!("unknownserver.example.com"));
    assert_eq!(talk.call(INITIATE_AUTHENTICATION, &elsewhere).await.verdict(), "error 1");
    talk.call(INITIATE_AUTHENTICATION, &request).await.ok();
}

async fn refused(fault: Fault, error: u64) {
    let mut talk = Talk::new().await;
    let before = talk.house.verify_trail().await;
    talk.card.faults = faulty(fault);
    let server = talk.initiate().await;
    let request = talk.house.authenticate_request(&mut talk.card, &server, Some(&talk.id));
    assert_eq!(talk.call(AUTHENTICATE_CLIENT, &request).await.verdict(), format!("error {error}"));
    assert_eq!((talk.state().await, talk.house.verify_trail().await), (State::Released, before));
    talk.card.faults = Faults::none();
    talk.authenticate().await;
}

async fn unbound() {
    let mut talk = Talk::new().await;
    let offer = talk.authenticate().await;
    let request = talk.house.bind_request(&mut talk.card, &offer, Some(CODE));
    let nowhere = with(&request, "transactionId", json!("00".repeat(16)));
    assert_eq!(talk.call(GET_BOUND_PROFILE_PACKAGE, &nowhere).await.verdict(), "error 95");
    assert_eq!(talk.state().await, State::Released);
    talk.call(GET_BOUND_PROFILE_PACKAGE, &request).await.ok();
}

async fn wrong_code() {
    let mut talk = Talk::new().await;
    let offer = talk.authenticate().await;
    let request = talk.house.bind_request(&mut talk.card, &offer, Some("wrong"));
    assert_eq!(talk.call(GET_BOUND_PROFILE_PACKAGE, &request).await.verdict(), "error 3");
    assert_eq!(talk.state().await, State::Released);
    talk.bind().await;
}

async fn doubted() {
    let mut talk = Talk::new().await;
    talk.card.faults = faulty(Fault::PirSignatureBad);
    talk.bind().await;
    talk.deliver().await;
    assert_eq!(talk.state().await, State::Downloaded);
    talk.house.verify_trail().await;
}

async fn mixed() {
    let mut talk = Talk::new().await;
    let server = talk.house.initiate(&mut talk.card).await;
    let request = talk.house.authenticate_request(&mut talk.card, &server, Some(&talk.id));
    let body = talk.call(AUTHENTICATE_CLIENT, &request).await.ok();
    let offer = Offer::read(AUTHENTICATE_CLIENT, &body).unwrap();
    let request = talk.house.bind_request(&mut talk.card, &offer, Some(CODE));
    let package = bpp(&talk.call(GET_BOUND_PROFILE_PACKAGE, &request).await.ok());
    talk.card.load_bound_profile_package(&package).unwrap();
    talk.house.deliver(&mut talk.card).await;
    assert_eq!(talk.state().await, State::Installed);
}
