//! The contract's rules, as `rules.yaml` of each chapter states them.

use std::collections::BTreeSet;

use crate::contract_version::ContractVersion;
use crate::model::Capability;
use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Named, Read, part, words};

part! {
    /// A chapter of the contract.
    "a chapter of rules" => Chapter {
        /// Its name. For example `chapter: rotation`.
        chapter: String,
        /// Its rules, by their ids.
        /// For example `rules: { ROT-001: { level: MUST, since: "1.0", says: A 429 on one key leads to another healthy
        /// key. } }`.
        rules: Named<Rule>,
    }
}

part! {
    /// One sentence of the contract.
    "a rule" => Rule {
        /// How binding it is. For example `level: MUST`.
        level: Level,
        /// The version of the contract that it came with. For example `since: "1.0"`.
        since: String,
        /// The sentence.
        /// For example `says: A 429 on one key leads to another healthy key within the same client request.`.
        says: String,
        /// The capabilities without which it asks nothing of a target. For example `needs: [key-pool]`.
        needs: Vec<Capability>,
        /// Why it is asked. For example `why: A pool of keys exists so that one limited key costs nothing.`.
        why: Option<String>,
        /// Where it comes from. For example `sources: [{ kind: issue, at: "owner/repository#12" }]`.
        sources: Vec<RuleSource>,
        /// The defects under which a scenario that proves it turns red.
        /// For example `killed_by: [retries-the-same-key]`.
        killed_by: Vec<String>,
    }
}

words! {
    /// How binding a rule is.
    "a level" => Level {
        /// Breaking it loses data, money or safety, or wedges clients.
        "MUST" => Must,
        /// Good practice, with legitimate exceptions that a profile may declare.
        "SHOULD" => Should,
        /// Reported, never failed.
        "MAY" => May,
    }
}

part! {
    /// Where a rule comes from.
    "a source" => RuleSource {
        /// What kind of place it is. For example `kind: docs`.
        kind: SourceKind,
        /// The place: `owner/repository#number` for an issue, a name for a document.
        /// For example `at: RFC 9110, section 10.2.3`.
        at: String,
    }
}

words! {
    /// What kind of place a rule comes from.
    "a kind of source" => SourceKind {
        /// A report of a real bug.
        "issue" => Issue,
        /// A provider's or a router's documentation.
        "docs" => Docs,
        /// A standard.
        "standard" => Standard,
        /// What any user would take for granted.
        "baseline" => Baseline,
    }
}

impl std::fmt::Display for RuleSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            SourceKind::Baseline => f.write_str("what any user would take for granted"),
            SourceKind::Issue | SourceKind::Docs | SourceKind::Standard => f.write_str(&self.at),
        }
    }
}

/// The rules that are known, by id.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<KnownRule>,
    /// The ids in chapters that could not be read, so that whoever cites them is not told that they do not exist.
    unread: BTreeSet<String>,
}

/// A rule with its id and chapter.
#[derive(Clone, Debug)]
pub struct KnownRule {
    /// Its id: `ROT-001`.
    pub id: String,
    /// The chapter that states it.
    pub chapter: String,
    /// The rule.
    pub rule: Rule,
}

impl KnownRule {
    /// The version of the contract that it came with.
    #[must_use]
    pub fn since(&self) -> Option<ContractVersion> {
        ContractVersion::parse(&self.rule.since)
    }
}

impl Rules {
    /// The rule of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&KnownRule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Every id.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.id.as_str())
    }

    /// The version of the contract that they make up: that of the newest.
    #[must_use]
    pub fn version(&self) -> Option<ContractVersion> {
        self.rules.iter().filter_map(KnownRule::since).max()
    }

    /// Every rule, in the order in which the chapters were read.
    pub fn iter(&self) -> impl Iterator<Item = &KnownRule> {
        self.rules.iter()
    }

    /// Adds the rules of a chapter.
    pub(crate) fn read_chapter(&mut self, root: &Node, problems: &mut Vec<Problem>) {
        let stated = root.get("rules").and_then(Node::entries).unwrap_or_default();
        for entry in stated.iter().filter(|entry| !is_rule_id(&entry.key)) {
            let problem = Problem::new(entry.key_span, format!("`{}` is no rule's id", entry.key));
            problems.push(problem.help("three capitals, a hyphen, three digits: `ROT-001`"));
        }
        let Some(Chapter { chapter, rules, .. }) = Chapter::read(root, problems) else {
            self.unread.extend(stated.iter().map(|entry| entry.key.clone()));
            return;
        };
        for (id, rule) in rules.0 {
            if ContractVersion::parse(&rule.since).is_none() {
                let problem =
                    Problem::new(id.span, format!("`since: {}` is no version of the contract", rule.since));
                problems.push(problem.help("two numbers in quotes: `since: \"1.0\"`"));
            }
            self.rules.push(KnownRule { id: id.value, chapter: chapter.clone(), rule });
        }
    }

    /// Whether a chapter states a rule of this id, be it one that could not be read.
    pub(crate) fn is_stated(&self, id: &str) -> bool {
        self.get(id).is_some() || self.unread.contains(id)
    }

    /// Adds the rules of another reading whose ids are not known yet.
    pub(crate) fn add_unknown(&mut self, others: Self) {
        self.unread.extend(others.unread);
        for rule in others.rules {
            if self.get(&rule.id).is_none() {
                self.rules.push(rule);
            }
        }
    }
}

fn is_rule_id(id: &str) -> bool {
    matches!(id.as_bytes(), [a, b, c, b'-', d, e, f]
        if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) && [d, e, f].iter().all(|byte| byte.is_ascii_digit()))
}
