//! The trials of `scenarios/` as a test target. `cargo nextest` starts a process for each trial, and their parts are joined
//! in one folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use run::{Exit, RunFolder, ScenarioPlan};

use crate::args::RunArgs;
use crate::judge::disagreements;
use crate::run::{Joining, run_settings};
use crate::select::selected;
use crate::settings::{Refusal, Settings};
use crate::terminal::tell;

/// The folder for the evidence and reports of test targets, instead of cargo's own folder for tests.
const REPORTS: &str = "STORMPROOF_REPORTS";
/// Where the package has its scenarios.
const SCENARIOS: &str = "scenarios";
/// One seed for all processes of a test run: a failure can be repeated with `--seed`.
const SEED: u64 = 7;

#[derive(Parser)]
#[command(name = "scenarios")]
struct TestArgs {
    #[command(flatten)]
    run: RunArgs,
}

/// Runs as the test target of a package: `stormproof` is the command's program, `temporary` the folder for what tests write.
#[must_use]
pub fn run_as_test_target(stormproof: &str, temporary: &str) -> ExitCode {
    let mut args = TestArgs::parse().run;
    args.seed.get_or_insert(SEED);
    if selected(&args, Path::exists).paths.is_empty() {
        args.what.push(SCENARIOS.to_owned());
    }
    args.reports.get_or_insert_with(|| {
        std::env::var_os(REPORTS).map_or_else(|| Path::new(temporary).join("reports"), PathBuf::from)
    });
    let ran = Settings::resolve(&args, PathBuf::from(stormproof)).and_then(|settings| run(settings, &args));
    let exit = match ran {
        Ok(exit) => exit,
        // Another test target's filter selects nothing here, which is no failure of this one.
        Err(Refusal { exit: Exit::NothingSelected, .. }) => Exit::Sound,
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    };
    ExitCode::from(exit.code())
}

/// Runs the trials, and judges their evidence again: whoever judges it must find what the run found, to the letter.
fn run(settings: Settings, args: &RunArgs) -> Result<Exit, Refusal> {
    let (folder, names) = (RunFolder::open(&settings.folder), names(&settings.trials));
    let exit = run_settings(settings, args, Joining::Shared)?;
    // A process for one trial would read what all others left, each of them again.
    if args.libtest.list || args.dry_run || one_trial_for_each_process() {
        return Ok(exit);
    }
    match disagreements(&folder, &names)?.as_slice() {
        [] => Ok(exit),
        differences => Err(Refusal {
            message: format!(
                "error: judged again, it comes to something else:\n{}\n",
                differences.join("\n")
            ),
            exit: Exit::Blocked,
        }),
    }
}

fn names(trials: &[ScenarioPlan]) -> Vec<String> {
    trials.iter().map(|trial| trial.name.clone()).collect()
}

/// Whether nextest started this process, for one trial of many.
pub(crate) fn one_trial_for_each_process() -> bool {
    std::env::var_os("NEXTEST").is_some()
}
