//! The workflow checks every push and every change that is proposed, on a machine of its own, and keeps what it found.

use crate::text;

const WORKFLOW: &str = ".github/workflows/ci.yml";

/// What the workflow has to be: a name, and whether a text is that.
type Demand = (&'static str, fn(&str) -> bool);

const DEMANDS: &[Demand] = &[
    ("runs for pushes", |text| text.contains("\n  push:\n    branches: [main, develop, \"feature/**\"]\n")),
    ("runs for proposals", |text| text.contains("\n  pull_request:\n    branches: [main, develop]\n")),
    ("runs on a machine of the host's", |text| {
        each_job(text, |job| job.contains("    runs-on: ubuntu-latest\n"))
    }),
    ("bounds its time", |text| each_job(text, |job| job.contains("    timeout-minutes: "))),
    ("checks out first", |text| {
        each_job(text, |job| is_verdict(job) || first_step(job).starts_with("uses: actions/checkout@"))
    }),
    ("sets a toolchain up", |text| {
        each_job(text, |job| !job.contains("run: cargo ") || job.contains("rustup toolchain install stable"))
    }),
    ("checks the format", |text| text.contains("- run: cargo fmt --all --check\n")),
    ("denies warnings", |text| {
        text.contains("- run: cargo clippy --workspace --all-targets --locked -- -D warnings\n")
    }),
    ("checks types on the oldest toolchain", |text| {
        text.contains("check --workspace --locked\n") && text.contains("rust-version")
    }),
    ("runs the tests", |text| text.contains("- run: cargo test --workspace --locked\n")),
    ("has what is shared between instances", |text| {
        text.contains("redis-server") && text.contains("STORMPROOF_REQUIRE_REDIS: \"1\"")
    }),
    ("runs the scenarios with their services", |text| {
        text.contains("- run: cargo run --release --locked -- run scenarios/\n")
    }),
    ("demands that every row is shown", |text| {
        text.contains("run: target/release/stormproof list --coverage\n")
    }),
    ("asks a healthy target first, then chapter by chapter, with a report of each", |text| {
        let step = |chapter: &str| {
            text.find(&format!(
                "run: target/release/stormproof run scenarios/{chapter} --reports reports/runs/{chapter}\n"
            ))
        };
        let steps = [step("health"), step("fallback"), step("ledger"), text.find("-- run scenarios/\n")];
        steps.is_sorted() && steps.iter().all(Option::is_some)
    }),
    ("tells the results where the run is shown", |text| {
        text.contains("        if: always()\n        run: find reports/proofs -name matrix.md -exec cat {} + >> \"$GITHUB_STEP_SUMMARY\"\n")
    }),
    ("proves the rules", |text| text.contains("target/release/stormproof prove scenarios/\n")),
    ("waits for no fixed time", |text| !text.contains("sleep")),
    ("keeps the reports of a failure", |text| {
        let (_, kept) = text.split_once("- name: Keep the reports").unwrap_or_default();
        let kept = kept.split("\n\n").next().unwrap_or_default();
        kept.contains("if: always()")
            && kept.contains("actions/upload-artifact@")
            && kept.contains("retention-days: 7")
    }),
    ("has one verdict over all jobs", |text| {
        let names: Vec<&str> =
            jobs(text).iter().filter(|job| !is_verdict(job)).map(|job| name(job)).collect();
        let needs = format!("    needs: [{}]\n", names.join(", "));
        jobs(text).iter().any(|job| {
            let bad = ["failure", "cancelled", "skipped"];
            is_verdict(job)
                && job.contains(&needs)
                && bad.iter().all(|word| job.contains(&format!("'{word}'")))
        })
    }),
];

/// The jobs, each with its name as the first line.
fn jobs(text: &str) -> Vec<&str> {
    let (_, jobs) = text.split_once("\njobs:\n").expect("there are jobs");
    let begins = |index: usize| jobs[index..].starts_with("  ") && !jobs[index + 2..].starts_with([' ', '#']);
    let starts = jobs.match_indices('\n').map(|(index, _)| index + 1);
    let mut starts: Vec<usize> = [0].into_iter().chain(starts).filter(|index| begins(*index)).collect();
    starts.push(jobs.len());
    starts.windows(2).map(|pair| &jobs[pair[0]..pair[1]]).collect()
}

fn name(job: &str) -> &str {
    job.trim_start().split(':').next().unwrap_or_default()
}

fn is_verdict(job: &str) -> bool {
    name(job) == "verdict"
}

fn each_job(text: &str, holds: impl Fn(&str) -> bool) -> bool {
    let jobs = jobs(text);
    jobs.len() >= 6 && jobs.iter().all(|job| holds(job))
}

fn first_step(job: &str) -> &str {
    job.split_once("    steps:\n      - ").map(|(_, steps)| steps).unwrap_or_default()
}

fn lacks(text: &str) -> Vec<&'static str> {
    DEMANDS.iter().filter(|(_, holds)| !holds(text)).map(|(what, _)| *what).collect()
}

#[test]
fn the_workflow_checks_all_that_it_should() {
    assert_eq!(lacks(&text(WORKFLOW)), [""; 0]);
}

#[test]
fn whatever_is_taken_from_the_workflow_is_missed() {
    let whole = text(WORKFLOW);
    for (part, instead, what) in [
        ("branches: [main, develop, \"feature/**\"]", "branches: [main]", "runs for pushes"),
        ("  pull_request:\n    branches: [main, develop]\n", "", "runs for proposals"),
        ("    runs-on: ubuntu-latest\n", "    runs-on: ubuntu-20.04\n", "runs on a machine of the host's"),
        ("    timeout-minutes: 20\n", "", "bounds its time"),
        ("      - uses: actions/checkout@v4\n", "", "checks out first"),
        ("- run: cargo fmt --all --check", "- run: cargo fmt --all", "checks the format"),
        (" -- -D warnings\n", "\n", "denies warnings"),
        ("      - run: cargo test --workspace --locked\n", "", "runs the tests"),
        ("target/release/stormproof list --coverage\n", "true\n", "demands that every row is shown"),
        (
            "run scenarios/health --reports",
            "run scenarios --reports",
            "asks a healthy target first, then chapter by chapter, with a report of each",
        ),
        (" >> \"$GITHUB_STEP_SUMMARY\"", "", "tells the results where the run is shown"),
        ("        if: always()\n        uses:", "        uses:", "keeps the reports of a failure"),
        ("          retention-days: 7\n", "", "keeps the reports of a failure"),
        ("needs: [format, lints", "needs: [lints", "has one verdict over all jobs"),
        (
            "      - run: cargo doc",
            "      - run: sleep 30\n      - run: cargo doc",
            "waits for no fixed time",
        ),
    ] {
        assert!(whole.contains(part), "the workflow holds no `{part}`");
        assert!(lacks(&whole.replacen(part, instead, 1)).contains(&what), "nobody misses `{part}`");
    }
}

#[test]
fn whoever_checks_on_their_own_machine_checks_the_same() {
    let own = text(".ci/run");
    let workflow = text(WORKFLOW);
    for step in [
        "cargo fmt --all --check",
        "cargo clippy --workspace --all-targets --locked -- -D warnings",
        "cargo test --workspace --locked",
        "cargo run --release --locked -- run scenarios/",
        "target/release/stormproof list --coverage",
        "target/release/stormproof run scenarios/ --target fixtures/targets/plain.yaml --require hermetic --test-threads 8",
        "SKIP_PERFORMANCE_TESTS=false target/release/stormproof prove scenarios/",
    ] {
        assert!(own.contains(step) && workflow.contains(step), "`{step}` is not in both");
    }
}
