//! Scenarios that share an instance of a target, each in a lane of its own.

use std::fs;
use std::path::Path;

use crate::{OwnFolder, err, out, processes_with, stormproof};

const NEXT_KEY: &str = "scenarios/rotation/next-key-on-429.yaml";
const STAYS: &str = "scenarios/fallback/no-other-model.yaml";
/// Its traffic reloads the target.
const RELOADS: &str = "scenarios/rotation/a-reload-keeps-the-turn.yaml";

/// A profile of the reference router that says that scenarios share it, and that leaves a line in `starts` for each start.
fn shared_profile(folder: &OwnFolder) -> String {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets");
    fs::create_dir(folder.0.join("router")).expect("a folder");
    fs::copy(targets.join("router/config.yaml.j2"), folder.0.join("router/config.yaml.j2"))
        .expect("a template");
    let profile = fs::read_to_string(targets.join("router.yaml")).expect("the profile");
    let counted = format!(
        "[sh, -c, 'echo started >> {}/starts; exec \"$0\" \"$@\"', \"{{{{ stormproof }}}}\", router,",
        folder.path()
    );
    let profile = profile
        .replace("mode: fresh", "mode: shared")
        .replace("[\"{{ stormproof }}\", router,", &counted)
        .replace(
            "\nspeaks:",
            "\nper_model: [pool, weights, strategy, fallbacks, retries, backoff, cooldown]\nspeaks:",
        );
    assert!(
        profile.contains("mode: shared") && profile.contains("echo started") && profile.contains("per_model")
    );
    let path = folder.0.join("shared.yaml");
    fs::write(&path, profile).expect("a profile");
    path.display().to_string()
}

fn run(folder: &OwnFolder, what: &[&str]) -> (String, usize) {
    let (profile, reports) = (shared_profile(folder), folder.0.join("run").display().to_string());
    let mut arguments = vec!["run"];
    arguments.extend(what);
    arguments.extend(["--target", &profile, "--reports", &reports, "--seed", "7"]);
    let told = out(&stormproof(&[&arguments[..], &["--dry-run"]].concat()));
    let output = stormproof(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    assert_eq!(processes_with(&profile.replace("shared.yaml", "")), [""; 0], "nothing of it is left");
    (told, folder.read("starts").lines().count())
}

#[test]
fn scenarios_whose_settings_agree_share_an_instance_that_is_started_once() {
    let folder = OwnFolder::new("shared");
    let (told, starts) = run(&folder, &[NEXT_KEY, STAYS]);
    assert!(told.contains("4 trials share 1 instance of the target"), "{told}");
    assert_eq!(starts, 1);
}

#[test]
fn a_scenario_that_is_about_the_instance_has_its_own() {
    let folder = OwnFolder::new("shared-own");
    let (told, starts) = run(&folder, &[NEXT_KEY, RELOADS]);
    assert!(told.contains("1 trial  its traffic is about the instance itself"), "{told}");
    assert_eq!(starts, 2);
}

#[test]
fn an_instance_that_does_not_start_is_told_to_all_that_were_to_share_it() {
    let folder = OwnFolder::new("shared-dead");
    let profile = shared_profile(&folder);
    let text = fs::read_to_string(&profile)
        .expect("the profile")
        .replace("exec \"$0\" \"$@\"", "echo oh no; exit 7");
    fs::write(&profile, text).expect("a profile");
    let reports = folder.0.join("run").display().to_string();
    let output = stormproof(&["run", NEXT_KEY, STAYS, "--target", &profile, "--reports", &reports]);
    let told = out(&output);
    assert_eq!(output.status.code(), Some(4), "{told}{}", err(&output));
    assert!(told.contains("ended with status 7 before it") && told.contains("oh no"), "{told}");
    assert_eq!(folder.read("starts").lines().count(), 1, "nobody tries what was tried");
}

#[test]
fn a_defect_is_switched_on_in_an_instance_that_is_shared_too() {
    let folder = OwnFolder::new("shared-defect");
    let (profile, reports) = (shared_profile(&folder), folder.0.join("run").display().to_string());
    let defect = ["--defect", "ignores-retry-after", "--seed", "7"];
    let run = ["run", NEXT_KEY, "--target", &profile, "--reports", &reports];
    let output = stormproof(&[&run[..], &defect].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("CDN-001"), "{}", out(&output));
}
