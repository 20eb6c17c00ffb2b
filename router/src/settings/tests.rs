//! What a configuration file comes to, and how one that cannot work is refused.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::resolve::Settings;
use super::source_policy::KeySources;
use super::*;
use crate::accounts::Price;
use crate::pool::Strategy;
use crate::provider::ProviderKey;

struct Fixed(&'static [(&'static str, &'static str)]);

impl Environment for Fixed {
    fn value(&self, name: &str) -> Option<OsString> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

const HOST: Fixed = Fixed(&[("OPENAI_API_KEY", "sk-a"), ("OPENAI_API_KEY_7", "sk-b")]);

fn load(text: &str, environment: &dyn Environment) -> Result<Settings, String> {
    let sources = KeySources { environment, policy: &EveryKeyOnce };
    Settings::from_text(Path::new("router.yaml"), text, sources).map_err(|error| error.to_string())
}

fn provider(keys: &str) -> String {
    format!(
        "providers:\n  openai: {{ dialect: openai, base_url: \"http://127.0.0.1:4010/v1\"{keys} }}\nmodels:\n  \
         chat: {{ provider: openai }}\n"
    )
}

fn key_names(settings: &Settings) -> Vec<&str> {
    settings.providers[0].keys.iter().map(ProviderKey::name).collect()
}

#[test]
fn keys_are_discovered_only_where_none_are_listed() {
    let discovered = load(&provider(""), &HOST).unwrap();
    assert_eq!(key_names(&discovered), ["OPENAI_API_KEY", "OPENAI_API_KEY_7"]);
    let explicit = load(&provider(", keys: [{ name: mine, secret: sk-x }]"), &HOST).unwrap();
    assert_eq!(key_names(&explicit), ["mine"]);
    let named = load(&provider(", keys: [{ name: mine, env: OPENAI_API_KEY_7 }]"), &HOST).unwrap();
    assert_eq!(key_names(&named), ["mine"]);
}

#[test]
fn keys_of_gemini_are_looked_for_as_googles_own_client_does() {
    let config = provider("").replace("dialect: openai", "dialect: gemini");
    let both = Fixed(&[("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "b"), ("GOOGLE_API_KEY_2", "c")]);
    assert_eq!(key_names(&load(&config, &both).unwrap()), ["GOOGLE_API_KEY", "GOOGLE_API_KEY_2"]);
    let second = Fixed(&[("GEMINI_API_KEY_1", "a"), ("OPENAI_API_KEY", "x")]);
    assert_eq!(key_names(&load(&config, &second).unwrap()), ["GEMINI_API_KEY_1"]);
}

#[test]
fn azure_has_a_key_and_a_version_of_its_own_and_an_engine_of_ones_own_has_neither() {
    const ALL: Fixed =
        Fixed(&[("OPENAI_API_KEY", "a"), ("AZURE_OPENAI_API_KEY", "b"), ("VLLM_API_KEY", "c")]);
    let with = |dialect: &str, more: &str| {
        load(&provider(more).replace("dialect: openai", &format!("dialect: {dialect}")), &ALL)
    };
    let azure = with("azure", ", api_version: 2025-04-01-preview").unwrap();
    assert_eq!(key_names(&azure), ["AZURE_OPENAI_API_KEY"]);
    assert_eq!(azure.providers[0].endpoint.api_version, "2025-04-01-preview");
    assert_eq!(shown(&azure)["providers"]["openai"]["api_version"], "2025-04-01-preview");
    assert_eq!(azure.providers[0].keys[0].credential().unwrap().0, "api-key");
    for engine in ["vllm", "ollama"] {
        let without = with(engine, "").unwrap();
        assert_eq!(key_names(&without), ["none"], "{engine} is given no key that is meant for others");
        assert_eq!(key_names(&with(engine, ", discover: VLLM_API_KEY").unwrap()), ["VLLM_API_KEY"]);
        assert_eq!(key_names(&with(engine, ", keys: [{ name: k, secret: s }]").unwrap()), ["k"]);
    }
    let cases = [
        ("openai", ", api_version: 2024-10-21", "only addresses of `azure` have a version"),
        ("azure", ", api_version: '2024 10'", "not a version: write one such as `2024-10-21`"),
        ("azure", ", api_version: ''", "not a version"),
        ("azzure", "", "unknown value `azzure`: did you mean `azure`?"),
    ];
    for (dialect, more, expected) in cases {
        let error = with(dialect, more).unwrap_err();
        assert!(error.starts_with("router.yaml:2:") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_larger_or_lenient_model_must_be_there() {
    for field in ["larger", "lenient"] {
        let config =
            provider("").replace("provider: openai }", &format!("provider: openai, {field}: [chaat] }}"));
        assert!(load(&config, &HOST).unwrap_err().contains("did you mean `chat`?"), "{field}");
    }
}

#[test]
fn a_model_has_defaults() {
    let settings = load(&provider(""), &HOST).unwrap();
    let chat = &settings.models["chat"];
    assert_eq!((chat.targets[0].upstream_name.as_str(), chat.exchange.retries), ("chat", 2));
    assert_eq!(settings.listen.port(), 0);
}

#[test]
fn what_cannot_work_is_refused_with_what_to_do() {
    let cases: [(String, &str); 7] = [
        (provider(", keys: [{ name: k, env: NOPE }]"), "variable `NOPE` is not set or blank"),
        (provider(", keys: [{ name: k }]"), "key `k` needs either `secret` or `env`"),
        (provider(", keys: [{ name: a, secret: x }, { name: a, secret: y }]"), "two keys have the name `a`"),
        (provider("").replace("provider: openai", "provider: opnai"), "did you mean `openai`?"),
        (
            provider(", ca: /no/such.pem").replace("http:", "https:"),
            "the file `/no/such.pem` cannot be used: cannot read",
        ),
        (provider(", ca: x.pem"), "`ca` is for addresses that begin with `https://`"),
        (provider("").replace("http:", "htp:"), "router.yaml:2:"),
    ];
    for (text, expected) in cases {
        let error = load(&text, &HOST).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn two_providers_may_not_discover_the_same_keys() {
    let with = |a: &str, b: &str| {
        let text = format!(
            "providers:\n  a: {{ dialect: openai, base_url: 'http://h/v1'{a} }}\n  b: {{ dialect: openai, base_url: 'http://i/v1'{b} }}\n"
        );
        load(&text, &HOST).map(|settings| settings.providers.len())
    };
    let same = [("", ""), (", discover: K", ", discover: K"), (", discover: K_2", ", discover: K")];
    for (a, b) in same {
        let error = with(a, b).unwrap_err();
        assert!(error.starts_with("provider `b`: it would discover the same keys as `a`"), "{error}");
    }
    for (a, b) in [("", ", discover: K"), (", discover: K", ", discover: K_B"), ("", ", keys: []")] {
        assert_eq!(with(a, b), Ok(2), "{a} {b}");
    }
}

#[test]
fn discovery_begins_with_the_variable_that_the_settings_name_unless_keys_are_listed() {
    const MINE: Fixed =
        Fixed(&[("MINE", "a"), ("MINE_10", "c"), ("MINE_2", " b "), ("OPENAI_API_KEY", "host")]);
    let cases = [
        (", discover: MINE", &["MINE", "MINE_2", "MINE_10"][..]),
        (", discover: MINE, keys: []", &["MINE", "MINE_2", "MINE_10"]),
        (", discover: MINE, keys: [{ name: only, secret: x }]", &["only"]),
        (", discover: NOBODY", &[]),
        (", keys: []", &[]),
        ("", &["OPENAI_API_KEY"]),
    ];
    for (keys, expected) in cases {
        assert_eq!(key_names(&load(&provider(keys), &MINE).unwrap()), expected, "{keys}");
    }
}

#[test]
fn one_key_under_two_names_counts_once() {
    let settings =
        load(&provider(", keys: [{ name: a, secret: x }, { name: b, secret: ' x ' }]"), &HOST).unwrap();
    assert_eq!(key_names(&settings), ["a"]);
}

#[test]
fn a_file_without_models_is_read() {
    for text in ["models: {}\n", "listen: 127.0.0.1:0\n", "health: { every: 2s }\nproviders: {}\n"] {
        assert!(load(text, &HOST).unwrap().models.is_empty(), "{text}");
    }
    let health = load("health: { every: 2s }\n", &HOST).unwrap().health_every;
    assert_eq!(health.map(|every| every.as_secs()), Some(2));
}

#[test]
fn what_is_shown_of_the_settings_has_no_secret() {
    let text = paid().replace("dialect: openai", "keys: [{ name: a, secret: tops3cret }], dialect: openai");
    let shown = shown(&load(&text, &HOST).unwrap());
    assert_eq!(shown["providers"]["openai"]["keys"][0]["name"], "a");
    assert_eq!(shown["providers"]["openai"]["base_url"], "http://127.0.0.1:4010/v1");
    assert_eq!(shown["models"]["chat"]["pools"][0]["provider"], "openai");
    assert_eq!(shown["tenants"]["acme"]["budget_micros"], 10_000_000);
    let text = shown.to_string();
    for secret in ["tops3cret", "boss", "k1", "k2", "k3"] {
        assert!(!text.contains(secret), "{text}");
    }
}

const PAID: &str = "prices: { gpt: { input: 3, output: 9 } }\nadmin: { secret: boss }\ntenants:\n  acme: { keys: [k1, k2], budget: 10 USD, models: [chat], requests_per_minute: 60 }\n  globex: { keys: [k3] }\n";

fn paid() -> String {
    let models = "models:\n  chat: { provider: openai, model: gpt }\n";
    provider("").split("models:").next().unwrap().to_owned() + models + PAID
}

#[test]
fn tenants_prices_and_the_admin_are_read() {
    let settings = load(&paid(), &HOST).unwrap();
    let acme = &settings.tenants[0];
    assert_eq!((acme.name.as_str(), acme.keys.len(), acme.requests_per_minute), ("acme", 2, Some(60)));
    assert_eq!(acme.budget.map(|budget| budget.0), Some(10_000_000));
    assert!(acme.models.as_ref().unwrap().contains("chat") && settings.tenants[1].models.is_none());
    let expected = Price { input: 3, cache_read: 3, cache_write: 3, output: 9, reasoning: 9 };
    assert_eq!((settings.prices["gpt"], settings.admin_key.is_some()), (expected, true));
    let open = load(&provider(""), &HOST).unwrap();
    assert!(open.tenants.is_empty() && open.prices.is_empty() && open.admin_key.is_none());
}

#[test]
fn tenants_that_cannot_work_are_refused_and_no_key_is_shown() {
    let cases = [
        ("[k3]", "[k1]", "tenant `globex`: it has a key of `acme`"),
        ("[k3]", "[]", "tenant `globex`: it has no key"),
        ("[k3]", "[k1 k2]", "tenant `globex`: one of its keys is blank, or has blanks"),
        ("[k3]", "[boss]", "tenant `globex`: it has the key of `admin`"),
        ("[k1, k2]", "[k1, k1]", "tenant `acme`: one of its keys stands twice"),
        ("boss", "''", "the secret of `admin` is blank"),
        ("[chat]", "[chit]", "there is no model `chit`: did you mean `chat`?"),
        ("10 USD", "10", "write one such as `10 USD`"),
        ("gpt: { input", "gtp: { input", "the model `chat` has no price: add `gpt` to `prices`"),
        ("minute: 60", "minute: 0", "write a number from 1 to 1000000"),
        ("minute: 60", "minute: 60, at_once: 0", "write a number from 1 on"),
        ("keys: [k3]", "keys: [k3], budget_per: 2s", "there is no `budget` that could be fresh again"),
        ("keys: [k3]", "kays: [k3]", "unknown key `kays`: did you mean `keys`?"),
        ("keys: [k3]", "keys: [{ a: tops3cret }]", "not a key: write it as a text in quotes"),
        ("keys: [k3]", "keys: tops3cret", "router.yaml:"),
        ("keys: [k3]", "keys: [tops3cret, 'tops3cret', budget: 1", "router.yaml:"),
        ("keys: [k3]", "requests_per_minute: x, keys: [tops3cret]", "router.yaml:"),
        ("globex: { keys: [k3] }", "globex: { keys: [tops3cret], more: 1 }", "unknown key `more`"),
        ("globex: { keys: [k3] }", "globex:\n    keys:\n      - [tops3cret]", "router.yaml:"),
        ("globex: { keys: [k3] }", "globex:\n    keys:\n      - tops3cret: x", "router.yaml:"),
    ];
    for (from, to, expected) in cases {
        let error = load(&paid().replace(from, to), &HOST).unwrap_err();
        assert!(error.contains(expected), "{to}: {error}");
        assert!(!error.contains("tops3cret") && !error.contains("boss"), "{to}: {error}");
    }
    let empty = load(&(provider("") + "tenants: {}\n"), &HOST).unwrap_err();
    assert!(empty.contains("`tenants` is empty"), "{empty}");
}

#[test]
fn a_model_says_how_its_exchanges_go() {
    let text = provider(", keys: [{ name: a, secret: x, weight: 3 }]").replace(
        "chat: { provider: openai }",
        "chat: { provider: openai, strategy: in_order, retries: 0, backoff: { base: 50ms, max: 1s, jitter: false }, \
         timeout: 9s, timeouts: { head: 1s, idle: 3s }, cooldown: { lasts: 2s, failures: 3, probes: 2 }, fallbacks: [spare] }\n  spare: { provider: openai }",
    );
    let settings = load(&text, &HOST).unwrap();
    let chat = &settings.models["chat"];
    assert_eq!(chat.fallbacks, ["spare"]);
    assert_eq!((chat.exchange.strategy, chat.exchange.retries), (Strategy::InOrder, 0));
    assert_eq!((chat.exchange.backoff.base.as_millis(), chat.exchange.backoff.jitter), (50, false));
    let patience = chat.patience;
    let seconds = [patience.head, patience.first_content, patience.idle].map(|patience| patience.as_secs());
    assert_eq!(seconds, [1, 9, 3]);
    let cooldown = chat.exchange.cooldown;
    assert_eq!((cooldown.lasts.unwrap().as_secs(), cooldown.failures, cooldown.probes), (2, Some(3), 2));
    assert_eq!(settings.providers[0].keys[0].weight(), 3);
    assert_eq!(settings.models["spare"].exchange.cooldown.probes, 1);
}

#[test]
fn a_model_that_cannot_work_is_refused_at_its_place() {
    let cases = [
        ("fallbacks: [nope]", "there is no model `nope`"),
        ("fallbacks: [chat]", "falls back to itself"),
        ("cooldown: { probes: 0 }", "write a number from 1 on"),
        ("cooldown: { failures: 0 }", "write a number from 1 on"),
        ("backoff: { bas: 1s }", "did you mean `base`?"),
        ("limits: [{ per: 1s }]", "a limit needs `requests` or `tokens`"),
        ("limits: [{ requests: 0, per: 1s }]", "a limit needs `requests` or `tokens`"),
        ("headroom: 0.8", "write one such as `80%`"),
        ("strategy: wheighted", "did you mean `weighted`?"),
        ("retries: 101", "at most 100 retries"),
    ];
    for (setting, expected) in cases {
        let text = provider("").replace("provider: openai }", &format!("provider: openai, {setting} }}"));
        let error = load(&text, &HOST).unwrap_err();
        assert!(error.starts_with("router.yaml:4:") && error.contains(expected), "{error}");
    }
    let error = load(&provider(", keys: [{ name: a, secret: tops3cret, weight: 0 }]"), &HOST).unwrap_err();
    assert!(error.contains("from 1 to 1000") && !error.contains("tops3cret"), "{error}");
}

#[test]
fn what_clients_may_send_is_bounded_by_default_and_as_the_settings_say() {
    let with = |more: &str| load(&format!("{}{more}\n", provider("")), &HOST);
    assert_eq!(with("").unwrap().requests, RequestLimits::default());
    let set =
        "max_request: 5\nrequests: { max_head: 2048, max_headers: 20, head_within: 1s, body_within: 2m }";
    let expected = RequestLimits {
        body: 5,
        head: 2_048,
        headers: 20,
        head_within: Duration::from_secs(1),
        body_within: Duration::from_secs(120),
    };
    assert_eq!(with(set).unwrap().requests, expected);
    let beyond = with("max_request: 99999999999").unwrap().requests;
    assert_eq!(beyond.body, RequestLimits::default().body, "no settings make bodies larger than they can be");
    for (wrong, said) in [
        ("requests: { max_head: 10 }", "`max_head` goes from 1024 to 1048576"),
        ("requests: { max_headers: 0 }", "`max_headers` goes from 1 to 1000"),
        ("requests: { head_within: 5 }", "not a duration"),
        ("requests: { max_heads: 5 }", "did you mean `max_head`?"),
    ] {
        let error = with(wrong).unwrap_err();
        assert!(error.starts_with("router.yaml:") && error.contains(said), "{error}");
    }
}

#[test]
fn a_budget_needs_the_prices_of_fallbacks_as_well() {
    let text = paid().replace(
        "model: gpt }",
        "model: gpt, fallbacks: [spare] }\n  spare: { provider: openai, model: other }",
    );
    let error = load(&text, &HOST).unwrap_err();
    assert!(error.contains("the model `spare` has no price: add `other`"), "{error}");
}

#[test]
fn a_model_is_served_by_one_provider_or_by_several() {
    let with = |entry: &str| load(&provider("").replace("provider: openai }", &format!("{entry} }}")), &HOST);
    let settings = with(
        "model: gpt, pools: [{ provider: openai, priority: 2 }, { provider: openai, model: other, weight: 3 }]",
    );
    let settings = settings.unwrap();
    let targets: Vec<_> = settings.models["chat"]
        .targets
        .iter()
        .map(|target| (target.upstream_name.as_str(), target.weight, target.priority))
        .collect();
    assert_eq!(targets, [("other", 3, 0), ("gpt", 1, 2)]);
    let cases = [
        ("retries: 1", "needs one way to be served"),
        ("pools: []", "needs one way to be served"),
        ("provider: openai, pools: [{ provider: openai }]", "needs one way to be served"),
        ("pools: [{ provider: opnai }]", "did you mean `openai`?"),
        ("pools: [{ provider: openai, weight: 0 }]", "from 1 to 1000"),
    ];
    for (entry, expected) in cases {
        let error = with(entry).unwrap_err();
        assert!(error.contains(expected), "{entry}: {error}");
    }
}

#[test]
fn a_provider_wants_keys_or_none_and_not_both() {
    let none = load(&provider(", keyless: true"), &HOST).unwrap();
    assert_eq!(key_names(&none), ["none"]);
    assert!(none.providers[0].keys[0].credential().is_none());
    assert!(load(&provider(", keyless: true, keys: []"), &HOST).is_ok());
    for keys in [", keyless: true, keys: [{ name: a, secret: s }]", ", keyless: true, discover: K"] {
        let error = load(&provider(keys), &HOST).unwrap_err();
        assert!(error.contains("take out `keys` and `discover`"), "{error}");
    }
}

const SERVICES: &str = "apis:
  fyers: { base_url: 'http://h:1', keys: [{ name: k, secret: tops3cret }], limits: [{ requests: 10, per: 1s }] }
  upstox: { base_url: 'http://h:2', enabled: false }
services:
  all: { path: /market, pools: [{ api: upstox, priority: 2 }, { api: fyers, priority: 1 }] }
  quotes: { path: /market/quotes, pools: [{ api: fyers }], rules: [{ method: get, pools: [fyers] }] }
";

#[test]
fn services_and_their_apis_are_read() {
    let settings = load(SERVICES, &HOST).unwrap();
    let [quotes, all] = &settings.services[..] else { panic!("{:?}", settings.services) };
    // The longer path is looked at first.
    assert_eq!((quotes.path.as_str(), all.path.as_str()), ("/market/quotes", "/market"));
    assert_eq!(all.pools.iter().map(|pool| pool.api).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((all.headroom, all.queue.max, all.predicts), (800_000, 1_000, true));
    assert_eq!(quotes.rules[0].method, Some(http::Method::GET));
    assert_eq!((settings.apis[0].is_enabled, settings.apis[1].is_enabled), (true, false));
    assert_eq!((settings.apis[0].limits[0].requests, settings.apis[1].keys[0].name()), (Some(10), "none"));
    let shown = shown(&settings);
    assert_eq!(shown["services"]["all"]["pools"][0]["api"], "fyers");
    assert!(!shown.to_string().contains("tops3cret"));
}

#[test]
fn services_that_cannot_work_are_refused_with_what_to_do() {
    let cases = [
        ("{ api: fyers }]", "{ api: fyer }]", "there is no API `fyer`: did you mean `fyers`?"),
        ("{ api: fyers }]", "{ api: fyers }, { api: fyers }]", "`fyers` stands here twice"),
        ("pools: [{ api: fyers }]", "pools: []", "service `quotes` needs from 1 to 100 `pools`"),
        ("path: /market,", "path: /admin,", "the router's own paths are `/v1`"),
        ("path: /market,", "path: /,", "the router's own paths are `/v1`"),
        ("path: /market,", "path: market,", "not a path: write one such as `/orders`"),
        ("path: /market,", "path: /market/quotes/,", "the service `all` has this path already"),
        ("pools: [fyers]", "pools: [upstox]", "`upstox` is none of the `pools` of this service"),
        ("pools: [fyers]", "pools: []", "a rule needs `pools` with at least one API"),
        ("requests: 10", "tokens: 10", "an API is limited by requests"),
        ("enabled: false", "credential: { header: 'a b' }", "not the name of a header"),
        ("enabled: false", "enabeld: false", "unknown key `enabeld`: did you mean `enabled`?"),
        ("enabled: false", "lookups: [{ path: /orders, ask: /orders }]", "it names no field of the request"),
        (
            "enabled: false",
            "lookups: [{ path: orders, ask: '/orders/{id}' }]",
            "not a path: write one such as `/orders`",
        ),
        (
            "enabled: false",
            "lookups: [{ path: /orders, ask: '/orders/{id}', method: 'a b' }]",
            "not a method",
        ),
        ("'http://h:2'", "'https://h:2', ca: /no/such.pem", "the file `/no/such.pem` cannot be used"),
    ];
    for (from, to, expected) in cases {
        assert!(SERVICES.contains(from), "{from}");
        let error = load(&SERVICES.replace(from, to), &HOST).unwrap_err();
        assert!(error.contains(expected), "{to}\n{error}");
        assert!(!error.contains("tops3cret"), "{error}");
    }
}
