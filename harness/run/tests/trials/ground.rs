//! What the tests stand on: a small suite, a profile of the small target, and an engine that runs the one against the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use record::{Entry, MOST_TRIES, TrialRecord, Verdict};
use scenario::{Document, Source, Suite, SuiteTexts};
use stormproof_run::{
    Bench, Caps, Engine, Gates, Planning, Reader, RunFolder, RunSettings, Selection, SharedInstances,
    judge_trial, plan,
};
use target::Profile;

/// A scenario by its parts, each as lines of YAML.
pub(crate) struct Parts<'a> {
    pub(crate) upstream: &'a str,
    pub(crate) router: &'a str,
    /// Further parts of the world.
    pub(crate) world: &'a str,
    pub(crate) requests: &'a str,
    pub(crate) traffic: &'a str,
    pub(crate) expect: &'a str,
    pub(crate) caps: Caps,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self {
            upstream: "{ dialect: openai, keys: 1 }",
            router: "{ models: { m: { pool: u } } }",
            world: "",
            requests: "",
            traffic: "  - { step: s, send: ask }",
            expect: "  - { rule: TST-001, say: s, exchanges: { every: { status: 200 } } }",
            caps: Caps::default(),
        }
    }
}

/// A trial that was run.
pub(crate) struct Ran {
    pub(crate) record: TrialRecord,
    pub(crate) entries: Vec<Entry>,
    /// The text of its `evidence.ndjson`.
    pub(crate) lines: String,
    /// The text of its `bench.json`.
    pub(crate) bench: String,
}

impl Parts<'_> {
    /// Runs it against the small target, whose profile has these further lines.
    pub(crate) fn run(&self, profile: &str) -> Ran {
        self.run_started(profile, "serve")
    }

    /// Runs it as the command does, again where it comes to no conclusion. Each time that it is started the small target is
    /// another one, in the order of these words.
    pub(crate) fn run_by_turns(&self, turns: &'static str) -> Ran {
        self.run_started("", &format!("serve={turns}"))
    }

    /// Runs it against what this program is when it is called with a word.
    pub(crate) fn run_started(&self, profile: &str, word: &str) -> Ran {
        let folder = Folder::new();
        let text = format!("{}\n", self.text());
        let file = folder.0.join("suite/one.yaml");
        let profile = profile_of(profile, word, &folder.0);
        let bench = || Bench::of(suite(&file, &text), &profile, false);
        let run_folder = RunFolder::create(&folder.0.join("run")).unwrap();
        let settings = RunSettings {
            bench: Arc::new(bench()),
            profile: Arc::new(profile.clone()),
            tool: ("0.0.0", ""),
            defect: None,
            patience: std::time::Duration::from_secs(1),
            skip_unavailable: false,
            caps: self.caps,
            folder: run_folder.clone(),
            stormproof: std::env::current_exe().unwrap(),
            most_tries: MOST_TRIES,
            shared: SharedInstances::default(),
            abroad: None,
            watch: None,
            ended: None,
        };
        let bench = bench();
        let (gates, selection) = (Gates::default(), Selection::default());
        let planning = Planning {
            profile: &profile,
            gates: &gates,
            outside: None,
            selection: &selection,
            seed: 7,
            foreign: false,
            unstartable: None,
        };
        let trial = plan(&bench.suite, &planning).remove(0);
        assert_eq!(trial.ignored, None, "it can be run");
        let record = Engine::start(settings).unwrap().run(&trial, || {});
        let evidence = run_folder.trial(&trial.name);
        // Whoever judges the evidence again finds the same, to the letter.
        assert_eq!(judge_trial(&bench, &evidence).unwrap(), Some(record.clone()));
        bench.save(&run_folder).unwrap();
        let text = |path| std::fs::read_to_string(path).unwrap();
        let (lines, bench) = (text(evidence.entries()), text(run_folder.bench()));
        let entries = Reader::open(evidence).unwrap().entries().unwrap().map(Result::unwrap).collect();
        Ran { record, entries, lines, bench }
    }

    fn text(&self) -> String {
        let Self { upstream, router, world, requests, traffic, expect, .. } = self;
        format!(
            "title: t\nworld:\n  upstreams: {{ u: {upstream} }}\n  router: {router}\n  tenants: {{ acme: {{}}, globex: {{}} }}\n{world}\n\
             requests:\n  ask: {{ model: m, prompt: ping }}\n{requests}\ntraffic:\n{traffic}\n\
             witness: [{{ exchanges: {{ count: {{ at_least: 1 }} }} }}]\nexpect:\n{expect}"
        )
    }
}

impl Ran {
    /// Every expectation holds.
    #[track_caller]
    pub(crate) fn passes(&self) {
        let told: Vec<_> = self
            .record
            .judged
            .iter()
            .filter(|judged| judged.verdict != Verdict::Pass)
            .map(|judged| format!("{}: {:?}: {}", judged.say, judged.verdict, judged.observed))
            .collect();
        assert!(told.is_empty() && !self.record.judged.is_empty(), "{told:#?}\n{:#?}", self.record.log_tail);
    }

    /// No expectation could be judged, for a reason with these words.
    #[track_caller]
    pub(crate) fn is_blocked(&self, words: &str) {
        for judged in &self.record.judged {
            assert_eq!(judged.verdict, Verdict::Blocked, "{}", judged.observed);
            assert!(judged.observed.contains(words), "{}", judged.observed);
        }
    }

    /// How often something was done to the target, and how often it failed.
    pub(crate) fn operated(&self) -> (usize, usize) {
        let done = self.entries.iter().filter_map(|entry| match entry {
            Entry::Operated(operated) => Some(operated.failed.is_some()),
            _ => None,
        });
        let all: Vec<bool> = done.collect();
        (all.len(), all.iter().filter(|failed| **failed).count())
    }
}

fn suite(file: &Path, text: &str) -> Suite {
    let rules = "chapter: c\nrules: { TST-001: { level: MUST, since: '1.0', says: s } }\n";
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let texts = SuiteTexts {
        scenarios: vec![source(&file.display().to_string(), text)],
        chapters: vec![source("rules.yaml", rules)],
        imports: Vec::new(),
    };
    Suite::of(texts).unwrap_or_else(|error| panic!("{error:?}"))
}

fn profile_of(parts: &str, word: &str, folder: &Path) -> Profile {
    let text = format!(
        "target: small\ndescribes: d\nstart:\n  \
         process: {{ command: ['{{{{ stormproof }}}}', {word}, '{{{{ port }}}}', '{{{{ dir }}}}/config', '{}'] }}\n  \
         files: {{ config: config }}\n  ready: {{ get: /health, within: 5s }}\nspeaks: [openai]\nsurfaces: [chat, responses, embeddings]\n\
         authorization: {{ header: authorization, value: 'Bearer {{{{ tenant_key }}}}' }}\n\
         admin: {{ header: authorization, value: 'Admin {{{{ admin_key }}}}' }}\n\
         operations: {{ reload: {{ path: /reload }} }}\n{parts}\n",
        folder.display()
    );
    let template = "{% for u in upstreams %}{{ u.name }} {{ u.base_url }}{% for k in u.keys %} {{ k.secret }}{% endfor %}\n\
                    {% endfor %}{% for m in models %}{{ m.name }} {{ m.pool }}\n{% endfor %}\
                    {% for t in tenants %}{{ t.secret }}\n{% endfor %}\
                    {% if prices %}{% for m in prices.models %}{{ m.name }} {{ m.input }} {{ m.output }}\n{% endfor %}{% endif %}";
    let document = Document::of(Source { name: "small.yaml".to_owned(), text }).unwrap();
    Profile::read_document(document, Path::new("/nowhere"), |_| Ok(template.to_owned()))
        .unwrap_or_else(|error| panic!("{error:?}"))
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("stormproof-trials-{}-{number}", std::process::id()));
        std::fs::create_dir_all(path.join("suite")).unwrap();
        std::fs::write(path.join("suite/beside.txt"), "here\n").unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is in the way of nobody.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
