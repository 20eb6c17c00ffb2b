//! What is served, resolved: the world of a file, and the names by which its timelines are fired.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use run::Exit;
use scenario::{Case, World, nearest, read_worlds};

use crate::args::UpstreamsArgs;
use crate::released::chapters;
use crate::settings::{Refusal, fresh_seed};
use crate::terminal::renderer;

/// A world with all that has to be known of it to serve it.
pub(crate) struct Served {
    pub(crate) file: String,
    pub(crate) case: Option<String>,
    pub(crate) world: World,
    pub(crate) seed: u64,
    /// A number that no other run has in its marks.
    pub(crate) mark: u64,
    /// The phases that timelines wait for.
    pub(crate) phases: BTreeSet<String>,
    /// The names of the timelines' entries.
    pub(crate) entries: BTreeSet<String>,
}

impl Served {
    /// Reads the file, and takes the case that was asked for.
    pub(crate) fn resolve(args: &UpstreamsArgs) -> Result<Self, Refusal> {
        let cases = read_worlds(&args.world, chapters())
            .map_err(|error| Refusal { message: error.draw(&renderer()), exit: Exit::Misused })?;
        let file = args.world.display().to_string();
        let case = chosen(cases, args.case.as_deref(), &file)?;
        let world = case.scenario.world;
        if world.upstreams.0.is_empty() {
            return Err(Refusal::misused(format!("`{file}` has no upstream that could be served")));
        }
        let timelines = || world.upstreams.0.iter().flat_map(|(_, upstream)| &upstream.timeline);
        let phases = timelines().filter_map(|entry| Some(entry.during.as_ref()?.value.clone())).collect();
        let entries = timelines().filter_map(|entry| entry.label().map(str::to_owned)).collect();
        Ok(Self {
            file,
            case: case.name,
            seed: args.seed.or(case.scenario.seed).unwrap_or_else(fresh_seed),
            mark: RandomState::new().hash_one(SystemTime::now()),
            phases,
            entries,
            world,
        })
    }
}

fn chosen(mut cases: Vec<Case>, asked: Option<&str>, file: &str) -> Result<Case, Refusal> {
    let names: Vec<String> = cases.iter().filter_map(|case| case.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let listed = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match asked {
        None if cases.len() == 1 => Ok(cases.remove(0)),
        None if cases.is_empty() => Err(Refusal::misused(format!("`{file}` is no scenario and no world"))),
        None => {
            let message = format!("`{file}` has {} cases, each with a world of its own", cases.len());
            Err(Refusal::misused(format!("{message}\n  = help: choose one with `--case`: {}", listed())))
        }
        Some(asked) => match cases.iter().position(|case| case.name.as_deref() == Some(asked)) {
            Some(place) => Ok(cases.remove(place)),
            None => {
                let help = match nearest(asked, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if names.is_empty() => "it has no cases: leave `--case` out".to_owned(),
                    None => format!("the cases are: {}", listed()),
                };
                Err(Refusal::misused(format!("no case of `{file}` is called `{asked}`\n  = help: {help}")))
            }
        },
    }
}
