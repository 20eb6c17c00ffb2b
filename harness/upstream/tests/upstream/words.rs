//! Every word of the language that says what a provider does, over a socket and in every dialect that has it.

use dialect::{Dialect, Framer, StreamEvent, Surface, TextHash};
use record::{NOT_REACHED, Outcome};
use scenario::{ErrorName, Framing, HintName, KeyState, StreamEnd, UsagePlace};
use serde_json::{Value, json};

use crate::dialect_caller::{ask, read};
use crate::stage::{Ending, Reply, Stage};

/// The status of an error, as the book tells it.
fn status(error: ErrorName, dialect: Dialect) -> u16 {
    use ErrorName as E;
    match error {
        E::RateLimit | E::SlowDown | E::DailyLimit | E::Concurrency => 429,
        E::SpendCap if dialect == Dialect::Azure => 403,
        E::ZeroQuota | E::SpendCap => 429,
        E::InsufficientQuota if dialect == Dialect::Anthropic => 400,
        E::InsufficientQuota => 429,
        E::InvalidKey if dialect == Dialect::Gemini => 400,
        E::InvalidKey => 401,
        E::PaymentRequired => 402,
        E::Forbidden => 403,
        E::BadRequest | E::ContextOverflow | E::ContentPolicy => 400,
        E::ModelNotFound => 404,
        E::RequestTimeout => 408,
        E::Conflict => 409,
        E::TooLarge => 413,
        E::Unprocessable => 422,
        E::ServerError => 500,
        E::BadGateway => 502,
        E::Overloaded if dialect == Dialect::Anthropic => 529,
        E::Overloaded | E::Unavailable => 503,
        E::GatewayTimeout => 504,
    }
}

/// The message of an error, where the dialect keeps it.
fn message(dialect: Dialect, error: ErrorName, body: &Value) -> Option<&str> {
    match (dialect, error) {
        // vLLM's own server says no more to a wrong key.
        (Dialect::Ollama, _) | (Dialect::Vllm, ErrorName::InvalidKey) => body["error"].as_str(),
        _ => body["error"]["message"].as_str(),
    }
}

/// Asks so many times with one key, one after the other.
async fn replies(stage: &Stage, dialect: Dialect, times: usize) -> Vec<Reply> {
    let mut caller = stage.caller().await;
    let mut replies = Vec::new();
    for _ in 0..times {
        caller.send(&ask(dialect, Surface::Chat, false, stage.secret(0))).await;
        replies.push(caller.reply().await);
    }
    replies
}

#[tokio::test]
async fn every_error_is_told_with_its_status_and_a_message_in_every_dialect() {
    for dialect in Dialect::ALL {
        let turns: Vec<Value> = ErrorName::ALL.iter().map(|(word, ..)| json!({ "error": word })).collect();
        let script = json!([{ "name": "errors", "loop": turns }]);
        let stage = Stage::set(json!({ "dialect": dialect.name(), "keys": 1, "script": script })).await;
        for (reply, (word, error, _)) in
            replies(&stage, *dialect, turns.len()).await.iter().zip(ErrorName::ALL)
        {
            assert_eq!(reply.status, status(*error, *dialect), "{dialect:?} {word}: {}", reply.body);
            assert_eq!(reply.header("content-type"), Some("application/json"), "{dialect:?} {word}");
            let body = reply.json();
            assert!(
                message(*dialect, *error, &body).is_some_and(|text| !text.is_empty()),
                "{dialect:?} {word}: {body}"
            );
        }
        let seen = stage.leave().await;
        for (row, (word, ..)) in seen.rows.iter().zip(ErrorName::ALL) {
            assert_eq!((seen.name(row.error), row.outcome), (*word, Outcome::Complete), "{dialect:?}");
        }
    }
}

/// Where a hint of 1500 ms stands: in which header with which text, or in the body; and whether a reader can use it.
fn told(hint: HintName, dialect: Dialect) -> (Option<(&'static str, &'static str)>, &'static str, bool) {
    match hint {
        HintName::Seconds => (Some(("retry-after", "2")), "", true),
        HintName::Fraction => (Some(("retry-after", "1.5")), "", true),
        HintName::Date => (Some(("retry-after", " GMT")), "", true),
        HintName::Millis => (Some(("retry-after-ms", "1500")), "", true),
        HintName::Reset => match dialect {
            Dialect::Anthropic => (Some(("anthropic-ratelimit-requests-reset", "Z")), "", true),
            Dialect::Azure => (Some(("x-ratelimit-reset-requests", "2")), "", true),
            _ => (Some(("x-ratelimit-reset-requests", "1.5s")), "", true),
        },
        HintName::AzureMillis => (Some(("x-ms-retry-after-ms", "1500")), "", true),
        HintName::ResetDuration => (Some(("x-ratelimit-reset-requests", "1.5s")), "", true),
        HintName::ResetSeconds => (Some(("x-ratelimit-reset-requests", "2")), "", true),
        HintName::ResetTimestamp => (Some(("anthropic-ratelimit-requests-reset", "Z")), "", true),
        HintName::ResetEpoch => (Some(("anthropic-ratelimit-unified-reset", "")), "", true),
        HintName::ResetUnknown => (Some(("x-ratelimit-reset-requests", "-1")), "", false),
        HintName::QuotaReset => (None, "\"quotaResetDelay\":\"1.5s\"", true),
        HintName::Untold => (None, "", false),
        HintName::Body => (None, "\"retryDelay\":\"1.5s\"", true),
        HintName::Prose if dialect == Dialect::Azure => (None, "Please retry after 2 seconds.", true),
        HintName::Prose if dialect == Dialect::Gemini => (None, "Please retry in 1.5s.", true),
        HintName::Prose => (None, "Please try again in 1.5s.", true),
        HintName::Past => (Some(("retry-after", " GMT")), "", false),
        HintName::Negative => (Some(("retry-after", "-2")), "", false),
        HintName::Nonsense => (Some(("retry-after", "soon")), "", false),
    }
}

#[tokio::test]
async fn every_hint_stands_where_it_should_in_every_dialect() {
    for dialect in Dialect::ALL {
        let reply = |word: &str| json!({ "error": "rate_limit", "retry_after": "1500ms", "hints": [word] });
        let turns: Vec<Value> = HintName::ALL.iter().map(|(word, ..)| reply(word)).collect();
        let script = json!([{ "name": "hints", "loop": turns }]);
        let stage = Stage::set(json!({ "dialect": dialect.name(), "keys": 1, "script": script })).await;
        let replies = replies(&stage, *dialect, turns.len()).await;
        let seen = stage.leave().await;
        for ((word, hint, _), (reply, row)) in HintName::ALL.iter().zip(replies.iter().zip(&seen.rows)) {
            let (header, in_body, usable) = told(*hint, *dialect);
            let hints = [
                "retry-after",
                "retry-after-ms",
                "x-ratelimit-reset-requests",
                "anthropic-ratelimit-requests-reset",
                "anthropic-ratelimit-unified-reset",
                "x-ms-retry-after-ms",
            ];
            for name in hints {
                let found = reply.header(name);
                match header.filter(|(expected, _)| *expected == name) {
                    Some((_, text)) => {
                        assert!(
                            found.is_some_and(|found| found.ends_with(text)),
                            "{dialect:?} {word}: {found:?}"
                        );
                    }
                    None => assert_eq!(found, None, "{dialect:?} {word}: {name}"),
                }
            }
            assert!(reply.body.contains(in_body), "{dialect:?} {word}: {}", reply.body);
            assert_eq!(row.hint_ms != NOT_REACHED, usable, "{dialect:?} {word}");
        }
    }
}

#[tokio::test]
async fn every_state_of_a_key_is_an_error_in_every_dialect() {
    for dialect in Dialect::ALL {
        let keys = KeyState::ALL
            .iter()
            .map(|(word, ..)| ((*word).to_owned(), json!({ "states": [{ "is": word }] })));
        let keys: serde_json::Map<String, Value> = keys.collect();
        let labels: Vec<String> = keys.keys().cloned().collect();
        let stage = Stage::set(json!({ "dialect": dialect.name(), "keys": keys })).await;
        stage.traffic.traffic_began(stage.clock.now());
        for (index, label) in labels.iter().enumerate() {
            let (_, state, _) = KeyState::ALL.iter().find(|(word, ..)| word == label).unwrap();
            let expected = match state {
                KeyState::Good => 200,
                KeyState::Limited => status(ErrorName::RateLimit, *dialect),
                KeyState::Exhausted => status(ErrorName::InsufficientQuota, *dialect),
                KeyState::Unpaid => status(ErrorName::PaymentRequired, *dialect),
                KeyState::Revoked => status(ErrorName::InvalidKey, *dialect),
                KeyState::Forbidden => status(ErrorName::Forbidden, *dialect),
            };
            let mut caller = stage.caller().await;
            caller.send(&ask(*dialect, Surface::Chat, false, stage.secret(index))).await;
            assert_eq!(caller.reply().await.status, expected, "{dialect:?} {label}");
        }
    }
}

const TEXT: &str = "one two three four";

fn streaming(dialect: Dialect, key: &str, value: &Value) -> Value {
    let stream = json!({ key: value });
    let usage = json!({ "input": 11, "output": 7 });
    json!({ "dialect": dialect.name(), "keys": 1, "reply": { "text": TEXT, "usage": usage, "stream": stream } })
}

async fn streamed(world: Value, dialect: Dialect) -> Reply {
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    caller.send(&ask(dialect, Surface::Chat, true, stage.secret(0))).await;
    caller.reply().await
}

#[tokio::test]
async fn every_framing_is_seen_in_every_dialect_and_changes_nothing_that_is_told() {
    for dialect in Dialect::ALL {
        let usual = streamed(streaming(*dialect, "pings", &json!(false)), *dialect).await;
        let lines = dialect.stream_format(Surface::Chat) == dialect::StreamFormat::Lines;
        for (word, framing, _) in Framing::ALL {
            let reply = streamed(streaming(*dialect, "framing", &json!(word)), *dialect).await;
            let body = reply.body.as_str();
            let seen = match framing {
                Framing::Crlf => {
                    body.ends_with("\r\n") && body.matches('\n').count() == body.matches("\r\n").count()
                }
                // A line of JSON that ends with a carriage return alone would be no line.
                Framing::Cr => lines || (body.contains('\r') && !body.contains('\n')),
                Framing::Strangers => lines || body.contains("stranger"),
                Framing::MultiLine => {
                    lines || body.matches("data:").count() > usual.body.matches("data:").count()
                }
                Framing::Tight => lines || (body.contains("data:{") && !body.contains("data: ")),
                Framing::Comments => lines || body.starts_with(':') || body.contains("\n:"),
                // How it is cut is told below.
                Framing::Split => body.len() == usual.body.len(),
            };
            assert!(seen, "{dialect:?} {word}: {body}");
            let told = read(*dialect, Surface::Chat, &reply);
            assert_eq!(
                (told.text.as_str(), told.error, told.ended),
                (TEXT, false, true),
                "{dialect:?} {word}"
            );
        }
    }
}

#[tokio::test]
async fn split_events_go_out_byte_by_byte_in_every_dialect() {
    for dialect in Dialect::ALL {
        let stage = Stage::set(streaming(*dialect, "framing", &json!("split"))).await;
        let mut caller = stage.caller().await;
        caller.send(&ask(*dialect, Surface::Chat, true, stage.secret(0))).await;
        caller.wait_for("\r\n0\r\n\r\n").await;
        drop(stage);
        let came = caller.rest().await;
        let (_, chunks) = came.split_once("\r\n\r\n").unwrap();
        let chunks = chunks.strip_suffix("0\r\n\r\n").unwrap();
        let mut rest = chunks;
        while !rest.is_empty() {
            let byte = rest.strip_prefix("1\r\n").unwrap_or_else(|| panic!("{dialect:?}: {rest}"));
            let end = byte.char_indices().nth(1).unwrap().0;
            rest = byte[end..].strip_prefix("\r\n").unwrap();
        }
    }
}

/// What an event tells: tokens of the request and of the answer, whether it has text, and whether it says why the answer ends.
type Told = (Option<(u32, u32)>, bool, bool);

/// What the events of a stream tell.
fn usages(dialect: Dialect, reply: &Reply) -> Vec<Told> {
    let mut framer = Framer::new(64 * 1024);
    framer.reset(dialect.stream_format(Surface::Chat));
    let mut events = Vec::new();
    let read = framer.push(reply.body.as_bytes(), |event| {
        if let StreamEvent::Piece(piece) = dialect.read_event(Surface::Chat, event) {
            let usage = piece.usage.map(|usage| (usage.input.unwrap_or(0), usage.output.unwrap_or(0)));
            let has_text = piece.text.is_some_and(|text| !text.is_empty());
            events.push((usage, has_text, piece.finish.is_some()));
        }
    });
    assert_eq!(read, Ok(()));
    events
}

#[tokio::test]
async fn every_place_of_the_usage_is_where_it_says_in_every_dialect() {
    for dialect in Dialect::ALL {
        for (word, place, _) in UsagePlace::ALL {
            let reply = streamed(streaming(*dialect, "usage", &json!(word)), *dialect).await;
            let events = usages(*dialect, &reply);
            let context = || format!("{dialect:?} {word}: {}", reply.body);
            let with: Vec<_> =
                events.iter().filter(|(usage, ..)| usage.is_some_and(|told| told.1 == 7)).collect();
            match place {
                // Gemini counts on every event, and the last content has the whole of it already.
                UsagePlace::Usual if *dialect == Dialect::Gemini => {
                    assert_eq!(with.len(), 2, "{}", context());
                }
                UsagePlace::Usual => assert_eq!(with.len(), 1, "{}", context()),
                UsagePlace::Nowhere => assert!(with.is_empty(), "{}", context()),
                UsagePlace::EveryEvent => {
                    let silent = events.iter().filter(|(usage, text, _)| *text && usage.is_none()).count();
                    assert!(silent == 0 && !with.is_empty(), "{}", context());
                }
                UsagePlace::LastContent => {
                    assert!(with.len() == 1 && with[0].1, "{}", context());
                    assert!(
                        !events
                            .iter()
                            .rev()
                            .take_while(|event| !event.1)
                            .any(|event| event.0.is_some_and(|told| told.1 > 0)),
                        "{}",
                        context()
                    );
                }
                UsagePlace::Finish => assert!(with.len() == 1 && with[0].2, "{}", context()),
            }
        }
    }
}

/// How a stream goes wrong: whether it is reset, whether the body ends as HTTP wants it, whether an error is told, and how the
/// row says it.
fn wrong(end: StreamEnd) -> (bool, bool, bool, Outcome) {
    match end {
        StreamEnd::End | StreamEnd::Garbage => (false, true, false, Outcome::Complete),
        StreamEnd::Error | StreamEnd::ErrorThenDone => (false, true, true, Outcome::Complete),
        StreamEnd::Close => (false, false, false, Outcome::Cut),
        StreamEnd::Reset => (true, false, false, Outcome::Reset),
        StreamEnd::Stall | StreamEnd::Pings => (false, false, false, Outcome::Abandoned),
    }
}

#[tokio::test]
async fn every_end_of_a_stream_comes_behind_what_was_told_and_as_it_says_in_every_dialect() {
    for dialect in Dialect::ALL {
        for (word, end, _) in StreamEnd::ALL {
            let context = format!("{dialect:?} {word}");
            let script = json!([{ "name": "broken", "stream": { "after_contents": 2, "then": word } }]);
            let mut world = streaming(*dialect, "pings", &json!(false));
            world["script"] = script;
            let stage = Stage::set(world).await;
            let mut caller = stage.caller().await;
            let asked = ask(*dialect, Surface::Chat, true, stage.secret(0));
            caller.send(&asked.replace("host: upstream", "host: upstream\r\nconnection: close")).await;
            caller.wait_for(" two").await;
            let (is_reset, is_whole, tells_error, outcome) = wrong(*end);
            // What only waits is waited for until the upstream stops.
            let (seen, ending) = if outcome == Outcome::Abandoned {
                tokio::join!(stage.leave(), caller.ending())
            } else {
                let ending = caller.ending().await;
                (stage.leave().await, ending)
            };
            assert_eq!(matches!(ending, Ending::Reset(_)), is_reset, "{context}: {ending:?}");
            let (Ending::Closed(came) | Ending::Reset(came)) = ending;
            assert!(came.starts_with("HTTP/1.1 200 OK\r\n") && came.contains("one"), "{context}: {came}");
            assert!(!came.contains("three"), "{context}: {came}");
            assert_eq!(came.ends_with("\r\n0\r\n\r\n"), is_whole, "{context}: {came}");
            let error = came.split(" two").nth(1).unwrap().contains("error");
            assert_eq!(error, tells_error, "{context}: {came}");
            let row = seen.rows[0];
            assert_eq!((row.outcome, row.status), (outcome, 200), "{context}");
            assert_eq!(row.text_hash, TextHash::of("one two"), "{context}");
            assert_eq!(seen.name(row.error), if tells_error { "server_error" } else { "" }, "{context}");
        }
    }
}
