//! What `run` was asked, resolved once: the files are read, the target is known, the trials are planned.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use record::{RunRecord, TargetRecord, TrialRecord};
use run::{
    Abroad, Bench, BeyondCaps, Estimate, Exit, Gates, Outside, Planning, ScenarioPlan, Selection,
    SharedInstances, is_ok, plan,
};
use scenario::{ContractVersion, ServiceDefect, Stage, Suite, nearest, show_duration};
use target::Profile;

use crate::abroad;
use crate::args::RunArgs;
use crate::bundled;
use crate::released::{self, read_suite};
use crate::reports::Heading;
use crate::run::caps;
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
    pub(crate) services: Services,
    /// Where the target runs already.
    pub(crate) abroad: Option<Abroad>,
    /// The instances of the target that trials share.
    pub(crate) shared: SharedInstances,
}

/// How it is gone about with real services.
pub(crate) struct Services {
    pub(crate) patience: Duration,
    pub(crate) skip_unavailable: bool,
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
        let suite = read_suite(&paths)
            .map_err(|error| Refusal { message: error.draw(&renderer()), exit: Exit::Misused })?;
        let outside =
            Outside::from_variables(&suite, |name| std::env::var(name).ok()).map_err(Refusal::misused)?;
        known_tags(&suite, &selection)?;
        let mut profile = read_profile(args.target.as_deref())?;
        if let Some(within) = outside.health_timeout {
            profile.says.start.ready.within = within;
        }
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
        let seed = args.known_seed().unwrap_or_else(fresh_seed);
        let abroad = abroad::abroad(args, &profile)?;
        let foreign = abroad.as_ref().is_some_and(|abroad| abroad.foreign.is_some());
        let missing = target::missing_program(&profile).filter(|_| abroad.is_none());
        let unstartable = missing.map(|program| format!("`{program}` is not on this machine"));
        let planning = Planning {
            profile: &profile,
            gates: &gates,
            outside: Some(&outside),
            selection: &selection,
            seed,
            foreign,
            unstartable: unstartable.as_deref(),
        };
        let mut trials = plan(&suite, &planning);
        if trials.is_empty() {
            return Err(nothing_selected(&suite, &selection, &args.what));
        }
        let shared = abroad::shared(args, &profile, &suite, &mut trials)?;
        shared.arrange(&mut trials);
        within_caps(args, &suite, &trials)?;
        stays_here(args, &trials)?;
        let mut notes = notes(&outside, &suite, &trials, &profile);
        notes.extend(abroad.as_ref().map(|abroad| abroad::note(args, abroad)));
        let contract = known_contract(&suite, args.contract)?;
        let mut bench = Bench { contract, ..Bench::of(suite, &profile, args.strict) };
        if abroad.is_some() {
            bench = bench.of_abroad(foreign);
        }
        let started = SystemTime::now();
        let folder = args.reports.clone().unwrap_or_else(|| Path::new(RUNS).join(run_name(started, seed)));
        let target = TargetRecord {
            name: profile.name().to_owned(),
            version: None,
            profile: args.target.as_ref().map_or_else(String::new, |path| path.display().to_string()),
            profile_sha256: profile.sha256(),
            defect: args.defect.clone(),
        };
        let command = command(args, seed);
        let heading = Heading { started, seed, target, command, notes };
        let is_usual_folder = args.reports.is_none();
        let services = Services { patience: outside.patience(), skip_unavailable: args.skip_unavailable };
        Ok(Self {
            bench,
            trials,
            profile,
            heading,
            folder,
            is_usual_folder,
            stormproof,
            required,
            services,
            abroad,
            shared,
        })
    }
}

/// Refuses a tag that is borne by nothing and means nothing.
fn known_tags(suite: &Suite, selection: &Selection) -> Result<(), Refusal> {
    let Some((unknown, near)) = selection.unknown_tag(suite) else { return Ok(()) };
    let help = near.map_or_else(String::new, |near| format!("\n  = help: did you mean `{near}`?"));
    Err(Refusal::misused(format!("no scenario bears the tag `{unknown}`{help}")))
}

/// Refuses services that are not on this machine, unless that is meant.
fn stays_here(args: &RunArgs, trials: &[ScenarioPlan]) -> Result<(), Refusal> {
    let run = trials.iter().filter(|trial| trial.ignored.is_none());
    let away = run.flat_map(|trial| &trial.services).find(|service| !service.url.is_loopback());
    let Some(service) = away.filter(|_| !args.allow_remote) else { return Ok(()) };
    Err(Refusal::misused(format!(
        "`{}` is {}, which is not on this machine\n  = help: add `--allow-remote` if that is meant",
        service.variable, service.url
    )))
}

/// What reports must tell beside the command line: what of the suite was edited, and what in the environment had a say.
fn notes(outside: &Outside, suite: &Suite, trials: &[ScenarioPlan], profile: &Profile) -> Vec<String> {
    let run = trials.iter().filter(|trial| trial.ignored.is_none());
    let services: BTreeSet<String> = run
        .flat_map(|trial| &trial.services)
        .map(|service| {
            format!("the service `{}` is the one at {} ({})", service.upstream, service.url, service.variable)
        })
        .collect();
    let timeout = outside.health_timeout.map(|within| {
        format!("a target or a service may take {} to be ready (HEALTH_TIMEOUT)", show_duration(within))
    });
    let router = std::env::var("ROUTER_URL").ok().filter(|url| !url.is_empty());
    let of_profile = profile.says.start.url.as_ref().and_then(|url| url.variable.as_deref());
    let router = router.filter(|_| of_profile != Some("ROUTER_URL"));
    let router = router.map(|_| "ROUTER_URL is set, and the profile makes no use of it".to_owned());
    edited(suite).into_iter().chain(services).chain(timeout).chain(router).collect()
}

/// That a suite is not the one that was released, if it is not.
fn edited(suite: &Suite) -> Option<String> {
    let edited = released::edited(suite);
    let [first, others @ ..] = edited.as_slice() else { return None };
    let others = match others.len() {
        0 => String::new(),
        1 => " and 1 other file".to_owned(),
        more => format!(" and {more} other files"),
    };
    let are = if edited.len() == 1 { "is" } else { "are" };
    Some(format!("the suite was edited: `{first}`{others} {are} not as released with this command"))
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

/// The version of the contract that was asked for, if there is one.
fn known_contract(suite: &Suite, asked: Option<ContractVersion>) -> Result<Option<ContractVersion>, Refusal> {
    match (asked, suite.rules.version()) {
        (Some(asked), Some(newest)) if asked > newest => Err(Refusal::misused(format!(
            "there is no version {asked} of the contract\n  = help: the newest is {newest}"
        ))),
        _ => Ok(asked),
    }
}

/// Refuses a plan that is beyond the caps of the command line before anything is sent.
fn within_caps(args: &RunArgs, suite: &Suite, trials: &[ScenarioPlan]) -> Result<(), Refusal> {
    let nothing = Estimate { output_tokens: Some(0), cost_micros: Some(0), ..Estimate::default() };
    let runs = trials.iter().filter(|trial| trial.ignored.is_none());
    let plan = runs.map(|trial| Estimate::of(&trial.case(suite).scenario)).fold(nothing, Estimate::and);
    caps(args).check(&plan).map_err(|beyond| {
        let option = match beyond {
            BeyondCaps::Requests { .. } => "--max-requests",
            BeyondCaps::Cost { .. } | BeyondCaps::Unpriced => "--max-cost",
        };
        Refusal::misused(format!(
            "the selection does not keep `{option}`: {beyond}\n  = help: select less, or raise the cap; `--dry-run` shows each trial"
        ))
    })
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

pub(crate) fn read_profile(path: Option<&Path>) -> Result<Profile, Refusal> {
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

fn nothing_selected(suite: &Suite, selection: &Selection, what: &[String]) -> Refusal {
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

pub(crate) fn run_name(started: SystemTime, seed: u64) -> String {
    let time = humantime::format_rfc3339_seconds(started).to_string();
    format!("{}-{seed}", time.trim_end_matches('Z').replace(['-', ':'], "").replace('T', "-"))
}

/// The command line that repeats a run.
fn command(args: &RunArgs, seed: u64) -> String {
    let mut words = vec!["stormproof".to_owned(), "run".to_owned()];
    words.extend(args.what.iter().cloned());
    words.extend(RunArgs { seed: Some(seed), ..args.clone() }.options());
    words.join(" ")
}
