//! `stormproof new`: a commented start for a scenario, a profile or a rule, which is sound as it stands.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use run::Exit;
use scenario::{Document, Source, Suite, SuiteTexts};

use crate::args::{NewArgs, NewKind};
use crate::check::tell_all;
use crate::released::chapters;
use crate::terminal::{say, tell};

const SCENARIO: &str = include_str!("new/scenario.yaml");
const PROFILE: &str = include_str!("new/profile.yaml");
const CONFIGURATION: &str = include_str!("new/config.yaml.j2");
const CHAPTER: &str = include_str!("new/rules.yaml");
const RULE: &str = include_str!("new/rule.yaml");

/// What stands for the name in a template.
const NAME: &str = "NAME";
const TITLE: &str = "TITLE";
/// What stands for the way to the folder of the schemas, and that folder.
const SCHEMAS: &str = "SCHEMAS";
const SCHEMA_FOLDER: &str = ".vscode";

/// Writes a start.
pub(crate) fn new(args: &NewArgs) -> Exit {
    let started = match args.kind {
        NewKind::Scenario => scenario(args),
        NewKind::Profile => profile(args),
        NewKind::Rule => return rule(args),
    };
    told(started)
}

/// Why nothing was written.
enum Refused {
    Name(String),
    There(PathBuf),
    /// The id of a rule that is there.
    Given(String),
    Io(PathBuf, io::Error),
}

fn told(started: Result<String, Refused>) -> Exit {
    match started {
        Ok(next) => {
            say(&next);
            Exit::Sound
        }
        Err(refused) => {
            tell(&refused.told());
            if matches!(refused, Refused::Io(..)) { Exit::Blocked } else { Exit::Misused }
        }
    }
}

impl Refused {
    fn told(&self) -> String {
        match self {
            Self::Name(help) => format!("error: no such name can be given\n  = help: {help}\n"),
            Self::There(path) => format!(
                "error: `{}` is there already, and nothing was written\n  = help: choose another name, or remove it first\n",
                path.display()
            ),
            Self::Given(id) => format!(
                "error: a rule `{id}` is there already, and nothing was written\n  = help: an id is never given twice; `stormproof explain {id}` tells the rule\n"
            ),
            Self::Io(path, error) => format!("error: `{}` cannot be written ({error})\n", path.display()),
        }
    }
}

fn scenario(args: &NewArgs) -> Result<String, Refused> {
    let name = file_name(&args.name)?;
    let folder = folder(args, "scenarios");
    let file = folder.join(format!("{name}.yaml"));
    let title = sentence(&name);
    write_new(&file, &filled(SCENARIO, &folder, &[(TITLE, &title)]))?;
    let shown = file.display();
    Ok(format!(
        "{shown} is written. Next:\n  \
         1. say in it what the upstreams do, what clients send and what you expect\n  \
         2. stormproof check {shown}\n  \
         3. stormproof run {shown}\n\
         stormproof explain WORD tells what a word means; docs/language.md is the whole reference.\n"
    ))
}

fn profile(args: &NewArgs) -> Result<String, Refused> {
    let name = file_name(&args.name)?;
    let folder = folder(args, "fixtures/targets");
    let (file, configuration) =
        (folder.join(format!("{name}.yaml")), folder.join(&name).join("config.yaml.j2"));
    if configuration.exists() {
        return Err(Refused::There(configuration));
    }
    write_new(&file, &filled(PROFILE, &folder, &[(NAME, &name)]))?;
    write_new(&configuration, CONFIGURATION)?;
    let (shown, native) = (file.display(), configuration.display());
    Ok(format!(
        "{shown} and {native} are written. Next:\n  \
         1. say in the profile how your target is started, and what it claims\n  \
         2. write its own configuration as a template in {native}\n  \
         3. stormproof check {shown}\n  \
         4. stormproof probe {shown}, which tells what else it has\n  \
         5. stormproof run rotation --target {shown}\n\
         docs/targets.md goes through it step by step.\n"
    ))
}

/// A rule goes to the end of its chapter, which is begun where there is none.
fn rule(args: &NewArgs) -> Exit {
    let id = args.name.to_uppercase();
    if let Err(refused) = rule_id(&id) {
        return told(Err(refused));
    }
    if is_of_the_contract(&id) {
        return told(Err(Refused::Given(id)));
    }
    let folder = folder(args, "scenarios");
    let file = folder.join("rules.yaml");
    let text = match Document::read(&file) {
        Ok(document) if is_there(&document, &id) => return told(Err(Refused::Given(id))),
        Ok(_) => match fs::read_to_string(&file) {
            Ok(chapter) => format!("{}\n\n{}", chapter.trim_end(), RULE.replace(NAME, &id)),
            Err(error) => return told(Err(Refused::Io(file, error))),
        },
        Err(_) if !file.exists() => format!("{}{}", begun(&folder), RULE.replace(NAME, &id)),
        Err(error) => return tell_all(&error),
    };
    // A chapter may end with something else than its rules.
    let source = Source { name: file.display().to_string(), text: text.clone() };
    if let Err(error) = Suite::of(SuiteTexts { chapters: vec![source], ..SuiteTexts::default() }) {
        tell("error: with the rule at its end the chapter would be wrong, and nothing was written\n\n");
        return tell_all(&error);
    }
    told(write_rule(&file, &text, &id, &folder))
}

/// Whether a chapter has a rule with this id.
fn is_there(chapter: &Document, id: &str) -> bool {
    chapter.root.get("rules").is_some_and(|rules| rules.get(id).is_some())
}

/// Whether the contract has a rule with this id.
fn is_of_the_contract(id: &str) -> bool {
    Suite::read(&[], chapters()).is_ok_and(|contract| contract.rules.get(id).is_some())
}

/// The head of a chapter that is called as its folder.
fn begun(folder: &Path) -> String {
    let name = folder.file_name().map_or("rules".into(), |name| name.to_string_lossy());
    filled(CHAPTER, folder, &[(NAME, &name)])
}

fn write_rule(file: &Path, text: &str, id: &str, folder: &Path) -> Result<String, Refused> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| Refused::Io(folder.to_owned(), error))?;
    }
    fs::write(file, text).map_err(|error| Refused::Io(file.to_owned(), error))?;
    Ok(format!(
        "{id} is written at the end of {}. Next:\n  \
         1. say what it asks, how binding it is and where it comes from\n  \
         2. write the scenario that proves it: stormproof new scenario NAME --in {}\n  \
         3. name the defect under which that scenario turns red\n",
        file.display(),
        folder.display()
    ))
}

/// A name that makes a file's: lower-case words with hyphens between them.
fn file_name(name: &str) -> Result<String, Refused> {
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(letters) || name.starts_with('-') {
        let help =
            "write lower-case words with hyphens between them, such as `next-key-on-429`; `--in` says where";
        return Err(Refused::Name(help.to_owned()));
    }
    Ok(name.to_owned())
}

fn rule_id(id: &str) -> Result<(), Refused> {
    let (letters, digits) = id.split_once('-').unwrap_or_default();
    let sound = letters.len() == 3
        && digits.len() == 3
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let help = "the id of a rule is three letters, a hyphen and three digits, such as `ROT-001`";
    if sound { Ok(()) } else { Err(Refused::Name(help.to_owned())) }
}

fn folder(args: &NewArgs, usual: &str) -> PathBuf {
    args.folder.clone().unwrap_or_else(|| PathBuf::from(usual))
}

/// `next-key-on-429` as the beginning of a sentence.
fn sentence(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A template with its names filled in. Without the schemas in a folder above, editors are told where to find none.
fn filled(template: &str, folder: &Path, names: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (placeholder, name) in names {
        text = text.replace(placeholder, name);
    }
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let up = absolute
        .ancestors()
        .position(|above| above.join(SCHEMA_FOLDER).join("scenario.schema.json").is_file());
    match up {
        Some(up) => text.replace(SCHEMAS, &format!("{}{SCHEMA_FOLDER}", "../".repeat(up))),
        None => text.lines().filter(|line| !line.contains(SCHEMAS)).map(|line| format!("{line}\n")).collect(),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), Refused> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Refused::There(path.to_owned()),
        _ => Refused::Io(path.to_owned(), error),
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_a_file_s_and_a_sentence() {
        for name in ["next-key-on-429", "storm"] {
            assert!(file_name(name).is_ok(), "{name}");
        }
        for name in ["", "Storm", "a/b", "../a", "-a", "a b", ".yaml"] {
            assert!(file_name(name).is_err(), "{name}");
        }
        assert_eq!(sentence("next-key-on-429"), "Next key on 429");
    }

    #[test]
    fn a_rule_s_id_is_three_letters_and_three_digits() {
        assert!(rule_id("ROT-001").is_ok());
        for id in ["ROT", "ROT-1", "ROTA-001", "rot-001", ""] {
            assert!(rule_id(id).is_err(), "{id}");
        }
    }
}
