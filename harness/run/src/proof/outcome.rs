//! What the rules came to under a defect, and which trials did not pass without one.

use std::collections::BTreeSet;

use record::{CameTo, DefectRecord, HealthyRecord, Judged, PairRecord, TrialOutcome, TrialRecord, Verdict};

use super::ProofRun;

/// What the trials came to where nothing was broken on purpose.
#[must_use]
pub fn healthy_record(records: &[TrialRecord]) -> HealthyRecord {
    let unsound = records.iter().filter_map(|record| outcome(record, |judged| !is_sound(judged)));
    HealthyRecord { trials: records.len(), unsound: unsound.collect() }
}

/// What the rules came to under the defect of a run.
#[must_use]
pub fn defect_record(run: &ProofRun, about: &str, records: &[TrialRecord]) -> DefectRecord {
    let red: BTreeSet<&str> = records
        .iter()
        .flat_map(|record| &record.judged)
        .filter(|judged| is_red(judged))
        .map(|judged| judged.rule.as_str())
        .collect();
    DefectRecord {
        name: run.defect.clone().unwrap_or_default(),
        about: about.to_owned(),
        trials: records.len(),
        folder: None,
        rules: run.rules.iter().map(|rule| pair(run, rule, records)).collect(),
        broken_controls: broken(&run.controls, records).into_iter().collect(),
        also: red
            .iter()
            .filter(|rule| !run.rules.iter().any(|own| own == *rule))
            .map(ToString::to_string)
            .collect(),
    }
}

/// The rules of a run that no trial so far turned red.
pub(super) fn not_red<'r>(run: &'r ProofRun, records: &[TrialRecord]) -> Vec<&'r str> {
    let is_red = |rule: &&String| {
        records.iter().flat_map(|record| &record.judged).any(|judged| judged.rule == **rule && is_red(judged))
    };
    run.rules.iter().filter(|rule| !is_red(rule)).map(String::as_str).collect()
}

fn pair(run: &ProofRun, rule: &str, records: &[TrialRecord]) -> PairRecord {
    let of_rule = |record: &TrialRecord| -> Vec<Judged> {
        record.judged.iter().filter(|judged| judged.rule == rule).cloned().collect()
    };
    let red_in: Vec<String> = records
        .iter()
        .filter(|record| of_rule(record).iter().any(is_red))
        .map(|record| record.name.clone())
        .collect();
    let (came_to, why_not) = if red_in.is_empty() {
        let all: Vec<(String, Judged)> = records
            .iter()
            .flat_map(|record| of_rule(record).into_iter().map(|judged| (record.name.clone(), judged)))
            .collect();
        match (all.iter().find(|(_, judged)| judged.verdict != Verdict::Pass), run.gated.get(rule)) {
            (Some((trial, judged)), _) => {
                let verdict = judged.verdict.words();
                (CameTo::Unclear, Some(format!("{trial}: {verdict}: {}", judged.observed)))
            }
            // A trial that was not run might have seen it.
            (None, Some(reason)) => (CameTo::Gated, Some(reason.clone())),
            (None, _) => (CameTo::Green, None),
        }
    } else {
        (CameTo::Red, None)
    };
    PairRecord { rule: rule.to_owned(), came_to, red_in, why_not }
}

/// One of some trials, if none of them passed.
pub(super) fn broken(names: &BTreeSet<String>, records: &[TrialRecord]) -> Option<TrialOutcome> {
    let of_names = records.iter().filter(|record| names.contains(&record.name));
    let outcomes: Option<Vec<TrialOutcome>> =
        of_names.map(|record| outcome(record, |judged| !is_sound(judged))).collect();
    outcomes?.into_iter().next()
}

/// A trial with its worst verdict, if something in it is amiss.
fn outcome(record: &TrialRecord, is_amiss: impl Fn(&&Judged) -> bool) -> Option<TrialOutcome> {
    let worst = record.judged.iter().filter(is_amiss).max_by_key(|judged| judged.verdict)?;
    Some(TrialOutcome {
        trial: record.name.clone(),
        verdict: worst.verdict,
        observed: format!("{}: {}", worst.rule, worst.observed),
    })
}

/// Whether an expectation does not hold, by whatever level its rule has.
fn is_red(judged: &Judged) -> bool {
    judged.unmet || matches!(judged.verdict, Verdict::Fail | Verdict::Warn)
}

/// Whether an expectation holds, or is none of this target.
fn is_sound(judged: &Judged) -> bool {
    !judged.unmet && (judged.verdict == Verdict::Pass || judged.verdict.is_ignored())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use record::{SourceLine, Unjoined};

    use super::*;

    fn judged(rule: &str, verdict: Verdict) -> Judged {
        Judged {
            rule: rule.to_owned(),
            say: String::new(),
            verdict,
            doubt: None,
            unmet: false,
            expected: String::new(),
            observed: "seen".to_owned(),
            shown: None,
            line: SourceLine { file: String::new(), line: 1, column: 1, length: 1, text: String::new() },
        }
    }

    fn trial(name: &str, judged: Vec<Judged>) -> TrialRecord {
        TrialRecord {
            name: name.to_owned(),
            file: name.to_owned(),
            title: String::new(),
            about: None,
            case: None,
            scenario_sha256: String::new(),
            stage: "hermetic".to_owned(),
            verdict: record::worst_of(judged.iter().map(|judged| judged.verdict)).unwrap_or(Verdict::Pass),
            judged,
            seed: 7,
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

    fn run(rules: &[&str]) -> ProofRun {
        ProofRun {
            defect: Some("d".to_owned()),
            rules: rules.iter().map(ToString::to_string).collect(),
            trials: Vec::new(),
            further: Vec::new(),
            controls: BTreeSet::from(["control".to_owned()]),
            gated: BTreeMap::from([("R-5".to_owned(), "performance is off".to_owned())]),
        }
    }

    #[test]
    fn a_rule_is_red_if_it_does_not_hold_in_one_trial_by_whatever_level_it_has() {
        let unmet = Judged { unmet: true, ..judged("R-3", Verdict::Pass) };
        let records = [
            trial("a", vec![judged("R-1", Verdict::Pass), judged("R-2", Verdict::Warn), unmet]),
            trial("b", vec![judged("R-1", Verdict::Fail), judged("R-9", Verdict::Fail)]),
        ];
        let alone = ProofRun { controls: BTreeSet::new(), ..run(&["R-1", "R-2", "R-3"]) };
        let record = defect_record(&alone, "it breaks", &records);
        let came: Vec<_> = record.rules.iter().map(|pair| (pair.came_to, pair.red_in.join(" "))).collect();
        let red = |by: &str| (CameTo::Red, by.to_owned());
        assert_eq!(came, [red("b"), red("a"), red("a")]);
        assert_eq!((record.also, record.trials), (vec!["R-9".to_owned()], 2));
        assert!(record.broken_controls.is_empty());
    }

    #[test]
    fn a_rule_that_is_not_red_says_why() {
        let records = [
            trial("a", vec![judged("R-1", Verdict::Pass), judged("R-2", Verdict::Pass)]),
            trial("b", vec![judged("R-2", Verdict::Blocked)]),
            trial("control", vec![judged("R-8", Verdict::Inconclusive), judged("R-9", Verdict::Fail)]),
        ];
        let record = defect_record(&run(&["R-1", "R-2", "R-5"]), "", &records);
        let why: Vec<_> = record.rules.iter().map(|pair| (pair.came_to, pair.why_not.as_deref())).collect();
        assert_eq!(
            why,
            [
                (CameTo::Green, None),
                (CameTo::Unclear, Some("b: blocked: seen")),
                (CameTo::Gated, Some("performance is off")),
            ]
        );
        let [control] = record.broken_controls.as_slice() else { panic!("{:?}", record.broken_controls) };
        assert_eq!((control.verdict, control.observed.as_str()), (Verdict::Fail, "R-9: seen"));
    }

    #[test]
    fn without_a_defect_all_but_what_is_none_of_the_target_must_pass() {
        let record = healthy_record(&[
            trial("a", vec![judged("R-1", Verdict::Pass), judged("R-2", Verdict::NotClaimed)]),
            trial("b", vec![judged("R-1", Verdict::NotExercised)]),
        ]);
        assert_eq!((record.trials, record.unsound.len()), (2, 1));
        assert_eq!(record.unsound[0].trial, "b");
    }
}
