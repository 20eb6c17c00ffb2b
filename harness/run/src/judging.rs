//! From a trial's evidence to its verdicts: the live run and the `judge` command both come here.

use std::collections::HashMap;

use record::{Entry, Fact, Judged, NameId, PhaseFigures, PhaseSummary, Verdict};
use scenario::{Case, ScenarioFile};
use verdict::{BASE_GRACE, Judge, Merged, Observable, Question};

use crate::bench::Bench;
use crate::confession::confessed;
use crate::evidence::{EvidenceError, Reader, TrialFolder};
use crate::plan::unclaimed;

/// What a trial's evidence says.
#[derive(Clone, Debug)]
pub struct JudgedTrial {
    /// Its expectations in the order of the scenario.
    pub judged: Vec<Judged>,
    /// How many exchanges there were.
    pub exchanges: u64,
    /// How many attempts there were.
    pub attempts: u64,
    /// Its phases with their figures.
    pub phases: Vec<PhaseSummary>,
}

/// Judges the evidence in a folder.
///
/// # Errors
///
/// If the evidence cannot be read.
pub fn judge_folder(
    bench: &Bench,
    file: &ScenarioFile,
    case: &Case,
    folder: TrialFolder,
) -> Result<JudgedTrial, EvidenceError> {
    let reader = Reader::open(folder)?;
    let observable = bench.observable();
    let mut judge = Judge::new(question(bench, case, &observable));
    let (mut names, mut figures) = (HashMap::new(), Vec::new());
    let (mut exchanges, mut attempts) = (0, 0);
    let (mut began, mut cut_short, mut mistakes) = (false, None, Vec::new());
    for fact in Merged::new(reader.entries()?, reader.exchanges()?, reader.attempts()?) {
        let fact = fact?;
        judge.fact(&fact);
        match fact {
            Fact::Exchange(_) => exchanges += 1,
            Fact::Attempt(_) => attempts += 1,
            Fact::Entry(entry) => match *entry {
                Entry::Name { id, text } => drop(names.insert(id, text)),
                Entry::Figures(phase) => figures.push(phase),
                Entry::Began { .. } => began = true,
                Entry::End(end) => cut_short = end.cut_short,
                Entry::Mistake(mistake) => mistakes.push(mistake),
                _ => {}
            },
        }
    }
    let judged = match cut_short {
        _ if !mistakes.is_empty() => {
            let reason = format!("the scenario asks for what cannot be done: {}", mistakes.join("; "));
            blocked(bench, file, case, &reason)
        }
        // What was seen of a target that never became ready, such as its first health checks, proves nothing.
        Some(reason) if !began => blocked(bench, file, case, &reason),
        _ => in_the_light_of_the_profile(bench, file, case, judge.finish()),
    };
    let phases = figures.into_iter().map(|phase| summary(phase, &names)).collect();
    Ok(JudgedTrial { judged, exchanges, attempts, phases })
}

/// The verdicts of a case whose target could not be put to the test.
pub(crate) fn blocked(bench: &Bench, file: &ScenarioFile, case: &Case, reason: &str) -> Vec<Judged> {
    let judged = verdict::blocked(&question(bench, case, &bench.observable()), reason);
    in_the_light_of_the_profile(bench, file, case, judged)
}

/// The verdicts of a case that is not put to the test.
pub(crate) fn ignored(bench: &Bench, case: &Case, verdict: Verdict, reason: &str) -> Vec<Judged> {
    verdict::ignored(&question(bench, case, &bench.observable()), verdict, reason)
}

fn question<'a>(bench: &'a Bench, case: &'a Case, observable: &'a Observable) -> Question<'a> {
    Question {
        scenario: &case.scenario,
        rules: &bench.suite.rules,
        sources: &bench.suite.sources,
        bounds: &bench.bounds,
        observable,
        strict: bench.strict,
        base_grace: BASE_GRACE,
    }
}

fn in_the_light_of_the_profile(
    bench: &Bench,
    file: &ScenarioFile,
    case: &Case,
    judged: Vec<Judged>,
) -> Vec<Judged> {
    confessed(&bench.confessions, (file, case), bench.strict, claimed_only(bench, judged))
}

/// Takes back the verdicts on rules that ask for something which the target does not claim.
fn claimed_only(bench: &Bench, judged: Vec<Judged>) -> Vec<Judged> {
    let claimed = |judged: Judged| {
        let rule = bench.suite.rules.get(&judged.rule);
        match rule.and_then(|rule| unclaimed(rule, &bench.claims)) {
            Some(reason) => Judged { verdict: Verdict::NotClaimed, observed: reason, shown: None, ..judged },
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
        response: figures.response,
        service: figures.service,
        lateness: figures.lateness,
    }
}
