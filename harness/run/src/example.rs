//! A small suite and a small profile, for tests that say only what is different.

use std::path::Path;

use scenario::{Document, Source, Suite, SuiteTexts};
use target::Profile;

/// The parts of a scenario, each as lines of YAML.
pub(crate) struct Parts<'a> {
    pub(crate) world: &'a str,
    pub(crate) requests: &'a str,
    pub(crate) traffic: &'a str,
    pub(crate) expect: &'a str,
    pub(crate) stage: &'a str,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self {
            world: "  router: { models: { m: { pool: u }, n: { pool: v } } }",
            requests: "  other: { model: n, prompt: ping }",
            traffic: "  - { step: s, send: ask }",
            expect: "exchanges: { every: { status: 200 } }",
            stage: "hermetic",
        }
    }
}

impl Parts<'_> {
    /// A suite of one scenario with these parts.
    pub(crate) fn suite(&self) -> Suite {
        self.suite_with("v: { dialect: openai, keys: 1 }")
    }

    /// The same with this upstream beside `u`.
    pub(crate) fn suite_with(&self, upstream: &str) -> Suite {
        let Self { world, requests, traffic, expect, stage } = self;
        let scenario = format!(
            "title: t\nstage: {stage}\nworld:\n  upstreams: {{ u: {{ dialect: openai, keys: 1 }}, {upstream} }}\n{world}\n\
             requests:\n  ask: {{ model: m, prompt: ping }}\n{requests}\ntraffic:\n{traffic}\n\
             witness: [{{ attempts: {{ count: {{ at_least: 1 }} }} }}]\nexpect: [{{ rule: TST-001, say: s, {expect} }}]\n"
        );
        let rules = "chapter: c\nrules: { TST-001: { level: MUST, since: '1.0', says: s } }\n";
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        let texts = SuiteTexts {
            scenarios: vec![source("scenarios/test/one.yaml", &scenario)],
            chapters: vec![source("rules.yaml", rules)],
            imports: Vec::new(),
        };
        Suite::of(texts).unwrap_or_else(|error| panic!("{error:?}"))
    }
}

/// A suite of one scenario with this traffic.
pub(crate) fn suite_of(traffic: &str) -> Suite {
    Parts { traffic, ..Parts::default() }.suite()
}

/// A profile with these parts besides what every profile has.
pub(crate) fn profile(parts: &str) -> Profile {
    profile_of("openai", parts)
}

/// A profile of a target that speaks one dialect and offers every surface.
pub(crate) fn profile_that_speaks(dialect: &str) -> Profile {
    profile_of(dialect, "surfaces: [chat, responses, embeddings]")
}

fn profile_of(dialect: &str, parts: &str) -> Profile {
    let text = format!(
        "target: small\ndescribes: d\nstart:\n  process: {{ command: [sh, '{{{{ port }}}}'] }}\n  files: {{ c: c }}\n  \
         ready: {{ get: / }}\nspeaks: [{dialect}]\n{parts}\n"
    );
    let template = "{% for u in upstreams %}{{ u.base_url }}{% for k in u.keys %}{{ k.secret }}{% endfor %}{% endfor %}\
                    {% for m in models %}{{ m.pool }}{% endfor %}";
    let document = Document::of(Source { name: "small.yaml".to_owned(), text }).unwrap();
    Profile::read_document(document, Path::new("/nowhere"), |_| Ok(template.to_owned()))
        .unwrap_or_else(|error| panic!("{error:?}"))
}
