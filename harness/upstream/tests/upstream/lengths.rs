//! How the length of a plain body is told: beforehand, in chunks, by closing, or wrongly.

use serde_json::{Value, json};

use crate::stage::{Ending, PING, Stage};

fn told(length: &str) -> Value {
    json!({ "dialect": "openai", "keys": 1, "reply": { "text": "one two", "length": length } })
}

#[tokio::test]
async fn a_length_is_told_as_the_scenario_says() {
    let whole = Stage::set(told("usual")).await.ask(0, PING).await;
    let length: usize = whole.header("content-length").unwrap().parse().unwrap();
    assert_eq!(whole.body.len(), length);

    let chunked = Stage::set(told("chunked")).await.ask(0, PING).await;
    assert_eq!(
        (chunked.header("content-length"), chunked.header("transfer-encoding")),
        (None, Some("chunked"))
    );
    assert_eq!(chunked.body.len(), length);

    for (words, announced) in [("until_close", None), ("half", Some(length / 2))] {
        let stage = Stage::set(told(words)).await;
        let Ending::Closed(came) = stage.ending(0, PING).await else { panic!("it was reset") };
        let (head, body) = came.split_once("\r\n\r\n").unwrap();
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(told.map(|told| told.parse().unwrap()), announced, "{head}");
        assert!(head.contains("connection: close") && !head.contains("transfer-encoding"), "{head}");
        assert_eq!(body.len(), length, "the body comes whole");
    }
}
