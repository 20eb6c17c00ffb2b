//! The doorway of the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    stormproof::main()
}
