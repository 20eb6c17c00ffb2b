//! `stormproof run`: scenarios against a target, under the options of the standard test harness.

use std::io;
use std::path::Path;
use std::sync::Arc;

use record::{MOST_TRIES, RunRecord, TrialRecord};
use report::terminal::{Palette, stories, summary};
use run::{
    Bench, Caps, Engine, Exit, Narrator, RunFolder, RunSettings, ScenarioPlan, Story, Told, WatcherMaker,
    is_ok, run_trials,
};

use crate::args::{Format, LibtestArgs, RunArgs};
use crate::dry_run::dry_run;
use crate::interrupt;
use crate::made::{SOURCE_SHA256, VERSION};
use crate::progress::Progress;
use crate::reports::{self, Heading};
use crate::settings::{Refusal, Settings};
use crate::terminal::{colours, say, tell};
use crate::test_target::one_trial_for_each_process;

/// Runs scenarios.
pub(crate) fn run(args: &RunArgs) -> Exit {
    let ran = std::env::current_exe()
        .map_err(|error| Refusal::machine("the command's own program is not to be found", &error))
        .and_then(|stormproof| Settings::resolve(args, stormproof))
        .and_then(|settings| run_settings(settings, args, Joining::Fresh));
    match ran {
        Ok(exit) => exit,
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    }
}

/// Whether the folder of a run is this process's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// What an earlier run left in it goes.
    Fresh,
    /// Other processes leave their trials in it too.
    Shared,
}

/// Runs what was resolved, or lists it.
pub(crate) fn run_settings(settings: Settings, args: &RunArgs, joining: Joining) -> Result<Exit, Refusal> {
    if args.libtest.list {
        return Ok(list(&settings.trials, &args.libtest));
    }
    if args.dry_run {
        say(&dry_run(&settings));
        return Ok(Exit::Sound);
    }
    let folder = make_folder(&settings, joining)?;
    let Settings {
        bench, trials, profile, mut heading, stormproof, required, services, abroad, shared, ..
    } = settings;
    let mut libtest = libtest(&args.libtest, colours(args.libtest.color));
    let at_once = profile.says.start.at_once.as_ref().and_then(|at_once| usize::try_from(at_once.value).ok());
    libtest.test_threads = libtest.test_threads.or(at_once);
    let undrawn = |error| Refusal::machine("the progress of the run cannot be shown", &error);
    let progress = Progress::start(args, &bench.suite, &trials).map_err(undrawn)?;
    let engine = Engine::start(RunSettings {
        bench: Arc::new(bench),
        profile: Arc::new(profile),
        tool: (VERSION, SOURCE_SHA256),
        defect: heading.target.defect.clone(),
        patience: services.patience,
        skip_unavailable: services.skip_unavailable,
        caps: caps(args),
        folder: folder.clone(),
        stormproof,
        most_tries: if shared.are_fixed() { 1 } else { most_tries(joining) },
        abroad,
        shared,
        watch: watch(args).or_else(|| progress.watch()),
        ended: Some(progress.ended()),
    })
    .map_err(|error| Refusal::machine("the machine starts no threads", &error))?;
    let engine = Arc::new(engine);
    interrupt::listen(engine.handle(), engine.stopper())
        .map_err(|error| Refusal::machine("signals cannot be handled", &error))?;
    if trials.iter().any(|trial| trial.ignored.is_none()) {
        let untold = |error| Refusal::machine("the target tells no version", &error);
        heading.target.version = engine.target_version().map_err(untold)?;
    }
    reports::write_head(&folder, &heading, &engine.settings().bench)
        .map_err(|error| Refusal::machine("the run cannot be kept", &error))?;
    let palette = palette(args);
    let story = story(&heading, &engine.settings().bench, palette);
    let records = run_trials(&engine, trials, libtest, &story);
    drop(progress);
    let run = reports::record(&heading, &engine.settings().bench, records, engine.interrupted());
    reports::write(&folder, &run)
        .map_err(|error| Refusal::machine("the reports cannot be written", &error))?;
    conclude(&run, folder.path(), args, palette);
    Ok(Exit::of(&run, &required))
}

/// The caps as they were asked for.
pub(crate) fn caps(args: &RunArgs) -> Caps {
    Caps { requests: args.max_requests, cost: args.max_cost, time: args.max_time }
}

/// Where each trial has a process of its own, none knows of the others, and nothing could be run again alone.
fn most_tries(joining: Joining) -> u32 {
    if joining == Joining::Shared && one_trial_for_each_process() { 1 } else { MOST_TRIES }
}

fn make_folder(settings: &Settings, joining: Joining) -> Result<RunFolder, Refusal> {
    let machine = |error: io::Error| {
        Refusal::machine(&format!("cannot write into `{}`", settings.folder.display()), &error)
    };
    let folder = RunFolder::create(&settings.folder).map_err(machine)?;
    if joining == Joining::Fresh {
        folder.clear().map_err(machine)?;
    }
    settings.bench.save(&folder).map_err(|error| Refusal::machine("the run cannot be kept", &error))?;
    if settings.is_usual_folder {
        reports::point_latest_to(folder.path()).map_err(machine)?;
    }
    Ok(folder)
}

/// Lists trials as `libtest` does, so that other tools can read it.
fn list(trials: &[ScenarioPlan], args: &LibtestArgs) -> Exit {
    let mut text = String::new();
    for trial in trials {
        let ignored = trial.ignored.is_some();
        if !args.ignored || ignored {
            text.push_str(&format!("{}: test\n", trial.name));
        }
    }
    say(&text);
    Exit::Sound
}

fn libtest(args: &LibtestArgs, colours: bool) -> libtest_mimic::Arguments {
    libtest_mimic::Arguments {
        include_ignored: args.include_ignored,
        ignored: args.ignored,
        quiet: args.quiet,
        test_threads: args.test_threads.map(usize::from),
        format: args.format.map(|format| match format {
            Format::Pretty => libtest_mimic::FormatSetting::Pretty,
            Format::Terse => libtest_mimic::FormatSetting::Terse,
            Format::Json => libtest_mimic::FormatSetting::Json,
        }),
        // What looks like no terminal to `libtest`, because bars are drawn, may be one.
        color: Some(match colours {
            true => libtest_mimic::ColorSetting::Always,
            false => libtest_mimic::ColorSetting::Never,
        }),
        ..libtest_mimic::Arguments::default()
    }
}

fn palette(args: &RunArgs) -> Palette {
    if colours(args.libtest.color) { Palette::colour() } else { Palette::plain() }
}

/// Tells why a trial did not pass. The story quotes rules, which the heading and the bench know before any trial ends.
fn story(heading: &Heading, bench: &Bench, palette: Palette) -> Story {
    let run = reports::record(heading, bench, Vec::new(), None);
    Arc::new(move |trial: &TrialRecord| {
        let alone = RunRecord { trials: vec![trial.clone()], ..run.clone() };
        stories(&alone, &palette).trim_end().to_owned()
    })
}

/// What `-v` and `--follow` show, a line at a time on standard error, so that lines of several trials stay whole.
fn watch(args: &RunArgs) -> Option<WatcherMaker> {
    let told = Told { facts: args.verbose, log: args.follow };
    if !told.facts && !told.log {
        return None;
    }
    Some(Box::new(move |trial| {
        let (mut narrator, trial) = (Narrator::new(told), trial.to_owned());
        Box::new(move |fact| {
            if let Some(line) = narrator.line(fact) {
                tell(&format!("{trial}  {line}\n"));
            }
        })
    }))
}

/// The summary, on standard output for people and beside it where a program reads the results.
fn conclude(run: &RunRecord, folder: &Path, args: &RunArgs, palette: Palette) {
    // What did not pass was told where `libtest` prints failures; what only warns passes there, and is told here.
    let passed = run.trials.iter().filter(|trial| is_ok(trial.verdict)).cloned().collect();
    let warnings = stories(&RunRecord { trials: passed, interrupted: None, ..run.clone() }, &palette);
    let text = warnings + &summary(run, &folder.display().to_string(), &palette);
    if args.libtest.format == Some(Format::Json) { tell(&text) } else { say(&text) }
}
