//! The suite inside the command, and what it covers.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{OwnFolder, command, err, out, stormproof};

#[test]
fn without_a_path_the_suite_inside_the_command_is_meant() {
    let folder = OwnFolder::new("released");
    let here = |arguments: &[&str]| command(arguments).current_dir(&folder.0).output().unwrap();
    let listed = here(&["list"]);
    assert_eq!(listed.status.code(), Some(0), "{}", err(&listed));
    let of_repository = stormproof(&["list", "scenarios"]);
    assert_eq!(out(&listed), out(&of_repository));
    let ran = here(&["run", "next-key-on-429", "--seed", "7", "--reports", "reports"]);
    assert_eq!(ran.status.code(), Some(0), "{}{}", out(&ran), err(&ran));
    assert!(folder.read("reports/run.json").contains("scenarios/rotation/next-key-on-429.yaml"));
}

#[test]
fn the_suite_is_written_out_as_it_is_and_over_nothing() {
    let folder = OwnFolder::new("exported");
    let to = folder.0.join("suite");
    let exported = stormproof(&["export", &to.display().to_string()]);
    assert_eq!(exported.status.code(), Some(0), "{}", err(&exported));
    let checked = command(&["check"]).current_dir(&to).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}{}", out(&checked), err(&checked));
    let name = "scenarios/rotation/next-key-on-429.yaml";
    assert_eq!(folder.read(&format!("suite/{name}")), fs::read_to_string(name).unwrap());
    let again = stormproof(&["export", &to.display().to_string()]);
    assert_eq!(again.status.code(), Some(2), "{}", err(&again));
    assert!(err(&again).contains("there is something in it already"), "{}", err(&again));
}

/// One hash over all files of a suite, as anybody can take it with `sha256sum`.
fn hash_of(suite: &Path) -> String {
    let mut files = Vec::new();
    let mut folders = vec![suite.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    let digits = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut names: Vec<String> =
        files.iter().map(|file| file.strip_prefix(suite).expect("below it").display().to_string()).collect();
    names.sort();
    let mut whole = Sha256::new();
    for name in names {
        let hash = digits(&Sha256::digest(fs::read(suite.join(&name)).expect("a file")));
        whole.update(format!("{hash}  {name}\n"));
    }
    digits(&whole.finalize())
}

#[test]
fn every_report_tells_the_suite_by_its_hash_and_whether_it_was_edited() {
    let folder = OwnFolder::new("edited-suite");
    let suite = folder.0.join("suite");
    assert_eq!(stormproof(&["export", &suite.display().to_string()]).status.code(), Some(0));
    let hash = hash_of(&suite);
    let name = "scenarios/rotation/next-key-on-429.yaml";
    let reports = |run: &std::process::Output| {
        let terminal = out(run).split_whitespace().collect::<Vec<_>>().join(" ");
        [terminal, folder.read("reports/junit.xml"), folder.read("reports/run.json")]
    };
    let into = folder.0.join("reports").display().to_string();
    let run = |what: &str| {
        let ran =
            command(&["run", what, "--seed", "7", "--reports", &into]).current_dir(&suite).output().unwrap();
        assert_eq!(ran.status.code(), Some(0), "{}{}", out(&ran), err(&ran));
        let reports = reports(&ran);
        assert!(reports[0].contains(&format!("suite {}", &hash[..12])), "{}", reports[0]);
        assert!(reports[1..].iter().all(|report| report.contains(&hash)), "{}", reports[1]);
        reports
    };
    // Inside the command, and as it was written out.
    for what in ["next-key-on-429", name] {
        assert!(run(what).iter().all(|report| !report.contains("the suite was edited")), "{what}");
    }
    let text = folder.read(&format!("suite/{name}"));
    fs::write(suite.join(name), text.replace("title:", "# Nothing is asked any more.\ntitle:")).unwrap();
    let told = format!("the suite was edited: `{name}` is not as released with this command");
    for what in [name, "scenarios/rotation"] {
        assert!(run(what).iter().all(|report| report.contains(&told)), "{what}");
    }
    // Whoever judges it again is told the same.
    let judged = stormproof(&["judge", &into]);
    assert!(
        out(&judged).split_whitespace().collect::<Vec<_>>().join(" ").contains(&told),
        "{}",
        out(&judged)
    );
    // The suite inside the command is as it was, whatever lies around.
    assert!(!run("next-key-on-429")[0].contains("the suite was edited"));
    // A rule and a world belong to it too.
    for (file, scenario) in [
        ("scenarios/state/rules.yaml", "scenarios/state/steps-of-a-task.yaml"),
        ("fixtures/worlds/registry.yaml", "scenarios/state/steps-of-a-task.yaml"),
    ] {
        let text = folder.read(&format!("suite/{file}"));
        fs::write(suite.join(file), format!("{text}# edited\n")).unwrap();
        let reports = run(scenario);
        assert!(
            reports.iter().all(|report| report.contains(&format!("the suite was edited: `{file}`"))),
            "{}",
            reports[0]
        );
        fs::write(suite.join(file), text).unwrap();
    }
}

#[test]
fn coverage_names_what_no_scenario_is_there_for() {
    let folder = OwnFolder::new("coverage");
    let write = |name: &str, text: &str| fs::write(folder.0.join(name), text).unwrap();
    let here = |arguments: &[&str]| command(arguments).current_dir(&folder.0).output().unwrap();
    fs::create_dir_all(folder.0.join("one")).unwrap();
    let scenario = fs::read_to_string("scenarios/rotation/next-key-on-429.yaml").unwrap();
    let covers = scenario.lines().find(|line| line.starts_with("covers:")).unwrap();
    write("one/next.yaml", &scenario.replace(covers, "covers: [A-1, A-3, A-4]"));
    write(
        "rows.yaml",
        "rows: { A-1: This is covered., A-2: This is not., A-5: This is shown. }\n\
         shown: [{ by: \"tests/all.rs::it_holds\", rows: [A-1, A-5] }, { by: \"README.md#Run it\", rows: [A-5] }]\n\
         later: [{ rows: [A-4], why: not yet }]\n",
    );
    let told = here(&["list", "--coverage", "--requirements", "rows.yaml", "one"]);
    assert_eq!(told.status.code(), Some(3), "{}{}", out(&told), err(&told));
    let rows = "A-1      one/next, tests/all.rs::it_holds\nA-2      -\nA-5      tests/all.rs::it_holds, README.md#Run it\n";
    assert!(out(&told).contains(rows), "{}", out(&told));
    let sums = "1 of 3 rows have a scenario; 1 more are shown by the project's own tests and book; 1 are left for later\n";
    assert!(out(&told).contains(sums), "{}", out(&told));
    assert!(err(&told).contains("error: rows that nothing shows: A-2\n"), "{}", err(&told));
    assert!(err(&told).contains("no row is called `A-3`, which one/next covers"), "{}", err(&told));
    assert!(err(&told).contains("rules without a scenario: BUD-001, "), "{}", err(&told));
    write("rows.yaml", "rows:\n  A-1: This is covered.\nlatter: []\n");
    let wrong = here(&["list", "--coverage", "--requirements", "rows.yaml", "one"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", err(&wrong));
    assert!(err(&wrong).contains("did you mean `later`?"), "{}", err(&wrong));
}

#[test]
fn coverage_refuses_rows_that_are_not_what_they_are_said_to_be() {
    let folder = OwnFolder::new("coverage-refused");
    let told = |text: &str| {
        fs::write(folder.0.join("rows.yaml"), text).unwrap();
        let rows = folder.0.join("rows.yaml").display().to_string();
        let listed = stormproof(&["list", "--coverage", "--requirements", &rows, "scenarios/rotation"]);
        assert_eq!(listed.status.code(), Some(2), "{}", out(&listed));
        err(&listed)
    };
    let by = "by: \"tests/all.rs::it_holds\"";
    let unknown = told(&format!("rows: {{ A-1: This. }}\nshown: [{{ {by}, rows: [A-2] }}]\n"));
    assert!(unknown.contains("no row is called `A-2`"), "{unknown}");
    let neither = told("rows: { A-1: This. }\nshown: [{ by: everybody, rows: [A-1] }]\n");
    assert!(neither.contains("`everybody` is neither a test nor a section"), "{neither}");
    let both = told("rows: { A-1: This. }\nlater: [{ rows: [A-1], why: not yet }]\n");
    assert!(both.contains("row `A-1` is to be covered and left for later"), "{both}");
    let twice = told("rows: {}\nlater: [{ rows: [A-1, A-1], why: not yet }]\n");
    assert!(twice.contains("row `A-1` is left for later twice"), "{twice}");
}
