//! From a trial's evidence to what became of it: the live run and the `judge` command both come here, and know nothing else.

use std::collections::{HashMap, VecDeque};

use record::{
    EarlierTry, Entry, Fact, Judged, NameId, PhaseFigures, PhaseSummary, TrialHeader, TrialRecord, Unjoined,
    Verdict, worst_of,
};
use scenario::{Case, ScenarioFile};
use verdict::{BASE_GRACE, Judge, Judgement, Merged, Observable, Question};

use crate::bench::Bench;
use crate::confession::confessed;
use crate::evidence::{EvidenceError, Reader, TrialFolder};
use crate::plan::unclaimed;

/// Why a trial cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgingError {
    /// Its evidence cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The run is judged by scenarios without this one.
    #[error("the scenario of `{0}` is not among those of the run")]
    NoScenario(String),
}

/// What became of a trial by the evidence in its folder: the last of its tries decides. None where there is no evidence.
///
/// # Errors
///
/// If the evidence cannot be read, or is of no scenario that is known.
pub fn judge_trial(bench: &Bench, folder: &TrialFolder) -> Result<Option<TrialRecord>, JudgingError> {
    let mut tries = Vec::new();
    for folder in folder.tries() {
        tries.push(judge_try(bench, folder)?);
    }
    let Some(last) = tries.pop() else { return Ok(None) };
    let earlier = tries.into_iter().map(EarlierTry::from).collect();
    Ok(Some(TrialRecord { earlier, ..last }))
}

/// What became of one try.
fn judge_try(bench: &Bench, folder: TrialFolder) -> Result<TrialRecord, JudgingError> {
    let name = folder.name().to_owned();
    let reader = Reader::open(folder)?;
    let header = reader.header().clone();
    let Some((file, case)) = bench.case(&header) else { return Err(JudgingError::NoScenario(header.name)) };
    let seen = Seen::read(&reader, question(bench, case, &bench.observable()))?;
    let judged = match seen.cut_short {
        _ if !seen.mistakes.is_empty() => {
            let mistakes = seen.mistakes.join("; ");
            let reason = format!("the scenario asks for what cannot be done: {mistakes}");
            blocked(bench, (file, case), &reason)
        }
        // What was seen of a target that never became ready, such as its first health checks, proves nothing.
        Some(reason) if !seen.began => blocked(bench, (file, case), &reason),
        _ => in_the_light_of_the_profile(bench, (file, case), seen.judgement.judged),
    };
    Ok(TrialRecord {
        scenario_sha256: header.scenario_sha256.clone(),
        started: header.started.clone(),
        took_ms: seen.took_ms,
        exchanges: seen.exchanges,
        attempts: seen.attempts,
        unjoined: seen.judgement.unjoined,
        phases: seen.phases,
        log_tail: seen.log_tail.into(),
        folder: Some(name),
        ..unseen(&header.name, header.seed, (file, case), judged)
    })
}

/// The record of a trial of which there is no evidence, with what it was found to be all the same.
pub(crate) fn unseen(
    name: &str,
    seed: u64,
    (file, case): (&ScenarioFile, &Case),
    judged: Vec<Judged>,
) -> TrialRecord {
    TrialRecord {
        name: name.to_owned(),
        file: file.name.clone(),
        title: case.scenario.title.value.clone(),
        about: case.scenario.about.clone(),
        case: case.name.clone(),
        scenario_sha256: file.sha256.clone(),
        stage: case.scenario.stage.word().to_owned(),
        verdict: worst_of(judged.iter().map(|judged| judged.verdict)).unwrap_or(Verdict::NotExercised),
        judged,
        seed,
        started: None,
        took_ms: 0,
        exchanges: 0,
        attempts: 0,
        unjoined: Unjoined::default(),
        phases: Vec::new(),
        log_tail: Vec::new(),
        folder: None,
        earlier: Vec::new(),
    }
}

/// The verdicts of a case whose target could not be put to the test.
pub(crate) fn blocked(bench: &Bench, (file, case): (&ScenarioFile, &Case), reason: &str) -> Vec<Judged> {
    let judged = verdict::blocked(&question(bench, case, &bench.observable()), reason);
    in_the_light_of_the_profile(bench, (file, case), judged)
}

/// The verdicts of a case that is not put to the test.
pub(crate) fn ignored(bench: &Bench, case: &Case, verdict: Verdict, reason: &str) -> Vec<Judged> {
    verdict::ignored(&question(bench, case, &bench.observable()), verdict, reason)
}

/// How many of the last lines of the target's log are told.
const MOST_LOG_LINES: usize = 100;

/// What the evidence of a try says.
struct Seen {
    judgement: Judgement,
    exchanges: u64,
    attempts: u64,
    phases: Vec<PhaseSummary>,
    log_tail: VecDeque<String>,
    began: bool,
    cut_short: Option<String>,
    mistakes: Vec<String>,
    /// How long it took, by the trial's own clock; nothing if its end is not in the evidence.
    took_ms: u64,
}

impl Seen {
    fn read(reader: &Reader, question: Question<'_>) -> Result<Self, EvidenceError> {
        let mut judge = Judge::new(question);
        let (mut names, mut figures) = (HashMap::new(), Vec::new());
        let mut seen = Self {
            judgement: Judgement { judged: Vec::new(), unjoined: Unjoined::default() },
            exchanges: 0,
            attempts: 0,
            phases: Vec::new(),
            log_tail: VecDeque::new(),
            began: false,
            cut_short: None,
            mistakes: Vec::new(),
            took_ms: 0,
        };
        for fact in Merged::new(reader.entries()?, reader.exchanges()?, reader.attempts()?) {
            let fact = fact?;
            judge.fact(&fact);
            match fact {
                Fact::Exchange(_) => seen.exchanges += 1,
                Fact::Attempt(_) => seen.attempts += 1,
                Fact::Entry(entry) => match *entry {
                    Entry::Name { id, text } => drop(names.insert(id, text)),
                    Entry::Figures(phase) => figures.push(phase),
                    other => seen.entry(other),
                },
            }
        }
        seen.phases = figures.into_iter().map(|phase| summary(phase, &names)).collect();
        seen.judgement = judge.finish();
        Ok(seen)
    }

    fn entry(&mut self, entry: Entry) {
        match entry {
            Entry::Began { .. } => self.began = true,
            Entry::Mistake(mistake) => self.mistakes.push(mistake),
            Entry::Log { line, .. } => {
                self.log_tail.push_back(line);
                if self.log_tail.len() > MOST_LOG_LINES {
                    self.log_tail.pop_front();
                }
            }
            Entry::End(end) => {
                self.took_ms = end.at.0 / 1_000_000;
                self.cut_short = end.cut_short;
            }
            _ => {}
        }
    }
}

impl Bench {
    /// The case that evidence is the evidence of.
    fn case(&self, header: &TrialHeader) -> Option<(&ScenarioFile, &Case)> {
        let file = self.suite.scenarios.iter().find(|file| file.name == header.file)?;
        Some((file, file.cases.iter().find(|case| case.name == header.case)?))
    }
}

fn question<'a>(bench: &'a Bench, case: &'a Case, observable: &'a Observable) -> Question<'a> {
    Question {
        scenario: &case.scenario,
        rules: &bench.suite.rules,
        sources: &bench.suite.sources,
        bounds: &bench.bounds,
        observable,
        strict: bench.strict,
        contract: bench.contract,
        base_grace: BASE_GRACE,
    }
}

fn in_the_light_of_the_profile(
    bench: &Bench,
    (file, case): (&ScenarioFile, &Case),
    judged: Vec<Judged>,
) -> Vec<Judged> {
    confessed(&bench.confessions, (file, case), bench.strict, claimed_only(bench, judged))
}

/// Takes back the verdicts on rules that ask for something which the target does not claim.
fn claimed_only(bench: &Bench, judged: Vec<Judged>) -> Vec<Judged> {
    let claimed = |judged: Judged| {
        let rule = bench.suite.rules.get(&judged.rule);
        match rule.and_then(|rule| unclaimed(rule, &bench.claims)) {
            Some(observed) => {
                let verdict = Verdict::NotClaimed;
                Judged { verdict, doubt: None, unmet: false, observed, shown: None, ..judged }
            }
            None => judged,
        }
    };
    judged.into_iter().map(claimed).collect()
}

fn summary(figures: PhaseFigures, names: &HashMap<NameId, String>) -> PhaseSummary {
    PhaseSummary {
        name: names.get(&figures.traffic).cloned().unwrap_or_default(),
        planned: figures.planned,
        sent: figures.sent,
        failed: figures.failed,
        queued: figures.queued,
        response: figures.response,
        service: figures.service,
        lateness: figures.lateness,
        streams: figures.streams,
    }
}
