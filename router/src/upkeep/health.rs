//! Health checks: each provider is asked for its models, and each API for a path of its own, now and then, a few at once, on
//! nobody's account.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::apis::Api;
use crate::front::Backend;

/// What the latest check of one provider found.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<HealthReport>>);

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HealthReport {
    pub(crate) at: SystemTime,
    /// Whether it answered, and not that it is in trouble.
    pub(crate) is_up: bool,
}

impl Health {
    pub(crate) fn latest(&self) -> Option<HealthReport> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, is_up: bool) {
        let report = HealthReport { at: SystemTime::now(), is_up };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }
}

/// The checks, for as long as this lives.
#[derive(Debug)]
pub(super) struct HealthChecks {
    every: Duration,
    checked: Arc<Mutex<Vec<Checked>>>,
    _task: JoinSet<()>,
}

/// Whatever is asked how it is.
#[derive(Debug, Clone)]
pub(super) enum Checked {
    Provider(Arc<Backend>),
    Api(Arc<Api>),
}

/// A provider that takes longer to name its models is in trouble.
const PATIENCE: Duration = Duration::from_secs(5);

impl HealthChecks {
    /// Begins to check these, at most so many at once.
    pub(super) fn start(every: Duration, at_once: usize, checked: Vec<Checked>) -> Self {
        let checked = Arc::new(Mutex::new(checked));
        let mut task = JoinSet::new();
        task.spawn(check_again_and_again(every, at_once, Arc::clone(&checked)));
        Self { every, checked, _task: task }
    }

    pub(super) fn every(&self) -> Duration {
        self.every
    }

    /// Checks these from now on.
    pub(super) fn follow(&self, checked: Vec<Checked>) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = checked;
    }
}

async fn check_again_and_again(every: Duration, at_once: usize, checked: Arc<Mutex<Vec<Checked>>>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let all = checked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut running = JoinSet::new();
        for one in all {
            if running.len() >= at_once {
                running.join_next().await;
            }
            let patience = PATIENCE.min(every);
            match one {
                Checked::Provider(backend) => running.spawn(check(backend, patience)),
                Checked::Api(api) => running.spawn(check_api(api, patience)),
            };
        }
        while running.join_next().await.is_some() {}
    }
}

/// Asks with the key whose turn is next, which it stays. A provider without an open key is not asked.
async fn check(backend: Arc<Backend>, patience: Duration) {
    let Some(key) = backend.provider().first_open_key(Instant::now()) else { return };
    let status = backend.upstream().ask_for_models(&key, patience).await;
    let is_up = status.is_some_and(|status| !status.is_server_error());
    if !is_up {
        tracing::warn!(provider = backend.provider().name(), ?status, "health check failed");
    }
    backend.health().found(is_up);
}

/// An API that is switched off is not asked.
async fn check_api(api: Arc<Api>, patience: Duration) {
    let Some(status) = api.check(patience).await else { return };
    let is_up = status.is_some_and(|status| !status.is_server_error());
    if !is_up {
        tracing::warn!(api = api.name(), ?status, "health check failed");
    }
    api.health().found(is_up);
}
