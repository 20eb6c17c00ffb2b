//! From a suite to trials: one for each case, with what is decided before anything runs.

use record::Verdict;
use scenario::{Capability, Case, KnownRule, ScenarioFile, Stage, Suite};
use sha2::{Digest, Sha256};

use crate::gate::Gates;
use crate::select::Selection;

/// A trial that is going to run, or the reason why it is not.
#[derive(Clone, Debug)]
pub struct ScenarioPlan {
    /// The trial's name: the scenario's file, then `::` and the case where there are several.
    pub name: String,
    /// The number of the scenario in the suite.
    pub scenario: usize,
    /// The number of the case in the scenario.
    pub case: usize,
    /// The seed of its draws.
    pub seed: u64,
    /// Whether it needs the machine for itself.
    pub alone: bool,
    /// Why it is not put to the test.
    pub ignored: Option<Ignored>,
}

/// Why a trial is not put to the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The verdict of all its expectations.
    pub verdict: Verdict,
    /// The reason.
    pub reason: String,
}

/// What decides over the trials of a suite.
#[derive(Debug)]
pub struct Planning<'a> {
    /// What the target claims.
    pub claims: &'a [Capability],
    /// Which stages run.
    pub gates: &'a Gates,
    /// Which trials are meant.
    pub selection: &'a Selection,
    /// The run's seed.
    pub seed: u64,
    /// Why the target cannot be started on this machine at all.
    pub unstartable: Option<&'a str>,
}

impl ScenarioPlan {
    /// The scenario's file.
    #[must_use]
    pub fn file<'s>(&self, suite: &'s Suite) -> &'s ScenarioFile {
        &suite.scenarios[self.scenario]
    }

    /// The case.
    #[must_use]
    pub fn case<'s>(&self, suite: &'s Suite) -> &'s Case {
        &self.file(suite).cases[self.case]
    }
}

/// The trials of a suite that are meant, in the order of their names.
#[must_use]
pub fn plan(suite: &Suite, planning: &Planning<'_>) -> Vec<ScenarioPlan> {
    let mut trials = Vec::new();
    for (scenario, file) in suite.scenarios.iter().enumerate() {
        for (case, content) in file.cases.iter().enumerate() {
            let name = trial_name(file, content);
            if planning.selection.takes(&name) {
                trials.push(ScenarioPlan {
                    scenario,
                    case,
                    seed: content.scenario.seed.unwrap_or_else(|| mixed(planning.seed, &name)),
                    alone: matches!(content.scenario.stage, Stage::Performance | Stage::Stress),
                    ignored: ignored(suite, content, planning),
                    name,
                });
            }
        }
    }
    trials
}

/// The name of a case's trial. It begins with the file's path, so that a process that runs one trial reads one file.
#[must_use]
pub fn trial_name(file: &ScenarioFile, case: &Case) -> String {
    match &case.name {
        Some(case) => format!("{}::{case}", file.name),
        None => file.name.clone(),
    }
}

/// Why an expectation that cites a rule is not put to the test against a target with these claims.
pub(crate) fn unclaimed(rule: &KnownRule, claims: &[Capability]) -> Option<String> {
    missing(&rule.rule.needs, claims).map(|word| format!("the target does not claim `{word}`"))
}

fn ignored(suite: &Suite, case: &Case, planning: &Planning<'_>) -> Option<Ignored> {
    let scenario = &case.scenario;
    if let Some(reason) = planning.gates.reason(scenario.stage, &scenario.tags) {
        return Some(Ignored { verdict: Verdict::Gated, reason });
    }
    if let Some(reason) = planning.unstartable {
        return Some(Ignored { verdict: Verdict::Gated, reason: reason.to_owned() });
    }
    if let Some(word) = missing(&scenario.needs, planning.claims) {
        return Some(Ignored {
            verdict: Verdict::NotClaimed,
            reason: format!("the target does not claim `{word}`"),
        });
    }
    let reasons: Option<Vec<String>> = scenario
        .expect
        .iter()
        .map(|expectation| unclaimed(suite.rules.get(&expectation.rule.value)?, planning.claims))
        .collect();
    let reason = reasons?.into_iter().next()?;
    Some(Ignored { verdict: Verdict::NotClaimed, reason })
}

fn missing(needs: &[Capability], claims: &[Capability]) -> Option<&'static str> {
    needs.iter().find(|need| !claims.contains(need)).map(|need| need.word())
}

/// A seed of its own for each trial of a run.
fn mixed(seed: u64, name: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name.as_bytes()).finalize();
    let (head, _) = digest.split_first_chunk().expect("a digest is longer than a number");
    u64::from_le_bytes(*head)
}
