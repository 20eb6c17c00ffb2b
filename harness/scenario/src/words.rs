//! The words of the language as data: what `explain` tells and the book's tables are made of. They are read from the
//! schemas, so that nothing is said twice.

use serde_json::{Map, Value};

use crate::flow::flow;
use crate::schema::{rules_schema, scenario_parts};

/// A part of the language: a map with its keys, or a closed list of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartDoc {
    /// Its name in the schema: `ScriptEntry`.
    pub name: String,
    /// As a message calls it: `a script entry`.
    pub title: String,
    /// What it is.
    pub about: String,
    /// Its keys.
    pub keys: Vec<KeyDoc>,
    /// Its words.
    pub words: Vec<WordDoc>,
    /// Where it stands in the file, the nearest place first: `world.upstreams.NAME.script[]`. Empty for the file itself.
    pub places: Vec<String>,
}

/// A key of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDoc {
    /// The key.
    pub key: String,
    /// What it means.
    pub about: String,
    /// What its values are: `a duration`.
    pub value: String,
    /// Whether it must be there.
    pub required: bool,
    /// What counts where it is missing: in the language's notation between backticks, or in words.
    pub default: Option<String>,
    /// Examples, each with the key: `keys: 4`.
    pub examples: Vec<String>,
}

/// A word of a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordDoc {
    /// The word.
    pub word: String,
    /// What it means.
    pub about: String,
}

/// More words than this are no list that fits beside a key.
const MOST_WORDS: usize = 8;

/// The parts of a scenario's file. The first one is the scenario.
#[must_use]
pub fn scenario_words() -> Vec<PartDoc> {
    parts_of(&scenario_parts())
}

/// The parts of a file of rules. The first one is the chapter.
#[must_use]
pub fn rules_words() -> Vec<PartDoc> {
    parts_of(&rules_schema())
}

/// The parts that a schema defines, in the order in which they are met from its root.
#[must_use]
pub fn parts_of(schema: &Value) -> Vec<PartDoc> {
    let Some(definitions) = schema.get("$defs").and_then(Value::as_object) else { return Vec::new() };
    let mut met: Vec<(String, Vec<String>)> = Vec::new();
    meet(schema, "", &mut met);
    let mut next = 0;
    while let Some((name, places)) = met.get(next).cloned() {
        next += 1;
        if let (Some(definition), Some(place)) = (definitions.get(&name), places.first()) {
            references(definition, place, &mut met);
        }
    }
    let made = met.into_iter().filter_map(|(name, places)| {
        let places = places.into_iter().filter(|place| !place.is_empty()).collect();
        part(name.clone(), definitions.get(&name)?, places, definitions)
    });
    made.collect()
}

/// The keys of a schema that have no example which their reader accepts.
#[must_use]
pub fn without_example(schema: &Value) -> Vec<String> {
    let keys = |part: PartDoc| {
        let bare = part.keys.into_iter().filter(|key| key.examples.is_empty() || key.about.is_empty());
        bare.map(|key| format!("{}.{}", part.name, key.key)).collect::<Vec<_>>()
    };
    parts_of(schema).into_iter().flat_map(keys).collect()
}

/// Collects the definitions that a schema refers to, each with the places at which it stands.
fn references(schema: &Value, place: &str, met: &mut Vec<(String, Vec<String>)>) {
    meet(schema, place, met);
    for any in ["anyOf", "oneOf"] {
        for one in schema.get(any).and_then(Value::as_array).into_iter().flatten() {
            references(one, place, met);
        }
    }
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let inner = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        references(property, &inner, met);
    }
    if let Some(item) = schema.get("items") {
        references(item, &format!("{place}[]"), met);
    }
    if let Some(named) = schema.get("additionalProperties").filter(|named| named.is_object()) {
        references(named, &format!("{place}.NAME"), met);
    }
}

fn meet(schema: &Value, place: &str, met: &mut Vec<(String, Vec<String>)>) {
    let Some(name) = referred(schema) else { return };
    match met.iter_mut().find(|(known, _)| known == name) {
        Some((_, places)) if places.iter().any(|known| known == place) => {}
        Some((_, places)) => places.push(place.to_owned()),
        None => met.push((name.to_owned(), vec![place.to_owned()])),
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

fn part(
    name: String,
    schema: &Value,
    places: Vec<String>,
    definitions: &Map<String, Value>,
) -> Option<PartDoc> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let keys = properties
        .map(|(key, schema)| KeyDoc::of(key, schema, required.contains(&key.as_str()), definitions));
    let words = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().filter_map(|word| {
        Some(WordDoc { word: text(word, "const")?, about: text(word, "description").unwrap_or_default() })
    });
    let (keys, words): (Vec<KeyDoc>, Vec<WordDoc>) = (keys.collect(), words.collect());
    let title = text(schema, "title")?;
    let about = text(schema, "description").unwrap_or_default();
    (keys.len() + words.len() > 0).then_some(PartDoc { name, title, about, keys, words, places })
}

impl KeyDoc {
    fn of(key: &str, schema: &Value, required: bool, definitions: &Map<String, Value>) -> Self {
        let about = text(schema, "description").unwrap_or_default();
        let (about, told) = told_default(&about);
        let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
        Self {
            key: key.to_owned(),
            about,
            value: value(schema, definitions),
            required,
            default: schema.get("default").map(|default| format!("`{}`", flow(default))).or(told),
            examples: examples.map(|example| format!("{key}: {}", flow(example))).collect(),
        }
    }
}

/// A meaning without the words that tell what counts where the key is missing: "Which requests; all if missing."
fn told_default(about: &str) -> (String, Option<String>) {
    let told = about.strip_suffix(" if missing.").and_then(|about| about.rsplit_once("; "));
    match told {
        Some((about, default)) => (format!("{about}."), Some(default.trim_end_matches(',').to_owned())),
        None => (about.to_owned(), None),
    }
}

/// What the values of a schema are, in words.
fn value(schema: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(definition) = referred(schema).and_then(|name| definitions.get(name)) {
        let words: Vec<String> = definition
            .get("oneOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|word| text(word, "const").map(|word| format!("`{word}`")))
            .collect();
        return match words.len() {
            1..=MOST_WORDS => words.join(", "),
            _ => text(definition, "title").unwrap_or_default(),
        };
    }
    if let Some(title) = text(schema, "title") {
        return title;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => "a whole number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("string") => "a text".to_owned(),
        Some("array") => {
            format!("a list, each {}", value(schema.get("items").unwrap_or(&Value::Null), definitions))
        }
        Some("object") => {
            let each = schema.get("additionalProperties").unwrap_or(&Value::Null);
            format!("names, each with {}", value(each, definitions))
        }
        _ => "anything".to_owned(),
    }
}

fn text(schema: &Value, keyword: &str) -> Option<String> {
    schema.get(keyword)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario_schema;

    fn find<'p>(parts: &'p [PartDoc], part: &str, key: &str) -> &'p KeyDoc {
        let part = parts.iter().find(|found| found.name == part).unwrap();
        part.keys.iter().find(|found| found.key == key).unwrap()
    }

    #[test]
    fn every_key_is_documented_and_has_an_example_that_its_reader_accepts() {
        assert_eq!(without_example(&scenario_parts()), Vec::<String>::new());
        assert_eq!(without_example(&rules_schema()), Vec::<String>::new());
    }

    #[test]
    fn every_word_of_a_closed_list_is_documented() {
        let parts = scenario_words().into_iter().chain(rules_words());
        let bare: Vec<String> = parts
            .flat_map(|part| part.words)
            .filter(|word| word.about.is_empty())
            .map(|word| word.word)
            .collect();
        assert_eq!(bare, Vec::<String>::new());
    }

    #[test]
    fn a_default_is_told_in_the_language_s_own_notation_or_in_words() {
        let parts = scenario_words();
        for (part, key, default) in [
            ("Scenario", "stage", Some("`hermetic`")),
            ("Exec", "within", Some("`30s`")),
            ("StreamShape", "gap", Some("`0s`")),
            ("Plan", "shared", Some("`false`")),
            ("Plan", "reply", Some("`{ error: rate_limit }`")),
            ("Step", "repeat", Some("`1`")),
            ("ScriptEntry", "when", Some("all")),
            ("Scenario", "title", None),
        ] {
            assert_eq!(find(&parts, part, key).default.as_deref(), default, "{part}.{key}");
        }
        assert!(find(&parts, "Scenario", "title").required && !find(&parts, "ScriptEntry", "when").required);
    }

    #[test]
    fn a_part_tells_where_it_stands_and_a_key_what_its_values_are() {
        let parts = scenario_words();
        assert_eq!(parts[0].name, "Scenario");
        let plan = parts.iter().find(|part| part.name == "Plan").unwrap();
        assert_eq!(plan.places, ["world.upstreams.NAME.plans[]"]);
        for (part, key, value) in [
            ("Scenario", "world", "the world"),
            ("Upstream", "plans", "a list, each a plan"),
            ("World", "upstreams", "names, each with an upstream"),
            ("Plan", "at_once", "a whole number"),
            ("Phase", "against", "`direct`, `paired`"),
            ("Exec", "within", "a duration"),
        ] {
            assert_eq!(find(&parts, part, key).value, value, "{part}.{key}");
        }
    }

    #[test]
    fn the_schema_lets_any_value_be_filled_in_and_any_map_be_imported() {
        let schema = scenario_schema();
        let at = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
        assert_eq!(at("/$defs/ModelSettings/properties/retries/anyOf/1/$ref"), "#/$defs/Filled");
        assert_eq!(at("/$defs/Upstream/properties/use/$ref"), "#/$defs/Use");
        assert_eq!(at("/$defs/Phase/else/required/0"), "phase");
        assert_eq!(schema.pointer("/$defs/Upstream/else"), None, "an import may lie under the whole world");
    }
}
