//! When an upstream has had enough of a connection on which nothing is open.

use std::time::{Duration, Instant};

use scenario::{ConnectionEnd, KeepAlive};
use tokio::time::timeout_at;

use super::{Connection, Fate, State};
use crate::pause::after;

/// What is known of a connection between two requests.
#[derive(Debug)]
pub(super) struct Rest {
    /// How many requests have been answered on it.
    served: u32,
    /// Since when nothing has been open on it; none while something is.
    since: Option<Instant>,
}

impl Default for Rest {
    fn default() -> Self {
        Self { served: 0, since: Some(Instant::now()) }
    }
}

impl Rest {
    /// A request has begun to come.
    pub(super) fn ends(&mut self) {
        self.since = None;
    }

    /// A request has been answered. Only who closes connections between requests wants to know.
    pub(super) fn begins(&mut self) {
        self.served = self.served.saturating_add(1);
        self.since = Some(Instant::now());
    }
}

impl Connection {
    /// Waits until the upstream has had enough. Whoever asks just then finds the connection closed.
    pub(crate) async fn enough(&self, keep_alive: &KeepAlive) {
        loop {
            let Rest { served, since } = self.state().rest;
            let Some(since) = since else {
                self.rested.notified().await;
                continue;
            };
            if keep_alive.requests.is_some_and(|requests| served >= requests) {
                return;
            }
            let idle = keep_alive.idle.unwrap_or(Duration::MAX);
            let another = timeout_at(after(since, idle).into(), self.rested.notified()).await;
            if another.is_err() && self.state().rest.since == Some(since) {
                return;
            }
        }
    }

    /// The upstream closes the connection without having said so.
    pub(crate) fn lets_go(&self, end: ConnectionEnd) {
        let State { fate, .. } = &mut *self.state();
        *fate = Some(match end {
            ConnectionEnd::Close => Fate::Close,
            ConnectionEnd::Reset => Fate::Reset,
        });
    }
}
