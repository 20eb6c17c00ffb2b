//! What of a world a profile's templates carry out, and what they leave to nobody.

use std::fs;
use std::path::{Path, PathBuf};

use annotate_snippets::Renderer;
use dialect::Surface;
use record::{Counting, MoneyUnit};
use scenario::{Capability, Dialect, Document, Endpoint, Operation, Read, Source, World};
use stormproof_target::{Profile, WithoutFallbacks};

fn read(path: &Path) -> Profile {
    Profile::read(path).unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())))
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn router() -> Profile {
    read(&here("../../fixtures/targets/router.yaml"))
}

fn plain() -> Profile {
    read(&here("../../fixtures/targets/plain.yaml"))
}

fn litellm() -> Profile {
    read(&here("tests/profiles/litellm.yaml"))
}

/// A world as it stands in a scenario.
fn world(name: &str, text: &str) -> World {
    let path = std::env::temp_dir().join(format!("stormproof-settings-{}-{name}.yaml", std::process::id()));
    fs::write(&path, text).expect("a writable folder");
    let document = Document::read(&path);
    fs::remove_file(&path).expect("the file is there");
    let document = document.unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())));
    let mut problems = Vec::new();
    let read = World::read(&document.root, &mut problems);
    assert!(problems.is_empty(), "{}", document.sources.draw(&problems, &Renderer::plain()));
    read.expect("a world")
}

/// A world whose one model has these settings besides its pool.
fn with_model(name: &str, settings: &str) -> World {
    let upstreams =
        "upstreams: { openai: { dialect: openai, keys: 2 }, other: { dialect: openai, keys: 1 } }";
    world(
        name,
        &format!(
            "{upstreams}\nrouter: {{ models: {{ chat: {{ {settings} }}, spare: {{ pool: other }} }} }}\n"
        ),
    )
}

#[test]
fn the_router_s_profile_carries_out_all_that_the_router_has() {
    let all = "
upstreams:
  openai: { dialect: openai, keys: { first: { weight: 3 }, second: { padding: blanks } } }
  anthropic: { dialect: anthropic, keys: 2 }
  found: { dialect: openai, keys: { one: { variable: FOUND_2, padding: newline }, two: { variable: FOUND, padding: empty } } }
  lost: { dialect: openai, address: unknown_host }
  shop: { dialect: http }
router:
  instances: 2
  shared: true
  health: { every: 1s }
  environment: { FOUND_3: more }
  models:
    chat:
      pool: openai
      model: gpt-example
      strategy: weighted
      fallbacks: [sonnet]
      retries: 2
      backoff: { base: 50ms, max: 1s, jitter: false }
      cooldown: { failures: 3, lasts: 2s, probes: 1 }
      timeout: 5s
      timeouts: { connect: 500ms, head: 2s, first_content: 2s, idle: 1s }
      sticky: session
      queue: { max: 5, wait: 1s }
      limits: [{ requests: 5, per: 1s }, { tokens: 900, per: 1m }]
      headroom: 80%
      prediction: true
    sonnet: { pools: [{ pool: anthropic, model: claude-example }], strategy: in_order }
    several: { pools: [{ pool: openai, weight: 3, priority: 1 }, { pool: found, model: other }], strategy: least_busy }
tenants:
  acme: { budget: 10.5 USD, budget_per: 2s, at_once: 3, expired: true, models: [chat], limits: [{ requests: 20, per: 1m }] }
  globex: {}
prices:
  version: \"1\"
  models: { gpt-example: { input: 3 USD per 1M, cache_read: 0.3 USD per 1M, cache_write: 4 USD per 1M, output: 15 USD per 1M, reasoning: 60 USD per 1M } }
";
    assert_eq!(router().unrendered(&world("all", &all.replace("  shared: true\n", ""))), [""; 0]);
    // What was used of a limit is each instance's own.
    assert_eq!(router().unrendered(&world("all-shared", all)), ["router.models.chat.limits"]);
}

#[test]
fn what_the_router_does_not_have_is_told_in_the_language_s_words() {
    let router = router();
    for (name, settings, told) in [
        ("many", "router: { instances: 9 }", "router.instances"),
        (
            "apiece",
            "router: { instances: 2, shared: true }\ntenants: { acme: { limits: [{ requests: 5, per: 1m }] } }",
            "tenants.acme.limits",
        ),
        (
            "service",
            "router: { services: { shop: { path: /shop, pools: [], strategy: lowest_latency } } }",
            "router.services.shop.strategy",
        ),
        (
            "second",
            "tenants: { acme: { limits: [{ requests: 5, per: 1s }] } }",
            "tenants.acme.limits[1].requests",
        ),
        (
            "tokens",
            "tenants: { acme: { limits: [{ requests: 5, tokens: 9, per: 1m }] } }",
            "tenants.acme.limits[1].tokens",
        ),
        (
            "both",
            "upstreams: { u: { dialect: openai, keys: { a: { variable: K }, b: {} } } }",
            "upstreams.u.keys",
        ),
        (
            "apart",
            "upstreams: { u: { dialect: openai, keys: { a: { variable: K_1 }, b: { variable: L } } } }",
            "upstreams.u.keys.variable",
        ),
        (
            "weighted",
            "upstreams: { u: { dialect: openai, keys: { a: { variable: K, weight: 2 } } } }",
            "upstreams.u.keys.a.weight",
        ),
        ("endless", "tenants: { acme: { budget_per: 2s } }", "tenants.acme.budget_per"),
    ] {
        let upstreams = if settings.starts_with("upstreams") { "" } else { "upstreams: {}\n" };
        let world = world(name, &format!("{upstreams}{settings}\n"));
        assert_eq!(router.unrendered(&world), [told], "{settings}");
    }
}

#[test]
fn the_router_s_profile_says_what_is_read_and_where() {
    let router = router();
    assert!(router.reads_ledger() && router.reads_metrics());
    for claim in [
        Capability::Fallback,
        Capability::Tenants,
        Capability::Ledger,
        Capability::Metrics,
        Capability::SharedState,
    ] {
        assert!(router.claims(claim), "{}", claim.word());
    }
    let unshared = world("unshared", "upstreams: {}\nrouter: { instances: 1, shared: true }\n");
    assert_eq!(
        (router.unrendered(&unshared), plain().unrendered(&unshared)),
        (vec![], vec!["router.shared".to_owned()])
    );
    assert_eq!(router.path(Endpoint::Metrics), Some("/metrics"));
    assert_eq!(router.path(Endpoint::Liveness), Some("/health/liveness"));
    assert_eq!(router.path(Endpoint::Readiness), Some("/health/readiness"));
    let told = router.told_headers();
    assert_eq!(told.served_by.as_deref(), Some("x-router-provider"));
    assert_eq!(told.attempts, Some(("x-router-attempts".to_owned(), Counting::Attempts)));
    assert_eq!(told.cost, Some(("x-router-cost".to_owned(), MoneyUnit::Usd)));
    assert_eq!(told.request_id.as_deref(), Some("x-request-id"));
    assert_eq!(router.without_fallbacks(), Some(WithoutFallbacks::Header("x-router-no-fallbacks", "true")));
    assert_eq!(router.path(Endpoint::Keys), Some("/admin/keys"));
    assert_eq!(router.path(Endpoint::Config), Some("/admin/config"));
    assert_eq!(router.path(Endpoint::Status), Some("/admin/status"));
    for operation in [Operation::Reload, Operation::DisableKey, Operation::EnableKey] {
        assert!(router.can(operation) && !plain().can(operation), "{}", operation.word());
    }
}

#[test]
fn a_profile_s_own_path_is_that_of_chats_in_its_first_dialect() {
    let sound = include_str!("profiles/litellm.yaml");
    let text = sound.replace("models: /v1/models }", "models: /v1/models, chat: /proxy/chat }");
    let document = Document::of(Source { name: "any.yaml".to_owned(), text }).expect("YAML");
    let read = Profile::read_document(document, Path::new("/nowhere"), |_| Ok(String::new()));
    let profile = read.expect("a sound profile");
    for (dialect, surface, path) in [
        (Dialect::Openai, Surface::Chat, "/proxy/chat"),
        (Dialect::Openai, Surface::Embeddings, "/v1/embeddings"),
        (Dialect::Anthropic, Surface::Chat, "/v1/messages"),
        (Dialect::Gemini, Surface::Chat, "/v1beta/models/fast:streamGenerateContent?alt=sse"),
    ] {
        assert_eq!(profile.request_path(dialect, surface, "fast", true), path);
    }
    assert_eq!(litellm().request_path(Dialect::Openai, Surface::Chat, "fast", true), "/v1/chat/completions");
}

#[test]
fn a_header_is_made_for_a_tenant_for_nobody_and_for_the_operator() {
    let header = |value: &str| Some(("authorization".to_owned(), value.to_owned()));
    for profile in [router(), litellm()] {
        assert_eq!(profile.authorization_for(Some("sk-acme"), "sk-op"), header("Bearer sk-acme"));
        assert_eq!(profile.authorization_for(None, "sk-op"), header("Bearer sk-op"));
        assert_eq!(profile.admin_authorization("sk-op"), header("Bearer sk-op"));
        let credentials = profile.credentials_for("sk-acme", "sk-op");
        let credentials: Vec<_> =
            credentials.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(credentials[..2], ["authorization: Bearer sk-acme", "x-api-key: sk-acme"]);
    }
    let gemini = router().credentials_for("sk-acme", "sk-op").pop();
    assert_eq!(gemini, Some(("x-goog-api-key".to_owned(), "sk-acme".to_owned())));
    let open_to_all = read(&here("../../fixtures/targets/broken/never-starts.yaml"));
    assert_eq!(open_to_all.authorization_for(Some("sk-acme"), "sk-op"), None);
    assert_eq!(open_to_all.admin_authorization("sk-op"), None);
}

#[test]
fn a_profile_of_a_stranger_is_read_as_it_is_documented() {
    let litellm = litellm();
    assert!(litellm.is_shared() && !litellm.reads_ledger() && !litellm.reads_metrics());
    let told = litellm.told_headers();
    assert_eq!(told.cost, Some(("x-litellm-response-cost".to_owned(), MoneyUnit::Usd)));
    assert_eq!(told.served_by.as_deref(), Some("x-litellm-model-id"));
    assert_eq!(litellm.known_failures().len(), 1);
    assert_eq!(
        litellm.unrendered(&with_model("stranger", "pool: openai, fallbacks: [spare], retries: 2")),
        [""; 0]
    );
    let asked = with_model("stranger cooldown", "pool: openai, cooldown: { lasts: 2s }");
    assert_eq!(litellm.unrendered(&asked), ["router.models.chat.cooldown"]);
}

#[test]
fn scenarios_share_a_stranger_unless_they_differ_in_what_is_the_whole_process_s() {
    let litellm = litellm();
    let (two, three) =
        (with_model("two", "pool: openai, retries: 2"), with_model("three", "pool: openai, retries: 3"));
    let unset = with_model("unset", "pool: other, fallbacks: [spare]");
    let again = with_model("two again", "pool: other, fallbacks: [spare], retries: 2");
    assert_eq!(
        litellm.demands(&two),
        litellm.demands(&again),
        "what is set for a model alone is nobody else's business"
    );
    assert_ne!(litellm.demands(&two), litellm.demands(&three));
    assert_ne!(litellm.demands(&two), litellm.demands(&unset), "the target's own choice is none of two");
}

#[test]
fn the_plain_router_s_profile_tells_what_it_leaves_out() {
    let plain = plain();
    let has = "pool: openai, timeout: 5s, timeouts: { idle: 1s }, retries: 3, backoff: { base: 5ms, max: 1s }, \
               cooldown: { failures: 3, lasts: 2s, probes: 1 }, strategy: least_busy, fallbacks: [spare]";
    assert_eq!(plain.unrendered(&with_model("plain", has)), [""; 0]);
    for (name, settings, told) in [
        ("sticky", "sticky: session", "router.models.chat.sticky"),
        ("fast", "strategy: lowest_latency", "router.models.chat.strategy"),
        ("probes", "cooldown: { probes: 2 }", "router.models.chat.cooldown.probes"),
    ] {
        let world = with_model(&format!("plain {name}"), &format!("pool: openai, {settings}"));
        assert_eq!(plain.unrendered(&world), [told], "{settings}");
    }
    let azure =
        "upstreams: { azure: { dialect: azure, keys: 1 } }\nrouter: { models: { chat: { pool: azure } } }\n";
    assert_eq!(plain.unrendered(&world("plain azure", azure)), ["upstreams.azure.dialect"]);
}

#[test]
fn what_no_template_reads_of_keys_checks_tenants_and_prices_is_told() {
    let plain = plain();
    for (name, settings, told) in [
        (
            "found",
            "upstreams: { openai: { dialect: openai, keys: { first: { variable: KEY_1, weight: 2, padding: empty }, other: {} } } }",
            vec!["upstreams.openai.keys.first.variable", "upstreams.openai.keys.first.weight"],
        ),
        ("checks", "router: { health: { every: 1s } }", vec!["router.health"]),
        ("budget", "tenants: { acme: { budget: 1 USD } }", vec!["tenants.acme.budget"]),
        ("live", "tenants: { acme: { expired: false } }", vec![]),
        // The harness itself puts it there.
        ("further", "router: { environment: { ODD: x }, must_start: false }", vec![]),
    ] {
        let upstreams = if settings.starts_with("upstreams") { "" } else { "upstreams: {}\n" };
        assert_eq!(plain.unrendered(&world(name, &format!("{upstreams}{settings}\n"))), told, "{settings}");
    }
    let prices = "upstreams: {}\nprices: { version: '1', models: { m: { input: 1 USD per 1M, output: 2 USD per 1M, reasoning: 3 USD per 1M } } }\n";
    let text = "target: t\ndescribes: d\nspeaks: [openai]\nstart: { process: { command: [t] }, files: { f: f.j2 }, ready: { get: /h } }\n";
    let document = Document::of(Source { name: "any.yaml".to_owned(), text: text.to_owned() }).expect("YAML");
    let template = "{% for m in prices.models %}{{ m.input }} {{ m.output }}{% endfor %}\n";
    let profile = Profile::read_document(document, Path::new("/nowhere"), |_| Ok(template.to_owned()));
    let profile = profile.expect("a sound profile");
    assert_eq!(profile.unrendered(&world("reasoning", prices)), ["prices.models.m.reasoning"]);
}

#[test]
fn a_profile_is_read_from_its_text_without_its_files() {
    let document = |text: &str| Document::of(Source { name: "any.yaml".to_owned(), text: text.to_owned() });
    let sound = include_str!("profiles/litellm.yaml");
    let mut asked = Vec::new();
    let read = Profile::read_document(document(sound).expect("YAML"), Path::new("/nowhere"), |template| {
        asked.push(template.to_owned());
        Ok("port: {{ port }}\n".to_owned())
    });
    assert_eq!(read.expect("a sound profile").name(), "litellm");
    assert_eq!(asked, ["litellm/config.yaml.j2"]);
    let wrong = Profile::read_document(document(sound).expect("YAML"), Path::new("/nowhere"), |_| {
        Ok("port: {{ prot }}\n".to_owned())
    });
    let drawn = wrong.expect_err("a name that is not there").draw(&Renderer::plain());
    assert!(drawn.contains("config.yaml.j2:1:10") && drawn.contains("did you mean `port`?"), "{drawn}");
    for text in ["", "[", "target: [1, 2", "\u{0}", "start: { process: { command: [x] } }", "- a\n- b\n"] {
        let wrong = document(text).and_then(|document| {
            Profile::read_document(document, Path::new("/nowhere"), |_| Ok(String::new()))
        });
        let drawn = wrong.expect_err(text).draw(&Renderer::plain());
        assert!(drawn.contains("any.yaml:1:"), "{text}: {drawn}");
    }
}
