//! `stormproof judge`: whoever judges the evidence of a run finds what the run found, to the letter, now and in later versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::{OwnFolder, err, out, stormproof};

/// Every file that a run or a judgement reports in, by its path in the folder.
fn reports(folder: &Path) -> Vec<(String, String)> {
    let mut files = vec!["run.json".to_owned(), "junit.xml".to_owned()];
    let histograms = fs::read_dir(folder.join("histograms")).expect("histograms").flatten();
    files.extend(histograms.map(|entry| format!("histograms/{}", entry.file_name().to_string_lossy())));
    files.sort();
    let read = |file: String| {
        let text = fs::read_to_string(folder.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        (file, text)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn a_judgement_s_reports_are_those_of_the_run_byte_by_byte() {
    let (folder, again) = (OwnFolder::new("judged-live"), OwnFolder::new("judged-again"));
    let scenarios = [
        "scenarios/rotation",
        "scenarios/ledger/nobody-listens-any-more.yaml",
        "scenarios/protocol/events-of-an-unknown-type.yaml",
        "scenarios/health/a-streamed-answer.yaml",
    ];
    let options = ["--defect", "ignores-retry-after", "--seed", "7", "--reports", &folder.path()];
    let live = stormproof(&[&["run"], &scenarios[..], &options].concat());
    let judged = stormproof(&["judge", &folder.path(), "--reports", &again.path()]);
    assert_eq!(judged.status.code(), live.status.code(), "{}{}", out(&judged), err(&judged));
    assert!(out(&judged).contains("agrees with the run to the letter"), "{}", out(&judged));
    let (live, judged) = (reports(&folder.0), reports(&again.0));
    let is_red = |(file, text): &(String, String)| file == "run.json" && text.contains("\"fail\"");
    assert!(live.len() > 4 && live.iter().any(is_red), "a run with phases and with what is shown");
    for (live, judged) in live.iter().zip(&judged) {
        assert!(live == judged, "{} is not {}", live.0, judged.0);
    }
    assert_eq!(live.len(), judged.len());
}

/// Changes a text of a file that a run left.
fn change(folder: &OwnFolder, file: &str, from: &str, to: &str) {
    let text = folder.read(file);
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(folder.0.join(file), text.replace(from, to)).expect("the file is written");
}

#[test]
fn what_differs_from_the_run_is_told_expectation_by_expectation() {
    let folder = OwnFolder::new("differs");
    let rotation = "scenarios/rotation/next-key-on-429.yaml";
    let live = stormproof(&["run", rotation, "--seed", "7", "--reports", &folder.path()]);
    assert_eq!(live.status.code(), Some(0), "{}{}", out(&live), err(&live));
    let sound = folder.read("run.json");
    let told = |from: &str, to: &str| {
        fs::write(folder.0.join("run.json"), &sound).expect("the file is written");
        change(&folder, "run.json", from, to);
        let judged = stormproof(&["judge", &folder.path()]);
        assert_eq!(judged.status.code(), Some(0), "the verdicts of now decide: {}", err(&judged));
        out(&judged)
    };
    let observed = told("none offends", "all offend");
    assert!(observed.contains("all offend` then, `") && observed.contains("none offends` now"), "{observed}");
    let verdict = told(
        "\"verdict\": \"pass\",\n          \"expected\"",
        "\"verdict\": \"warn\",\n          \"expected\"",
    );
    assert!(verdict.contains("warn then, pass now"), "{verdict}");
    let mut run: serde_json::Value = serde_json::from_str(&sound).expect("a run");
    let all = run["trials"][0]["judged"].as_array_mut().expect("expectations");
    let count = all.len();
    all.pop();
    fs::write(folder.0.join("run.json"), run.to_string()).expect("the file is written");
    let lacking = out(&stormproof(&["judge", &folder.path()]));
    assert!(lacking.contains(&format!("{} expectations then, {count} now", count - 1)), "{lacking}");
}

#[test]
fn evidence_of_an_older_format_is_still_judged_as_it_was() {
    let output = stormproof(&["judge", "fixtures/evidence/format-2"]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(text.contains("agrees with the run to the letter"), "{text}");
    assert!(text.contains("4 trials        3 pass, 1 fail") && text.contains("CDN-001"), "{text}");
}

#[test]
fn pairs_and_events_that_were_cut_and_mistakes_are_judged_as_they_were() {
    let output = stormproof(&["judge", "fixtures/evidence/format-3-rare"]);
    assert_eq!(output.status.code(), Some(4), "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(text.contains("agrees with the run to the letter"), "{text}");
    assert!(text.contains("3 trials        1 pass, 1 blocked, 1 inconclusive"), "{text}");
    for told in ["the scenario asks for what cannot be done", "behind it come more than are kept"] {
        assert!(text.contains(told), "no `{told}` in {text}");
    }
}

#[test]
fn evidence_of_every_kind_is_judged_as_it_was() {
    let output = stormproof(&["judge", "fixtures/evidence/format-3"]);
    assert_eq!(output.status.code(), Some(1), "{}{}", out(&output), err(&output));
    let text = out(&output);
    assert!(text.contains("agrees with the run to the letter"), "{text}");
    assert!(text.contains("5 trials        3 pass, 2 fail") && text.contains("SEC-001"), "{text}");
    let mut seen = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/evidence");
    for format in ["format-2", "format-3", "format-3-rare"] {
        for trial in fs::read_dir(root.join(format).join("trials")).expect("trials").flatten() {
            let lines = fs::read_to_string(trial.path().join("evidence.ndjson")).expect("evidence");
            for line in lines.lines() {
                let line: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).expect("a line");
                seen.extend(line.into_keys());
            }
        }
    }
    let kinds = [
        "trial",
        "cast",
        "name",
        "began",
        "ended",
        "figures",
        "part",
        "pair",
        "sample",
        "answer",
        "event",
        "events_cut",
        "text",
        "said",
        "carried",
        "unmatched",
        "ledger",
        "metric",
        "process",
        "ran",
        "file",
        "operated",
        "mistake",
        "lag",
        "target",
        "log",
        "end",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(kinds));
}

#[test]
fn a_run_tells_by_what_it_was_made_and_a_judgement_tells_what_has_changed_since() {
    let (folder, reports) = (OwnFolder::new("changed"), OwnFolder::new("changed-reports"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("scenarios/rotation/next-key-on-429.yaml")).expect("a scenario");
    let (scenario, profile) = (folder.0.join("one.yaml"), folder.0.join("router.yaml"));
    fs::write(&scenario, &text).expect("a scenario");
    for file in ["router.yaml", "router/config.yaml.j2"] {
        let to = folder.0.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(root.join("fixtures/targets").join(file), to).expect("a copy");
    }
    let (of, target) = (scenario.display().to_string(), profile.display().to_string());
    let live = stormproof(&["run", &of, "--target", &target, "--seed", "7", "--reports", &reports.path()]);
    assert_eq!(live.status.code(), Some(0), "{}{}", out(&live), err(&live));
    let run: serde_json::Value = serde_json::from_str(&reports.read("run.json")).expect("a run");
    for (hash, name) in [
        (&run["tool_sha256"], "tool"),
        (&run["target"]["profile_sha256"], "profile"),
        (&run["scenarios_sha256"], "scenarios"),
    ] {
        let hash = hash.as_str().filter(|hash| hash.len() == 64).expect("a hash");
        assert!(out(&live).contains(&format!("{name} {}", &hash[..12])), "{}", out(&live));
        assert!(reports.read("junit.xml").contains(hash), "{name}");
    }
    let trial = fs::read_dir(reports.0.join("trials")).expect("trials").flatten().next().expect("a trial");
    let evidence = fs::read_to_string(trial.path().join("evidence.ndjson")).expect("evidence");
    let first: serde_json::Value =
        serde_json::from_str(evidence.lines().next().expect("a line")).expect("a header");
    for (hash, of) in [
        (&first["trial"]["tool_sha256"], &run["tool_sha256"]),
        (&first["trial"]["profile_sha256"], &run["target"]["profile_sha256"]),
        (&first["trial"]["scenario_sha256"], &run["trials"][0]["scenario_sha256"]),
    ] {
        assert!(hash.is_string() && hash == of);
    }
    // A long path is broken where a line ends, so blanks are left out of what is compared.
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let told = || bare(&out(&stormproof(&["judge", &reports.path()])));
    let has = |told: &str, words: &str| assert!(told.contains(&bare(words)), "no `{words}` in {told}");
    let nothing = told();
    assert!(!nothing.contains("changedsince") && !nothing.contains("note"), "{nothing}");
    fs::write(&scenario, text.replace("title:", "# edited\ntitle:")).expect("a scenario");
    has(&told(), "one.yaml` has changed since the run, which is judged by the text of then");
    has(&told(), "agrees with the run to the letter");
    change(&folder, "router.yaml", "describes:", "# edited\ndescribes:");
    has(&told(), "router.yaml` has changed since the run, which is judged by what it said then");
    change(&reports, "bench.json", "title: ", "title:  ");
    has(&told(), "one.yaml` was edited in the folder of the run");
    let tool = run["tool_sha256"].as_str().expect("a hash");
    change(&reports, "run.json", tool, &"0".repeat(64));
    has(&told(), "(source 000000000000), and is judged by stormproof");
}

#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let folder = OwnFolder::new("newer");
    let copied = |from: &Path, to: &Path| fs::copy(from, to).map(|_| ()).expect("a copy");
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/evidence/format-2");
    let trial = "trials/scenarios-rotation-next-key-on-429-bbcd";
    fs::create_dir_all(folder.0.join(trial)).expect("a folder");
    for file in ["evidence.ndjson", "exchanges.rows", "attempts.rows"] {
        copied(&old.join(trial).join(file), &folder.0.join(trial).join(file));
    }
    copied(&old.join("bench.json"), &folder.0.join("bench.json"));
    change(
        &folder,
        &format!("{trial}/evidence.ndjson"),
        "{\"trial\":{\"format\":2,",
        "{\"trial\":{\"format\":99,",
    );
    let refused = stormproof(&["judge", &folder.path()]);
    assert_eq!(refused.status.code(), Some(2));
    let told = "has format 99, and this version reads formats 2 to 3: a newer version wrote it";
    assert!(err(&refused).contains(told), "{}", err(&refused));
    copied(&old.join("run.json"), &folder.0.join("run.json"));
    change(&folder, "run.json", "\"format\": 2,", "\"format\": 99,");
    change(
        &folder,
        &format!("{trial}/evidence.ndjson"),
        "{\"trial\":{\"format\":99,",
        "{\"trial\":{\"format\":2,",
    );
    let refused = stormproof(&["judge", &folder.path()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("the run is saved in format 99"), "{}", err(&refused));
}
