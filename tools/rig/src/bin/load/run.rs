//! Importing, ordering, and the measured downloads.
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use euicc::{ActivationCode, Card, Lpa, LpaConfig};
use rig::download::{self, Times};
use rig::show::{Bar, Show};
use rig::{Confirm, Es2Plus, RigError, Server, numbers, upp};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Arguments;

const OPERATOR: &str = "acme";
const PROFILE_TYPE: &str = "bench";
/// Files in one call of `smdpp profile import`: a command line has its limits.
const FILES_PER_IMPORT: usize = 500;
/// Operator connections that place orders at the same time.
const ORDERING: usize = 8;

/// How the phones connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    KeepAlive,
    NewConnection,
}

impl Way {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::KeepAlive => "Downloads, one TLS connection for each eUICC",
            Self::NewConnection => "Downloads, a fresh TLS connection for each call (as lpac does)",
        }
    }

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep_alive",
            Self::NewConnection => "new_connection",
        }
    }
}

/// One released order.
#[derive(Debug)]
pub(crate) struct Order {
    iccid: String,
    code: ActivationCode,
}

/// The packages by ICCID.
pub(crate) type Expected = Arc<HashMap<String, Vec<u8>>>;

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) way: Way,
    pub(crate) downloads: usize,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) times: Vec<Times>,
}

/// Makes and imports a Profile for each download of both runs.
pub(crate) fn import(arguments: &Arguments, server: &Server, show: Show) -> Result<Expected, RigError> {
    let folder = server.folder().join("stock");
    let wrong = |cause: std::io::Error| RigError::Wrong(format!("{}: {cause}", folder.display()));
    fs::create_dir_all(&folder).map_err(wrong)?;
    let padding = usize::try_from(arguments.padding).unwrap_or(0);
    let mut expected = HashMap::new();
    let mut files = Vec::new();
    for number in 1..=u64::from(arguments.downloads) * 2 {
        let iccid = numbers::iccid(number);
        let package = upp::test_profile(&iccid, &numbers::imsi(number), padding);
        let file = folder.join(format!("{iccid}.der"));
        fs::write(&file, &package).map_err(wrong)?;
        files.push(file.display().to_string());
        expected.insert(iccid, package);
    }
    let begin = Instant::now();
    for files in files.chunks(FILES_PER_IMPORT) {
        let mut import: Vec<&str> = vec!["profile", "import"];
        import.extend(files.iter().map(String::as_str));
        import.extend([
            "--operator",
            OPERATOR,
            "--type",
            PROFILE_TYPE,
            "--name",
            "Bench",
            "--provider",
            "Acme",
        ]);
        // The installation result and nothing else: one notification, as in the floor.
        let notify = format!("delete={}", server.address());
        import.extend(["--notify", &notify]);
        server.smdpp(&import)?;
    }
    show.done(&format!("{} Profiles imported", files.len()), begin.elapsed());
    Ok(Arc::new(expected))
}

/// Places and releases the orders of one run.
pub(crate) async fn order(arguments: &Arguments, server: &Server) -> Result<VecDeque<Order>, RigError> {
    let wanted = usize::try_from(arguments.downloads).unwrap_or(usize::MAX);
    let bar = Arc::new(Mutex::new(Bar::new("orders over ES2+", wanted)));
    let mut operators = JoinSet::new();
    for place in 0..ORDERING.min(wanted) {
        let operator = Es2Plus::of(server, OPERATOR)?;
        let (address, bar) = (server.address().to_owned(), Arc::clone(&bar));
        let mine = wanted / ORDERING + usize::from(place < wanted % ORDERING);
        operators.spawn(async move {
            let mut orders = Vec::new();
            for _ in 0..mine {
                orders.push(one_order(&operator, &address).await?);
                bar.lock().unwrap_or_else(PoisonError::into_inner).step();
            }
            Ok::<_, RigError>(orders)
        });
    }
    let mut orders = VecDeque::new();
    while let Some(placed) = operators.join_next().await {
        orders.extend(placed.map_err(ended_badly)??);
    }
    Ok(orders)
}

async fn one_order(operator: &Es2Plus, address: &str) -> Result<Order, RigError> {
    let ordered = operator.download_order(None, None, Some(PROFILE_TYPE)).await?.success()?;
    let iccid = ordered.text("iccid").unwrap_or_default().to_owned();
    let confirm = Confirm { release: true, ..Confirm::default() };
    let confirmed = operator.confirm_order(&iccid, confirm).await?.success()?;
    let code = ActivationCode {
        address: address.to_owned(),
        matching_id: confirmed.text("matchingId").map(str::to_owned),
        smdp_oid: None,
        confirmation_code_required: false,
    };
    Ok(Order { iccid: iccid.trim_end_matches('F').to_owned(), code })
}

/// All orders, downloaded by the eUICCs as fast as they can.
pub(crate) async fn downloads(
    arguments: &Arguments,
    server: &Server,
    way: Way,
    orders: VecDeque<Order>,
    expected: &Expected,
) -> Result<Measured, RigError> {
    let downloads = orders.len();
    let bar = Arc::new(Mutex::new(Bar::new(way.suffix(), downloads)));
    let orders = Arc::new(Mutex::new(orders));
    let cards = server.pki().cards()?;
    let concurrent = usize::try_from(arguments.concurrent).unwrap_or(1);
    if cards.len() < concurrent {
        return Err(RigError::Wrong(format!("{} test eUICCs, but {concurrent} wanted", cards.len())));
    }
    let (begin, cpu) = (Instant::now(), server.cpu_time()?);
    let mut phones = JoinSet::new();
    for card in cards.into_iter().take(concurrent) {
        let lpa = lpa(server, way)?;
        phones.spawn(phone(lpa, card, Arc::clone(&orders), Arc::clone(expected), Arc::clone(&bar)));
    }
    let mut times = Vec::new();
    while let Some(phone) = phones.join_next().await {
        times.extend(phone.map_err(ended_badly)??);
    }
    let (wall, cpu) = (begin.elapsed(), server.cpu_time()?.saturating_sub(cpu));
    Ok(Measured { way, downloads, wall, cpu, times })
}

/// One eUICC: takes the next order until there is none.
async fn phone(
    lpa: Lpa,
    fresh: Card,
    orders: Arc<Mutex<VecDeque<Order>>>,
    expected: Expected,
    bar: Arc<Mutex<Bar>>,
) -> Result<Vec<Times>, RigError> {
    let mut times = Vec::new();
    let mut card = fresh;
    loop {
        let next = orders.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(Order { iccid, code }) = next else { return Ok(times) };
        let Some(package) = expected.get(&iccid) else {
            return Err(RigError::Wrong(format!("ES2+ gave ICCID {iccid}, which nobody imported")));
        };
        times.push(download::verified(&lpa, &mut card, &code, &iccid, package).await?);
        bar.lock().unwrap_or_else(PoisonError::into_inner).step();
    }
}

fn lpa(server: &Server, way: Way) -> Result<Lpa, RigError> {
    let config = LpaConfig {
        connect: Some(server.ready()?.es9plus.clone()),
        tls_roots: vec![server.pki().ci()?],
        keep_alive: way == Way::KeepAlive,
        ..LpaConfig::default()
    };
    Ok(Lpa::new(server.address(), config)?)
}

fn ended_badly(error: tokio::task::JoinError) -> RigError {
    RigError::Wrong(format!("a worker ended badly: {error}"))
}
