//! The way to a Redis: one connection for all, given up as soon as it fails, and made again beside the requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::RedisAddress;
use crate::splitmix::Splitmix;

/// One router's way to the store.
pub(crate) struct Link {
    address: RedisAddress,
    /// Tells this router from the others for as long as it runs.
    me: String,
    numbers: AtomicU64,
    open: Mutex<Option<Open>>,
    contact: watch::Sender<Contact>,
}

/// A connection with its number, so that a late failure of an earlier one does not end it.
struct Open {
    number: u64,
    connection: MultiplexedConnection,
}

/// Whether the store answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) is_up: bool,
    /// Whether it ever was.
    pub(crate) was_up: bool,
    /// When it went away, if it was there before.
    lost_at: Option<Instant>,
    /// How often it went away.
    pub(crate) losses: u64,
    /// Another one when the store forgot everything, as after a restart.
    pub(crate) life: u64,
    /// How often a connection was made.
    connections: u64,
}

/// Begins the names of all that routers keep there.
pub(crate) const PREFIX: &str = "router:";

/// Here routers show that they are there, each by its name.
pub(crate) const ALIVE: &str = "router:alive:";

/// A request waits no longer for the store: it answers in a fraction of a millisecond, and what takes a hundred times as long
/// is in trouble. Whoever waited in vain goes on with what is known here, and then nobody waits until the store is back.
pub(crate) const BOUND: Duration = Duration::from_millis(50);

/// Beside requests it may take longer, so that a busy moment is not taken for an end; readiness is to tell of one in a second.
const BOUND_BESIDE: Duration = Duration::from_millis(400);

/// A router that is late by so much itself, since its machine is busy, blames nobody else for it and waits once more.
const OWN_LATENESS: Duration = Duration::from_millis(5);
/// And no more often than this.
const MOST_BOUNDS: u32 = 8;

/// A store that was late for a moment is back in this time. Requests wait for that, once, rather than to be let in by each router
/// for itself.
const COMES_BACK: Duration = Duration::from_millis(300);

/// Between two tries to reach a store that is away.
const RETRY: Duration = Duration::from_millis(100);

/// Who is silent for so long has ended: what was set aside for it is free again. It shows itself some times in this time.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

/// What the store said, or why it said nothing.
#[derive(Debug)]
pub(crate) enum Told<T> {
    This(T),
    /// It is away: what is known here has to do.
    Nothing,
}

impl Link {
    pub(super) fn new(address: RedisAddress) -> Self {
        let me = format!("{:016x}", Splitmix::from_system().next());
        Self {
            address,
            me,
            numbers: AtomicU64::new(0),
            open: Mutex::default(),
            contact: watch::Sender::default(),
        }
    }

    /// The name of this router there.
    pub(crate) fn me(&self) -> &str {
        &self.me
    }

    /// A name that nothing else there has.
    pub(crate) fn number(&self) -> String {
        format!("{}:{:x}", self.me, self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn contact(&self) -> Contact {
        *self.contact.borrow()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.contact.borrow().is_up
    }

    /// Whether it is there, or has just gone and may be back at once.
    pub(crate) fn may_be_up(&self) -> bool {
        let contact = self.contact();
        contact.is_up || contact.lost_at.is_some_and(|lost_at| lost_at.elapsed() < COMES_BACK)
    }

    /// Waits for a store that has just gone. False when it stays away.
    pub(crate) async fn comes_back(&self) -> bool {
        let Some(lost_at) = self.contact().lost_at else { return self.is_up() };
        let mut contact = self.watch();
        let is_up = contact.wait_for(|contact| contact.is_up);
        tokio::time::timeout_at(lost_at + COMES_BACK, is_up).await.is_ok_and(|waited| waited.is_ok())
    }

    /// To be told of changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Contact> {
        self.contact.subscribe()
    }

    /// Waits for the first contact, for as long as a start may take for it.
    pub(crate) async fn first_contact(&self, at_most: Duration) {
        let mut contact = self.watch();
        // It goes on without, and readiness tells of it.
        let _is_late = timeout(at_most, contact.wait_for(|contact| contact.was_up)).await;
    }

    /// Runs a script on behalf of a request.
    pub(crate) async fn call<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Told<T> {
        for _ in 0..2 {
            if self.is_up()
                && let told @ Told::This(_) = self.call_within(script, BOUND).await
            {
                return told;
            }
            if !self.may_be_up() || !self.comes_back().await {
                break;
            }
        }
        Told::Nothing
    }

    /// Runs a script that no request waits for.
    pub(crate) async fn call_beside<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Told<T> {
        self.call_within(script, BOUND_BESIDE).await
    }

    async fn call_within<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        bound: Duration,
    ) -> Told<T> {
        let open = self.open();
        let Some((number, mut connection)) = open else { return Told::Nothing };
        let mut call = std::pin::pin!(script.invoke_async(&mut connection));
        for _ in 0..MOST_BOUNDS {
            let begin = Instant::now();
            match timeout(bound, &mut call).await {
                Ok(Ok(told)) => return Told::This(told),
                Ok(Err(error)) => {
                    self.lose(number, &error.to_string());
                    return Told::Nothing;
                }
                // The answer may have been here for long.
                Err(_) if begin.elapsed() > bound + OWN_LATENESS => {}
                Err(_) => break,
            }
        }
        self.lose(number, &format!("no answer within {} ms", bound.as_millis()));
        Told::Nothing
    }

    /// Makes a connection, which counts as contact once it was tried.
    pub(super) async fn connect(&self) -> Result<(), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(BOUND_BESIDE))
            // Each call has a bound of its own.
            .set_response_timeout(None);
        let client = Client::open(self.address.info())?;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        // The greeting has no bound in itself.
        let connection = timeout(BOUND_BESIDE * 2, connection).await.unwrap_or_else(|_| {
            Err(RedisError::from((redis::ErrorKind::Io, "no answer to a new connection")))
        })?;
        let mut number = 0;
        self.contact.send_if_modified(|contact| {
            contact.connections += 1;
            number = contact.connections;
            false
        });
        *self.lock() = Some(Open { number, connection });
        Ok(())
    }

    /// Takes in that the store answers, and in which of its lives.
    pub(super) fn found(&self, life: u64) {
        // Held until it is told, so that it is not up without a connection.
        let open = self.lock();
        if open.is_none() {
            return;
        }
        self.contact.send_if_modified(|contact| {
            let is_news = !contact.is_up || contact.life != life;
            if !contact.is_up && contact.losses > 0 {
                tracing::warn!(store = %self.address, "the store that routers share is back");
            }
            (contact.is_up, contact.was_up, contact.life) = (true, true, life);
            is_news
        });
    }

    /// Takes in that there is no connection to be had.
    pub(super) fn not_found(&self, why: &str) {
        self.contact.send_if_modified(|contact| {
            // Told once, at a start without a store.
            let is_news = contact.losses == 0 && !contact.was_up;
            if is_news {
                contact.losses = 1;
                self.warn(why);
            }
            is_news
        });
    }

    fn lose(&self, number: u64, why: &str) {
        let mut open = self.lock();
        if open.as_ref().is_some_and(|open| open.number == number) {
            *open = None;
            self.contact.send_if_modified(|contact| {
                let was_never_up = !contact.was_up && contact.losses == 0;
                let is_news = std::mem::take(&mut contact.is_up) || was_never_up;
                if is_news {
                    contact.losses += 1;
                    contact.lost_at = Some(Instant::now());
                    self.warn(why);
                }
                is_news
            });
        }
    }

    fn warn(&self, why: &str) {
        tracing::warn!(
            store = %self.address,
            error = why,
            "the store that routers share does not answer: going on with what is known here"
        );
    }

    fn open(&self) -> Option<(u64, MultiplexedConnection)> {
        self.lock().as_ref().map(|open| (open.number, open.connection.clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        // It is there or not, so a panic elsewhere spoils nothing.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits before the next try to reach it.
    pub(super) async fn rest(&self) {
        tokio::time::sleep(RETRY).await;
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}
