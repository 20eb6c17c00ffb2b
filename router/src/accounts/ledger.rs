//! The ledger: one row for each exchange, in the order in which they were closed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Serialize, Serializer};

use super::{MicroUsd, Tokens};

/// Where rows are kept.
pub(crate) trait Ledger: Send + Sync {
    /// Adds a row. It must not wait: it is called when an answer ends.
    fn record(&self, row: Row);

    /// The oldest rows that a query asks for.
    fn rows(&self, query: &Query) -> Page;
}

/// What one exchange cost, and whom.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The id that the client was told.
    pub(crate) id: String,
    /// When the exchange began.
    #[serde(serialize_with = "as_rfc3339")]
    pub(crate) at: SystemTime,
    pub(crate) tenant: Option<String>,
    /// The public name that was asked for.
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) provider_model: String,
    /// The name of the key of the last attempt.
    pub(crate) key: Option<String>,
    pub(crate) key_fingerprint: Option<String>,
    /// What the client was told; nothing when it left before, or was told of a later attempt.
    pub(crate) status: Option<u16>,
    pub(crate) stream: bool,
    pub(crate) attempts: u32,
    pub(crate) tokens: Tokens,
    /// In millionths of a dollar; nothing when the model has no price.
    pub(crate) cost: Option<MicroUsd>,
    pub(crate) state: RowState,
    /// What the caller sent to find the row again.
    pub(crate) caller_id: Option<String>,
    /// Whom the caller says that it asks for. It moves no cost.
    pub(crate) end_user: Option<String>,
    /// What the caller says that the request belongs to. They move no cost either.
    pub(crate) tags: Vec<String>,
    /// The end of the prompt, where the settings say that it is kept.
    pub(crate) prompt_end: Option<String>,
}

/// How well the tokens of a row are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowState {
    /// By the provider's own count, or nothing was answered.
    Settled,
    /// By the text that came, since the provider gave no count or not its last one.
    Estimated,
    /// An answer came of which nothing could be counted.
    Unknown,
    /// The client left; at least what was delivered is counted.
    Left,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) tenant: Option<String>,
    pub(crate) model: Option<String>,
    /// Only rows with a higher number.
    pub(crate) after: u64,
    pub(crate) limit: usize,
}

/// Rows with their numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) rows: Vec<NumberedRow>,
    /// What to ask for next as `after`, when there is more.
    pub(crate) next: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct NumberedRow {
    /// Counted from 1. Numbers that are missing at the front belong to rows that had to make room.
    pub(crate) number: u64,
    #[serde(flatten)]
    pub(crate) row: Row,
}

/// A ledger that is gone when the process ends.
#[derive(Debug, Default)]
pub(crate) struct MemoryLedger {
    rows: Mutex<VecDeque<NumberedRow>>,
}

/// Some fifty megabytes. Beyond, the oldest rows make room.
const MOST_ROWS: usize = 100_000;

impl MemoryLedger {
    fn lock(&self) -> MutexGuard<'_, VecDeque<NumberedRow>> {
        // A row is in or out, so a panic elsewhere spoils nothing.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    fn record(&self, row: Row) {
        let mut rows = self.lock();
        let number = rows.back().map_or(0, |last| last.number) + 1;
        if rows.len() == MOST_ROWS {
            rows.pop_front();
        }
        rows.push_back(NumberedRow { number, row });
    }

    fn rows(&self, query: &Query) -> Page {
        let rows = self.lock();
        let begin = rows.partition_point(|row| row.number <= query.after);
        let is_wanted = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == is)
        };
        let mut found = rows.range(begin..).filter(|NumberedRow { row, .. }| {
            is_wanted(&query.tenant, row.tenant.as_deref()) && is_wanted(&query.model, Some(&row.model))
        });
        let page: Vec<NumberedRow> = found.by_ref().take(query.limit).cloned().collect();
        let is_last = found.next().is_none();
        let next = page.last().map(|last| last.number).filter(|_| !is_last);
        Page { rows: page, next }
    }
}

fn as_rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tenant: &str, model: &str) -> Row {
        Row {
            id: "req-1".to_owned(),
            at: SystemTime::UNIX_EPOCH,
            tenant: Some(tenant.to_owned()),
            model: model.to_owned(),
            provider: "p".to_owned(),
            provider_model: "m".to_owned(),
            key: None,
            key_fingerprint: None,
            status: Some(200),
            stream: false,
            attempts: 1,
            tokens: Tokens::default(),
            cost: Some(MicroUsd(7)),
            state: RowState::Settled,
            caller_id: None,
            end_user: None,
            tags: Vec::new(),
            prompt_end: None,
        }
    }

    fn numbers(page: &Page) -> (Vec<u64>, Option<u64>) {
        (page.rows.iter().map(|row| row.number).collect(), page.next)
    }

    #[test]
    fn rows_come_in_pages_and_by_tenant_and_model() {
        let ledger = MemoryLedger::default();
        for at in 0..5 {
            ledger.record(row(if at % 2 == 0 { "acme" } else { "globex" }, if at < 3 { "a" } else { "b" }));
        }
        let query = |tenant: &str, model: &str, after, limit| {
            let wanted = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            ledger.rows(&Query { tenant: wanted(tenant), model: wanted(model), after, limit })
        };
        assert_eq!(numbers(&query("", "", 0, 2)), (vec![1, 2], Some(2)));
        assert_eq!(numbers(&query("", "", 2, 3)), (vec![3, 4, 5], None));
        assert_eq!(numbers(&query("acme", "", 0, 2)), (vec![1, 3], Some(3)));
        assert_eq!(numbers(&query("acme", "", 3, 2)), (vec![5], None));
        assert_eq!(numbers(&query("acme", "b", 0, 9)), (vec![5], None));
        assert_eq!(numbers(&query("nobody", "", 0, 9)), (vec![], None));
        assert_eq!(numbers(&query("", "", 99, 9)), (vec![], None));
    }

    #[test]
    fn the_oldest_rows_make_room() {
        let ledger = MemoryLedger::default();
        for _ in 0..MOST_ROWS + 3 {
            ledger.record(row("acme", "a"));
        }
        let page = ledger.rows(&Query { limit: MOST_ROWS + 10, ..Query::default() });
        assert_eq!((page.rows.len(), page.rows[0].number), (MOST_ROWS, 4));
    }

    #[test]
    fn a_row_is_written_flat() {
        let ledger = MemoryLedger::default();
        ledger.record(row("acme", "a"));
        let page = serde_json::to_value(ledger.rows(&Query { limit: 1, ..Query::default() })).unwrap();
        let row = &page["rows"][0];
        assert_eq!((row["number"].as_u64(), row["cost"].as_u64()), (Some(1), Some(7)));
        assert_eq!(
            (row["at"].as_str(), row["state"].as_str()),
            (Some("1970-01-01T00:00:00.000Z"), Some("settled"))
        );
        assert_eq!(row["tokens"]["cache_read"], 0);
        assert!(page["next"].is_null());
    }
}
