//! The trials of `scenarios/` as a test target. `cargo nextest` starts a process for each trial, and their parts are joined
//! in one folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use run::Exit;

use crate::args::RunArgs;
use crate::run::{Joining, run_settings};
use crate::settings::{Refusal, Settings};
use crate::terminal::tell;

/// The folder for the evidence and reports of test targets, instead of cargo's own folder for tests.
const REPORTS: &str = "STORMPROOF_REPORTS";
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
    args.reports.get_or_insert_with(|| {
        std::env::var_os(REPORTS).map_or_else(|| Path::new(temporary).join("reports"), PathBuf::from)
    });
    let ran = Settings::resolve(&args, PathBuf::from(stormproof))
        .and_then(|settings| run_settings(settings, &args, Joining::Shared));
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
