//! Any bytes as a price table that a sound scenario imports.

#![no_main]

use libfuzzer_sys::fuzz_target;
use promises::{contract, read_suite, source};
use scenario::SuiteTexts;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    read_suite(SuiteTexts {
        scenarios: vec![source(
            "scenarios/ledger/streamed-cost.yaml",
            include_str!("../../scenarios/ledger/streamed-cost.yaml"),
        )],
        imports: vec![source("fixtures/prices/example.yaml", text)],
        ..contract()
    });
});
