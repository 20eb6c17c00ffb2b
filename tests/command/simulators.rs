//! The harness checks itself: its simulated providers are asked with nothing between them and the client, and each scenario
//! that says what they do turns red where one does something else.

use std::fs;

use crate::{OwnFolder, err, out, stormproof};

const FOLDER: &str = "fixtures/self-check";

#[test]
fn simulated_providers_do_what_their_world_says() {
    let folder = OwnFolder::new("self-check");
    let ran = stormproof(&["run", FOLDER, "--seed", "7", "--reports", &folder.path()]);
    assert_eq!(ran.status.code(), Some(0), "{}{}", out(&ran), err(&ran));
    let run: serde_json::Value = serde_json::from_str(&folder.read("run.json")).expect("a run");
    let trials = run["trials"].as_array().expect("trials");
    assert!(trials.len() >= 13 && trials.iter().all(|trial| trial["verdict"] == "pass"));
}

#[test]
fn a_simulated_provider_that_does_something_else_is_told() {
    let folder = OwnFolder::new("self-check-red");
    // What is changed is the world alone, as if the provider did not heed it; what is expected of it stays.
    for (file, of_world, instead, rule) in [
        ("limits-are-kept", "max: 5", "max: 6", "SIM-001"),
        ("limits-are-kept", "per: 2s", "per: 60s", "SIM-001"),
        // It forgets the order, and it says its last words over and over again.
        ("scripts-are-followed", "name: limited, once: true", "name: limited, every: 2", "SIM-002"),
        ("scripts-are-followed", "name: own words, once: true", "name: own words", "SIM-002"),
        ("faults-are-served", "connection: \"{{ how }}\"", "reply: { text: \"{{ how }}\" }", "SIM-003"),
        ("foreign-keys-are-refused", "keys: [first]", "keys: []", "SIM-004"),
        ("it-takes-its-time", "head: 400ms", "head: 10ms", "SIM-005"),
    ] {
        let text = fs::read_to_string(format!("{FOLDER}/{file}.yaml")).expect("a scenario");
        assert!(text.contains(of_world), "{file} holds no `{of_world}`");
        fs::copy(format!("{FOLDER}/rules.yaml"), folder.0.join("rules.yaml")).expect("a copy");
        let changed = folder.0.join("changed.yaml");
        fs::write(&changed, text.replace(of_world, instead)).expect("a scenario");
        let reports = folder.0.join("reports").display().to_string();
        let changed = changed.display().to_string();
        let ran = stormproof(&["run", &changed, "--seed", "7", "--reports", &reports]);
        let told = out(&ran);
        assert_eq!(ran.status.code(), Some(1), "{file}, {instead}: {told}{}", err(&ran));
        assert!(told.contains(&format!("stormproof explain {rule}")), "{file}, {instead}: {told}");
    }
}
