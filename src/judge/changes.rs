//! What has changed since a run: whoever reads a judgement must know by what it was reached.

use std::fs;
use std::path::Path;

use record::RunRecord;
use run::Bench;
use scenario::Source;
use target::Profile;

use crate::bundled;
use crate::made::{SOURCE_SHA256, VERSION};

/// What has changed since a run that is judged now, a sentence each.
pub(super) fn changes(bench: &Bench, run: &RunRecord) -> Vec<String> {
    let mut told = edited(bench, run);
    told.extend(changed_files(bench));
    told.extend(changed_profile(run));
    told.extend(another_tool(run));
    told
}

/// Scenarios whose texts in the run's folder are not those by which the evidence came about.
fn edited(bench: &Bench, run: &RunRecord) -> Vec<String> {
    let scenarios = bench.suite.scenarios.iter();
    let edited = scenarios.filter(|file| {
        let mut trials = run.trials.iter().filter(|trial| trial.file == file.name);
        trials.any(|trial| !trial.scenario_sha256.is_empty() && trial.scenario_sha256 != file.sha256)
    });
    let told = |name: &String| {
        format!(
            "`{name}` was edited in the folder of the run: its verdicts are not those of the scenario that ran"
        )
    };
    edited.map(|file| told(&file.name)).collect()
}

/// Files that are other ones today. The run is judged by those of then.
fn changed_files(bench: &Bench) -> Vec<String> {
    let texts = bench.suite.texts();
    let all = texts.scenarios.iter().chain(&texts.imports).chain(&texts.chapters);
    let is_another =
        |source: &&Source| fs::read(&source.name).is_ok_and(|today| today != source.text.as_bytes());
    let told =
        |name: &String| format!("`{name}` has changed since the run, which is judged by the text of then");
    all.filter(is_another).map(|source| told(&source.name)).collect()
}

fn changed_profile(run: &RunRecord) -> Option<String> {
    let then = run.target.profile_sha256.as_str();
    let (name, today) = match run.target.profile.as_str() {
        "" => ("the bundled profile".to_owned(), bundled::read_profile().ok()?.ok()?),
        path => (format!("`{path}`"), Profile::read(Path::new(path)).ok()?),
    };
    (!then.is_empty() && then != today.sha256())
        .then(|| format!("{name} has changed since the run, which is judged by what it said then"))
}

fn another_tool(run: &RunRecord) -> Option<String> {
    let (version, sha256) = (&run.tool, &run.tool_sha256);
    let short = |sha256: &str| sha256.get(..12).unwrap_or("unknown").to_owned();
    (sha256 != SOURCE_SHA256).then(|| {
        format!(
            "the run was made by stormproof {version} (source {}), and is judged by stormproof {VERSION} (source {})",
            short(sha256),
            short(SOURCE_SHA256)
        )
    })
}
