//! Random walks: two eUICCs, one Profile, their messages lost, repeated and late; what an eUICC holds is never sold.
use euicc::lpa::Offer;
use euicc::{Card, Fault, Faults};
use serde_json::{Value, json};
use smdpp::random::{Random, SeededRandom};
use smdpp::types::State;

use crate::house::{House, bpp};

const WALKS: u64 = 40;
const STEPS: usize = 60;

/// One device, with all that it might send once more.
struct Phone {
    card: Card,
    offer: Option<Offer>,
    bind: Option<Value>,
    package: Option<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Walk {
    house: House,
    iccid: String,
    code: String,
    phones: Vec<Phone>,
    dice: SeededRandom,
}

#[tokio::test]
async fn whatever_comes_in_whatever_order_no_profile_is_on_an_euicc_and_in_stock() {
    for seed in 0..WALKS {
        let house = House::new().await;
        let (iccid, _) = house.stock(1).await;
        let code = house.order(&iccid, json!({})).await;
        let phone = |n| Phone { card: house.card(n), offer: None, bind: None, package: None, sent: vec![] };
        let phones = vec![phone(0), phone(1)];
        let mut walk = Walk { house, iccid, code, phones, dice: SeededRandom::new(seed) };
        for step in 0..STEPS {
            walk.step().await;
            let state = walk.house.state(&walk.iccid).await;
            let holders = walk.phones.iter().filter(|one| one.card.profile(&walk.iccid).is_some()).count();
            let free = matches!(state, State::Available | State::Released);
            assert!(holders <= usize::from(!free), "walk {seed}, step {step}: {holders} hold it in {state}");
        }
        walk.house.verify_trail().await;
    }
}

impl Walk {
    fn throw(&self, sides: u8) -> u8 {
        let mut dice = [0];
        self.dice.fill(&mut dice).unwrap();
        dice[0] % sides
    }

    async fn step(&mut self) {
        let (which, what) = (usize::from(self.throw(2)), self.throw(11));
        match what {
            0 | 1 => self.authenticate(which).await,
            2 | 3 => self.bind(which).await,
            4 | 5 => self.load(which),
            6 => {
                let pending = self.phones[which].card.list_notifications().to_vec();
                self.phones[which].sent.extend(pending.iter().map(|one| one.bytes.clone()));
                self.house.deliver(&mut self.phones[which].card).await;
            }
            7 => {
                for old in &self.phones[which].sent {
                    self.house.notify(old).await.ok();
                }
            }
            8 => self.cancel(which).await,
            9 => self.sell().await,
            _ => self.house.advance_ms(i64::from(self.throw(20)) * 60_000),
        }
    }

    async fn authenticate(&mut self, which: usize) {
        let phone = &mut self.phones[which];
        let answer = self.house.try_authenticate(&mut phone.card, Some(&self.code)).await;
        phone.offer = Offer::read("authenticateClient", &answer.body).ok();
        (phone.bind, phone.package) = (None, None);
    }

    async fn bind(&mut self, which: usize) {
        let phone = &mut self.phones[which];
        let Some(offer) = &phone.offer else { return };
        if phone.bind.is_none() {
            phone.bind = self.house.lpa.get_bound_profile_package_request(&mut phone.card, offer, None).ok();
        }
        let Some(request) = &phone.bind else { return };
        let answer = self.house.es9("getBoundProfilePackage", request).await;
        if answer.verdict() == "ok" {
            phone.package = Some(bpp(&answer.body));
        }
    }

    fn load(&mut self, which: usize) {
        let reason = self.throw(4);
        let phone = &mut self.phones[which];
        let Some(package) = phone.package.take() else { return };
        phone.card.faults = match reason {
            0 => Faults::none().with_value(Fault::PirReason, 11),
            1 => Faults::none().with_value(Fault::PirReason, 12),
            _ => Faults::none(),
        };
        // Whatever comes of it is among the notifications.
        let _result = phone.card.load_bound_profile_package(&package);
        (phone.offer, phone.bind) = (None, None);
    }

    async fn cancel(&mut self, which: usize) {
        let reason = [0, 1, 2, 3, 4, 5, 127][usize::from(self.throw(7))];
        let phone = &mut self.phones[which];
        let Some(offer) = phone.offer.take() else { return };
        let request = self.house.lpa.cancel_session_request(&mut phone.card, &offer.transaction_id, reason);
        (phone.bind, phone.package) = (None, None);
        if let Ok(request) = request {
            self.house.es9("cancelSession", &request).await;
        }
    }

    /// The operator puts it back in stock, and sells it again.
    async fn sell(&mut self) {
        let cancel = json!({
            "iccid": self.iccid, "matchingId": self.code, "finalProfileStatusIndicator": "Available"
        });
        if self.house.es2("cancelOrder", "acme", cancel).await.verdict() == "ok" {
            self.code = self.house.order(&self.iccid, json!({})).await;
        }
    }
}
