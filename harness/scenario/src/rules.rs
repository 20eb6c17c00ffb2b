//! The contract's rules, as `rules.yaml` of each chapter states them.

use crate::model::Capability;
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::read::{At, Named, Read, part, words};

part! {
    /// A chapter of the contract.
    "a chapter of rules" => Chapter {
        /// Its name.
        chapter: String,
        /// Its rules, by their ids.
        rules: Named<Rule>,
    }
}

part! {
    /// One sentence of the contract.
    "a rule" => Rule {
        /// How binding it is.
        level: Level,
        /// The version of the contract that it came with.
        since: String,
        /// The sentence.
        says: String,
        /// The capabilities without which it asks nothing of a target.
        needs: Vec<Capability>,
        /// Why it is asked.
        why: Option<String>,
        /// Where it comes from.
        sources: Vec<RuleSource>,
        /// The defects under which a scenario that proves it turns red.
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
        /// What kind of place it is.
        kind: SourceKind,
        /// The place: `owner/repository#number` for an issue, a name for a document.
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
    span: Span,
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

    /// Every rule, in the order in which the chapters were read.
    pub fn iter(&self) -> impl Iterator<Item = &KnownRule> {
        self.rules.iter()
    }

    /// Adds the rules of a chapter.
    pub(crate) fn read_chapter(&mut self, root: &Node, problems: &mut Vec<Problem>) {
        let Some(chapter) = Chapter::read(root, problems) else { return };
        for (id, rule) in chapter.rules.0 {
            self.add(&chapter.chapter, id, rule, problems);
        }
    }

    /// Adds the rules of another reading whose ids are not known yet.
    pub(crate) fn add_unknown(&mut self, others: Self) {
        for rule in others.rules {
            if self.get(&rule.id).is_none() {
                self.rules.push(rule);
            }
        }
    }

    fn add(&mut self, chapter: &str, id: At<String>, rule: Rule, problems: &mut Vec<Problem>) {
        if !is_rule_id(&id.value) {
            let problem = Problem::new(id.span, format!("`{}` is no rule's id", id.value));
            problems.push(problem.help("three capitals, a hyphen, three digits: `ROT-001`"));
        } else if let Some(first) = self.get(&id.value) {
            let problem = Problem::new(id.span, format!("a second rule `{}`", id.value));
            problems.push(problem.also(first.span, "the first one"));
        } else {
            let span = id.span;
            self.rules.push(KnownRule { id: id.value, chapter: chapter.to_owned(), rule, span });
        }
    }
}

fn is_rule_id(id: &str) -> bool {
    matches!(id.as_bytes(), [a, b, c, b'-', d, e, f]
        if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) && [d, e, f].iter().all(|byte| byte.is_ascii_digit()))
}
