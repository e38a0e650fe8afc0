//! The way into each state, and each command: through the doors only.
use euicc::lpa::Offer;
use euicc::{Card, Fault, Faults};
use serde_json::{Value, json};
use smdpp::profile::Profile;
use smdpp::time::MINUTE_MS;
use smdpp::types::State;

use crate::house::{House, Wishes, bpp};
use crate::scene::CODE;

/// Shorter than a session, so that an order can expire within one.
const ORDER_MS: i64 = 10 * MINUTE_MS;

/// How far the session of the card came before the Profile moved to the state under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    None,
    Authenticated,
    Bound,
}

impl Stage {
    /// What a command needs.
    pub(super) fn of(command: &str) -> Self {
        match command.split(',').next().unwrap() {
            "GetBPP" | "CancelSession" => Self::Authenticated,
            "Result" => Self::Bound,
            _ => Self::None,
        }
    }
}

/// A Profile in the state under test, and a card with its session.
pub(super) struct Prepared {
    pub(super) house: House,
    iccid: String,
    /// The MatchingID of the latest order that had one.
    id: String,
    card: Card,
    offer: Option<Offer>,
    package: Option<Vec<u8>>,
    /// The same eUICC in another session, opened before the card's.
    rival: Option<(Card, Offer)>,
}

/// Takes a new Profile to `state`, by way of a session as far as `stage`.
pub(super) async fn reach(state: State, stage: Stage) -> Prepared {
    let house = House::with(Wishes { order_ms: Some(ORDER_MS), ..Wishes::default() }).await;
    let (iccid, _) = house.stock(1).await;
    let card = house.card(0);
    let id = "NEVER-USED".to_owned();
    let mut prepared = Prepared { house, iccid, id, card, offer: None, package: None, rival: None };
    if stage != Stage::None {
        prepared.walk(State::Released).await;
        let mut rival = prepared.card.clone();
        let offer = prepared.house.authenticate(&mut rival, Some(&prepared.id)).await;
        prepared.rival = Some((rival, offer));
        let offer = prepared.house.authenticate(&mut prepared.card, Some(&prepared.id)).await;
        if stage == Stage::Bound {
            prepared.package = Some(bpp(&prepared
                .house
                .es9(
                    "getBoundProfilePackage",
                    &prepared.house.bind_request(&mut prepared.card, &offer, Some(CODE)),
                )
                .await
                .ok()));
        }
        prepared.offer = Some(offer);
    }
    prepared.walk(state).await;
    prepared
}

/// The way.
impl Prepared {
    pub(super) async fn profile(&self) -> Profile {
        self.house.profile(&self.iccid).await
    }

    async fn walk(&mut self, goal: State) {
        loop {
            let here = self.house.state(&self.iccid).await;
            if here == goal {
                return;
            }
            self.step(here, goal).await;
        }
    }

    async fn step(&mut self, here: State, goal: State) {
        use State::{
            Allocated, Available, Confirmed, Downloaded, Error, Installed, Linked, Released, Unavailable,
        };
        let command = match (here, goal) {
            (Available, Allocated) => "DownloadOrder",
            (Available, _) => "DownloadOrder, EID",
            (Linked, Confirmed) => "ConfirmOrder",
            (Linked, Released | Downloaded | Installed | Error) => "ConfirmOrder, release",
            (Linked | Released | Error, Unavailable) => "CancelOrder, Unavailable",
            (Released | Error, Available | Allocated | Linked | Confirmed) => "CancelOrder, Available",
            (Error, Released) => "CancelOrder, Available",
            (Released, Downloaded | Installed) => return self.rival_downloads().await,
            (Downloaded, Installed) => return self.rival_installs().await,
            // Only the eUICC's word that it has not installed the package brings the Profile back to the shelf.
            (Downloaded, _) if goal != Error && self.package.is_some() => return self.gives_back().await,
            (Released | Downloaded, _) => return self.rival_rejects().await,
            (Allocated | Confirmed | Installed | Unavailable | Linked | Error, _) => {
                panic!("no way from {here} to {goal}")
            }
        };
        assert_eq!(self.command(command).await, "ok", "{command} in {here} on the way to {goal}");
    }

    /// The session that is older than the card's, or a new one.
    async fn rival(&mut self) -> (Card, Offer) {
        if let Some(rival) = self.rival.take() {
            return rival;
        }
        let mut card = self.card.clone();
        let offer = self.house.authenticate(&mut card, Some(&self.id)).await;
        (card, offer)
    }

    async fn rival_downloads(&mut self) {
        let (mut card, offer) = self.rival().await;
        let request = self.house.bind_request(&mut card, &offer, Some(CODE));
        self.house.es9("getBoundProfilePackage", &request).await.ok();
    }

    async fn rival_installs(&mut self) {
        self.rival = None;
        let (mut card, offer) = self.rival().await;
        let request = self.house.bind_request(&mut card, &offer, Some(CODE));
        let package = bpp(&self.house.es9("getBoundProfilePackage", &request).await.ok());
        card.load_bound_profile_package(&package).unwrap();
        self.house.deliver(&mut card).await;
    }

    /// The session that has the package cancels itself.
    async fn gives_back(&mut self) {
        let transaction_id = self.offer.clone().unwrap().transaction_id;
        let request = self.house.cancel_request(&mut self.card.clone(), &transaction_id, 5);
        self.house.es9("cancelSession", &request).await.ok();
    }

    /// Only the latest session ends an order, so this is a new one.
    async fn rival_rejects(&mut self) {
        self.rival = None;
        let (mut card, offer) = self.rival().await;
        let request = self.house.cancel_request(&mut card, &offer.transaction_id, 0);
        self.house.es9("cancelSession", &request).await.ok();
    }
}

/// The commands.
impl Prepared {
    /// Runs one row of the table; gives the verdict.
    pub(super) async fn command(&mut self, command: &str) -> String {
        let (function, variant) = command.split_once(", ").unwrap_or((command, ""));
        match function {
            "DownloadOrder" => self.download_order(variant).await,
            "ConfirmOrder" => self.confirm_order(variant).await,
            "ReleaseProfile" => self.operator("releaseProfile", json!({})).await,
            "CancelOrder" => self.cancel_order(variant).await,
            "AuthenticateClient" => self.authenticate_client(variant).await,
            "GetBPP" => self.get_bound_profile_package(variant).await,
            "CancelSession" => self.cancel_session(variant).await,
            "Result" => self.result(variant).await,
            _ => panic!("no such command: {command}"),
        }
    }

    async fn operator(&self, function: &str, mut request: Value) -> String {
        request["iccid"] = json!(self.iccid);
        self.house.es2(function, "acme", request).await.verdict()
    }

    async fn download_order(&self, variant: &str) -> String {
        let request = if variant == "EID" { json!({ "eid": self.house.eid(0) }) } else { json!({}) };
        self.operator("downloadOrder", request).await
    }

    async fn confirm_order(&mut self, variant: &str) -> String {
        let mut request = json!({ "confirmationCode": CODE, "releaseFlag": !variant.is_empty() });
        match variant {
            "other EID" => request["eid"] = json!(self.house.eid(1)),
            "default" => request["matchingId"] = json!(""),
            _ => {}
        }
        let verdict = self.operator("confirmOrder", request).await;
        if let Some(id) = self.profile().await.order().and_then(|order| order.matching_id()) {
            self.id = id.as_str().to_owned();
        }
        verdict
    }

    /// Names what the order has, unless the variant says otherwise.
    async fn cancel_order(&self, variant: &str) -> String {
        let indicator = if variant == "Unavailable" { "Unavailable" } else { "Available" };
        let mut request = json!({ "finalProfileStatusIndicator": indicator });
        let profile = self.profile().await;
        if variant != "naming nothing" {
            if let Some(id) = profile.order().and_then(|order| order.matching_id()) {
                request["matchingId"] = json!(id.as_str());
            }
            if let Some(eid) = profile.eid() {
                request["eid"] = json!(eid.as_str());
            }
        }
        if variant == "other EID" {
            request["eid"] = json!(self.house.eid(1));
        }
        self.operator("cancelOrder", request).await
    }

    async fn authenticate_client(&mut self, variant: &str) -> String {
        let mut card = if variant == "other" { self.house.card(1) } else { self.card.clone() };
        if variant == "expired" {
            self.house.advance_ms(ORDER_MS);
        }
        let id = if matches!(variant, "no ID" | "expired") { None } else { Some(&*self.id) };
        self.house.try_authenticate(&mut card, id).await.verdict()
    }

    async fn get_bound_profile_package(&mut self, variant: &str) -> String {
        if variant == "expired" {
            self.house.advance_ms(ORDER_MS);
        }
        let code = if variant == "wrong code" { "wrong" } else { CODE };
        let offer = self.offer.clone().unwrap();
        let request = self.house.bind_request(&mut self.card, &offer, Some(code));
        self.house.es9("getBoundProfilePackage", &request).await.verdict()
    }

    async fn cancel_session(&mut self, variant: &str) -> String {
        let reason = if variant == "postponed" { 1 } else { 0 };
        let transaction_id = self.offer.clone().unwrap().transaction_id;
        let request = self.house.cancel_request(&mut self.card, &transaction_id, reason);
        self.house.es9("cancelSession", &request).await.verdict()
    }

    async fn result(&mut self, variant: &str) -> String {
        self.card.faults = match variant {
            "interrupted" => Faults::none().with_value(Fault::PirReason, 11),
            "failure" => Faults::none().with_value(Fault::PirReason, 12),
            _ => Faults::none(),
        };
        let package = self.package.take().unwrap();
        let result = self.card.load_bound_profile_package(&package).unwrap();
        self.house.notify(&result).await.verdict()
    }
}
