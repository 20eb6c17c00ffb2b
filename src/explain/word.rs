//! A word of the language: every meaning that it has, each with the place where it stands, from the schemas.

use scenario::{Comparator, Field, KeyDoc, PartDoc, nearest, parts_of, rules_words, scenario_words};

use crate::explain::wrapped;

/// How wide the column is that tells what a line is.
const COLUMN: usize = 10;

/// More than this many of anything is not read any more.
const MOST_SHOWN: usize = 3;

/// The parts that are told in their own way.
const FIELDS: &str = "Field";
const CONDITION: &str = "Condition";
const COMPARISON: &str = "Comparison";

/// One meaning of a word.
struct Meaning {
    /// What it is: `a key`, `a field`.
    kind: String,
    /// Of what: `a step`.
    of: Vec<String>,
    about: String,
    value: String,
    default: Option<String>,
    places: Vec<String>,
    examples: Vec<String>,
}

/// The parts of every kind of file, each with the kind.
pub(super) struct Language(Vec<(&'static str, PartDoc)>);

/// A word in all its meanings, if it has one.
pub(super) fn explained(asked: &str, language: &Language) -> Option<String> {
    let mut meanings: Vec<Meaning> = Vec::new();
    for (file, part) in &language.0 {
        for meaning in meanings_in(asked, file, part) {
            let same = |known: &&mut Meaning| known.about == meaning.about && known.kind == meaning.kind;
            match meanings.iter_mut().find(same) {
                Some(known) => known.join(meaning),
                None => meanings.push(meaning),
            }
        }
    }
    let told: Vec<String> = meanings.iter().map(|meaning| meaning.told(asked)).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

/// Every word that has a meaning.
pub(super) fn known(language: &Language) -> Vec<String> {
    let words_of = |(_, part): &(_, PartDoc)| {
        let keys = part.keys.iter().map(|key| key.key.clone());
        keys.chain(part.words.iter().map(|word| word.word.clone())).collect::<Vec<_>>()
    };
    let mut known: Vec<String> = language.0.iter().flat_map(words_of).collect();
    known.sort();
    known.dedup();
    known
}

/// The nearest word, and those that begin or end alike.
pub(super) fn near(asked: &str, known: &[String]) -> Vec<String> {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let first = nearest(asked, &names);
    let inside = names.iter().copied().filter(|name| asked.len() >= 4 && name.contains(asked));
    let mut near: Vec<String> = first.into_iter().chain(inside).map(str::to_owned).collect();
    near.dedup();
    near.truncate(MOST_SHOWN);
    near
}

impl Language {
    /// Of scenarios, of chapters of rules, and of profiles.
    pub(super) fn whole() -> Self {
        let of = |file, parts: Vec<PartDoc>| parts.into_iter().map(move |part| (file, part));
        let parts = of("a scenario", scenario_words())
            .chain(of("a rules.yaml", rules_words()))
            .chain(of("a profile", parts_of(&target::profile_schema())));
        Self(parts.collect())
    }
}

fn meanings_in(asked: &str, file: &'static str, part: &PartDoc) -> Vec<Meaning> {
    let mut found = Vec::new();
    // Its words are the keys of a condition, where more is known of them.
    if part.name == FIELDS && asked != "field" {
        return found;
    }
    let bare = part.title.split_once(' ').filter(|(article, _)| ["a", "an", "the"].contains(article));
    if bare.is_some_and(|(_, title)| title == asked) {
        found.push(Meaning::of_part(file, part));
    }
    found.extend(part.keys.iter().filter(|key| key.key == asked).map(|key| Meaning::of_key(file, part, key)));
    found.extend(part.words.iter().filter(|word| word.word == asked).map(|word| Meaning {
        kind: part.title.clone(),
        of: Vec::new(),
        about: word.about.clone(),
        value: String::new(),
        default: None,
        places: placed(file, part.places.iter().cloned()),
        examples: Vec::new(),
    }));
    found
}

/// Places with the kind of file that they stand in.
fn placed(file: &str, places: impl Iterator<Item = String>) -> Vec<String> {
    let places =
        places.map(|place| if place.is_empty() { file.to_owned() } else { format!("{place} of {file}") });
    places.collect()
}

impl Meaning {
    fn of_part(file: &str, part: &PartDoc) -> Self {
        let keys: Vec<String> = part.keys.iter().map(|key| format!("`{}`", key.key)).collect();
        let words: Vec<String> = part.words.iter().map(|word| format!("`{}`", word.word)).collect();
        let value = if keys.is_empty() { words.join(", ") } else { format!("a map of {}", keys.join(", ")) };
        Self {
            kind: part.title.clone(),
            of: Vec::new(),
            about: part.about.clone(),
            value,
            default: None,
            places: placed(file, part.places.iter().cloned()),
            examples: Vec::new(),
        }
    }

    fn of_key(file: &str, part: &PartDoc, key: &KeyDoc) -> Self {
        let field = Field::ALL.iter().find(|(word, ..)| part.name == CONDITION && *word == key.key);
        let (kind, of, places) = match field {
            Some((_, field, _)) => {
                let of = field.subjects().iter().map(|subject| subject.word().to_owned()).collect();
                ("a field", of, vec!["any condition: `when`, `where`, `every`, `none`, ...".to_owned()])
            }
            None if is_comparator(part, key) => {
                let places =
                    "any test of a field, and quantifiers such as `count`, `share` and `sum`".to_owned();
                ("a comparator", Vec::new(), vec![places])
            }
            None => {
                let inside = |place: &String| format!("{place}.{}", key.key);
                let root = part.places.is_empty().then(|| key.key.clone());
                let places = placed(file, part.places.iter().map(inside).chain(root));
                ("a key", vec![part.title.clone()], places)
            }
        };
        Self {
            kind: kind.to_owned(),
            of,
            about: key.about.clone(),
            value: key.value.trim_start_matches("a test of ").to_owned(),
            default: if key.required {
                Some("none, it must be there".to_owned())
            } else {
                key.default.clone()
            },
            places,
            examples: key.examples.clone(),
        }
    }

    /// The same meaning at another place, or of values of another kind.
    fn join(&mut self, other: Self) {
        let add = |all: &mut Vec<String>, more: Vec<String>| {
            for one in more {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        };
        add(&mut self.of, other.of);
        add(&mut self.places, other.places);
        add(&mut self.examples, other.examples);
        if self.value != other.value {
            "of the kind that its place wants".clone_into(&mut self.value);
        }
    }

    fn told(&self, word: &str) -> String {
        let of = if self.of.is_empty() { String::new() } else { format!(" of {}", few(&self.of, ", ")) };
        let mut text = format!("{word}: {}{of}\n    {}\n", self.kind, wrapped(&self.about, 4));
        let mut row = |name: &str, value: &str| {
            if !value.is_empty() {
                text.push_str(&format!("    {name:<COLUMN$}{value}\n"));
            }
        };
        row("value", &wrapped(&self.value, 4 + COLUMN));
        row("default", self.default.as_deref().unwrap_or_default());
        row("stands in", &few(&self.places, "\n              "));
        row("example", &few(&self.examples, "\n              "));
        text
    }
}

/// Whether a key compares values: it stands in a test, or in a claim that compares what it finds.
fn is_comparator(part: &PartDoc, key: &KeyDoc) -> bool {
    let word = Comparator::ALL.iter().find(|(word, ..)| *word == key.key);
    word.is_some_and(|(.., doc)| part.name.ends_with(COMPARISON) || doc.trim().starts_with(&key.about))
}

/// The first few, and how many more there are.
fn few(all: &[String], between: &str) -> String {
    let mut shown = all.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>();
    if all.len() > MOST_SHOWN {
        shown.push(format!("and {} more", all.len() - MOST_SHOWN));
    }
    shown.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_told_with_its_meaning_its_place_and_an_example() {
        for (word, told) in [
            ("cooling", "a field of attempts"),
            ("cooling", "`true` or `false`"),
            ("within", "a comparator"),
            ("retries", "a key of a model"),
            ("freeze", "an operation"),
            ("rate_limit", "an error's name"),
            ("every", "a condition"),
            ("burst", "burst: 50"),
            ("growth", "memory"),
            ("nth_used", "1..2"),
            ("hermetic", "a stage"),
            ("killed_by", "a rules.yaml"),
            ("claims", "a profile"),
            ("at_most", "a comparator"),
            ("plan", "a plan"),
        ] {
            let text = explained(word, &Language::whole()).unwrap_or_else(|| panic!("{word}"));
            assert!(text.contains(told), "`{told}` is not told of {word}:\n{text}");
        }
    }

    #[test]
    fn every_meaning_of_a_word_is_told() {
        let text = explained("at", &Language::whole()).unwrap();
        for of in ["a state over time", "a timeline entry", "a field of exchanges", "a step", "a quantile"] {
            assert!(text.contains(of), "`{of}` is not told:\n{text}");
        }
    }

    #[test]
    fn an_unknown_word_has_a_nearest_one_and_every_known_one_a_meaning() {
        let language = Language::whole();
        let known = known(&language);
        assert_eq!(near("coolng", &known), ["cooling"]);
        assert!(near("zzzzzzzzz", &known).is_empty());
        for word in &known {
            assert!(explained(word, &language).is_some_and(|text| !text.contains("\n    \n")), "{word}");
        }
    }
}
