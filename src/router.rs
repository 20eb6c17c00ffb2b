//! `stormproof router`: the reference router.

use router::{ServeError, ServeOptions, serve};
use run::Exit;

use crate::args::RouterArgs;
use crate::terminal::tell;

/// Runs the router until it is asked to end.
pub(crate) fn router(args: RouterArgs) -> Exit {
    match serve(&ServeOptions { config: args.config, listen: args.listen, defect: args.defect }) {
        Ok(()) => Exit::Sound,
        Err(error) => {
            tell(&told(&error));
            match error {
                ServeError::Settings(_)
                | ServeError::Defect(_)
                | ServeError::Listen(_)
                | ServeError::LogLevel(_) => Exit::Misused,
                ServeError::System(_) | ServeError::Ended(_) => Exit::Blocked,
            }
        }
    }
}

/// An error with its causes, in one line each.
fn told(error: &ServeError) -> String {
    let mut text = format!("error: {error}\n");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!("  because: {error}\n"));
        cause = error.source();
    }
    text
}
