//! Which trials are listed and run: by folder, file, case and word, with the options that the standard test harness has.

use std::fs;

use crate::{OwnFolder, ROTATION, command, err, out, stormproof};

/// The names that `--list` tells for some arguments.
fn listed(arguments: &[&str]) -> Vec<String> {
    let output = stormproof(&[&["run", "--list"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}\n{}", err(&output));
    let text = out(&output);
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn folders_files_cases_and_words_select_what_they_say() {
    let rotation = listed(&["scenarios/rotation"]);
    assert!(rotation.len() > 10 && rotation.iter().all(|name| name.starts_with("scenarios/rotation/")));
    assert_eq!(listed(&[ROTATION]), [ROTATION]);
    let both = listed(&["scenarios/rotation", "scenarios/ledger"]);
    assert_eq!(both.len(), rotation.len() + listed(&["scenarios/ledger"]).len(), "several at once");
    let all = listed(&["scenarios/"]);
    assert!(all.len() > both.len());
    let of_word = listed(&["scenarios/", "key-on-429"]);
    let expected: Vec<&String> = all.iter().filter(|name| name.contains("key-on-429")).collect();
    assert_eq!(of_word.iter().collect::<Vec<_>>(), expected);
    let case = "scenarios/spike/storm-amplification.yaml::three retries";
    assert_eq!(listed(&[case]), [case]);
}

#[test]
fn the_options_of_the_standard_harness_do_what_they_do_there() {
    let rotation = listed(&["scenarios/rotation"]);
    let rest = listed(&["scenarios/rotation", "--skip", "dead-key", "--skip", "next-key"]);
    let kept = |name: &&String| !name.contains("dead-key") && !name.contains("next-key");
    assert_eq!(rest.iter().collect::<Vec<_>>(), rotation.iter().filter(kept).collect::<Vec<_>>());
    assert!(rest.len() < rotation.len());
    let exact = stormproof(&["run", "--list", "scenarios/rotation", "next-key", "--exact"]);
    assert_eq!(exact.status.code(), Some(5), "a part of a name is no name: {}", out(&exact));
    let folder = OwnFolder::new("options");
    for (options, told) in [
        (&["--format", "pretty"][..], "test scenarios/rotation/next-key-on-429.yaml ... ok"),
        (&["--format", "terse"], "running 1 test\n.\n"),
        (&["-q"], "running 1 test\n.\n"),
        (&["--format", "json"], "\"name\": \"scenarios/rotation/next-key-on-429.yaml\", \"event\": \"ok\""),
        (&["--test-threads", "1"], "1 passed; 0 failed"),
        (&["--ignored"], "0 passed; 0 failed"),
    ] {
        let output = stormproof(&[&["run", ROTATION, "--reports", &folder.path()], options].concat());
        assert!(out(&output).contains(told), "{options:?}: no `{told}` in\n{}{}", out(&output), err(&output));
    }
    for wrong in [&["--format", "yaml"][..], &["--test-threads", "0"]] {
        let output = stormproof(&[&["run", ROTATION], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn it_works_in_any_folder_and_files_are_looked_for_beside_their_scenario() {
    let folder = OwnFolder::new("elsewhere");
    let scenario = fs::canonicalize("scenarios/state/how-it-is.yaml").expect("the scenario is there");
    let scenario = scenario.display().to_string();
    let checked = command(&["check", &scenario]).current_dir(&folder.0).output().expect("it starts");
    assert_eq!(checked.status.code(), Some(0), "{}{}", out(&checked), err(&checked));
    let alone = folder.0.join("how-it-is.yaml");
    fs::copy(&scenario, &alone).expect("a copy");
    let without = command(&["check", "how-it-is.yaml"]).current_dir(&folder.0).output().expect("it starts");
    assert_eq!(without.status.code(), Some(2), "its worlds do not stand beside this one");
    assert!(err(&without).contains("registry.yaml"), "{}", err(&without));
}

#[test]
fn who_wants_to_see_it_is_shown_each_request_each_attempt_and_the_target_s_log() {
    let folder = OwnFolder::new("shown");
    let run = |more: &[&str]| {
        let output = stormproof(&[&["run", ROTATION, "--reports", &folder.path()], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
        err(&output)
    };
    let count = |text: &str, word: &str| {
        let begin = format!("{ROTATION}  ");
        text.lines()
            .filter_map(|line| line.strip_prefix(begin.as_str()))
            .filter(|line| line.trim_start().starts_with(word))
            .count()
    };
    let told = run(&["-v"]);
    assert_eq!(
        (count(&told, "exchange "), count(&told, "attempt "), count(&told, "| ")),
        (6, 8, 0),
        "{told}"
    );
    let both = run(&["-v", "--follow"]);
    let place = |text: &str| both.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{both}"));
    assert!(place("| listening on ") < place("ask begins"), "it is waited for before anything is asked");
    let followed = run(&["--follow"]);
    assert_eq!((count(&followed, "exchange "), count(&followed, "| listening on ")), (0, 1), "{followed}");
    let neither = run(&[]);
    assert_eq!((count(&neither, "exchange "), count(&neither, "| ")), (0, 0), "{neither}");
}
