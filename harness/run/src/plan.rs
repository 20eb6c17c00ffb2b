//! From a suite to trials: one for each case, with what is decided before anything runs.

use record::Verdict;
use scenario::{Capability, Case, KnownRule, ScenarioFile, Stage, Suite};
use sha2::{Digest, Sha256};
use target::Profile;

use crate::abroad::beyond_reach;
use crate::bench::claims_of;
use crate::gate::Gates;
use crate::inability::inability;
use crate::outside::{Outside, RealService, replaceable};
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
    /// The real services that it meets.
    pub services: Vec<RealService>,
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
    /// The target.
    pub profile: &'a Profile,
    /// Which stages run.
    pub gates: &'a Gates,
    /// What the environment tells of what is outside; nothing where only simulated services are to be met.
    pub outside: Option<&'a Outside>,
    /// Which trials are meant.
    pub selection: &'a Selection,
    /// The run's seed.
    pub seed: u64,
    /// Whether the target runs already, in front of upstreams that are somebody else's.
    pub foreign: bool,
    /// Why the target cannot be started on this machine at all.
    pub unstartable: Option<&'a str>,
}

impl Ignored {
    pub(crate) fn gated(reason: &str) -> Self {
        Self { verdict: Verdict::Gated, reason: reason.to_owned() }
    }
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
    let claims = claims_of(planning.profile);
    let mut trials = Vec::new();
    for (scenario, file) in suite.scenarios.iter().enumerate() {
        for (case, content) in file.cases.iter().enumerate() {
            let name = trial_name(file, content);
            if planning.selection.takes(&name) && planning.selection.takes_scenario(&content.scenario) {
                let outside = outside(content, planning);
                let gated = outside.as_ref().err().map(|reason| Ignored::gated(reason));
                trials.push(ScenarioPlan {
                    scenario,
                    case,
                    seed: content.scenario.seed.unwrap_or_else(|| mixed(planning.seed, &name)),
                    alone: matches!(content.scenario.stage, Stage::Performance | Stage::Stress),
                    ignored: shut(content, planning)
                        .or(gated)
                        .or_else(|| ignored(suite, content, planning, &claims)),
                    services: outside.unwrap_or_default(),
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

/// The flag that switches a case off.
fn shut(case: &Case, planning: &Planning<'_>) -> Option<Ignored> {
    let scenario = &case.scenario;
    planning.gates.reason(scenario.stage, &scenario.tags).map(|reason| Ignored::gated(&reason))
}

/// The real services that a case meets, or why there are none to be met.
fn outside(case: &Case, planning: &Planning<'_>) -> Result<Vec<RealService>, String> {
    match planning.outside {
        Some(outside) => outside.services(&case.scenario),
        None if replaceable(&case.scenario).next().is_some() => {
            Err("it meets real services, and no defect can be switched on in those".to_owned())
        }
        None => Ok(Vec::new()),
    }
}

fn ignored(suite: &Suite, case: &Case, planning: &Planning<'_>, claims: &[Capability]) -> Option<Ignored> {
    let scenario = &case.scenario;
    if let Some(reason) = planning.unstartable {
        return Some(Ignored::gated(reason));
    }
    let not_claimed = |reason| Ignored { verdict: Verdict::NotClaimed, reason };
    if let Some(word) = missing(&scenario.needs, claims) {
        return Some(not_claimed(format!("the target does not claim `{word}`")));
    }
    let reasons: Option<Vec<String>> = scenario
        .expect
        .iter()
        .map(|expectation| unclaimed(suite.rules.get(&expectation.rule.value)?, claims))
        .collect();
    let all_unclaimed = reasons.and_then(|reasons| reasons.into_iter().next()).map(not_claimed);
    let foreign = || beyond_reach(scenario).filter(|_| planning.foreign);
    let foreign = || foreign().map(|reason| Ignored { verdict: Verdict::NotObservable, reason });
    all_unclaimed.or_else(foreign).or_else(|| inability(planning.profile, scenario))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{Parts, profile, suite_of};

    fn planned(suite: &Suite, profile: &Profile, unstartable: Option<&str>) -> Vec<ScenarioPlan> {
        let (gates, selection) = (Gates::default(), Selection::default());
        plan(
            suite,
            &Planning {
                profile,
                gates: &gates,
                outside: None,
                selection: &selection,
                seed: 7,
                foreign: false,
                unstartable,
            },
        )
    }

    #[test]
    fn a_trial_that_can_run_is_planned_with_a_seed_of_its_own() {
        let trials = planned(&suite_of("  - { step: s, send: ask }"), &profile(""), None);
        assert_eq!(trials.len(), 1);
        assert_eq!((trials[0].name.as_str(), &trials[0].ignored), ("scenarios/test/one.yaml", &None));
        assert_ne!(trials[0].seed, 7);
    }

    #[test]
    fn what_cannot_be_put_to_the_test_is_told_with_its_reason() {
        let ignored = |suite: &Suite, unstartable| {
            let trial = planned(suite, &profile(""), unstartable).remove(0);
            trial.ignored.map(|ignored| (ignored.verdict, ignored.reason))
        };
        let plain = suite_of("  - { step: s, send: ask }");
        assert_eq!(ignored(&plain, Some("no program")), Some((Verdict::Gated, "no program".to_owned())));
        let reload = suite_of("  - { step: s, send: ask }\n  - { operate: reload }");
        assert_eq!(ignored(&reload, None).unwrap().0, Verdict::NotClaimed);
        let world = "  router: { models: { m: { pool: u, queue: { max: 1, wait: 1s } }, n: { pool: v } } }";
        let queue = Parts { world, ..Parts::default() }.suite();
        let (verdict, reason) = ignored(&queue, None).unwrap();
        assert_eq!(verdict, Verdict::NotClaimed);
        assert!(reason.contains("`router.models.m.queue"), "{reason}");
    }
}
