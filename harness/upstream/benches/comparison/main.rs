//! How the simulated provider compares: with a bare server, with wiremock, with its own memory, and with a timer.
//!
//! What is compared takes turns, round by round, in one process, and the median of the rounds' ratios counts. An argument
//! chooses one of the comparisons; without any they are all made. The exit code is 1 when a limit is broken.

mod against_wiremock;
mod bare;
mod journal_cost;
mod load;
mod memory;
mod rounds;
mod server;
mod simulator;
mod stream_gaps;
mod ticker;

use std::error::Error;
use std::process::ExitCode;

/// A comparison tells whether its limit is kept.
type Comparison = fn() -> Result<bool, Box<dyn Error>>;

const COMPARISONS: [(&str, Comparison); 4] = [
    // First, while nothing else has used the memory.
    ("memory", memory::compare),
    ("journal_cost", journal_cost::compare),
    ("against_wiremock", against_wiremock::compare),
    ("stream_gaps", stream_gaps::compare),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` and test runners call this too, to list or to run tests; there are none here.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut kept = true;
    for (name, compare) in COMPARISONS {
        if chosen.is_empty() || chosen.iter().any(|word| name.contains(word.as_str())) {
            println!("\n## {name}\n");
            kept &= compare()?;
        }
    }
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
