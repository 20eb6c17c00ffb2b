//! Where two judgements of one run differ: every expectation is held against its own, and none is passed over.

use record::{Judged, RunRecord, TrialRecord};

/// Where a run differs from what was found before, a line each; empty if both are the same to the letter.
pub(super) fn differences(before: &RunRecord, now: &RunRecord) -> Vec<String> {
    let mut told = Vec::new();
    for trial in &now.trials {
        match before.trials.iter().find(|before| before.name == trial.name) {
            Some(before) => told.extend(of_trial(before, trial)),
            None => told.push(format!("  {}: the run was killed before it was judged", trial.name)),
        }
    }
    told
}

fn of_trial(before: &TrialRecord, now: &TrialRecord) -> Vec<String> {
    let mut told = of_expectations(&before.judged, &now.judged);
    let tries = before.earlier.len().max(now.earlier.len());
    for number in 0..tries {
        let judged = |trial: &TrialRecord| trial.earlier.get(number).map(|earlier| earlier.judged.clone());
        match (judged(before), judged(now)) {
            (Some(before), Some(now)) => told.extend(of_expectations(&before, &now)),
            _ => told.push(format!("{} tries then, {} now", before.earlier.len() + 1, now.earlier.len() + 1)),
        }
    }
    let counts = |trial: &TrialRecord| (trial.exchanges, trial.attempts, trial.unjoined);
    if counts(before) != counts(now) {
        told.push(format!(
            "{} exchanges and {} attempts then ({} of them joined nothing), {} and {} now ({})",
            before.exchanges,
            before.attempts,
            before.unjoined.total(),
            now.exchanges,
            now.attempts,
            now.unjoined.total()
        ));
    }
    if told.is_empty() && before != now {
        told.push("its times, phases or log are others".to_owned());
    }
    told.into_iter().map(|line| format!("  {}: {line}", now.name)).collect()
}

fn of_expectations(before: &[Judged], now: &[Judged]) -> Vec<String> {
    if before.len() != now.len() {
        return vec![format!("{} expectations then, {} now", before.len(), now.len())];
    }
    before.iter().zip(now).filter_map(|(before, now)| of_expectation(before, now)).collect()
}

fn of_expectation(before: &Judged, now: &Judged) -> Option<String> {
    let what = if before.verdict != now.verdict {
        format!("{} then, {} now", before.verdict.words(), now.verdict.words())
    } else if before.observed != now.observed {
        format!("`{}` then, `{}` now", before.observed, now.observed)
    } else if before != now {
        "the same verdict, told otherwise".to_owned()
    } else {
        return None;
    };
    Some(format!("{} ({}): {what}", now.rule, now.say))
}
