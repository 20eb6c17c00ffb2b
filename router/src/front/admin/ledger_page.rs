//! `GET /admin/ledger`: the ledger in pages, for whoever runs the router.

use http::{Response, StatusCode, Uri};

use crate::accounts::{Ledger, Query};
use crate::front::answer::{ApiError, json_answer};
use crate::front::percent::decoded_in_query;
use crate::front::relay::ResponseBody;

const DEFAULT_LIMIT: usize = 100;
/// A page of so many rows is some five megabytes.
const HIGHEST_LIMIT: usize = 10_000;

pub(super) async fn answer(ledger: &Ledger, uri: &Uri) -> Result<Response<ResponseBody>, ApiError> {
    let query = read_query(uri.query().unwrap_or_default()).map_err(ApiError::bad_query)?;
    let page = ledger.page(query).await.map_err(|error| ApiError::unlisted(&error))?;
    Ok(json_answer(StatusCode::OK, &serde_json::to_value(page).unwrap_or_default()))
}

const TAKEN: &str =
    "the ledger takes `tenant`, `model`, `provider`, `request_id`, `since`, `until`, `after` and `limit`";

fn read_query(text: &str) -> Result<Query, String> {
    let mut query = Query { limit: DEFAULT_LIMIT, ..Query::default() };
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded_in_query(value)
            .ok_or_else(|| format!("the value of `{name}` is not written in percent code"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("`{name}` is not a number"));
        let time = || {
            let time = humantime::parse_rfc3339_weak(&value);
            time.map_err(|_| format!("`{name}` is not a time: write one such as `2026-01-31T08:00:00Z`"))
        };
        match name {
            "tenant" => query.tenant = Some(value),
            "model" => query.model = Some(value),
            "provider" => query.provider = Some(value),
            "request_id" => query.request_id = Some(value),
            "since" => query.since = Some(time()?),
            "until" => query.until = Some(time()?),
            "after" => query.after = number()?,
            "limit" => match usize::try_from(number()?) {
                Ok(limit @ 1..=HIGHEST_LIMIT) => query.limit = limit,
                _ => return Err(format!("`limit` goes from 1 to {HIGHEST_LIMIT}")),
            },
            _ => return Err(TAKEN.to_owned()),
        }
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        let text = "tenant=ac%20me+x&model=a%2Fb&provider=p&request_id=r-1&since=1970-01-01T00:00:02Z\
                    &until=1970-01-01+00:00:03&after=7&limit=2";
        let seconds = |count| Some(std::time::UNIX_EPOCH + std::time::Duration::from_secs(count));
        let expected = Query {
            tenant: Some("ac me x".to_owned()),
            model: Some("a/b".to_owned()),
            provider: Some("p".to_owned()),
            request_id: Some("r-1".to_owned()),
            since: seconds(2),
            until: seconds(3),
            after: 7,
            limit: 2,
        };
        assert_eq!(read_query(text), Ok(expected));
        assert_eq!(read_query("").unwrap().limit, DEFAULT_LIMIT);
        for wrong in [
            "limit=0",
            "limit=10001",
            "limit=x",
            "after=-1",
            "tenat=a",
            "tenant=%zz",
            "tenant=%f",
            "model=%ff",
            "since=yesterday",
            "until=7",
        ] {
            assert!(read_query(wrong).is_err(), "{wrong}");
        }
    }
}
