//! Which requests an entry of the script takes, and everything that a reply of the scenario can say.

use record::NOT_REACHED;
use serde_json::{Value, json};

use crate::dialect_caller::ask;
use crate::stage::{PING, STREAMED_PING, Stage, chat, request};

fn scripted(script: &Value) -> Value {
    json!({ "dialect": "openai", "keys": 1, "script": script })
}

#[tokio::test]
async fn entries_take_the_first_the_only_and_every_so_manieth_request() {
    let stage = Stage::set(scripted(&json!([
        { "name": "once", "once": true, "reply": { "error": "server_error" } },
        { "name": "first", "first": 2, "reply": { "error": "bad_gateway" } },
        { "name": "every", "every": 2, "reply": { "error": "gateway_timeout" } },
    ])))
    .await;
    let mut caller = stage.caller().await;
    caller.send(&request("GET /v1/models", stage.secret(0), "")).await;
    assert_eq!(caller.reply().await.status, 200, "a look at the models uses nothing up");
    assert_eq!(stage.statuses(&[0; 8]).await, [500, 502, 502, 200, 504, 200, 504, 200]);
}

/// The statuses of many requests to an upstream whose entries take a share of them.
async fn by_chance(seed: u64) -> Vec<u16> {
    let script = json!([
        { "name": "never", "chance": "0%", "reply": { "error": "conflict" } },
        { "name": "some", "chance": "25%", "reply": { "error": "server_error" } },
        { "name": "half", "chance": "50%", "reply": { "error": "overloaded" } },
        { "name": "rest", "chance": "100%", "reply": { "error": "bad_gateway" } },
    ]);
    let stage = Stage::set_with_seed(scripted(&script), seed).await;
    let mut caller = stage.caller().await;
    let mut statuses = Vec::new();
    for _ in 0..400 {
        caller.send(&chat(stage.secret(0), PING)).await;
        statuses.push(caller.reply().await.status);
    }
    statuses
}

#[tokio::test]
async fn entries_take_a_share_of_the_requests_and_always_the_same_ones() {
    let statuses = by_chance(7).await;
    assert_eq!(statuses, by_chance(7).await);
    assert_ne!(statuses, by_chance(8).await);
    let counted = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((counted(409), counted(200)), (0, 0), "never means never, and all means all");
    let (some, half) = (counted(500), counted(503));
    // Half of the three quarters that the entry before leaves.
    assert!((70..=130).contains(&some) && (115..=185).contains(&half), "{some} and {half} of 400");
}

#[tokio::test]
async fn a_loop_gives_its_replies_in_turn() {
    let turns =
        json!([{ "error": "overloaded" }, { "text": "better now" }, { "status": 418, "body": "teapot" }]);
    let stage = Stage::set(scripted(&json!([{ "name": "loop", "loop": turns }]))).await;
    assert_eq!(stage.statuses(&[0; 5]).await, [503, 200, 418, 503, 200]);
    assert_eq!(stage.ask(0, PING).await.body, "teapot");
    let seen = stage.leave().await;
    assert_eq!(seen.name(seen.rows[1].answer), "main: loop");
}

#[tokio::test]
async fn conditions_see_headers_and_bodies() {
    let stage = Stage::set(scripted(&json!([
        { "name": "header", "when": { "header": { "x-order": "o-8" } }, "reply": { "error": "conflict" } },
        { "name": "json", "when": { "json": { "$.metadata.user": "me" } }, "reply": { "error": "forbidden" } },
    ])))
    .await;
    let mut caller = stage.caller().await;
    for (body, header, status) in [
        (PING.to_owned(), "x-order: o-8", 409),
        (PING.replace("{\"model\"", "{\"metadata\":{\"user\":\"me\"},\"model\""), "x-order: o-9", 403),
        (PING.to_owned(), "x-order: o-9", 200),
    ] {
        let asked =
            chat(stage.secret(0), &body).replace("host: upstream", &format!("host: upstream\r\n{header}"));
        caller.send(&asked).await;
        assert_eq!(caller.reply().await.status, status, "{header}");
    }
}

#[tokio::test]
async fn a_reply_can_be_said_in_so_many_words() {
    let reply = json!({
        "status": 502, "headers": { "content-type": "text/html", "x-model": "{{ request.model }}" },
        "body": "<h1>oh {{ request.prompt }}</h1>", "retry_after": "1500ms", "hints": ["fraction"],
    });
    let stage = Stage::set(scripted(&json!([{ "name": "page", "reply": reply }]))).await;
    let reply = stage.ask(0, PING).await;
    assert_eq!((reply.status, reply.body.as_str()), (502, "<h1>oh ping</h1>"));
    assert_eq!(reply.header("content-type"), Some("text/html"));
    assert_eq!((reply.header("x-model"), reply.header("retry-after")), (Some("chat"), Some("1.5")));
    let seen = stage.leave().await;
    assert_eq!(
        (seen.rows[0].hint_ms, seen.rows[0].text_hash, seen.rows[0].answer.is_some()),
        (1_500, 0, false)
    );
}

#[tokio::test]
async fn a_reply_that_cannot_be_made_says_so() {
    let reply = json!({ "headers": { "x-prompt": "{{ request.prompt }}" }, "text": "well" });
    let stage = Stage::set(scripted(&json!([{ "name": "echo", "reply": reply }]))).await;
    assert_eq!(stage.ask(0, PING).await.header("x-prompt"), Some("ping"));
    assert_eq!(stage.upstreams.mistakes(), Vec::<String>::new());
    let reply = stage.ask(0, &PING.replace("ping", "a\\nb")).await;
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("the header `x-prompt` would hold what no header can"), "{}", reply.body);
    let expected = "the upstream `main` could not make the reply of `echo`: the header `x-prompt` would hold what no \
                    header can, such as a line break: fill in something else";
    assert_eq!(stage.ask(0, &PING.replace("ping", "c\\nd")).await.status, 500);
    assert_eq!(stage.upstreams.mistakes(), [expected], "the run is told, and told once");
}

#[tokio::test]
async fn hints_come_in_every_form_and_nonsense_is_no_hint() {
    for (hint, header, value, told) in [
        ("seconds", "retry-after", "2", true),
        ("fraction", "retry-after", "1.5", true),
        ("millis", "retry-after-ms", "1500", true),
        ("reset", "x-ratelimit-reset-requests", "1.5s", true),
        ("negative", "retry-after", "-2", false),
        ("nonsense", "retry-after", "soon", false),
    ] {
        let reply = json!({ "error": "rate_limit", "retry_after": "1500ms", "hints": [hint] });
        let stage = Stage::set(scripted(&json!([{ "name": "hint", "reply": reply }]))).await;
        assert_eq!(stage.ask(0, PING).await.header(header), Some(value), "{hint}");
        assert_eq!(stage.leave().await.rows[0].hint().is_some(), told, "{hint}");
    }
}

fn since_epoch() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970")
}

#[tokio::test]
async fn the_row_tells_the_wait_that_a_reader_computes() {
    for (hints, told) in [
        (json!(["fraction"]), 1_200..=1_200),
        (json!(["seconds"]), 2_000..=2_000),
        // Who reads the more precise one comes early enough.
        (json!(["seconds", "millis"]), 1_200..=1_200),
        // Both stand in one header, and the last one is sent.
        (json!(["fraction", "seconds"]), 2_000..=2_000),
        // A whole second of the clock on the wall, which is not before the wait is over.
        (json!(["date"]), 1_150..=2_200),
    ] {
        let reply = json!({ "error": "rate_limit", "retry_after": "1200ms", "hints": hints });
        let stage = Stage::set(scripted(&json!([{ "name": "hint", "reply": reply }]))).await;
        let asked = since_epoch();
        let reply = stage.ask(0, PING).await;
        let row = stage.leave().await.rows[0];
        assert!(told.contains(&row.hint_ms), "{hints}: {}", row.hint_ms);
        if hints == json!(["date"]) {
            let until = dialect::wait_hint(
                [("retry-after", reply.header("retry-after").unwrap().as_bytes())],
                std::time::UNIX_EPOCH,
            );
            // The row counts from the reply's first byte to the date, which lies between asking and reading.
            let (most, least) = (until.unwrap() - asked, until.unwrap().saturating_sub(since_epoch()));
            assert!(least.as_millis() <= row.hint_ms.into(), "{row:?}");
            assert!(
                u128::from(row.hint_ms) <= most.as_millis(),
                "who comes at the date comes too early: {row:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_wait_is_told_by_whatever_can_tell_it_and_noted_only_if_it_was() {
    for (reply, header, told) in [
        (json!({ "text": "well", "retry_after": "2s" }), Some("2"), true),
        (json!({ "error": "rate_limit", "body": "{}", "retry_after": "2s" }), Some("2"), true),
        (json!({ "error": "rate_limit", "body": "{}", "retry_after": "2s", "hints": ["body"] }), None, false),
        (json!({ "error": "rate_limit", "retry_after": "2s", "hints": ["body"] }), None, true),
    ] {
        let stage = Stage::set(scripted(&json!([{ "name": "wait", "reply": reply }]))).await;
        assert_eq!(stage.ask(0, PING).await.header("retry-after"), header, "{reply}");
        assert_eq!(stage.leave().await.rows[0].hint().is_some(), told, "{reply}");
    }
}

#[tokio::test]
async fn of_hints_that_disagree_the_wait_that_is_asked_for_counts() {
    for (hints, headers, hint_ms) in [
        (json!(["millis"]), json!({ "retry-after": "600" }), 2_000),
        (json!(["body"]), json!({ "retry-after": "600", "retry-after-ms": "5" }), 2_000),
        (json!(["seconds"]), json!({ "retry-after-ms": "5" }), 2_000),
        // What stands in one header cannot disagree with itself.
        (json!(["seconds"]), json!({ "retry-after": "600" }), NOT_REACHED),
    ] {
        let reply = json!({ "error": "rate_limit", "retry_after": "2s", "hints": hints, "headers": headers });
        let stage = Stage::set(scripted(&json!([{ "name": "hint", "reply": reply }]))).await;
        let told = stage.ask(0, PING).await;
        for (name, value) in headers.as_object().unwrap() {
            assert_eq!(told.header(name), value.as_str(), "{reply}");
        }
        assert_eq!(stage.leave().await.rows[0].hint_ms, hint_ms, "{reply}");
    }
}

#[tokio::test]
async fn an_error_of_another_status_says_that_one_wherever_it_says_one() {
    for (dialect, error, status, place, said) in [
        ("vllm", "overloaded", 529, "/error/code", json!(529)),
        ("azure", "rate_limit", 503, "/error/code", json!("503")),
        ("anthropic", "overloaded", 503, "/error/type", json!("overloaded_error")),
        ("anthropic", "unavailable", 503, "/error/type", json!("api_error")),
    ] {
        let script = json!([{ "name": "error", "reply": { "error": error, "status": status } }]);
        let stage = Stage::set(json!({ "dialect": dialect, "script": script })).await;
        let dialect = dialect::Dialect::from_name(dialect).unwrap();
        let mut caller = stage.caller().await;
        caller.send(&ask(dialect, dialect::Surface::Chat, false, "none")).await;
        let reply = caller.reply().await;
        assert_eq!((reply.status, reply.json().pointer(place)), (status, Some(&said)), "{dialect:?} {error}");
    }
}

#[tokio::test]
async fn an_answer_calls_tools_and_says_why_it_ends() {
    let tools = json!([{ "name": "weather", "arguments": "{\"city\":\"Bern\"}" }]);
    let stage = Stage::set(scripted(&json!([
        { "name": "tools", "once": true, "reply": { "text": "", "tools": tools } },
        { "name": "long", "reply": { "text": "and so", "finish": "length", "usage": { "input": 5, "cache_read": 6, "output": 7 } } },
    ])))
    .await;
    let choice = stage.ask(0, PING).await.json()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], json!("tool_calls"));
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], json!("weather"));
    assert_eq!(stage.ask(0, PING).await.json()["choices"][0]["finish_reason"], json!("length"));
    let seen = stage.leave().await;
    assert_eq!((seen.rows[1].input_tokens, seen.rows[1].output_tokens), (11, 7));
    let calls = |row: usize| {
        let told = seen.answers.iter().find(|answer| answer.id == seen.rows[row].answer).unwrap();
        (told.tool_calls, told.tools_hash)
    };
    assert_eq!(calls(0), (1, record::tools_hash([("weather", r#"{ "city": "Bern" }"#)])));
    assert_eq!(calls(1), (0, 0));
    let told = seen.answers.iter().find(|answer| answer.id == seen.rows[1].answer).unwrap();
    assert_eq!(told.tokens.map(|tokens| (tokens.input, tokens.cache_read, tokens.output)), Some((5, 6, 7)));
}

#[tokio::test]
async fn a_reply_has_a_latency_of_its_own() {
    let mut world = scripted(&json!([{ "name": "late", "reply": { "text": "late", "latency": "40ms" } }]));
    world["latency"] = json!({ "head": "1h" });
    let stage = Stage::set(world).await;
    assert_eq!(stage.ask(0, PING).await.status, 200);
    let row = stage.leave().await.rows[0];
    assert!(row.head - row.read >= 40_000, "{row:?}");
}

#[tokio::test]
async fn a_stream_has_the_shape_that_the_scenario_gives_it() {
    let framing = ["split", "strangers"];
    let stream = json!({ "contents": 3, "pings": true, "framing": framing, "usage": "every_event" });
    let world = json!({ "dialect": "openai", "keys": 1, "reply": { "text": "éa bc de", "stream": stream } });
    let reply = { Stage::set(world).await }.ask(0, STREAMED_PING).await;
    assert!(
        reply.body.contains("\"content\":\"") && reply.body.ends_with("data: [DONE]\n\n"),
        "{}",
        reply.body
    );
    assert_eq!(reply.body.matches("\"content\":\"").count(), 1 + 3, "{}", reply.body);
    assert!(reply.body.contains("\n: ") && reply.body.contains("event: stranger\n"), "{}", reply.body);
}

#[tokio::test]
async fn the_usage_can_stand_on_the_event_that_tells_why_the_answer_ends() {
    let stream = json!({ "usage": "finish" });
    let world = json!({ "dialect": "openai", "keys": 1, "reply": { "text": "one two", "stream": stream } });
    let reply = { Stage::set(world).await }.ask(0, STREAMED_PING).await;
    let told: Vec<&str> = reply.events().into_iter().filter(|event| event.contains("\"usage\":{")).collect();
    assert_eq!(told.len(), 1, "{}", reply.body);
    assert!(told[0].contains("\"finish_reason\":\"stop\""), "{}", reply.body);
}

#[tokio::test]
async fn generated_answers_are_the_same_for_the_same_seed_and_counted_beforehand() {
    let mut texts = Vec::new();
    for seed in [7, 7, 8] {
        let world = json!({ "dialect": "openai", "keys": 1, "reply": { "text": { "tokens": 60 } } });
        let stage = Stage::set_with_seed(world, seed).await;
        let reply = stage.ask(0, PING).await.json();
        texts.push(reply["choices"][0]["message"]["content"].as_str().unwrap().to_owned());
        let seen = stage.leave().await;
        assert_eq!(seen.answers[0].text.as_ref(), texts.last());
        assert_eq!(seen.rows[0].output_tokens, 60);
    }
    assert_eq!(texts[0], texts[1]);
    assert_ne!(texts[0], texts[2]);
    let sixty = scenario::Reply {
        text: Some(scenario::Data::literal("one two  three")),
        ..scenario::Reply::normal()
    };
    assert_eq!(stormproof_upstream::contents_of(&sixty, 7), 3);
}
