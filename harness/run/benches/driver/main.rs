//! How fast the load driver is, as a trial runs it: its rows go to the evidence writer, its histograms are kept.
//!
//! What is compared takes turns in one run, each turn in a process of its own, and the median of the rounds counts. An argument
//! chooses some of the measurements; without any they are all made. The exit code is 1 when a limit is broken, or could not be
//! measured. nginx, wrk and oha are installed by `harness/run/benches/install-peers`.

mod child;
mod closed;
mod driver;
mod open;
mod paced;
mod peers;
mod process;
mod recording;
mod reqwest_client;
mod rounds;
mod streaming;
mod task;

use std::error::Error;
use std::process::ExitCode;

/// A measurement tells whether its limits are kept.
type Measurement = fn() -> Result<bool, Box<dyn Error>>;

const MEASUREMENTS: [(&str, Measurement); 5] = [
    ("closed", closed::measure),
    ("open_rate", open::at_a_rate),
    ("open_frozen", open::frozen),
    ("streaming", streaming::measure),
    ("recording", recording::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, task] = arguments.as_slice()
        && let Some(role) = role.strip_prefix("--as=")
    {
        return match child::be(role, task) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{role}: {error}");
                ExitCode::FAILURE
            }
        };
    }
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
