//! `stormproof router`: the reference router, and the list of its defects.

use router::{ServeError, ServeOptions, defects, serve};
use run::Exit;

use crate::args::RouterArgs;
use crate::terminal::{say, tell};

/// Runs the router until it is asked to end.
pub(crate) fn router(args: RouterArgs) -> Exit {
    if args.list_defects {
        say(&listed());
        return Exit::Sound;
    }
    let Some(config) = args.config else {
        tell("error: the router needs `--config FILE`\n");
        return Exit::Misused;
    };
    match serve(&ServeOptions { config, listen: args.listen, defect: args.defect }) {
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

fn listed() -> String {
    let mut text = String::new();
    for defect in defects() {
        let about = defect.about;
        text.push_str(&format!(
            "{}\n    {about} ({})\n    breaks {}\n",
            defect.name,
            defect.cites,
            defect.breaks.join(", ")
        ));
    }
    text
}
