//! Keys whose use grows towards their limits, and what an operator is told of it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::support::*;

/// Two requests more in each second than in the one before: how many went to the first of two keys in their order, and what
/// the operator was told then.
async fn ramp(prediction: &str, defect: Option<&str>) -> (usize, String, serde_json::Value) {
    let provider = Provider::start(|_| success()).await;
    let model =
        format!(", strategy: in_order, limits: [{{ requests: 12, per: 1s }}], prediction: {prediction}");
    let file = ConfigFile::with_keys(provider.address, 2, &model);
    let text = std::fs::read_to_string(&file.0).unwrap() + "admin: { secret: boss }\n";
    std::fs::write(&file.0, text).unwrap();
    let router = start_router(&file, defect).await;
    let begin = Instant::now();
    for second in 0..7 {
        for request in 0..(2 * second + 1).min(11) {
            sleep_until(begin + Duration::from_millis(1_000 * second + 80 * request)).await;
            assert_eq!(ask(&router).await.status, 200);
        }
    }
    let text = String::from_utf8_lossy(&get(&router, "/metrics").await.body).into_owned();
    let status = operate(&router, "GET", "/admin/status", "boss").await.json();
    (provider.keys().iter().filter(|key| *key == "sk-1").count(), text, status)
}

const GROWN: &str = "router_key_growths_predicted_total";

#[tokio::test]
async fn growing_use_leaves_a_key_where_it_is_looked_for_and_is_told_beside_what_providers_say() {
    let (with, without, blind) =
        tokio::join!(ramp("true", None), ramp("false", None), ramp("true", Some("never-predicts")));
    let (first, text, status) = with;
    // All but the last ones, if not those of the second before.
    assert!((16..=37).contains(&first), "{first}");
    assert!(
        text.contains(&format!("{GROWN}{{provider=\"openai\",key=\"k1\",model=\"chat\"}} 1\n")),
        "{text}"
    );
    assert!(text.contains("router_spikes_total{provider=\"openai\"} 0\n"), "{text}");
    let key = &status["pools"][0]["keys"][0];
    assert_eq!((key["state"].as_str(), key["growth_predicted"].as_bool()), (Some("available"), Some(true)));
    assert_eq!(status["pools"][0]["keys"][1]["growth_predicted"], false);
    for (first, text, status) in [without, blind] {
        assert_eq!(first, 47, "{text}");
        assert_eq!(status["pools"][0]["keys"][0]["growth_predicted"], false);
    }
}

#[tokio::test]
async fn what_a_provider_says_of_growth_is_told_under_a_name_of_its_own() {
    let left = [("anthropic-ratelimit-requests-remaining", "100"), ("retry-after", "20")];
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#;
    let provider =
        Provider::start(move |a| if a.key() == "sk-1" { answer(429, &left, body) } else { success() }).await;
    let router = start_router(&ConfigFile::with_keys(provider.address, 2, ""), None).await;
    assert_eq!(ask(&router).await.status, 200, "the next key serves");
    let text = String::from_utf8_lossy(&get(&router, "/metrics").await.body).into_owned();
    assert!(text.contains("router_spikes_total{provider=\"openai\"} 1\n"), "{text}");
    assert!(text.contains("router_keys{provider=\"openai\",standing=\"spiking\"} 1\n"), "{text}");
    assert!(!text.contains(GROWN), "{text}");
}

#[tokio::test]
async fn a_prediction_without_limits_is_a_mistake_that_is_pointed_at() {
    let file = ConfigFile::with_keys("127.0.0.1:1".parse().unwrap(), 1, ", prediction: true");
    let complaint = Process::start(&file, "off").complaint();
    assert!(complaint.contains(":7:41: a prediction needs `limits`"), "{complaint}");
}
