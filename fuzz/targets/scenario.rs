//! Any bytes as a scenario, read with the contract's own rules: it is sound and stays so, or its mistakes are told.

#![no_main]

use libfuzzer_sys::fuzz_target;
use promises::{contract, read_suite, source};
use scenario::SuiteTexts;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let SuiteTexts { chapters, mut imports, .. } = contract();
    // What a scenario imports may be as hostile as the scenario itself, and may import it again.
    imports.push(source("any-piece.yaml", text));
    read_suite(SuiteTexts { scenarios: vec![source("scenarios/any.yaml", text)], chapters, imports });
});
