//! The schemas for editors: those in `.vscode/` are the code's, every key is described, and what is sound is valid.

use std::fs;
use std::path::{Path, PathBuf};

use scenario::{Document, Node, Value, rules_schema, rules_words, scenario_schema, scenario_words};
use serde_json::Value as Json;

use crate::validator::mistakes;
use crate::{is_made_by_the_code, path, text};

/// Each kind of file with its schema, and what `.vscode/settings.json` maps it to.
fn schemas() -> [(&'static str, Json, &'static str); 3] {
    [
        ("scenario", scenario_schema(), "scenarios/**/*.yaml"),
        ("rules", rules_schema(), "scenarios/**/rules.yaml"),
        ("profile", target::profile_schema(), "fixtures/targets/*.yaml"),
    ]
}

#[test]
fn the_schemas_for_editors_are_the_code_s() {
    let settings = text(".vscode/settings.json");
    for (kind, schema, files) in schemas() {
        is_made_by_the_code(&format!(".vscode/{kind}.schema.json"), &format!("{schema:#}\n"));
        let line = settings.lines().find(|line| line.contains(&format!(".vscode/{kind}.schema.json")));
        assert!(
            line.is_some_and(|line| line.contains(&format!("\"{files}\""))),
            "{kind} is not mapped to {files}"
        );
    }
}

#[test]
fn every_key_of_every_schema_is_described() {
    for (kind, schema, _) in schemas() {
        let mut bare = Vec::new();
        let definitions = schema["$defs"].as_object().expect("definitions");
        for (name, definition) in definitions {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                let described =
                    |part: &Json| part["description"].as_str().is_some_and(|text| !text.is_empty());
                let through =
                    property["$ref"].as_str().and_then(|part| schema.pointer(part.strip_prefix('#')?));
                if !described(property) && !through.is_some_and(described) {
                    bare.push(format!("{name}.{key}"));
                }
            }
        }
        assert!(definitions.len() > 1 && bare.is_empty(), "{kind}: {bare:?}");
    }
}

#[test]
fn every_key_of_a_scenario_and_of_a_rule_has_an_example() {
    let keys = scenario_words().into_iter().chain(rules_words()).flat_map(|part| part.keys);
    let bare: Vec<String> = keys.filter(|key| key.examples.is_empty()).map(|key| key.key).collect();
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn what_is_sound_is_valid_for_an_editor() {
    let [scenario, rules, profile] = schemas().map(|(_, schema, _)| schema);
    let mut checked = 0;
    for file in files_below("scenarios").into_iter().chain(files_below("src/new")) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let schema = match name.as_str() {
            // Halves of a chapter.
            "rules.yaml" | "rule.yaml" if file.starts_with(path("src/new")) => continue,
            "rules.yaml" => &rules,
            "profile.yaml" => &profile,
            _ => &scenario,
        };
        is_valid(schema, &file);
        checked += 1;
    }
    for file in files_in("fixtures/targets").into_iter().chain(files_in("fixtures/targets/broken")) {
        is_valid(&profile, &file);
        checked += 1;
    }
    let chapter = [text("src/new/rules.yaml"), text("src/new/rule.yaml")].concat();
    is_valid(&rules, &OwnFile::with("chapter", &chapter).0);
    assert!(checked > 10, "only {checked} files were found");
}

#[test]
fn what_is_wrong_is_marked() {
    let schema = scenario_schema();
    for (from, to) in
        [("title:", "titel:"), ("keys: 3", "keys: three"), ("repeat: 3", "repeat: -1"), ("10s", "10")]
    {
        let whole = text("src/new/scenario.yaml");
        assert!(whole.contains(from), "{from}");
        let file = OwnFile::with("wrong", &whole.replace(from, to));
        let found = mistakes(&schema, &read(&file.0));
        // A value of `let` can be anything.
        assert_eq!(found.is_empty(), from == "10s", "`{to}` instead of `{from}`: {found:?}");
    }
}

/// A file for the time of a test.
struct OwnFile(PathBuf);

impl OwnFile {
    fn with(name: &str, text: &str) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.yaml", std::process::id()));
        fs::write(&file, text).expect("a file");
        Self(file)
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn is_valid(schema: &Json, file: &Path) {
    let found = mistakes(schema, &read(file));
    assert!(found.is_empty(), "{}:\n{}", file.display(), found.join("\n"));
}

fn read(file: &Path) -> Json {
    let document = Document::read(file).unwrap_or_else(|error| {
        panic!("{}", error.draw(&annotate_snippets::Renderer::plain()));
    });
    json_of(&document.root)
}

fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.node))).collect()
        }
    }
}

/// The YAML files in a folder.
fn files_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")).flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_yaml(path)).collect();
    files.sort();
    files
}

/// The YAML files in a folder and the folders in it.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = files_in(folder);
    for entry in fs::read_dir(path(folder)).expect("a folder").flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&format!("{folder}/{}", entry.file_name().to_string_lossy())));
        }
    }
    files
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml")
}
