//! What a run leaves behind: its parts are written, joined with those of other processes that share the folder, and made
//! into reports.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use record::{EVIDENCE_FORMAT, Entry, RuleRecord, RunRecord, TargetRecord, TrialRecord};
use report::interval_log::Parts;
use run::{Bench, EvidenceError, Reader, RunFolder, TrialFolder, remarks};
use scenario::{KnownRule, Level};
use sha2::{Digest, Sha256};

use crate::made::{SOURCE_SHA256, VERSION};
use crate::released;

/// What is known of a run before its trials.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    pub(crate) started: SystemTime,
    pub(crate) seed: u64,
    pub(crate) target: TargetRecord,
    /// The command line that repeats it.
    pub(crate) command: String,
    /// What reports must tell beside it.
    pub(crate) notes: Vec<String>,
}

impl Heading {
    /// That of a run by what it wrote before its trials.
    pub(crate) fn of(head: &RunRecord) -> Self {
        Self {
            started: humantime::parse_rfc3339(&head.started).unwrap_or(SystemTime::UNIX_EPOCH),
            seed: head.seed,
            target: head.target.clone(),
            command: head.command.clone(),
            notes: head.notes.clone(),
        }
    }

    /// That of a run which left none.
    pub(crate) fn unknown(bench: &Bench) -> Self {
        let target = TargetRecord {
            name: "unknown".to_owned(),
            version: None,
            profile: String::new(),
            profile_sha256: String::new(),
            defect: None,
        };
        let paths: Vec<&str> = bench.suite.scenarios.iter().map(|file| file.name.as_str()).collect();
        let command = format!("stormproof run {}", paths.join(" "));
        Self { started: SystemTime::now(), seed: 0, target, command, notes: Vec::new() }
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
        tool: VERSION.to_owned(),
        tool_sha256: SOURCE_SHA256.to_owned(),
        scenarios_sha256: hash_of_scenarios(&trials),
        suite_sha256: released::sha256().to_owned(),
        notes: heading.notes.iter().cloned().chain(remarks(bench, &trials)).collect(),
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

/// One hash over those of the scenarios: over a line for each file, as `sha256sum` writes them, in the order of their names.
fn hash_of_scenarios(trials: &[TrialRecord]) -> String {
    let lines: BTreeSet<(&str, &str)> =
        trials.iter().map(|trial| (trial.file.as_str(), trial.scenario_sha256.as_str())).collect();
    let mut whole = Sha256::new();
    for (file, sha256) in lines {
        whole.update(format!("{sha256}  {file}\n"));
    }
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes what is known of a run before its trials into its folder. Processes that share the folder all know the same.
pub(crate) fn write_head(folder: &RunFolder, heading: &Heading, bench: &Bench) -> io::Result<()> {
    // What its trials let remark is told once there are some.
    let head = RunRecord { notes: heading.notes.clone(), ..record(heading, bench, Vec::new(), None) };
    let json = report::json::write(&head).map_err(io::Error::other)?;
    replace(&folder.head(), json.as_bytes())
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
    whole.scenarios_sha256 = hash_of_scenarios(&whole.trials);
    write_whole(folder.path(), &whole)?;
    write_interval_logs((folder, folder.path()), run, &whole)
}

/// Writes the reports of a run into a folder.
pub(crate) fn write_whole(into: &Path, run: &RunRecord) -> io::Result<()> {
    let json = report::json::write(run).map_err(io::Error::other)?;
    replace(&RunFolder::open(into).run(), json.as_bytes())?;
    let junit = report::junit::write(run).map_err(io::Error::other)?;
    replace(&into.join("junit.xml"), junit.as_bytes())?;
    write_histograms(&into.join("histograms"), run)
}

fn write_histograms(into: &Path, run: &RunRecord) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for distribution in report::histogram::distributions(run) {
        let distribution = distribution.map_err(io::Error::other)?;
        replace(&into.join(&distribution.file_name), distribution.text.as_bytes())?;
    }
    replace(&into.join("phases.json"), report::phases::write(run).as_bytes())
}

/// Writes the interval logs of some trials, a process's own or all, from their evidence in one folder into another.
pub(crate) fn write_interval_logs(
    (folder, into): (&RunFolder, &Path),
    own: &RunRecord,
    whole: &RunRecord,
) -> io::Result<()> {
    let into = into.join("histograms");
    for trial in own.trials.iter().filter(|trial| trial.folder.is_some() && !trial.phases.is_empty()) {
        let (began, parts) = parts_of(&folder.trial(&trial.name)).map_err(io::Error::other)?;
        let logs = report::interval_log::interval_logs(whole, &trial.name, &parts, began);
        for log in logs.map_err(io::Error::other)? {
            replace(&into.join(&log.file_name), log.text.as_bytes())?;
        }
    }
    Ok(())
}

/// When a trial's clock began, and what the driver measured in it, part by part.
fn parts_of(folder: &TrialFolder) -> Result<(SystemTime, Parts), EvidenceError> {
    let reader = Reader::open(folder.clone())?;
    let (mut names, mut parts) = (HashMap::new(), Parts::default());
    for entry in reader.entries()? {
        match entry? {
            Entry::Name { id, text } => drop(names.insert(id, text)),
            Entry::Part(part) => {
                let phase: Option<&String> = names.get(&part.traffic);
                if let Some(phase) = phase {
                    parts.add(phase, part);
                }
            }
            _ => {}
        }
    }
    let began = Duration::from_millis(reader.header().began_ms);
    Ok((SystemTime::UNIX_EPOCH + began, parts))
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
pub(crate) fn rules(bench: &Bench) -> Vec<RuleRecord> {
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
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
