//! `stormproof run`: scenarios against a target, under the options of the standard test harness.

use std::io;
use std::path::Path;
use std::sync::Arc;

use record::{RunRecord, TrialRecord};
use report::terminal::{Palette, stories, summary};
use run::{
    Bench, Engine, Exit, Narrator, RunFolder, RunSettings, ScenarioPlan, Story, Told, WatcherMaker, is_ok,
    run_trials,
};

use crate::args::{Color, Format, LibtestArgs, RunArgs};
use crate::dry_run::dry_run;
use crate::interrupt;
use crate::reports::{self, Heading};
use crate::settings::{Refusal, Settings};
use crate::terminal::{colours, say, tell};

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
    let Settings { bench, trials, profile, mut heading, stormproof, required, .. } = settings;
    let engine = Engine::start(RunSettings {
        bench,
        profile,
        defect: heading.target.defect.clone(),
        folder: folder.clone(),
        stormproof,
        watch: watch(args),
    })
    .map_err(|error| Refusal::machine("the machine starts no threads", &error))?;
    let engine = Arc::new(engine);
    interrupt::listen(&engine).map_err(|error| Refusal::machine("signals cannot be handled", &error))?;
    if trials.iter().any(|trial| trial.ignored.is_none()) {
        let untold = |error| Refusal::machine("the target tells no version", &error);
        heading.target.version = engine.target_version().map_err(untold)?;
    }
    let palette = palette(args);
    let story = story(&heading, &engine.settings().bench, palette);
    let records = run_trials(&engine, trials, libtest(&args.libtest), &story);
    let run = reports::record(&heading, &engine.settings().bench, records, engine.stopped());
    reports::write(&folder, &run)
        .map_err(|error| Refusal::machine("the reports cannot be written", &error))?;
    conclude(&run, folder.path(), args, palette);
    Ok(Exit::of(&run, &required))
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

fn libtest(args: &LibtestArgs) -> libtest_mimic::Arguments {
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
        color: Some(match args.color {
            Color::Auto => libtest_mimic::ColorSetting::Auto,
            Color::Always => libtest_mimic::ColorSetting::Always,
            Color::Never => libtest_mimic::ColorSetting::Never,
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
