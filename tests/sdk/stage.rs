//! The providers that the router asks, and the router at two doors: one that is open, and one that asks for a tenant's key.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use record::{Clock, Correlation, FactReceiver, NameTable, fact_channel};
use router::{Environment, Router, ServeOptions, start};
use scenario::{Document, Field, Literal, Operand, Read, World};
use serde_json::{Value, json};
use upstream::{Surroundings, TrafficSignal, Upstreams};

/// Everything that runs while a script is played.
pub(crate) struct Stage {
    upstreams: Upstreams,
    routers: Vec<(&'static str, Router)>,
    config: PathBuf,
    // What the providers saw is of no interest here, but they tell it all the same.
    _facts: FactReceiver,
}

/// The key of the one tenant, which only the second door asks for.
const TENANTS_KEY: &str = "sk-tenant-of-the-router";

/// What the router finds nothing in.
struct NoVariables;

impl Environment for NoVariables {
    fn value(&self, _name: &str) -> Option<OsString> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let (sender, facts) = fact_channel();
        let surroundings = Surroundings {
            clock: Clock::start(),
            correlation: Correlation::new(1),
            names: NameTable::new(sender.clone()),
            facts: sender,
            seed: 7,
            traffic: TrafficSignal::new([]),
            samples: 0,
            canaries: Vec::new(),
            defect: None,
        };
        let world = world();
        let upstreams = Upstreams::start(&world, surroundings).await.unwrap();
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("sdk-{}-{}.yaml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let config = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let open = settings(&world, &upstreams);
        let mut routers = Vec::new();
        for (door, more) in
            [("open", ""), ("tenants", "tenants: { acme: { keys: [sk-tenant-of-the-router] } }\n")]
        {
            std::fs::write(&config, format!("{open}{more}")).unwrap();
            let options = ServeOptions { config: config.clone(), listen: None, defect: None };
            routers.push((door, start(&options, NoVariables).await.unwrap()));
        }
        Self { upstreams, routers, config, _facts: facts }
    }

    /// Where the doors are, with the key to ask with, as JSON.
    pub(crate) fn doors(&self) -> String {
        let door = |(name, router): &(&'static str, Router)| {
            let url = format!("http://{}", router.address());
            ((*name).to_owned(), json!({ "url": url, "key": TENANTS_KEY }))
        };
        Value::Object(self.routers.iter().map(door).collect()).to_string()
    }

    pub(crate) async fn leave(self) {
        for (_, router) in self.routers {
            router.stop().await.unwrap();
        }
        assert_eq!(self.upstreams.mistakes(), Vec::<String>::new());
        self.upstreams.stop().await;
        std::fs::remove_file(self.config).unwrap();
    }
}

/// Each model of each provider by a name of its own, `PROVIDER-MODEL`, and with keys of its own, so that what one model meets
/// closes no key of another.
fn settings(world: &World, upstreams: &Upstreams) -> String {
    let (mut providers, mut models) = (String::new(), String::new());
    for (name, base_url) in upstreams.base_urls() {
        let (_, upstream) = world.upstreams.0.iter().find(|(known, _)| known.value == name).unwrap();
        let dialect = upstream.dialect.name();
        let secret = upstreams.keys(name)[0].secret();
        for model in models_of(world) {
            writeln!(
                providers,
                "  {name}-{model}: {{ dialect: {dialect}, base_url: '{base_url}{}', keys: [{{ name: k, secret: \
                 '{secret}' }}] }}",
                path_of(dialect)
            )
            .unwrap();
            let timeout = if is_silent(&model) { "2s" } else { "60s" };
            writeln!(
                models,
                "  {name}-{model}: {{ provider: {name}-{model}, model: {model}, retries: 0, timeout: {timeout} }}"
            )
            .unwrap();
        }
    }
    format!("providers:\n{providers}models:\n{models}")
}

/// Whether its provider falls silent, so that the router has to give it up. Every other one is only as slow as the machine.
fn is_silent(model: &str) -> bool {
    model.starts_with("silent") || model.starts_with("stalled")
}

/// What stands behind an address in the router's settings. Only that of OpenAI has to name its version.
fn path_of(dialect: &str) -> &'static str {
    if dialect == "openai" { "/v1" } else { "" }
}

/// The models that the world's script tells apart, and the one that gets its usual answer.
fn models_of(world: &World) -> BTreeSet<String> {
    let (_, upstream) = world.upstreams.0.first().unwrap();
    let model = |entry: &scenario::ScriptEntry| {
        let test = entry.when.as_ref()?.test_of(Field::Model)?;
        match test.comparisons.first()?.right.first()? {
            Operand::Literal(Literal::Text(model)) => Some(model.clone()),
            _ => None,
        }
    };
    let models: BTreeSet<String> = upstream.script.iter().filter_map(model).collect();
    assert!(models.len() > 50, "the world tells hardly any models apart: {models:?}");
    models.into_iter().chain(["chat".to_owned()]).collect()
}

fn world() -> World {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/upstream/tests/sdk/world.yaml");
    let document = Document::read(&file).unwrap();
    let mut problems = Vec::new();
    let world = World::read(&document.root, &mut problems);
    assert_eq!(problems, []);
    world.unwrap()
}
