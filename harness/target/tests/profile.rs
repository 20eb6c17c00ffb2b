//! Profiles from outside: the project's own are sound, and every mistake is told where it stands.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use annotate_snippets::Renderer;
use dialect::{Dialect, Surface};
use record::{Counting, MoneyUnit, ToldHeaders};
use scenario::{Capability, Endpoint, Operation, parts_of, without_example};
use stormproof_target::{
    Bound, Confessed, Observation, Profile, StopSignal, WithoutFallbacks, profile_schema,
};

const SOUND: &str = "\
target: small
describes: A small target
start:
  process: { command: [small, --config, \"{{ dir }}/small.json\"] }
  files: { small.json: small.json.j2 }
  ready: { get: /health }
speaks: [openai]
";

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("stormproof-profile-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        Self(folder)
    }

    /// Reads a profile with the template that it names.
    fn read(&self, profile: &str, template: &str) -> Result<Profile, String> {
        let path = self.0.join("small.yaml");
        fs::write(&path, profile).expect("a writable folder");
        fs::write(self.0.join("small.json.j2"), template).expect("a writable folder");
        Profile::read(&path).map_err(|error| error.draw(&Renderer::plain()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("a folder of its own");
    }
}

fn own(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/targets").join(name);
    Profile::read(&path).unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())))
}

#[test]
fn the_project_s_own_profiles_are_sound() {
    let router = own("router.yaml");
    assert_eq!(router.name(), "router");
    assert!(router.claims(Capability::Cooldown) && !router.is_shared());
    assert_eq!(router.defects().unwrap().flag, "--defect");
    let path = router.request_path(Dialect::Openai, Surface::Chat, "chat", false);
    assert_eq!(path, "/v1/chat/completions");
    let plain = own("plain.yaml");
    assert!(plain.claims(Capability::Cooldown) && !plain.claims(Capability::Ledger));
    assert!(plain.defects().is_none());
    assert_eq!(plain.says.start.ready.observation(), Observation::Get("/alive", 200));
    for broken in ["broken/never-starts.yaml", "broken/dies-midway.yaml"] {
        assert!(own(broken).claims(Capability::KeyPool), "{broken}");
    }
}

#[test]
fn what_a_profile_leaves_out_has_its_documented_value() {
    let profile = Folder::new().read(SOUND, "{}").unwrap();
    assert_eq!(profile.says.start.stop.signal, StopSignal::Term);
    assert_eq!(profile.says.start.stop.within, Duration::from_secs(10));
    assert_eq!(profile.says.start.ready.within, Duration::from_secs(30));
    let path = profile.request_path(Dialect::Openai, Surface::Chat, "chat", false);
    assert_eq!(path, "/v1/chat/completions");
    assert_eq!(profile.models_path(), "/v1/models");
    assert_eq!(profile.says.surfaces, [scenario::Surface::Chat]);
    assert_eq!(profile.known_failures(), []);
    assert_eq!(profile.bound("cooldown_lag"), None);
}

#[test]
fn what_a_profile_promises_and_confesses_is_kept() {
    let more = "\
claims: [key-pool]
bounds: { cooldown_lag: 2s, amplification: 3, added: 1.5 }
known_failures:
  - rule: ROT-001
    scenario: rotation/next-key-on-429
    verdict: fail
    reason: it gives up at once
    until: 2027-06-30
";
    let profile = Folder::new().read(&(SOUND.to_owned() + more), "{}").unwrap();
    assert_eq!(profile.bound("cooldown_lag"), Some(Bound::Duration(Duration::from_secs(2))));
    assert_eq!(profile.bound("amplification"), Some(Bound::Number(3.0)));
    assert_eq!(profile.bound("added"), Some(Bound::Number(1.5)));
    let [failure] = profile.known_failures() else { panic!("one known failure") };
    assert_eq!((failure.rule.value.as_str(), failure.verdict), ("ROT-001", Confessed::Fail));
    assert_eq!(failure.until.value.to_string(), "2027-06-30");
}

#[test]
fn what_a_profile_says_of_its_answers_and_paths_is_handed_on() {
    let read = |more: &str| {
        let operator = "admin: { header: x-admin, value: x }\n";
        Folder::new().read(&format!("{SOUND}{operator}{more}"), "{}").unwrap()
    };
    let bare = read("");
    assert_eq!(bare.told_headers(), ToldHeaders::default());
    assert_eq!(bare.without_fallbacks(), None);
    let own = [Endpoint::Ledger, Endpoint::Status, Endpoint::Keys, Endpoint::Config];
    assert_eq!(own.map(|endpoint| bare.path(endpoint).map(str::to_owned)), [None, None, None, None]);
    let profile = read(
        "\
paths: { keys: /admin/keys, config: /admin/config }
without_fallbacks: { header: X-None, value: 'yes' }
operations: { reload: { signal: HUP } }
reads:
  served_by: { header: X-By }
  cost: { header: x-cost, unit: micros }
  attempts: { header: x-tries, counts: retries }
  key: { header: X-Key }
  request_id: { header: x-id }
  ledger: { get: '/ledger?limit=2', rows: $, fields: {} }
  status: { get: /status, fields: { open: $.open } }
",
    );
    assert_eq!(
        profile.told_headers(),
        ToldHeaders {
            served_by: Some("x-by".to_owned()),
            cost: Some(("x-cost".to_owned(), MoneyUnit::Micros)),
            attempts: Some(("x-tries".to_owned(), Counting::Retries)),
            key: Some("x-key".to_owned()),
            request_id: Some("x-id".to_owned()),
        }
    );
    assert_eq!(profile.without_fallbacks(), Some(WithoutFallbacks::Header("x-none", "yes")));
    let paths = own.map(|endpoint| profile.path(endpoint).unwrap().to_owned());
    assert_eq!(paths, ["/ledger?limit=2", "/status", "/admin/keys", "/admin/config"]);
    assert!(profile.can(Operation::Reload) && !profile.can(Operation::DisableKey));
    let by_body = read("without_fallbacks: { body: { disable_fallbacks: true, mock: [1, { a: null }] } }\n");
    let Some(WithoutFallbacks::Body(fields)) = by_body.without_fallbacks() else {
        panic!("fields of a body")
    };
    let wanted = serde_json::json!({ "disable_fallbacks": true, "mock": [1, { "a": null }] });
    assert_eq!(serde_json::Value::Object(fields.clone()), wanted);
    assert!(!by_body.can(Operation::Reload));
}

#[test]
fn each_mistake_is_told_with_its_line_and_what_to_do() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "target:",
            "targte:",
            &["unknown key `targte` in a profile", "did you mean `target`?", "missing key `target`"],
        ),
        ("get: /health", "gte: /health", &["unknown key `gte`", "small.yaml:6:12", "did you mean `get`?"]),
        ("get: /health", "get: health", &["the path `health` does not begin with `/`", "^^^^^^"]),
        ("get: /health", "within: 2s", &["a readiness that nothing shows", "`line: TEXT`"]),
        ("get: /health", "get: /health, line: hello", &["`get` beside `line`"]),
        ("get: /health", "line: hello, status: 200", &["`status` beside `line`"]),
        ("get: /health", "get: /health, within: 30", &["the number `30` where a duration is wanted"]),
        ("[openai]", "[openia]", &["unknown dialect `openia`", "did you mean `openai`?"]),
        ("[openai]", "[]", &["a target that speaks no dialect"]),
        (
            "speaks:",
            "surfaces: [chat, response]\nspeaks:",
            &["the text `response`", "did you mean `responses`?"],
        ),
        ("[small, --config, \"{{ dir }}/small.json\"]", "[]", &["a command without a program"]),
        ("[small,", "[small, 1,", &["the number `1` where a text is wanted", "put it in quotes"]),
        ("{{ dir }}", "{{ dri }}", &["no template sees a `dri`", "did you mean `dir`?", "small.yaml:4:41"]),
        ("{{ dir }}", "{{ dir", &["not a template", "small.yaml:4:41"]),
        ("small.json: small", "../small.json: small", &["`../small.json` is not below the target's folder"]),
        ("small.json: small", "/small.json: small", &["`/small.json` is not below the target's folder"]),
        (
            "small.json.j2",
            "smal.json.j2",
            &["the template `", "smal.json.j2` cannot be read", "small.yaml:5:24"],
        ),
        ("speaks:", "claims: [key-pol]\nspeaks:", &["the text `key-pol`", "did you mean `key-pool`?"]),
        (
            "speaks:",
            "claims: [streaming, streaming]\nspeaks:",
            &["`streaming` claimed twice", "the first one"],
        ),
        (
            "speaks:",
            "bounds: { lag: -2 }\nspeaks:",
            &["the number `-2` where a duration or a number is wanted"],
        ),
        ("process: { ", "process: { env: { 'A=B': x }, ", &["`A=B` is no name of a variable"]),
        ("start:", "start:\n  mode: lazy", &["the text `lazy` where a mode is wanted", "`fresh`, `shared`"]),
        ("start:", "start:\n  stop: { signal: TREM }", &["did you mean `TERM`?"]),
        (
            "speaks:",
            "known_failures: [{ rule: A, scenario: b, verdict: pass, reason: c, until: 2027-02-30 }]\nspeaks:",
            &["a verdict that can be confessed", "the text `2027-02-30` where a day is wanted"],
        ),
        ("target: small", "target: small\ntarget: two", &["duplicate key `target`", "first given here"]),
        (
            "speaks:",
            "claims: [ledger, tenants]\nspeaks:",
            &["`ledger` is claimed, and nothing shows it", "`tenants` is claimed, and nothing shows it"],
        ),
        ("speaks:", "claims: [shared-state]\nspeaks:", &["`instances: { max: 2, store: redis }`"]),
        ("speaks:", "instances: { max: 0 }\nspeaks:", &["0 instances of a target", "from 1 to 16"]),
        (
            "speaks:",
            "instances: { store: redis }\nspeaks:",
            &["a store that one instance shares with nobody"],
        ),
        ("speaks:", "per_model: [pool]\nspeaks:", &["`per_model` of a target that no two scenarios share"]),
        ("speaks:", "forwards_headers: ['x y']\nspeaks:", &["`x y` is no name of a header"]),
        (
            "speaks:",
            "authorization: { header: a, value: '{{ port }}' }\nspeaks:",
            &["no template sees a `port`", "`tenant_key`"],
        ),
        (
            "speaks:",
            "operations: { reload: { path: /reload } }\nspeaks:",
            &["a request of the operator, and nothing says how it is known", "or `auth: none`"],
        ),
        (
            "speaks:",
            "operations: { reload: { path: 'reload/{{ key.label }}', auth: none } }\nspeaks:",
            &["the path `reload/{{ key.label }}` does not begin with `/`", "no template sees a `key`"],
        ),
        (
            "speaks:",
            "reads: { status: { get: /s, auth: none, fields: { parked: parked } } }\nspeaks:",
            &["not a JSONPath", "`$.usage.input`"],
        ),
        (
            "speaks:",
            "without_fallbacks: { header: x-none }\nspeaks:",
            &["no one way in which a client wants no fallbacks", "`body: { FIELD: VALUE }`"],
        ),
        (
            "speaks:",
            "without_fallbacks: { header: x-none, value: 'on', body: { off: true } }\nspeaks:",
            &["no one way"],
        ),
        ("speaks:", "without_fallbacks: { body: {} }\nspeaks:", &["no one way"]),
        (
            "speaks:",
            "without_fallbacks: { body: [off] }\nspeaks:",
            &["a list where a map of fields is wanted"],
        ),
        (
            "speaks:",
            "without_fallbacks: { header: x-none, value: \"a\\nb\" }\nspeaks:",
            &["a value that no header can have"],
        ),
        (
            "speaks:",
            "reads: { metrics: { get: /m, names: { hits: own, tries: own } } }\nspeaks:",
            &["the counter `own` has two names", "the first one"],
        ),
        (
            "speaks:",
            "reads: { metrics: { get: /m, labels: { key: own, model: own } } }\nspeaks:",
            &["the label `own` has two names"],
        ),
        (
            "speaks:",
            "reads: { ledger: { get: /l, auth: none, rows: $, fields: { states: { ok: setled } } } }\nspeaks:",
            &["did you mean `settled`?"],
        ),
        ("speaks:", "operations: { reload: { signal: HPU } }\nspeaks:", &["did you mean `HUP`?"]),
        ("speaks:", "operations: { reload: { signal: HUP, path: /r } }\nspeaks:", &["unknown key `path`"]),
        (
            "speaks:",
            "reads: { status: { get: /s, auth: none, fields: {} } }\nspeaks:",
            &["a status of which nothing is taken"],
        ),
    ];
    for (from, to, told) in cases {
        let folder = Folder::new();
        let drawn = folder.read(&SOUND.replacen(from, to, 1), "{}").expect_err(to);
        for words in *told {
            assert!(drawn.contains(words), "{to}: `{words}` is missing in:\n{drawn}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let wrong = SOUND
        .replace("describes", "describse")
        .replace("{{ dir }}", "{{ dri }}")
        .replace("/health", "health");
    let drawn = Folder::new().read(&wrong, "{}").unwrap_err();
    for words in [
        "unknown key `describse`",
        "missing key `describes`",
        "no template sees a `dri`",
        "the path `health`",
    ] {
        assert!(drawn.contains(words), "`{words}` is missing in:\n{drawn}");
    }
}

#[test]
fn a_template_s_mistake_is_told_in_the_template() {
    let drawn = Folder::new().read(SOUND, "{\n  \"port\": {{ prot }}\n}\n").unwrap_err();
    for words in ["small.json.j2:2:14", "no template sees a `prot`", "did you mean `port`?", "^^^^"] {
        assert!(drawn.contains(words), "`{words}` is missing in:\n{drawn}");
    }
    let drawn = Folder::new().read(SOUND, "{\n{% for a in upstreams %}\n}\n").unwrap_err();
    assert!(drawn.contains("small.json.j2") && drawn.contains("not a template"), "{drawn}");
}

#[test]
fn a_profile_that_is_not_there_is_told_with_the_nearest_name() {
    let folder = Folder::new();
    folder.read(SOUND, "{}").unwrap();
    let error = Profile::read(&folder.0.join("smal.yaml")).unwrap_err().draw(&Renderer::plain());
    assert!(error.contains("no such file") && error.contains("small.yaml"), "{error}");
}

#[test]
fn the_schema_names_every_key_of_a_profile() {
    let schema = profile_schema();
    let properties = &schema["$defs"]["Declaration"]["properties"];
    for key in ["target", "start", "speaks", "claims", "bounds", "defects", "known_failures"] {
        assert!(properties.get(key).is_some(), "{key}");
    }
    assert_eq!(
        schema["$defs"]["Declaration"]["required"],
        serde_json::json!(["target", "describes", "start", "speaks"])
    );
}

#[test]
fn every_key_of_a_profile_has_an_example() {
    assert_eq!(without_example(&profile_schema()), Vec::<String>::new());
}

#[test]
fn every_example_is_read_where_it_belongs() {
    let parts = parts_of(&profile_schema());
    let folder = Folder::new();
    let mut read = 0;
    for key in parts.iter().filter(|part| part.name == "Declaration").flat_map(|part| &part.keys) {
        let others = SOUND.replace("target: small", "target: small\nadmin: { header: x-admin, value: x }");
        let mut lines: Vec<&str> = others.lines().collect();
        let own = lines.iter().position(|line| line.starts_with(&format!("{}:", key.key)));
        if let Some(own) = own {
            let next = lines[own + 1..].iter().position(|line| !line.starts_with(' '));
            lines.drain(own..next.map_or(lines.len(), |next| own + 1 + next));
        }
        for example in &key.examples {
            let mode = if key.key == "per_model" { "shared" } else { "fresh" };
            let profile = format!("{}\n{example}\n", lines.join("\n"))
                .replace("start:\n", &format!("start:\n  mode: {mode}\n"));
            folder.read(&profile, "{}").unwrap_or_else(|drawn| panic!("{profile}{drawn}"));
            read += 1;
        }
    }
    assert!(read >= 19, "{read}");
}
