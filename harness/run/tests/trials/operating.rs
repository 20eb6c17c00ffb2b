//! What is done to a target while phases run.

use record::Verdict;

use crate::ground::Parts;

const PHASE: &str = "  - { phase: p, open: { rate: 50/s, lasts: 400ms }, send: ask }";

pub(crate) fn a_target_is_operated_again_and_again_while_a_phase_runs() {
    let traffic = format!("{PHASE}\n  - {{ operate: reload, beside: p, after: 100ms, every: 50ms }}");
    let ran = Parts { traffic: &traffic, ..Parts::default() }.run("");
    ran.passes();
    let (done, failed) = ran.operated();
    assert_eq!(failed, 0);
    assert!((2..=7).contains(&done), "every 50 ms from 100 ms to 400 ms: {done}");
    let traffic = format!("{PHASE}\n  - {{ operate: reload, beside: p, after: 100ms }}");
    let once = Parts { traffic: &traffic, ..Parts::default() }.run("");
    once.passes();
    assert_eq!(once.operated(), (1, 0));
}

pub(crate) fn a_reload_gives_the_target_other_settings() {
    let traffic = format!(
        "  - {{ step: before, get: config }}\n{PHASE}
  - {{ operate: reload, beside: p, router: {{ models: {{ m: {{ pool: u }}, further: {{ pool: u }} }} }} }}
  - {{ step: after, get: config }}
  - {{ operate: reload }}
  - {{ step: again, get: config }}"
    );
    let expect = "
  - { rule: TST-001, say: before, exchanges: { where: { step: [before, again] }, none: { body: { contains: further } } } }
  - { rule: TST-001, say: after, exchanges: { where: { step: after }, every: { body: { contains: further } } } }";
    let parts = Parts { traffic: &traffic, expect, ..Parts::default() };
    parts.run("paths: { config: /config }").passes();
}

pub(crate) fn an_operation_that_comes_too_late_is_told() {
    let traffic = format!("{PHASE}\n  - {{ operate: reload, beside: p, after: 5s }}");
    let ran = Parts { traffic: &traffic, ..Parts::default() }.run("");
    ran.is_blocked("phase `p` was over before 5s had passed");
    assert_eq!(ran.operated(), (1, 1));
}

pub(crate) fn an_operation_that_fails_beside_a_phase_ends_the_trial() {
    let traffic = "  - { phase: p, open: { rate: 20/s, lasts: 20s }, send: ask }\n  \
                   - { operate: thaw, beside: p, after: 100ms, every: 100ms }";
    let ran = Parts { traffic, ..Parts::default() }.run("");
    ran.is_blocked("thaw: it is not frozen");
    assert_eq!(ran.operated(), (1, 1));
    assert!(ran.record.took_ms < 15_000, "nobody waits for the phase: {} ms", ran.record.took_ms);
    assert_eq!(ran.record.verdict, Verdict::Blocked);
}
