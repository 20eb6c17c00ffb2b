//! The arrows of ARCHITECTURE.md: who may import whom, asked of `cargo metadata` and not of anybody's memory.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate may import. A crate that is not listed may import nothing of ours.
const ARROWS: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("dialect", &[]),
    ("scenario", &["dialect"]),
    ("upstream", &["scenario", "dialect", "record"]),
    ("load", &["dialect", "record"]),
    ("verdict", &["scenario", "record"]),
    ("target", &["dialect", "scenario", "record"]),
    ("run", &["record", "dialect", "scenario", "upstream", "load", "verdict", "target"]),
    ("report", &["record"]),
    ("router", &[]),
    (
        "stormproof",
        &[
            "record", "dialect", "scenario", "upstream", "load", "verdict", "target", "run", "report",
            "router",
        ],
    ),
];

/// The imports among our own crates, tests and benches included, by short name.
fn imports() -> BTreeMap<String, Vec<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo tells the workspace");
    let short = |name: &str| name.strip_prefix("stormproof-").unwrap_or(name).to_owned();
    let ours: Vec<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let imported = |package: &cargo_metadata::Package| {
        let own = |dependency: &&cargo_metadata::Dependency| {
            ours.contains(&dependency.name) && dependency.kind != DependencyKind::Build
        };
        package.dependencies.iter().filter(own).map(|dependency| short(&dependency.name)).collect()
    };
    metadata.packages.iter().map(|package| (short(&package.name), imported(package))).collect()
}

fn allowed(from: &str) -> &'static [&'static str] {
    ARROWS.iter().find(|(name, _)| *name == from).map_or(&[], |(_, to)| *to)
}

#[test]
fn no_import_arrow_runs_back() {
    let mut wrong = Vec::new();
    for (from, imported) in imports() {
        for to in imported {
            if !allowed(&from).contains(&to.as_str()) {
                wrong.push(format!("`{from}` imports `{to}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not have: {}", wrong.join(", "));
}

#[test]
fn the_router_and_the_harness_never_meet() {
    let imports = imports();
    assert_eq!(imports["router"], [] as [String; 0], "the router imports the harness");
    let meets: Vec<&String> = imports
        .iter()
        .filter(|(name, imported)| *name != "stormproof" && imported.iter().any(|to| to == "router"))
        .map(|(name, _)| name)
        .collect();
    assert!(meets.is_empty(), "the harness imports the router: {meets:?}");
}

#[test]
fn every_crate_of_the_workspace_has_its_arrows() {
    let listed: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for name in imports().keys() {
        assert!(
            listed.contains(&name.as_str()),
            "`{name}` has no arrows in this test and none in ARCHITECTURE.md"
        );
    }
}

#[test]
fn every_source_file_opens_with_a_sentence_on_what_it_is_for() {
    let mut bare = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<_> = ["src", "harness", "router", "tests"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file is text");
                if !text.starts_with("//! ") {
                    bare.push(path.display().to_string());
                }
            }
        }
    }
    assert!(bare.is_empty(), "files that do not say what they are for: {}", bare.join(", "));
}
