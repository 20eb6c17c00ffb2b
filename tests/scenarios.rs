//! The trials of `scenarios/` as a test target: `cargo test` and `cargo nextest run` list and run them one by one.

use std::process::ExitCode;

fn main() -> ExitCode {
    stormproof::run_as_test_target(env!("CARGO_BIN_EXE_stormproof"), env!("CARGO_TARGET_TMPDIR"))
}
