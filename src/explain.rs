//! `stormproof explain`: what a rule asks, why, where it comes from, and by which defects it is shown to be able to fail.

use run::Exit;
use scenario::{KnownRule, Rules, Source, Suite, SuiteTexts, nearest};

use crate::args::ExplainArgs;
use crate::check::tell_all;
use crate::contract::CHAPTERS;
use crate::terminal::{say, tell};

/// Explains a rule.
pub(crate) fn explain(args: &ExplainArgs) -> Exit {
    let suite = if args.paths.is_empty() {
        let chapter =
            |(name, text): &(&str, &str)| Source { name: (*name).to_owned(), text: (*text).to_owned() };
        Suite::of(SuiteTexts { scenarios: Vec::new(), chapters: CHAPTERS.iter().map(chapter).collect() })
    } else {
        Suite::read(&args.paths, CHAPTERS)
    };
    let suite = match suite {
        Ok(suite) => suite,
        Err(error) => return tell_all(&error),
    };
    match suite.rules.get(&args.rule.to_uppercase()) {
        Some(rule) => {
            say(&explained(rule));
            Exit::Sound
        }
        None => {
            tell(&unknown(&args.rule, &suite.rules));
            Exit::Misused
        }
    }
}

fn explained(known: &KnownRule) -> String {
    let rule = &known.rule;
    let mut text =
        format!("{} ({}, {}, since {})\n\n", known.id, rule.level.word(), known.chapter, rule.since);
    text.push_str(&format!("{}\n", rule.says.trim()));
    if let Some(why) = &rule.why {
        text.push_str(&format!("\nWhy:\n{}\n", indented(why)));
    }
    if !rule.needs.is_empty() {
        let needs: Vec<&str> = rule.needs.iter().map(|need| need.word()).collect();
        text.push_str(&format!("\nAsked of targets that claim: {}\n", needs.join(", ")));
    }
    if !rule.sources.is_empty() {
        let sources: Vec<String> = rule.sources.iter().map(|source| format!("  {source}")).collect();
        text.push_str(&format!("\nSources:\n{}\n", sources.join("\n")));
    }
    if !rule.killed_by.is_empty() {
        text.push_str(&format!("\nTurns red under the defects: {}\n", rule.killed_by.join(", ")));
    }
    text
}

fn indented(text: &str) -> String {
    text.trim().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn unknown(id: &str, rules: &Rules) -> String {
    let ids: Vec<&str> = rules.ids().collect();
    let help = match nearest(&id.to_uppercase(), &ids) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the rules are: {}", ids.join(", ")),
    };
    format!("error: no rule is called `{id}`\n  = help: {help}\n")
}
