//! Whether something holds by what was seen so far, for traffic that waits until it does.

use std::collections::BTreeMap;

use record::{Fact, ToldHeaders};
use scenario::{RowClaim, Rules, Scenario, Sources};

use crate::{BASE_GRACE, Judge, Observable, Question};

/// Whether a claim holds by these facts, which are in the order in which they were written. `told` says where the target tells
/// its clients of an exchange.
#[must_use]
pub fn holds_now(
    scenario: &Scenario,
    claim: &RowClaim,
    facts: &[Fact],
    bounds: &BTreeMap<String, f64>,
    told: &ToldHeaders,
) -> bool {
    let (rules, sources) = (Rules::default(), Sources::default());
    let observable = Observable::everything().with_told(told.clone());
    let question = Question {
        scenario,
        rules: &rules,
        sources: &sources,
        bounds,
        observable: &observable,
        strict: false,
        contract: None,
        base_grace: BASE_GRACE,
    };
    let mut judge = Judge::waiting(question, claim);
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    // Rows are written when they end, by many threads; names and beginnings explain what follows.
    ordered.sort_by_key(|fact| match fact {
        Fact::Entry(_) => None,
        Fact::Exchange(row) => Some(row.end()),
        Fact::Attempt(row) => Some(row.end()),
    });
    for fact in ordered {
        judge.fact(fact);
    }
    judge.holds_so_far()
}

#[cfg(test)]
mod tests {
    use record::{Entry, Moment};
    use scenario::{Seen, Source, Suite, SuiteTexts, Traffic};

    use super::*;

    #[test]
    fn a_line_of_the_log_that_was_written_can_be_waited_for() {
        let text = "
title: waits
world:
  upstreams: { openai: { dialect: openai, keys: 1 } }
  router: { models: { chat: { pool: openai } } }
requests: { ask: { model: chat, prompt: ping } }
traffic:
  - { step: ask, send: ask }
  - { wait_until: { log: { where: { text: { contains: listening } }, count: { at_least: 1 } } }, within: 1s }
witness: [{ attempts: { count: { at_least: 0 } } }]
expect: [{ rule: SYN-001, say: a, exchanges: { every: { status: 200 } } }]
";
        let rules = "chapter: s\nrules: { SYN-001: { level: MUST, since: '1.0', says: something } }\n";
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        let texts = SuiteTexts {
            scenarios: vec![source("waits.yaml", text)],
            chapters: vec![source("rules.yaml", rules)],
            imports: Vec::new(),
        };
        let suite = Suite::of(texts).unwrap_or_else(|error| panic!("{error:?}"));
        let scenario = &suite.scenarios[0].cases[0].scenario;
        let Traffic::WaitUntil(wait) = &scenario.traffic[1] else { panic!("it waits") };
        let Seen::Rows(claim) = &wait.seen else { panic!("for rows") };
        let line = |line: &str| Fact::Entry(Box::new(Entry::Log { at: Moment(1), line: line.to_owned() }));
        let holds =
            |facts: &[Fact]| holds_now(scenario, claim, facts, &BTreeMap::new(), &ToldHeaders::default());
        assert!(!holds(&[line("starting")]));
        assert!(holds(&[line("starting"), line("listening on 1")]));
    }
}
