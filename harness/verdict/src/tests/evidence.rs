//! Hand-made evidence and the scenario by which it is judged. Times are milliseconds after the start of the traffic.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use record::{
    AttemptRow, End, Entry, ErrorShape, ExchangeId, ExchangeRow, Joined, Judged, Lag, Moment, NameId,
    Outcome, Sample, Side, TargetEvent, Verdict,
};
use scenario::{ContractVersion, Source, Suite, SuiteTexts};

use crate::{BASE_GRACE, Judge, Merged, Observable, Question};

const RULES: &str = "
chapter: synthetic
rules:
  SYN-001: { level: MUST, since: '1.0', says: something must hold }
  SYN-002: { level: SHOULD, since: '1.0', says: something should hold }
  SYN-003: { level: MAY, since: '1.0', says: something may hold }
";

const WORLD: &str = "
title: synthetic
world:
  tenants: { acme: {} }
  prices: { version: '1', models: { chat: { input: 10 USD per 1M, cache_read: 1 USD per 1M, output: 20 USD per 1M, reasoning: 60 USD per 1M } } }
  upstreams:
    openai:
      dialect: openai
      keys: [first, second, third]
      script: [{ name: limited, when: { key: first }, reply: { error: rate_limit } }]
    other: { dialect: openai, keys: [first] }
  router: { models: { chat: { pool: openai } } }
requests:
  ask: { model: chat, prompt: ping }
traffic:
  - { step: ask, send: ask }
  - { step: again, send: ask }
  - { phase: storm, burst: 5, send: ask }
  - { exec: compile, command: [cc] }
";

/// A witness that always appears, where the witness is not the question.
const SEEN: &str = "witness: [{ attempts: { count: { at_least: 0 } } }]\n";

/// The traffic starts one second after the trial's clock.
const START: u64 = 1_000_000_000;

/// Every name that rows can refer to, by its number.
const NAMES: [&str; 16] = [
    "ask",
    "again",
    "storm",
    "openai",
    "other",
    "first",
    "second",
    "third",
    "limited",
    "rate_limit",
    "chat",
    "timeout",
    "acme",
    "openai: reply",
    "compile",
    "insufficient_quota",
];

/// A scenario of the synthetic world.
pub(super) struct Case {
    suite: Suite,
    pub(super) bounds: BTreeMap<String, f64>,
    pub(super) strict: bool,
    pub(super) contract: Option<ContractVersion>,
    pub(super) observable: Observable,
}

impl Case {
    /// With these further parts: `traffic`, `witness`, `measure`, `expect`.
    pub(super) fn of(parts: &str) -> Self {
        let witness = if parts.contains("witness:") { "" } else { SEEN };
        // Parts that have traffic of their own stand in place of the world's.
        let world = WORLD.split("traffic:").next().filter(|_| parts.contains("traffic:")).unwrap_or(WORLD);
        let source = |name: &str, text: String| Source { name: name.to_owned(), text };
        let texts = SuiteTexts {
            scenarios: vec![source("synthetic.yaml", format!("{world}{witness}{parts}"))],
            chapters: vec![source("rules.yaml", RULES.to_owned())],
            imports: vec![source("golden.txt", "one\nthree\n".to_owned())],
        };
        let suite = Suite::of(texts).unwrap_or_else(|error| panic!("{error:?}"));
        Self {
            suite,
            bounds: BTreeMap::new(),
            strict: false,
            contract: None,
            observable: Observable::everything(),
        }
    }

    /// With one expectation: `attempts: {...}`, `exchanges: {...}` or `that: ...`.
    pub(super) fn expecting(claim: &str) -> Self {
        Self::of(&format!("expect:\n  - rule: SYN-001\n    say: it holds\n    {claim}\n"))
    }

    pub(super) fn question(&self) -> Question<'_> {
        Question {
            scenario: &self.suite.scenarios[0].cases[0].scenario,
            rules: &self.suite.rules,
            sources: &self.suite.sources,
            bounds: &self.bounds,
            observable: &self.observable,
            strict: self.strict,
            contract: self.contract,
            base_grace: BASE_GRACE,
        }
    }

    pub(super) fn judge(&self, evidence: &Evidence) -> Vec<Judged> {
        let mut judge = Judge::new(self.question());
        for fact in evidence.merged() {
            judge.fact(&fact.unwrap_or_else(|error| match error {}));
        }
        judge.finish().judged
    }
}

/// The verdict of one expectation over some evidence.
pub(super) fn judged(claim: &str, evidence: &Evidence) -> Judged {
    Case::expecting(claim).judge(evidence).remove(0)
}

pub(super) fn verdict(claim: &str, evidence: &Evidence) -> Verdict {
    judged(claim, evidence).verdict
}

/// What was seen.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) entries: Vec<Entry>,
    pub(super) exchanges: Vec<ExchangeRow>,
    pub(super) attempts: Vec<AttemptRow>,
}

pub(super) fn at(ms: u64) -> Moment {
    Moment(START + ms * 1_000_000)
}

pub(super) fn id(name: &str) -> NameId {
    let index = NAMES.iter().position(|known| *known == name).unwrap_or_else(|| panic!("no name `{name}`"));
    NameId(u16::try_from(index).unwrap())
}

fn micros(ms: u64) -> u32 {
    u32::try_from(ms * 1_000).unwrap()
}

impl Evidence {
    /// Names, and nothing else yet.
    pub(super) fn empty() -> Self {
        let names = NAMES.iter().map(|text| Entry::Name { id: id(text), text: (*text).to_owned() });
        Self { entries: names.collect(), exchanges: Vec::new(), attempts: Vec::new() }
    }

    /// Traffic that began at 0 and ran to its end at 4 s, with nothing in it yet.
    pub(super) fn whole() -> Self {
        let mut whole = Self::empty();
        for (name, from, to) in
            [("ask", 0, 1_000), ("again", 1_000, 2_000), ("storm", 2_000, 4_000), ("compile", 4_000, 4_000)]
        {
            whole.began(name, from);
            whole.ended(name, to);
        }
        whole.end(None);
        whole
    }

    pub(super) fn began(&mut self, traffic: &str, ms: u64) {
        self.entries.push(Entry::Began { traffic: id(traffic), at: at(ms) });
    }

    pub(super) fn ended(&mut self, traffic: &str, ms: u64) {
        self.entries.push(Entry::Ended { traffic: id(traffic), at: at(ms) });
    }

    pub(super) fn died(&mut self, ms: u64) {
        let event = TargetEvent::Died("exit status 101".to_owned());
        self.entries.push(Entry::Target { event, at: at(ms) });
    }

    pub(super) fn end(&mut self, cut_short: Option<&str>) {
        let cut_short = cut_short.map(str::to_owned);
        self.entries.push(Entry::End(End { at: at(5_000), cut_short, exchanges: 0, attempts: 0 }));
    }

    pub(super) fn lag(&mut self, due: u64, late: u64) {
        self.entries.push(Entry::Lag(Lag { due: at(due), late_us: micros(late) }));
    }

    /// An exchange of a step or phase, answered with a status.
    pub(super) fn exchange(
        &mut self,
        number: u32,
        traffic: &str,
        from: u64,
        took: u64,
        status: u16,
    ) -> &mut ExchangeRow {
        let mut row = ExchangeRow::opened(ExchangeId(number), id(traffic), id("ask"), at(from));
        (row.sent, row.ended, row.status, row.outcome) = (0, micros(took), status, Outcome::Complete);
        if status != 200 {
            row.error_shape = ErrorShape::Openai;
        }
        self.exchanges.push(row);
        self.exchanges.last_mut().unwrap()
    }

    /// An attempt of an exchange on a key of `openai`, answered with a status.
    pub(super) fn attempt(
        &mut self,
        exchange: u32,
        key: &str,
        from: u64,
        took: u64,
        status: u16,
    ) -> &mut AttemptRow {
        let row = self.loose(key, from, took, status);
        (row.exchange, row.joined, row.model) = (ExchangeId(exchange), Joined::Exchange, id("chat"));
        row
    }

    /// Anything that stands beside rows.
    pub(super) fn entry(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// An attempt that joins no exchange.
    pub(super) fn loose(&mut self, key: &str, from: u64, took: u64, status: u16) -> &mut AttemptRow {
        let mut row = AttemptRow::opened(id("openai"), at(from));
        (row.key, row.read, row.ended, row.status) = (id(key), 0, micros(took), status);
        row.outcome = Outcome::Complete;
        if status == 429 {
            (row.error, row.script) = (id("rate_limit"), id("limited"));
        }
        self.attempts.push(row);
        self.attempts.last_mut().unwrap()
    }

    /// An exchange of a step whose attempts are, each, a key, a time and a status; every attempt takes 10 ms.
    pub(super) fn tree(&mut self, number: u32, traffic: &str, from: u64, attempts: &[(&str, u64, u16)]) {
        for (key, arrived, status) in attempts {
            self.attempt(number, key, *arrived, 10, *status);
        }
        let (last, status) =
            attempts.last().map_or((from, 503), |(_, arrived, status)| (arrived + 11, *status));
        self.exchange(number, traffic, from, last - from, status);
    }

    /// The facts as the judge takes them.
    pub(super) fn merged(&self) -> impl Iterator<Item = Result<record::Fact, Infallible>> {
        // Files are written when something ends.
        let mut files = self.clone();
        files.exchanges.sort_by_key(ExchangeRow::end);
        files.attempts.sort_by_key(AttemptRow::end);
        Merged::new(
            files.entries.into_iter().map(Ok),
            files.exchanges.into_iter().map(Ok),
            files.attempts.into_iter().map(Ok),
        )
    }
}

/// What each claim comes to over some evidence.
pub(super) fn all(evidence: &Evidence, cases: &[(&str, Verdict)]) {
    for (claim, expected) in cases {
        let judged = judged(claim, evidence);
        assert_eq!(judged.verdict, *expected, "{claim}: {}", judged.observed);
    }
}

/// The head and body of a message of exchange 0.
pub(super) fn sample(side: Side, head: &[(&str, &str)], body: &str) -> Entry {
    Entry::Sample(Sample {
        side,
        exchange: ExchangeId(0),
        arrived: None,
        at: at(11),
        line: String::new(),
        head: head.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.to_owned(),
        cut: false,
    })
}

/// A wait hint of so many milliseconds.
pub(super) fn hint(row: &mut AttemptRow, wait: Duration) {
    row.hint_ms = u32::try_from(wait.as_millis()).unwrap();
}
