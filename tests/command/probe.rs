//! `stormproof probe` from outside: what is declared, what is not there, what nobody can see, and how the command ends.

use std::fs;
use std::path::Path;

use crate::{OwnFolder, command, err, out, stormproof};

const PLAIN: &str = "fixtures/targets/plain";
/// The end of a template that takes limits and does nothing with them.
const TAKES_LIMITS: &str = "{% for model in models %}{% for limit in model.limits %}\
    {% set taken = limit.requests ~ limit.tokens ~ limit.per_ms %}{% endfor %}{% endfor %}\n";

/// Probes a profile, and gives how the command ended with what it said.
fn probed(profile: &str, reports: &str) -> (Option<i32>, String) {
    let ran = stormproof(&["probe", profile, "--reports", reports]);
    (ran.status.code(), out(&ran) + &err(&ran))
}

/// What is said of a capability.
fn line<'t>(told: &'t str, capability: &str) -> &'t str {
    let line = told.lines().find(|line| line.split_whitespace().next() == Some(capability));
    line.unwrap_or_else(|| panic!("nothing is said of `{capability}`: {told}"))
        .trim_start_matches(capability)
        .trim()
}

/// A copy of the plain router's profile with other claims, whose template takes limits and does nothing with them.
fn plain_that_claims(folder: &OwnFolder, claims: &str) -> String {
    fs::create_dir_all(folder.0.join("plain")).expect("a folder");
    for file in fs::read_dir(PLAIN).expect("the router").flatten() {
        if file.path().is_file() {
            fs::copy(file.path(), folder.0.join("plain").join(file.file_name())).expect("a copy");
        }
    }
    let template = folder.0.join("plain/config.json.j2");
    let text = fs::read_to_string(&template).expect("its template");
    fs::write(&template, text + TAKES_LIMITS).expect("a template");
    let text = fs::read_to_string(format!("{PLAIN}.yaml")).expect("its profile");
    let declared = "claims: [key-pool, cooldown, fallback, streaming, metrics, tenants]";
    assert!(text.contains(declared), "the plain router claims something else");
    let path = folder.0.join("plain.yaml");
    fs::write(&path, text.replace(declared, &format!("claims: [{claims}]"))).expect("a profile");
    path.display().to_string()
}

fn is_there(program: &str) -> bool {
    let there = std::process::Command::new(program).arg("--version").output().is_ok();
    if !there {
        println!("passed over: `{program}` is not on this machine");
    }
    there
}

#[test]
fn the_reference_router_has_all_that_it_claims() {
    let folder = OwnFolder::new("probe-reference");
    let ran = stormproof(&["probe", "--seed", "7", "--format", "json", "--reports", &folder.path()]);
    assert_eq!(ran.status.code(), Some(0), "{}{}", out(&ran), err(&ran));
    let told: serde_json::Value = serde_json::from_str(&out(&ran)).expect("one object");
    assert_eq!((&told["target"], &told["seed"]), (&"router".into(), &7.into()));
    let capabilities = told["capabilities"].as_array().expect("capabilities");
    let not_declared: Vec<_> = capabilities.iter().filter(|one| one["finding"] != "declared").collect();
    assert!(not_declared.is_empty() && capabilities.len() == 14, "{not_declared:?}");
    let judged = stormproof(&["judge", &folder.path()]);
    assert!(out(&judged).contains("agrees with the run to the letter"), "{}", out(&judged));
}

#[test]
fn what_is_there_and_not_declared_fails() {
    if !is_there("python3") {
        return;
    }
    let folder = OwnFolder::new("probe-undeclared");
    let profile = plain_that_claims(&folder, "key-pool, cooldown, streaming, metrics, tenants");
    let (exit, told) = probed(&profile, &folder.path());
    assert_eq!(exit, Some(1), "{told}");
    assert_eq!(line(&told, "fallback"), "undeclared but present");
    assert!(told.contains("`fallback` is there: add it to `claims:`"), "{told}");
    assert_eq!((line(&told, "cooldown"), line(&told, "limits")), ("declared, probed", "absent"));
    assert!(line(&told, "operations").starts_with("not to be probed: "), "{told}");
}

#[test]
fn what_is_declared_and_not_there_fails_and_tells_why_where_that_is_asked_for() {
    if !is_there("python3") {
        return;
    }
    let folder = OwnFolder::new("probe-contradicted");
    let profile =
        plain_that_claims(&folder, "key-pool, cooldown, fallback, streaming, metrics, tenants, limits");
    let ran = stormproof(&["probe", &profile, "-v", "--reports", &folder.path()]);
    let told = out(&ran) + &err(&ran);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert_eq!((line(&told, "limits"), line(&told, "fallback")), ("contradicted", "declared, probed"));
    for why in
        ["PRB-011", "no key is used more than four times", "stormproof run fixtures/probes/limits.yaml"]
    {
        assert!(told.contains(why), "`{why}` is not told: {told}");
    }
}

#[test]
fn a_target_that_does_not_start_is_blocked_and_one_that_nobody_starts_is_refused() {
    let folder = OwnFolder::new("probe-blocked");
    let (exit, told) = probed("fixtures/targets/broken/never-starts.yaml", &folder.path());
    assert_eq!(exit, Some(4), "{told}");
    assert!(line(&told, "key-pool").starts_with("blocked: the target did not start"), "{told}");
    assert!(told.contains("fatal: no such pool"), "{told}");
    let (exit, told) = probed("fixtures/targets/openai-url.yaml", &folder.path());
    assert_eq!(exit, Some(2), "{told}");
    assert!(told.contains("does not say how it is started"), "{told}");
}

#[test]
fn a_probe_inside_the_command_is_run_and_explained_by_its_name_anywhere() {
    let folder = OwnFolder::new("probe-anywhere");
    let run = ["run", "fixtures/probes/fallback.yaml::openai", "--reports", "reports"];
    for (arguments, told) in
        [(&run[..], "passed: 1 trial"), (&["explain", "PRB-003"], "a declared fallback answers")]
    {
        let ran = command(arguments).current_dir(&folder.0).output().expect("the command starts");
        assert_eq!(ran.status.code(), Some(0), "{}{}", out(&ran), err(&ran));
        assert!(out(&ran).contains(told), "{}", out(&ran));
    }
    assert!(!Path::new(&folder.0).join("fixtures").exists());
}
