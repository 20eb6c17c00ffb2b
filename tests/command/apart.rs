//! Trials know nothing of each other: in any order, alone, again and side by side they come to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use crate::{OwnFolder, command, err, out, stormproof};

/// A scenario of one request, with whatever stands in it besides.
fn scenario(title: &str, upstream: &str, more: &str, traffic: &str) -> String {
    format!(
        "title: {title}\n{more}world:\n  upstreams: {{ openai: {{ dialect: openai, keys: 2{upstream} }} }}\n  \
         router: {{ models: {{ chat: {{ pool: openai }} }} }}\n\
         requests:\n  ask: {{ model: chat, prompt: ping, patience: 5s }}\n\
         traffic:\n{traffic}  - {{ step: ask, repeat: 2, send: ask }}\n\
         witness: [{{ exchanges: {{ count: {{ at_least: 1 }} }} }}]\n\
         expect: [{{ rule: HLT-001, say: clients get answers, exchanges: {{ where: {{ step: ask }}, every: {{ status: 200 }} }} }}]\n"
    )
}

/// Writes scenarios with the chapter whose rule they cite.
fn write(folder: &OwnFolder, scenarios: &[(&str, String)]) -> Vec<String> {
    fs::copy("scenarios/health/rules.yaml", folder.0.join("rules.yaml")).expect("the chapter");
    let write = |(name, text): &(&str, String)| {
        let path = folder.0.join(format!("{name}.yaml"));
        fs::write(&path, text).expect("a scenario");
        path.display().to_string()
    };
    scenarios.iter().map(write).collect()
}

fn record(folder: &OwnFolder) -> serde_json::Value {
    serde_json::from_str(&folder.read("reports/run.json")).expect("a run")
}

/// The verdict of each expectation of each trial.
fn verdicts(folder: &OwnFolder) -> BTreeMap<String, Vec<String>> {
    let run = record(folder);
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let trials = run["trials"].as_array().expect("trials").iter();
    let of = |trial: &serde_json::Value| {
        trial["judged"]
            .as_array()
            .expect("expectations")
            .iter()
            .map(|judged| text(&judged["verdict"]))
            .collect()
    };
    trials.map(|trial| (text(&trial["name"]), of(trial))).collect()
}

#[test]
fn trials_come_to_the_same_again_in_any_order_and_alone_and_no_mark_is_used_twice() {
    let folder = OwnFolder::new("apart");
    let reports = folder.0.join("reports").display().to_string();
    // Scenarios that measure no time, which may be told otherwise by a machine that is busy.
    let paths = [
        "scenarios/rotation/a-dead-key-is-left-alone.yaml",
        "scenarios/rotation/last-key-standing.yaml",
        "scenarios/compatibility/a-limited-key-that-stands-twice.yaml",
        "scenarios/state/steps-of-a-task.yaml",
    ];
    let run = |paths: &[&str], more: &[&str]| {
        // Under a defect some of the verdicts are no passes.
        let under = ["--seed", "7", "--defect", "retries-the-same-key", "--reports", &reports];
        let output = stormproof(&[&["run"], paths, &under, more].concat());
        assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
        verdicts(&folder)
    };
    let first = run(&paths, &[]);
    assert!(first.values().flatten().any(|verdict| verdict == "fail"));
    assert!(first.values().flatten().any(|verdict| verdict == "pass"));
    let trials = fs::read_dir(folder.0.join("reports/trials")).expect("trials").flatten();
    let begins =
        trials.map(|trial| fs::read_to_string(trial.path().join("evidence.ndjson")).expect("evidence"));
    let mark = |text: String| {
        let line: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        line["trial"]["mark"].as_u64().expect("a mark")
    };
    let marks: Vec<u64> = begins.map(mark).collect();
    assert_eq!(marks.iter().collect::<BTreeSet<_>>().len(), first.len(), "each trial has a mark of its own");
    assert_eq!(run(&paths, &[]), first, "again");
    let turned: Vec<&str> = paths.iter().rev().copied().collect();
    assert_eq!(run(&turned, &["--test-threads", "1"]), first, "in another order, one after the other");
    let alone = run(&paths[..1], &[]);
    assert_eq!(alone, first.into_iter().filter(|(name, _)| name.starts_with(paths[0])).collect(), "alone");
}

#[test]
fn what_hangs_ends_with_its_patience_and_the_others_run() {
    let folder = OwnFolder::new("hangs");
    let silent = ", script: [{ name: silent, connection: silence }]";
    let hangs = scenario("one that hangs", silent, "", "").replace("patience: 5s", "patience: 600ms");
    let paths = write(&folder, &[("hangs", hangs), ("answers", scenario("one that answers", "", "", ""))]);
    let reports = folder.0.join("reports").display().to_string();
    let output = stormproof(&["run", &paths[0], &paths[1], "--test-threads", "1", "--reports", &reports]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let verdicts = verdicts(&folder);
    let of =
        |name: &str| verdicts.iter().find(|(trial, _)| trial.contains(name)).expect("the trial").1.clone();
    assert_eq!((of("hangs.yaml"), of("answers.yaml")), (vec!["fail".to_owned()], vec!["pass".to_owned()]));
}

#[test]
fn trials_run_side_by_side_and_those_that_measure_run_alone() {
    let folder = OwnFolder::new("beside");
    let names = ["one", "two", "three", "four"];
    let wait = "  - { pause: 3s }\n";
    let paths =
        write(&folder, &names.map(|name| (name, scenario(&format!("case {name} of four"), "", "", wait))));
    let reports = folder.0.join("reports").display().to_string();
    let run = |threads: &str, paths: &[String]| {
        let begun = Instant::now();
        let mut words = vec!["run"];
        words.extend(paths.iter().map(String::as_str));
        words.extend(["--test-threads", threads, "--reports", &reports]);
        let output = command(&words).env("SKIP_PERFORMANCE_TESTS", "false").output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
        begun.elapsed()
    };
    assert!(run("4", &paths) < Duration::from_secs(10), "four that take three seconds each overlap");
    let measures: Vec<(&str, String)> = names[..2]
        .iter()
        .map(|name| {
            (*name, scenario(&format!("case {name} that measures"), "", "stage: performance\n", wait))
        })
        .collect();
    let both = write(&folder, &measures);
    assert!(run("4", &both) >= Duration::from_secs(6), "two that measure do not");
}
