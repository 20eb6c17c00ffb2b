//! What decides over a verdict beside the rows: level, witness, and whether the trial ran to its end.

use record::Verdict::{Blocked, Fail, Gated, Inconclusive, NotExercised, NotObservable, Pass, Warn};
use record::{Entry, ExchangeId, Moment, Outcome, SourceLine, Unmatched};
use scenario::{ContractVersion, Subject};

use super::evidence::{Case, Evidence, id, judged};
use crate::{Observable, blocked, ignored};

fn one(status: u16) -> Evidence {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 1, status)]);
    evidence
}

fn case(rule: &str, witness: &str) -> Case {
    Case::of(&format!(
        "{witness}expect: [{{ rule: {rule}, say: it holds, exchanges: {{ every: {{ status: 200 }} }} }}]\n"
    ))
}

#[test]
fn the_level_of_the_rule_decides_what_a_fail_is() {
    for (rule, strict, status, expected) in [
        ("SYN-001", false, 429, Fail),
        ("SYN-001", true, 429, Fail),
        ("SYN-002", false, 429, Warn),
        ("SYN-002", true, 429, Fail),
        ("SYN-002", false, 200, Pass),
        ("SYN-003", true, 429, Pass),
        ("SYN-003", false, 200, Pass),
    ] {
        let mut case = case(rule, "");
        case.strict = strict;
        let judged = case.judge(&one(status)).remove(0);
        assert_eq!(judged.verdict, expected, "{rule}, strict {strict}, {status}");
        let need_not = judged.observed.starts_with("it does not hold, and need not");
        assert_eq!((judged.unmet, need_not), (need_not, rule == "SYN-003" && status == 429));
    }
}

#[test]
fn a_rule_that_came_after_the_contract_that_binds_only_warns() {
    for (rule, contract, expected) in [
        ("SYN-001", "1.0", Fail),
        ("SYN-001", "0.9", Warn),
        ("SYN-002", "1.0", Fail),
        ("SYN-002", "0.9", Warn),
        ("SYN-003", "0.9", Pass),
    ] {
        let mut case = case(rule, "");
        (case.strict, case.contract) = (true, ContractVersion::parse(contract));
        assert_eq!(case.judge(&one(429)).remove(0).verdict, expected, "{rule} by {contract}");
    }
}

#[test]
fn a_pass_needs_all_witnesses_and_a_fail_none() {
    let seen = "{ attempts: { where: { script: limited }, count: { at_least: 1 } } }";
    let both = format!("witness: [{{ exchanges: {{ count: 1 }} }}, {seen}]\n");
    let never = "witness: [{ attempts: { where: { status: 500 }, every: { status: 500 } } }]\n";
    for (witness, status, expected) in [
        (both.as_str(), 200, NotExercised),
        (&both, 429, Fail),
        (never, 200, NotExercised),
        (never, 429, Fail),
    ] {
        let judged = case("SYN-001", witness).judge(&one(status)).remove(0);
        assert_eq!(judged.verdict, expected, "{witness} {status}");
    }
    let told = case("SYN-001", &both).judge(&one(200)).remove(0).observed;
    assert_eq!(
        told,
        "what the scenario provokes was not seen: the number of attempts where `script` is limited is at least 1 (seen: 0 attempts)"
    );
}

#[test]
fn a_witness_that_nobody_can_see_supports_no_pass_and_hinders_no_fail() {
    let witness = "witness: [{ attempts: { count: { at_least: 1 } } }]\n";
    for (status, expected) in [(200, NotObservable), (500, Fail)] {
        let mut case = case("SYN-001", witness);
        case.observable = Observable::everything().without(Subject::Attempts, "the upstreams are not ours");
        assert_eq!(case.judge(&one(status)).remove(0).verdict, expected, "{status}");
    }
}

#[test]
fn a_witness_that_did_not_appear_tells_what_came_nearest_to_it() {
    let witness = "witness: [{ attempts: { where: { script: limited }, count: { at_least: 1 } } }]\n";
    let mut evidence = one(200);
    for (nearest, why) in
        [("other", "something else"), ("limited", "`key` is second in the entry, and `first` in the request")]
    {
        evidence.entry(Entry::Unmatched(Unmatched {
            upstream: id("openai"),
            exchange: ExchangeId(0),
            arrived: Moment(0),
            at: Moment(1),
            asked: "POST /v1/chat/completions".to_owned(),
            nearest: id(nearest),
            why: why.to_owned(),
        }));
    }
    let told = case("SYN-001", witness).judge(&evidence).remove(0).observed;
    let near = "; the entry `limited` came nearest to a request that it did not take, POST /v1/chat/completions: \
                `key` is second in the entry, and `first` in the request";
    assert!(told.ends_with(near), "{told}");
}

#[test]
fn a_trial_that_was_cut_short_proves_fails_alone() {
    let mut dead = Evidence::empty();
    dead.began("ask", 0);
    dead.died(50);
    dead.end(Some("the target died: exit status 101"));
    let mut stopped = Evidence::empty();
    stopped.began("ask", 0);
    stopped.end(Some("interrupted"));
    let mut torn = Evidence::empty();
    torn.began("ask", 0);
    for (mut evidence, reason) in [
        (dead, "the target died during the traffic: exit status 101"),
        (stopped, "the traffic did not run to its end: interrupted"),
        (torn, "the evidence stops before the trial was over"),
    ] {
        evidence.tree(0, "ask", 0, &[("first", 1, 200)]);
        evidence.exchange(1, "ask", 20, 10, 0).outcome = Outcome::Abandoned;
        evidence.exchange(2, "ask", 20, 10, 0).outcome = Outcome::Reset;
        for (claim, expected) in [
            ("attempts: { every: { status: 200 } }", Blocked),
            ("attempts: { every: { status: 429 } }", Fail),
            ("attempts: { where: { status: 500 }, every: { status: 429 } }", Blocked),
            ("attempts: { count: { at_least: 2 } }", Blocked),
            ("attempts: { count: 2 }", Blocked),
            ("attempts: { count: { at_most: 0 } }", Fail),
            ("attempts: { count: 0 }", Fail),
            ("attempts: { per: key, count: { at_least: 2 } }", Blocked),
            ("attempts: { per: key, count: { at_most: 0 } }", Fail),
            // Exchange 1 was given up when the trial ended, and 2 was reset, perhaps by the target's death.
            ("exchanges: { every: { status: 200 } }", Blocked),
        ] {
            let judged = judged(claim, &evidence);
            assert_eq!(judged.verdict, expected, "{claim}: {reason}");
            assert!(expected == Fail || judged.observed == reason, "{claim}: {}", judged.observed);
        }
    }
}

#[test]
fn evidence_that_lost_rows_proves_fails_alone() {
    for (exchanges, attempts, status, expected) in
        [(1, 1, 200, Pass), (2, 1, 200, Blocked), (1, 2, 200, Blocked), (1, 2, 429, Fail)]
    {
        let mut evidence = one(status);
        let Some(Entry::End(end)) = evidence.entries.last_mut() else { panic!("no end") };
        (end.exchanges, end.attempts) = (exchanges, attempts);
        let judged = case("SYN-001", "").judge(&evidence).remove(0);
        assert_eq!(judged.verdict, expected, "{exchanges} {attempts} {status}: {}", judged.observed);
    }
}

#[test]
fn a_warning_of_a_trial_that_was_cut_short_is_blocked() {
    let mut evidence = one(429);
    evidence.entries.pop();
    assert_eq!(case("SYN-002", "").judge(&evidence)[0].verdict, Blocked);
}

#[test]
fn where_its_life_is_asked_for_a_target_s_death_is_a_fail_and_blocks_nothing() {
    let asked = Case::of(
        "traffic:\n  - { step: ask, send: ask }\nexpect:\n  \
         - { rule: SYN-001, say: it lives, process: { every: { alive: true } } }\n  \
         - { rule: SYN-001, say: it answers, exchanges: { every: { status: 200 } } }\n",
    );
    let mut evidence = Evidence::empty();
    evidence.began("ask", 0);
    evidence.tree(0, "ask", 0, &[("first", 1, 200)]);
    evidence.died(50);
    evidence.end(Some("the target died: exit status 101"));
    let verdicts: Vec<_> = asked.judge(&evidence).iter().map(|judged| judged.verdict).collect();
    assert_eq!(verdicts, [Fail, NotExercised]);
}

#[test]
fn a_target_that_dies_after_the_traffic_blocks_nothing() {
    let mut evidence = one(200);
    evidence.died(4_500);
    assert_eq!(case("SYN-001", "").judge(&evidence)[0].verdict, Pass);
}

#[test]
fn a_trial_that_is_not_held_has_one_verdict_and_a_reason() {
    let case = case("SYN-001", "");
    let of_blocked = blocked(&case.question(), "the target never became ready");
    let of_gated = ignored(&case.question(), Gated, "`SKIP_STRESS_TESTS` is set");
    for (judged, verdict, reason) in [
        (of_blocked, Blocked, "the target never became ready"),
        (of_gated, Gated, "`SKIP_STRESS_TESTS` is set"),
    ] {
        assert_eq!(judged.len(), 1);
        assert_eq!((judged[0].verdict, judged[0].observed.as_str()), (verdict, reason));
        assert_eq!(judged[0].expected, "every exchange: `status` is 200");
    }
}

#[test]
fn an_expectation_points_at_its_claim() {
    let judged = Case::expecting("exchanges: { every: { status: 200 } }   ").judge(&one(200)).remove(0);
    let SourceLine { file, column, length, text, .. } = judged.line;
    assert_eq!(
        (file.as_str(), text.as_str()),
        ("synthetic.yaml", "    exchanges: { every: { status: 200 } }")
    );
    assert_eq!((column, length), (16, 26));
    assert_eq!((judged.rule.as_str(), judged.say.as_str()), ("SYN-001", "it holds"));
}

#[test]
fn a_number_that_is_known_only_at_the_end_is_not_guessed() {
    let parts = "
measure: { all: { attempts: {}, count: all } }
expect:
  - { rule: SYN-001, say: b, attempts: { per: exchange, count: { at_most: { measured: all } } } }
  - { rule: SYN-001, say: c, attempts: { count: { measured: all } } }
  - { rule: SYN-001, say: d, attempts: { per: key, count: { below: { measured: all } } } }
";
    let judged = Case::of(parts).judge(&one(200));
    let verdicts: Vec<_> = judged.iter().map(|judged| judged.verdict).collect();
    assert_eq!(verdicts, [Inconclusive, Pass, Fail]);
    assert_eq!(judged[0].observed, "`count` needs a number that is known only at the end: measured `all`");
}
