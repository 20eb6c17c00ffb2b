//! The exit code of a run, and which of several decides: the whole table, each line by a real run from the command line.

use std::fs;
use std::path::Path;

use crate::{OwnFolder, command, err, out, stormproof};

const RULES: &str = "chapter: exits\nrules:\n  \
    EXT-001: { level: MUST, since: '1.0', says: it must hold }\n  \
    EXT-002: { level: SHOULD, since: '1.0', says: it should hold }\n  \
    EXT-003: { level: MUST, since: '1.0', says: it must hold where it can, needs: [tenants] }\n";

/// Scenarios by their names: the rule that each cites, what it expects, and what stands beside that.
const SCENARIOS: [(&str, &str, &str, &str); 11] = [
    ("passes", "EXT-001", "exchanges: { every: { status: 200 } }", ""),
    ("fails", "EXT-001", "exchanges: { every: { status: 503 } }", ""),
    ("warns", "EXT-002", "exchanges: { every: { status: 503 } }", ""),
    ("is-not-claimed", "EXT-003", "exchanges: { every: { status: 200 } }", ""),
    ("is-not-observable", "EXT-001", "exchanges: { every: { told_key: first } }", ""),
    ("is-gated", "EXT-001", "exchanges: { every: { status: 200 } }", "stage: llm\n"),
    (
        "has-no-witness",
        "EXT-001",
        "exchanges: { every: { status: 200 } }",
        "witness: [{ attempts: { where: { status: 500 }, count: { at_least: 1 } } }]\n",
    ),
    ("has-no-conclusion", "EXT-001", "exchanges: { every: { took: { at_most: { bound: nobody } } } }", ""),
    (
        "has-too-few",
        "EXT-001",
        "exchanges: { estimate: { of: { status: 200 }, at_least: 99%, false_alarm: 0.1%, notices: 95% } }",
        "",
    ),
    ("is-cut-short", "EXT-001", "exchanges: { every: { status: 200 } }", "cut"),
    ("also-fails", "EXT-001", "exchanges: { every: { status: 404 } }", ""),
];

/// A folder with the scenarios, and a profile of the bundled router with further lines.
fn ground(name: &str) -> OwnFolder {
    let folder = OwnFolder::new(name);
    let suite = folder.0.join("scenarios/exits");
    fs::create_dir_all(&suite).expect("a folder");
    fs::write(suite.join("rules.yaml"), RULES).expect("rules");
    for (name, rule, expect, more) in SCENARIOS {
        let cut = "  - { wait_until: { attempts: { where: { status: 500 }, count: 1 } }, within: 100ms }\n";
        let (more, traffic) = if more == "cut" { ("", cut) } else { (more, "") };
        let witness = "witness: [{ exchanges: { count: { at_least: 1 } } }]\n";
        let witness = if more.contains("witness") { "" } else { witness };
        let text = format!(
            "title: {name}\n{more}{witness}world:\n  upstreams: {{ openai: {{ dialect: openai, keys: [first] }} }}\n  \
             router: {{ models: {{ chat: {{ pool: openai }} }} }}\nrequests:\n  ask: {{ model: chat, prompt: ping }}\n\
             traffic:\n  - {{ step: ask, repeat: 2, send: ask }}\n{traffic}expect:\n  - {{ rule: {rule}, say: it holds, {expect} }}\n"
        );
        fs::write(suite.join(format!("{name}.yaml")), text).expect("a scenario");
    }
    folder
}

/// A profile of the bundled router that does not claim tenants, with these further lines.
fn profile(folder: &OwnFolder, more: &str) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets");
    fs::create_dir_all(folder.0.join("router")).expect("a folder");
    fs::copy(from.join("router/config.yaml.j2"), folder.0.join("router/config.yaml.j2")).expect("a copy");
    let text = fs::read_to_string(from.join("router.yaml")).expect("the profile").replace(" tenants,", "");
    let path = folder.0.join("router.yaml");
    fs::write(&path, format!("{text}\n{more}")).expect("a profile");
    path.display().to_string()
}

/// Runs some of the scenarios, and says how the command ended, with what it said.
fn ends(folder: &OwnFolder, scenarios: &[&str], options: &[&str]) -> (Option<i32>, String) {
    let paths: Vec<String> = scenarios
        .iter()
        .map(|name| folder.0.join(format!("scenarios/exits/{name}.yaml")).display().to_string())
        .collect();
    let mut words = vec!["run"];
    words.extend(paths.iter().map(String::as_str));
    let reports = folder.0.join("reports").display().to_string();
    words.extend(["--seed", "7", "--reports", &reports]);
    words.extend(options);
    let output = stormproof(&words);
    (output.status.code(), format!("{}{}", out(&output), err(&output)))
}

#[test]
fn every_verdict_has_its_exit_code_and_the_gravest_one_decides() {
    let folder = ground("exits");
    let target = profile(&folder, "");
    let under = |more: &[&'static str]| [&["--target", target.as_str()], more].concat();
    for (exit, scenarios, options, told) in [
        (0, &["passes"][..], &[][..], "1 pass"),
        (0, &["warns"], &[], "1 warn"),
        (0, &["is-not-claimed"], &[], "1 not claimed"),
        (0, &["is-not-observable"], &[], "1 not observable"),
        (0, &["is-gated"], &[], "1 gated"),
        (1, &["fails"], &[], "1 fail"),
        (1, &["warns"], &["--strict"], "1 fail"),
        (3, &["has-no-witness"], &[], "1 not exercised"),
        (3, &["has-no-conclusion"], &[], "1 inconclusive"),
        (3, &["has-too-few"], &[], "inconclusive at the 3rd try, as before"),
        (3, &["is-gated"], &["--require", "llm"], "1 gated"),
        (4, &["is-cut-short"], &[], "1 blocked"),
        // 4 before 1 before 3 before 0.
        (
            4,
            &["is-cut-short", "fails", "has-no-witness", "passes"],
            &[],
            "blocked: 1, failed: 1, of 4 trials",
        ),
        (4, &["is-cut-short", "has-no-conclusion"], &[], "1 inconclusive"),
        (1, &["fails", "has-no-witness", "has-no-conclusion", "warns"], &[], "1 not exercised"),
        (1, &["fails", "is-gated"], &["--require", "llm"], "1 gated"),
        (3, &["has-no-witness", "passes", "warns", "is-not-claimed"], &[], "1 warn"),
        (3, &["passes", "is-gated"], &["--require", "llm"], "1 gated"),
        (0, &["passes", "warns", "is-not-claimed", "is-not-observable", "is-gated"], &[], "1 not observable"),
    ] {
        let (code, text) = ends(&folder, scenarios, &under(options));
        assert_eq!(code, Some(exit), "{scenarios:?} {options:?}\n{text}");
        let bare = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(bare.contains(told), "{scenarios:?} {options:?}: no `{told}` in\n{text}");
        // Whoever judges the run again ends in the same way; what was required is asked of a run alone.
        if !options.contains(&"--require") {
            let again = stormproof(&["judge", &folder.0.join("reports").display().to_string()]);
            assert_eq!(
                again.status.code(),
                Some(exit),
                "judged again: {scenarios:?}\n{}{}",
                out(&again),
                err(&again)
            );
        }
    }
}

#[test]
fn a_known_failure_runs_and_is_ok_until_it_is_over_or_passes() {
    let folder = ground("known");
    let known = |rule: &str, scenario: &str, verdict: &str, until: &str| {
        format!(
            "  - {{ rule: {rule}, scenario: exits/{scenario}, verdict: {verdict}, reason: it counts wrong, until: {until} }}\n"
        )
    };
    let (later, earlier) = ("2999-01-01", "2020-01-01");
    for (exit, entries, scenarios, told) in [
        (0, known("EXT-001", "fails", "fail", later), &["fails"][..], "1 known failure"),
        (
            0,
            known("EXT-002", "warns", "warn", later),
            &["warns"],
            "confessed until 2999-01-01: it counts wrong",
        ),
        (0, known("EXT-001", "is-cut-short", "blocked", later), &["is-cut-short"], "1 known failure"),
        // One that is over excuses nothing, and says so; one that holds since is told too.
        (
            1,
            known("EXT-001", "fails", "fail", earlier),
            &["fails"],
            "confessed until 2020-01-01, which is over",
        ),
        (4, known("EXT-001", "is-cut-short", "blocked", earlier), &["is-cut-short"], "1 blocked"),
        (0, known("EXT-001", "passes", "fail", earlier), &["passes"], "it holds now: remove it"),
        // One that passes is no success.
        (1, known("EXT-001", "passes", "fail", later), &["passes"], "1 unexpected pass"),
        // It excuses what it names, and nothing else.
        (1, known("EXT-001", "fails", "warn", later), &["fails"], "1 fail"),
        (1, known("EXT-001", "fails", "fail", later), &["fails", "also-fails"], "1 known failure"),
        (3, known("EXT-001", "has-no-witness", "fail", later), &["has-no-witness"], "1 not exercised"),
        (0, known("EXT-002", "passes", "fail", later), &["passes"], "which cites no such rule"),
    ] {
        let target = profile(&folder, &format!("known_failures:\n{entries}"));
        let (code, text) = ends(&folder, scenarios, &["--target", &target]);
        assert_eq!(code, Some(exit), "{entries}\n{text}");
        let bare = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(bare.contains(told), "{entries}: no `{told}` in\n{text}");
    }
}

#[test]
fn what_cannot_be_run_at_all_has_a_code_of_its_own() {
    let folder = ground("misused");
    let suite = folder.0.join("scenarios/exits");
    fs::write(suite.join("broken.yaml"), "titel: t\n").expect("a scenario");
    let broken = profile(&folder, "claims_of: none\n");
    for (exit, scenarios, options, told) in [
        (2, &["passes"][..], &["--no-such-option"][..], "--no-such-option"),
        (2, &["passes"], &["--require", "lmm"], "did you mean `llm`?"),
        (2, &["broken"], &[], "broken.yaml"),
        (2, &["passes"], &["--target", &broken], "claims_of"),
        (2, &["no-such-scenario"], &[], "no-such-scenario.yaml"),
        (4, &["passes"], &["--target", "fixtures/targets/broken/never-starts.yaml"], "1 blocked"),
        (5, &["passes"], &["no-such-trial"], "selects none of"),
    ] {
        let (code, text) = ends(&folder, scenarios, options);
        assert_eq!(code, Some(exit), "{scenarios:?} {options:?}\n{text}");
        assert!(text.contains(told), "{scenarios:?} {options:?}: no `{told}` in\n{text}");
    }
    // The machine is at fault where nothing can be written.
    let file = folder.0.join("a-file");
    fs::write(&file, "").expect("a file");
    let into = file.join("below").display().to_string();
    let one = suite.join("passes.yaml").display().to_string();
    assert_eq!(stormproof(&["run", &one, "--reports", &into]).status.code(), Some(4));
    let flag = command(&["run", &one]).env("SKIP_LLM_TESTS", "maybe").output().expect("the command starts");
    assert_eq!(flag.status.code(), Some(2), "{}", err(&flag));
    assert_eq!(stormproof(&["judge", &into]).status.code(), Some(2), "there is no such run");
}
