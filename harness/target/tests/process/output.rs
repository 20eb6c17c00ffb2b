//! What reaches a target, and what comes out of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use annotate_snippets::Renderer;
use scenario::Document;
use stormproof_target::StartError;

use crate::world::{World, topology_of};

const LISTENING: &str = "{ line: 'listening on ', within: 20s }";
const SLEEPS: &str = "echo listening on 127.0.0.1:1\nexec sleep 1000\n";

pub(crate) async fn the_environment_holds_nothing_but_what_the_profile_names() {
    assert!(std::env::vars().count() > 4, "the environment of the test is empty itself");
    let world = World::new();
    let profile = world.profile(&format!(
        "start:\n  process:\n    command: [env]\n    env: {{ COLOUR: \"at {{{{ port }}}}\" }}\n  ready: {LISTENING}\n"
    ));
    let error = world.start(&profile).await.err().expect("`env` ends at once");
    let mut names: Vec<&str> =
        error.log().iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["COLOUR", "HOME", "LANG", "PATH"]);
    let home = format!("HOME={}", world.folder.join("target").display());
    assert!(error.log().contains(&home), "{error}");
    let port = error.log().iter().find_map(|line| line.strip_prefix("COLOUR=at ")).unwrap();
    assert!(port.parse::<u16>().unwrap() >= 1024, "{port}");
}

pub(crate) async fn the_world_s_variables_are_in_the_environment_and_their_keys_nowhere_else() {
    let mut world = World::new();
    let keys = "{ first: { variable: KEY_1, padding: newline }, blank: { variable: KEY_2, padding: empty }, \
                twin: { variable: KEY_3, same_as: first }, told: {} }";
    let settings = "router: { environment: { FURTHER: more, COLOUR: red } }";
    world.topology =
        topology_of(&format!("upstreams: {{ openai: {{ dialect: openai, keys: {keys} }} }}\n{settings}"), "");
    let template = "{% for key in keys %}{{ key.label }}{% endfor %} \
                    {% for key in upstreams[0].keys %}{{ key.label }}{% endfor %} {{ upstreams[0].discovers | join(' ') }}";
    fs::write(world.folder.join("keys.j2"), template).unwrap();
    let script = "for name in KEY_1 KEY_2 KEY_3 FURTHER COLOUR; do printenv $name | od -An -c | tr -d ' '; done > seen\n";
    let profile = world.script(&format!("{script}{SLEEPS}"), LISTENING, "  files: { keys: keys.j2 }\n");
    let own = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, own.replace("process: {", "process: { env: { COLOUR: blue },")).unwrap();
    let target = world.start(&profile).await.unwrap();
    let read = |name: &str| fs::read_to_string(world.folder.join("target").join(name)).unwrap();
    assert_eq!(read("keys"), "told told KEY_1 KEY_2 KEY_3");
    let seen = read("seen").replace('\n', "");
    let first = "sk-storm-first-0123456789";
    assert_eq!(seen, format!("{first}\\n\\n\\n{first}\\nmore\\nred\\n"));
    target.stop().await;
}

pub(crate) async fn no_key_is_in_the_log_or_in_an_error() {
    let world = World::new();
    let script = "cat \"$HOME/keys\"; cat \"$HOME/keys\" >&2; exit 1\n";
    fs::write(
        world.folder.join("keys.j2"),
        "{% for key in upstreams[0].keys %}using {{ key.secret }}!\n{% endfor %}admin {{ admin_key }}\n",
    )
    .unwrap();
    let profile = world.script(script, LISTENING, "  files: { keys: keys.j2 }\n");
    let error = world.start(&profile).await.err().expect("it ends at once");
    let written = fs::read_to_string(world.folder.join("target/keys")).unwrap();
    assert!(written.contains("using sk-storm-first-0123456789!"), "{written}");
    let mut lines = world.lines();
    lines.sort();
    lines.dedup();
    assert_eq!(lines, ["admin <key admin>", "using <key first>!", "using <key second>!"]);
    assert!(!format!("{error} {error:?}").contains("sk-"), "{error}");
}

pub(crate) async fn a_target_may_print_as_much_as_it_likes() {
    let world = World::new();
    let script =
        format!("head -c 3000000 /dev/zero | tr '\\0' x\necho\nseq 1 50000\nprintf '\\377\\n'\n{SLEEPS}");
    let target = world.start(&world.script(&script, LISTENING, "")).await.unwrap();
    let lines = world.lines();
    assert_eq!(lines.len(), 1 + 50_000 + 2);
    assert!(lines[0].starts_with("xxx") && lines[0].len() < 5_000, "{}", lines[0].len());
    assert_eq!(lines[50_000], "50000");
    assert_eq!(lines[50_001], "\u{fffd}");
    let tail = target.log_tail();
    assert_eq!(tail.len(), 100);
    assert_eq!(tail.last().unwrap(), "listening on 127.0.0.1:1");
    target.stop().await;
}

pub(crate) async fn a_configuration_is_rendered_from_the_world_for_the_target_alone() {
    let world = World::new();
    let template = "\
{% for upstream in upstreams %}
{{ upstream.name | tojson }}: {{ upstream.dialect }} at {{ upstream.base_url }}
{% for key in upstream.keys %}
  {{ key.label }} = {{ key.secret }}
{% endfor %}
{% endfor %}
{% for model in models %}
{{ model.name }}: {{ model.model }} of {{ model.pool }}, {{ model.retries | tojson }}, {{ model.timeout_ms }}
{% endfor %}
";
    fs::write(world.folder.join("config.j2"), template).unwrap();
    let more = "  files: { etc/config: config.j2 }\n";
    let target = world.start(&world.script(SLEEPS, LISTENING, more)).await.unwrap();
    let path = world.folder.join("target/etc/config");
    let expected = "\
\"openai\": openai at http://127.0.0.1:9/v1
  first = sk-storm-first-0123456789
  second = sk-storm-second-0123456789
chat: gpt-4o-mini of openai, null, 30000
";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    target.stop().await;
}

const ROUTER_CONFIG: &str = "\
listen: 127.0.0.1:0
admin: { secret: \"sk-storm-admin-0123456789\" }
ledger: { prompt_end: 200 }
health: { every: 1500ms }
providers:
  \"openai\":
    dialect: openai
    base_url: \"http://127.0.0.1:9/v1\"
    keys:
      - { name: \"first\", secret: \"sk-storm-first-0123456789\", weight: 3 }
      - { name: \"second\", secret: \"sk-storm-second-0123456789\" }
  \"found\":
    dialect: openai
    base_url: \"http://127.0.0.1:9/v1\"
    discover: \"FOUND_KEY\"
models:
  \"chat\":
    provider: \"openai\"
    model: \"gpt-4o-mini\"
    strategy: in_order
    fallbacks: [\"a \\\"b\\\": c\"]
    backoff: { base: 50ms, max: 1000ms, jitter: true }
    cooldown:
      lasts: 2000ms
      probes: 1
    timeout: 30000ms
    timeouts:
      first_content: 2500ms
  \"a \\\"b\\\": c\":
    provider: \"openai\"
    model: \"gpt-4o\"
    retries: 0
prices:
  \"gpt-4o\":
    input: 3000000
    cache_read: 300000
    output: 15000000
    reasoning: 60000000
tenants:
  \"acme\":
    keys: [\"sk-storm-acme-0123456789\"]
    budget: 10.000005 USD
    budget_per: 2000ms
    at_once: 3
    models: [\"chat\"]
    requests_per_minute: 20
  \"globex\":
    keys: [\"sk-storm-globex-0123456789\"]
    expired: true
";

pub(crate) async fn the_bundled_router_s_configuration_says_what_the_world_says() {
    let mut world = World::new();
    world.topology = topology_of(
        r#"
upstreams:
  openai: { dialect: openai, keys: { first: { weight: 3 }, second: {} } }
  found: { dialect: openai, keys: { two: { variable: FOUND_KEY_2 }, one: { variable: FOUND_KEY } } }
router:
  health: { every: 1500ms }
  models:
    chat:
      pool: openai
      model: gpt-4o-mini
      strategy: in_order
      fallbacks: ['a "b": c']
      backoff: { base: 50ms, max: 1s }
      cooldown: { lasts: 2s, probes: 1 }
      timeout: 30s
      timeouts: { first_content: 2.5s }
    'a "b": c': { pool: openai, model: gpt-4o, retries: 0, cooldown: {} }
tenants:
  acme: { budget: 10.000005 USD, budget_per: 2s, at_once: 3, models: [chat], limits: [{ requests: 20, per: 1m }] }
  globex: { expired: true }
prices:
  version: "1"
  models: { gpt-4o: { input: 3 USD per 1M, cache_read: 0.3 USD per 1M, output: 15 USD per 1M, reasoning: 60 USD per 1M } }
"#,
        "http://127.0.0.1:9/v1",
    );
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/targets/router/config.yaml.j2");
    let more = format!("  files: {{ config.yaml: {} }}\n", template.display());
    let profile = world.script(SLEEPS, LISTENING, &more);
    let path = world.folder.join("target/config.yaml");
    let target = world.start(&profile).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), ROUTER_CONFIG);
    let read = Document::read(&path).unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())));
    assert!(read.root.get("models").is_some_and(|models| models.get("a \"b\": c").is_some()));
    target.stop().await;
    world.topology = topology_of("upstreams: {}", "");
    let target = world.start(&profile).await.unwrap();
    let least = fs::read_to_string(&path).unwrap();
    assert!(least.ends_with("\nproviders:\n  {}\nmodels:\n  {}\n"), "{least}");
    target.stop().await;
}

pub(crate) async fn a_template_that_cannot_be_rendered_is_told_with_file_and_line() {
    let world = World::new();
    fs::write(world.folder.join("config.j2"), "first\n{{ upstreams[0].adress }}\n").unwrap();
    let profile = world.script(SLEEPS, LISTENING, "  files: { config: config.j2 }\n");
    let error = world.start(&profile).await.err().expect("no such attribute");
    assert!(matches!(error, StartError::Template(_)), "{error}");
    let told = error.to_string();
    assert!(told.contains("config.j2`, line 2") && told.contains("`{{ upstreams[0].adress }}`"), "{told}");
    let start = "start:\n  process: { command: [sh, \"{{ models[7].name }}\"] }\n  ready: { get: / }\n";
    let told = world.start(&world.profile(start)).await.err().expect("no such model").to_string();
    assert!(told.contains("profile.yaml`, line 5, column 28"), "{told}");
}
