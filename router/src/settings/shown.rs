//! The settings as whoever runs the router may see them: every secret as its fingerprint.

use std::time::Duration;

use http::Uri;
use serde_json::{Map, Value, json};

use super::{
    ApiPool, ApiSettings, ModelSettings, ProviderSettings, RoutingRule, ServiceSettings, Settings, Target,
    TenantSettings,
};
use crate::pool::UseLimit;
use crate::provider::ProviderKey;

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
        "ledger": { "prompt_end": settings.prompt_end },
        "shared": settings.shared_folder.as_ref().map(|folder| json!({ "folder": folder.display().to_string() })),
        "max_request": settings.max_request,
        "health": settings.health_every.map(|every| json!({ "every": text(every) })),
    })
}

fn provider(settings: &ProviderSettings) -> Value {
    json!({
        "dialect": format!("{:?}", settings.dialect).to_lowercase(),
        "base_url": without_user(&settings.base_url),
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
        "base_url": without_user(&settings.base_url),
        "keys": keys(&settings.keys),
        "enabled": settings.is_enabled,
        "limits": settings.limits.iter().map(limit).collect::<Vec<_>>(),
        "health": settings.health_path,
    })
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

fn text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// An address may hold a password in front of its host.
fn without_user(address: &Uri) -> String {
    let host = address.host().unwrap_or_default();
    let port = address.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", address.scheme_str().unwrap_or("http"), address.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let address = "http://ann:tops3cret@host:81/v1".parse().unwrap();
        assert_eq!(without_user(&address), "http://host:81/v1");
    }
}
