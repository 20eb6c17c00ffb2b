//! `stormproof new`: what is begun is sound as it stands, and nothing that is there is touched.

use std::fs;
use std::path::Path;

use crate::{OwnFolder, err, out, stormproof};

/// Begins something in a folder, and gives the text that says what is next.
fn begun(kind: &str, name: &str, folder: &str) -> String {
    let output = stormproof(&["new", kind, name, "--in", folder]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    out(&output)
}

/// Tries to begin something that cannot be, and gives the text that says why.
fn refused(kind: &str, name: &str, folder: &str) -> String {
    let output = stormproof(&["new", kind, name, "--in", folder]);
    assert_eq!(output.status.code(), Some(2), "{}{}", out(&output), err(&output));
    err(&output)
}

fn is_sound(folder: &str) {
    let output = stormproof(&["check", folder]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
}

#[test]
fn a_scenario_is_begun_that_check_accepts_and_that_names_its_schema() {
    let folder = OwnFolder::new("new-scenario");
    let next = begun("scenario", "a-storm-passes", &folder.path());
    for told in
        ["a-storm-passes.yaml is written", "stormproof check ", "stormproof run ", "stormproof explain WORD"]
    {
        assert!(next.contains(told), "`{told}` is not told in\n{next}");
    }
    is_sound(&folder.path());
    let text = folder.read("a-storm-passes.yaml");
    assert!(text.contains("title: A storm passes\n"), "{text}");
    let comments = text.lines().filter(|line| line.trim_start().starts_with("# ")).count();
    assert!(comments >= 10, "it is told what stands where:\n{text}");
    let first = text.lines().next().expect("a first line");
    let schema = first.strip_prefix("# yaml-language-server: $schema=").expect("the schema's line");
    assert!(folder.0.join(schema).is_file(), "{schema} is not there");
}

#[test]
fn the_bundled_router_passes_the_scenario_that_is_begun() {
    let folder = OwnFolder::new("new-passes");
    begun("scenario", "first", &folder.path());
    let (file, reports) = (folder.0.join("first.yaml"), folder.0.join("reports"));
    let arguments = ["run", "--seed", "7", "--reports"].map(Path::new);
    let arguments: Vec<&str> =
        arguments.into_iter().chain([reports.as_path(), &file]).filter_map(Path::to_str).collect();
    let output = stormproof(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
}

#[test]
fn nothing_is_overwritten() {
    let folder = OwnFolder::new("new-twice");
    for (kind, name, file) in [("scenario", "mine", "mine.yaml"), ("profile", "other", "other.yaml")] {
        begun(kind, name, &folder.path());
        fs::write(folder.0.join(file), "mine").expect("a change");
        let told = refused(kind, name, &folder.path());
        assert!(told.contains("is there already, and nothing was written"), "{told}");
        assert_eq!(folder.read(file), "mine");
    }
    fs::remove_file(folder.0.join("other.yaml")).expect("it goes");
    let told = refused("profile", "other", &folder.path());
    assert!(told.contains("config.yaml.j2` is there already"), "{told}");
    assert!(!folder.0.join("other.yaml").exists(), "half a profile was written");
}

#[test]
fn a_rule_begins_a_chapter_or_goes_to_its_end_and_scenarios_can_cite_it() {
    let folder = OwnFolder::new("new-rule");
    let next = begun("rule", "abc-001", &folder.path());
    assert!(next.contains("ABC-001 is written") && next.contains("stormproof new scenario"), "{next}");
    begun("rule", "ABC-002", &folder.path());
    begun("scenario", "proof", &folder.path());
    let scenario = folder.read("proof.yaml").replace("ROT-001", "ABC-002");
    fs::write(folder.0.join("proof.yaml"), scenario).expect("a scenario");
    is_sound(&folder.path());
    let explained = stormproof(&["explain", "ABC-002", &folder.path()]);
    assert!(out(&explained).contains("SHOULD") && out(&explained).contains("proof"), "{}", out(&explained));
    let chapter = folder.read("rules.yaml");
    for id in ["ABC-001", "ROT-001"] {
        assert!(refused("rule", id, &folder.path()).contains(&format!("a rule `{id}` is there already")));
    }
    assert_eq!(folder.read("rules.yaml"), chapter);
}

#[test]
fn a_chapter_that_could_not_be_read_with_the_rule_is_left_alone() {
    let folder = OwnFolder::new("new-rule-at-odds");
    for chapter in ["chapter: mine\nrules: {}\n", "chapter: [\n", "rules:\n  A: 7\n"] {
        fs::write(folder.0.join("rules.yaml"), chapter).expect("a chapter");
        let told = refused("rule", "ABC-001", &folder.path());
        assert!(told.contains("rules.yaml"), "{told}");
        assert_eq!(folder.read("rules.yaml"), chapter);
    }
}

#[test]
fn a_profile_is_begun_that_is_read_without_a_mistake() {
    let folder = OwnFolder::new("new-profile");
    let next = begun("profile", "my-router", &folder.path());
    assert!(next.contains("--target") && next.contains("config.yaml.j2"), "{next}");
    let profile = target::Profile::read(&folder.0.join("my-router.yaml"));
    let profile =
        profile.unwrap_or_else(|error| panic!("{}", error.draw(&annotate_snippets::Renderer::plain())));
    assert_eq!(profile.name(), "my-router");
}

#[test]
fn a_name_that_makes_no_file_and_an_id_that_is_none_are_refused() {
    let folder = OwnFolder::new("new-names");
    for (kind, name, help) in [
        ("scenario", "../elsewhere", "lower-case words with hyphens"),
        ("scenario", "My Router", "lower-case words with hyphens"),
        ("profile", "", "lower-case words with hyphens"),
        ("rule", "first", "three letters, a hyphen and three digits"),
    ] {
        let told = refused(kind, name, &folder.path());
        assert!(told.contains(help), "{name}: {told}");
    }
    assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), 0);
}
