//! Any bytes as a chapter of rules beside a sound scenario.

#![no_main]

use libfuzzer_sys::fuzz_target;
use promises::{read_suite, source};
use scenario::SuiteTexts;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    read_suite(SuiteTexts {
        scenarios: vec![source(
            "scenarios/rotation/next-key-on-429.yaml",
            include_str!("../../scenarios/rotation/next-key-on-429.yaml"),
        )],
        chapters: vec![source("scenarios/rotation/rules.yaml", text)],
        imports: Vec::new(),
    });
});
