//! Asks all APIs of a service the same, and tells whether a number in their answers agrees.

use std::collections::BTreeMap;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::api::Asking;
use super::audit::AuditLog;
use super::{Api, ApiRequest, ApiService, Came, Reason, ServicePolicy};
use crate::growth::WHOLE;

/// Numbers agree that differ by no more than the larger one divided by this.
const TOLERANCE_DIVISOR: u128 = 1_000;
/// A longer answer is not read.
const MOST_BYTES: usize = 1024 * 1024;
const DIGITS_BEHIND: usize = 9;

/// What came of a comparison.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) told: Value,
    pub(crate) attempts: u32,
}

/// What one API answered: its status if any, and the number as it is written, or why there is none.
struct Answered {
    api: String,
    status: Option<u16>,
    number: Result<String, &'static str>,
}

/// Asks every enabled API that has room, each once, for a number at a path of names such as `data.last_price`.
pub(crate) async fn compared(
    service: &ApiService,
    policy: &dyn ServicePolicy,
    audit: &AuditLog,
    request: &ApiRequest,
    (field, id): (&str, &str),
) -> Compared {
    let mut asked = JoinSet::new();
    let (mut answers, mut attempts) = (BTreeMap::new(), 0);
    for place in service.allowed(&request.method, request.path.path()) {
        let api = Arc::clone(&service.apis[place]);
        if !api.is_enabled() && !policy.asks_disabled() {
            continue;
        }
        let below = policy.heeds_limits().then_some(WHOLE);
        let asking = Asking { choosing: Asking::in_turn(None), refused: &[], only: None };
        let Some(lease) = api.lease(below, &asking, Instant::now()) else {
            let none = Answered { api: api.name().to_owned(), status: None, number: Err("it has no room") };
            answers.insert(place, none);
            continue;
        };
        attempts += 1;
        audit.keep(service.name(), request, (api.name(), lease.key.name()), Reason::Comparison, id);
        let (request, field) = (request.clone(), field.to_owned());
        asked.spawn(async move { (place, ask(&api, lease, &request, &field).await) });
    }
    while let Some(done) = asked.join_next().await {
        if let Ok((place, answered)) = done {
            answers.insert(place, answered);
        }
    }
    Compared { told: told(field, &answers.into_values().collect::<Vec<_>>()), attempts }
}

async fn ask(api: &Arc<Api>, mut lease: super::lease::Lease, request: &ApiRequest, field: &str) -> Answered {
    let came = api.send(&lease, request).await;
    lease.key.attempts().count(came.status());
    let status = came.status().map(|status| status.as_u16());
    if matches!(came, Came::NeverSent) {
        lease.never_sent();
    }
    lease.answered(None);
    let number = match came {
        Came::Answer(response) if response.status().is_success() => {
            let read =
                timeout(request.timeout, Limited::new(response.into_body(), MOST_BYTES).collect()).await;
            match read {
                Ok(Ok(body)) => number_in(&body.to_bytes(), field),
                _ => Err("its answer cannot be read"),
            }
        }
        Came::Answer(_) | Came::Read(_) | Came::Failed { .. } | Came::Limited { .. } | Came::KeyRejected => {
            Err("it refused")
        }
        Came::NeverSent | Came::Lost | Came::TimedOut => Err("it did not answer"),
    };
    Answered { api: api.name().to_owned(), status, number }
}

/// The number at a path of names, as it is written.
fn number_in(body: &[u8], field: &str) -> Result<String, &'static str> {
    const NONE: &str = "its answer has no such number";
    let mut value: Box<RawValue> = serde_json::from_slice(body).map_err(|_| "its answer is no JSON")?;
    for name in field.split('.') {
        let mut fields: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(value.get()).map_err(|_| NONE)?;
        value = fields.remove(name).ok_or(NONE)?;
    }
    let text = value.get().trim_matches('"');
    exact(text).map(|_| text.to_owned()).ok_or(NONE)
}

/// A decimal number as a whole one of billionths, so that nothing is lost.
fn exact(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, behind) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(behind) || whole.len() > 18 || behind.len() > DIGITS_BEHIND {
        return None;
    }
    format!("{whole}{behind:0<DIGITS_BEHIND$}").parse::<i128>().ok().map(|number| sign * number)
}

/// Whether two numbers differ by no more than a thousandth of the larger one.
fn agree(one: i128, other: i128) -> bool {
    one.abs_diff(other) * TOLERANCE_DIVISOR <= one.unsigned_abs().max(other.unsigned_abs())
}

fn told(field: &str, answers: &[Answered]) -> Value {
    let shown = |answer: &Answered| {
        json!({
            "api": answer.api,
            "status": answer.status,
            "value": answer.number.as_ref().ok(),
            "problem": answer.number.as_ref().err(),
        })
    };
    let numbers: Vec<(&str, i128)> = answers
        .iter()
        .filter_map(|answer| Some((answer.api.as_str(), exact(answer.number.as_ref().ok()?)?)))
        .collect();
    let mut differing = Vec::new();
    for (at, (one, number)) in numbers.iter().enumerate() {
        for (other, another) in &numbers[at + 1..] {
            if !agree(*number, *another) {
                differing.push(json!([one, other]));
            }
        }
    }
    // One number alone agrees with nothing.
    let agree = if numbers.len() > 1 { Value::Bool(differing.is_empty()) } else { Value::Null };
    json!({
        "field": field,
        "tolerance": "0.1%",
        "agree": agree,
        "differing": differing,
        "complete": numbers.len() == answers.len(),
        "values": answers.iter().map(shown).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_agree_within_a_thousandth_of_the_larger_one() {
        let cases = [
            ("25840.50", "25860.00", true),
            ("25840.50", "25870.00", false),
            ("999", "1000", true),
            ("998.999999999", "1000", false),
            ("1000", "999", true),
            ("0", "0", true),
            ("0", "0.000000001", false),
            ("-1000", "-999", true),
            ("-1", "1", false),
            ("0.1", "0.10", true),
            ("999999999999999999", "1", false),
        ];
        for (one, other, expected) in cases {
            let (one, other) = (exact(one).unwrap(), exact(other).unwrap());
            assert_eq!(agree(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_number_is_found_by_its_names_and_kept_as_it_is_written() {
        let body = br#"{"data":{"NIFTY":{"last_price":25840.50,"volume":"12"}},"list":[1]}"#;
        assert_eq!(number_in(body, "data.NIFTY.last_price").as_deref(), Ok("25840.50"));
        assert_eq!(number_in(body, "data.NIFTY.volume").as_deref(), Ok("12"));
        for wrong in ["", "data", "data.NIFTY.nothing", "list", "list.0", "data.NIFTY.last_price.more"] {
            assert!(number_in(body, wrong).is_err(), "{wrong}");
        }
        for wrong in ["<html>", "", "[", "{\"a\":1e5}"] {
            assert!(number_in(wrong.as_bytes(), "a").is_err(), "{wrong}");
        }
    }

    #[test]
    fn missing_and_differing_numbers_are_told_by_the_names_of_the_apis() {
        let answered = |api: &str, number: Result<&str, &'static str>| Answered {
            api: api.to_owned(),
            status: Some(200),
            number: number.map(str::to_owned),
        };
        let all =
            told("p", &[answered("a", Ok("1000")), answered("b", Ok("999")), answered("c", Ok("1001"))]);
        assert_eq!((&all["agree"], &all["differing"]), (&json!(false), &json!([["b", "c"]])));
        let partly = told("p", &[answered("a", Ok("1")), answered("b", Err("it refused"))]);
        assert_eq!((&partly["agree"], &partly["complete"]), (&Value::Null, &json!(false)));
        assert_eq!(partly["values"][1]["problem"], "it refused");
    }
}
