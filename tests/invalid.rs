//! Every mistake that a user can make in a scenario has a fixture in fixtures/invalid/ and beside it the message that it gets.
//!
//! `STORMPROOF_BLESS=1 cargo test --test invalid` writes the messages anew; read the difference before you keep it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use similar::TextDiff;

const FIXTURES: &str = "fixtures/invalid";

fn stormproof(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stormproof"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the command starts")
}

/// Compares a message with its golden file, with a folder of the test's own replaced by a word.
#[track_caller]
fn compare(golden: &Path, output: &Output, own_folder: Option<&Path>) {
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Some(folder) = own_folder {
        text = text.replace(&folder.display().to_string(), "FOLDER");
    }
    assert!(!text.contains("panicked"), "{text}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(golden);
    if std::env::var_os("STORMPROOF_BLESS").is_some() {
        fs::write(&golden, &text).expect("the golden file can be written");
        return;
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    let diff = TextDiff::from_lines(&expected, &text);
    assert!(expected == text, "{} differs:\n{}", golden.display(), diff.unified_diff());
}

struct OwnFolder(PathBuf);

impl OwnFolder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("invalid-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder of its own");
        Self(path)
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn every_wrong_scenario_gets_its_message_and_exit_2() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURES);
    // What stands in `pieces` is imported by the others.
    let mut fixtures: Vec<String> = fs::read_dir(folder)
        .expect("the fixtures are there")
        .flatten()
        .filter(|entry| entry.path().is_dir() || entry.path().extension().is_some_and(|end| end == "yaml"))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "pieces")
        .collect();
    fixtures.sort();
    assert!(fixtures.len() > 60);
    for name in fixtures {
        let output = stormproof(&["check", &format!("{FIXTURES}/{name}")]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let golden = format!("{FIXTURES}/{}.txt", name.trim_end_matches(".yaml"));
        compare(Path::new(&golden), &output, None);
    }
}

#[test]
fn an_unknown_key_is_told_at_each_level_at_once() {
    let output = stormproof(&["check", "fixtures/invalid/unknown-keys.yaml"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    for key in [
        "titel", "upstream", "keyes", "sharde", "burst", "refil", "haed", "p999", "txt", "cached", "gaps",
        "wen", "retry", "last", "modles", "streams", "repaet", "streem", "arival", "besides", "why", "were",
        "because", "wher", "unit", "evry", "serious",
    ] {
        assert!(text.contains(&format!("unknown key `{key}`")), "`{key}` is not told in\n{text}");
    }
}

#[test]
fn a_folder_without_a_scenario_is_told() {
    let folder = OwnFolder::new("no-scenario");
    let output = stormproof(&["check", &folder.0.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    compare(Path::new("fixtures/invalid/folder-without-a-scenario.txt"), &output, Some(&folder.0));
}

#[test]
fn a_file_of_100_mb_is_refused_without_being_read() {
    let folder = OwnFolder::new("large");
    let path = folder.0.join("large.yaml");
    fs::File::create(&path).and_then(|file| file.set_len(100_000_000)).expect("a large file");
    let output = stormproof(&["check", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    compare(Path::new("fixtures/invalid/large.txt"), &output, Some(&folder.0));
}

#[test]
fn a_path_that_does_not_exist_is_told_with_the_nearest_one() {
    let output = stormproof(&["check", "scenaros"]);
    assert_eq!(output.status.code(), Some(2));
    compare(Path::new("fixtures/invalid/no-such-path.txt"), &output, None);
}

#[test]
fn a_filter_that_selects_nothing_is_told_with_exit_5() {
    let output = stormproof(&["run", "scenarios/rotation/next-key-on-429.yaml", "storm"]);
    assert_eq!(output.status.code(), Some(5));
    compare(Path::new("fixtures/invalid/nothing-selected.txt"), &output, None);
}

/// The stories of a run against a broken target, as they stand on standard output.
fn stories(name: &str, what: &[&str]) -> Output {
    let folder = OwnFolder::new(name);
    let (target, reports) = (format!("fixtures/targets/broken/{name}.yaml"), folder.0.display().to_string());
    let mut output =
        stormproof(&[&["run"], what, &["--target", &target, "--seed", "7", "--reports", &reports]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let from = text.find("── blocked").unwrap_or_else(|| panic!("nothing is blocked:\n{text}"));
    let to = text.rfind("failures:").expect("the list of failures");
    output.stderr = text[from..to].trim_end().as_bytes().to_vec();
    output
}

#[test]
fn a_target_that_does_not_start_is_told_with_its_last_words() {
    let output = stories("never-starts", &["scenarios/rotation/next-key-on-429.yaml"]);
    assert_eq!(output.status.code(), Some(4));
    compare(Path::new("fixtures/targets/broken/never-starts.txt"), &output, None);
}

#[test]
fn a_target_that_dies_midway_is_told_with_its_last_words() {
    let mut output = stories("dies-midway", &["scenarios/spike/storm-amplification.yaml::one retry"]);
    assert_eq!(output.status.code(), Some(4));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let without_ports =
        text.split("http://127.0.0.1:").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
    output.stderr = without_ports.collect::<Vec<_>>().join("http://127.0.0.1:PORT").into_bytes();
    compare(Path::new("fixtures/targets/broken/dies-midway.txt"), &output, None);
}

#[test]
fn the_project_s_own_scenarios_are_sound() {
    let output = stormproof(&["check", "scenarios"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
