//! `stormproof guard`: becomes a program that dies with the harness. Only the harness calls it.

use run::Exit;

use crate::args::GuardArgs;
use crate::terminal::tell;

/// Becomes the program; comes back only if that is not possible.
pub(crate) fn guard(args: GuardArgs) -> Exit {
    tell(&format!("error: {}\n", target::guard(args.command)));
    Exit::Blocked
}
