//! The simulator as a load phase meets it: a key with a bucket, rows drained by a thread, samples used up.

use std::error::Error;
use std::thread;
use std::time::Duration;

use record::{Clock, Correlation, ExchangeId, NameTable, fact_channel};
use scenario::{Bucket, KeySettings, Padding, Plan, Rate, Reply, Span, World};
use stormproof_upstream::{Surroundings, TrafficSignal, Upstreams};
use tokio::runtime::Handle;

use crate::server::{Ready, WhenReady};

/// How the thread that drains the rows spends its time. One that waits must be woken, at the server's cost.
#[derive(Clone, Copy)]
pub(crate) enum Drain {
    Looking,
    Waiting,
}

/// Serves one reply to the end of the process.
pub(crate) async fn simulator(
    drain: Drain,
    reply: Reply,
    when_ready: WhenReady,
) -> Result<(), Box<dyn Error>> {
    let (sender, facts) = fact_channel();
    thread::spawn(move || match drain {
        Drain::Looking => loop {
            facts.try_iter().for_each(drop);
            thread::sleep(Duration::from_millis(2));
        },
        Drain::Waiting => facts.iter().for_each(drop),
    });
    let correlation = Correlation::new(1);
    let surroundings = Surroundings {
        clock: Clock::start(),
        correlation,
        names: NameTable::new(sender.clone()),
        facts: sender,
        seed: 1,
        traffic: TrafficSignal::new([]),
        samples: 0,
        canaries: Vec::new(),
        defect: None,
    };
    let upstreams = Upstreams::start(&world(reply), surroundings).await?;
    let (_, address) = upstreams.addresses().next().ok_or("no upstream")?;
    let secret = upstreams.keys("main")[0].secret().to_owned();
    let ready = Ready { address, secret, mark: correlation.mark(ExchangeId(7)) };
    when_ready.send((Handle::current(), ready))?;
    std::future::pending::<()>().await;
    upstreams.stop().await;
    Ok(())
}

fn world(reply: Reply) -> World {
    let span = Span::default();
    let at = |value: &str| scenario::At { value: value.to_owned(), span };
    let bucket =
        Bucket { capacity: 1_000_000, refill: Rate { count: 1_000_000, per: Duration::from_secs(1) }, span };
    let plan = Plan {
        name: at("rpm"),
        counts: scenario::Counted::Requests,
        shared: false,
        per_model: false,
        keys: Vec::new(),
        models: Vec::new(),
        log: None,
        window: None,
        bucket: Some(bucket),
        at_once: None,
        counts_refused: false,
        reserves: false,
        punishes: false,
        reply: Reply::of(scenario::ErrorName::RateLimit),
        span,
    };
    let settings = KeySettings {
        states: Vec::new(),
        same_as: None,
        padding: Padding::None,
        weight: None,
        variable: None,
        span,
    };
    let upstream = scenario::Upstream {
        dialect: scenario::Protocol::Llm(dialect::Dialect::Openai),
        address: scenario::Address::Plain,
        keys: scenario::Keys(vec![scenario::Key { label: at("key-1"), settings }]),
        plans: vec![plan],
        latency: scenario::Latency::none(),
        keep_alive: None,
        resources: scenario::Named::default(),
        weights: Vec::new(),
        bans: None,
        defects: Vec::new(),
        signals: scenario::Signals { limits: scenario::LimitSignal::Usual, plan: None, span },
        reply,
        script: Vec::new(),
        timeline: Vec::new(),
        url_from: None,
        url: None,
        span,
    };
    let (router, tenants) = (scenario::RouterSettings::nothing(), scenario::Named::default());
    let upstreams = scenario::Named(vec![(at("main"), upstream)]);
    World { upstreams, router, tenants, prices: None, span }
}
