//! `stormproof render`: the native configuration of a target that somebody else starts, with simulated providers at known addresses.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use run::Exit;
use target::Rendered;

use crate::args::{RenderArgs, RunArgs};
use crate::settings::{Refusal, Settings};
use crate::terminal::{say, tell};

/// Where the variables of the target's environment are left.
const ENVIRONMENT: &str = "environment";

/// Writes the configuration, and says how to go on.
pub(crate) fn render(args: &RenderArgs) -> Exit {
    match rendered(args) {
        Ok(told) => {
            say(&told);
            Exit::Sound
        }
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    }
}

fn rendered(args: &RenderArgs) -> Result<String, Refusal> {
    let stormproof = std::env::current_exe()
        .map_err(|error| Refusal::machine("the command's own program is not to be found", &error))?;
    let run = args.as_run();
    let settings = Settings::resolve(&run, stormproof.clone())?;
    if settings.profile.says.start.files.0.is_empty() {
        return Err(Refusal::misused(format!(
            "the profile of `{}` names no configuration files\n  = help: name them and their templates: `start: {{ files: {{ config.yaml: \
             my-router/config.yaml.j2 }} }}`",
            settings.profile.name()
        )));
    }
    let topologies = settings.shared.topologies(&settings.bench.suite).map_err(Refusal::misused)?;
    let Some(topology) = topologies.first() else {
        return Err(Refusal::misused("none of the scenarios can be run against a target that runs already"));
    };
    let made = target::render(&settings.profile, topology, &stormproof, (&args.out, args.port))
        .map_err(|error| Refusal::misused(format!("the configuration cannot be made: {error}")))?;
    keep_environment(&args.out, &made)
        .map_err(|error| Refusal::machine(&format!("cannot write into `{}`", args.out.display()), &error))?;
    Ok(next_steps(args, &run, &settings, &made))
}

/// Leaves the variables for a shell, where nobody else may read them: some are secrets.
fn keep_environment(folder: &Path, made: &Rendered) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(folder.join(ENVIRONMENT))?;
    for (name, value) in &made.environment {
        writeln!(file, "export {name}='{}'", value.replace('\'', r"'\''"))?;
    }
    Ok(())
}

fn next_steps(args: &RenderArgs, run: &RunArgs, settings: &Settings, made: &Rendered) -> String {
    let (_, trials) = settings.shared.counts();
    let mut text = format!("the configuration of `{}` for {trials} trials:\n", settings.profile.name());
    for file in &made.files {
        let _ = writeln!(text, "  {}", file.display());
    }
    let out = args.out.display();
    let _ = writeln!(text, "\nstart it with that, and with the variables in {out}/{ENVIRONMENT}:");
    if made.command.is_empty() {
        let _ = writeln!(text, "  as you always do, listening on port {}", args.port);
    } else {
        let _ = writeln!(text, "  . {out}/{ENVIRONMENT} && {}", made.command.join(" "));
    }
    let _ = writeln!(
        text,
        "\nthen put it to the test, with the same scenarios, ports and seed, and start it anew before each run:"
    );
    let mut words = vec!["stormproof run".to_owned()];
    words.extend(run.what.iter().cloned());
    words.extend(run.options());
    let _ = writeln!(text, "  {}", words.join(" "));
    text
}
