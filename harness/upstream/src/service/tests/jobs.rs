//! Jobs: what one is follows from the clock and from the seed.

use super::*;

fn jobs() -> Value {
    json!({ "runs": { "path": "/runs", "jobs": {
        "waits": "100ms", "takes": "1500ms", "result": { "passed": 12 }, "fails": "50%",
    } } })
}

#[test]
fn a_job_is_queued_runs_and_is_over_by_the_clock() {
    let mut stage = Stage::new(&json!({ "runs": { "path": "/runs", "jobs": {
        "waits": "100ms", "takes": "1500ms", "result": { "passed": 12 },
    } } }));
    let asked = stage.ask("POST /runs", &json!({ "suite": "all" }));
    assert_eq!((asked.status, asked.header("location")), (202, Some("/runs/runs-1")));
    for (wait, state, retry) in [
        (0, "queued", Some("2")),
        (100, "running", Some("2")),
        (1_499, "running", Some("1")),
        (1, "done", None),
    ] {
        stage.wait(wait);
        let told = stage.ask("GET /runs/runs-1", &Value::Null);
        assert_eq!((&told.body["state"], told.header("retry-after")), (&json!(state), retry));
    }
    let done = stage.get("/runs/runs-1");
    assert_eq!((&done["result"], &done["asked"]), (&json!({ "passed": 12 }), &json!({ "suite": "all" })));
    assert_eq!(
        (&done["asked_at"], &done["ended_at"]),
        (&json!("2023-11-14T22:13:20.000Z"), &json!("2023-11-14T22:13:21.600Z"))
    );
}

#[test]
fn as_many_jobs_fail_as_the_scenario_says_and_the_same_ones_each_time() {
    let states = || {
        let mut stage = Stage::new(&jobs());
        for _ in 0..400 {
            stage.ask("POST /runs", &Value::Null);
        }
        stage.wait(1_600);
        let states: Vec<Value> =
            stage.get("/runs")["items"].as_array().unwrap().iter().map(|job| job["state"].clone()).collect();
        states
    };
    let failed = states().iter().filter(|state| **state == "failed").count();
    assert!((150..250).contains(&failed), "{failed} of 400");
    assert_eq!(states(), states());
}

#[test]
fn a_job_is_cancelled_while_it_is_not_over() {
    let mut stage = Stage::new(&jobs());
    stage.ask("POST /runs", &Value::Null);
    stage.ask("POST /runs", &Value::Null);
    assert_eq!(stage.ask("DELETE /runs/runs-1", &Value::Null).body["state"], "cancelled");
    stage.wait(1_600);
    assert_eq!(stage.get("/runs/runs-1")["state"], "cancelled");
    for (line, expected) in [
        ("DELETE /runs/runs-1", 409),
        ("DELETE /runs/runs-2", 409),
        ("DELETE /runs/runs-3", 404),
        ("PATCH /runs/runs-1", 405),
        ("PUT /runs", 405),
        ("GET /runs/runs-1/more", 404),
    ] {
        assert_eq!(stage.status(line, &Value::Null), expected, "{line}");
    }
}

#[test]
fn with_the_defect_no_job_ends() {
    for (defects, ended) in [(&[][..], true), (&[ServiceDefect::NeverFinishesJobs], false)] {
        let mut stage = Stage::with(&jobs(), defects);
        stage.ask("POST /runs", &Value::Null);
        stage.wait(3_600_000);
        assert_eq!(stage.get("/runs/runs-1")["state"] != "running", ended);
    }
}
