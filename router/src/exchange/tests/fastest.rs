//! The strategy that prefers the key that answers fastest, against a provider whose keys differ.

use super::*;

/// What a key takes, and whether it fails.
struct Uneven<F> {
    takes: F,
    seen: Mutex<Vec<String>>,
}

impl<F: Fn(&str, Instant) -> (u64, bool) + Send + Sync> Upstream for Uneven<F> {
    type Body = ();

    async fn send(&self, key: &ProviderKey, _request: &UpstreamRequest) -> Attempted<()> {
        self.seen.lock().unwrap().push(key.name().to_owned());
        let (millis, fails) = (self.takes)(key.name(), Instant::now());
        tokio::time::sleep(Duration::from_millis(millis)).await;
        if fails { error(500, &[], "").into() } else { ok().into() }
    }
}

/// Asks so often, each request behind the last, and counts what each of three keys got.
async fn asked(
    world: &World<fn(&str, Instant) -> Reply<()>>,
    upstream: &Uneven<impl Fn(&str, Instant) -> (u64, bool) + Send + Sync>,
    count: usize,
) -> [usize; 3] {
    let request = request();
    for _ in 0..count {
        let exchange = Exchange {
            provider: &world.provider,
            model: "gpt",
            upstream,
            policies: &world.policies,
            backoff: &world.backoff,
            request: &request,
            set: world.set,
            claim: None,
            session: None,
            queue: None,
            link: None,
        };
        assert_eq!(told(&exchange.run().await), "success");
    }
    let seen: Vec<String> = upstream.seen.lock().unwrap().drain(..).collect();
    ["a", "b", "c"].map(|key| seen.iter().filter(|seen| *seen == key).count())
}

fn world() -> World<fn(&str, Instant) -> Reply<()>> {
    let mut world: World<fn(&str, Instant) -> Reply<()>> = World::new(3, 2, |_, _| ok());
    world.set.strategy = Strategy::LowestLatency;
    world
}

#[tokio::test(start_paused = true)]
async fn the_key_that_answers_fastest_gets_nearly_all() {
    let upstream =
        Uneven { takes: |key: &str, _| (if key == "b" { 20 } else { 200 }, false), seen: Mutex::default() };
    let asked = asked(&world(), &upstream, 200).await;
    // Until another one is looked at, the first that is known is the fastest that is known.
    assert!(asked[1] >= 185 && asked[0] >= 1 && asked[2] >= 1, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_becomes_slow_or_fails_is_left_and_comes_back_when_it_is_better() {
    let begin = Instant::now();
    let at = move |now: Instant| now.saturating_duration_since(begin).as_secs();
    for fails in [false, true] {
        let upstream = Uneven {
            takes: move |key: &str, now: Instant| match (key, at(now)) {
                ("b", second) if !(5..40).contains(&(second % 60)) => (20, false),
                ("b", _) if fails => (1, true),
                ("b", _) => (2_000, false),
                _ => (100, false),
            },
            seen: Mutex::default(),
        };
        let world = world();
        let until = async |second: u64| {
            let now = Instant::now().saturating_duration_since(begin).as_secs() % 60;
            tokio::time::sleep(Duration::from_secs((second + 60 - now) % 60)).await;
        };
        until(0).await;
        let good = asked(&world, &upstream, 100).await;
        assert!(good[1] > 85, "{good:?}");
        until(6).await;
        let bad = asked(&world, &upstream, 100).await;
        assert!(bad[1] <= 12, "fails: {fails}, {bad:?}");
        until(50).await;
        let again = asked(&world, &upstream, 100).await;
        assert!(again[1] > 60, "fails: {fails}, {again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_do_not_run_to_one_key() {
    let upstream = Arc::new(Uneven { takes: |_: &str, _| (50, false), seen: Mutex::default() });
    let world = Arc::new(world());
    asked(&world, &upstream, 30).await;
    let crowd: Vec<_> = (0..60)
        .map(|_| {
            let (world, upstream) = (Arc::clone(&world), Arc::clone(&upstream));
            tokio::spawn(async move {
                let request = request();
                let exchange = Exchange {
                    provider: &world.provider,
                    model: "gpt",
                    upstream: upstream.as_ref(),
                    policies: &world.policies,
                    backoff: &world.backoff,
                    request: &request,
                    set: world.set,
                    claim: None,
                    session: None,
                    queue: None,
                    link: None,
                };
                exchange.run().await.attempts
            })
        })
        .collect();
    for one in crowd {
        assert_eq!(one.await.unwrap(), 1);
    }
    let seen = upstream.seen.lock().unwrap();
    for key in ["a", "b", "c"] {
        let count = seen.iter().filter(|seen| *seen == key).count();
        assert!((15..=25).contains(&count), "{key}: {count} of 60");
    }
}
