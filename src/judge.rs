//! `stormproof judge`: judges the evidence of a run again, and says whether it comes to what the run came to, to the letter.

mod changes;
mod differences;
mod older;

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use record::{EVIDENCE_FORMAT, RunRecord, TrialRecord};
use report::terminal::{Palette, stories, summary};
use run::{Bench, Exit, RunFolder, judge_trial};

use crate::args::{Color, JudgeArgs};
use crate::judge::changes::changes;
use crate::judge::differences::differences;
use crate::judge::older::complete;
use crate::reports::{self, Heading};
use crate::settings::Refusal;
use crate::terminal::{colours, say, tell};

/// Judges a run.
pub(crate) fn judge(args: &JudgeArgs) -> Exit {
    let folder = RunFolder::open(&args.run);
    match judge_run(&folder).and_then(|judgement| write(args, judgement)) {
        Ok(Judgement { run, differences }) => {
            let palette = if colours(Color::Auto) { Palette::colour() } else { Palette::plain() };
            let reports = args.reports.as_ref().unwrap_or(&args.run);
            say(&stories(&run, &palette));
            say(&summary(&run, &reports.display().to_string(), &palette));
            say(&match differences {
                None => "the run itself was killed before it was judged\n".to_owned(),
                Some(differences) if differences.is_empty() => {
                    "agrees with the run to the letter\n".to_owned()
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

/// Where judging some trials of a run again differs from what the run found of them.
pub(crate) fn disagreements(folder: &RunFolder, names: &[String]) -> Result<Vec<String>, Refusal> {
    let bench = Bench::load(folder).map_err(Refusal::misused)?;
    let Some(mut before) = saved(folder)? else { return Ok(Vec::new()) };
    before.trials.retain(|trial| names.contains(&trial.name));
    let mut judged = Vec::new();
    for name in names {
        judged.extend(judge_trial(&bench, &folder.trial(name)).map_err(Refusal::misused)?);
    }
    let run = joined(&mut before, judged);
    Ok(differences(&before, &run))
}

struct Judgement {
    run: RunRecord,
    /// Where it differs from what the run itself found; none if the run found nothing.
    differences: Option<Vec<String>>,
}

fn judge_run(folder: &RunFolder) -> Result<Judgement, Refusal> {
    let bench = Bench::load(folder).map_err(Refusal::misused)?;
    let before = saved(folder)?;
    let mut judged = Vec::new();
    for trial in folder.trials().map_err(Refusal::misused)? {
        judged.extend(judge_trial(&bench, &trial).map_err(Refusal::misused)?);
    }
    judged.sort_by(|a: &TrialRecord, b| a.name.cmp(&b.name));
    let Some(mut before) = before else {
        return Ok(Judgement { run: killed(folder, &bench, judged)?, differences: None });
    };
    let mut run = joined(&mut before, judged);
    let differences = Some(differences(&before, &run));
    run.notes.extend(changes(&bench, &run));
    Ok(Judgement { run, differences })
}

/// A run that was killed before it was judged, by what it wrote before its trials; versions before this one wrote nothing then.
fn killed(folder: &RunFolder, bench: &Bench, judged: Vec<TrialRecord>) -> Result<RunRecord, Refusal> {
    let Some(head) = read(&folder.head())? else {
        return Ok(reports::record(&Heading::unknown(bench), bench, judged, None));
    };
    let run = reports::record(&Heading::of(&head), bench, judged, None);
    let mut run = RunRecord {
        tool: head.tool,
        tool_sha256: head.tool_sha256,
        took_ms: until_the_last_trial(&run)
            .map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        ..run
    };
    run.notes.extend(changes(bench, &run));
    Ok(run)
}

/// From the start of a run to the end of the last trial of which it left evidence.
fn until_the_last_trial(run: &RunRecord) -> Option<Duration> {
    let ended = |trial: &TrialRecord| {
        let started = humantime::parse_rfc3339(trial.started.as_deref()?).ok()?;
        Some(started + Duration::from_millis(trial.took_ms))
    };
    let last = run.trials.iter().filter_map(ended).max()?;
    last.duration_since(humantime::parse_rfc3339(&run.started).ok()?).ok()
}

/// What the run itself found, if it came so far.
fn saved(folder: &RunFolder) -> Result<Option<RunRecord>, Refusal> {
    read(&folder.run())
}

/// A run that is saved in a file, if there is one.
fn read(path: &Path) -> Result<Option<RunRecord>, Refusal> {
    let refused = |error: &dyn std::fmt::Display| Refusal::misused(format!("`{}`: {error}", path.display()));
    match fs::read_to_string(path) {
        Ok(text) => report::json::read(&text).map(Some).map_err(|error| refused(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(&error)),
    }
}

/// The run with what its evidence comes to now. What left no evidence is as the run found it.
fn joined(before: &mut RunRecord, mut judged: Vec<TrialRecord>) -> RunRecord {
    let mut trials = Vec::new();
    for trial in &mut before.trials {
        let place = judged.iter().position(|now| now.name == trial.name);
        match place.filter(|_| trial.folder.is_some()) {
            Some(place) => {
                let mut now = judged.remove(place);
                complete(before.format, trial, &mut now);
                trials.push(now);
            }
            None => trials.push(trial.clone()),
        }
    }
    // What was killed in its midst has evidence, and nothing that was found.
    judged.retain(|now| !trials.iter().any(|trial| trial.name == now.name));
    trials.extend(judged);
    trials.sort_by(|a, b| a.name.cmp(&b.name));
    RunRecord { format: EVIDENCE_FORMAT, trials, ..before.clone() }
}

/// Writes reports, if they are asked for.
fn write(args: &JudgeArgs, judgement: Judgement) -> Result<Judgement, Refusal> {
    if let Some(into) = &args.reports {
        fs::create_dir_all(into)
            .and_then(|()| reports::write_whole(into, &judgement.run))
            .and_then(|()| {
                let from = RunFolder::open(&args.run);
                reports::write_interval_logs((&from, into), &judgement.run, &judgement.run)
            })
            .map_err(|error| Refusal::machine("the reports cannot be written", &error))?;
    }
    Ok(judgement)
}
