//! The policy of deny.toml where cargo-deny is not installed: licences, sources, banned crates, duplicate versions.

use std::collections::BTreeMap;

use cargo_metadata::{Metadata, MetadataCommand, Package};
use serde::Deserialize;

#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
    #[serde(default)]
    skip: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

fn policy() -> Policy {
    let text = include_str!("../deny.toml");
    toml::from_str(text).expect("deny.toml is as this test reads it")
}

/// Every package that is really built on this platform, tests included.
fn packages() -> Vec<Package> {
    let metadata: Metadata = MetadataCommand::new()
        .other_options(["--filter-platform".to_owned(), "x86_64-unknown-linux-gnu".to_owned()])
        .exec()
        .expect("cargo tells the graph");
    let used: Vec<_> = metadata.resolve.expect("a graph").nodes.into_iter().map(|node| node.id).collect();
    metadata.packages.into_iter().filter(|package| used.contains(&package.id)).collect()
}

/// Whether an SPDX expression of `OR`, `AND` and parentheses can be met from a list, reading `WITH` as its licence.
fn meets(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at, allowed) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at, allowed);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let met = any_of(words, at, allowed);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    allowed.iter().any(|licence| licence == word)
}

#[test]
fn an_expression_of_licences_is_met_by_one_side_of_an_or_and_both_sides_of_an_and() {
    let allowed = ["MIT".to_owned(), "Zlib".to_owned()];
    for (expression, met) in [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("Apache-2.0/MIT", true),
        ("MIT AND Apache-2.0", false),
        ("(Apache-2.0 OR MIT) AND Zlib", true),
        ("Apache-2.0 WITH LLVM-exception OR Zlib", true),
        ("GPL-3.0", false),
    ] {
        assert_eq!(meets(expression, &allowed), met, "{expression}");
    }
}

#[test]
fn every_crate_is_under_a_licence_that_the_policy_allows() {
    let allowed = policy().licenses.allow;
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(|licence| meets(licence, &allowed)))
        .map(|package| format!("{} ({})", package.name, package.license.as_deref().unwrap_or("none")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join(", "));
}

#[test]
fn every_crate_comes_from_the_registry_or_from_here() {
    let foreign = |package: &&Package| {
        package.source.as_ref().is_some_and(|source| {
            !source.repr.starts_with("registry+") && !source.repr.starts_with("sparse+")
        })
    };
    let wrong: Vec<String> =
        packages().iter().filter(foreign).map(|package| package.name.to_string()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join(", "));
}

#[test]
fn no_banned_crate_is_in_the_graph() {
    let banned: Vec<String> = policy().bans.deny.into_iter().map(|banned| banned.name).collect();
    let found: Vec<String> = packages()
        .iter()
        .map(|package| package.name.to_string())
        .filter(|name| banned.contains(name))
        .collect();
    assert!(found.is_empty(), "{}", found.join(", "));
}

#[test]
fn no_crate_is_there_in_two_versions_but_those_that_the_policy_names() {
    let skipped: Vec<String> = policy().bans.skip.into_iter().map(|skipped| skipped.name).collect();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        versions.entry(package.name.to_string()).or_default().push(package.version.to_string());
    }
    let twice: Vec<String> = versions
        .iter()
        .filter(|(name, versions)| versions.len() > 1 && !skipped.contains(name))
        .map(|(name, versions)| format!("{name} {}", versions.join(" and ")))
        .collect();
    assert!(twice.is_empty(), "{}", twice.join(", "));
    let unused: Vec<&String> =
        skipped.iter().filter(|name| versions.get(*name).is_none_or(|all| all.len() < 2)).collect();
    assert!(unused.is_empty(), "deny.toml skips what is there only once: {unused:?}");
}
