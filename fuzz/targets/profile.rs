//! Any bytes as a target's profile, with the template that it names behind a line `=== template`.
//!
//! A sound one is also rendered for a world, as `stormproof check` and every start do.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use promises::{contract, is_told, source};
use scenario::{Document, Suite, SuiteTexts};
use target::Profile;

static SUITE: LazyLock<Suite> = LazyLock::new(|| {
    let scenario = include_str!("../../scenarios/ledger/streamed-cost.yaml");
    let scenarios = vec![source("scenarios/ledger/streamed-cost.yaml", scenario)];
    Suite::of(SuiteTexts { scenarios, ..contract() }).expect("the project's own scenario is sound")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (profile, template) = text.split_once("=== template\n").unwrap_or((text, ""));
    let read = Document::of(source("any.yaml", profile)).and_then(|document| {
        Profile::read_document(document, Path::new("/profiles"), |_| Ok(template.to_owned()))
    });
    match read {
        Ok(profile) => {
            for setting in profile.unrendered(&SUITE.scenarios[0].cases[0].scenario.world) {
                assert!(!setting.is_empty(), "a setting without a name is ignored");
            }
        }
        Err(error) => is_told(&error),
    }
});
