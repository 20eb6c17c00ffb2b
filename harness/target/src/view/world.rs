//! The arrangement of a world for templates: which names they find, and which setting each of them carries out.

use std::sync::Arc;
use std::time::Duration;

use minijinja::Value;
use scenario::{
    At, HealthChecks, LookupEntry, ModelSettings, Padding, Prices, ServiceSettings, Tenant, UseLimit,
};

use crate::topology::{GivenKey, Key, Provider, Topology};
use crate::view::shown::{ListShown, MapShown, Shown};
use crate::view::{StartView, StoreView};

/// Everything that a template sees.
pub(crate) fn view(topology: &Topology, start: &StartView<'_>) -> Arc<Shown> {
    let (mut upstreams, mut keys) = (ListShown::default(), ListShown::default());
    for upstream in &topology.upstreams {
        // A key that the target finds in its environment is not given it twice.
        let listed = upstream.keys.iter().filter(|given| given.variable().is_none());
        let own: Vec<_> = listed.map(|given| (&given.key.label, key(upstream, given))).collect();
        for (_, key) in &own {
            keys.next(Arc::clone(key));
        }
        upstreams.named(&upstream.name, provider(upstream, own));
    }
    let mut models = ListShown::default();
    for (name, settings) in &topology.router.models.0 {
        models.named(&name.value, model(&name.value, settings));
    }
    let mut services = ListShown::default();
    for (name, settings) in &topology.router.services.0 {
        services.named(&name.value, service(&name.value, settings));
    }
    let mut tenants = ListShown::default();
    for (key, settings) in &topology.tenants {
        tenants.named(&key.label, tenant(key, settings.as_ref()));
    }
    let shared = topology.router.shared.then_some("router.shared");
    MapShown::default()
        .inside("upstreams", "upstreams", upstreams.done())
        .again("keys", keys.done())
        .inside("models", "router.models", models.done())
        .inside("services", "router.services", services.done())
        .inside("tenants", "tenants", tenants.done())
        .group("prices", topology.prices.as_ref().map(prices))
        .inside("settings", "router", settings(topology))
        .carries_out("store", shared, start.store.map_or_else(|| Shown::plain(()), store))
        .name("instance", start.instance)
        .name("dir", start.dir)
        .name("port", start.port)
        .name("profile_dir", start.profile_dir)
        .name("stormproof", start.stormproof)
        .name("admin_key", start.admin_key)
        .done()
}

fn provider(upstream: &Provider, keys: Vec<(&String, Arc<Shown>)>) -> Arc<Shown> {
    let mut list = ListShown::default();
    for (label, key) in keys {
        list.named(label, key);
    }
    let found = || upstream.keys.iter().filter_map(|given| Some((given, given.variable()?)));
    let called = |given: &GivenKey, setting: &str| format!("keys.{}.{setting}", given.key.label);
    let variables: Vec<String> = found().map(|(_, variable)| variable.to_owned()).collect();
    let weighted = found()
        .filter(|(given, _)| given.settings.as_ref().is_some_and(|settings| settings.weight.is_some()));
    MapShown::default()
        .name("name", upstream.name.as_str())
        .name("dialect", upstream.protocol.name())
        .name("base_url", upstream.base_url.as_str())
        .inside("keys", "keys", list.done())
        .value_of("discovers", found().map(|(given, _)| called(given, "variable")), Value::from(variables))
        .out_of_reach(weighted.map(|(given, _)| called(given, "weight")).collect())
        .done()
}

fn key(upstream: &Provider, given: &GivenKey) -> Arc<Shown> {
    let settings = given.settings.as_ref();
    // Both change nothing but the secret that the target is given, so whoever reads it reads them.
    let mut in_secret = Vec::new();
    if settings.is_some_and(|settings| settings.padding != Padding::None) {
        in_secret.push("padding");
    }
    if settings.is_some_and(|settings| settings.same_as.is_some()) {
        in_secret.push("same_as");
    }
    MapShown::default()
        .name("label", given.key.label.as_str())
        .name("upstream", upstream.name.as_str())
        .value_of("secret", in_secret, Value::from(given.given()))
        .name("fingerprint", given.key.fingerprint.as_str())
        .name("base_url", given.base_url.as_str())
        .setting("weight", settings.and_then(|settings| settings.weight))
        .done()
}

fn model(name: &str, model: &ModelSettings) -> Arc<Shown> {
    let provider_name = model.model.as_deref().unwrap_or(name);
    let one = match model.pools.as_slice() {
        [] => model.pool.as_ref(),
        [entry] => Some(&entry.pool),
        _ => None,
    };
    MapShown::default()
        .name("name", name)
        .name("pool", one.map(|pool| pool.value.as_str()))
        .group("pools", Some(pools(model, provider_name)))
        .name("model", provider_name)
        .setting("strategy", model.strategy.map(scenario::Strategy::word))
        .list("fallbacks", names(&model.fallbacks))
        .list("larger", names(&model.larger))
        .list("lenient", names(&model.lenient))
        .setting("window", model.window)
        .setting("retries", model.retries)
        .group("backoff", model.backoff.as_ref().map(backoff))
        .group("cooldown", model.cooldown.as_ref().map(cooldown))
        .setting_called("timeout_ms", "timeout", model.timeout.map(millis))
        .group("timeouts", model.timeouts.as_ref().map(timeouts))
        .group("queue", model.queue.as_ref().map(queue))
        .setting("sticky", model.sticky.map(scenario::Sticky::word))
        .group("limits", Some(limits(&model.limits)))
        .setting("headroom", model.headroom.map(|share| f64::from(share.millionths) / 1e6))
        .setting("prediction", model.prediction)
        .done()
}

/// Its path has to be read: a target that does not know it serves nothing there.
fn service(name: &str, service: &ServiceSettings) -> Arc<Shown> {
    let mut list = ListShown::default();
    for entry in &service.pools {
        let map = MapShown::default()
            .setting("pool", Some(entry.pool.value.as_str()))
            // That it is switched on is what every target does, so only the opposite asks something of it.
            .value_of("enabled", (!entry.enabled).then_some("enabled"), entry.enabled.into())
            .group("limits", Some(limits(&entry.limits)))
            .group("lookups", Some(lookups(&entry.lookups)));
        list.next(map.setting("weight", entry.weight).setting("priority", entry.priority).done());
    }
    let mut rules = ListShown::default();
    for rule in &service.rules {
        let map = MapShown::default()
            .setting("method", rule.method.as_deref())
            .setting("path", rule.path.as_deref())
            .list("pools", names(&rule.pools));
        rules.next(map.done());
    }
    MapShown::default()
        .name("name", name)
        .setting("path", Some(service.path.value.as_str()))
        .group("pools", Some(list.done()))
        .setting("strategy", service.strategy.map(scenario::Strategy::word))
        .setting("retries", service.retries)
        .group("backoff", service.backoff.as_ref().map(backoff))
        .group("cooldown", service.cooldown.as_ref().map(cooldown))
        .setting_called("timeout_ms", "timeout", service.timeout.map(millis))
        .group("queue", service.queue.as_ref().map(queue))
        .group("limits", Some(limits(&service.limits)))
        .setting("headroom", service.headroom.map(|share| f64::from(share.millionths) / 1e6))
        .group("rules", Some(rules.done()))
        .setting("prediction", service.prediction)
        .done()
}

fn lookups(lookups: &[LookupEntry]) -> Arc<Shown> {
    let mut list = ListShown::default();
    for lookup in lookups {
        list.next(
            MapShown::default()
                .setting("method", Some(lookup.method.as_str()))
                .setting("path", Some(lookup.path.as_str()))
                .setting("ask", Some(lookup.ask.as_str()))
                .done(),
        );
    }
    list.done()
}

fn queue(queue: &scenario::Queue) -> Arc<Shown> {
    MapShown::default()
        .setting("max", Some(queue.max))
        .setting_called("wait_ms", "wait", Some(millis(queue.wait)))
        .done()
}

/// The upstreams that serve a model; also the one of a model that has only one.
fn pools(model: &ModelSettings, provider_name: &str) -> Arc<Shown> {
    let mut list = ListShown::default();
    if let (Some(pool), true) = (&model.pool, model.pools.is_empty()) {
        let map = MapShown::default().name("pool", pool.value.as_str()).name("model", provider_name);
        list.next(map.setting("weight", None::<u32>).setting("priority", None::<u32>).done());
    }
    for entry in &model.pools {
        // A model with one pool is read by its `pool` as well; one with several only here.
        let map = MapShown::default();
        let map = match model.pools.len() {
            1 => map.name("pool", entry.pool.value.as_str()),
            _ => map.setting("pool", Some(entry.pool.value.as_str())),
        };
        let map = map.name("model", entry.model.as_deref().unwrap_or(provider_name));
        list.next(map.setting("weight", entry.weight).setting("priority", entry.priority).done());
    }
    list.done()
}

fn backoff(backoff: &scenario::Backoff) -> Arc<Shown> {
    MapShown::default()
        .setting_called("base_ms", "base", Some(millis(backoff.base)))
        .setting_called("max_ms", "max", Some(millis(backoff.max)))
        // That waits are spread is what every target should do, so only the opposite asks something of it.
        .value_of("jitter", (!backoff.jitter).then_some("jitter"), backoff.jitter.into())
        .done()
}

fn cooldown(cooldown: &scenario::Cooldown) -> Arc<Shown> {
    MapShown::default()
        .setting("failures", cooldown.failures)
        .setting_called("lasts_ms", "lasts", cooldown.lasts.map(millis))
        .setting("probes", cooldown.probes)
        .done()
}

fn timeouts(timeouts: &scenario::Timeouts) -> Arc<Shown> {
    MapShown::default()
        .setting_called("connect_ms", "connect", timeouts.connect.map(millis))
        .setting_called("head_ms", "head", timeouts.head.map(millis))
        .setting_called("first_content_ms", "first_content", timeouts.first_content.map(millis))
        .setting_called("idle_ms", "idle", timeouts.idle.map(millis))
        .done()
}

fn limits(limits: &[UseLimit]) -> Arc<Shown> {
    let mut list = ListShown::default();
    for limit in limits {
        list.next(
            MapShown::default()
                .setting("requests", limit.requests)
                .setting("tokens", limit.tokens)
                .setting_called("per_ms", "per", Some(millis(limit.per)))
                .done(),
        );
    }
    list.done()
}

fn tenant(key: &Key, tenant: Option<&Tenant>) -> Arc<Shown> {
    let budget = tenant.and_then(|tenant| tenant.budget);
    MapShown::default()
        .name("name", key.label.as_str())
        .name("secret", key.secret.as_str())
        .setting_called("budget_micros", "budget", budget.map(|budget| budget.micros))
        .setting_called(
            "budget_per_ms",
            "budget_per",
            tenant.and_then(|tenant| tenant.budget_per).map(millis),
        )
        .group("limits", Some(limits(tenant.map_or(&[], |tenant| &tenant.limits))))
        .setting("at_once", tenant.and_then(|tenant| tenant.at_once))
        .list("models", names(tenant.map_or(&[], |tenant| &tenant.models)))
        .flag("expired", tenant.is_some_and(|tenant| tenant.expired))
        .done()
}

fn prices(prices: &Prices) -> Arc<Shown> {
    let mut models = ListShown::default();
    for (name, price) in &prices.models.0 {
        let micros = |price: scenario::Price| price.micros_per_million;
        models.named(
            &name.value,
            MapShown::default()
                .name("name", name.value.as_str())
                .setting("input", Some(micros(price.input)))
                .setting("cache_read", price.cache_read.map(micros))
                .setting("cache_write", price.cache_write.map(micros))
                .setting("output", Some(micros(price.output)))
                .setting("reasoning", price.reasoning.map(micros))
                .done(),
        );
    }
    MapShown::default()
        .name("version", prices.version.as_str())
        .inside("models", "models", models.done())
        .done()
}

fn settings(topology: &Topology) -> Arc<Shown> {
    let router = &topology.router;
    MapShown::default()
        .setting_called("max_request_bytes", "max_request", router.max_request.map(|size| size.bytes))
        .group("health", router.health.as_ref().map(health))
        // The harness itself starts that many, and what they share is the `store`.
        .name("instances", topology.instances())
        .name("shared", router.shared)
        .done()
}

fn health(health: &HealthChecks) -> Arc<Shown> {
    MapShown::default().setting_called("every_ms", "every", Some(millis(health.every))).done()
}

fn store(store: &StoreView) -> Arc<Shown> {
    let url = store.port.map(|port| format!("{}://127.0.0.1:{port}", store.kind));
    MapShown::default()
        .name("kind", store.kind)
        .name("dir", store.dir.as_str())
        .name("url", url)
        .name("host", store.port.map(|_| "127.0.0.1"))
        .name("port", store.port)
        .done()
}

fn names(names: &[At<String>]) -> Vec<String> {
    names.iter().map(|name| name.value.clone()).collect()
}

/// Milliseconds, whole where they can be.
fn millis(duration: Duration) -> Value {
    let exact = duration.subsec_nanos().is_multiple_of(1_000_000);
    match u64::try_from(duration.as_millis()) {
        Ok(whole) if exact => Value::from(whole),
        _ => Value::from(duration.as_secs_f64() * 1_000.0),
    }
}
