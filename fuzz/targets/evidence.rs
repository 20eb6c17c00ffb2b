//! Any bytes as the evidence of a trial: lines up to one that says `rows`, then rows in their bytes. It is judged against
//! some of the project's own scenarios, and judged twice the verdicts are the same.
//!
//! A row is one byte, even for an exchange and odd for an attempt, and the row itself behind it. The lines and rows are
//! written to a folder and read back as `stormproof judge` reads them. Then lines that are no entry are left out, so that
//! those behind them still reach the judge.

#![no_main]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use promises::{contract, source};
use record::{AttemptRow, Entry, ExchangeRow, Judged};
use run::{Reader, RunFolder, TrialFolder};
use scenario::{Suite, SuiteTexts};
use verdict::{BASE_GRACE, Judge, Merged, Observable, Question};

macro_rules! scenarios {
    ($($path:literal),* $(,)?) => { vec![$(source($path, include_str!(concat!("../../scenarios/", $path)))),*] };
}

static SUITE: LazyLock<Suite> = LazyLock::new(|| {
    let scenarios = scenarios![
        "rotation/next-key-on-429.yaml",
        "ledger/streamed-cost.yaml",
        "spike/storm-amplification.yaml",
        "retry/waits-are-spread.yaml",
        "distribution/weights-are-kept.yaml",
        "performance/what-a-router-adds.yaml",
        "cooldown/a-longer-hint-extends.yaml",
        "exhaustion/the-first-free-key.yaml",
        "security/a-callers-key-stays-here.yaml",
        "isolation/answers-go-to-those-who-asked.yaml",
    ];
    let mut texts = SuiteTexts { scenarios, ..contract() };
    texts.chapters.extend(scenarios![
        "cooldown/rules.yaml",
        "distribution/rules.yaml",
        "exhaustion/rules.yaml",
        "isolation/rules.yaml",
        "performance/rules.yaml",
        "protocol/rules.yaml",
        "retry/rules.yaml",
        "security/rules.yaml",
    ]);
    Suite::of(texts).expect("the project's own scenarios are sound")
});

/// How many scenarios an input is judged against.
const AT_A_TIME: usize = 3;

/// A folder of the process's own, which `-runs` and `-workers` leave apart.
static FOLDER: LazyLock<TrialFolder> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("stormproof-fuzz-{}", std::process::id()));
    let folder = RunFolder::create(&path).expect("a temporary folder").trial("any");
    fs::create_dir_all(folder.entries().parent().expect("a file in a folder")).expect("a temporary folder");
    folder
});

#[derive(Default)]
struct Evidence {
    entries: Vec<Entry>,
    exchanges: Vec<ExchangeRow>,
    attempts: Vec<AttemptRow>,
}

impl Evidence {
    fn read(bytes: &[u8]) -> Self {
        let mut evidence = Self::default();
        let (lines, mut rest) = apart(bytes);
        for line in lines.split(|byte| *byte == b'\n') {
            let Ok(entry) = serde_json::from_slice::<Entry>(line) else { continue };
            let written = serde_json::to_string(&entry).expect("an entry can be written");
            let again: Entry = serde_json::from_str(&written).expect("a written entry can be read");
            assert_eq!(entry, again, "an entry reads as it was written");
            evidence.entries.push(entry);
        }
        while let Some((kind, row)) = rest.split_first() {
            let Some((row, behind)) = row.split_first_chunk::<64>() else { break };
            rest = behind;
            if kind % 2 == 0 {
                let row = ExchangeRow::from_bytes(row);
                assert_eq!(ExchangeRow::from_bytes(&row.to_bytes()), row, "a row reads as it was written");
                evidence.exchanges.push(row);
            } else {
                let row = AttemptRow::from_bytes(row);
                assert_eq!(AttemptRow::from_bytes(&row.to_bytes()), row, "a row reads as it was written");
                evidence.attempts.push(row);
            }
        }
        evidence
    }

    /// Reads the files as they are, up to the first that cannot be read.
    fn read_back(&self, lines: &[u8]) {
        fs::write(FOLDER.entries(), lines).expect("a temporary folder");
        fs::write(
            FOLDER.exchanges(),
            self.exchanges.iter().flat_map(ExchangeRow::to_bytes).collect::<Vec<_>>(),
        )
        .expect("a temporary folder");
        fs::write(FOLDER.attempts(), self.attempts.iter().flat_map(AttemptRow::to_bytes).collect::<Vec<_>>())
            .expect("a temporary folder");
        match Reader::open(FOLDER.clone()) {
            Ok(reader) => {
                for entry in reader.entries().expect("a file that was opened before") {
                    let Err(error) = entry else { continue };
                    assert!(!error.to_string().is_empty(), "an error says why");
                    break;
                }
                let exchanges = reader.exchanges().expect("a file that was written");
                assert!(
                    exchanges.flatten().eq(self.exchanges.iter().copied()),
                    "a row reads as it was written"
                );
                let attempts = reader.attempts().expect("a file that was written");
                assert!(
                    attempts.flatten().eq(self.attempts.iter().copied()),
                    "a row reads as it was written"
                );
            }
            Err(error) => assert!(!error.to_string().is_empty(), "an error says why"),
        }
    }

    fn judge(&self, question: Question<'_>) -> Vec<Judged> {
        let mut judge = Judge::new(question);
        let facts = Merged::new(
            self.entries.iter().cloned().map(Ok::<_, Infallible>),
            self.exchanges.iter().copied().map(Ok),
            self.attempts.iter().copied().map(Ok),
        );
        for fact in facts {
            let Ok(fact) = fact;
            judge.fact(&fact);
        }
        judge.finish()
    }
}

fn apart(bytes: &[u8]) -> (&[u8], &[u8]) {
    const ROWS: &[u8] = b"\nrows\n";
    match bytes.windows(ROWS.len()).position(|window| window == ROWS) {
        Some(at) => (&bytes[..at], &bytes[at + ROWS.len()..]),
        None => (bytes, &[]),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let evidence = Evidence::read(bytes);
    evidence.read_back(apart(bytes).0);
    let bounds = BTreeMap::from([("added_p99".to_owned(), 0.005), ("cooldown_lag".to_owned(), 1.0)]);
    let observable = Observable::everything();
    // Some at a time: the length of the input says which, so that it is the same ones again when a finding is looked into.
    let chosen = SUITE.scenarios.iter().cycle().skip(bytes.len() % SUITE.scenarios.len()).take(AT_A_TIME);
    for case in chosen.filter_map(|file| file.cases.first()) {
        let question = Question {
            scenario: &case.scenario,
            rules: &SUITE.rules,
            sources: &SUITE.sources,
            bounds: &bounds,
            observable: &observable,
            strict: false,
            base_grace: BASE_GRACE,
        };
        let judged = evidence.judge(question);
        assert_eq!(judged.len(), case.scenario.expect.len(), "each expectation has one verdict");
        assert_eq!(judged, evidence.judge(question), "the same evidence has the same verdicts");
    }
});
