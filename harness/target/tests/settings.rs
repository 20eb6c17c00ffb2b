//! What of a world a profile's templates carry out, and what they leave to nobody.

use std::fs;
use std::path::{Path, PathBuf};

use annotate_snippets::Renderer;
use scenario::{Capability, Dialect, Document, Endpoint, Read, Source, World};
use stormproof_target::Profile;

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
  shop: { dialect: http }
router:
  instances: 2
  shared: true
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
      timeouts: { head: 2s, first_content: 2s, idle: 1s }
      sticky: none
    sonnet: { pools: [{ pool: anthropic, model: claude-example }], strategy: in_order }
tenants:
  acme: { budget: 10.5 USD, models: [chat], limits: [{ requests: 20, per: 1m }] }
  globex: {}
prices:
  version: \"1\"
  models: { gpt-example: { input: 3 USD per 1M, cache_read: 0.3 USD per 1M, cache_write: 4 USD per 1M, output: 15 USD per 1M } }
";
    assert_eq!(router().unrendered(&world("all", all)), [""; 0]);
}

#[test]
fn what_the_router_does_not_have_is_told_in_the_language_s_words() {
    let router = router();
    for (name, settings, told) in [
        ("queue", "pool: openai, queue: { max: 5, wait: 1s }", "router.models.chat.queue"),
        (
            "connect",
            "pool: openai, timeouts: { connect: 1s, idle: 1s }",
            "router.models.chat.timeouts.connect",
        ),
        ("busy", "pool: openai, strategy: least_busy", "router.models.chat.strategy"),
        ("session", "pool: openai, sticky: session", "router.models.chat.sticky"),
        ("pools", "pools: [{ pool: openai }, { pool: other }]", "router.models.chat.pools"),
        ("headroom", "pool: openai, headroom: 80%", "router.models.chat.headroom"),
        ("use", "pool: openai, limits: [{ requests: 5, per: 1s }]", "router.models.chat.limits"),
    ] {
        assert_eq!(router.unrendered(&with_model(name, settings)), [told], "{settings}");
    }
    for (name, settings, told) in [
        ("many", "router: { instances: 9 }", "router.instances"),
        ("size", "router: { max_request: 1MiB }", "router.max_request"),
        ("once", "tenants: { acme: { at_once: 2 } }", "tenants.acme.at_once"),
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
        ("anew", "tenants: { acme: { budget: 1 USD, budget_per: 2s } }", "tenants.acme.budget_per"),
    ] {
        let world = world(name, &format!("upstreams: {{}}\n{settings}\n"));
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
    assert_eq!(router.chat_path_of(Dialect::Openai), "/v1/chat/completions");
    assert_eq!(router.chat_path_of(Dialect::Anthropic), "/v1/messages");
    let head = [("X-Router-Provider".to_owned(), "openai".to_owned())];
    assert_eq!(router.served_by(&head), Some("openai"));
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
        assert_eq!(credentials, ["authorization: Bearer sk-acme", "x-api-key: sk-acme"]);
    }
    assert_eq!(plain().authorization_for(Some("sk-acme"), "sk-op"), None);
    assert_eq!(plain().admin_authorization("sk-op"), None);
}

#[test]
fn a_profile_of_a_stranger_is_read_as_it_is_documented() {
    let litellm = litellm();
    assert!(litellm.is_shared() && !litellm.reads_ledger() && !litellm.reads_metrics());
    let head = [("x-litellm-response-cost".to_owned(), "0.000123".to_owned())];
    assert_eq!(litellm.cost_micros(&head), Some(123));
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
    assert_eq!(litellm.differ([&two, &unset, &two]), None);
    let told = litellm.differ([&two, &unset, &three]).expect("they differ");
    assert!(told.contains("router.models.*.retries") && told.contains('2') && told.contains('3'), "{told}");
}

#[test]
fn the_plain_router_s_profile_tells_what_it_leaves_out() {
    let plain = plain();
    assert_eq!(plain.unrendered(&with_model("plain", "pool: openai, timeout: 5s")), [""; 0]);
    assert_eq!(
        plain.unrendered(&with_model("plain retries", "pool: openai, retries: 3")),
        ["router.models.chat.retries"]
    );
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
