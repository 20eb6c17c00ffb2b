//! The audit log: one row for each decision to ask an API, the latest of them kept.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::choice::Chosen;
use super::{ApiRequest, Reason};

/// The latest decisions.
#[derive(Debug, Default)]
pub(crate) struct AuditLog(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    rows: VecDeque<AuditRow>,
    /// The number of the latest row.
    latest: u64,
}

/// One decision.
#[derive(Debug, Clone)]
pub(crate) struct AuditRow {
    /// From 1 on, without gaps.
    pub(crate) number: u64,
    pub(crate) at: SystemTime,
    pub(crate) service: String,
    /// The method and the path, without what may be private behind it.
    pub(crate) operation: String,
    pub(crate) api: String,
    pub(crate) key: String,
    pub(crate) reason: Reason,
    pub(crate) request_id: String,
}

const MOST_ROWS: usize = 10_000;
/// A longer path is cut.
const LONGEST_OPERATION: usize = 200;

impl AuditLog {
    /// Keeps that an API was chosen.
    pub(super) fn decided(&self, service: &str, request: &ApiRequest, chosen: &Chosen, request_id: &str) {
        let (api, key) = (chosen.lease.api.name(), chosen.lease.key.name());
        self.keep(service, request, (api, key), chosen.reason, request_id);
    }

    pub(super) fn keep(
        &self,
        service: &str,
        request: &ApiRequest,
        (api, key): (&str, &str),
        reason: Reason,
        request_id: &str,
    ) {
        let operation = format!("{} {}", request.method, request.path.path());
        let row = AuditRow {
            number: 0,
            at: SystemTime::now(),
            service: service.to_owned(),
            operation: operation.chars().take(LONGEST_OPERATION).collect(),
            api: api.to_owned(),
            key: key.to_owned(),
            reason,
            request_id: request_id.to_owned(),
        };
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.latest += 1;
        let number = rows.latest;
        rows.rows.push_back(AuditRow { number, ..row });
        if rows.rows.len() > MOST_ROWS {
            rows.rows.pop_front();
        }
    }

    /// So many rows behind a number, the oldest first.
    pub(crate) fn behind(&self, number: u64, most: usize) -> Vec<AuditRow> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = rows.rows.partition_point(|row| row.number <= number);
        rows.rows.range(first..).take(most).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::apis::Effect;

    #[test]
    fn the_latest_rows_are_kept_and_read_in_pages() {
        let log = AuditLog::default();
        let request = ApiRequest {
            method: http::Method::POST,
            path: format!("/orders/{}?secret=1", "x".repeat(500)).parse().unwrap(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            effect: Effect::EachTime,
            timeout: Duration::from_secs(1),
        };
        for _ in 0..MOST_ROWS + 5 {
            log.keep("orders", &request, ("fyers", "k"), Reason::Turn, "req-1");
        }
        assert_eq!(log.behind(0, 2).iter().map(|row| row.number).collect::<Vec<_>>(), [6, 7]);
        let last = log.behind(10_004, 10);
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].operation.len(), LONGEST_OPERATION);
        assert!(last[0].operation.starts_with("POST /orders/x"));
        assert_eq!(log.behind(0, usize::MAX).len(), MOST_ROWS);
    }
}
