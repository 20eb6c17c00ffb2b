//! `stormproof list`: trials with their titles and the rules that they prove, or what is covered by them.

use run::{Exit, trial_name};

use crate::args::ListArgs;
use crate::check::tell_all;
use crate::coverage::coverage;
use crate::released::read_suite;
use crate::terminal::say;

/// Lists trials.
pub(crate) fn list(args: &ListArgs) -> Exit {
    let suite = match read_suite(&args.paths) {
        Ok(suite) => suite,
        Err(error) => return tell_all(&error),
    };
    if args.coverage {
        return coverage(args, &suite);
    }
    let mut text = String::new();
    for file in &suite.scenarios {
        for case in &file.cases {
            let mut rules: Vec<&str> = Vec::new();
            for expectation in &case.scenario.expect {
                if !rules.contains(&expectation.rule.value.as_str()) {
                    rules.push(&expectation.rule.value);
                }
            }
            let (name, title) = (trial_name(file, case), &case.scenario.title.value);
            text.push_str(&format!(
                "{name}\n    {title}\n    {}: {}\n",
                case.scenario.stage.word(),
                rules.join(", ")
            ));
        }
    }
    say(&text);
    Exit::Sound
}
