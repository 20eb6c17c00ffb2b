//! The upstreams that the libraries talk to, and what the upstreams saw of each model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use dialect::ErrorName;
use record::{AttemptRow, Clock, Correlation, Entry, Fact, FactReceiver, NameId, NameTable, fact_channel};
use scenario::{Document, Read, World};
use serde_json::{Map, Value, json};
use stormproof_upstream::{Surroundings, TrafficSignal, Upstreams};

/// The upstreams of `world.yaml`, running.
pub(crate) struct Stage {
    upstreams: Upstreams,
    facts: FactReceiver,
}

/// What the upstreams saw: the attempts of each upstream and model, in the order of their arrival.
pub(crate) struct Seen(BTreeMap<(String, String), Vec<AttemptRow>>);

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
        let upstreams = Upstreams::start(&world(), surroundings).await.unwrap();
        Self { upstreams, facts }
    }

    /// Where the upstreams are, with their keys, as JSON.
    pub(crate) fn doors(&self) -> String {
        let door = |(name, url): (&str, &str)| {
            (name.to_owned(), json!({ "url": url, "key": self.upstreams.keys(name)[0].secret() }))
        };
        Value::Object(self.upstreams.base_urls().map(door).collect::<Map<_, _>>()).to_string()
    }

    /// Stops the upstreams and reads what they saw.
    pub(crate) async fn leave(self) -> Seen {
        assert_eq!(self.upstreams.mistakes(), Vec::<String>::new());
        self.upstreams.stop().await;
        let (mut rows, mut names) = (Vec::new(), HashMap::new());
        for fact in self.facts.try_iter() {
            match fact {
                Fact::Attempt(row) => rows.push(row),
                Fact::Entry(entry) => {
                    if let Entry::Name { id, text } = *entry {
                        names.insert(id, text);
                    }
                }
                Fact::Exchange(row) => panic!("an upstream told {row:?}"),
            }
        }
        rows.sort_by_key(|row| row.arrived);
        let name = |id: NameId| names.get(&id).cloned().unwrap_or_default();
        let mut seen = Seen(BTreeMap::new());
        for row in rows {
            seen.0.entry((name(row.upstream), name(row.model))).or_default().push(row);
        }
        seen
    }
}

impl Seen {
    /// The attempts of a model at an upstream.
    pub(crate) fn attempts(&self, upstream: &str, model: &str) -> &[AttemptRow] {
        self.0.get(&(upstream.to_owned(), model.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// The models that were asked for at an upstream.
    pub(crate) fn models(&self, upstream: &str) -> impl Iterator<Item = &str> {
        self.0.keys().filter(move |(at, _)| at == upstream).map(|(_, model)| model.as_str())
    }

    /// Each of these upstreams was asked for each error of the world once, by a client that tries nothing again.
    pub(crate) fn each_asked_once(&self, upstreams: &[&str]) {
        let world = world();
        let script = world.upstreams.0.iter().flat_map(|(_, upstream)| &upstream.script);
        let errors: BTreeSet<&str> = script
            .map(|entry| entry.name.value.as_str())
            .filter(|name| ErrorName::from_name(name).is_some())
            .collect();
        assert!(!errors.is_empty(), "the world has no errors");
        for (upstream, error) in
            upstreams.iter().flat_map(|upstream| errors.iter().map(move |error| (upstream, error)))
        {
            assert_eq!(self.attempts(upstream, error).len(), 1, "{upstream}: attempts for {error}");
        }
    }
}

fn world() -> World {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/world.yaml");
    let document = Document::read(&file).unwrap();
    let mut problems = Vec::new();
    let world = World::read(&document.root, &mut problems);
    assert_eq!(problems, []);
    world.unwrap()
}
