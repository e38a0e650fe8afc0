//! What must be done now and then: forget sessions that are over, count those that are open.
use std::sync::Arc;
use std::time::Duration;

use crate::call::Smdp;

/// How long an expired session may lie around, and how stale the count of open ones may be.
const PERIOD: Duration = Duration::from_secs(2);

/// Runs until it is dropped. A failure is logged, and the next round tries again.
pub async fn keep(smdp: Arc<Smdp>) {
    loop {
        if let Err(fault) = smdp.sweep().await {
            tracing::error!(story = fault.story(), "keeper: sweep");
        }
        tokio::time::sleep(PERIOD).await;
    }
}
