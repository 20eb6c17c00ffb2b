//! `GET /admin/status`: how each pool and its keys stand, and which models can be served.

use std::time::SystemTime;

use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::accounts::Ledger;
use crate::front::answer::json_answer;
use crate::front::relay::ResponseBody;
use crate::front::service::Service;
use crate::pool::Standing;
use crate::provider::{KeyStanding, Provider};
use crate::upkeep::Health;

pub(super) fn answer(service: &Service, ledger: &Ledger) -> Response<ResponseBody> {
    let now = Instant::now();
    let of_models = service.backends().iter().map(|backend| (backend.provider(), backend.health()));
    let apis = service.apis().iter().map(|api| (api.provider().as_ref(), api.health()));
    let pools: Vec<Value> =
        of_models.chain(apis).map(|(provider, health)| pool(provider, health, now)).collect();
    let services: Vec<Value> = service
        .services
        .iter()
        .map(|of| {
            let pools: Vec<Value> = of
                .apis()
                .iter()
                .map(|api| json!({ "pool": api.name(), "enabled": api.is_enabled() }))
                .collect();
            json!({ "service": of.name(), "path": of.settings().path, "pools": pools })
        })
        .collect();
    let models: Vec<Value> = service
        .models
        .iter()
        .map(|(name, model)| {
            let providers: Vec<&Provider> =
                model.targets.iter().map(|target| service.backends[target.provider].provider()).collect();
            let keys: usize = providers.iter().map(|provider| provider.standings(now).len()).sum();
            let pools: Vec<&str> = providers.iter().map(|provider| provider.name()).collect();
            json!({ "model": name, "pools": pools, "keys_count": keys, "rotation_enabled": keys > 1 })
        })
        .collect();
    json_answer(
        StatusCode::OK,
        &json!({
            "ready": service.is_ready(),
            "pools": pools,
            "models": models,
            "services": services,
            "ledger": shown(ledger),
        }),
    )
}

fn shown(ledger: &Ledger) -> Value {
    let standing = ledger.standing();
    json!({
        "state": standing.word(),
        "problem": standing.problem,
        "rows_written": standing.written,
        "rows_waiting": standing.waiting,
        "rows_lost": standing.lost,
    })
}

fn pool(provider: &Provider, health: &Health, now: Instant) -> Value {
    let standings = provider.standings(now);
    let available = standings.iter().filter(|key| key.standing == Standing::Available).count();
    let keys: Vec<Value> = standings.iter().map(|standing| key(standing, now)).collect();
    let health = health.latest().map(
        |report| json!({ "up": report.is_up, "at": humantime::format_rfc3339_millis(report.at).to_string() }),
    );
    json!({
        "pool": provider.name(),
        "keys_count": keys.len(),
        "available": available,
        "keys": keys,
        "health": health,
    })
}

fn key(standing: &KeyStanding, now: Instant) -> Value {
    let left = standing.until.map(|until| until.saturating_duration_since(now));
    let until = left.map(|left| humantime::format_rfc3339_millis(SystemTime::now() + left).to_string());
    json!({
        "label": standing.key.name(),
        "fingerprint": standing.key.fingerprint(),
        "state": standing.standing.word(),
        "until": until,
        "opens_in_seconds": left.map(|left| left.as_secs_f64()),
        "growth_predicted": standing.growths.values().any(|(grows, _)| *grows),
    })
}
