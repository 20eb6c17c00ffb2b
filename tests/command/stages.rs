//! Stages, the flags that switch them off, and tags: what runs, what does not, and that every report says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{OwnFolder, ROTATION, command, err, out, stormproof};

/// Each stage that a flag switches on, with that flag.
const FLAGS: [(&str, &str); 7] = [
    ("integration", "SKIP_INTEGRATION_TESTS"),
    ("llm", "SKIP_LLM_TESTS"),
    ("e2e", "SKIP_E2E_TESTS"),
    ("performance", "SKIP_PERFORMANCE_TESTS"),
    ("gpu", "SKIP_GPU_TESTS"),
    ("compose", "SKIP_COMPOSE_TESTS"),
    ("stress", "SKIP_STRESS_TESTS"),
];

const MARKS: [&str; 8] =
    ["integration", "llm", "e2e", "performance", "slow", "stress", "benchmark", "quality"];

/// A scenario that every target passes, with these further lines, in a folder with a chapter for it.
fn scenario(folder: &Path, name: &str, more: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let rules = "chapter: stages\nrules: { STG-001: { level: MUST, since: '1.0', says: it answers } }\n";
    fs::write(folder.join("rules.yaml"), rules).expect("rules");
    let text = format!(
        "title: {name}\n{more}world:\n  upstreams: {{ openai: {{ dialect: openai, keys: [first] }} }}\n  \
         router: {{ models: {{ chat: {{ pool: openai }} }} }}\nrequests:\n  ask: {{ model: chat, prompt: ping }}\n\
         traffic:\n  - {{ step: ask, send: ask }}\nwitness: [{{ attempts: {{ count: 1 }} }}]\n\
         expect: [{{ rule: STG-001, say: it answers, exchanges: {{ every: {{ status: 200 }} }} }}]\n"
    );
    fs::write(folder.join(format!("{name}.yaml")), text).expect("a scenario");
}

/// What a dry run says in an environment with these variables, all in one line.
fn dry_run(folder: &OwnFolder, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut run = command(&["run", &folder.path(), "--dry-run"]);
    let output = run.envs(variables.iter().copied()).output().expect("the command starts");
    let text = format!("{} {}", out(&output), err(&output));
    (output.status.code(), text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn every_flag_is_unset_true_false_one_zero_or_empty_and_nothing_else() {
    let folder = OwnFolder::new("flags");
    for (stage, _) in FLAGS {
        scenario(&folder.0, stage, &format!("stage: {stage}\n"));
        scenario(&folder.0, &format!("hermetic-{stage}"), &format!("tags: [{stage}]\n"));
    }
    for (stage, flag) in FLAGS {
        let staged =
            format!("would not run: {}/{stage}.yaml stage {stage} is off: set {flag}=false", folder.path());
        let tagged = format!(
            "would not run: {}/hermetic-{stage}.yaml tag {stage} is off: {flag} is true",
            folder.path()
        );
        for (value, runs_staged, runs_tagged) in [
            (None, false, true),
            (Some(""), false, true),
            (Some("true"), false, false),
            (Some("1"), false, false),
            (Some("false"), true, true),
            (Some("0"), true, true),
        ] {
            // A real model needs a key beside its flag.
            let mut variables = vec![("OPENAI_API_KEY", "sk-of-nobody")];
            variables.extend(value.map(|value| (flag, value)));
            let (code, told) = dry_run(&folder, &variables);
            assert_eq!(code, Some(0), "{told}");
            assert_eq!(!told.contains(&staged), runs_staged, "{flag}={value:?}: {told}");
            assert_eq!(!told.contains(&tagged), runs_tagged, "{flag}={value:?}: {told}");
        }
        for garbage in ["maybe", "TRUE", "yes", "2", " "] {
            let (code, told) = dry_run(&folder, &[(flag, garbage)]);
            assert_eq!(code, Some(2), "{told}");
            assert!(told.contains(&format!("`{flag}` is ")) && told.contains("`true` or `1`"), "{told}");
        }
    }
}

#[test]
fn a_real_model_needs_its_flag_and_a_key() {
    let folder = OwnFolder::new("flag-and-key");
    scenario(&folder.0, "real", "stage: llm\n");
    scenario(&folder.0, "simulated", "");
    let (on, key) = (("SKIP_LLM_TESTS", "false"), ("OPENAI_API_KEY", "sk-of-nobody"));
    for (variables, trials, reason) in [
        (&[][..], "1 trial in all", Some("set SKIP_LLM_TESTS=false to run it")),
        (&[key], "1 trial in all", Some("set SKIP_LLM_TESTS=false to run it")),
        (&[on], "1 trial in all", Some("stage llm asks a real model, and OPENAI_API_KEY is not set")),
        (&[on, key], "2 trials in all", None),
    ] {
        let (code, told) = dry_run(&folder, variables);
        assert_eq!(code, Some(0), "{told}");
        assert!(
            told.contains(trials) && reason.is_none_or(|reason| told.contains(reason)),
            "{variables:?}: {told}"
        );
        assert_eq!(told.contains("would not run"), reason.is_some(), "{told}");
    }
}

#[test]
fn what_is_not_run_says_why_in_every_report() {
    let folder = OwnFolder::new("reasons");
    let suite = folder.0.join("suite");
    scenario(&suite, "runs", "");
    scenario(&suite, "switched-off", "stage: e2e\n");
    scenario(&suite, "tagged", "tags: [llm]\n");
    scenario(&suite, "keyless", "stage: llm\ntags: [gpu]\n");
    scenario(&suite, "unclaimed", "needs: [tenants]\n");
    let target = folder.0.join("router.yaml");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets");
    fs::create_dir_all(folder.0.join("router")).expect("a folder");
    fs::copy(from.join("router/config.yaml.j2"), folder.0.join("router/config.yaml.j2")).expect("a copy");
    let profile = fs::read_to_string(from.join("router.yaml")).expect("the profile").replace(" tenants,", "");
    fs::write(&target, profile).expect("a profile");
    let (path, target) = (suite.display().to_string(), target.display().to_string());
    let reports = folder.0.join("reports").display().to_string();
    let run = |flag: &str| {
        let mut run = command(&["run", &path, "--target", &target, "--reports", &reports]);
        let output = run.env("SKIP_LLM_TESTS", flag).output().expect("the command starts");
        assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
        out(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (flag, reasons) in [
        (
            "false",
            &[
                ("switched-off", "gated", "stage e2e is off: set SKIP_E2E_TESTS=false to run it"),
                ("keyless", "gated", "stage llm asks a real model, and OPENAI_API_KEY is not set"),
                ("unclaimed", "not claimed", "the target does not claim `tenants`"),
            ][..],
        ),
        ("true", &[("tagged", "gated", "tag llm is off: SKIP_LLM_TESTS is true")]),
    ] {
        let terminal = run(flag);
        let junit = folder.read("reports/junit.xml");
        let json: serde_json::Value = serde_json::from_str(&folder.read("reports/run.json")).expect("a run");
        for (name, verdict, reason) in reasons {
            assert!(terminal.contains(&format!("{verdict}: {reason}")), "{reason}: {terminal}");
            let skipped = format!("<skipped message=\"{reason}\" type=\"{verdict}\"");
            assert!(junit.contains(&skipped), "{skipped}: {junit}");
            let trials = json["trials"].as_array().expect("trials");
            let of = |trial: &&serde_json::Value| trial["title"] == *name;
            let judged = &trials.iter().find(of).expect("the trial")["judged"][0];
            assert_eq!(judged["observed"], *reason);
        }
    }
}

#[test]
fn what_is_not_proved_says_why_in_every_matrix() {
    let folder = OwnFolder::new("matrix-reasons");
    let suite = folder.0.join("suite");
    scenario(&suite, "switched-off", "stage: stress\n");
    let rules = "chapter: stages\nrules:\n  \
                 STG-001: { level: MUST, since: '1.0', says: it answers, killed_by: [retries-the-same-key] }\n";
    fs::write(suite.join("rules.yaml"), rules).expect("rules");
    let proofs = folder.0.join("proof").display().to_string();
    let proved = stormproof(&["prove", &suite.display().to_string(), "--reports", &proofs]);
    let told = format!("{}{}", out(&proved), err(&proved));
    for matrix in ["matrix.json", "matrix.md", "matrix.html"] {
        let text = folder.read(&format!("proof/{matrix}"));
        assert!(text.contains("set SKIP_STRESS_TESTS=false to run it"), "{matrix}: {text}\n{told}");
    }
}

#[test]
fn tags_select_exactly_what_bears_them() {
    let folder = OwnFolder::new("tags");
    let (one, two) = (folder.0.join("one"), folder.0.join("two"));
    for mark in MARKS {
        scenario(&one, mark, &format!("tags: [{mark}, of-one]\n"));
        scenario(&two, &format!("other-{mark}"), &format!("tags: [{mark}]\n"));
    }
    scenario(&two, "bare", "");
    scenario(&two, "staged", "stage: stress\n");
    let (one, two) = (one.display().to_string(), two.display().to_string());
    let listed = |more: &[&str]| {
        let output = stormproof(&[&["run", &one, &two, "--list"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let text = out(&output);
        let names = text.lines().filter_map(|line| line.strip_suffix(".yaml: test")?.rsplit('/').next());
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let everything = listed(&[]);
    assert_eq!(everything.len(), 18);
    for mark in MARKS {
        let other = format!("other-{mark}");
        let mut bearers = set(&[mark, &other]);
        // A stage is a mark too.
        bearers.extend((mark == "stress").then(|| "staged".to_owned()));
        assert_eq!(listed(&["--tag", mark]), bearers);
        assert_eq!(listed(&["--skip-tag", mark]), &everything - &bearers);
    }
    assert_eq!(
        listed(&["--tag", "slow", "--tag", "llm", "--skip-tag", "of-one"]),
        set(&["other-slow", "other-llm"])
    );
    assert_eq!(listed(&["--tag", "hermetic", "--skip-tag", "of-one", "bare"]), set(&["bare"]));
    let misspelt = |options: &[&str], code: i32, told: &str| {
        let output = stormproof(&[&["run", &one, &two, "--list"], options].concat());
        assert_eq!(output.status.code(), Some(code), "{}{}", out(&output), err(&output));
        assert!(err(&output).contains(told), "{}", err(&output));
    };
    misspelt(&["--tag", "slwo"], 2, "did you mean `slow`?");
    misspelt(&["--skip-tag", "of-oen"], 2, "did you mean `of-one`?");
    misspelt(&["--tag", "nothing-like-it"], 2, "no scenario bears the tag `nothing-like-it`");
    misspelt(&["--tag", "gpu"], 5, "selects none of");
}

#[test]
fn a_target_is_given_no_key_of_the_machine() {
    let folder = OwnFolder::new("environment");
    let profile = folder.0.join("prints.yaml");
    let text = "target: prints\ndescribes: a target that prints its environment, and ends\nstart:\n  \
                process: { command: [sh, -c, 'env; exit 3'] }\n  files: { c: c.j2 }\n  ready: { get: /health }\n\
                speaks: [openai]\nclaims: [key-pool, cooldown]\n";
    fs::write(&profile, text).expect("a profile");
    let template = "{{ port }}{% for u in upstreams %}{{ u.base_url }}{% for k in u.keys %}{{ k.secret }}{% endfor %}{% endfor %}\
                    {% for m in models %}{{ m.pool }}{% endfor %}";
    fs::write(folder.0.join("c.j2"), template).expect("a template");
    let reports = folder.0.join("reports").display().to_string();
    let mut run =
        command(&["run", ROTATION, "--target", &profile.display().to_string(), "--reports", &reports]);
    let keys = ["OPENAI_API_KEY", "OPENAI_API_KEY_3", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"];
    let output = run.envs(keys.map(|name| (name, "sk-decoy"))).output().expect("the command starts");
    let told = out(&output);
    assert_eq!(output.status.code(), Some(4), "{told}{}", err(&output));
    assert!(told.contains("PATH=") && told.contains("LANG=C.UTF-8"), "its environment is told: {told}");
    assert!(!told.contains("_API_KEY") && !told.contains("sk-decoy"), "{told}");
}
