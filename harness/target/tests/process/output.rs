//! What reaches a target, and what comes out of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use annotate_snippets::Renderer;
use scenario::Document;
use stormproof_target::{ModelRoute, StartError, Topology};

use crate::world::World;

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
    let more = "  files: { etc/config: config.j2 }\nauthorization: { header: authorization, value: \"Bearer {{ admin_key }}\" }\n";
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
    let (header, value) = target.authorization().unwrap();
    assert_eq!(header, "authorization");
    assert!(value.starts_with("Bearer sk-admin-") && value.len() == "Bearer sk-admin-".len() + 32);
    target.stop().await;
}

const ROUTER_CONFIG: &str = "\
listen: 127.0.0.1:0
providers:
  \"openai\":
    dialect: openai
    base_url: \"http://127.0.0.1:9/v1\"
    keys:
      - { name: \"first\", secret: \"sk-storm-first-0123456789\" }
      - { name: \"second\", secret: \"sk-storm-second-0123456789\" }
models:
  \"chat\":
    provider: \"openai\"
    model: \"gpt-4o-mini\"
    timeout: 30000ms
  \"a \\\"b\\\": c\":
    provider: \"openai\"
    model: \"gpt-4o\"
    retries: 0
";

pub(crate) async fn the_bundled_router_s_configuration_says_what_the_world_says() {
    let mut world = World::new();
    world.topology.models.push(ModelRoute {
        name: "a \"b\": c".to_owned(),
        pool: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        retries: Some(0),
        timeout: None,
    });
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/targets/router/config.yaml.j2");
    let more = format!("  files: {{ config.yaml: {} }}\n", template.display());
    let profile = world.script(SLEEPS, LISTENING, &more);
    let path = world.folder.join("target/config.yaml");
    let target = world.start(&profile).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), ROUTER_CONFIG);
    let read = Document::read(&path).unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())));
    assert!(read.root.get("models").is_some_and(|models| models.get("a \"b\": c").is_some()));
    target.stop().await;
    world.topology = Topology::default();
    let target = world.start(&profile).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "listen: 127.0.0.1:0\nproviders:\n  {}\nmodels:\n  {}\n");
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
