//! What `run` was asked, resolved once: the files are read, the target is known, the trials are planned.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use record::{RunRecord, TargetRecord, TrialRecord};
use run::{Bench, Exit, Gates, Planning, ScenarioPlan, is_ok, plan};
use scenario::{ServiceDefect, Stage, Suite, nearest};
use target::Profile;

use crate::args::RunArgs;
use crate::bundled;
use crate::contract::CHAPTERS;
use crate::reports::Heading;
use crate::select::{Selected, selected};
use crate::terminal::{renderer, tell};

/// Where runs are written if nothing else is said, and the link to the last one.
const RUNS: &str = "reports/runs";
const LATEST: &str = "reports/latest";

/// A run with everything decided but its start.
pub(crate) struct Settings {
    pub(crate) bench: Bench,
    pub(crate) trials: Vec<ScenarioPlan>,
    pub(crate) profile: Profile,
    pub(crate) heading: Heading,
    pub(crate) folder: PathBuf,
    /// Whether the folder is where runs are written if nothing else is said, and `reports/latest` is to point to it.
    pub(crate) is_usual_folder: bool,
    pub(crate) stormproof: PathBuf,
    pub(crate) required: Vec<String>,
}

/// Why nothing is run.
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) exit: Exit,
}

impl Refusal {
    pub(crate) fn misused(message: impl std::fmt::Display) -> Self {
        Self { message: format!("error: {message}\n"), exit: Exit::Misused }
    }

    pub(crate) fn machine(what: &str, error: &impl std::fmt::Display) -> Self {
        Self { message: format!("error: {what}: {error}\n"), exit: Exit::Blocked }
    }
}

impl Settings {
    /// Resolves a command line. `stormproof` is the command's own program.
    pub(crate) fn resolve(args: &RunArgs, stormproof: PathBuf) -> Result<Self, Refusal> {
        let required = required(&args.require)?;
        let gates = Gates::from_variables(|name| std::env::var(name).ok()).map_err(Refusal::misused)?;
        let Selected { paths, mut selection } = selected(args, Path::exists);
        if args.last_failed {
            selection.names.extend(last_failed(Path::new(LATEST))?);
        }
        let suite = Suite::read(&paths, CHAPTERS)
            .map_err(|error| Refusal { message: error.draw(&renderer()), exit: Exit::Misused })?;
        let profile = read_profile(args.target.as_deref())?;
        let of_target = args.defect.as_deref().filter(|defect| ServiceDefect::from_word(defect).is_none());
        if let (Some(defect), None) = (of_target, profile.defects()) {
            return Err(Refusal::misused(format!(
                "target `{}` has no defects, so not `{defect}`",
                profile.name()
            )));
        }
        if let Some(note) = of_target.and_then(|defect| misspelt(&suite, defect)) {
            tell(&note);
        }
        let seed = args.seed.unwrap_or_else(fresh_seed);
        let unstartable =
            target::missing_program(&profile).map(|program| format!("`{program}` is not on this machine"));
        let planning = Planning {
            profile: &profile,
            gates: &gates,
            selection: &selection,
            seed,
            unstartable: unstartable.as_deref(),
        };
        let trials = plan(&suite, &planning);
        if trials.is_empty() {
            return Err(nothing_selected(&suite, &selection, &args.what));
        }
        let bench = Bench::of(suite, &profile, args.strict);
        let started = SystemTime::now();
        let folder = args.reports.clone().unwrap_or_else(|| Path::new(RUNS).join(run_name(started, seed)));
        let target = TargetRecord {
            name: profile.name().to_owned(),
            version: None,
            profile: args.target.as_ref().map_or_else(String::new, |path| path.display().to_string()),
            defect: args.defect.clone(),
        };
        let command = command(args, seed);
        let heading = Heading { started, seed, target, command };
        let is_usual_folder = args.reports.is_none();
        Ok(Self { bench, trials, profile, heading, folder, is_usual_folder, stormproof, required })
    }
}

fn required(stages: &[String]) -> Result<Vec<String>, Refusal> {
    let known: Vec<&str> = Stage::ALL.iter().map(|(word, ..)| *word).collect();
    match stages.iter().find(|stage| !known.contains(&stage.as_str())) {
        None => Ok(stages.to_vec()),
        Some(wrong) => {
            let help = nearest(wrong, &known).map_or_else(
                || format!("the stages are: {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            Err(Refusal::misused(format!("no stage is called `{wrong}`\n  = help: {help}")))
        }
    }
}

/// A word on a defect that no rule names, and that is almost one that a rule does. A target may have others all the same.
fn misspelt(suite: &Suite, defect: &str) -> Option<String> {
    let named: Vec<&str> =
        suite.rules.iter().flat_map(|known| &known.rule.killed_by).map(String::as_str).collect();
    if named.contains(&defect) {
        return None;
    }
    let near = nearest(defect, &named)?;
    Some(format!("note: no rule names a defect `{defect}`\n  = help: did you mean `{near}`?\n"))
}

fn read_profile(path: Option<&Path>) -> Result<Profile, Refusal> {
    let profile = match path {
        Some(path) => Profile::read(path),
        None => bundled::read_profile()
            .map_err(|error| Refusal::machine("cannot use the folder for temporary files", &error))?,
    };
    profile.map_err(|error| Refusal { message: error.draw(&renderer()), exit: Exit::Misused })
}

/// The trials of the last run that did not pass.
fn last_failed(latest: &Path) -> Result<Vec<String>, Refusal> {
    let path = latest.join("run.json");
    let unread = |error: &dyn std::fmt::Display| {
        Refusal::misused(format!("there is no last run to go by: `{}`: {error}", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|error| unread(&error))?;
    let run: RunRecord = report::json::read(&text).map_err(|error| unread(&error))?;
    let failed = |trial: TrialRecord| (!is_ok(trial.verdict)).then_some(trial.name);
    let names: Vec<String> = run.trials.into_iter().filter_map(failed).collect();
    if names.is_empty() {
        return Err(Refusal {
            message: "every trial of the last run passed\n".to_owned(),
            exit: Exit::NothingSelected,
        });
    }
    Ok(names)
}

fn nothing_selected(suite: &Suite, selection: &run::Selection, what: &[String]) -> Refusal {
    let names: Vec<String> = suite
        .scenarios
        .iter()
        .flat_map(|file| file.cases.iter().map(|case| run::trial_name(file, case)))
        .collect();
    let asked = if what.is_empty() { "the selection".to_owned() } else { format!("`{}`", what.join(" ")) };
    let mut message = format!("error: {asked} selects none of {} trials\n", names.len());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted = selection.names.iter().chain(&selection.filters);
    if let Some(near) = wanted.filter_map(|name| nearest(name, &names)).next() {
        message.push_str(&format!("  = help: did you mean `{near}`?\n"));
    } else {
        message.push_str("  = help: `stormproof list` shows the names\n");
    }
    Refusal { message, exit: Exit::NothingSelected }
}

/// A seed that is easy to type again.
pub(crate) fn fresh_seed() -> u64 {
    RandomState::new().hash_one(SystemTime::now()) % 1_000_000
}

fn run_name(started: SystemTime, seed: u64) -> String {
    let time = humantime::format_rfc3339_seconds(started).to_string();
    format!("{}-{seed}", time.trim_end_matches('Z').replace(['-', ':'], "").replace('T', "-"))
}

/// The command line that repeats a run.
fn command(args: &RunArgs, seed: u64) -> String {
    let mut words = vec!["stormproof".to_owned(), "run".to_owned()];
    words.extend(args.what.iter().cloned());
    words.extend(["--seed".to_owned(), seed.to_string()]);
    if let Some(target) = &args.target {
        words.extend(["--target".to_owned(), target.display().to_string()]);
    }
    if let Some(defect) = &args.defect {
        words.extend(["--defect".to_owned(), defect.clone()]);
    }
    if args.strict {
        words.push("--strict".to_owned());
    }
    words.join(" ")
}
