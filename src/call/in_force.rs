//! The setting in force: exchanged as a whole while calls run, each of which keeps the one that it began with.
use std::sync::{Arc, PoisonError, RwLock};

use crate::rsp::Setting;

/// Readers take the `Arc` and go: nobody holds the lock while deciding.
pub struct InForce(RwLock<Arc<Setting>>);

impl InForce {
    pub fn new(setting: Setting) -> Self {
        Self(RwLock::new(Arc::new(setting)))
    }

    pub(super) fn now(&self) -> Arc<Setting> {
        // An `Arc` is put there whole or not at all, so a poisoned lock guards a sound one.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Under the lock, so that of two who renew different things neither is forgotten.
    pub(super) fn renew(&self, renew: impl FnOnce(&Setting) -> Setting) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let renewed = Arc::new(renew(&place));
        *place = renewed;
    }
}

impl From<Setting> for InForce {
    fn from(setting: Setting) -> Self {
        Self::new(setting)
    }
}
