//! Every dialect on every surface: answers plain and streamed, models, keys, refusals, and how streams are written.

use dialect::{Dialect, Surface, TextHash};
use record::{Outcome, Side};
use serde_json::{Value, json};

use crate::dialect_caller::{ask, ask_at, read};
use crate::stage::{Caller, Stage, chat, request, soon};

const TEXT: &str = "one two \u{e9} three";

fn world(dialect: Dialect) -> Value {
    json!({ "dialect": dialect.name(), "keys": 1, "reply": { "text": TEXT } })
}

/// Every dialect with its surfaces that tell a text.
fn speaking() -> impl Iterator<Item = (Dialect, Surface)> {
    let surfaces = |dialect: Dialect| dialect.surfaces().iter().map(move |surface| (dialect, *surface));
    Dialect::ALL.iter().copied().flat_map(surfaces).filter(|(_, surface)| *surface != Surface::Embeddings)
}

#[tokio::test]
async fn a_text_is_told_plain_and_streamed_in_every_dialect() {
    for (dialect, surface) in speaking() {
        let stage = Stage::set(world(dialect)).await;
        let mut caller = stage.caller().await;
        caller.send(&ask(dialect, surface, false, stage.secret(0))).await;
        let plain = caller.reply().await;
        assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/json")));
        let answer = dialect.read_answer(surface, plain.body.as_bytes()).unwrap();
        assert_eq!(answer.text.as_deref(), Some(TEXT), "{dialect:?} {surface:?}");
        caller.send(&ask(dialect, surface, true, stage.secret(0))).await;
        let told = read(dialect, surface, &caller.reply().await);
        assert_eq!(
            (told.text.as_str(), told.error, told.ended),
            (TEXT, false, true),
            "{dialect:?} {surface:?}"
        );
        let seen = stage.leave().await;
        for (row, streamed) in seen.rows.iter().zip([false, true]) {
            assert_eq!((row.outcome, row.status, row.streamed), (Outcome::Complete, 200, streamed));
            assert_eq!((row.text_hash, seen.name(row.model)), (TextHash::of(TEXT), "chat"));
            assert_eq!((row.input_tokens, row.output_tokens), (2, 4), "{dialect:?} {surface:?} {streamed}");
        }
        assert_eq!(seen.rows.len(), 2);
    }
}

#[tokio::test]
async fn embeddings_are_vectors_that_cost_their_texts_alone() {
    for dialect in Dialect::ALL.iter().filter(|dialect| dialect.surfaces().contains(&Surface::Embeddings)) {
        let mut world = world(*dialect);
        world["plans"] = json!([{ "name": "tpm", "counts": "tokens", "log": { "max": 4, "per": "1h" } }]);
        let stage = Stage::set(world).await;
        let mut caller = stage.caller().await;
        let mut statuses = Vec::new();
        for _ in 0..3 {
            caller.send(&ask(*dialect, Surface::Embeddings, false, stage.secret(0))).await;
            let reply = caller.reply().await;
            statuses.push(reply.status);
            if reply.status == 200 {
                let answer = dialect.read_answer(Surface::Embeddings, reply.body.as_bytes()).unwrap();
                assert_eq!((answer.vectors.len(), answer.text), (1, None), "{dialect:?}");
            }
        }
        assert_eq!(statuses, [200, 200, 429], "{dialect:?}: two tokens each of four");
        let row = stage.leave().await.rows[0];
        assert_eq!((row.input_tokens, row.output_tokens, row.text_hash), (2, 0, 0), "{dialect:?}");
        assert!(!row.answer.is_some() && !row.streamed, "{dialect:?}");
    }
}

#[tokio::test]
async fn models_are_listed_and_strange_paths_and_keys_refused_in_every_dialect() {
    for dialect in Dialect::ALL {
        let stage = Stage::set(world(*dialect)).await;
        let mut caller = stage.caller().await;
        let (name, value) = dialect.credential_header(stage.secret(0));
        for (line, status) in [
            (format!("GET {}", dialect.models_path()), 200),
            ("GET /v2/models".to_owned(), 404),
            ("POST /v2/anything".to_owned(), 404),
        ] {
            let asked =
                request(&line, "none", "").replace("authorization: Bearer none", &format!("{name}: {value}"));
            caller.send(&asked).await;
            let reply = caller.reply().await;
            assert_eq!(reply.status, status, "{dialect:?} {line}");
            assert_eq!(
                reply.body.contains("\"chat\"") || reply.body.contains("models/chat"),
                status == 200,
                "{}",
                reply.body
            );
        }
        caller.send(&ask(*dialect, Surface::Chat, false, "sk-other")).await;
        let refused = caller.reply().await;
        assert!((400..=401).contains(&refused.status), "{dialect:?} {}", refused.status);
        let keys: Vec<u32> = stage.leave().await.rows.iter().map(|row| row.key_use).collect();
        assert_eq!(keys, [1, 2, 3, 0], "{dialect:?}");
    }
}

#[tokio::test]
async fn a_key_in_the_query_of_gemini_opens_and_does_not_reach_the_evidence() {
    let stage = Stage::set(world(Dialect::Gemini)).await;
    let secret = stage.secret(0).to_owned();
    let mut caller = stage.caller().await;
    for (query, status) in [(secret.as_str(), 200), ("sk-other", 400)] {
        let path = format!("/v1beta/models/chat:generateContent?key={query}");
        let asked = ask_at(&path, Dialect::Gemini, Surface::Chat, false, "none")
            .replace("x-goog-api-key: none\r\n", "");
        caller.send(&asked).await;
        assert_eq!(caller.reply().await.status, status);
    }
    let seen = stage.leave().await;
    assert_eq!((seen.rows[0].key_use, seen.name(seen.rows[0].key)), (1, "key-1"));
    let got = seen.samples.iter().find(|sample| sample.side == Side::UpstreamGot).unwrap();
    assert_eq!(got.line, "POST /v1beta/models/chat:generateContent?key=<key key-1> HTTP/1.1");
    assert!(!format!("{:?}", seen.samples).contains(&secret[6..]));
}

#[tokio::test]
async fn ollama_speaks_openai_below_v1_in_answers_and_refusals() {
    let stage = Stage::set(world(Dialect::Ollama)).await;
    let mut caller = stage.caller().await;
    let below =
        |secret: &str| ask_at("/v1/chat/completions", Dialect::OllamaV1, Surface::Chat, false, secret);
    caller.send(&below(stage.secret(0))).await;
    let said = caller.reply().await.json()["choices"][0]["message"]["content"].clone();
    assert_eq!(said, json!(TEXT));
    caller.send(&below("sk-other")).await;
    assert!(caller.reply().await.json()["error"]["message"].is_string());
    caller.send(&ask(Dialect::Ollama, Surface::Chat, false, "sk-other")).await;
    assert!(caller.reply().await.json()["error"].is_string());
}

#[tokio::test]
async fn a_stream_of_gemini_is_a_list_unless_events_are_asked_for() {
    let stage = Stage::set(world(Dialect::Gemini)).await;
    let mut caller = stage.caller().await;
    caller.send(&ask(Dialect::GeminiList, Surface::Chat, true, stage.secret(0))).await;
    let reply = caller.reply().await;
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    let told: String = reply
        .json()
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item.pointer("/candidates/0/content/parts/0/text")?.as_str())
        .collect();
    assert_eq!(told, TEXT);
    let row = stage.leave().await.rows[0];
    assert_eq!((row.streamed, row.text_hash, row.output_tokens), (true, TextHash::of(TEXT), 4));
}

#[tokio::test]
async fn vllm_tells_of_its_health_and_its_live_load_without_a_key() {
    let mut world = world(Dialect::Vllm);
    world["script"] = json!([
        { "name": "silent", "when": { "model": "silent" }, "connection": "silence" },
        { "name": "sick", "when": { "path": "/health" }, "first": 1, "reply": { "error": "unavailable" } },
        { "name": "slow", "when": { "path": "/metrics" }, "reply": { "latency": "1ms" } },
    ]);
    let stage = Stage::set(world).await;
    let metrics = async |caller: &mut Caller| {
        caller.send("GET /metrics HTTP/1.1\r\nhost: upstream\r\n\r\n").await;
        let reply = caller.reply().await;
        assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let value = |name: &str| {
            let line = reply.body.lines().find(|line| line.starts_with(&format!("vllm:{name}{{"))).unwrap();
            line.rsplit(' ').next().unwrap().to_owned()
        };
        ["num_requests_running", "prompt_tokens_total", "generation_tokens_total", "request_success_total"]
            .map(value)
    };
    let mut caller = stage.caller().await;
    for (path, status, body) in [
        ("/health", 503, None),
        ("/health", 200, Some("")),
        ("/ping", 200, Some("")),
        ("/version", 200, None),
    ] {
        caller.send(&format!("GET {path} HTTP/1.1\r\nhost: upstream\r\n\r\n")).await;
        let reply = caller.reply().await;
        assert_eq!(reply.status, status, "{path}");
        assert!(body.is_none_or(|body| body == reply.body), "{path}: {}", reply.body);
    }
    assert_eq!(metrics(&mut caller).await, ["0.0"; 4]);
    caller.send(&ask(Dialect::Vllm, Surface::Chat, false, stage.secret(0))).await;
    assert_eq!(caller.reply().await.status, 200);
    assert_eq!(metrics(&mut caller).await, ["0.0", "2.0", "4.0", "1.0"]);
    let mut silent = stage.caller().await;
    silent.send(&chat(stage.secret(0), r#"{"model":"silent","messages":[]}"#)).await;
    soon(async { while metrics(&mut caller).await[0] != "1.0" {} }).await;
    drop(silent);
    soon(async { while metrics(&mut caller).await[0] != "0.0" {} }).await;
    assert_eq!(metrics(&mut caller).await[3], "1.0", "what was not answered is no success");
    stage.leave().await;
}

#[tokio::test]
async fn an_error_is_told_in_the_middle_of_every_dialect_s_stream() {
    for (dialect, surface) in speaking() {
        for (place, text) in
            [(json!({ "after_contents": 2 }), "one two"), (json!({ "after": "30ms" }), "one")]
        {
            let mut stream = place;
            stream["then"] = json!("error");
            stream["of"] =
                json!({ "text": TEXT, "stream": { "gap": if text == "one" { "1h" } else { "0ms" } } });
            let mut world = world(dialect);
            world["script"] = json!([{ "name": "broken", "stream": stream }]);
            let stage = Stage::set(world).await;
            let mut caller = stage.caller().await;
            caller.send(&ask(dialect, surface, true, stage.secret(0))).await;
            let told = read(dialect, surface, &caller.reply().await);
            assert_eq!((told.text.as_str(), told.error), (text, true), "{dialect:?} {surface:?}");
            let seen = stage.leave().await;
            assert_eq!(seen.rows[0].text_hash, TextHash::of(text));
            assert_eq!(seen.name(seen.rows[0].error), "server_error");
        }
    }
}

#[tokio::test]
async fn however_lines_are_written_a_sound_reader_reads_the_same() {
    let all = ["tight", "comments", "multi_line", "split"];
    for (dialect, surface) in speaking() {
        for framing in [json!("cr"), json!(["crlf", "tight"]), json!([all[0], all[1], all[2], all[3], "cr"])]
        {
            let mut world = world(dialect);
            world["reply"]["stream"] = json!({ "framing": framing, "pings": true });
            let stage = Stage::set(world).await;
            let mut caller = stage.caller().await;
            caller.send(&ask(dialect, surface, true, stage.secret(0))).await;
            let reply = caller.reply().await;
            let told = read(dialect, surface, &reply);
            assert_eq!((told.text.as_str(), told.ended), (TEXT, true), "{dialect:?} {surface:?} {framing}");
            let lines = dialect.stream_format(surface) == dialect::StreamFormat::Lines;
            let end = match &framing {
                Value::Array(words) if words.contains(&json!("crlf")) => "\r\n",
                _ if lines => "\n",
                _ => "\r",
            };
            let without = reply.body.replace(end, "");
            assert!(!without.contains(['\r', '\n']), "{dialect:?} {surface:?} {framing}: {}", reply.body);
            let commented = !lines && framing.to_string().contains("comments");
            assert_eq!(reply.body.contains(":comment\r"), commented, "{framing}: {}", reply.body);
        }
    }
}
