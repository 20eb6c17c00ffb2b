//! `stormproof explain`: what a rule asks, what a scenario shows, or what a word of the language means.

mod book;
mod rule;
mod scenario_file;
mod word;

use std::path::{Path, PathBuf};

use run::Exit;
use scenario::{Suite, nearest};

use crate::args::ExplainArgs;
use crate::check::tell_all;
use crate::probe;
use crate::released::{chapters, contract};
use crate::terminal::{say, tell};

const SCENARIOS: &str = "scenarios";
/// How many columns a line may have.
const WIDEST: usize = 100;

/// Explains a rule, a scenario or a word.
pub(crate) fn explain(args: &ExplainArgs) -> Exit {
    let asked = args.what.trim();
    let paths = paths(args);
    let (suite, unsound) = match Suite::read(&paths, chapters()) {
        _ if paths.is_empty() => (contract(), false),
        Ok(suite) => (suite, false),
        // A rule or a word can be explained though a scenario somewhere is wrong; what the user named must be sound.
        Err(error) if !args.paths.is_empty() || Path::new(asked).is_file() => return tell_all(&error),
        Err(_) => (contract(), true),
    };
    let mut texts: Vec<String> = Vec::new();
    texts.extend(rule::explained(asked, &suite).or_else(|| rule::explained(asked, &probe::suite().ok()?)));
    texts.extend(scenario_file::explained(asked, &suite));
    let language = word::Language::whole();
    texts.extend(word::explained(asked, &language));
    texts.extend(book::explained(asked));
    if texts.is_empty() {
        tell(&unknown(asked, &suite, &language));
        return Exit::Misused;
    }
    if unsound {
        tell("warning: the scenarios are left out, for some are wrong; `stormproof check` tells what\n\n");
    }
    say(&texts.join("\n"));
    Exit::Sound
}

/// Where scenarios are looked for: where the user says, in the file that is asked about, or in the usual folder.
fn paths(args: &ExplainArgs) -> Vec<PathBuf> {
    let file = PathBuf::from(&args.what);
    if !args.paths.is_empty() {
        args.paths.clone()
    } else if file.is_file() {
        vec![file]
    } else if Path::new(SCENARIOS).is_dir() {
        vec![PathBuf::from(SCENARIOS)]
    } else {
        Vec::new()
    }
}

fn unknown(asked: &str, suite: &Suite, language: &word::Language) -> String {
    let message = format!("error: no rule, scenario or word of the language is called `{asked}`");
    let ids: Vec<&str> = suite.rules.ids().collect();
    let rule = nearest(&asked.to_uppercase(), &ids).map(str::to_owned);
    let mut words = word::known(language);
    words.extend(book::known());
    let near: Vec<String> = rule
        .into_iter()
        .chain(scenario_file::near(asked, suite))
        .chain(word::near(asked, &words))
        .map(|name| format!("`{name}`"))
        .collect();
    let help = match near.as_slice() {
        [] => "`docs/language.md` tells every word, `stormproof list` every scenario".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    format!("{message}\n  = help: {help}\n")
}

/// A text of several lines, set off to the right.
fn indented(text: &str, by: &str) -> String {
    text.trim().lines().map(|line| format!("{by}{line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A text of one line, broken where lines get long; those after the first begin with as many blanks as asked for.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > indent && column + 1 + width > WIDEST {
            lines.push_str(&format!("\n{:indent$}", ""));
            column = indent;
        } else if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words() {
        let word = "a".repeat(40);
        assert_eq!(wrapped(&format!("{word} {word} {word}"), 4), format!("{word} {word}\n    {word}"));
        assert_eq!(wrapped("short", 4), "short");
    }

    #[test]
    fn the_contract_inside_the_command_is_sound() {
        assert!(contract().rules.get("ROT-001").is_some());
    }
}
