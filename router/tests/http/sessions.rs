//! Sessions that stay at their keys, and requests that wait in line for one.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::*;

async fn ask_in(router: &router::Router, session: &str) -> u16 {
    let mut request = post(router, ASK);
    request.headers_mut().insert("x-session-id", session.parse().unwrap());
    send(request).await.status
}

#[tokio::test]
async fn a_session_stays_at_one_key_but_with_the_defect() {
    for (model, defect, stays) in [
        (", sticky: session", None, true),
        (", sticky: none", None, false),
        (", sticky: session", Some("forgets-sessions"), false),
    ] {
        let provider = Provider::start(|_| success()).await;
        let router = start_router(&ConfigFile::with_keys(provider.address, 3, model), defect).await;
        for round in 0..6 {
            assert_eq!(ask_in(&router, "mine").await, 200);
            if round % 2 == 0 {
                assert_eq!(ask_in(&router, &format!("other-{round}")).await, 200);
            }
        }
        let its_own = [0, 2, 3, 5, 6, 8].map(|at| provider.keys()[at].clone());
        assert_eq!(its_own.iter().collect::<BTreeSet<_>>().len() == 1, stays, "{model} {defect:?}");
    }
}

#[tokio::test]
async fn a_session_moves_when_its_key_is_limited_and_stays_where_it_went() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { success() }).await;
    let config = ConfigFile::with_keys(provider.address, 3, ", sticky: session");
    let router = start_router(&config, None).await;
    for _ in 0..5 {
        assert_eq!(ask_in(&router, "mine").await, 200);
    }
    let keys = provider.keys();
    assert_eq!(keys[0], "sk-1");
    assert_eq!(keys[2..].iter().collect::<BTreeSet<_>>().len(), 1, "{keys:?}");
}

#[tokio::test]
async fn a_full_line_refuses_promptly_with_a_hint_but_with_the_defect() {
    let model = ", limits: [{ requests: 1, per: 1s }], queue: { max: 2, wait: 30s }";
    for (defect, prompt) in [(None, 7), (Some("lets-everybody-wait"), 0)] {
        let provider = Provider::start(|_| success()).await;
        let router = start_router(&ConfigFile::with_keys(provider.address, 1, model), defect).await;
        let begin = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..10 {
            clients.spawn(send(post(&router, ASK)));
        }
        let mut refused = 0;
        let first_half_second = timeout(Duration::from_millis(500), async {
            while let Some(got) = clients.join_next().await {
                let got = got.unwrap();
                if got.status != 200 {
                    assert_eq!((got.status, got.error_code().as_str()), (429, "queue_full"));
                    assert!(got.headers.contains_key("retry-after"));
                    refused += 1;
                }
            }
        });
        assert!(first_half_second.await.is_err(), "some wait");
        assert_eq!(refused, prompt, "{defect:?}");
        if defect.is_none() {
            let waited = timeout(SOON, clients.join_all()).await.unwrap();
            assert!(waited.len() == 2 && waited.iter().all(|got| got.status == 200));
            assert!(begin.elapsed() >= Duration::from_secs(2), "each in a window of its own");
        }
    }
}
