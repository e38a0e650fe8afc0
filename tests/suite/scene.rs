//! What most tests start from: one Profile with a released order, and an eUICC that may have it.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use euicc::lpa::Offer;
use euicc::{Card, Fault, Faults};
use serde_json::{Value, json};
use smdpp::profile::Profile;
use smdpp::types::State;

use crate::house::{Answer, House, Wishes, bpp};

/// The Confirmation Code of every order that has one.
pub(crate) const CODE: &str = "tulip-4711";

pub(crate) struct Scene {
    pub(crate) house: House,
    pub(crate) iccid: String,
    /// The MatchingID of the order.
    pub(crate) id: String,
    pub(crate) card: Card,
    marked: Profile,
}

impl Scene {
    /// An order for any eUICC, without Confirmation Code.
    pub(crate) async fn released() -> Self {
        Self::with(Wishes::default(), json!({})).await
    }

    /// An order with a Confirmation Code.
    pub(crate) async fn guarded() -> Self {
        Self::with(Wishes::default(), json!({ "confirmationCode": CODE })).await
    }

    /// An order of the test's choice; `confirm` goes into ConfirmOrder.
    pub(crate) async fn with(wishes: Wishes, confirm: Value) -> Self {
        Self::in_house(House::with(wishes).await, confirm).await
    }

    /// The same in a house that is there already.
    pub(crate) async fn in_house(house: House, confirm: Value) -> Self {
        let (iccid, _) = house.stock(1).await;
        let id = house.order(&iccid, confirm).await;
        let (card, marked) = (house.card(0), house.profile(&iccid).await);
        Self { house, iccid, id, card, marked }
    }

    pub(crate) async fn state(&self) -> State {
        self.house.state(&self.iccid).await
    }

    /// Remembers the Profile as it stands.
    pub(crate) async fn mark(&mut self) {
        self.marked = self.house.profile(&self.iccid).await;
    }

    /// The Profile stands as it was marked: state, order, attempts.
    pub(crate) async fn unmoved(&self) {
        assert_eq!(self.house.profile(&self.iccid).await, self.marked);
    }

    /// Refused with this verdict, and nothing moved.
    pub(crate) async fn refuses(&self, answer: &Answer, verdict: &str) {
        assert_eq!(answer.verdict(), verdict, "{:?}", answer.body);
        self.unmoved().await;
    }

    /// Download attempts and Confirmation Code attempts.
    pub(crate) async fn attempts(&self) -> (u32, u32) {
        let profile = self.house.profile(&self.iccid).await;
        let order = profile.order().unwrap();
        (order.download_attempts, order.confirmation_code_attempts)
    }

    /// AuthenticateClient in a new session of the card.
    pub(crate) async fn try_authenticate(&mut self) -> Answer {
        self.house.try_authenticate(&mut self.card, Some(&self.id)).await
    }

    pub(crate) async fn authenticate(&mut self) -> Offer {
        self.house.authenticate(&mut self.card, Some(&self.id)).await
    }

    /// GetBoundProfilePackage with a Confirmation Code.
    pub(crate) async fn try_bind(&mut self, offer: &Offer, code: Option<&str>) -> Answer {
        let request = self.house.bind_request(&mut self.card, offer, code);
        self.house.es9("getBoundProfilePackage", &request).await
    }

    /// CancelSession in the session of the card.
    pub(crate) async fn try_cancel(&mut self, offer: &Offer, reason: u8) -> Answer {
        let request = self.house.cancel_request(&mut self.card, &offer.transaction_id, reason);
        self.house.es9("cancelSession", &request).await
    }

    /// A whole session up to the package.
    pub(crate) async fn download(&mut self) -> (Offer, Vec<u8>) {
        let offer = self.authenticate().await;
        let package = bpp(&self.try_bind(&offer, Some(CODE)).await.ok());
        (offer, package)
    }

    /// A whole session; gives ProfileInstallationResult as the card delivered it.
    pub(crate) async fn install(&mut self) -> Vec<u8> {
        let (_, package) = self.download().await;
        let result = self.card.load_bound_profile_package(&package).unwrap();
        self.house.deliver(&mut self.card).await;
        result
    }
}

/// One thing goes wrong.
pub(crate) fn faulty(fault: Fault) -> Faults {
    Faults::none().with(fault)
}

/// The octets of a base64 member.
pub(crate) fn octets(body: &Value, member: &str) -> Vec<u8> {
    STANDARD.decode(body[member].as_str().unwrap()).unwrap()
}

/// The request with the octets of one member changed.
pub(crate) fn changed(request: &Value, member: &str, change: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut octets = octets(request, member);
    change(&mut octets);
    with(request, member, json!(STANDARD.encode(octets)))
}

/// The request with one member replaced.
pub(crate) fn with(request: &Value, member: &str, value: Value) -> Value {
    let mut request = request.clone();
    request[member] = value;
    request
}

/// The request with one member left out.
pub(crate) fn without(request: &Value, member: &str) -> Value {
    let mut request = request.clone();
    request.as_object_mut().unwrap().remove(member);
    request
}
