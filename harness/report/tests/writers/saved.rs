//! The run as JSON and back.

use stormproof_report::json;

use crate::compare::assert_golden;
use crate::runs;

#[test]
fn a_saved_run_reads_back_to_the_letter() {
    for run in [runs::passing(), runs::failing(), runs::empty(), runs::cut_short(), runs::run_again()] {
        let text = json::write(&run).unwrap();
        assert_eq!(json::read(&text).unwrap(), run);
    }
}

#[test]
fn a_saved_run_looks_as_it_always_did() {
    assert_golden("cut-short.json", &json::write(&runs::cut_short()).unwrap());
}

#[test]
fn a_run_in_another_format_is_refused_with_what_to_do() {
    let text = r#"{ "format": 99, "shape": "unknown" }"#;
    let error = json::read(text).unwrap_err().to_string();
    assert!(error.contains("reads formats 2 to 3"), "{error}");
    assert!(error.contains("format 99") && error.contains("run the scenarios again"), "{error}");
}

#[test]
fn what_is_no_run_is_refused_with_what_to_name() {
    for text in ["", "{", "[]", "null", "{}", r#"{"format": 2}"#, r#"{"format": -1}"#, "\u{fffe}"] {
        let error = json::read(text).unwrap_err();
        assert!(error.to_string().contains("run.json"), "{text:?}: {error}");
    }
}
