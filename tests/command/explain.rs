//! `stormproof explain`: rules, scenarios, words, and what is none of them.

use std::process::Command;

use crate::{OwnFolder, err, out, stormproof};

/// What is told of something, by a command that succeeds.
fn explained(what: &str) -> String {
    let output = stormproof(&["explain", what]);
    assert_eq!(output.status.code(), Some(0), "{what}: {}", err(&output));
    assert_eq!(err(&output), "", "{what}");
    out(&output)
}

#[test]
fn a_rule_is_told_with_its_level_its_sources_its_scenarios_and_its_defects() {
    let text = explained("ROT-003");
    for told in [
        "ROT-003 (MUST, rotation, since 1.0)",
        "No key is tried twice",
        "Asked of targets that claim: key-pool",
        "Sources:",
        "Proved by:\n",
        "  rotation/next-key-on-429\n      A rate-limited key is passed over and the next key answers",
        "Turns red under the defects:",
        "retries-the-same-key",
    ] {
        assert!(text.contains(told), "`{told}` is not told in\n{text}");
    }
    assert_eq!(text, explained("rot-003"), "an id can be written in small letters");
}

#[test]
fn a_scenario_is_told_by_its_path_its_stem_its_name_and_its_title() {
    let text = explained("scenarios/rotation/next-key-on-429.yaml");
    for told in [
        "Stage: hermetic",
        "Needs of the target: key-pool",
        "  ROT-003  No key is tried twice",
        "      no key is asked twice for one request",
        "script: limited",
        "Sends 6 requests",
    ] {
        assert!(text.contains(told), "`{told}` is not told in\n{text}");
    }
    for other in [
        "rotation/next-key-on-429",
        "next-key-on-429",
        "next-key-on-429.yaml",
        "A rate-limited key is passed over and the next key answers",
    ] {
        assert_eq!(text, explained(other), "{other}");
    }
}

#[test]
fn every_kind_of_word_is_told_with_its_meaning_its_unit_its_default_and_an_example() {
    for (word, all_told) in [
        ("cooling", ["a field of attempts", "`true` or `false`", "cooling: true"]),
        ("took", ["a field of exchanges", "a duration", "took: { at_most: 1s }"]),
        ("retries", ["a key of a model", "a whole number", "retries: 2"]),
        ("patience", ["a duration", "30 s", "patience: 5s"]),
        ("in_any", ["a key of a claim", "a duration", "in_any: 1s"]),
        ("at_least", ["a comparator", "It is this or more.", "at_least: 1s"]),
        ("duration", ["a unit", "`250ms`", "a time"]),
        ("KiB", ["size: a unit", "`64KiB`", "bytes"]),
        ("freeze", ["an operation", "The target is kept from running.", "traffic[].operate"]),
        ("insufficient_quota", ["an error's name", "429 or 400", "reply.error"]),
        ("shared-state", ["a capability", "Several instances", "needs[]"]),
        ("killed_by", ["a key of a rule", "rules.NAME.killed_by of a rules.yaml", "killed_by: ["]),
        ("settles_within", ["a profile", "a duration", "`2s`"]),
        ("inconclusive", ["a verdict", "too little", "power"]),
        ("captured", ["a root", "`requests`, `traffic`", "{{ captured.NAME }}"]),
    ] {
        let text = explained(word);
        for told in all_told {
            assert!(text.contains(told), "`{told}` is not told of `{word}` in\n{text}");
        }
    }
}

#[test]
fn what_is_not_known_gets_the_nearest_and_exits_2() {
    for (what, near) in [
        ("ROT-033", "`ROT-003`"),
        ("coolin", "`cooling`"),
        ("next-key-on-492", "`rotation/next-key-on-429`"),
        ("inconclusve", "`inconclusive`"),
    ] {
        let output = stormproof(&["explain", what]);
        assert_eq!(output.status.code(), Some(2), "{what}: {}", out(&output));
        assert_eq!(out(&output), "", "{what}");
        let told = err(&output);
        assert!(told.contains(&format!("`{what}`")) && told.contains("did you mean"), "{told}");
        assert!(told.contains(near), "{near} is not told in\n{told}");
    }
    let far = err(&stormproof(&["explain", "xxxxxxxxxxxxxxx"]));
    assert!(far.contains("docs/language.md"), "{far}");
}

#[test]
fn rules_and_words_are_told_where_there_are_no_scenarios_and_where_they_are_wrong() {
    let folder = OwnFolder::new("explain-elsewhere");
    let explain = |what: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stormproof"));
        command.current_dir(&folder.0).args(["explain", what]).output().expect("the command starts")
    };
    assert!(out(&explain("ROT-001")).contains("A 429 on one key"));
    assert!(out(&explain("cooling")).contains("a field of attempts"));
    std::fs::create_dir(folder.0.join("scenarios")).expect("a folder");
    std::fs::write(folder.0.join("scenarios/wrong.yaml"), "titel: oh\n").expect("a scenario");
    let output = explain("ROT-001");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(err(&output).contains("`stormproof check` tells what"), "{}", err(&output));
    let output = explain("scenarios/wrong.yaml");
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("wrong.yaml:1"), "{}", err(&output));
}
