//! Where a target is sent to: an upstream that it can reach, one whose certificate nobody vouches for, and one that is nowhere.

use record::Outcome;
use serde_json::json;
use stormproof_upstream::{HeldPorts, Listening, Ports, Whereabouts};

use crate::stage::{Caller, PING, STREAMED_PING, Stage, chat};
use crate::tls_caller::{ask, shake_hands};

#[tokio::test]
async fn a_plain_upstream_is_reached_where_it_listens() {
    let stage = Stage::set(json!({ "dialect": "openai" })).await;
    let (name, address) = stage.upstreams.addresses().next().unwrap();
    let expected = format!("http://{address}");
    assert_eq!(stage.upstreams.base_urls().collect::<Vec<_>>(), [(name, expected.as_str())]);
}

#[tokio::test]
async fn who_checks_the_certificate_makes_no_attempt_and_who_does_not_is_served() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "address": "bad_certificate" })).await;
    let (_, address) = stage.upstreams.addresses().next().unwrap();
    let expected = format!("https://{address}");
    assert_eq!(stage.upstreams.base_urls().collect::<Vec<_>>(), [("main", expected.as_str())]);
    let refused = shake_hands(address, false).await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    let mut plain = stage.caller().await;
    plain.send(&chat(stage.secret(0), PING)).await;
    assert!(!plain.rest_of_bytes().await.starts_with(b"HTTP"), "it does not speak without TLS");
    for asked in [PING, STREAMED_PING] {
        let mut stream = shake_hands(address, true).await.unwrap();
        let reply = ask(&mut stream, &chat(stage.secret(0), asked)).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("provider"), "{reply}");
    }
    let seen = stage.leave().await;
    let told: Vec<_> = seen.rows.iter().map(|row| (row.outcome, row.status, row.key_use)).collect();
    assert_eq!(told, [(Outcome::Complete, 200, 1), (Outcome::Complete, 200, 2)]);
}

#[tokio::test]
async fn a_fate_is_met_behind_a_certificate_too() {
    for (fate, came, outcome) in [
        ("reset", "", Outcome::Reset),
        ("close", "", Outcome::Cut),
        ("garbage", "\0\u{1}\u{2} this is no HTTP\r\n\r\n", Outcome::Garbled),
    ] {
        let script = json!([{ "name": "fate", "connection": fate }]);
        let world = json!({ "dialect": "openai", "keys": 1, "address": "bad_certificate", "script": script });
        let stage = Stage::set(world).await;
        let (_, address) = stage.upstreams.addresses().next().unwrap();
        let mut stream = shake_hands(address, true).await.unwrap();
        assert_eq!(ask(&mut stream, &chat(stage.secret(0), PING)).await, came, "{fate}");
        assert_eq!(stage.leave().await.rows[0].outcome, outcome, "{fate}");
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_holds_nobody_up() {
    let stage = Stage::set(json!({ "dialect": "openai", "address": "bad_certificate" })).await;
    let mut silent = stage.caller().await;
    let (_, address) = stage.upstreams.addresses().next().unwrap();
    drop(shake_hands(address, true).await.unwrap());
    let (clock, started) = (stage.clock, stage.clock.now());
    assert_eq!(stage.leave().await.rows, []);
    assert!(clock.now().since(started).as_secs() < 4, "stopping does not wait for it");
    assert!(silent.is_closed().await);
}

#[tokio::test]
async fn nobody_listens_at_a_host_that_does_not_exist_and_its_keys_are_known_all_the_same() {
    let world = json!({ "dialect": "openai", "keys": 1, "address": "unknown_host" });
    let stage = Stage::try_set(world, json!({ "other": { "dialect": "openai" } }), 7).await.unwrap();
    let urls: Vec<_> = stage.upstreams.base_urls().collect();
    assert_eq!(urls[0], ("main", "http://upstream-main.invalid:80"));
    let listening: Vec<_> = stage.upstreams.addresses().map(|(name, _)| name).collect();
    assert_eq!((urls.len(), listening), (2, vec!["other"]));
    assert_eq!((stage.upstreams.keys("main").len(), stage.upstreams.cast().len()), (1, 2));
    assert_eq!(stage.leave().await.rows, []);
}

#[tokio::test]
async fn where_each_key_has_an_address_who_comes_there_uses_it_whatever_is_carried() {
    let listening = Listening { each_key: true, ..Listening::on_loopback(Ports::Free) };
    let world = json!({ "dialect": "openai", "keys": ["a", "b"] });
    let stage = Stage::set_at((world, json!({})), 7, listening).await.unwrap();
    let urls = stage.upstreams.whereabouts()[0].key_urls.clone();
    assert_eq!(urls.len(), 2);
    for (url, carried) in [(&urls[1], "nonsense"), (&urls[0], stage.secret(1)), (&urls[1], "nonsense")] {
        let mut caller = Caller::at(url.trim_start_matches("http://").parse().unwrap()).await;
        caller.send(&chat(carried, PING)).await;
        assert_eq!(caller.reply().await.status, 200);
    }
    assert_eq!(stage.ask(0, PING).await.status, 200, "the upstream's own address stays");
    for path in ["/health", "/v1/models"] {
        let mut looking = Caller::at(urls[0].trim_start_matches("http://").parse().unwrap()).await;
        looking.send(&format!("GET {path} HTTP/1.1\r\nhost: worker\r\n\r\n")).await;
        assert_eq!(looking.reply().await.status, 200, "{path}");
    }
    let seen = stage.leave().await;
    let told: Vec<_> = seen.rows.iter().map(|row| (seen.name(row.key), row.key_use)).collect();
    assert_eq!(told[..4], [("b", 1), ("a", 1), ("b", 2), ("a", 2)]);
    assert_eq!(told[4..], [("", 0), ("", 0)], "who looks after a worker does not use it");
}

#[tokio::test]
async fn where_ports_are_held_it_is_known_before_the_start_who_will_listen_where() {
    let main = json!({ "dialect": "openai", "keys": ["a", "b"] });
    let others = json!({ "gone": { "dialect": "openai", "keys": 1, "address": "unknown_host" }, "last": { "dialect": "anthropic" } });
    let stage = Stage::try_set(main.clone(), others.clone(), 7).await.unwrap();
    let world = stage.started_with.0.clone();
    drop(stage);
    let each_key = Listening { each_key: true, ..Listening::on_loopback(Ports::Free) };
    let held = HeldPorts::take(each_key.ports_of(&world)).unwrap();
    let listening = Listening { ports: Ports::Each(held.numbers().unwrap()), ..each_key };
    let foreseen = Whereabouts::foreseen(&world, 7, &listening).unwrap();
    let stage = Stage::set_at((main, others), 7, listening).await.unwrap();
    for (foreseen, seen) in foreseen.iter().zip(stage.upstreams.whereabouts()) {
        assert_eq!((&foreseen.name, &foreseen.base_url), (&seen.name, &seen.base_url));
        assert_eq!((&foreseen.keys, &foreseen.key_urls), (&seen.keys, &seen.key_urls));
    }
    let counts: Vec<_> = foreseen.iter().map(|seen| seen.key_urls.len()).collect();
    assert_eq!(counts, [2, 1, 0]);
}
