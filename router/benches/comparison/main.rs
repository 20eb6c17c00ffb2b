//! How fast the router is: how it chooses keys, what it adds to a request beside nginx and LiteLLM, and what memory it takes.
//!
//! What is compared takes turns in one run, and the median of the rounds counts. An argument chooses some of the
//! measurements; without any they are all made. The exit code is 1 when a limit is broken, or could not be measured.
//! nginx and LiteLLM are installed by `router/benches/install-peers`.

mod against_litellm;
mod against_nginx;
mod client;
mod crowd;
mod first_chunk;
mod memory;
mod peers;
mod process;
mod provider;
mod rounds;
mod selection;
mod streams;

use std::error::Error;
use std::process::ExitCode;

/// A measurement tells whether its limits are kept.
type Measurement = fn() -> Result<bool, Box<dyn Error>>;

const MEASUREMENTS: [(&str, Measurement); 7] = [
    ("selection", selection::measure),
    ("crowd", crowd::measure),
    ("against_nginx", against_nginx::measure),
    ("against_litellm", against_litellm::measure),
    ("first_chunk", first_chunk::measure),
    ("memory", memory::measure),
    ("streams", streams::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` and test runners call this too, to list or to run tests; there are none here.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut kept = true;
    for (name, measure) in MEASUREMENTS {
        if chosen.is_empty() || chosen.iter().any(|word| name.contains(word.as_str())) {
            println!("\n## {name}\n");
            kept &= measure().unwrap_or_else(|error| {
                println!("not measured: {error}");
                false
            });
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
