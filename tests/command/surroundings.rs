//! What lies outside of a run: keys and services of the machine, the network, and how much of it a person is told.

use std::collections::BTreeSet;
use std::fs;

use crate::{OwnFolder, command, err, long_run, out, processes_with, send, stormproof, target_folder};

const DECOY: &str = "sk-decoy-of-the-machine";

#[test]
fn keys_on_the_machine_reach_nobody() {
    let folder = OwnFolder::new("decoys");
    let mut run = command(&["run", "scenarios/discovery", "--seed", "7", "--reports", &folder.path()]);
    for provider in ["OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE"] {
        run.env(format!("{provider}_API_KEY"), DECOY);
        for number in 1..=12 {
            run.env(format!("{provider}_API_KEY_{number}"), format!("{DECOY}-{number}"));
        }
    }
    // Each scenario knows its keys by their labels, and an upstream refuses every other one.
    let output = run.output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    let mut attempts = 0;
    for trial in fs::read_dir(folder.0.join("trials")).expect("trials").flatten() {
        attempts += fs::metadata(trial.path().join("attempts.rows")).expect("rows").len() / 64;
        for file in fs::read_dir(trial.path()).expect("files").flatten() {
            let text = String::from_utf8_lossy(&fs::read(file.path()).expect("a file")).into_owned();
            assert!(!text.contains(DECOY), "{}", file.path().display());
        }
    }
    assert!(attempts > 50, "only {attempts} attempts were looked at");
}

#[test]
fn a_key_that_does_reach_a_target_is_noticed() {
    let folder = OwnFolder::new("leaking");
    fs::create_dir_all(folder.0.join("router")).expect("a folder");
    fs::copy("fixtures/targets/router/config.yaml.j2", folder.0.join("router/config.yaml.j2"))
        .expect("a copy");
    let profile = fs::read_to_string("fixtures/targets/router.yaml").expect("the profile");
    let leak = format!("  process:\n    env: {{ OPENAI_API_KEY_3: {DECOY} }}\n");
    fs::write(folder.0.join("router.yaml"), profile.replacen("  process:\n", &leak, 1)).expect("a profile");
    let (target, reports) = (folder.0.join("router.yaml").display().to_string(), folder.path());
    let case = "scenarios/discovery/every-key-is-found.yaml::three of openai";
    let output = stormproof(&["run", case, "--target", &target, "--seed", "7", "--reports", &reports]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
}

#[test]
fn a_service_that_is_down_is_a_failure_and_no_skip() {
    let folder = OwnFolder::new("down");
    fs::copy("scenarios/state/rules.yaml", folder.0.join("rules.yaml")).expect("the chapter");
    let worlds = fs::canonicalize("fixtures/worlds").expect("the worlds").display().to_string();
    let reports = folder.0.join("reports").display().to_string();
    let run = |name: &str, gone: &str| {
        let text = format!(
            "title: three services that are well\nworld:\n  upstreams:\n    \
             registry: {{ use: {worlds}/registry.yaml#upstreams.registry }}\n    \
             pool: {{ use: {worlds}/repo-pool.yaml#upstreams.pool{gone} }}\n    \
             store: {{ use: {worlds}/artifact-store.yaml#upstreams.store }}\n\
             requests: {{ health: {{ method: GET, path: /health, patience: 2s }} }}\n\
             traffic:\n  - {{ pause: 100ms }}\n  - {{ step: registry, send: health, at: registry }}\n  \
             - {{ step: pool, send: health, at: pool }}\n  - {{ step: store, send: health, at: store }}\n\
             witness: [{{ exchanges: {{ count: 3 }} }}]\n\
             expect:\n  - {{ rule: STA-013, say: each is well, exchanges: {{ per: step, every: {{ status: 200 }} }} }}\n"
        );
        fs::write(folder.0.join(name), text).expect("a scenario");
        let path = folder.0.join(name).display().to_string();
        let output = stormproof(&["run", &path, "--require", "hermetic", "--reports", &reports]);
        (output.status.code(), out(&output))
    };
    let (code, told) = run("up.yaml", "");
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run("down.yaml", ", timeline: [{ at: 0s, lasts: 1h, connection: refuse }]");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("refused") && !told.contains("gated"), "{told}");
    assert!(folder.read("reports/junit.xml").contains("<failure"));
}

#[test]
fn a_failure_tells_how_many_offend_of_how_many() {
    let folder = OwnFolder::new("how-many");
    let scenario = "scenarios/services/a-hundred-at-once.yaml";
    let defect = "ignores-service-limits";
    let output =
        stormproof(&["run", scenario, "--defect", defect, "--seed", "7", "--reports", &folder.path()]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let run: serde_json::Value = serde_json::from_str(&folder.read("run.json")).expect("a run");
    let all = run["trials"][0]["attempts"].as_u64().expect("a number");
    let text = out(&output);
    let (before, _) = text.split_once(&format!(" of {all} attempts offend")).expect("the number of all");
    let number: u64 =
        before.rsplit(' ').next().expect("a word").parse().expect("the number of those that offend");
    assert!((1..all).contains(&number), "{number} of {all}");
    assert!(folder.read("junit.xml").contains(&format!("{number} of {all} attempts offend")));
}

/// The remote addresses of the connections of some processes, as the kernel writes them.
fn remote_addresses(processes: &[u32]) -> BTreeSet<String> {
    let mut inodes = BTreeSet::new();
    for process in processes {
        for file in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            let name = fs::read_link(file.path()).unwrap_or_default().display().to_string();
            inodes.extend(
                name.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned),
            );
        }
    }
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        for line in fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if let (Some(remote), Some(inode)) = (fields.get(2), fields.get(9))
                && inodes.contains(*inode)
            {
                found.insert((*remote).split(':').next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

#[test]
fn a_run_speaks_to_nobody_beyond_loopback() {
    let folder = OwnFolder::new("loopback");
    let mut child = long_run(&folder);
    let targets = target_folder(&child);
    let mut processes = vec![child.id()];
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&targets) {
            processes.extend(entry.file_name().to_string_lossy().parse::<u32>());
        }
    }
    assert!(processes.len() >= 2, "the target runs: {:?}", processes_with(&targets));
    let mut seen = BTreeSet::new();
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(1_500) {
        seen.extend(remote_addresses(&processes));
        std::thread::yield_now();
    }
    send("-INT", &child);
    child.wait().expect("it ends");
    // 127.0.0.1 as the kernel writes it, and a socket that only listens.
    let (loopback, nobody) = ("0100007F", "00000000");
    assert!(seen.remove(loopback), "no connection was seen at all: {seen:?}");
    seen.remove(nobody);
    seen.retain(|address| address.chars().any(|digit| digit != '0'));
    assert_eq!(seen, BTreeSet::new());
}
