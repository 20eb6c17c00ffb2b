//! What becomes of keys over time, keys that are the same, and secrets that turn up where they do not belong.

use record::{ExchangeId, Side};
use serde_json::json;

use crate::stage::{CANARY, PING, Stage, chat, marked};

#[tokio::test]
async fn the_state_of_a_key_goes_before_everything() {
    let world = json!({
        "dialect": "openai",
        "keys": {
            "limited": { "states": [{ "is": "limited", "lasts": "1h" }] },
            "asking": { "states": [{ "is": "limited", "retry_after": "2s" }] },
            "exhausted": { "states": [{ "is": "exhausted" }] },
            "unpaid": { "states": [{ "is": "unpaid" }] },
            "revoked": { "states": [{ "is": "revoked" }] },
            "forbidden": { "states": [{ "is": "forbidden" }] },
            "later": { "states": [{ "at": "1h", "is": "revoked" }] },
        },
        "script": [{ "name": "all", "reply": { "error": "server_error" } }],
    });
    let stage = Stage::set(world).await;
    let keys = [0, 1, 2, 3, 4, 5, 6];
    assert_eq!(stage.statuses(&keys).await, [500; 7], "before the traffic every key is good");
    stage.traffic.traffic_began(stage.clock.now());
    assert_eq!(stage.statuses(&keys).await, [429, 429, 429, 402, 401, 403, 500]);
    let seen = stage.leave().await;
    let states: Vec<&str> = seen.rows[7..].iter().map(|row| seen.name(row.script)).collect();
    assert_eq!(states, ["limited", "limited", "exhausted", "unpaid", "revoked", "forbidden", "all"]);
    let hints: Vec<_> = seen.rows[7..13].iter().map(|row| row.hint().map(|hint| hint.as_secs())).collect();
    assert!(matches!(hints[0], Some(3_590..=3_600)), "{hints:?}");
    assert_eq!(hints[1..], [Some(2), None, None, None, None]);
}

#[tokio::test]
async fn a_key_that_repeats_another_is_the_other() {
    let stage = Stage::set(json!({
        "dialect": "openai", "keys": { "good": {}, "again": { "same_as": "good" } },
        "plans": [{ "name": "one", "log": { "max": 1, "per": "1h" } }],
    }))
    .await;
    assert_eq!(stage.secret(0), stage.secret(1));
    assert_eq!(stage.statuses(&[0, 1]).await, [200, 429]);
    let seen = stage.leave().await;
    assert!(seen.rows.iter().all(|row| seen.name(row.key) == "good"));
}

#[tokio::test]
async fn a_secret_that_belongs_to_no_request_is_told() {
    let others = json!({ "other": { "dialect": "openai", "keys": ["theirs"] } });
    let stage = Stage::try_set(json!({ "dialect": "openai", "keys": 2 }), others, 7).await.unwrap();
    let theirs = stage.upstreams.keys("other")[0].secret().to_owned();
    let mut caller = stage.caller().await;
    let asked = chat(stage.secret(0), &marked(stage.correlation, 4).replace("ping", &theirs))
        .replace("host: upstream", &format!("host: upstream\r\nx-tenant: {CANARY}"));
    caller.send(&asked).await;
    assert_eq!(caller.reply().await.status, 200);
    caller.send(&chat(stage.secret(1), PING)).await;
    assert_eq!(caller.reply().await.status, 200);
    let seen = stage.leave().await;
    assert_eq!(seen.carried.len(), 1, "{:?}", seen.carried);
    let carried = &seen.carried[0];
    assert_eq!((carried.side, carried.exchange), (Side::UpstreamGot, ExchangeId(4)));
    assert_eq!(carried.arrived, Some(seen.rows[0].arrived));
    assert_eq!(carried.what, ["key other/theirs", "tenant acme"]);
}
