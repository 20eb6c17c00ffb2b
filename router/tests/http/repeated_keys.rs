//! Providers that repeat a key: whatever they say of it, no client is told.

use crate::support::*;

const KEY: &str = "sk-known-to-the-provider-alone";

/// What the provider answers, given an error and a header that repeat a key; the status and words that a client gets.
type Case = (fn(&str, &str) -> Answer, u16, &'static str);

/// Two keys, of which an answer repeats either.
fn config(provider: &Provider, more: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  openai: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: a, secret: sk-not-heard-of-yet }}, {{ name: b, secret: {KEY} }}] }}\n\
         models:\n  chat: {{ provider: openai, retries: 0 }}\n{more}",
        provider.address
    ))
}

#[tokio::test]
async fn a_key_that_a_provider_repeats_in_an_error_or_a_header_stays_here() {
    let error =
        format!(r#"{{"error":{{"message":"not for {KEY}","type":"t","param":null,"code":"{KEY}"}}}}"#);
    let header = format!("Bearer {KEY}");
    let cases: [Case; 6] = [
        (|error, _| answer(400, &[], error), 400, "not for ***"),
        (|_, header| answer(502, &[("x-debug", header)], &format!("<h1>{header}</h1>")), 502, ""),
        (|_, header| answer(307, &[("location", header)], header), 502, ""),
        (|error, _| answer(200, &[], error), 502, "not for ***"),
        (|_, header| answer(200, &[("x-debug", header)], r#"{"choices":[{}]}"#), 200, ""),
        (|error, _| stream(&format!("data: {error}\n\n")), 502, "not for ***"),
    ];
    for (at, (reply, expected, told)) in cases.into_iter().enumerate() {
        for more in ["", "admin: { secret: boss }\n"] {
            let (error, header) = (error.clone(), header.clone());
            let provider = Provider::start(move |_| reply(&error, &header)).await;
            let router = start_router(&config(&provider, more), None).await;
            let got = ask(&router).await;
            let body = String::from_utf8_lossy(&got.body);
            assert_eq!(got.status, expected, "case {at}: {got:?}");
            assert!(body.contains(told) && !body.contains(KEY), "case {at}: {got:?}");
            assert!(!format!("{:?}", got.headers).contains(KEY), "case {at}: {got:?}");
        }
    }
}

#[tokio::test]
async fn a_key_inside_of_an_answer_that_is_read_stays_here_also_in_an_error_within_a_stream() {
    let chunk = format!(
        r#"{{"id":"c","choices":[{{"message":{{"content":"{KEY}"}},"delta":{{"content":"{KEY}"}}}}]}}"#
    );
    let provider = Provider::start(move |a| {
        if a.json()["stream"] == true {
            stream(&format!(
                "data: {chunk}\n\ndata: {{\"error\":{{\"message\":\"{KEY}\"}}}}\n\ndata: [DONE]\n\n"
            ))
        } else {
            answer(200, &[], &chunk)
        }
    })
    .await;
    let router = start_router(&config(&provider, "admin: { secret: boss }\n"), None).await;
    for (body, times) in [(ASK, 2), (r#"{"model":"chat","stream":true,"messages":[]}"#, 3)] {
        let got = send(post(&router, body)).await;
        let text = String::from_utf8_lossy(&got.body);
        assert_eq!((got.status, text.matches("***").count()), (200, times), "{text}");
        assert!(!text.contains(KEY));
    }
}
