//! Which trials run under which defect: those that cite a rule which names it, and a few of each of their chapters that it does
//! not concern.

use std::collections::{BTreeMap, BTreeSet};

use scenario::{Case, KnownRule, Suite};

use crate::plan::ScenarioPlan;

/// What a proof runs.
#[derive(Clone, Debug)]
pub struct ProofPlan {
    /// The rules that are put to the proof.
    pub rules: BTreeSet<String>,
    /// The healthy run first, then one for each defect, in the order of their names.
    pub runs: Vec<ProofRun>,
}

/// The trials under one defect, or under none.
#[derive(Clone, Debug)]
pub struct ProofRun {
    /// The defect; none for the trials that show what is sound.
    pub defect: Option<String>,
    /// The rules that must turn red.
    pub rules: Vec<String>,
    /// The trials that run first: some of each rule, and some of the controls.
    pub trials: Vec<ScenarioPlan>,
    /// The others: they run where a rule is not red yet, or no control passed.
    pub further: Vec<ScenarioPlan>,
    /// Trials of rules that do not name the defect: one of them at least must pass, or the defect breaks everything.
    pub controls: BTreeSet<String>,
    /// Rules some of whose trials cannot be run here, each with the reason.
    pub gated: BTreeMap<String, String>,
}

/// What is put to the proof.
#[derive(Clone, Debug, Default)]
pub struct ProofScope {
    /// The defects that there are, if more than the rules name.
    pub known: Vec<String>,
    /// The only defects that are meant; all, if none is named.
    pub defects: Vec<String>,
    /// The files that changed, as trials' names begin; all, if nobody asked.
    pub changed: Option<BTreeSet<String>>,
    /// Whether every trial runs under every defect.
    pub all: bool,
}

/// What a proof of these trials runs.
#[must_use]
pub fn plan_proof(suite: &Suite, trials: &[ScenarioPlan], scope: &ProofScope) -> ProofPlan {
    let cited = Cited::of(suite, trials, scope);
    let named = suite.rules.iter().flat_map(|known| known.rule.killed_by.iter().map(move |by| (by, known)));
    let mut of_defect: BTreeMap<&str, Vec<&KnownRule>> = BTreeMap::new();
    for (defect, known) in named {
        if cited.by_rule.contains_key(known.id.as_str()) {
            of_defect.entry(defect).or_default().push(known);
        }
    }
    // Where only a part is meant, a defect that nothing of it names is another part's.
    if scope.changed.is_none() && scope.defects.is_empty() && cited.is_whole(suite) {
        let idle = scope.known.iter().filter(|name| !suite.rules.iter().any(|rule| names(rule, name)));
        of_defect.extend(idle.map(|name| (name.as_str(), Vec::new())));
    }
    of_defect.retain(|name, _| scope.defects.is_empty() || scope.defects.iter().any(|wanted| wanted == name));
    let runs: Vec<ProofRun> =
        of_defect.into_iter().map(|(defect, rules)| run_under(defect, &rules, &cited, scope)).collect();
    let rules: BTreeSet<String> = match scope.defects.is_empty() {
        true => cited.by_rule.keys().map(ToString::to_string).collect(),
        false => runs.iter().flat_map(|run| run.rules.iter().cloned()).collect(),
    };
    let healthy = healthy(trials, &runs);
    ProofPlan { rules, runs: std::iter::once(healthy).chain(runs).collect() }
}

/// How many trials of a chapter, and of all together, stand for those that a defect does not concern. One that passes is enough.
const CONTROLS: usize = 3;
/// How many trials of a rule run before it is asked whether it is red. One red trial is enough, and most rules are red in nearly all.
const FIRST: usize = 2;

/// The trials of each rule.
struct Cited<'a> {
    suite: &'a Suite,
    trials: &'a [ScenarioPlan],
    by_rule: BTreeMap<&'a str, Vec<&'a ScenarioPlan>>,
}

impl<'a> Cited<'a> {
    fn of(suite: &'a Suite, trials: &'a [ScenarioPlan], scope: &ProofScope) -> Self {
        let mut by_rule: BTreeMap<&str, Vec<&ScenarioPlan>> = BTreeMap::new();
        for trial in trials {
            let is_meant = |changed: &BTreeSet<String>| changed.contains(&trial.file(suite).name);
            if scope.changed.as_ref().is_none_or(is_meant) {
                for rule in rules_of(trial.case(suite)) {
                    by_rule.entry(rule).or_default().push(trial);
                }
            }
        }
        Self { suite, trials, by_rule }
    }

    /// Whether every rule of the suite is cited by what is meant.
    fn is_whole(&self, suite: &Suite) -> bool {
        suite.rules.ids().all(|rule| self.by_rule.contains_key(rule))
    }

    /// Trials that prove nothing but the rules of these chapters, each another one, none of which names the defect.
    fn controls(&self, of: impl Fn(&str) -> bool, defect: &str) -> Vec<&'a ScenarioPlan> {
        let is_apart = |rule: &str| {
            self.suite.rules.get(rule).is_some_and(|known| of(&known.chapter) && !names(known, defect))
        };
        let mut seen = BTreeSet::new();
        let runnable = self.trials.iter().filter(|trial| trial.ignored.is_none() && !trial.alone);
        let apart = runnable.filter(|trial| rules_of(trial.case(self.suite)).all(is_apart));
        let another = apart.filter(|trial| {
            let rules: Vec<&str> = rules_of(trial.case(self.suite)).collect();
            let is_another = rules.iter().all(|rule| !seen.contains(rule));
            seen.extend(rules);
            is_another
        });
        let another: Vec<&ScenarioPlan> = another.collect();
        spread(&another, CONTROLS).collect()
    }
}

/// Some of many, from all over: neighbours by name are often about the same thing.
fn spread<'a, T: Copy>(all: &'a [T], wanted: usize) -> impl Iterator<Item = T> + 'a {
    let wanted = wanted.min(all.len());
    (0..wanted).map(move |nth| all[nth * (all.len() - 1) / wanted.saturating_sub(1).max(1)])
}

fn run_under(defect: &str, rules: &[&KnownRule], cited: &Cited<'_>, scope: &ProofScope) -> ProofRun {
    let (mut all, mut first, mut gated) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    for known in rules {
        let of_rule = &cited.by_rule[known.id.as_str()];
        if let Some(ignored) = of_rule.iter().find_map(|trial| trial.ignored.as_ref()) {
            gated.insert(known.id.clone(), ignored.reason.clone());
        }
        let open: Vec<&ScenarioPlan> =
            of_rule.iter().filter(|trial| trial.ignored.is_none()).copied().collect();
        let (alone, beside): (Vec<&ScenarioPlan>, Vec<&ScenarioPlan>) =
            open.iter().copied().partition(|trial| trial.alone);
        // Those that need the machine for themselves take the longest.
        let quick = if beside.is_empty() { alone } else { beside };
        first.extend(spread(&quick, FIRST).map(|trial| trial.name.as_str()));
        all.extend(open.into_iter().map(|trial| (trial.name.as_str(), trial)));
    }
    let chapters: BTreeSet<&str> = rules.iter().map(|known| known.chapter.as_str()).collect();
    // Some chapters are about little else than what a defect breaks; the suite is not.
    let of_suite = if rules.is_empty() { Vec::new() } else { cited.controls(|_| true, defect) };
    let mut controls: BTreeMap<&str, &ScenarioPlan> = BTreeMap::new();
    let of_chapters = chapters.into_iter().map(|own| cited.controls(|chapter| chapter == own, defect));
    for some in of_chapters.chain([of_suite]) {
        first.extend(some.first().map(|trial| trial.name.as_str()));
        controls.extend(some.into_iter().map(|trial| (trial.name.as_str(), trial)));
    }
    all.extend(&controls);
    if scope.all {
        let open = cited.trials.iter().filter(|trial| trial.ignored.is_none());
        all.extend(open.map(|trial| (trial.name.as_str(), trial)));
        first.extend(all.keys());
    }
    let (trials, further): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| first.contains(name));
    let owned =
        |trials: Vec<(&str, &ScenarioPlan)>| trials.into_iter().map(|(_, trial)| trial.clone()).collect();
    ProofRun {
        defect: Some(defect.to_owned()),
        rules: rules.iter().map(|known| known.id.clone()).collect(),
        trials: owned(trials),
        further: owned(further),
        controls: controls.into_keys().map(ToOwned::to_owned).collect(),
        gated,
    }
}

/// Every trial that may run under some defect, under none.
fn healthy(trials: &[ScenarioPlan], runs: &[ProofRun]) -> ProofRun {
    let used: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.trials.iter().chain(&run.further))
        .map(|trial| trial.name.as_str())
        .collect();
    ProofRun {
        defect: None,
        rules: Vec::new(),
        trials: trials.iter().filter(|trial| used.contains(trial.name.as_str())).cloned().collect(),
        further: Vec::new(),
        controls: BTreeSet::new(),
        gated: BTreeMap::new(),
    }
}

/// The rules that a trial cites.
pub(super) fn rules_of(case: &Case) -> impl Iterator<Item = &str> {
    case.scenario.expect.iter().map(|expectation| expectation.rule.value.as_str())
}

fn names(known: &KnownRule, defect: &str) -> bool {
    known.rule.killed_by.iter().any(|name| name == defect)
}

#[cfg(test)]
mod tests {
    use scenario::{Source, SuiteTexts};

    use super::*;
    use crate::example::profile;
    use crate::gate::Gates;
    use crate::plan::{Planning, plan};
    use crate::select::Selection;

    /// A suite of scenarios, each with its name, its stage and the rules that it cites, and what is planned of a proof of it.
    fn planned(
        scenarios: &[(&str, &str, &[&str])],
        chapters: &[(&str, &str)],
        scope: &ProofScope,
    ) -> ProofPlan {
        let scenario = |(name, stage, rules): &(&str, &str, &[&str])| {
            let expect: Vec<String> = rules
                .iter()
                .map(|rule| {
                    format!(
                        "  - {{ rule: {rule}, say: {rule}, exchanges: {{ every: {{ status: 200 }} }} }}\n"
                    )
                })
                .collect();
            let text = format!(
                "title: {name}\nstage: {stage}\nworld: {{ upstreams: {{ u: {{ dialect: openai, keys: 1 }} }}, router: {{ models: {{ m: {{ pool: u }} }} }} }}\n\
                 requests: {{ ask: {{ model: m, prompt: ping }} }}\ntraffic: [{{ step: s, send: ask }}]\n\
                 witness: [{{ attempts: {{ count: {{ at_least: 1 }} }} }}]\nexpect:\n{}",
                expect.concat()
            );
            Source { name: format!("scenarios/{name}.yaml"), text }
        };
        let chapter = |(name, rules): &(&str, &str)| Source {
            name: format!("scenarios/{name}/rules.yaml"),
            text: format!("chapter: {name}\nrules:\n{rules}"),
        };
        let suite = Suite::of(SuiteTexts {
            scenarios: scenarios.iter().map(scenario).collect(),
            chapters: chapters.iter().map(chapter).collect(),
            imports: Vec::new(),
        });
        let suite = suite.unwrap_or_else(|error| panic!("{error:?}"));
        let gates =
            Gates::from_variables(|name| (name == "SKIP_STRESS_TESTS").then(|| "true".to_owned())).unwrap();
        let (profile, selection) = (profile(""), Selection::default());
        let planning = Planning {
            profile: &profile,
            gates: &gates,
            outside: None,
            selection: &selection,
            seed: 7,
            foreign: false,
            unstartable: None,
        };
        plan_proof(&suite, &plan(&suite, &planning), scope)
    }

    const A: (&str, &str) = (
        "a",
        "  AAA-001: { level: MUST, since: '1.0', says: s, killed_by: [one, both] }\n  \
         AAA-002: { level: MUST, since: '1.0', says: s, killed_by: [two] }\n",
    );
    const B: (&str, &str) = ("b", "  BBB-001: { level: MUST, since: '1.0', says: s, killed_by: [both] }\n");
    const SCENARIOS: [(&str, &str, &[&str]); 4] = [
        ("a/first", "hermetic", &["AAA-001"]),
        ("a/second", "hermetic", &["AAA-002"]),
        ("a/third", "hermetic", &["AAA-001", "AAA-002"]),
        ("b/first", "stress", &["BBB-001"]),
    ];

    fn names(plan: &ProofPlan) -> Vec<(&str, Vec<&str>)> {
        let short = |trial: &ScenarioPlan| {
            let name: &'static str = Box::leak(trial.name.clone().into_boxed_str());
            name.trim_start_matches("scenarios/").trim_end_matches(".yaml")
        };
        let of_run = |run: &'_ ProofRun| run.trials.iter().map(short).collect();
        plan.runs.iter().map(|run| (run.defect.as_deref().unwrap_or("none"), of_run(run))).collect()
    }

    #[test]
    fn each_defect_meets_the_trials_of_its_rules_and_some_of_their_chapter_that_it_does_not_concern() {
        let plan = planned(&SCENARIOS, &[A, B], &ProofScope::default());
        assert_eq!(
            names(&plan),
            [
                ("none", vec!["a/first", "a/second", "a/third"]),
                ("both", vec!["a/first", "a/second", "a/third"]),
                ("one", vec!["a/first", "a/second", "a/third"]),
                ("two", vec!["a/first", "a/second", "a/third"]),
            ]
        );
        let first = |run: &ProofRun| run.controls.first().unwrap().clone();
        let controls: Vec<_> = plan.runs[1..].iter().map(first).collect();
        assert_eq!(
            controls,
            ["scenarios/a/second.yaml", "scenarios/a/second.yaml", "scenarios/a/first.yaml"]
        );
        assert!(plan.runs[1].gated["BBB-001"].contains("SKIP_STRESS_TESTS"), "{:?}", plan.runs[1].gated);
        assert_eq!(plan.rules.iter().collect::<Vec<_>>(), ["AAA-001", "AAA-002", "BBB-001"]);
    }

    #[test]
    fn of_many_trials_some_run_first_and_the_others_where_those_do_not_tell() {
        let rules: &[&str] = &["AAA-001"];
        let many = ["a/1", "a/2", "a/3", "a/4", "a/5"].map(|name| (name, "hermetic", rules));
        let others: &[&str] = &["AAA-002"];
        let controls = ["b/1", "b/2"].map(|name| (name, "hermetic", others));
        let plan = planned(&[many.as_slice(), &controls].concat(), &[A], &ProofScope::default());
        let under_one = plan.runs.iter().find(|run| run.defect.as_deref() == Some("one")).unwrap();
        let short = |trials: &[ScenarioPlan]| -> Vec<String> {
            trials.iter().map(|trial| trial.name["scenarios/".len()..].replace(".yaml", "")).collect()
        };
        assert_eq!(short(&under_one.trials), ["a/1", "a/5", "b/1"]);
        assert_eq!(short(&under_one.further), ["a/2", "a/3", "a/4"]);
        // What may run under a defect must pass without it.
        assert_eq!(plan.runs[0].trials.len(), 7);
    }

    #[test]
    fn a_defect_that_no_rule_names_is_there_with_nothing_to_run() {
        let scope = ProofScope { known: vec!["one".to_owned(), "idle".to_owned()], ..ProofScope::default() };
        let plan = planned(&SCENARIOS, &[A, B], &scope);
        let idle = plan.runs.iter().find(|run| run.defect.as_deref() == Some("idle")).unwrap();
        assert!(idle.trials.is_empty() && idle.rules.is_empty());
        // A part of the suite does not know what the rest names.
        let plan = planned(&SCENARIOS[..1], &[A, B], &scope);
        assert!(plan.runs.iter().all(|run| run.defect.as_deref() != Some("idle")));
    }

    #[test]
    fn only_what_is_meant_is_proved() {
        let scope = ProofScope { defects: vec!["two".to_owned()], ..ProofScope::default() };
        let plan = planned(&SCENARIOS, &[A, B], &scope);
        assert_eq!(names(&plan)[1..], [("two", vec!["a/first", "a/second", "a/third"])]);
        assert_eq!(plan.rules.iter().collect::<Vec<_>>(), ["AAA-002"]);
        let changed = Some(BTreeSet::from(["scenarios/a/second.yaml".to_owned()]));
        let plan = planned(&SCENARIOS, &[A, B], &ProofScope { changed, ..ProofScope::default() });
        assert_eq!(names(&plan)[1..], [("two", vec!["a/first", "a/second"])]);
    }
}
