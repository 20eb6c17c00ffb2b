//! Slots: leases that are given, renewed, released and run out, and the files of their holders.

use super::*;

fn pool(count: u32) -> Value {
    json!({ "slots": { "path": "/slots", "slots": { "count": count, "lasts": "30s" } } })
}

fn lease(stage: &Stage) -> Said {
    stage.ask("POST /slots", &json!({ "holder": "task-1" }))
}

#[test]
fn a_lease_tells_its_slot_its_path_and_its_end() {
    let mut stage = Stage::new(&pool(2));
    stage.wait(500);
    let leased = lease(&stage);
    assert_eq!((leased.status, leased.header("location")), (201, Some("/slots/slot-1")));
    let slot = json!({
        "id": "slot-1", "path": "/slots/slot-1", "state": "leased", "lease": 1, "holder": "task-1",
        "ends_at": "2023-11-14T22:13:50.500Z", "ends_in_ms": 30_000,
    });
    assert_eq!(leased.body, slot);
    let free = json!({ "id": "slot-2", "path": "/slots/slot-2", "state": "free" });
    assert_eq!(stage.get("/slots"), json!({ "count": 2, "free": 1, "leased": 1, "items": [slot, free] }));
}

#[test]
fn as_many_are_leased_as_there_are_and_each_once() {
    let stage = Stage::new(&pool(3));
    let ids: Vec<Value> = (0..3).map(|_| lease(&stage).body["id"].clone()).collect();
    assert_eq!(ids, ["slot-1", "slot-2", "slot-3"]);
    let refused = lease(&stage);
    assert_eq!(
        (refused.status, refused.code(), refused.header("retry-after")),
        (503, "none_free", Some("30"))
    );
    assert_eq!(stage.status("DELETE /slots/slot-2", &Value::Null), 200);
    assert_eq!(lease(&stage).body["id"], "slot-2");
}

#[test]
fn what_is_not_leased_is_not_released() {
    let stage = Stage::new(&pool(1));
    lease(&stage);
    assert_eq!(stage.status("DELETE /slots/slot-1", &Value::Null), 200);
    let before = stage.get("/slots");
    for (line, expected) in [
        ("DELETE /slots/slot-1", 409),
        ("POST /slots/slot-1/renewal", 409),
        ("GET /slots/slot-1/files", 409),
        ("PUT /slots/slot-1/files/a", 409),
        ("DELETE /slots/slot-2", 404),
        ("DELETE /slots/slot-0", 404),
        ("DELETE /slots/slot-01", 404),
        ("DELETE /slots/other", 404),
        ("DELETE /slots", 405),
        ("PUT /slots/slot-1", 405),
        ("GET /slots/slot-1/renewal", 405),
        ("GET /slots/slot-1/other", 404),
    ] {
        assert_eq!(stage.status(line, &Value::Null), expected, "{line}");
        assert_eq!(stage.get("/slots"), before, "{line}");
    }
    assert_eq!(stage.status("POST /slots", &json!([])), 400);
    assert_eq!(stage.get("/slots"), before);
}

#[test]
fn a_lease_that_has_run_out_is_free_again_and_a_renewed_one_is_not() {
    let mut stage = Stage::new(&pool(1));
    lease(&stage);
    stage.wait(29_999);
    assert_eq!(lease(&stage).status, 503);
    assert_eq!(stage.ask("POST /slots/slot-1/renewal", &Value::Null).body["ends_in_ms"], 30_000);
    stage.wait(29_999);
    assert_eq!(lease(&stage).status, 503);
    stage.wait(1);
    assert_eq!(stage.get("/slots")["free"], 1);
    assert_eq!(stage.status("DELETE /slots/slot-1", &Value::Null), 409);
    assert_eq!(lease(&stage).status, 201);
}

#[test]
fn the_files_of_one_holder_are_gone_before_the_next() {
    let mut stage = Stage::new(&pool(1));
    lease(&stage);
    let put = |body: &Value| stage.status("PUT /slots/slot-1/files/notes.json", body);
    assert_eq!((put(&json!({ "a": 1 })), put(&json!({ "a": 2 }))), (201, 200));
    assert_eq!(stage.get("/slots/slot-1/files/notes.json"), json!({ "a": 2 }));
    assert_eq!(stage.get("/slots/slot-1/files")["items"], json!(["notes.json"]));
    stage.wait(30_000);
    lease(&stage);
    assert_eq!(stage.get("/slots/slot-1/files")["count"], 0);
    assert_eq!(stage.status("GET /slots/slot-1/files/notes.json", &Value::Null), 404);
}

#[test]
fn with_the_defects_of_slots_their_properties_fail() {
    use ServiceDefect::{KeepsSlotFiles, LeasesOneSlotTwice, NeverEndsALease};
    let sound = |defects: &[ServiceDefect]| {
        let mut stage = Stage::with(&pool(2), defects);
        let distinct = lease(&stage).body["id"] != lease(&stage).body["id"];
        stage.ask("PUT /slots/slot-1/files/a", &json!(1));
        stage.wait(30_000);
        let ended = stage.get("/slots")["free"] == 2;
        stage.ask("DELETE /slots/slot-1", &Value::Null);
        lease(&stage);
        let wiped = stage.get("/slots/slot-1/files")["count"] == 0;
        (distinct, ended, wiped)
    };
    assert_eq!(sound(&[]), (true, true, true));
    assert!(!sound(&[LeasesOneSlotTwice]).0);
    assert!(!sound(&[NeverEndsALease]).1);
    assert!(!sound(&[KeepsSlotFiles]).2);
}
