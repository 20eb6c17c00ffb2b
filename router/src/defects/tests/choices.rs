//! Questions about the choice of keys.

use std::time::Duration;

use tokio::time::Instant;

use super::{Row, told};
use crate::exchange::{OpenKeysInTurn, Walk};
use crate::policy::Policies;
use crate::pool::{Choosing, KeyIndex, Pool, Strategy};

pub(super) const ROWS: &[Row] = &[
    ("gives-up-after-three-keys", |p| told(after(p, 3).is_some()), "true", "false"),
    ("ignores-weights", |p| told(p.choice.strategy(Strategy::Weighted)), "Weighted", "RoundRobin"),
    (
        "takes-the-first-key-for-idle",
        |p| told(p.choice.strategy(Strategy::LeastBusy)),
        "LeastBusy",
        "InOrder",
    ),
    (
        "always-begins-with-the-first-key",
        |p| told(p.choice.strategy(Strategy::Weighted)),
        "Weighted",
        "InOrder",
    ),
    ("disregards-limits", |p| told(p.choice.heeds_limits()), "true", "false"),
    ("uses-keys-to-their-last", |p| told(p.choice.heeds_headroom()), "true", "false"),
    ("forgets-sessions", |p| told(p.choice.heeds_sessions()), "true", "false"),
    ("looks-up-keys-slowly", |p| told(takes(p, 2, 5) >= Duration::from_millis(20)), "false", "true"),
    ("looks-through-all-keys", |p| told(takes(p, 1_000, 3) >= Duration::from_millis(50)), "false", "true"),
    ("remembers-every-request", |p| told(grows(p)), "false", "true"),
];

const HOW: Choosing<'static> =
    Choosing { strategy: Strategy::Weighted, probes: None, claim: None, session: None };

fn pool(keys: usize) -> Pool {
    Pool::new(std::iter::repeat_n(Some(1), keys))
}

/// The choice for an exchange that has tried so many of five keys.
fn after(policies: &Policies, tried: usize) -> Option<crate::exchange::Pick> {
    let mut walk = Walk::new(0);
    (0..tried).for_each(|key| walk.tries(KeyIndex::new(key)));
    policies.choice.choose(&mut pool(5), &walk, HOW, Instant::now())
}

/// The shortest of several choices, since any of them may be interrupted.
fn takes(policies: &Policies, keys: usize, choices: usize) -> Duration {
    let (mut pool, walk) = (pool(keys), Walk::new(0));
    let choice = |_| {
        let begin = std::time::Instant::now();
        policies.choice.choose(&mut pool, &walk, HOW, Instant::now());
        begin.elapsed()
    };
    (0..choices).map(choice).min().unwrap_or_default()
}

/// Whether choices take long that many others came before.
fn grows(policies: &Policies) -> bool {
    takes(policies, 2, 500);
    takes(policies, 2, 3) >= Duration::from_millis(1)
}

#[test]
fn a_key_that_the_operator_disabled_is_taken_once_others_have_failed_only_with_the_defect() {
    for (defect, expected) in [(None, None), (Some("retries-on-disabled-keys"), Some(1))] {
        let policies = super::policies(defect).unwrap();
        let mut pool = Pool::new([Some(1), None].into_iter());
        let mut walk = Walk::new(2);
        walk.tries(KeyIndex::new(0));
        walk.refuses(KeyIndex::new(0));
        let pick = policies.choice.choose(&mut pool, &walk, HOW, Instant::now());
        let chosen = pick.map(|pick| match pick {
            crate::exchange::Pick::Fresh(key) | crate::exchange::Pick::Repeat(key) => key.get(),
        });
        assert_eq!(chosen, expected, "{defect:?}");
    }
}

#[test]
fn what_only_differs_in_its_choice_differs_there() {
    // `retries-the-same-key` and `multiplies-retries` also decide otherwise on what follows a failure.
    let mut walk = Walk::new(2);
    walk.tries(KeyIndex::new(0));
    walk.refuses(KeyIndex::new(0));
    let chosen = |defect| {
        let policies = super::policies(defect).unwrap();
        told(policies.choice.choose(&mut pool(2), &walk, HOW, Instant::now()))
    };
    assert_eq!(chosen(None), "Some(Fresh(KeyIndex(1)))");
    assert_eq!(chosen(Some("retries-the-same-key")), "Some(Repeat(KeyIndex(0)))");
    let mut closed = pool(1);
    let now = Instant::now();
    closed.close(KeyIndex::new(0), crate::pool::Standing::Limited, now + Duration::from_secs(9));
    let mut begun = Walk::new(2);
    begun.tries(KeyIndex::new(7));
    let again = super::policies(Some("multiplies-retries")).unwrap();
    assert!(again.choice.choose(&mut closed, &begun, HOW, now).is_some());
    assert!(crate::exchange::KeyChoice::choose(&OpenKeysInTurn, &mut closed, &begun, HOW, now).is_none());
}
