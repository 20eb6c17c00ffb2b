//! The suite's reading from outside: the project's own scenarios are sound, and a folder's mistakes are told all at once.

use std::fs;
use std::path::{Path, PathBuf};

use scenario::{Course, Schedule, Suite, Traffic};
use stormproof_scenario as scenario;

fn own_scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

#[test]
fn the_project_s_own_scenarios_are_sound() {
    let suite = Suite::read(&[own_scenarios()], &[]).unwrap_or_else(|error| {
        panic!("{}", error.draw(&annotate_snippets::Renderer::plain()));
    });
    assert!(suite.scenarios.len() >= 3);
}

#[test]
fn a_scenario_with_for_each_has_a_case_for_each_record() {
    let suite = Suite::read(&[own_scenarios().join("spike/storm-amplification.yaml")], &[]).unwrap();
    let cases = &suite.scenarios[0].cases;
    let names: Vec<_> = cases.iter().map(|case| case.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["no retries", "one retry", "three retries"]);
    let says: Vec<_> = cases.iter().map(|case| case.scenario.expect[0].say.as_str()).collect();
    assert_eq!(says[2], "a request costs at most one attempt for each key, and 3 more");
    let open: Vec<_> = cases[0]
        .scenario
        .traffic
        .iter()
        .filter_map(|entry| match entry {
            Traffic::Phase(phase) => match &phase.schedule {
                Schedule::Open(open) => match open.rate {
                    Some(Course::Even(rate)) => Some(rate.count),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(open, [20, 25, 10, 20]);
}

#[test]
fn the_mistakes_of_several_files_are_told_at_once() {
    let folder = std::env::temp_dir().join(format!("stormproof-suite-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let good = fs::read_to_string(own_scenarios().join("rotation/next-key-on-429.yaml")).unwrap();
    let contract = fs::read_to_string(own_scenarios().join("rotation/rules.yaml")).unwrap();
    let first = good.replace("title:", "titel:").replace("rule: ROT-003", "rule: ROT-004");
    let second = good.replace("pool: openai", "pool: opneai").replace("at_most: 1", "at_mots: 1");
    fs::write(folder.join("first.yaml"), first).unwrap();
    fs::write(folder.join("second.yaml"), second).unwrap();
    let error =
        Suite::read(std::slice::from_ref(&folder), &[("rotation/rules.yaml", &contract)]).unwrap_err();
    let drawn = error.draw(&annotate_snippets::Renderer::plain());
    fs::remove_dir_all(&folder).unwrap();
    for told in [
        "unknown key `titel`",
        "missing key `title`",
        "did you mean `title`?",
        "`at_mots` where a comparator",
    ] {
        assert!(drawn.contains(told), "{told} in\n{drawn}");
    }
}
