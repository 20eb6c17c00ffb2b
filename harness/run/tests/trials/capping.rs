//! Runs that may do only so much, and phases whose target stays away.

use std::time::{Duration, Instant};

use record::Verdict;
use scenario::Money;
use stormproof_run::Caps;

use crate::ground::Parts;

const PRICES: &str =
    "  prices: { version: '1', models: { m: { input: 10 USD per 1M, output: 20 USD per 1M } } }";
const PRICED: &str = "  paid: { model: m, prompt: ping, max_tokens: 100 }";

pub(crate) fn a_run_sends_no_more_requests_than_it_may() {
    for traffic in [
        "  - { step: s, send: ask, repeat: 50 }",
        "  - { phase: p, closed: { clients: 4, lasts: 60s }, send: ask }",
        "  - { phase: p, closed: { clients: 2, lasts: 60s }, send: ask }\n  - { phase: q, beside: p, open: { rate: 100/s }, send: ask }",
    ] {
        let caps = Caps { requests: Some(12), ..Caps::default() };
        let ran = Parts { traffic, caps, ..Parts::default() }.run("");
        ran.is_blocked("the run has sent all that it may: its cap is 12 requests");
        assert_eq!(ran.record.exchanges, 12, "{traffic}");
    }
}

pub(crate) fn a_run_that_stays_within_its_caps_is_judged_as_any_other() {
    let caps = Caps { requests: Some(5), time: Some(Duration::from_secs(600)), ..Caps::default() };
    let traffic = "  - { step: s, send: ask, repeat: 2 }\n  - { phase: p, burst: 3, send: ask }";
    Parts { traffic, caps, ..Parts::default() }.run("").passes();
}

pub(crate) fn a_run_spends_no_more_than_it_may() {
    // A prompt of one token and an answer of at most a hundred, at 10 USD and 20 USD for a million.
    let caps = Caps { cost: Some(Money { micros: 2_010 * 3 }), ..Caps::default() };
    let traffic = "  - { phase: p, closed: { clients: 1, lasts: 60s }, send: paid }";
    let ran = Parts { world: PRICES, requests: PRICED, traffic, caps, ..Parts::default() }.run("");
    ran.is_blocked("its cap is 0.00603 USD");
    assert_eq!(ran.record.exchanges, 3);
}

pub(crate) fn a_run_ends_when_its_time_is_over() {
    let caps = Caps { time: Some(Duration::from_millis(1_500)), ..Caps::default() };
    let traffic = "  - { phase: p, open: { rate: 20/s, lasts: 60s }, send: ask }";
    let began = Instant::now();
    let ran = Parts { traffic, caps, ..Parts::default() }.run("");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    ran.is_blocked("the time of the run is over: its cap is 1500ms");
}

pub(crate) fn what_was_broken_before_a_cap_was_reached_stays_broken() {
    let caps = Caps { requests: Some(3), ..Caps::default() };
    let traffic = "  - { step: s, send: ask, repeat: 50 }";
    let expect = "\n  - { rule: TST-001, say: s, exchanges: { every: { status: 503 } } }";
    let ran = Parts { traffic, expect, caps, ..Parts::default() }.run("");
    assert_eq!(ran.record.judged[0].verdict, Verdict::Fail);
}

pub(crate) fn a_phase_whose_target_stays_away_ends_by_itself() {
    let router = "{ models: { m: { pool: u } }, must_start: false }";
    let traffic = "  - { phase: p, open: { rate: 50/s, lasts: 120s }, send: ask }";
    let began = Instant::now();
    let ran = Parts { router, traffic, ..Parts::default() }.run_started("", "--no-such-word");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    ran.is_blocked("nobody listened at the target any more: ");
}
