//! `stormproof judge`: judges the evidence of a run again, and says whether the verdicts are those of the run.

use std::fs;

use record::{RunRecord, TrialRecord, worst_of};
use report::terminal::{Palette, stories, summary};
use run::{Bench, Exit, Reader, RunFolder, TrialFolder, judge_folder};

use crate::args::{Color, JudgeArgs};
use crate::reports::{self, Heading};
use crate::settings::Refusal;
use crate::terminal::{colours, say, tell};

/// Judges a run.
pub(crate) fn judge(args: &JudgeArgs) -> Exit {
    let folder = RunFolder::open(&args.run);
    match judge_run(&folder) {
        Ok(Judgement { run, differences }) => {
            let palette = if colours(Color::Auto) { Palette::colour() } else { Palette::plain() };
            say(&stories(&run, &palette));
            say(&summary(&run, &args.run.display().to_string(), &palette));
            say(&match differences {
                None => "the run itself was killed before it was judged\n".to_owned(),
                Some(differences) if differences.is_empty() => {
                    "agrees with the run in every verdict\n".to_owned()
                }
                Some(differences) => format!("differs from the run:\n{}\n", differences.join("\n")),
            });
            Exit::of(&run, &[])
        }
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    }
}

struct Judgement {
    run: RunRecord,
    /// Where it differs from what the run itself found; none if the run found nothing.
    differences: Option<Vec<String>>,
}

fn judge_run(folder: &RunFolder) -> Result<Judgement, Refusal> {
    let bench = Bench::load(folder).map_err(Refusal::misused)?;
    let before = fs::read_to_string(folder.run()).ok().and_then(|text| report::json::read(&text).ok());
    let mut trials = Vec::new();
    for trial in folder.trials().map_err(Refusal::misused)? {
        trials.extend(judge_trial(&bench, trial)?);
    }
    let Some(before) = before else {
        let heading = Heading::unknown(&bench);
        return Ok(Judgement { run: reports::record(&heading, &bench, trials, None), differences: None });
    };
    let differences = before.trials.iter().flat_map(|before| differences(before, &trials)).collect();
    let known = |trial: &TrialRecord| trials.iter().find(|judged| judged.name == trial.name).cloned();
    let trials = before.trials.iter().map(|trial| joined(trial, known(trial))).collect();
    Ok(Judgement { run: RunRecord { trials, ..before }, differences: Some(differences) })
}

/// The verdicts that follow from a trial's evidence; none where it left only a part of a report.
fn judge_trial(bench: &Bench, folder: TrialFolder) -> Result<Option<TrialRecord>, Refusal> {
    if !folder.entries().exists() {
        return Ok(None);
    }
    let name = folder.name().to_owned();
    let header = Reader::open(folder.clone()).map_err(Refusal::misused)?.header().clone();
    let file = bench.suite.scenarios.iter().find(|file| file.name == header.file);
    let case = file.and_then(|file| Some((file, file.cases.iter().find(|case| case.name == header.case)?)));
    let Some((file, case)) = case else {
        return Err(Refusal::misused(format!(
            "the scenario of `{}` is not among those of the run",
            header.name
        )));
    };
    let judged = judge_folder(bench, file, case, folder).map_err(Refusal::misused)?;
    Ok(Some(TrialRecord {
        name: header.name,
        file: header.file,
        title: case.scenario.title.value.clone(),
        about: case.scenario.about.clone(),
        case: header.case,
        stage: case.scenario.stage.word().to_owned(),
        verdict: worst_of(judged.judged.iter().map(|judged| judged.verdict))
            .unwrap_or(record::Verdict::NotExercised),
        judged: judged.judged,
        seed: header.seed,
        started: None,
        took_ms: 0,
        exchanges: judged.exchanges,
        attempts: judged.attempts,
        phases: judged.phases,
        log_tail: Vec::new(),
        folder: Some(name),
    }))
}

/// A trial of the run with the verdicts of now.
fn joined(before: &TrialRecord, now: Option<TrialRecord>) -> TrialRecord {
    match now {
        Some(now) => TrialRecord { verdict: now.verdict, judged: now.judged, ..before.clone() },
        None => before.clone(),
    }
}

fn differences(before: &TrialRecord, now: &[TrialRecord]) -> Vec<String> {
    let Some(now) = now.iter().find(|now| now.name == before.name) else { return Vec::new() };
    let pairs = before.judged.iter().zip(&now.judged).filter(|(before, now)| before != now);
    pairs
        .map(|(then, now)| {
            format!(
                "  {} {}: {} then, {} now",
                before.name,
                then.rule,
                then.verdict.words(),
                now.verdict.words()
            )
        })
        .collect()
}
