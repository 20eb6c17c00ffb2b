//! Readings of a running target. They are repeated until two in a row agree, never until something that is expected holds.

use std::future::Future;
use std::time::Duration;

use record::{Clock, Correlation, LedgerRow, MetricSeen, Moment};
use scenario::Method;
use tokio::time::{Instant, sleep};

use crate::admin::{AskError, Asked};
use crate::process::{Instance, RunningTarget};
use crate::profile::{Auth, LedgerReading};
use crate::reading::{counters, ledger, prometheus};

/// The pause between two readings is this part of the time in which they settle, within these bounds.
const PAUSES: u32 = 8;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A ledger of more pages never ends.
const MOST_PAGES: usize = 10_000;

/// What was read last.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether two readings in a row agreed before time was up.
    pub settled: bool,
}

impl<T> IntoIterator for Reading<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// The profile does not say where it is read.
    #[error("the profile of `{target}` says under `reads:` nothing of `{what}`")]
    NotDeclared {
        /// The target.
        target: String,
        /// What was to be read.
        what: &'static str,
    },
    /// No instance of the target runs.
    #[error("no instance of the target runs")]
    NotRunning,
    /// The target gave no answer, or another one than the profile says.
    #[error("{0}")]
    Answer(String),
}

impl RunningTarget {
    /// The rows of its ledger. Those that bear the mark of another trial are left out.
    ///
    /// # Errors
    ///
    /// The profile does not say where the ledger is, or what it says is not so.
    pub async fn read_ledger(
        &self,
        correlation: Correlation,
        clock: Clock,
    ) -> Result<Reading<LedgerRow>, ReadingError> {
        let reads = &self.surroundings.profile.says.reads;
        let says = reads.ledger.as_ref().ok_or_else(|| self.not_declared("ledger"))?;
        let once = async |at| {
            let mut rows = Vec::new();
            for instance in self.tellers(says)? {
                rows.extend(self.ledger_of(instance, says, at, correlation).await?);
            }
            Ok(rows)
        };
        let at_start = |mut row: LedgerRow| {
            row.at = Moment(0);
            row
        };
        self.settled(clock, once, at_start).await
    }

    /// All pages of one instance's ledger.
    async fn ledger_of(
        &self,
        instance: &Instance,
        says: &LedgerReading,
        at: Moment,
        correlation: Correlation,
    ) -> Result<Vec<LedgerRow>, ReadingError> {
        let context = ledger::Context { at, correlation: &correlation, secrets: &self.surroundings.secrets };
        let (mut rows, mut next) = (Vec::new(), Some(says.get.0.clone()));
        for _ in 0..MOST_PAGES {
            let Some(path) = next.take() else { return Ok(rows) };
            let body = self.get(instance, &path, says.auth).await?;
            let page = ledger::page(&body, says, &context).map_err(|error| self.wrong(&path, &error))?;
            rows.extend(page.rows);
            next = page.next;
        }
        match next {
            None => Ok(rows),
            Some(path) => Err(self.wrong(&path, &format!("the ledger has more than {MOST_PAGES} pages"))),
        }
    }

    /// Its counters: those that it publishes for Prometheus, and those and the states that the profile takes from its status.
    ///
    /// # Errors
    ///
    /// The profile says of neither where it is, or what it says is not so.
    pub async fn read_metrics(&self, clock: Clock) -> Result<Reading<MetricSeen>, ReadingError> {
        let reads = &self.surroundings.profile.says.reads;
        if reads.metrics.is_none() && reads.status.is_none() {
            return Err(self.not_declared("metrics"));
        }
        let once = async |at| {
            let mut rows = Vec::new();
            for instance in self.running()? {
                let before = rows.len();
                if let Some(says) = &reads.metrics {
                    let body = self.get(instance, &says.get.0, says.auth).await?;
                    rows.extend(prometheus::counters(&String::from_utf8_lossy(&body), says, at));
                }
                if let Some(says) = &reads.status {
                    let body = self.get(instance, &says.get.0, says.auth).await?;
                    let counters = counters::of_status(&body, says, at);
                    rows.extend(counters.map_err(|error| self.wrong(&says.get.0, &error))?);
                }
                if self.instances() > 1 {
                    let label = ("instance".to_owned(), instance.number.to_string());
                    rows[before..].iter_mut().for_each(|row: &mut MetricSeen| row.labels.push(label.clone()));
                }
            }
            let told = rows
                .iter_mut()
                .flat_map(|row| row.labels.iter_mut().map(|(_, value)| value).chain(&mut row.text));
            for text in told {
                *text = self.surroundings.secrets.cleaned(text);
            }
            Ok(rows)
        };
        let at_start = |mut row: MetricSeen| {
            row.at = Moment(0);
            row
        };
        self.settled(clock, once, at_start).await
    }

    /// Reads until two readings in a row agree but for their times, or until the profile's time is up.
    async fn settled<T: Clone + PartialEq, F>(
        &self,
        clock: Clock,
        mut once: impl FnMut(Moment) -> F,
        at_start: impl Fn(T) -> T,
    ) -> Result<Reading<T>, ReadingError>
    where
        F: Future<Output = Result<Vec<T>, ReadingError>>,
    {
        let within = self.surroundings.profile.says.settles_within;
        let pause = (within / PAUSES).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let until = Instant::now() + within;
        let mut rows = once(clock.now()).await?;
        loop {
            if Instant::now() >= until {
                return Ok(Reading { rows, settled: false });
            }
            sleep(pause).await;
            let again = once(clock.now()).await?;
            let alike = rows.len() == again.len()
                && rows.into_iter().map(&at_start).eq(again.iter().cloned().map(&at_start));
            rows = again;
            if alike {
                return Ok(Reading { rows, settled: true });
            }
        }
    }

    async fn get(&self, instance: &Instance, path: &str, auth: Auth) -> Result<Vec<u8>, ReadingError> {
        let header = match auth {
            Auth::Admin => self.surroundings.admin_header(),
            Auth::None => None,
        };
        let asked = Asked {
            to: instance.address(),
            method: Method::Get,
            path,
            header,
            body: None,
            status: Some(200),
        };
        let told =
            |error: AskError| ReadingError::Answer(self.surroundings.secrets.cleaned(&error.to_string()));
        self.admin.ask(asked).await.map_err(told)
    }

    /// The instances that run.
    fn running(&self) -> Result<Vec<&Instance>, ReadingError> {
        let running: Vec<&Instance> =
            self.instances.iter().map(AsRef::as_ref).filter(|instance| instance.is_up()).collect();
        if running.is_empty() { Err(ReadingError::NotRunning) } else { Ok(running) }
    }

    /// The instances whose ledgers together are the target's: any one of those that share theirs, all of others.
    fn tellers(&self, says: &LedgerReading) -> Result<Vec<&Instance>, ReadingError> {
        let mut running = self.running()?;
        if says.shared && self.surroundings.store.is_some() {
            running.truncate(1);
        }
        Ok(running)
    }

    fn not_declared(&self, what: &'static str) -> ReadingError {
        ReadingError::NotDeclared { target: self.surroundings.profile.name().to_owned(), what }
    }

    fn wrong(&self, path: &str, error: &str) -> ReadingError {
        let told = format!("the answer of `{path}` is not what the profile says: {error}");
        ReadingError::Answer(self.surroundings.secrets.cleaned(&told))
    }
}
