//! Carries what waits in the outbox: each receiver in the order in which it happened, none delayed by another.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::call::Smdp;
use crate::errand::{DeleteEvent, Errand, wait_ms};
use crate::es2plus::{Endpoint, Untold};
use crate::es12::Es12;
use crate::fault::Fault;
use crate::store::{Head, Undelivered};
use crate::types::FunctionCallId;
use crate::types::OperatorId;

/// Errands under way at once: one for each receiver.
const AT_ONCE: usize = 64;
/// How long news of another process (`smdpp outbox retry`) may lie unseen; our own rings.
const PERIOD: Duration = Duration::from_secs(2);
/// Calls under way when the server stops get so long to end.
const GRACE: Duration = Duration::from_secs(3);
/// Of an error, so much is kept for the list.
const WHY_CHARACTERS_MAX: usize = 200;

/// Who can be reached, and how.
#[derive(Clone, Default)]
pub struct Receivers {
    /// functionRequesterIdentifier of our calls: our address.
    pub requester: String,
    pub operators: BTreeMap<OperatorId, Endpoint>,
    /// The way to SM-DSs.
    pub es12: Option<Arc<Es12>>,
    /// After so long without success an errand is given up.
    pub give_up_ms: i64,
}

/// Runs until `stopping` says so; then calls under way are finished, and the rest waits for the next start.
pub async fn carry(smdp: Arc<Smdp>, receivers: Receivers, mut stopping: watch::Receiver<bool>) {
    let receivers = Arc::new(receivers);
    let mut under_way = JoinSet::new();
    let mut busy = BTreeSet::new();
    let outbox = smdp.outbox();
    loop {
        let rest = match outbox.heads().await {
            Ok(heads) => start(&smdp, &receivers, heads, &mut under_way, &mut busy),
            Err(fault) => {
                tracing::error!(story = fault.story(), "courier: look into the outbox");
                PERIOD
            }
        };
        tokio::select! {
            // An error means that the sender is gone, and then it is time to stop too.
            _ = stopping.wait_for(|stop| *stop) => break,
            Some(ended) = under_way.join_next() => match ended {
                Ok(receiver) => drop(busy.remove(&receiver)),
                // Nobody knows whose it was: all that end from now on are looked at anew.
                Err(_panicked) => busy.clear(),
            },
            () = outbox.news() => {}
            () = sleep(rest) => {}
        }
    }
    let ended = timeout(GRACE, async { while under_way.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::info!(
            calls = under_way.len(),
            "courier: cut at the stop; they are made again at the next start"
        );
    }
}

/// Starts what is due and free; gives the time until the next head is due.
fn start(
    smdp: &Arc<Smdp>,
    receivers: &Arc<Receivers>,
    heads: Vec<Head>,
    under_way: &mut JoinSet<String>,
    busy: &mut BTreeSet<String>,
) -> Duration {
    let now = smdp.outbox().now();
    let mut rest = PERIOD;
    for head in heads {
        if busy.contains(&head.receiver) {
            continue;
        }
        let wait_ms = head.due_at.unix_ms().saturating_sub(now.unix_ms());
        if wait_ms > 0 {
            rest = rest.min(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(u64::MAX)));
        } else if busy.len() < AT_ONCE {
            busy.insert(head.receiver.clone());
            let (smdp, receivers) = (Arc::clone(smdp), Arc::clone(receivers));
            under_way.spawn(async move {
                if let Err(fault) = deliver(&smdp, &receivers, &head).await {
                    tracing::error!(story = fault.story(), "courier: an errand will be made again");
                    // The store is in trouble: not at once.
                    sleep(PERIOD).await;
                }
                head.receiver
            });
        }
    }
    rest
}

/// One try, and what became of it.
async fn deliver(smdp: &Smdp, receivers: &Receivers, head: &Head) -> Result<(), Fault> {
    let Head { posted, receiver, tries, since, .. } = head;
    let why = match receivers.hand_over(smdp, head).await? {
        Ok(()) => {
            tracing::info!(receiver, what = posted.errand.title(), "told");
            return smdp.outbox().delivered(&posted.call).await;
        }
        Err(why) => why,
    };
    let now = smdp.outbox().now();
    let given_up = now >= since.plus_ms(receivers.give_up_ms);
    let due_at = now.plus_ms(wait_ms(*tries, smdp.outbox().dice()?));
    let NotYet { why, aside } = why;
    let why: String = why.chars().take(WHY_CHARACTERS_MAX).collect();
    let (call, iccid, what) = (posted.call.as_str(), posted.errand.iccid(), posted.errand.title());
    if given_up {
        tracing::error!(receiver, call, %iccid, what, tries, why, "given up: see `smdpp outbox list`");
    } else {
        tracing::warn!(receiver, call, %iccid, what, tries, why, next = %due_at, "not told yet");
    }
    smdp.outbox().undelivered(&posted.call, Undelivered { why, due_at, aside, given_up }).await
}

/// Why a receiver does not have it yet.
struct NotYet {
    why: String,
    /// It answered and refused this one: those behind it need not wait for it.
    aside: bool,
}

impl From<Untold> for NotYet {
    fn from(untold: Untold) -> Self {
        Self { why: untold.to_string(), aside: matches!(untold, Untold::Refused(_)) }
    }
}

impl Receivers {
    async fn hand_over(&self, smdp: &Smdp, head: &Head) -> Result<Result<(), NotYet>, Fault> {
        let call = &head.posted.call;
        match &head.posted.errand {
            Errand::Progress(progress) => {
                let Some(endpoint) = self.operators.get(&progress.operator) else {
                    let why = "no address: this [[operator]] has no [operator.progress]";
                    return Ok(Err(Untold::Unheard(why.to_owned()).into()));
                };
                Ok(endpoint.tell(&self.requester, call, progress).await.map_err(NotYet::from))
            }
            Errand::DeleteEvent(event) => {
                // The order may have come back to this very event meanwhile: then it stays.
                let profile = smdp.reader().profile(&event.iccid).await?;
                let profile = profile.map(|profile| profile.value);
                match profile.filter(|profile| profile.wants_event(&event.record())) {
                    None => Ok(self.delete(event, call).await),
                    // Or it is just coming back: if that fails, nobody else would delete what was there before.
                    Some(profile) if profile.awaits_smds() => {
                        let why = "the order is telling the SM-DS of it again".to_owned();
                        Ok(Err(NotYet { why, aside: true }))
                    }
                    Some(_) => Ok(Ok(())),
                }
            }
        }
    }

    async fn delete(&self, event: &DeleteEvent, call: &FunctionCallId) -> Result<(), NotYet> {
        let Some(es12) = &self.es12 else {
            return Err(NotYet { why: "this server has no way to SM-DSs".to_owned(), aside: true });
        };
        let answered = es12.delete_event(event, call).await;
        if answered.is_deleted() {
            return Ok(());
        }
        Err(NotYet { why: answered.why(), aside: answered.is_about_this_call() })
    }
}
