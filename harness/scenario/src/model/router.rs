//! The router settings asked of the target, the tenants that it serves, and what tokens cost. What is left unset is the
//! target's own choice.

use std::time::Duration;

use serde_json::json;

use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::{At, Money, Named, Read, SchemaBook, part, words, wrong};

part! {
    /// The settings asked of the target. What is left unset is the target's own choice.
    "the router settings" => RouterSettings {
        /// The models that clients may ask for, by their public names.
        /// For example `models: { chat: { pool: openai } }`.
        models: Named<ModelSettings>,
        /// The services that are no model and that clients reach through the target, by name.
        /// For example `services: { orders: { path: /orders, pools: [{ pool: shop }, { pool: depot }] } }`.
        services: Named<ServiceSettings>,
        /// How many instances of the target run side by side; one if missing. For example `instances: 2`.
        instances: Option<u32>,
        /// Whether the instances share what they know. For example `shared: true`.
        shared: bool = false,
        /// How large a request may be. For example `max_request: 1MiB`.
        max_request: Option<crate::read::Size>,
        /// Whether it has to start. Where it need not, the traffic begins once it is ready, has ended or is not ready in time;
        /// what is sent to one that ended is `refused`. For example `must_start: false`.
        must_start: bool = true,
        /// How it looks after its upstreams by itself; not at all if missing. For example `health: { every: 1s }`.
        health: Option<HealthChecks>,
        /// Further variables of its environment. For example `environment: { ROUTER_MODE: strict }`.
        environment: Named<String>,
    }
}

part! {
    /// How a target looks after its upstreams by itself.
    "health checks" => HealthChecks {
        /// Once in this time each upstream is asked. For example `every: 1s`.
        every: Duration,
    }
}

part! {
    /// A model that clients may ask for.
    "a model" => ModelSettings {
        /// The upstream whose keys serve it. For example `pool: openai`.
        pool: Option<At<String>>,
        /// Several upstreams that serve it together.
        /// For example `pools: [{ pool: openai, weight: 3 }, { pool: azure, weight: 1 }]`.
        pools: Vec<PoolEntry>,
        /// The provider's name for it; the public name if missing. For example `model: gpt-example`.
        model: Option<String>,
        /// How requests are spread over keys and upstreams. For example `strategy: weighted`.
        strategy: Option<Strategy>,
        /// The models that are asked next when this one fails, in order. (`pools` are providers of one and the same model.)
        /// For example `fallbacks: [chat small, chat local]`.
        fallbacks: Vec<At<String>>,
        /// The models that are asked next when the prompt is too long for this one. For example `larger: [chat long]`.
        larger: Vec<At<String>>,
        /// The models that are asked next when the content is against this one's rules.
        /// For example `lenient: [chat open]`.
        lenient: Vec<At<String>>,
        /// How many tokens its window holds. For example `window: 8192`.
        window: Option<u32>,
        /// How often an exchange may be tried again at one provider. For example `retries: 2`.
        retries: Option<u32>,
        /// How long it waits between two tries of one key. For example `backoff: { base: 50ms, max: 1s }`.
        backoff: Option<Backoff>,
        /// When a key or upstream is left alone, and for how long. For example `cooldown: { failures: 3, lasts: 2s }`.
        cooldown: Option<Cooldown>,
        /// How long the target may wait for a provider in all. For example `timeout: 5s`.
        timeout: Option<Duration>,
        /// How long it may wait for the parts of an answer. For example `timeouts: { first_content: 2s, idle: 1s }`.
        timeouts: Option<Timeouts>,
        /// Where requests wait when no key is free. For example `queue: { max: 100, wait: 2s }`.
        queue: Option<Queue>,
        /// What keeps a client at one key. For example `sticky: session`.
        sticky: Option<Sticky>,
        /// How much each key may be used by the target. For example `limits: [{ requests: 20, per: 1s }]`.
        limits: Vec<UseLimit>,
        /// The share of a limit from which on other keys are preferred. For example `headroom: 80%`.
        headroom: Option<crate::read::Share>,
        /// Whether a key whose use grows towards its limit is left for others before the limit is reached.
        /// For example `prediction: true`.
        prediction: Option<bool>,
    }
}

part! {
    /// A service that is no model and that clients reach through the target.
    "a service" => ServiceSettings {
        /// What its paths begin with, at the target as at its upstreams. For example `path: /orders`.
        path: At<String>,
        /// The upstreams that serve it, each with its keys.
        /// For example `pools: [{ pool: shop, priority: 1 }, { pool: depot, priority: 2 }]`.
        pools: Vec<ApiEntry>,
        /// Which of them serve certain requests; all if none fits. The first that fits counts.
        /// For example `rules: [{ method: GET, path: /orders/list, pools: [depot] }]`.
        rules: Vec<ServiceRule>,
        /// How requests are spread over keys and upstreams. For example `strategy: most_headroom`.
        strategy: Option<Strategy>,
        /// How often a request may be tried again at one upstream. For example `retries: 2`.
        retries: Option<u32>,
        /// How long it waits between two tries of one key. For example `backoff: { base: 50ms, max: 1s }`.
        backoff: Option<Backoff>,
        /// When a key or upstream is left alone, and for how long. For example `cooldown: { failures: 3, lasts: 2s }`.
        cooldown: Option<Cooldown>,
        /// How long the target may wait for an upstream in all. For example `timeout: 5s`.
        timeout: Option<Duration>,
        /// Where requests wait when no key is free. For example `queue: { max: 100, wait: 2s }`.
        queue: Option<Queue>,
        /// How much each key may be used by the target. For example `limits: [{ requests: 10, per: 1s }]`.
        limits: Vec<UseLimit>,
        /// The share of a limit from which on other keys are preferred. For example `headroom: 80%`.
        headroom: Option<crate::read::Share>,
        /// Whether an upstream whose use grows towards its limit is left for others before the headroom is reached.
        /// For example `prediction: true`.
        prediction: Option<bool>,
    }
}

part! {
    /// One of several upstreams that serve a service.
    "an API" => ApiEntry {
        /// The upstream. For example `pool: shop`.
        pool: At<String>,
        /// Whether it is switched on: one that is not is in the configuration and never asked. For example `enabled: false`.
        enabled: bool = true,
        /// Its weight. For example `weight: 3`.
        weight: Option<u32>,
        /// Its place in the order of preference; a lower one is asked first. For example `priority: 1`.
        priority: Option<u32>,
        /// How much each of its keys may be used by the target; as the service says if missing.
        /// For example `limits: [{ requests: 10, per: 1s }]`.
        limits: Vec<UseLimit>,
        /// Where it can be asked what became of requests whose replies were lost.
        /// For example `lookups: [{ path: /orders, ask: "/orders/{client_order_id}" }]`.
        lookups: Vec<LookupEntry>,
    }
}

part! {
    /// Where it is found what became of certain requests.
    "a lookup" => LookupEntry {
        /// Their method. For example `method: PUT`.
        method: String = "POST".to_owned(),
        /// Their path. For example `path: /orders`.
        path: String,
        /// What is asked, with names of fields of their JSON body. For example `ask: "/orders/{client_order_id}"`.
        ask: String,
    }
}

part! {
    /// Which upstreams serve certain requests.
    "a rule of a service" => ServiceRule {
        /// The method; any if missing. For example `method: GET`.
        method: Option<String>,
        /// What the path begins with; any if missing. For example `path: /orders/list`.
        path: Option<String>,
        /// The upstreams that may serve them, of those of the service. For example `pools: [depot]`.
        pools: Vec<At<String>>,
    }
}

part! {
    /// One of several upstreams that serve a model.
    "a pool" => PoolEntry {
        /// The upstream. For example `pool: openai`.
        pool: At<String>,
        /// The provider's name for the model there. For example `model: gpt-example`.
        model: Option<String>,
        /// Its weight. For example `weight: 3`.
        weight: Option<u32>,
        /// Its place in the order of preference; a lower one is asked first. For example `priority: 1`.
        priority: Option<u32>,
    }
}

words! {
    /// How requests are spread.
    "a strategy" => Strategy {
        /// One key after the other.
        "round_robin" => RoundRobin,
        /// By weight.
        "weighted" => Weighted,
        /// To the key with the fewest open requests.
        "least_busy" => LeastBusy,
        /// To the one that answers fastest.
        "lowest_latency" => LowestLatency,
        /// To the one with most of its limit left.
        "most_headroom" => MostHeadroom,
        /// To the first that works.
        "in_order" => InOrder,
    }
}

part! {
    /// How long a target waits between two tries of one key.
    "a backoff" => Backoff {
        /// The first wait. For example `base: 50ms`.
        base: Duration,
        /// The longest wait. For example `max: 1s`.
        max: Duration,
        /// Whether waits are spread at random. For example `jitter: false`.
        jitter: bool = true,
    }
}

part! {
    /// When a key or upstream is left alone, and for how long.
    "a cooldown" => Cooldown {
        /// After so many failures in a row. For example `failures: 3`.
        failures: Option<u32>,
        /// For so long, where the provider gives no hint. For example `lasts: 2s`.
        lasts: Option<Duration>,
        /// How many requests may probe whether it is over. For example `probes: 1`.
        probes: Option<u32>,
    }
}

part! {
    /// How long a target may wait for the parts of an answer.
    "the timeouts" => Timeouts {
        /// For the connection. For example `connect: 500ms`.
        connect: Option<Duration>,
        /// For the head of the answer. For example `head: 2s`.
        head: Option<Duration>,
        /// For the first content of a stream. For example `first_content: 2s`.
        first_content: Option<Duration>,
        /// For the next event of a stream. For example `idle: 1s`.
        idle: Option<Duration>,
    }
}

part! {
    /// Where requests wait when no key is free.
    "a queue" => Queue {
        /// How many can wait. For example `max: 100`.
        max: u32,
        /// How long they wait. For example `wait: 2s`.
        wait: Duration,
    }
}

words! {
    /// What keeps a client at one key.
    "what keeps a client at one key" => Sticky {
        /// Nothing.
        "none" => None,
        /// The session that it names.
        "session" => Session,
    }
}

part! {
    /// How much may be used in a time.
    "a limit of use" => UseLimit {
        /// Requests. For example `requests: 20`.
        requests: Option<u32>,
        /// Tokens. For example `tokens: 1000`.
        tokens: Option<u32>,
        /// In any time of this length. For example `per: 1s`.
        per: Duration,
    }
}

part! {
    /// Someone on whose behalf clients ask.
    "a tenant" => Tenant {
        /// How much may be spent. For example `budget: 10 USD`.
        budget: Option<Money>,
        /// The time after which the budget is fresh again. For example `budget_per: 2s`.
        budget_per: Option<Duration>,
        /// How much may be used. For example `limits: [{ requests: 20, per: 1s }]`.
        limits: Vec<UseLimit>,
        /// How many requests may be open at once. For example `at_once: 5`.
        at_once: Option<u32>,
        /// The models that may be asked for; all if missing. For example `models: [chat]`.
        models: Vec<At<String>>,
        /// Whether its key has run out. For example `expired: true`.
        expired: bool = false,
    }
}

part! {
    /// What tokens cost.
    "a price table" => Prices {
        /// The table's version. For example `version: "2027-01"`.
        version: String,
        /// The prices, by the provider's name of the model.
        /// For example `models: { gpt-example: { input: 3 USD per 1M, output: 15 USD per 1M } }`.
        models: Named<ModelPrices>,
    }
}

part! {
    /// What a model's tokens cost, by class.
    "the prices of a model" => ModelPrices {
        /// Input tokens that were in no cache. For example `input: 3 USD per 1M`.
        input: Price,
        /// Input tokens that were read from the cache; as `input` if missing. For example `cache_read: 0.3 USD per 1M`.
        cache_read: Option<Price>,
        /// Input tokens that were written to the cache; as `input` if missing.
        /// For example `cache_write: 3.75 USD per 1M`.
        cache_write: Option<Price>,
        /// Output tokens. For example `output: 15 USD per 1M`.
        output: Price,
        /// Output tokens that were spent on reasoning; as `output` if missing. For example `reasoning: 60 USD per 1M`.
        reasoning: Option<Price>,
    }
}

/// What a million tokens cost: `3 USD per 1M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Millionths of a dollar for a million tokens.
    pub micros_per_million: u64,
}

impl RouterSettings {
    /// Nothing is asked of the target.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            models: Named::default(),
            services: Named::default(),
            instances: None,
            shared: false,
            max_request: None,
            must_start: true,
            health: None,
            environment: Named::default(),
            span: Span::default(),
        }
    }
}

impl ModelSettings {
    /// The upstreams that serve it.
    pub fn upstreams(&self) -> impl Iterator<Item = &At<String>> {
        self.pool.iter().chain(self.pools.iter().map(|entry| &entry.pool))
    }

    /// Whether nothing is asked but that it is served.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let routed = self.strategy.is_none() && self.sticky.is_none() && self.queue.is_none();
        let others = [&self.fallbacks, &self.larger, &self.lenient].iter().all(|models| models.is_empty());
        let tried = self.retries.is_none() && self.backoff.is_none() && self.cooldown.is_none();
        let timed = self.timeout.is_none() && self.timeouts.is_none();
        let bounded = self.window.is_none() && self.limits.is_empty() && self.headroom.is_none();
        routed && others && tried && timed && bounded && self.prediction.is_none()
    }

    /// Tells a model that nobody serves.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.pool.is_some() != self.pools.is_empty() {
            problems.push(
                Problem::new(self.span, "a model without one way to be served")
                    .help("write either `pool: UPSTREAM` or `pools: [{ pool: UPSTREAM, weight: 1 }, ...]`"),
            );
        }
        self.limits.iter().for_each(|limit| limit.check(problems));
    }
}

impl UseLimit {
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.requests.is_none() && self.tokens.is_none() {
            problems
                .push(Problem::new(self.span, "a limit of nothing").help("write `requests:` or `tokens:`"));
        }
        if self.per.is_zero() {
            problems.push(Problem::new(self.span, "a limit in no time").help("write for example `per: 1m`"));
        }
    }
}

impl Read for Price {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let amount = node.text().and_then(|text| text.strip_suffix(" per 1M"));
        let amount = amount.map(|amount| Node { span: node.span, value: Value::Text(amount.to_owned()) });
        let money = amount.and_then(|amount| Money::read(&amount, &mut Vec::new()));
        match money.and_then(|money| u64::try_from(money.micros).ok()) {
            Some(micros_per_million) => Some(Self { micros_per_million }),
            None => wrong(node, "a price such as `3 USD per 1M` (tokens)", problems),
        }
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "a price", "type": "string", "pattern": r"^\d+(\.\d+)? USD per 1M$" })
    }
}
