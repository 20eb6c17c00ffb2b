//! `GET /admin/ledger`: the ledger in pages, for whoever runs the router.

use http::{Response, StatusCode, Uri};

use crate::accounts::{Books, Query};

use crate::front::answer::{ApiError, json_answer};
use crate::front::percent::decoded_in_query;
use crate::front::relay::ResponseBody;

const DEFAULT_LIMIT: usize = 100;
const HIGHEST_LIMIT: usize = 100_000;

pub(super) fn answer(books: &Books, uri: &Uri) -> Result<Response<ResponseBody>, ApiError> {
    let query = read_query(uri.query().unwrap_or_default()).map_err(ApiError::bad_query)?;
    let page = serde_json::to_value(books.rows(&query)).unwrap_or_default();
    Ok(json_answer(StatusCode::OK, &page))
}

fn read_query(text: &str) -> Result<Query, String> {
    let mut query = Query { limit: DEFAULT_LIMIT, ..Query::default() };
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded_in_query(value)
            .ok_or_else(|| format!("the value of `{name}` is not written in percent code"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("`{name}` is not a number"));
        match name {
            "tenant" => query.tenant = Some(value),
            "model" => query.model = Some(value),
            "after" => query.after = number()?,
            "limit" => match usize::try_from(number()?) {
                Ok(limit @ 1..=HIGHEST_LIMIT) => query.limit = limit,
                _ => return Err(format!("`limit` goes from 1 to {HIGHEST_LIMIT}")),
            },
            _ => return Err("the ledger takes `tenant`, `model`, `after` and `limit`".to_owned()),
        }
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        let full = read_query("tenant=ac%20me+x&model=a%2Fb&after=7&limit=2").unwrap();
        let expected =
            Query { tenant: Some("ac me x".to_owned()), model: Some("a/b".to_owned()), after: 7, limit: 2 };
        assert_eq!(full, expected);
        assert_eq!(read_query("").unwrap().limit, DEFAULT_LIMIT);
        for wrong in [
            "limit=0",
            "limit=100001",
            "limit=x",
            "after=-1",
            "tenat=a",
            "tenant=%zz",
            "tenant=%f",
            "model=%ff",
        ] {
            assert!(read_query(wrong).is_err(), "{wrong}");
        }
    }
}
