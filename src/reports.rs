//! What a run leaves behind: its parts are written, joined with those of other processes that share the folder, and made
//! into reports.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use record::{EVIDENCE_FORMAT, RuleRecord, RunRecord, TargetRecord, TrialRecord};
use run::{Bench, RunFolder};
use scenario::{KnownRule, Level};

/// What is known of a run before its trials.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    pub(crate) started: std::time::SystemTime,
    pub(crate) seed: u64,
    pub(crate) target: TargetRecord,
    /// The command line that repeats it.
    pub(crate) command: String,
}

impl Heading {
    /// That of a run which left none.
    pub(crate) fn unknown(bench: &Bench) -> Self {
        let target =
            TargetRecord { name: "unknown".to_owned(), version: None, profile: String::new(), defect: None };
        let paths: Vec<&str> = bench.suite.scenarios.iter().map(|file| file.name.as_str()).collect();
        let command = format!("stormproof run {}", paths.join(" "));
        Self { started: std::time::SystemTime::now(), seed: 0, target, command }
    }
}

/// The run with these trials.
pub(crate) fn record(
    heading: &Heading,
    bench: &Bench,
    trials: Vec<TrialRecord>,
    interrupted: Option<String>,
) -> RunRecord {
    RunRecord {
        format: EVIDENCE_FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(heading.started).to_string(),
        took_ms: heading
            .started
            .elapsed()
            .map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        seed: heading.seed,
        target: heading.target.clone(),
        command: heading.command.clone(),
        interrupted,
        rules: rules(bench),
        trials,
    }
}

/// Writes the parts of a run into its folder and reports of everything that the folder then holds.
///
/// Several processes may do so at once, as nextest starts one for each trial: a lock lets one after the other join the
/// parts, so the last one leaves reports of all.
pub(crate) fn write(folder: &RunFolder, run: &RunRecord) -> io::Result<()> {
    let _alone = folder.lock()?;
    for trial in &run.trials {
        let part = folder.trial(&trial.name).judged();
        if let Some(parent) = part.parent() {
            fs::create_dir_all(parent)?;
        }
        replace(&part, serde_json::to_string_pretty(trial)?.as_bytes())?;
    }
    let mut whole = RunRecord { trials: parts(folder)?, ..run.clone() };
    whole.rules = joined_rules(folder, &run.rules);
    replace(&folder.run(), report::json::write(&whole).map_err(io::Error::other)?.as_bytes())?;
    replace(
        &folder.path().join("junit.xml"),
        report::junit::write(&whole).map_err(io::Error::other)?.as_bytes(),
    )?;
    write_histograms(folder, &whole)
}

fn write_histograms(folder: &RunFolder, run: &RunRecord) -> io::Result<()> {
    let into = folder.path().join("histograms");
    fs::create_dir_all(&into)?;
    for distribution in report::histogram::distributions(run) {
        let distribution = distribution.map_err(io::Error::other)?;
        replace(&into.join(&distribution.file_name), distribution.text.as_bytes())?;
    }
    Ok(())
}

/// The trials whose parts stand in the folder.
fn parts(folder: &RunFolder) -> io::Result<Vec<TrialRecord>> {
    let mut trials = Vec::new();
    for trial in folder.trials()? {
        match fs::read_to_string(trial.judged()) {
            Ok(text) => trials.push(serde_json::from_str::<TrialRecord>(&text)?),
            // Another process is still at it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    trials.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(trials)
}

/// The rules of this process and of those that wrote before it.
fn joined_rules(folder: &RunFolder, own: &[RuleRecord]) -> Vec<RuleRecord> {
    let before = fs::read_to_string(folder.run()).ok().and_then(|text| report::json::read(&text).ok());
    let mut rules = own.to_vec();
    for rule in before.into_iter().flat_map(|run| run.rules) {
        if !rules.iter().any(|known| known.id == rule.id) {
            rules.push(rule);
        }
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

/// The rules that the suite's scenarios cite.
fn rules(bench: &Bench) -> Vec<RuleRecord> {
    let suite = &bench.suite;
    let cases = suite.scenarios.iter().flat_map(|file| &file.cases);
    let cited: Vec<&str> = cases
        .flat_map(|case| &case.scenario.expect)
        .map(|expectation| expectation.rule.value.as_str())
        .collect();
    suite.rules.iter().filter(|rule| cited.contains(&rule.id.as_str())).map(rule_record).collect()
}

fn rule_record(known: &KnownRule) -> RuleRecord {
    RuleRecord {
        id: known.id.clone(),
        chapter: known.chapter.clone(),
        level: match known.rule.level {
            Level::Must => record::Level::Must,
            Level::Should => record::Level::Should,
            Level::May => record::Level::May,
        },
        says: known.rule.says.trim().to_owned(),
        sources: known.rule.sources.iter().map(ToString::to_string).collect(),
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

/// Lets `reports/latest` point to a run. A folder of that name is not ours to replace, and a missing link is no loss.
pub(crate) fn point_latest_to(folder: &Path) -> io::Result<()> {
    let (Some(runs), Some(name)) = (folder.parent(), folder.file_name()) else { return Ok(()) };
    let (Some(reports), Some(runs_name)) = (runs.parent(), runs.file_name()) else { return Ok(()) };
    let link = reports.join(format!(".latest-{}", std::process::id()));
    std::os::unix::fs::symlink(Path::new(runs_name).join(name), &link)?;
    fs::rename(&link, reports.join("latest"))
}
