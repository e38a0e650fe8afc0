//! SIGKILL at a hundred random moments, while eUICCs download: nothing that was acknowledged is lost.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use euicc::lpa::{
    AUTHENTICATE_CLIENT, Authentication, GET_BOUND_PROFILE_PACKAGE, HANDLE_NOTIFICATION, Offer,
};
use euicc::{Card, Lpa, LpaError};
use rig::{Confirm, Es2Plus, RigError};
use serde_json::Value;
use smdpp::types::{State, TransactionId};
use tokio::time::{Instant, sleep};

use crate::house::{Dice, Eye, House, Stocked};

const KILLS: u64 = 100;
const DEVICES: usize = 8;
const PROFILES: u64 = 1600;
/// Every so many orders, two eUICCs scan the same Activation Code.
const CONTESTED: usize = 4;
const LOST: [&str; 3] = ["8.1.1/3.8", "8.2.6/3.8", "8.2/3.7"];
/// Longest wait before the server is killed.
const LIFE_MS: u64 = 60;

/// What the server told somebody that it is so.
#[derive(Debug, Clone, Default)]
struct Told {
    /// How far each Profile is at least, by ICCID.
    ranks: BTreeMap<String, u8>,
    /// Sessions that were answered, and how far they are at least.
    sessions: BTreeMap<String, u8>,
}

impl Told {
    fn rank(&mut self, iccid: &str, rank: u8) {
        // A rival may be told of an earlier step later.
        let known = self.ranks.entry(iccid.to_owned()).or_default();
        *known = rank.max(*known);
    }

    fn session(&mut self, id: &str, rank: u8) {
        self.sessions.insert(id.to_owned(), rank);
    }
}

type Memory = Arc<Mutex<Told>>;

/// One eUICC and where it stands; it survives the server.
struct Device {
    card: Card,
    orders: Vec<(Stocked, Order)>,
    step: Step,
    /// Profiles that it has installed and reported.
    done: usize,
    /// Requests that were sent again after a crash, to the same session.
    resumed: usize,
    /// Orders that another eUICC was first to download.
    lost: usize,
}

#[derive(Debug, Clone)]
struct Order {
    /// Named to the operator's server again and again until it is answered.
    identifier: String,
    eid: Option<String>,
    contested: bool,
}

/// The next thing to do; a request that had no answer is sent again as it was.
enum Step {
    Order,
    Confirm,
    Initiate { matching_id: String },
    Authenticate { request: Value, transaction: String, again: bool },
    Bind { request: Value, transaction: String, again: bool },
    Notify,
}

/// Why a device stops for now.
#[derive(Debug)]
enum Stop {
    /// The server is gone, in the middle of something.
    Gone,
    /// The server says no.
    Refused(String),
    Wrong(String),
}

impl From<LpaError> for Stop {
    fn from(error: LpaError) -> Self {
        match (&error, error.codes()) {
            (LpaError::Http(_), _) => Self::Gone,
            (_, Some((subject, reason))) => Self::Refused(format!("{subject}/{reason}")),
            (_, None) => Self::Wrong(error.to_string()),
        }
    }
}

impl From<RigError> for Stop {
    fn from(error: RigError) -> Self {
        match error {
            RigError::Es2Plus { .. } => Self::Gone,
            RigError::Refused { subject, reason, .. } => Self::Refused(format!("{subject}/{reason}")),
            other => Self::Wrong(other.to_string()),
        }
    }
}

const fn rank(state: State) -> u8 {
    match state {
        State::Available | State::Error | State::Unavailable => 0,
        State::Allocated | State::Linked => 1,
        State::Confirmed => 2,
        State::Released => 3,
        State::Downloaded => 4,
        State::Installed => 5,
    }
}

fn stage_rank(stage: &str) -> u8 {
    ["initiated", "authenticated", "bound", "ended"]
        .iter()
        .zip(1..)
        .find_map(|(name, rank)| (*name == stage).then_some(rank))
        .unwrap_or(0)
}

fn told(memory: &Memory, change: impl FnOnce(&mut Told)) {
    change(&mut memory.lock().unwrap());
}

impl Device {
    /// Goes on with its orders until the server is gone or all are done.
    async fn live(&mut self, lpa: &Lpa, operator: &Es2Plus, memory: &Memory) -> Result<(), Stop> {
        while let Some((_, order)) = self.orders.last() {
            let contested = order.contested;
            let matching_id = order.identifier.clone();
            match self.advance(lpa, operator, memory).await {
                // Ordered and released for both of them.
                Err(Stop::Refused(why)) if contested && why == "8.2.1/3.3" => {
                    self.step = Step::Initiate { matching_id };
                }
                // EID, MatchingID or Profile: another eUICC was first.
                Err(Stop::Refused(why)) if contested && LOST.contains(&&*why) => {
                    self.lost += 1;
                    self.orders.pop();
                    self.step = Step::Order;
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn advance(&mut self, lpa: &Lpa, operator: &Es2Plus, memory: &Memory) -> Result<(), Stop> {
        let (stocked, order) = self.orders.last().unwrap().clone();
        let iccid = stocked.iccid.clone();
        let remember = |rank| told(memory, |told| told.rank(&iccid, rank));
        let session = |id: &str, rank| told(memory, |told| told.session(id, rank));
        self.step = match &mut self.step {
            Step::Order => {
                let fields = rig::es2plus::given(&[("iccid", Some(&iccid)), ("eid", order.eid.as_deref())]);
                operator.call_again("downloadOrder", fields, &order.identifier).await?.success()?;
                remember(1);
                Step::Confirm
            }
            Step::Confirm => {
                let confirm = Confirm {
                    release: true,
                    eid: order.eid.as_deref(),
                    matching_id: Some(&order.identifier),
                    ..Confirm::default()
                };
                operator.confirm_order(&iccid, confirm).await?.success()?;
                remember(3);
                Step::Initiate { matching_id: order.identifier }
            }
            Step::Initiate { matching_id } => {
                let server: Authentication = lpa.initiate_authentication(&mut self.card).await?;
                session(&server.transaction_id, 1);
                let request = lpa.authenticate_client_request(&mut self.card, &server, Some(matching_id))?;
                Step::Authenticate { request, transaction: server.transaction_id, again: false }
            }
            Step::Authenticate { request, transaction, again } => {
                self.resumed += usize::from(std::mem::replace(again, true));
                let body = lpa.succeed(&self.card, AUTHENTICATE_CLIENT, request.clone()).await?;
                session(transaction, 2);
                let offer = Offer::read(AUTHENTICATE_CLIENT, &body)?;
                let request = lpa.get_bound_profile_package_request(&mut self.card, &offer, None)?;
                Step::Bind { request, transaction: transaction.clone(), again: false }
            }
            Step::Bind { request, transaction, again } => {
                self.resumed += usize::from(std::mem::replace(again, true));
                let body = lpa.succeed(&self.card, GET_BOUND_PROFILE_PACKAGE, request.clone()).await?;
                session(transaction, 3);
                remember(4);
                let bpp = body["boundProfilePackage"].as_str().unwrap();
                let bpp = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bpp).unwrap();
                self.card.load_bound_profile_package(&bpp)?;
                let installed = self.card.profile(&iccid).map(|profile| &profile.upp);
                if installed != Some(&stocked.upp) {
                    return Err(Stop::Wrong(format!("{iccid}: {:?}", self.card.trouble)));
                }
                Step::Notify
            }
            Step::Notify => {
                for one in self.card.list_notifications().to_vec() {
                    let request = lpa.handle_notification_request(&one.bytes);
                    let answer = lpa.call(HANDLE_NOTIFICATION, request).await?;
                    if answer.status != 204 {
                        return Err(Stop::Wrong(format!("a notification got {}", answer.status)));
                    }
                    self.card.remove_notification(one.sequence)?;
                }
                remember(5);
                self.done += 1;
                self.orders.pop();
                Step::Order
            }
        };
        Ok(())
    }
}

impl From<euicc::card::CardError> for Stop {
    fn from(error: euicc::card::CardError) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// All that was acknowledged is there, and the trail agrees with it.
async fn nothing_is_lost(eye: &Eye, memory: &Memory) {
    let told = memory.lock().unwrap().clone();
    let states: BTreeMap<String, State> = eye.states().await.into_iter().collect();
    for (iccid, wanted) in &told.ranks {
        let found = states[iccid];
        assert!(rank(found) >= *wanted, "{iccid} was acknowledged as far as {wanted}, and is {found}");
    }
    for (id, wanted) in &told.sessions {
        let session = eye.store.reader().session(&TransactionId::parse(id).unwrap()).await.unwrap();
        let found = session.map_or(0, |session| stage_rank(session.value.stage().name()));
        assert!(found >= *wanted, "session {id} was acknowledged as far as {wanted}, and is {found}");
    }
    eye.verify_trail().await;
}

fn devices(house: &House, mut stock: Vec<Stocked>) -> Vec<Device> {
    let cards = house.server.pki().cards().unwrap();
    let each = stock.len() / cards.len();
    let device = |card: Card| {
        let mine = stock.split_off(stock.len() - each);
        let order = |(place, stocked): (usize, Stocked)| {
            let identifier = format!("ORDER-{}", stocked.iccid);
            let eid = (place % 2 == 0).then(|| card.eid().to_owned());
            (stocked, Order { identifier, eid, contested: false })
        };
        let orders = mine.into_iter().enumerate().map(order).collect();
        Device { orders, card, step: Step::Order, done: 0, resumed: 0, lost: 0 }
    };
    let mut devices: Vec<Device> = cards.into_iter().map(device).collect();
    for pair in devices.chunks_mut(2) {
        let [one, other] = pair else { continue };
        for place in (0..each).step_by(CONTESTED) {
            let order = &mut one.orders[place].1;
            (order.eid, order.contested) = (None, true);
            other.orders[place] = one.orders[place].clone();
        }
    }
    devices
}

/// Lets all devices live until they stop by themselves, or the server is killed after `life`.
async fn episode(
    house: &mut House,
    devices: Vec<Device>,
    memory: &Memory,
    life: Option<Duration>,
) -> Vec<Device> {
    let operator = Arc::new(house.operator("acme"));
    let tasks: Vec<_> = devices
        .into_iter()
        .map(|mut device| {
            let (lpa, operator, memory) = (house.lpa(), Arc::clone(&operator), Arc::clone(memory));
            tokio::spawn(async move {
                let end = device.live(&lpa, &operator, &memory).await;
                (device, end)
            })
        })
        .collect();
    if let Some(life) = life {
        sleep(life).await;
        house.server.kill();
    }
    let mut after = Vec::new();
    for task in tasks {
        let (device, end) = task.await.unwrap();
        match end {
            Ok(()) => {}
            Err(Stop::Gone) => {
                assert!(life.is_some(), "the server went away by itself: {}", house.server.log())
            }
            Err(Stop::Refused(why) | Stop::Wrong(why)) => panic!("{why}\n{}", house.server.log()),
        }
        after.push(device);
    }
    after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_a_hundred_times_loses_nothing_it_acknowledged() {
    let mut dice = Dice::thrown("crash");
    let mut house = House::new(DEVICES);
    house.set("download_attempts_max = 10", "download_attempts_max = 1000");
    house.set("level = \"info\"", "level = \"warn\"");
    let stock = house.stock(0, PROFILES, 0);
    let mut devices = devices(&house, stock);
    let memory = Memory::default();
    let begin = Instant::now();
    let mut steps = 0;
    for _ in 0..KILLS {
        house.server.start().unwrap();
        let life = Duration::from_millis(dice.under(LIFE_MS));
        devices = episode(&mut house, devices, &memory, Some(life)).await;
        // The restarted server is the first to open what the killed one left.
        house.server.start().unwrap();
        nothing_is_lost(&house.eye(), &memory).await;
        steps = memory.lock().unwrap().sessions.len();
    }
    let done: usize = devices.iter().map(|device| device.done).sum();
    println!(
        "{KILLS} kills, {done} Profiles installed and {steps} sessions meanwhile, {:?}",
        begin.elapsed()
    );
    assert!(done >= DEVICES, "the kills came too early to prove anything: {done}");
    assert!(devices.iter().any(|device| !device.orders.is_empty()), "there was nothing left to interrupt");

    for device in &mut devices {
        // What was begun ends, and a few more.
        let few = device.orders.len().saturating_sub(5);
        device.orders.drain(..few);
    }
    devices = episode(&mut house, devices, &memory, None).await;
    nothing_is_lost(&house.eye(), &memory).await;
    let resumed: usize = devices.iter().map(|device| device.resumed).sum();
    let lost: usize = devices.iter().map(|device| device.lost).sum();
    println!("{resumed} requests were sent again after a crash; {lost} times another eUICC was first");
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for device in &devices {
        for profile in device.card.profiles() {
            let iccid = profile.metadata.iccid_digits();
            let other = owners.insert(iccid.clone(), device.card.eid());
            assert_eq!(other, None, "{iccid} is installed twice");
        }
    }
    let told = memory.lock().unwrap().clone();
    assert!(told.ranks.values().all(|rank| *rank == 5), "an order did not end: {:?}", told.ranks);
    assert_eq!(owners.len(), told.ranks.len());
}
