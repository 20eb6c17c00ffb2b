//! Questions about what follows from a failure, a hint, an answer that is over, and the settings.

use std::path::PathBuf;
use std::sync::Barrier;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;

use super::{Row, told};
use crate::accounts::{AnswerForm, Balance, LedgerPlace, MicroUsd, RowState, Tokens};
use crate::apis::{Effect, Trouble};
use crate::exchange::{BackoffSettings, QueueSettings};
use crate::metrics::Page;
use crate::policy::Policies;
use crate::provider::{Failure, Limit, Patience, Unfit};
use crate::tenants::TenantIndex;
use crate::usage::UsageReport;

const SECOND: Duration = Duration::from_secs(1);
const LIMITED: Failure = Failure::Limited { hint: None };
const QUEUE: QueueSettings = QueueSettings { max: 3, wait: SECOND };

pub(super) const ROWS: &[Row] = &[
    // Hints.
    ("ignores-retry-after", |p| told(p.hints.cooldown(Limit::Rate, Some(5 * SECOND), None)), "5s", "0ns"),
    ("keeps-the-latest-hint", |p| told(end_of_a_long_one(p)), "60s", "1s"),
    ("trusts-a-key-at-once", |p| told(p.hints.probes(1)), "Some(1)", "None"),
    ("keeps-cooldowns-to-itself", |p| told(p.hints.tells_others()), "true", "false"),
    ("takes-slow-down-for-a-key-limit", |p| told(p.hints.slows_down()), "true", "false"),
    (
        "takes-every-limit-for-a-spike",
        |p| told(p.hints.taken_for(LIMITED)),
        "Limited { hint: None }",
        "SlowDown { hint: None }",
    ),
    ("keeps-keys-closed", |p| told(p.hints.cooldown(Limit::Rate, Some(SECOND), None)), "1s", "60s"),
    ("rests-for-all-models", |p| told(p.hints.rests_for_one_model()), "true", "false"),
    ("knows-keys-by-their-model", |p| told(p.hints.rests_for_the_account()), "true", "false"),
    ("cools-keys-for-wrong-requests", |p| told(p.hints.counts(Failure::Final)), "false", "true"),
    ("never-closes-failing-keys", |p| told(p.hints.most_failures(Some(3))), "Some(3)", "None"),
    ("closes-keys-at-the-first-failure", |p| told(p.hints.most_failures(Some(3))), "Some(3)", "Some(1)"),
    ("takes-dead-keys-for-limited", |p| told(p.hints.rest_of_the_dead()), "3600s", "1s"),
    // What follows a failure.
    ("retries-the-same-key", |p| told(p.retry.after(LIMITED)), "AnotherKey", "Again { no_sooner: 0ns }"),
    ("multiplies-retries", |p| told(p.retry.sends_for_each_attempt(3)), "1", "4"),
    ("makes-one-attempt-too-many", |p| told(p.retry.retries(2)), "2", "3"),
    ("sleeps-before-the-next-key", |p| told(p.retry.before_another_key(LIMITED)), "0ns", "1s"),
    ("hints-one-second", |p| told(p.retry.told_wait(20 * SECOND)), "20s", "1s"),
    ("retries-wrong-requests", |p| told(p.retry.after(Failure::Final)), "Stop", "Again { no_sooner: 0ns }"),
    ("waits-equally-long", |p| told(waits_as_spread(p)), "true", "false"),
    ("falls-back-anyway", |p| told(p.retry.heeds_opting_out()), "true", "false"),
    ("lets-everybody-wait", |p| told(p.retry.queue(QUEUE).max), "3", "4294967295"),
    ("lets-nobody-wait", |p| told(p.retry.queue(QUEUE).max), "3", "0"),
    ("never-falls-back", |p| told(p.retry.falls_back()), "true", "false"),
    ("waits-by-the-first-hint", second_wait, "Again { no_sooner: 2s }", "Again { no_sooner: 1s }"),
    ("sleeps-out-long-hints", |p| told(p.retry.after(hinted(600))), "Stop", "Again { no_sooner: 600s }"),
    ("tells-the-worst-cause", |p| told(p.retry.is_hopeful()), "true", "false"),
    ("goes-round-in-circles", |p| told(p.retry.rounds()), "1", "10"),
    ("takes-too-long-for-an-outage", |p| told(p.retry.minds(Unfit::TooLong)), "true", "false"),
    ("takes-refused-content-for-an-outage", |p| told(p.retry.minds(Unfit::Content)), "true", "false"),
    // Streams.
    ("takes-a-head-for-success", |p| told(p.streams.waits_for_content()), "true", "false"),
    ("begins-broken-streams-again", |p| told(p.streams.begins_again()), "0", "1"),
    ("asks-again-without-end", |p| told(p.streams.begins_again()), "0", "4294967295"),
    ("ends-cut-streams-cleanly", |p| told(p.streams.instead_of_a_break().is_some()), "false", "true"),
    ("writes-with-few-writers", |p| told(p.streams.shared_writers().is_some()), "false", "true"),
    ("limits-the-whole-stream", |p| told(p.streams.whole_within(&PATIENCE)), "None", "Some(1s)"),
    ("takes-anything-for-an-answer", |p| told(p.streams.knows_answers()), "true", "false"),
    // Money.
    ("charges-streams-nothing", |p| told(p.charging.tokens(AnswerForm::Streamed, COUNTED).output), "5", "0"),
    (
        "charges-cached-tokens-in-full",
        |p| told(p.charging.tokens(AnswerForm::Whole, COUNTED).input),
        "1",
        "3",
    ),
    ("charges-only-whole-streams", |p| told(p.charging.books(RowState::Left)), "true", "false"),
    ("charges-retries-twice", |p| told(p.charging.times(3)), "1", "3"),
    ("charges-both-ends", |p| told(p.charging.times(1)), "1", "2"),
    ("charges-failures", |p| told(p.charging.of_a_failure(Tokens::default(), 9).input), "0", "9"),
    ("tells-another-cost", |p| told(p.charging.told(MicroUsd(1), MicroUsd(2))), "MicroUsd(1)", "MicroUsd(2)"),
    ("loses-end-users", |p| told(p.charging.keeps_whom_it_is_for()), "true", "false"),
    ("sums-cumulative-usage", |p| told(p.usage.take(reported(5), reported(7)).output), "Some(7)", "Some(12)"),
    ("checks-budget-after-charge", |p| told(p.budgets.check(&balance(5, 5))), "InDoubt", "Admitted"),
    ("reports-budgets-only", |p| told(p.budgets.check(&balance(10, 0))), "Exceeded", "Admitted"),
    ("keeps-reservations", |p| told(p.budgets.gives_back(RowState::Left)), "true", "false"),
    ("counts-reservations-as-spent", |p| told(p.budgets.gives_back(RowState::Settled)), "true", "false"),
    // How the router is run.
    ("forgets-at-reloads", |p| told(p.upkeep.keeps_what_is_known()), "true", "false"),
    ("is-always-ready", |p| told(p.upkeep.is_ready(false)), "false", "true"),
    ("checks-everything-at-once", |p| told(p.upkeep.checks_at_once() > 100), "false", "true"),
    ("asks-without-a-key", |p| told(p.upkeep.stand_in_key()), "None", "Some(\"none\")"),
    ("opens-admin-paths-to-tenants", |p| told(p.upkeep.opens_to(false, true)), "false", "true"),
    ("lives-by-its-providers", |p| told(p.upkeep.lives_by_providers()), "false", "true"),
    ("tries-keys-at-the-start", |p| told(p.upkeep.checks_every(None).is_some()), "false", "true"),
    ("counts-attempts-as-requests", |p| told(p.upkeep.counts(3)), "1", "3"),
    ("loses-counts", |p| told(counts_all(p)), "true", "false"),
    ("keeps-the-ledger-in-memory", |p| told(keeps_a_file(p)), "true", "false"),
    ("blames-who-served", |p| told(p.upkeep.blames_who_failed()), "true", "false"),
    ("counts-by-any-name", |p| told(has_a_series(p)), "false", "true"),
    // Tenants.
    ("lets-expired-keys-in", |p| told(p.tenancy.lets_in(true)), "false", "true"),
    ("keeps-broken-requests-open", |p| told(p.tenancy.gives_back_broken()), "true", "false"),
    ("counts-refused-requests", |p| told(p.tenancy.counts_refused()), "false", "true"),
    ("counts-limits-alone", |p| told(p.tenancy.counts_together()), "true", "false"),
    ("renews-budgets-late", |p| told(p.tenancy.budget_window(SECOND)), "1s", "10s"),
    ("falls-back-for-everybody", |p| told(p.tenancy.withholds_fallbacks()), "true", "false"),
    ("shares-places-among-tenants", |p| told(p.tenancy.whose_places(TenantIndex::at(2)).get()), "2", "0"),
    ("shows-every-model", |p| told(p.tenancy.shows_all_models()), "false", "true"),
    ("takes-any-model", |p| told(p.tenancy.takes_any_name()), "false", "true"),
    ("repeats-wrong-keys", |p| told(p.tenancy.told_of_stranger("k").is_some()), "false", "true"),
    // Where keys are found.
    ("misses-the-last-key", |p| found(p, &[2, 1]), "K_1 K_2", "K_1"),
    ("orders-keys-as-texts", |p| found(p, &[10, 2]), "K_2 K_10", "K_10 K_2"),
    ("stops-at-a-gap", |p| found(p, &[1, 3]), "K_1 K_3", "K_1"),
    ("takes-blanks-for-keys", |p| told(p.sources.key("  ").is_some()), "false", "true"),
    ("counts-a-key-twice", |p| told(p.sources.counts_once()), "true", "false"),
    (
        "asks-with-keys-of-others",
        |p| told(p.sources.variables(vec!["OPENAI_API_KEY"], false).len()),
        "1",
        "3",
    ),
    ("adds-keys-of-the-environment", |p| told(p.sources.variables(Vec::new(), true).len()), "0", "3"),
    // Services.
    ("ignores-service-limits", |p| told(p.apis.heeds_limits()), "true", "false"),
    ("shifts-too-late", |p| told(p.apis.headroom(800_000)), "800000", "1000000"),
    ("sends-orders-twice", |p| told(p.apis.who_next(Effect::EachTime, Trouble::Lost)), "Nobody", "Anyone"),
    ("leaves-lost-orders-unknown", |p| told(p.apis.looks_up()), "true", "false"),
    ("uses-disabled-apis", |p| told(p.apis.asks_disabled()), "false", "true"),
    ("ignores-health", |p| told(p.apis.heeds_health()), "true", "false"),
    ("always-predicts", |p| told(predicts(p, &[500_000; 9])), "(false, false)", "(true, true)"),
    ("never-predicts", |p| told(predicts(p, &RISING)), "(true, true)", "(false, false)"),
    ("constant-analytics", efficiency, "0.1", "1.0"),
    (
        "gives-up-at-the-first-api",
        |p| told(p.apis.who_next(Effect::None, Trouble::NeverSent)),
        "Anyone",
        "Nobody",
    ),
];

const PATIENCE: Patience = Patience {
    connect: None,
    head: SECOND,
    first_content: Duration::from_secs(2),
    idle: Duration::from_secs(3),
};
const COUNTED: Tokens = Tokens { input: 1, cache_read: 2, cache_write: 0, output: 5, reasoning: 0 };
const RISING: [u64; 7] = [100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000];

fn hinted(seconds: u64) -> Failure {
    Failure::Transient { hint: Some(Duration::from_secs(seconds)) }
}

fn end_of_a_long_one(policies: &Policies) -> Duration {
    let now = Instant::now();
    policies.hints.end(Some(now + 60 * SECOND), now + SECOND) - now
}

fn waits_as_spread(policies: &Policies) -> bool {
    let spread = Duration::from_millis(7);
    policies.retry.wait(spread, &BackoffSettings::default()) == spread
}

fn second_wait(policies: &Policies) -> String {
    policies.retry.after(hinted(1));
    told(policies.retry.after(hinted(2)))
}

fn reported(output: u64) -> UsageReport {
    UsageReport { output: Some(output), ..UsageReport::default() }
}

fn balance(spent: u64, reserved: u64) -> Balance {
    Balance { budget: MicroUsd(10), spent: MicroUsd(spent), reserved: MicroUsd(reserved) }
}

/// Whether all are counted that end in the same moment.
fn counts_all(policies: &Policies) -> bool {
    const MANY: u32 = 8;
    let together = Barrier::new(MANY as usize);
    let count = || {
        together.wait();
        policies.upkeep.counts(1)
    };
    std::thread::scope(|scope| {
        let counting: Vec<_> = (0..MANY).map(|_| scope.spawn(count)).collect();
        counting.into_iter().map(|counted| counted.join().unwrap()).sum::<u32>() == MANY
    })
}

fn keeps_a_file(policies: &Policies) -> bool {
    let set = LedgerPlace::File(PathBuf::from("router.ledger.db"));
    policies.upkeep.ledger_place(&set) == set
}

fn has_a_series(policies: &Policies) -> bool {
    policies.border.arriving(&Bytes::from_static(br#"{"model":"made-up"}"#));
    let mut page = Page::default();
    policies.upkeep.more_metrics(&mut page);
    page.text().contains("made-up")
}

fn found(policies: &Policies, numbers: &[u64]) -> String {
    let numbered = numbers.iter().map(|number| (*number, format!("K_{number}")));
    policies.sources.in_order(numbered.collect()).join(" ")
}

/// What is seen of an API, and of a key.
fn predicts(policies: &Policies, shares: &[u64]) -> (bool, bool) {
    (policies.apis.grows_to_the_limit(shares), policies.choice.prediction()(shares))
}

fn efficiency(policies: &Policies) -> String {
    let counted = json!({ "load_balance_efficiency": 0.1, "suggestions": ["more"] });
    policies.apis.told_analytics(counted)["load_balance_efficiency"].to_string()
}
