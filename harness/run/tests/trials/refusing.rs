//! Trials whose target does not start, and trials whose scenario asks for what cannot be done.

use record::{Entry, Verdict};

use crate::ground::Parts;

const REFUSED: &str = "
  - { rule: TST-001, say: refused, exchanges: { every: { outcome: refused } } }
  - { rule: TST-001, say: told, log: { where: { text: { contains: 'no-such-word' } }, count: { at_least: 1 } } }";

pub(crate) fn a_target_that_need_not_start_refuses_and_its_log_is_kept() {
    let traffic = "
  - { step: s, send: ask }
  - { phase: p, burst: 3, send: ask }";
    let router = "{ models: { m: { pool: u } }, must_start: false }";
    let parts = Parts { router, traffic, expect: REFUSED, ..Parts::default() };
    // A word that this program does not know is one that it complains of, and ends.
    let ran = parts.run_started("", "--no-such-word");
    ran.passes();
    assert_eq!(ran.record.exchanges, 4);
}

pub(crate) fn a_target_that_has_to_start_and_does_not_is_blocked() {
    let ran = Parts { expect: REFUSED, ..Parts::default() }.run_started("", "--no-such-word");
    ran.is_blocked("the target did not start");
}

pub(crate) fn a_mistake_of_the_scenario_blocks_the_trial_whoever_judges_it() {
    // The prompt of this request is none that a header can hold.
    let upstream = "{ dialect: openai, keys: 1, reply: { headers: { x-said: '{{ request.prompt }}' } } }";
    let traffic = "
  - { step: s, send: ask }
  - { step: t, send: { like: ask, prompt: \"a\\nb\" }, against: direct }";
    let expect = "
  - { rule: TST-001, say: fails, exchanges: { where: { step: s }, every: { status: 500 } } }
  - { rule: TST-001, say: holds, exchanges: { where: { step: s }, every: { status: 200 } } }";
    let ran = Parts { upstream, traffic, expect, ..Parts::default() }.run("");
    let mistakes = ran.entries.iter().filter(|entry| matches!(entry, Entry::Mistake(_))).count();
    assert_eq!(mistakes, 1);
    ran.is_blocked("the scenario asks for what cannot be done");
    assert_eq!(ran.record.verdict, Verdict::Blocked);
}
