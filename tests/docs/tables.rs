//! The tables of the book that are made of the schemas, between `<!-- keys: Plan -->` and `<!-- end -->`.

use scenario::{Field, KeyDoc, PartDoc, Subject, rules_words, scenario_words};

use crate::{BOOK, is_made_by_the_code, text};

const END: &str = "<!-- end -->\n";
/// How the names of the parts end that hold the comparators of a kind of values.
const COMPARISON: &str = "Comparison";
/// The comparator that stands for all of them in the table of a claim.
const A_COMPARATOR: &str = "at_least";

#[test]
fn the_tables_of_the_language_are_the_code_s() {
    let parts: Vec<PartDoc> = scenario_words().into_iter().chain(rules_words()).collect();
    let mut made = String::new();
    let book = text(BOOK);
    let mut rest = book.as_str();
    while let Some(at) = rest.find("<!-- ") {
        let line = rest[at..].find('\n').map_or(rest.len(), |end| at + end + 1);
        let what = rest[at + 5..line].trim_end().trim_end_matches("-->").trim();
        made.push_str(&rest[..line]);
        let end = rest[line..].find(END).unwrap_or_else(|| panic!("no end behind `{what}`"));
        made.push_str(&table(what, &parts));
        made.push_str(END);
        rest = &rest[line + end + END.len()..];
    }
    made.push_str(rest);
    is_made_by_the_code(BOOK, &made);
}

#[test]
fn every_part_of_the_language_has_its_table() {
    let book = text(BOOK);
    let asked: Vec<&str> = book
        .lines()
        .filter_map(|line| line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.split_once(": "))
        .flat_map(|(_, names)| names.split(", "))
        .collect();
    // The fields and the comparators have tables of their own.
    let elsewhere =
        |name: &str| ["Field", "Condition", "KeyByUse"].contains(&name) || name.ends_with("Comparison");
    // Their keys are those of the rows above them.
    let shared = ["Witness", "Dialect"];
    let missing: Vec<String> = scenario_words()
        .into_iter()
        .chain(rules_words())
        .filter(|part| part.keys.len() + part.words.len() > 1)
        .map(|part| part.name)
        .filter(|name| {
            !asked.contains(&name.as_str()) && !elsewhere(name) && !shared.contains(&name.as_str())
        })
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_key_and_every_word_of_the_language_stands_in_the_book() {
    let book = text(BOOK);
    let mut missing = Vec::new();
    for part in scenario_words().into_iter().chain(rules_words()) {
        let keys = part.keys.into_iter().map(|key| key.key);
        for name in keys.chain(part.words.into_iter().map(|word| word.word)) {
            if !book.contains(&format!("`{name}`")) {
                missing.push(format!("{} of {}", name, part.name));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// A table of the book: `keys: Plan, Window`, `words: Stage`, `fields` or `comparators`.
fn table(what: &str, parts: &[PartDoc]) -> String {
    let (kind, names) = what.split_once(": ").unwrap_or((what, ""));
    let named = |name: &str| {
        parts.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no part is called `{name}`"))
    };
    let names: Vec<&str> = names.split(", ").collect();
    match (kind, names.as_slice()) {
        ("fields", _) => fields(parts),
        ("comparators", _) => comparators(parts),
        ("words", [name]) => words(named(name)),
        ("keys", [name]) => keys("", &[named(name)], parts),
        ("keys", names) => keys("| of ", &names.iter().map(|name| named(name)).collect::<Vec<_>>(), parts),
        _ => panic!("no table is called `{what}`"),
    }
}

/// Every comparator with the kinds of values that it compares.
fn comparators(parts: &[PartDoc]) -> String {
    let tests: Vec<&PartDoc> = parts.iter().filter(|part| part.name.ends_with(COMPARISON)).collect();
    let whole = |word: &str| tests.iter().filter(|test| test.keys.iter().any(|key| key.key == word)).count();
    let mut table = String::from("| comparator | compares | meaning | example |\n|---|---|---|---|\n");
    let mut told: Vec<&str> = Vec::new();
    for (test, key) in tests.iter().flat_map(|test| test.keys.iter().map(move |key| (test, key))) {
        if told.contains(&key.key.as_str()) {
            continue;
        }
        told.push(&key.key);
        let compares = match whole(&key.key) {
            count if count == tests.len() => "everything",
            _ if test.name == format!("Text{COMPARISON}") => "a text",
            _ => "what has an order: all but texts and flags",
        };
        let cells = [format!("`{}`", key.key), compares.to_owned(), key.about.clone(), examples(key)];
        table.push_str(&row(&cells));
    }
    table
}

/// Whether a key of a claim is one of the comparators, which have a table of their own.
fn is_comparator(part: &PartDoc, key: &KeyDoc, parts: &[PartDoc]) -> bool {
    let mut tests = parts.iter().filter(|part| part.name.ends_with(COMPARISON));
    !part.name.ends_with(COMPARISON)
        && part.keys.iter().any(|key| key.key == "is")
        && tests
            .any(|test| test.keys.iter().any(|known| (&known.key, &known.about) == (&key.key, &key.about)))
}

fn keys(of: &str, parts: &[&PartDoc], all: &[PartDoc]) -> String {
    let rule = if of.is_empty() { "" } else { "|---" };
    let mut table =
        format!("{of}| key | value | default | meaning | example |\n{rule}|---|---|---|---|---|\n");
    for part in parts {
        let own = part.keys.iter().filter(|key| key.key == A_COMPARATOR || !is_comparator(part, key, all));
        for key in own {
            let compares = is_comparator(part, key, all);
            if !of.is_empty() {
                table.push_str(&format!("| {} ", part.title));
            }
            let default = match &key.default {
                _ if key.required => "required",
                Some(default) => default,
                None => "-",
            };
            let (name, about) = if compares {
                ("a comparator".to_owned(), "What it must be; see [conditions](#conditions).")
            } else {
                (format!("`{}`", key.key), key.about.as_str())
            };
            let cells = [name, key.value.clone(), default.to_owned(), about.to_owned(), examples(key)];
            table.push_str(&row(&cells));
        }
    }
    table
}

fn words(part: &PartDoc) -> String {
    let mut table = String::from("| word | meaning |\n|---|---|\n");
    for word in &part.words {
        table.push_str(&row(&[format!("`{}`", word.word), word.about.clone()]));
    }
    table
}

fn fields(parts: &[PartDoc]) -> String {
    let mut table = String::from("| field | of | value | meaning | example |\n|---|---|---|---|---|\n");
    let condition = parts.iter().find(|part| part.name == "Condition").expect("conditions");
    for (key, (word, field, _)) in condition.keys.iter().zip(Field::ALL) {
        assert_eq!(key.key, *word);
        let of: Vec<&str> = field.subjects().iter().map(|subject: &Subject| subject.word()).collect();
        let value = key.value.trim_start_matches("a test of ").to_owned();
        table.push_str(&row(&[format!("`{word}`"), of.join(", "), value, key.about.clone(), examples(key)]));
    }
    table
}

fn examples(key: &KeyDoc) -> String {
    key.examples.iter().map(|example| format!("`{example}`")).collect::<Vec<_>>().join(", ")
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}
