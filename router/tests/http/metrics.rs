//! The counters, as an operator reads them.

use crate::support::*;

#[tokio::test]
async fn requests_attempts_and_keys_are_counted_for_everybody_to_read() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { success() }).await;
    let router = start_router(&ConfigFile::with_keys(provider.address, 3, ""), None).await;
    for _ in 0..3 {
        assert_eq!(ask(&router).await.status, 200);
    }
    assert_eq!(send(post(&router, r#"{"model":"nope"}"#)).await.status, 404);
    let got = get(&router, "/metrics").await;
    assert!(got.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8_lossy(&got.body).into_owned();
    for line in [
        r#"router_requests_total{model="chat",status="2xx"} 3"#,
        r#"router_requests_total{model="",status="4xx"} 1"#,
        "router_requests_open 0",
        r#"router_attempts_total{provider="openai",key="k1",status="2xx"} 0"#,
        r#"router_attempts_total{provider="openai",key="k1",status="429"} 1"#,
        r#"router_attempts_total{provider="openai",key="k2",status="2xx"} 2"#,
        r#"router_attempts_total{provider="openai",key="k3",status="2xx"} 1"#,
        r#"router_keys{provider="openai",standing="available"} 2"#,
        r#"router_keys{provider="openai",standing="limited"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("sk-"));
}
