//! Several providers of one model: shares by weight, order by priority, and what each of them calls the model.

use crate::support::*;

/// Three providers, of which some fail, and a model that all of them serve.
struct World {
    providers: Vec<Provider>,
    router: router::Router,
}

impl World {
    async fn start(pools: &str, failing: &'static [usize], more: &str, defect: Option<&str>) -> Self {
        let mut providers = Vec::new();
        let mut entries = String::new();
        for place in 0..3 {
            let fails = failing.contains(&place);
            let provider =
                Provider::start(move |_| if fails { answer(500, &[], "") } else { success() }).await;
            entries.push_str(&format!(
                "  p{place}: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: k, secret: sk-{place} }}] }}\n",
                provider.address
            ));
            providers.push(provider);
        }
        let config = ConfigFile::new(&format!(
            "providers:\n{entries}models:\n  chat: {{ pools: [{pools}], model: gpt, retries: 0{more} }}\n  spare: {{ provider: p2, retries: 0 }}\n"
        ));
        let router = start_router(&config, defect).await;
        Self { providers, router }
    }

    fn counts(&self) -> Vec<usize> {
        self.providers.iter().map(|provider| provider.attempts().len()).collect()
    }
}

#[tokio::test]
async fn shares_follow_the_weights_whatever_the_order_and_a_missing_one_is_one() {
    let cases = [
        (
            "{ provider: p0, weight: 2 }, { provider: p1 }, { provider: p2, weight: 3 }",
            "",
            None,
            [20, 10, 30],
        ),
        (
            "{ provider: p2, weight: 3 }, { provider: p1 }, { provider: p0, weight: 2 }",
            "",
            None,
            [20, 10, 30],
        ),
        ("{ provider: p0, weight: 2 }, { provider: p1 }", ", strategy: round_robin", None, [30, 30, 0]),
        ("{ provider: p1, weight: 2 }, { provider: p0 }", ", strategy: in_order", None, [0, 60, 0]),
        ("{ provider: p0, weight: 5 }, { provider: p1 }", "", Some("ignores-weights"), [30, 30, 0]),
    ];
    for (pools, more, defect, expected) in cases {
        let world = World::start(pools, &[], more, defect).await;
        for _ in 0..60 {
            assert_eq!(ask(&world.router).await.status, 200);
        }
        assert_eq!(world.counts(), expected, "{pools}{more} {defect:?}");
    }
}

#[tokio::test]
async fn providers_are_tried_in_their_order_each_once_and_the_first_success_is_the_answer() {
    let pools = "{ provider: p2, priority: 3 }, { provider: p0, priority: 1 }, { provider: p1, priority: 2, model: other }";
    for (failing, defect, status, served_by, counts) in [
        (&[][..], None, 200, "p0", [1, 0, 0]),
        (&[0], None, 200, "p1", [1, 1, 0]),
        (&[0, 1], None, 200, "p2", [1, 1, 1]),
        (&[0, 1, 2], None, 500, "p2", [1, 1, 1]),
        (&[0], Some("never-falls-back"), 500, "p0", [1, 0, 0]),
    ] {
        let world = World::start(pools, failing, "", defect).await;
        let got = ask(&world.router).await;
        assert_eq!((got.status, got.headers["x-router-provider"].to_str().unwrap()), (status, served_by));
        assert_eq!(world.counts(), counts, "{failing:?}");
        let attempts: usize = counts.iter().sum();
        assert_eq!(got.headers["x-router-attempts"], attempts.to_string().as_str());
        let names = ["gpt", "other", "gpt"];
        for (provider, name) in world.providers.iter().zip(names) {
            assert!(provider.attempts().iter().all(|attempt| attempt.json()["model"] == name));
        }
    }
}

#[tokio::test]
async fn fallbacks_come_after_all_providers_and_a_client_may_want_none_of_both() {
    let pools = "{ provider: p0 }, { provider: p1, priority: 1 }";
    let world = World::start(pools, &[0, 1], ", fallbacks: [spare]", None).await;
    let got = ask(&world.router).await;
    assert_eq!((got.status, world.counts()), (200, vec![1, 1, 1]));
    let mut request = post(&world.router, ASK);
    request.headers_mut().insert("x-router-no-fallbacks", "true".parse().unwrap());
    assert_eq!((send(request).await.status, world.counts()), (500, vec![2, 1, 1]));
}

#[tokio::test]
async fn a_session_stays_at_its_provider_while_others_are_spread() {
    let pools = "{ provider: p0 }, { provider: p1 }, { provider: p2 }";
    let world = World::start(pools, &[], ", sticky: session", None).await;
    for _ in 0..6 {
        let mut request = post(&world.router, ASK);
        request.headers_mut().insert("x-session-id", "mine".parse().unwrap());
        assert_eq!(send(request).await.status, 200);
    }
    let mut counts = world.counts();
    counts.sort_unstable();
    assert_eq!(counts, [0, 0, 6]);
}

/// The keys of two streams that are open at once, and of a third request when the first stream is over.
async fn keys_by_who_is_idle(defect: Option<&str>) -> Vec<String> {
    let (hand_over, mut streams) = tokio::sync::mpsc::unbounded_channel();
    let provider = Provider::start(move |_| {
        let (sender, answer) = frames();
        hand_over.send(sender).unwrap();
        answer
    })
    .await;
    let config = ConfigFile::with_keys(provider.address, 2, ", strategy: least_busy");
    let router = start_router(&config, defect).await;
    let ask = r#"{"model":"chat","stream":true,"messages":[]}"#;
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";
    let mut open = Vec::new();
    for round in 0..4 {
        if round == 2 {
            // The first stream ends, so that its key is the idle one from now on.
            let (frames, response): (Frames, http::Response<hyper::body::Incoming>) = open.remove(0);
            frames.send(Ok("data: [DONE]\n\n".into())).await.unwrap();
            drop(frames);
            http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
        }
        let asked = tokio::spawn(client().request(post(&router, ask)));
        let frames = streams.recv().await.unwrap();
        frames.send(Ok(chunk.into())).await.unwrap();
        open.push((frames, asked.await.unwrap().unwrap()));
    }
    provider.keys()
}

#[tokio::test]
async fn the_least_busy_key_is_taken_until_its_answer_is_over_but_with_the_defect() {
    let keys = keys_by_who_is_idle(None).await;
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[2], keys[0], "{keys:?}");
    assert_eq!(keys_by_who_is_idle(Some("takes-the-first-key-for-idle")).await, ["sk-1"; 4]);
}
