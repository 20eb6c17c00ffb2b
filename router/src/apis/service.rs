//! A service: a path, the APIs behind it, whose turn it is, and the line in front of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;

use super::Api;
use crate::exchange::Queue;
use crate::metrics::ByStatus;
use crate::pool::Pool;
use crate::settings::{ServiceSettings, lies_below};

/// One service under one reading of the settings.
#[derive(Debug)]
pub(crate) struct ApiService {
    pub(super) set: ServiceSettings,
    /// In the order of the settings' pools.
    pub(super) apis: Vec<Arc<Api>>,
    /// One turn for each API.
    turns: Arc<Mutex<Pool>>,
    pub(super) queue: Arc<Queue>,
    /// What clients were told.
    answered: Arc<ByStatus>,
}

impl ApiService {
    /// `all` are the APIs of the settings; `before` is the service under earlier ones.
    pub(crate) fn new(set: ServiceSettings, all: &[Arc<Api>], before: Option<&Self>) -> Self {
        let apis = set.pools.iter().map(|pool| Arc::clone(&all[pool.api])).collect();
        let turns = match before.filter(|before| before.set.pools == set.pools) {
            Some(before) => Arc::clone(&before.turns),
            None => Arc::new(Mutex::new(Pool::new(set.pools.iter().map(|pool| Some(pool.weight))))),
        };
        let queue = match before.filter(|before| before.queue.settings() == set.queue) {
            Some(before) => Arc::clone(&before.queue),
            None => Arc::new(Queue::new(set.queue)),
        };
        let answered = before.map(|before| Arc::clone(&before.answered)).unwrap_or_default();
        Self { set, apis, turns, queue, answered }
    }

    pub(crate) fn name(&self) -> &str {
        &self.set.name
    }

    pub(crate) fn settings(&self) -> &ServiceSettings {
        &self.set
    }

    pub(crate) fn apis(&self) -> &[Arc<Api>] {
        &self.apis
    }

    pub(crate) fn answered(&self) -> &ByStatus {
        &self.answered
    }

    /// Whether a path is one of its own.
    pub(crate) fn serves(&self, path: &str) -> bool {
        lies_below(path, &self.set.path)
    }

    /// Whether some API could be asked, now or after a time.
    pub(crate) fn has_api(&self) -> bool {
        self.apis.iter().any(|api| api.is_enabled() && api.provider().learned().pools.has_enabled_key())
    }

    /// The places of the APIs that may serve a request: those of the first rule that it fits.
    pub(super) fn allowed(&self, method: &Method, path: &str) -> Vec<usize> {
        let fits = |rule: &&crate::settings::RoutingRule| {
            rule.method.as_ref().is_none_or(|wanted| wanted == method)
                && rule.path.as_ref().is_none_or(|prefix| lies_below(path, prefix))
        };
        let rule = self.set.rules.iter().find(fits);
        let pools = self.set.pools.iter().enumerate();
        let allowed = pools.filter(|(_, pool)| rule.is_none_or(|rule| rule.apis.contains(&pool.api)));
        allowed.map(|(place, _)| place).collect()
    }

    pub(super) fn turns(&self) -> MutexGuard<'_, Pool> {
        // Every step under the lock leaves the turns whole.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
