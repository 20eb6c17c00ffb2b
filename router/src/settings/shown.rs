//! The settings as whoever runs the router may see them: every secret as its fingerprint.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    ApiPool, ApiSettings, ModelSettings, ProviderSettings, RequestLimits, RoutingRule, ServiceSettings,
    Settings, Target, TenantSettings,
};
use crate::apis::Lookup;
use crate::pool::UseLimit;
use crate::provider::{Platform, ProviderKey, shown_address};
use crate::shared::SharedPlace;

/// Everything that is in force.
pub(crate) fn shown(settings: &Settings) -> Value {
    let named = |entries: Vec<(String, Value)>| Value::Object(Map::from_iter(entries));
    let providers = &settings.providers;
    let price = |price: &crate::accounts::Price| {
        json!({
            "input": price.input,
            "cache_read": price.cache_read,
            "cache_write": price.cache_write,
            "output": price.output,
            "reasoning": price.reasoning,
        })
    };
    json!({
        "listen": settings.listen.to_string(),
        "providers": named(providers.iter().map(|entry| (entry.name.clone(), provider(entry))).collect()),
        "models": named(
            settings.models.iter().map(|(name, entry)| (name.clone(), model(entry, providers))).collect()
        ),
        "apis": named(settings.apis.iter().map(|entry| (entry.name.clone(), api(entry))).collect()),
        "services": named(
            settings.services.iter().map(|entry| (entry.name.clone(), service(entry, &settings.apis))).collect()
        ),
        "tenants": named(settings.tenants.iter().map(|entry| (entry.name.clone(), tenant(entry))).collect()),
        "prices": named(settings.prices.iter().map(|(name, entry)| (name.clone(), price(entry))).collect()),
        "admin": settings.admin_key.as_ref().map(|key| json!({ "fingerprint": key.fingerprint() })),
        "ledger": {
            "path": settings.ledger.place.shown(),
            "flush": settings.ledger.flushes,
            "prompt_end": settings.ledger.prompt_end,
        },
        "shared": settings.shared.as_ref().map(shared),
        "max_request": settings.requests.body,
        "requests": requests(&settings.requests),
        "health": settings.health_every.map(|every| json!({ "every": text(every) })),
    })
}

fn shared(place: &SharedPlace) -> Value {
    match place {
        SharedPlace::Folder(folder) => json!({ "folder": folder.display().to_string() }),
        SharedPlace::Redis(address) => json!({ "redis": address.to_string() }),
    }
}

fn provider(settings: &ProviderSettings) -> Value {
    json!({
        "dialect": settings.endpoint.platform.word(),
        "base_url": settings.endpoint.shown(),
        "api_version": (settings.endpoint.platform == Platform::Azure).then_some(&settings.endpoint.api_version),
        "keys": keys(&settings.keys),
    })
}

fn keys(keys: &[ProviderKey]) -> Vec<Value> {
    let shown = |key: &ProviderKey| {
        json!({
            "name": key.name(),
            "fingerprint": key.fingerprint(),
            "weight": key.weight(),
            "disabled": key.is_disabled(),
        })
    };
    keys.iter().map(shown).collect()
}

fn api(settings: &ApiSettings) -> Value {
    json!({
        "base_url": shown_address(&settings.address.base),
        "keys": keys(&settings.keys),
        "enabled": settings.is_enabled,
        "limits": settings.limits.iter().map(limit).collect::<Vec<_>>(),
        "lookups": settings.lookups.iter().map(lookup).collect::<Vec<_>>(),
        "health": settings.health_path,
    })
}

fn lookup(lookup: &Lookup) -> Value {
    json!({ "method": lookup.method.as_str(), "path": lookup.path, "ask": lookup.ask.shown() })
}

fn service(settings: &ServiceSettings, apis: &[ApiSettings]) -> Value {
    let pool = |pool: &ApiPool| json!({ "api": apis[pool.api].name, "weight": pool.weight, "priority": pool.priority });
    let rule = |rule: &RoutingRule| {
        json!({
            "method": rule.method.as_ref().map(http::Method::as_str),
            "path": rule.path,
            "pools": rule.apis.iter().map(|api| &apis[*api].name).collect::<Vec<_>>(),
        })
    };
    json!({
        "path": settings.path,
        "pools": settings.pools.iter().map(pool).collect::<Vec<_>>(),
        "strategy": format!("{:?}", settings.strategy),
        "headroom_millionths": settings.headroom,
        "queue": { "max": settings.queue.max, "wait": text(settings.queue.wait) },
        "retries": settings.retries,
        "timeout": text(settings.timeout),
        "rules": settings.rules.iter().map(rule).collect::<Vec<_>>(),
        "prediction": settings.predicts,
    })
}

fn limit(limit: &UseLimit) -> Value {
    json!({ "requests": limit.requests, "tokens": limit.tokens, "per": text(limit.per) })
}

fn model(settings: &ModelSettings, providers: &[ProviderSettings]) -> Value {
    let pool = |target: &Target| {
        json!({
            "provider": providers[target.provider].name,
            "model": target.upstream_name,
            "weight": target.weight,
            "priority": target.priority,
        })
    };
    let pools: Vec<Value> = settings.targets.iter().map(pool).collect();
    let limits: Vec<Value> = settings.limits.iter().map(limit).collect();
    json!({
        "pools": pools,
        "retries": settings.exchange.retries,
        "strategy": format!("{:?}", settings.exchange.strategy),
        "fallbacks": settings.fallbacks,
        "larger": settings.larger,
        "lenient": settings.lenient,
        "window": settings.window,
        "limits": limits,
        "headroom_millionths": settings.headroom,
        "prediction": settings.predicts,
        "queue": settings.queue.map(|queue| json!({ "max": queue.max, "wait": text(queue.wait) })),
        "sticky": settings.is_sticky,
        "timeouts": {
            "connect": settings.patience.connect.map(text),
            "head": text(settings.patience.head),
            "first_content": text(settings.patience.first_content),
            "idle": text(settings.patience.idle),
        },
    })
}

fn tenant(settings: &TenantSettings) -> Value {
    let keys: Vec<Value> =
        settings.keys.iter().map(|key| json!({ "fingerprint": key.fingerprint() })).collect();
    json!({
        "keys": keys,
        "budget_micros": settings.budget.map(|budget| budget.0),
        "budget_per": settings.budget_per.map(text),
        "models": settings.models,
        "requests_per_minute": settings.requests_per_minute,
        "at_once": settings.at_once,
        "expired": settings.is_expired,
    })
}

fn requests(limits: &RequestLimits) -> Value {
    json!({
        "max_head": limits.head,
        "max_headers": limits.headers,
        "head_within": text(limits.head_within),
        "body_within": text(limits.body_within),
    })
}

fn text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
