//! The `stormproof` command: the command line as it was typed, resolved into settings, and one file for each subcommand.

mod abroad;
mod args;
mod bundled;
mod check;
mod coverage;
mod defects;
mod dry_run;
mod explain;
mod export;
mod guard;
mod interrupt;
mod judge;
mod list;
mod made;
mod new;
mod probe;
mod progress;
mod prove;
mod released;
mod render;
mod reports;
mod router;
mod run;
mod schema;
mod select;
mod settings;
mod terminal;
mod test_target;
mod upstreams;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Command, CommandLine};

pub use test_target::run_as_test_target;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let exit = match CommandLine::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Prove(args) => prove::prove(&args),
        Command::Probe(args) => probe::probe(&args),
        Command::List(args) => list::list(&args),
        Command::Export(args) => export::export(&args),
        Command::Render(args) => render::render(&args),
        Command::Judge(args) => judge::judge(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::New(args) => new::new(&args),
        Command::Schema(args) => schema::schema(&args),
        Command::Defects => defects::defects(),
        Command::Router(args) => router::router(args),
        Command::Upstreams(args) => upstreams::upstreams(&args),
        Command::Guard(args) => guard::guard(args),
    };
    ExitCode::from(exit.code())
}
