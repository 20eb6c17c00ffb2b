//! The command from outside: exit codes, what it says, and what it leaves behind.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

mod abroad;
mod apart;
mod bad_targets;
mod exits;
mod explain;
mod judged;
mod new;
mod probe;
mod progress;
mod prove;
mod real_services;
mod released;
mod select;
mod shared;
mod simulators;
mod stages;
mod surroundings;
mod upstreams;

struct OwnFolder(PathBuf);

impl OwnFolder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("command-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).expect("a folder of its own");
        Self(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormproof"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null());
    for variable in [
        "OPENAI_API_KEY",
        "HEALTH_TIMEOUT",
        "ROUTER_URL",
        "ROUTER_KEY",
        "ROUTER_MODEL",
        "TASK_REGISTRY_URL",
        "REPO_POOL_URL",
        "ARTIFACT_STORE_URL",
    ] {
        command.env_remove(variable);
    }
    for flag in ["INTEGRATION", "LLM", "E2E", "GPU", "COMPOSE", "PERFORMANCE", "STRESS"] {
        command.env_remove(format!("SKIP_{flag}_TESTS"));
    }
    command
}

fn stormproof(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the command starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Processes whose command line holds a text.
fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("processes are listed").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(text) {
            found.push(line);
        }
    }
    found
}

const ROTATION: &str = "scenarios/rotation/next-key-on-429.yaml";

#[test]
fn a_sound_target_exits_0_and_leaves_evidence_and_reports() {
    let folder = OwnFolder::new("sound");
    let output = stormproof(&["run", ROTATION, "--seed", "7", "--reports", &folder.path()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    assert!(folder.read("junit.xml").contains("ROT-003"));
    assert!(folder.read("run.json").contains("\"verdict\": \"pass\""));
    let trial =
        fs::read_dir(folder.0.join("trials")).expect("trials").flatten().next().expect("a trial").path();
    let length = |file: &str| fs::metadata(trial.join(file)).map(|file| file.len()).expect("rows");
    assert_eq!(length("exchanges.rows"), 6 * 64, "six exchanges of 64 bytes");
    assert_eq!(length("attempts.rows"), 8 * 64, "eight attempts of 64 bytes");
}

#[test]
fn a_run_writes_nothing_beside_the_folder_that_it_was_given() {
    let folder = OwnFolder::new("beside");
    let reports = folder.0.join("a/b");
    let output = stormproof(&["run", ROTATION, "--seed", "7", "--reports", &reports.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    let names = |path: &Path| {
        let entries = fs::read_dir(path).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    assert_eq!((names(&folder.0), names(&folder.0.join("a"))), (vec!["a".to_owned()], vec!["b".to_owned()]));
}

#[test]
fn no_key_stands_in_anything_that_a_run_leaves_behind() {
    let folder = OwnFolder::new("keys");
    let output = stormproof(&["run", ROTATION, "-v", "--follow", "--seed", "7", "--reports", &folder.path()]);
    let mut texts = vec![out(&output), err(&output)];
    let mut folders = vec![folder.0.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            match entry.file_type().expect("a kind") {
                kind if kind.is_dir() => folders.push(entry.path()),
                _ => {
                    texts
                        .push(String::from_utf8_lossy(&fs::read(entry.path()).expect("a file")).into_owned());
                }
            }
        }
    }
    assert!(texts.iter().any(|text| text.contains("<key ")), "the samples show keys by their labels");
    assert!(!texts.iter().any(|text| text.contains("sk-sp-")), "a key was written");
}

#[test]
fn a_key_that_is_retried_is_told_with_its_tree_its_line_and_the_way_back() {
    let folder = OwnFolder::new("retried");
    let output = stormproof(&[
        "run",
        ROTATION,
        "--defect",
        "retries-the-same-key",
        "--seed",
        "7",
        "--reports",
        &folder.path(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let text = out(&output);
    for told in [
        "ROT-003",
        "No key is tried twice in one client request",
        "<- same key again",
        "attempts: { per: [exchange, key], count: { at_most: 1 } }",
        "^^^^",
        "next-key-on-429.yaml:45",
        "stormproof run scenarios/rotation/next-key-on-429.yaml --seed 7",
        "--defect retries-the-same-key",
        "stormproof explain ROT-003",
    ] {
        assert!(text.contains(told), "`{told}` is not told in\n{text}");
    }
    assert!(folder.read("junit.xml").contains("<failure"));
}

#[test]
fn a_misspelt_defect_is_told_with_the_one_that_was_meant() {
    let folder = OwnFolder::new("misspelt");
    let run = |defect: &str| {
        stormproof(&["run", ROTATION, "--defect", defect, "--seed", "7", "--reports", &folder.path()])
    };
    let misspelt = run("ignores-retry-aftre");
    assert_eq!(misspelt.status.code(), Some(4), "{}{}", out(&misspelt), err(&misspelt));
    assert!(err(&misspelt).contains("did you mean `ignores-retry-after`?"), "{}", err(&misspelt));
    assert!(!err(&run("ignores-retry-after")).contains("did you mean"));
}

#[test]
fn judging_a_run_again_agrees_to_the_letter() {
    let folder = OwnFolder::new("again");
    let defect =
        ["run", ROTATION, "--defect", "ignores-retry-after", "--seed", "7", "--reports", &folder.path()];
    assert_eq!(stormproof(&defect).status.code(), Some(1));
    let output = stormproof(&["judge", &folder.path()]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("agrees with the run to the letter"), "{}", out(&output));
    assert!(out(&output).contains("CDN-001"));
}

#[test]
fn a_run_whose_target_never_started_is_judged_again_as_it_was() {
    let folder = OwnFolder::new("never-started");
    let target = "fixtures/targets/broken/never-starts.yaml";
    let output =
        stormproof(&["run", ROTATION, "--target", target, "--seed", "7", "--reports", &folder.path()]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    let output = stormproof(&["judge", &folder.path()]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("agrees with the run to the letter"), "{}", out(&output));
}

/// The rules that fail in some scenarios under a defect, each once, in the order of their ids.
fn broken_under(defect: &str, scenarios: &[&str]) -> Vec<String> {
    let folder = OwnFolder::new(defect);
    let (path, under) = (folder.path(), ["--defect", defect, "--seed", "7", "--reports"]);
    let output = stormproof(&[&["run"], scenarios, &under, &[path.as_str()]].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let run: serde_json::Value = serde_json::from_str(&folder.read("run.json")).expect("a run");
    let trials = run["trials"].as_array().expect("trials").iter();
    let judged = trials.flat_map(|trial| trial["judged"].as_array().expect("expectations"));
    let broken = judged.filter(|judged| judged["verdict"] == "fail" || judged["verdict"] == "warn");
    let mut rules: Vec<String> =
        broken.map(|judged| judged["rule"].as_str().expect("a rule").to_owned()).collect();
    rules.sort();
    rules.dedup();
    rules
}

#[test]
fn ignoring_retry_after_breaks_the_rule_on_cooldown_and_no_other() {
    // Chapters about something else, and one scenario that is about waits.
    let chapters = [ROTATION, "scenarios/isolation", "scenarios/security", "scenarios/ledger"];
    assert_eq!(broken_under("ignores-retry-after", &chapters), ["CDN-001"]);
}

#[test]
fn retrying_the_same_key_breaks_the_rules_on_rotation() {
    let broken = broken_under("retries-the-same-key", &[ROTATION]);
    assert!(["ROT-001", "ROT-003"].iter().all(|rule| broken.contains(&(*rule).to_owned())), "{broken:?}");
}

#[test]
fn multiplying_retries_breaks_the_rule_on_amplification() {
    let broken = broken_under("multiplies-retries", &["scenarios/spike/storm-amplification.yaml"]);
    assert!(broken.contains(&"SPK-002".to_owned()), "{broken:?}");
}

#[test]
fn a_dry_run_tells_what_would_be_sent_and_starts_nothing() {
    let folder = OwnFolder::new("dry");
    let output = stormproof(&["run", ROTATION, "--dry-run", "--seed", "7", "--reports", &folder.path()]);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    let text = out(&output);
    let line = text.lines().find(|line| line.ends_with(ROTATION)).expect("a line for the trial");
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["6", "50ms", "6", "open", "open", ROTATION]);
    assert!(text.contains("nothing was started"), "{text}");
    assert_eq!(fs::read_dir(&folder.0).expect("its folder").count(), 0, "nothing is written");
}

#[test]
fn a_plan_beyond_its_caps_is_refused_and_one_that_meets_a_cap_is_blocked() {
    let folder = OwnFolder::new("caps");
    let run = |scenario, caps: &[&str]| {
        stormproof(&[&["run", scenario, "--seed", "7", "--reports", &folder.path()][..], caps].concat())
    };
    for (caps, told) in [
        (&["--max-requests", "5"][..], "sends at least 6 requests, and 5 are the most"),
        (&["--max-cost", "0.50 USD"], "a model has no price"),
        (&["--max-cost", "0.50"], "write an amount with its currency"),
        (&["--max-time", "10"], "write a number with a unit"),
    ] {
        let output = run(ROTATION, caps);
        assert_eq!(output.status.code(), Some(2), "{}{}", out(&output), err(&output));
        assert!(err(&output).contains(told), "{}", err(&output));
    }
    assert_eq!(fs::read_dir(&folder.0).expect("its folder").count(), 0, "nothing was started");
    let output = run(ROTATION, &["--max-requests", "6", "--max-time", "10m"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    let output = run(ROTATION, &["--max-time", "1ms"]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("the time of the run is over: its cap is 1ms"), "{}", out(&output));
}

#[test]
fn chapters_profiles_and_worlds_are_checked_as_what_they_are() {
    for (paths, told) in [
        (&["scenarios/rotation/rules.yaml"][..], "1 chapter is sound\n"),
        (&["fixtures/targets/plain.yaml"], "1 profile is sound\n"),
        (&["fixtures/targets/plain.yaml", ROTATION], "1 scenario and 1 case and 1 profile are sound\n"),
        (&["fixtures/worlds/registry.yaml", "fixtures/worlds/fyers.yaml"], "2 worlds are sound\n"),
    ] {
        let output = stormproof(&[&["check"], paths].concat());
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), told), "{}", err(&output));
    }
}

#[test]
fn a_filter_that_selects_nothing_exits_5() {
    let output = stormproof(&["run", "scenarios/", "rotatoin"]);
    assert_eq!(output.status.code(), Some(5), "{}{}", out(&output), err(&output));
    assert!(err(&output).contains("selects none of"), "{}", err(&output));
}

#[test]
fn a_trial_is_listed_and_run_by_its_whole_name() {
    let listed = out(&stormproof(&["run", "scenarios/", "--list"]));
    assert!(listed.contains("scenarios/spike/storm-amplification.yaml::three retries: test\n"), "{listed}");
    let folder = OwnFolder::new("name");
    let name = "scenarios/rotation/next-key-on-429.yaml";
    let output = stormproof(&["run", name, "--exact", "--reports", &folder.path()]);
    assert!(out(&output).contains("running 1 test"), "{}", out(&output));
}

#[test]
fn a_target_that_does_not_start_is_blocked_with_its_last_words() {
    let folder = OwnFolder::new("never-starts");
    let target = "fixtures/targets/broken/never-starts.yaml";
    let output = stormproof(&["run", ROTATION, "--target", target, "--reports", &folder.path()]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    let text = out(&output);
    for told in ["blocked", "ended with status 3", "fatal: no such pool"] {
        assert!(text.contains(told), "`{told}` is not told in\n{text}");
    }
    assert!(folder.read("junit.xml").contains("<error"));
}

#[test]
fn a_target_that_dies_midway_blocks_what_was_running_and_the_rest_still_runs() {
    let folder = OwnFolder::new("dies-midway");
    let target = "fixtures/targets/broken/dies-midway.yaml";
    let output = stormproof(&[
        "run",
        ROTATION,
        "scenarios/spike/storm-amplification.yaml::one retry",
        "--target",
        target,
        "--reports",
        &folder.path(),
    ]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    let run: serde_json::Value = serde_json::from_str(&folder.read("run.json")).expect("a run");
    let verdicts: Vec<(&str, &str)> = run["trials"]
        .as_array()
        .expect("trials")
        .iter()
        .map(|trial| (trial["name"].as_str().expect("a name"), trial["verdict"].as_str().expect("a verdict")))
        .collect();
    assert_eq!(
        verdicts,
        [(ROTATION, "pass"), ("scenarios/spike/storm-amplification.yaml::one retry", "blocked")],
        "{}",
        out(&output)
    );
    assert!(out(&output).contains("ended with status 7"), "{}", out(&output));
    assert!(out(&output).contains("fatal: out of luck"), "{}", out(&output));
}

/// Starts a long run and waits until its target is up.
fn long_run(folder: &OwnFolder) -> std::process::Child {
    let mut child = command(&[
        "run",
        "scenarios/spike/storm-amplification.yaml::no retries",
        "-v",
        "--reports",
        &folder.path(),
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .expect("the command starts");
    let mut told = String::new();
    let mut stderr = child.stderr.take().expect("standard error");
    let mut bytes = [0; 4_096];
    while !told.contains("calm begins") {
        let count = stderr.read(&mut bytes).expect("it is told");
        assert!(count > 0, "the run ended before its traffic began:\n{told}");
        told.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    child
}

fn send(signal: &str, child: &std::process::Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

/// Waits, for a time, until no process has this text in its command line.
fn gone(text: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if processes_with(text).is_empty() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// The pids of the targets that a run has started, by the folder that only its own targets have.
fn target_folder(child: &std::process::Child) -> String {
    format!("stormproof-{}-", child.id())
}

#[test]
fn an_interrupted_run_ends_its_targets_and_leaves_evidence_and_junit() {
    let folder = OwnFolder::new("interrupted");
    let mut child = long_run(&folder);
    let targets = target_folder(&child);
    assert!(!processes_with(&targets).is_empty(), "the target runs");
    send("-INT", &child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(gone(&targets), "left behind: {:?}", processes_with(&targets));
    assert!(folder.read("junit.xml").contains("interrupted by SIGINT"));
    let trial =
        fs::read_dir(folder.0.join("trials")).expect("trials").flatten().next().expect("a trial").path();
    let entries = fs::read_to_string(trial.join("evidence.ndjson")).expect("evidence");
    assert!(entries.lines().last().expect("a last line").contains("interrupted by SIGINT"));
}

#[test]
fn a_killed_run_leaves_readable_evidence_and_no_process() {
    let folder = OwnFolder::new("killed");
    let mut child = long_run(&folder);
    let targets = target_folder(&child);
    assert!(!processes_with(&targets).is_empty(), "the target runs");
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    assert!(gone(&targets), "left behind: {:?}", processes_with(&targets));
    let output = stormproof(&["judge", &folder.path()]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("blocked"), "{}", out(&output));
    // What the run was is known from what it wrote at its start.
    let reports = OwnFolder::new("killed-reports");
    let told = out(&stormproof(&["judge", &folder.path(), "--reports", &reports.path()]));
    assert!(told.contains("target     router stormproof") && !told.contains("unknown"), "{told}");
    let run: serde_json::Value = serde_json::from_str(&reports.read("run.json")).expect("a run");
    let command = run["command"].as_str().expect("a command");
    assert!(command.starts_with("stormproof run ") && command.contains("--seed"), "{command}");
    assert!(run["took_ms"].as_u64().is_some_and(|took| took < 600_000), "{}", run["took_ms"]);
}

#[test]
fn a_stage_that_is_required_must_not_be_gated() {
    let folder = OwnFolder::new("gated");
    let scenario = folder.0.join("gated.yaml");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(ROTATION)).expect("a scenario");
    fs::write(&scenario, text.replace("stage: hermetic", "stage: llm")).expect("a scenario");
    let (scenario, reports) =
        (scenario.display().to_string(), folder.0.join("reports").display().to_string());
    let run = |more: &[&str]| stormproof(&[&["run", &scenario, "--reports", &reports], more].concat());
    let gated = run(&[]);
    assert_eq!(gated.status.code(), Some(0), "{}{}", out(&gated), err(&gated));
    assert!(out(&gated).contains("SKIP_LLM_TESTS=false"), "{}", out(&gated));
    assert_eq!(run(&["--require", "llm"]).status.code(), Some(3));
    assert_eq!(run(&["--require", "lmm"]).status.code(), Some(2));
    let flag = command(&["run", &scenario, "--reports", &reports]).env("SKIP_LLM_TESTS", "maybe").output();
    assert_eq!(flag.expect("the command starts").status.code(), Some(2));
}

#[test]
fn the_same_seed_gives_the_same_verdicts_on_the_plain_router() {
    let folder = OwnFolder::new("plain");
    let target = "fixtures/targets/plain.yaml";
    let output =
        stormproof(&["run", ROTATION, "--target", target, "--seed", "7", "--reports", &folder.path()]);
    let run: serde_json::Value = serde_json::from_str(&folder.read("run.json")).expect("a run");
    let judged = run["trials"][0]["judged"].as_array().expect("expectations");
    let verdict = |rule: &str| {
        let judged = judged.iter().find(|judged| judged["rule"] == rule).expect("the rule is judged");
        judged["verdict"].as_str().expect("a verdict").to_owned()
    };
    if Command::new("python3").arg("--version").output().is_err() {
        assert_eq!(verdict("ROT-001"), "gated", "without Python its trials are gated");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    assert_eq!(verdict("ROT-001"), "pass");
    assert_eq!(verdict("ROT-003"), "pass");
    assert_eq!(verdict("CDN-001"), "pass");
}

#[test]
fn a_target_whose_program_is_not_on_the_machine_is_gated_with_that_reason() {
    let folder = OwnFolder::new("no-program");
    let target = "fixtures/targets/plain.yaml";
    let output = command(&["run", ROTATION, "--target", target, "--reports", &folder.path()])
        .env("PATH", "/nonexistent")
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("`python3` is not on this machine"), "{}", out(&output));
    assert!(folder.read("junit.xml").contains("<skipped"));
}

#[test]
fn the_schemas_are_json_and_know_every_part() {
    for kind in ["scenario", "rules", "profile"] {
        let output = stormproof(&["schema", kind]);
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a JSON Schema");
        assert!(schema["properties"].is_object() || schema["$ref"].is_string(), "{kind}");
    }
}

#[test]
fn defects_are_listed_with_what_they_do_and_the_rules_that_name_them() {
    let text = out(&stormproof(&["defects"]));
    // However its lines are broken.
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "retries-the-same-key after a 429 the rate-limited key was tried again until the retries were used up",
        "(maximhq/bifrost#2654, bestruirui/octopus#245) breaks ",
        ", ROT-001, ROT-003, ",
        "leases-one-slot-twice Every second lease is for the slot that was lent last. breaks STA-002",
    ] {
        assert!(words.contains(told), "`{told}` is not told in\n{text}");
    }
}
