//! What the suite holds: which chapters there are, which areas they cover, and how many cases each area has.

use std::collections::BTreeSet;

use scenario::{Stage, Suite};

use crate::{path, text};

fn suite() -> Suite {
    Suite::read(&[path("scenarios")], &[]).unwrap_or_else(|error| panic!("{} mistakes", error.count()))
}

fn chapter(file: &str) -> &str {
    file.rsplit('/').nth(1).unwrap_or_default()
}

/// The cases of scenarios of which something holds.
fn cases(suite: &Suite, holds: impl Fn(&scenario::ScenarioFile, &scenario::Scenario) -> bool) -> usize {
    let all =
        suite.scenarios.iter().flat_map(|file| file.cases.iter().map(move |case| (file, &case.scenario)));
    all.filter(|(file, scenario)| holds(file, scenario)).count()
}

#[test]
fn the_readme_lists_each_chapter_that_there_is() {
    let readme = text("README.md");
    let (_, table) = readme.split_once("## What is put to the test").expect("the section");
    let table = table.split("\n## ").next().unwrap_or_default();
    let listed: BTreeSet<&str> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| area"))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(|name| name.trim_start_matches("scenarios/"))
        .collect();
    let suite = suite();
    let there: BTreeSet<&str> = suite.scenarios.iter().map(|file| chapter(&file.name)).collect();
    assert_eq!(listed, there);
}

#[test]
fn every_area_has_cases_that_run() {
    let suite = suite();
    let runs = |stage: Stage| stage == Stage::Hermetic;
    for chapters in [
        // Services, models, workflows across services, failures, concurrency.
        &["state", "services"][..],
        &["health", "protocol"],
        &["state"],
        &["resilience", "retry"],
        &["isolation"],
        // Rate-limit storms and spikes, exhaustion, cost attribution.
        &["spike"],
        &["exhaustion"],
        &["ledger"],
    ] {
        for name in chapters {
            let count = cases(&suite, |file, scenario| chapter(&file.name) == *name && runs(scenario.stage));
            assert!(count >= 5, "{name} has {count} cases that run");
        }
    }
    // What measures requests to models runs where its flag says so, and proves its rules in CI.
    assert!(
        cases(&suite, |file, scenario| chapter(&file.name) == "performance"
            && scenario.stage == Stage::Performance)
            >= 5
    );
    assert!(
        text(".ci/run").contains("SKIP_PERFORMANCE_TESTS=false target/release/stormproof prove scenarios/")
    );
}

#[test]
fn each_service_has_as_many_cases_as_it_should() {
    let suite = suite();
    // A case is about a service if it covers one of that service's rows, or is named for it.
    let about = |service: &str, rows: std::ops::RangeInclusive<u32>| {
        let rows: Vec<String> = rows.map(|number| format!("S1-{number:02}")).collect();
        let all =
            suite.scenarios.iter().filter(|file| chapter(&file.name) == "state").flat_map(|file| &file.cases);
        let is_about = |case: &&scenario::Case| {
            case.name.as_deref() == Some(service) || case.scenario.covers.iter().any(|row| rows.contains(row))
        };
        all.filter(is_about).count()
    };
    let of = |stems: &[&str]| {
        let stem =
            |name: &str| name.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml").to_owned();
        cases(&suite, |file, _| chapter(&file.name) == "state" && stems.contains(&stem(&file.name).as_str()))
    };
    for (what, count, least) in [
        ("registry", about("registry", 2..=6), 5),
        ("pool", about("pool", 7..=11), 5),
        ("store", about("store", 12..=17), 6),
        ("workflows", of(&["a-task-from-beginning-to-end", "ten-tasks-at-once", "when-the-store-fails"]), 3),
        ("whether they are there", of(&["how-it-is", "every-kind-of-trouble"]), 2),
        ("how much they take", of(&["what-is-confirmed-is-kept", "two-hundred-artifacts"]), 2),
    ] {
        assert!(count >= least, "{what}: {count} cases");
    }
}

#[test]
fn models_have_as_many_cases_as_they_should() {
    let rows: BTreeSet<String> = (30..=54).map(|number| format!("S1-{number}")).collect();
    let count = cases(&suite(), |_, scenario| scenario.covers.iter().any(|row| rows.contains(row)));
    assert!(count >= 20, "{count} cases");
}

#[test]
fn the_worlds_of_services_are_shared_by_scenarios() {
    let suite = suite();
    for (world, least) in
        [("registry", 3), ("repo-pool", 3), ("artifact-store", 3), ("fyers", 2), ("trading", 1)]
    {
        let used = |file: &&scenario::ScenarioFile| {
            text_of(&file.name).contains(&format!("fixtures/worlds/{world}.yaml"))
        };
        let users: Vec<&str> = suite.scenarios.iter().filter(used).map(|file| file.name.as_str()).collect();
        assert!(users.len() >= least, "{world} is taken by {users:?}");
        assert!(path(&format!("fixtures/worlds/{world}.yaml")).exists());
    }
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(name).unwrap_or_else(|_| text(name))
}

#[test]
fn every_scenario_says_what_it_is_for() {
    for file in &suite().scenarios {
        for case in &file.cases {
            let words = case.scenario.title.value.split_whitespace().count();
            assert!(words >= 3, "{}: `{}` is no sentence", file.name, case.scenario.title.value);
            for expectation in &case.scenario.expect {
                assert!(!expectation.say.trim().is_empty(), "{}: an expectation says nothing", file.name);
            }
        }
    }
}
