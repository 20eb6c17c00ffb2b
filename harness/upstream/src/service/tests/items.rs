//! Items: their fields, states, logs and versions, and requests that come twice.

use super::*;

fn tasks() -> Value {
    json!({ "tasks": { "path": "/v1/tasks", "items": {
        "fields": { "title": "text" },
        "optional": { "size": "whole", "price": "number", "done": "flag", "tags": "list", "by": "map", "more": "any" },
        "given": { "size": 3 },
        "states": { "steps": { "queued": ["running", "failed"], "running": ["done", "failed"], "done": [], "failed": [] } },
        "logs": ["events", "artifacts"],
        "most": 3,
    } } })
}

fn state(state: &str) -> Value {
    json!({ "state": state })
}

#[test]
fn an_item_is_made_read_changed_and_deleted() {
    let stage = Stage::new(&tasks());
    let made = stage.ask("POST /v1/tasks", &json!({ "title": "a" }));
    let first = json!({ "title": "a", "size": 3, "id": "tasks-1", "state": "queued" });
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/tasks/tasks-1")));
    assert_eq!((&made.body, &stage.get("/v1/tasks/tasks-1")), (&first, &first));
    assert_eq!(stage.status("PATCH /v1/tasks/tasks-1", &json!({ "title": "b", "size": null })), 200);
    assert_eq!(stage.get("/v1/tasks/tasks-1"), json!({ "title": "b", "id": "tasks-1", "state": "queued" }));
    assert_eq!(stage.status("PUT /v1/tasks/tasks-1", &json!({ "title": "c", "price": 2.5 })), 200);
    let put = json!({ "title": "c", "price": 2.5, "id": "tasks-1", "state": "queued" });
    assert_eq!(stage.get("/v1/tasks"), json!({ "count": 1, "items": [put] }));
    assert_eq!(stage.status("DELETE /v1/tasks/tasks-1", &Value::Null), 204);
    assert_eq!(stage.status("GET /v1/tasks/tasks-1", &Value::Null), 404);
    assert_eq!(stage.get("/v1/tasks"), json!({ "count": 0, "items": [] }));
}

#[test]
fn what_is_wrong_is_told_by_its_field_and_changes_nothing() {
    let stage = Stage::new(&tasks());
    stage.ask("POST /v1/tasks", &json!({ "title": "a" }));
    let before = stage.get("/v1/tasks");
    for (line, body, status, told) in [
        ("POST /v1/tasks", json!({}), 400, "`title` is missing"),
        ("POST /v1/tasks", json!({ "title": 7 }), 400, "`title` is no text"),
        ("POST /v1/tasks", json!({ "title": "a", "size": 1.5 }), 400, "`size` is no whole"),
        ("POST /v1/tasks", json!({ "title": "a", "price": "1" }), 400, "`price` is no number"),
        ("POST /v1/tasks", json!({ "title": "a", "done": 1 }), 400, "`done` is no flag"),
        ("POST /v1/tasks", json!({ "title": "a", "tags": {} }), 400, "`tags` is no list"),
        ("POST /v1/tasks", json!({ "title": "a", "by": [] }), 400, "`by` is no map"),
        ("POST /v1/tasks", json!({ "title": "a", "sise": 1 }), 400, "`sise` is not known"),
        ("POST /v1/tasks", json!({ "title": "a", "id": "a/b" }), 400, "`id` is no name"),
        ("POST /v1/tasks", json!({ "title": "a", "id": "tasks-1" }), 409, "there is a `tasks-1` already"),
        ("POST /v1/tasks", json!({ "title": "a", "state": "done" }), 409, "a new item is `queued`"),
        ("POST /v1/tasks", json!({ "title": "a", "state": "odd" }), 400, "`state` is none of"),
        ("POST /v1/tasks", json!([]), 400, "the body is no map"),
        ("POST /v1/tasks", Value::Null, 400, "the body is no JSON"),
        ("PATCH /v1/tasks/tasks-1", json!({ "title": null }), 400, "`title` is missing"),
        ("PATCH /v1/tasks/tasks-1", json!({ "id": "other" }), 400, "`id` cannot be changed"),
        ("PATCH /v1/tasks/tasks-1", state("done"), 409, "no step leads from `queued` to `done`"),
        ("PUT /v1/tasks/tasks-1", json!({}), 400, "`title` is missing"),
        ("PATCH /v1/tasks/tasks-9", json!({}), 404, "no such item"),
        ("DELETE /v1/tasks/tasks-9", Value::Null, 404, "no such item"),
        ("GET /v1/tasks/tasks-9/history", Value::Null, 404, "no such item"),
        ("POST /v1/tasks/tasks-9/events", json!({}), 404, "no such item"),
        ("POST /v1/tasks/tasks-1/others", json!({}), 404, "no such path"),
        ("POST /v1/tasks/tasks-1/events", Value::Null, 400, "the body is no JSON"),
        ("PUT /v1/tasks", json!({}), 405, "only GET, HEAD, POST"),
        ("POST /v1/tasks/tasks-1", json!({}), 405, "only GET, HEAD, PUT"),
        ("POST /v1/tasks/tasks-1/history", json!({}), 405, "only GET, HEAD"),
        ("GET /v1/tasks?colour=red", Value::Null, 400, "`colour` is not known"),
    ] {
        let said = stage.ask(line, &body);
        let message = said.body["error"]["message"].as_str().unwrap();
        assert_eq!(said.status, status, "{line} {body}: {message}");
        assert!(message.contains(told), "{line} {body}: {message}");
        assert_eq!(stage.get("/v1/tasks"), before, "{line} {body}");
    }
    assert_eq!(stage.get("/v1/tasks/tasks-1/history")["count"], 1);
}

#[test]
fn a_collection_is_full_at_some_point() {
    let stage = Stage::new(&tasks());
    let made = || stage.status("POST /v1/tasks", &json!({ "title": "a" }));
    assert_eq!([made(), made(), made(), made()], [201, 201, 201, 507]);
    stage.ask("DELETE /v1/tasks/tasks-2", &Value::Null);
    assert_eq!((made(), made()), (201, 507));
}

#[test]
fn legal_steps_are_kept_in_order_with_their_times() {
    let mut stage = Stage::new(&tasks());
    stage.ask("POST /v1/tasks", &json!({ "title": "a" }));
    for step in ["running", "done"] {
        stage.wait(250);
        assert_eq!(stage.ask("PATCH /v1/tasks/tasks-1", &state(step)).body["state"], step);
    }
    assert_eq!(stage.ask("PATCH /v1/tasks/tasks-1", &state("running")).code(), "illegal_step");
    assert_eq!(stage.status("PATCH /v1/tasks/tasks-1", &state("done")), 200, "it is no step to stay");
    let at = |millis: u64| format!("2023-11-14T22:13:20.{millis:03}Z");
    assert_eq!(
        stage.get("/v1/tasks/tasks-1/history")["items"],
        json!([
            { "number": 1, "state": "queued", "at": at(0) },
            { "number": 2, "state": "running", "at": at(250) },
            { "number": 3, "state": "done", "at": at(500) },
        ])
    );
}

#[test]
fn entries_of_a_log_stay_in_order_and_unchanged() {
    let stage = Stage::new(&tasks());
    stage.ask("POST /v1/tasks", &json!({ "title": "a" }));
    stage.ask("POST /v1/tasks", &json!({ "title": "b" }));
    let payloads = [json!({ "z": 1, "a": [null, "ü"] }), json!("text"), json!(12.25)];
    for payload in &payloads {
        assert_eq!(stage.status("POST /v1/tasks/tasks-1/events", payload), 201);
    }
    let log = stage.get("/v1/tasks/tasks-1/events");
    for (index, payload) in payloads.iter().enumerate() {
        assert_eq!(log["items"][index]["entry"].to_string(), payload.to_string());
        assert_eq!(log["items"][index]["number"], index + 1);
        assert_eq!(log["items"][index]["at"], "2023-11-14T22:13:20.000Z");
    }
    assert_eq!(log["count"], 3);
    for other in ["tasks-1/artifacts", "tasks-2/events"] {
        assert_eq!(stage.get(&format!("/v1/tasks/{other}"))["count"], 0);
    }
}

#[test]
fn a_list_is_filtered_by_fields() {
    let stage = Stage::new(&tasks());
    stage.ask("POST /v1/tasks", &json!({ "title": "a", "size": 1 }));
    stage.ask("POST /v1/tasks", &json!({ "title": "b b" }));
    stage.ask("PATCH /v1/tasks/tasks-2", &state("running"));
    for (query, expected) in [
        ("size=3", vec!["tasks-2"]),
        ("size=1&title=a", vec!["tasks-1"]),
        ("title=b+b&state=running", vec!["tasks-2"]),
        ("title=a&state=running", vec![]),
        ("", vec!["tasks-1", "tasks-2"]),
    ] {
        let list = stage.get(&format!("/v1/tasks?{query}"));
        let ids: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{query}");
    }
}

#[test]
fn a_change_names_the_version_that_it_changes() {
    for (versions, without) in [("checked", 200), ("required", 428), ("off", 200)] {
        let stage = Stage::new(&json!({ "notes": { "path": "/notes", "items": { "versions": versions } } }));
        let made = stage.ask("POST /notes", &json!({ "text": "one" }));
        assert_eq!(made.header("etag"), (versions != "off").then_some("\"1\""));
        assert_eq!(stage.status("PATCH /notes/notes-1", &json!({ "text": "two" })), without);
        if versions == "off" {
            continue;
        }
        let current = stage.ask("GET /notes/notes-1", &Value::Null);
        let tag = current.header("etag").unwrap();
        for (named, expected) in
            [("\"99\"", 412), ("\"98\", \"99\"", 412), (tag, 200), (tag, 412), ("*", 200)]
        {
            let said =
                stage.ask_with("PUT /notes/notes-1", &[("if-match", named)], &json!({ "text": named }));
            assert_eq!(said.status, expected, "{versions} {named}");
        }
        let stale = [("if-match", tag)];
        assert_eq!(stage.ask_with("DELETE /notes/notes-1", &stale, &Value::Null).status, 412);
        assert_eq!(stage.get("/notes/notes-1")["text"], "*");
    }
}

fn orders() -> Value {
    json!({ "orders": { "path": "/orders", "items": {
        "fields": { "symbol": "text", "quantity": "whole" }, "key": "client_order_id", "once_by": "idempotency-key",
    } } })
}

#[test]
fn the_same_request_twice_has_one_effect_and_one_answer() {
    let stage = Stage::new(&orders());
    let order = json!({ "symbol": "TEST", "quantity": 100 });
    let once =
        |name: &str, order: &Value| stage.ask_with("POST /orders", &[("idempotency-key", name)], order);
    let (first, again) = (once("a", &order), once("a", &order));
    assert_eq!((first.status, &first.body, &first.headers), (again.status, &again.body, &again.headers));
    let other = once("a", &json!({ "symbol": "TEST", "quantity": 101 }));
    assert_eq!((other.status, other.code()), (409, "name_used_before"));
    assert_eq!(stage.get("/orders")["count"], 1);
    assert_eq!(once("b", &order).body["client_order_id"], "orders-2");
    assert_eq!(stage.status("POST /orders", &order), 201, "nothing names it");
    assert_eq!(once("", &order).status, 400);
    assert_eq!(stage.get("/orders")["count"], 3);
}

#[test]
fn a_refused_request_may_be_put_right_under_its_name() {
    let stage = Stage::new(&orders());
    let once = |order: &Value| stage.ask_with("POST /orders", &[("idempotency-key", "a")], order).status;
    assert_eq!(once(&json!({ "symbol": "TEST" })), 400);
    assert_eq!(once(&json!({ "symbol": "TEST", "quantity": 1 })), 201);
}

#[test]
fn what_a_collection_starts_with_is_there() {
    let stage = Stage::new(&json!({ "quotes": { "path": "/quotes", "items": {
        "fields": { "symbol": "text", "last_price": "number" }, "key": "symbol",
        "starts_with": [{ "symbol": "NIFTY", "last_price": 25840.5 }],
    } } }));
    assert_eq!(stage.get("/quotes/NIFTY"), json!({ "symbol": "NIFTY", "last_price": 25840.5 }));
    assert_eq!(stage.status("GET /quotes/OTHER", &Value::Null), 404);
}

/// The count of steps in the history after two steps, as a control of what the history keeps.
#[test]
fn with_the_defects_of_states_and_changes_their_properties_fail() {
    use ServiceDefect::{AcceptsIllegalSteps, ForgetsSteps, IgnoresVersions, LosesUpdates};
    let sound = |defects: &[ServiceDefect]| {
        let stage = Stage::with(&tasks(), defects);
        stage.ask("POST /v1/tasks", &json!({ "title": "a" }));
        let illegal = stage.status("PATCH /v1/tasks/tasks-1", &state("done"));
        for next in ["running", "done"] {
            stage.ask("PATCH /v1/tasks/tasks-1", &state(next));
        }
        let kept = stage.get("/v1/tasks/tasks-1/history")["count"].clone();
        let lost = (0..10).filter(|size| {
            stage.ask("PATCH /v1/tasks/tasks-1", &json!({ "size": size }));
            stage.get("/v1/tasks/tasks-1")["size"] != *size
        });
        (illegal, kept, lost.count())
    };
    assert_eq!(sound(&[]), (409, json!(3), 0));
    assert_eq!(sound(&[AcceptsIllegalSteps]).0, 200);
    assert_eq!(sound(&[ForgetsSteps]).1, 2);
    assert_eq!(sound(&[LosesUpdates]).2, 2);
    let notes = json!({ "notes": { "path": "/notes", "items": { "versions": "required" } } });
    for (defects, expected) in [(&[][..], 412), (&[IgnoresVersions], 200)] {
        let stage = Stage::with(&notes, defects);
        stage.ask("POST /notes", &json!({}));
        let said = stage.ask_with("PATCH /notes/notes-1", &[("if-match", "\"9\"")], &json!({}));
        assert_eq!(said.status, expected);
    }
}

#[test]
fn with_the_defects_of_logs_and_names_their_properties_fail() {
    use ServiceDefect::{ForgetsIdempotency, LogsToTheWrongItem};
    for (defects, own, other) in [(&[][..], 1, 0), (&[LogsToTheWrongItem], 0, 1)] {
        let stage = Stage::with(&tasks(), defects);
        stage.ask("POST /v1/tasks", &json!({ "title": "a" }));
        stage.ask("POST /v1/tasks", &json!({ "title": "b" }));
        stage.ask("POST /v1/tasks/tasks-1/events", &json!({}));
        let count = |item: &str| stage.get(&format!("/v1/tasks/{item}/events"))["count"].clone();
        assert_eq!((count("tasks-1"), count("tasks-2")), (json!(own), json!(other)));
    }
    for (defects, expected) in [(&[][..], 1), (&[ForgetsIdempotency], 2)] {
        let stage = Stage::with(&orders(), defects);
        for _ in 0..2 {
            let order = json!({ "symbol": "TEST", "quantity": 100 });
            stage.ask_with("POST /orders", &[("idempotency-key", "a")], &order);
        }
        assert_eq!(stage.get("/orders")["count"], expected);
    }
}
