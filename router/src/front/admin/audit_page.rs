//! `GET /admin/audit`: the latest decisions to ask an API, in pages.

use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use crate::apis::AuditRow;
use crate::front::answer::{ApiError, json_answer};
use crate::front::relay::ResponseBody;
use crate::front::service::Service;

const DEFAULT_LIMIT: usize = 100;
const HIGHEST_LIMIT: usize = 10_000;

pub(super) fn answer(service: &Service, uri: &Uri) -> Result<Response<ResponseBody>, ApiError> {
    let (after, limit) = read_query(uri.query().unwrap_or_default()).map_err(ApiError::bad_query)?;
    let rows = service.audit.behind(after, limit);
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.number);
    let rows: Vec<Value> = rows.iter().map(shown).collect();
    Ok(json_answer(StatusCode::OK, &json!({ "rows": rows, "next": next })))
}

fn shown(row: &AuditRow) -> Value {
    json!({
        "number": row.number,
        "at": humantime::format_rfc3339_micros(row.at).to_string(),
        "service": row.service,
        "operation": row.operation,
        "api": row.api,
        "key": row.key,
        "reason": row.reason.word(),
        "request_id": row.request_id,
    })
}

fn read_query(text: &str) -> Result<(u64, usize), String> {
    let (mut after, mut limit) = (0, DEFAULT_LIMIT);
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = || value.parse::<u64>().map_err(|_| format!("`{name}` is not a number"));
        match name {
            "after" => after = number()?,
            "limit" => match usize::try_from(number()?) {
                Ok(number @ 1..=HIGHEST_LIMIT) => limit = number,
                _ => return Err(format!("`limit` goes from 1 to {HIGHEST_LIMIT}")),
            },
            _ => return Err("the audit log takes `after` and `limit`".to_owned()),
        }
    }
    Ok((after, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        assert_eq!(read_query(""), Ok((0, DEFAULT_LIMIT)));
        assert_eq!(read_query("after=7&limit=2"), Ok((7, 2)));
        for wrong in ["limit=0", "limit=10001", "after=-1", "api=a"] {
            assert!(read_query(wrong).is_err(), "{wrong}");
        }
    }
}
