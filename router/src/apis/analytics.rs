//! What the operator is told of the APIs of a service: how much each is used, how well the load fits what they can take, and
//! what could be done about it.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ApiService, ApiStanding, ServicePolicy};
use crate::growth::WHOLE;

/// Fewer requests in a minute tell nothing about their spread.
const FEWEST: u64 = 10;
/// An API that got so much more of the traffic than its share of the capacity gets too much.
const TOO_MUCH: f64 = 0.15;

/// One API of a service, as it is counted.
struct Counted<'a> {
    name: &'a str,
    is_enabled: bool,
    standing: ApiStanding,
    /// Its part of what all enabled APIs can take, from 0 to 1.
    capacity: f64,
    /// Its part of the requests of the last minute, from 0 to 1.
    traffic: f64,
}

/// Everything that is counted of a service.
pub(crate) fn analytics(service: &ApiService, policy: &dyn ServicePolicy) -> Value {
    let counted = count(service, policy, Instant::now());
    let apis: Vec<Value> = counted.iter().map(shown).collect();
    let efficiency = efficiency(&counted);
    let told = json!({
        "service": service.name(),
        "load_balance_efficiency": rounded(efficiency),
        "apis": apis,
        "suggestions": suggestions(&counted, service.settings().headroom),
    });
    policy.told_analytics(told)
}

fn count<'a>(service: &'a ApiService, policy: &dyn ServicePolicy, now: Instant) -> Vec<Counted<'a>> {
    let weigh = |place: usize| service.apis[place].capacity();
    let places = 0..service.apis.len();
    let on = |place: &usize| service.apis[*place].is_enabled();
    // Where some API has no limit their weights are all that is known.
    let are_limited = places.clone().filter(on).all(|place| weigh(place).is_some());
    let capacity = |place: usize| match weigh(place).filter(|_| are_limited) {
        Some(capacity) => float(capacity),
        None => f64::from(service.settings().pools[place].weight),
    };
    let standings: Vec<ApiStanding> = service.apis.iter().map(|api| api.standing(policy, now)).collect();
    let all_capacity: f64 = places.clone().filter(on).map(capacity).sum();
    let all_traffic: f64 = standings.iter().map(|standing| float(standing.asked[1])).sum();
    let part = |of: f64, all: f64| if all > 0.0 { of / all } else { 0.0 };
    let counted = standings.into_iter().enumerate().map(|(place, standing)| {
        let is_enabled = on(&place);
        Counted {
            name: service.apis[place].name(),
            is_enabled,
            capacity: if is_enabled { part(capacity(place), all_capacity) } else { 0.0 },
            traffic: part(float(standing.asked[1]), all_traffic),
            standing,
        }
    });
    counted.collect()
}

/// How well the spread of the last minute fits what the APIs can take: 1 where each got its part of the capacity, 0 where all
/// went to the one with the smallest part. It is one minus the part of the traffic that is in the wrong place, divided by
/// the most that could be there.
fn efficiency(counted: &[Counted<'_>]) -> f64 {
    let in_all: u64 = counted.iter().map(|api| api.standing.asked[1]).sum();
    let on = || counted.iter().filter(|api| api.is_enabled);
    let smallest = on().map(|api| api.capacity).fold(f64::INFINITY, f64::min);
    if in_all == 0 || smallest >= 1.0 || !smallest.is_finite() {
        return 1.0;
    }
    let misplaced: f64 = counted.iter().map(|api| (api.traffic - api.capacity).abs()).sum::<f64>() / 2.0;
    (1.0 - misplaced / (1.0 - smallest)).clamp(0.0, 1.0)
}

/// What could be done, each with the API and the number that it follows from.
fn suggestions(counted: &[Counted<'_>], headroom: u64) -> Vec<Value> {
    let in_all: u64 = counted.iter().map(|api| api.standing.asked[1]).sum();
    let mut told = Vec::new();
    for Counted { name, standing, capacity, traffic, is_enabled } in counted {
        let peak = standing.peak.max(standing.share);
        if standing.limited > 0 {
            let number = standing.limited;
            let text =
                format!("`{name}` answered {number} times that its limit is met: declare a lower one for it");
            told.push(json!({ "api": name, "kind": "refused", "number": number, "text": text }));
        }
        if peak >= headroom && !standing.limits.is_empty() {
            let number = rounded(float(peak) / float(WHOLE));
            let text = format!("`{name}` was used to {number} of its limit: raise it, or give others more");
            told.push(json!({ "api": name, "kind": "near_its_limit", "number": number, "text": text }));
        }
        if *is_enabled && counted.len() > 1 && in_all >= FEWEST && traffic - capacity > TOO_MUCH {
            let number = standing.asked[1];
            let text = format!(
                "`{name}` got {number} of {in_all} requests of the last minute, and has {} of the capacity: give \
                 others more",
                rounded(*capacity)
            );
            told.push(json!({ "api": name, "kind": "too_much", "number": number, "text": text }));
        }
    }
    told
}

fn shown(api: &Counted<'_>) -> Value {
    let Counted { name, is_enabled, standing, capacity, traffic } = api;
    let limit = |(most, per, used): &(u64, std::time::Duration, u64)| {
        json!({
            "requests": most,
            "per": humantime::format_duration(*per).to_string(),
            "used": used,
            "ratio": rounded(float(*used) / float((*most).max(1))),
        })
    };
    json!({
        "api": name,
        "enabled": is_enabled,
        "requests": {
            "last_second": standing.asked[0],
            "last_minute": standing.asked[1],
            "last_hour": standing.asked[2],
        },
        "limits": standing.limits.iter().map(limit).collect::<Vec<_>>(),
        "usage": rounded(float(standing.share) / float(WHOLE)),
        "limited": standing.limited,
        "share_of_capacity": rounded(*capacity),
        "share_of_requests": rounded(*traffic),
        "growth_predicted": standing.is_predicted,
        "growths_predicted": standing.predictions,
    })
}

#[expect(clippy::cast_precision_loss, reason = "shares for people to read")]
fn float(number: u64) -> f64 {
    number as f64
}

/// To four digits behind the point.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(of: &[(f64, u64)]) -> Vec<Counted<'static>> {
        let in_all: u64 = of.iter().map(|(_, asked)| asked).sum();
        let api = |(capacity, asked): &(f64, u64)| Counted {
            name: "api",
            is_enabled: true,
            capacity: *capacity,
            traffic: if in_all == 0 { 0.0 } else { float(*asked) / float(in_all) },
            standing: ApiStanding {
                asked: [0, *asked, *asked],
                limits: vec![(10, std::time::Duration::from_secs(1), 0)],
                share: 0,
                peak: 0,
                limited: 0,
                is_predicted: false,
                predictions: 0,
            },
        };
        of.iter().map(api).collect()
    }

    #[test]
    fn efficiency_is_one_for_an_even_spread_and_none_for_all_on_the_smallest() {
        type Case<'a> = (&'a [(f64, u64)], f64);
        let cases: [Case<'_>; 7] = [
            (&[(0.125, 10), (0.625, 50), (0.25, 20)], 1.0),
            (&[(0.125, 80), (0.625, 0), (0.25, 0)], 0.0),
            (&[(0.5, 10), (0.5, 10)], 1.0),
            (&[(0.5, 20), (0.5, 0)], 0.0),
            (&[(0.5, 15), (0.5, 5)], 0.5),
            (&[(1.0, 7)], 1.0),
            (&[(0.5, 0), (0.5, 0)], 1.0),
        ];
        for (of, expected) in cases {
            assert!((efficiency(&counted(of)) - expected).abs() < 1e-9, "{of:?}");
        }
    }

    #[test]
    fn a_suggestion_names_an_api_and_a_number_and_even_load_gets_none() {
        assert_eq!(suggestions(&counted(&[(0.5, 30), (0.5, 30)]), 800_000), Vec::<Value>::new());
        let told = suggestions(&counted(&[(0.5, 50), (0.5, 10)]), 800_000);
        assert_eq!((told.len(), &told[0]["kind"], &told[0]["number"]), (1, &json!("too_much"), &json!(50)));
        let mut near = counted(&[(0.5, 30), (0.5, 30)]);
        near[1].standing.peak = 900_000;
        near[0].standing.limited = 3;
        let told = suggestions(&near, 800_000);
        assert_eq!(told[0]["number"], json!(3));
        assert_eq!((&told[1]["kind"], &told[1]["number"]), (&json!("near_its_limit"), &json!(0.9)));
        assert!(told.iter().all(|told| told["api"] == "api" && told["text"].is_string()));
    }
}
