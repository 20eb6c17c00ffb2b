//! The runs that the writers are shown: one in which all is well, one in which everything goes wrong, and odd ones.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use record::{
    AttemptShown, Doubt, EVIDENCE_FORMAT, Judged, Level, PhaseSummary, RuleRecord, RunRecord, Shown,
    SourceLine, TargetRecord, Tree, TrialRecord, Unjoined, Verdict, Window, worst_of,
};

/// A run of two scenarios, one of them with two cases and a phase, in which everything passes.
pub(crate) fn passing() -> RunRecord {
    let mut load = trial("scenarios/performance/steady.yaml", None, &[Verdict::Pass]);
    load.phases = vec![phase("Steady load", 1..=1_000)];
    run(vec![
        load,
        trial("scenarios/rotation/next-key-on-429.yaml", Some("two limited keys"), &[Verdict::Pass; 2]),
        trial("scenarios/rotation/next-key-on-429.yaml", Some("three limited keys"), &[Verdict::Pass; 2]),
    ])
}

/// A run with every verdict and with hostile text wherever text can come from outside.
pub(crate) fn failing() -> RunRecord {
    let mut run = run(vec![
        failed(),
        doubtful(),
        blocked(),
        ignored("scenarios/quality/answers.yaml", Verdict::Gated, "SKIP_LLM_TESTS is true by default"),
        ignored("scenarios/quality/code.yaml", Verdict::Gated, "SKIP_LLM_TESTS is true by default"),
        ignored("scenarios/tenants/budget.yaml", Verdict::NotClaimed, "the profile does not claim `tenants`"),
        hostile(),
    ]);
    run.target.defect = Some(String::from("reuse-limited-key"));
    run
}

/// A run in which trials were run again: one passes then, one fails, and one comes to no conclusion at any time.
pub(crate) fn run_again() -> RunRecord {
    let again = |name: &str, tries: &[Verdict], last: Verdict| {
        let file = format!("scenarios/spike/{name}.yaml");
        let try_of = |number: usize, verdict: Verdict| {
            let mut of = trial(&file, None, &[verdict, Verdict::Pass]);
            if verdict == Verdict::Inconclusive {
                let late = 100 + number * 17;
                of.judged[0].doubt = Some(Doubt::Late);
                of.judged[0].observed = format!(
                    "exchange 3 at {late}ms: `took` is 1500ms; but the harness itself was late enough to be the reason"
                );
            }
            of.folder =
                Some(if number == 1 { "trials/1".to_owned() } else { format!("trials/1/try-{number}") });
            of
        };
        let mut of = try_of(tries.len() + 1, last);
        of.earlier = (1..).zip(tries).map(|(number, verdict)| try_of(number, *verdict).into()).collect();
        of
    };
    let open = Verdict::Inconclusive;
    run(vec![
        again("at-once", &[], Verdict::Pass),
        again("fails-then", &[open], Verdict::Fail),
        again("never", &[open; 2], open),
        again("passes-then", &[open], Verdict::Pass),
    ])
}

/// A run of nothing.
pub(crate) fn empty() -> RunRecord {
    run(vec![])
}

/// A run that ended before its second trial could be judged.
pub(crate) fn cut_short() -> RunRecord {
    let mut unjudged = trial("scenarios/streaming/resume.yaml", None, &[]);
    unjudged.verdict = Verdict::NotExercised;
    let mut run =
        run(vec![trial("scenarios/rotation/next-key-on-429.yaml", None, &[Verdict::Pass]), unjudged]);
    run.interrupted = Some(String::from("Ctrl-C after 3 s"));
    run
}

/// A run of many cases of one scenario, every tenth of which fails.
pub(crate) fn large(cases: usize) -> RunRecord {
    let trials = (0..cases).map(|number| {
        let verdict = if number % 10 == 0 { Verdict::Fail } else { Verdict::Pass };
        let mut trial = trial("scenarios/matrix/all.yaml", Some(&format!("case {number}")), &[verdict]);
        trial.judged[0].shown = Some(Shown::Tree(tree(vec![attempt("first", 2.0, "200")])));
        trial
    });
    run(trials.collect())
}

/// Text that breaks terminals and documents: a colour, a NUL, a C1 control, an override of the reading direction, an
/// end of CDATA, characters that no XML document may hold, and a line end.
pub(crate) const HOSTILE: &str =
    "\u{1b}[31mred\u{1b}[0m \0 \u{9b}1m \u{202e}gnp.exe ]]> <![CDATA[ &amp; \u{fffe}\u{ffff} \"'\r\n\ttail";

fn failed() -> TrialRecord {
    let file = "scenarios/rotation/next-key-on-429.yaml";
    let mut failed = trial(
        file,
        Some("two of three keys are limited"),
        &[Verdict::Fail, Verdict::Pass, Verdict::Warn, Verdict::KnownFailure],
    );
    let mut offending = attempt("first", 41.9, "429 rate_limit");
    (offending.offends, offending.note) = (true, Some(String::from("same key again")));
    let mut slow = attempt("second", 20.3, "429 rate_limit");
    slow.note = Some(String::from("waited 19 ms before it although the key was free"));
    failed.judged[0].expected = String::from("at most 1 attempt for each exchange and key");
    failed.judged[0].observed = String::from("2 attempts of exchange 1 with the key `first` of `openai`");
    failed.judged[0].shown =
        Some(Shown::Tree(tree(vec![attempt("first", 1.2, "429 rate_limit"), slow, offending])));
    failed.judged[2].observed = String::from("the share was 93.1% over 2,000 attempts");
    failed.judged[2].shown = Some(Shown::Numbers(vec![
        (String::from("attempts"), String::from("2,000")),
        (String::from("answered 200"), String::from("1,862")),
        (String::from("share"), String::from("93.1%")),
        (String::from("asked for"), String::from("at least 95%")),
    ]));
    failed.judged[3].observed = String::from("confessed until 2027-06-30: the alias is resolved too late");
    failed.unjoined = Unjoined { unmarked: 2, foreign: 1, lost: 1, doubtful: 1 };
    failed
}

fn doubtful() -> TrialRecord {
    let file = "scenarios/spike/slow-down.yaml";
    let mut doubtful =
        trial(file, None, &[Verdict::Inconclusive, Verdict::NotExercised, Verdict::UnexpectedPass]);
    doubtful.judged[0].observed = String::from("the harness ran 310 ms late, and the grace is 50 ms");
    let attempts = (0..5).map(|number| attempt("first", 30_000.0 + f64::from(number) * 250.0, "200"));
    doubtful.judged[0].shown = Some(Shown::Window(Window {
        title: String::from("attempts within 1 s after the first `slow_down`"),
        attempts: attempts.collect(),
        left_out: 37,
    }));
    doubtful.judged[1].observed =
        String::from("no attempt met the script entry `slow down`, so there is no witness");
    doubtful
}

fn blocked() -> TrialRecord {
    let mut blocked = trial("scenarios/health/ready.yaml", None, &[Verdict::Blocked; 3]);
    for judged in &mut blocked.judged {
        judged.observed =
            String::from("the target ended with exit code 1 before it was ready (waited 412 ms of 10 s)");
        judged.expected = String::from("a ready target");
    }
    blocked.log_tail = vec![
        String::from("INFO reading config.toml"),
        String::from(
            "\u{1b}[31mERROR\u{1b}[0m unknown field `pools`, expected `pool` at line 3 column 1 of the configuration",
        ),
    ];
    blocked
}

/// A storm of attempts, and text that no report may pass on as it is.
fn hostile() -> TrialRecord {
    let mut hostile = trial(
        "scenarios/protocol/odd's names.yaml",
        Some("שלום 🌪️ 漢字\u{1b}[2J"),
        &[Verdict::Fail, Verdict::NotClaimed],
    );
    hostile.judged[0].say = format!("the text 🦀 arrives whole {HOSTILE}");
    hostile.judged[0].expected = HOSTILE.to_owned();
    hostile.judged[0].observed = format!("{HOSTILE}\n- שלום\n+ םולש {}", "漢字".repeat(60));
    hostile.judged[0].line = SourceLine {
        file: hostile.file.clone(),
        line: 1_204,
        column: 71,
        length: 12,
        text: format!(
            "    exchanges: {{ every: {{ text: \"漢字 and much else {}\", status: 200 }} }}",
            "x ".repeat(40)
        ),
    };
    let mut attempts: Vec<_> =
        (0..400).map(|number| attempt(&format!("k{}", number % 7), f64::from(number) * 1.5, "500")).collect();
    for index in [40, 41, 350] {
        (attempts[index].offends, attempts[index].note) = (true, Some(String::from(HOSTILE)));
    }
    attempts[2].upstream = "an upstream with a name that no table has room for".to_owned();
    attempts[2].result = HOSTILE.to_owned();
    hostile.judged[0].shown = Some(Shown::Tree(tree(attempts)));
    hostile
}

fn ignored(file: &str, verdict: Verdict, reason: &str) -> TrialRecord {
    let mut ignored = trial(file, None, &[verdict]);
    ignored.judged[0].observed = reason.to_owned();
    (ignored.started, ignored.took_ms, ignored.folder) = (None, 0, None);
    ignored
}

fn run(trials: Vec<TrialRecord>) -> RunRecord {
    RunRecord {
        format: EVIDENCE_FORMAT,
        tool: String::from("0.1.0"),
        tool_sha256: "0123456789abcdef".repeat(4),
        scenarios_sha256: "89abcdef01234567".repeat(4),
        suite_sha256: "76543210fedcba98".repeat(4),
        notes: vec![],
        started: String::from("2026-11-21T04:05:06.789Z"),
        took_ms: 12_345,
        seed: 7,
        target: TargetRecord {
            name: String::from("stormproof-router"),
            version: Some(String::from("0.1.0")),
            profile: String::from("fixtures/targets/router.yaml"),
            profile_sha256: "fedcba9876543210".repeat(4),
            defect: None,
        },
        command: String::from("stormproof run scenarios/ --seed 7"),
        interrupted: None,
        rules: rules(),
        trials,
    }
}

/// The rules that [`trial`] cites, in its order.
fn rules() -> Vec<RuleRecord> {
    let rule = |id: &str, level, says: &str, sources: &[&str]| RuleRecord {
        id: id.to_owned(),
        chapter: String::from("rotation"),
        level,
        says: says.to_owned(),
        sources: sources.iter().map(|source| String::from(*source)).collect(),
    };
    vec![
        rule(
            "ROT-003",
            Level::Must,
            "No key is tried twice in one client request while an untried eligible key exists.",
            &["LiteLLM issue 9717", "a rotator's own source"],
        ),
        rule(
            "ROT-001",
            Level::Must,
            "A 429 on one key leads to another healthy key within the same request.",
            &[],
        ),
        rule(
            "SPK-001",
            Level::Should,
            "In a step of 10x load the share of 429 answers stays small.",
            &["OpenAI's guide"],
        ),
        rule("OBS-005", Level::May, "Attempts are shown to the operator.", &["experience"]),
    ]
}

fn trial(file: &str, case: Option<&str>, verdicts: &[Verdict]) -> TrialRecord {
    let cited = ["ROT-003", "ROT-001", "SPK-001", "OBS-005"];
    let says = [
        "no key is asked twice for one request",
        "the client gets an answer",
        "few answers are 429",
        "attempts are told",
    ];
    let judged = verdicts.iter().enumerate().map(|(index, verdict)| Judged {
        rule: cited[index].to_owned(),
        say: says[index].to_owned(),
        verdict: *verdict,
        doubt: None,
        unmet: false,
        expected: String::from("every exchange: status 200"),
        observed: String::from("6 of 6 exchanges"),
        shown: None,
        line: SourceLine {
            file: file.to_owned(),
            line: 54 + u32::try_from(index).unwrap() * 4,
            column: 15,
            length: 57,
            text: String::from("    attempts: { per: [exchange, key], count: { at_most: 1 } }"),
        },
    });
    TrialRecord {
        name: case.map_or_else(|| file.to_owned(), |case| format!("{file}::{case}")),
        file: file.to_owned(),
        title: String::from("A rate-limited key is passed over and the next key answers"),
        about: None,
        case: case.map(str::to_owned),
        scenario_sha256: "76543210fedcba98".repeat(4),
        stage: String::from("hermetic"),
        verdict: worst_of(verdicts.iter().copied()).unwrap_or(Verdict::Pass),
        judged: judged.collect(),
        seed: 7,
        started: Some(String::from("2026-11-21T04:05:07Z")),
        took_ms: 1_234,
        exchanges: 6,
        attempts: 8,
        unjoined: Unjoined::default(),
        phases: vec![],
        log_tail: vec![],
        folder: Some(String::from("trials/1")),
        earlier: vec![],
    }
}

fn tree(attempts: Vec<AttemptShown>) -> Tree {
    Tree {
        exchange: 1,
        traffic: String::from("ask again"),
        request: String::from("ask"),
        at_ms: 0.0,
        took_ms: Some(61.04),
        result: String::from("429 rate_limit_exceeded"),
        attempts,
    }
}

fn attempt(key: &str, at_ms: f64, result: &str) -> AttemptShown {
    let limited = result.starts_with("429");
    AttemptShown {
        upstream: String::from("openai"),
        key: key.to_owned(),
        at_ms,
        took_ms: Some(0.84),
        result: result.to_owned(),
        script: limited.then(|| String::from("limited")),
        hint_ms: limited.then_some(20_000),
        offends: false,
        note: None,
    }
}

/// A phase whose response times are these milliseconds.
fn phase(name: &str, milliseconds: impl Iterator<Item = u64>) -> PhaseSummary {
    let mut response = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).unwrap();
    let mut lateness = response.clone();
    for millisecond in milliseconds {
        response.record(millisecond * 1_000).unwrap();
        lateness.record(millisecond % 10).unwrap();
    }
    let empty = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).unwrap();
    PhaseSummary {
        name: name.to_owned(),
        planned: response.len(),
        sent: response.len(),
        failed: 0,
        response: serialised(&response),
        service: serialised(&empty),
        lateness: serialised(&lateness),
        queued: 0,
        streams: None,
    }
}

fn serialised(histogram: &Histogram<u64>) -> String {
    let mut bytes = vec![];
    V2Serializer::new().serialize(histogram, &mut bytes).unwrap();
    BASE64_STANDARD.encode(bytes)
}
