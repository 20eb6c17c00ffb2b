//! What a sample says of the long run: estimates of shares, and how values are distributed.
//!
//! Both have error rates. A target that just keeps its promise is accused no more often than `false_alarm`; a breach as large as
//! `notices` is seen nine times in ten, or the sample is too small to pass. What does not offend tells the smallest breach that so many
//! rows would have shown, nine times in ten.

use scenario::{Comparator, DistributionClaim, EstimateClaim, Literal, Operand, Share};

use crate::chance::{Binomial, ChiSquare, WHOLE};
use crate::numbers::{Inconclusive, Weighed};
use crate::offence::Weight;

/// How often a breach that must be noticed may be missed, in millionths.
const MISSED: u64 = 100_000;

/// How many of each value are expected at least before the chi-square distribution is near enough.
const LEAST_EXPECTED: u64 = 5;

/// The long-run share of what satisfies a condition.
pub(crate) fn estimate(
    claim: &EstimateClaim,
    hits: u64,
    tries: u64,
    all: &str,
) -> Result<Weighed, Inconclusive> {
    let Some((lower_limit, limit)) = limit_of(claim) else {
        return Err(Inconclusive::Unknown("its limit is no share".to_owned()));
    };
    if tries == 0 {
        return Err(Inconclusive::TooFew("there is nothing to estimate from".to_owned()));
    }
    // Offences are what there must not be much of: misses under a lower limit, hits under an upper one.
    let offence_share = |share: u64| if lower_limit { WHOLE.saturating_sub(share) } else { share };
    let offences = if lower_limit { tries - hits } else { hits };
    let allowed = Binomial::new(tries, (offence_share(limit).into(), WHOLE.into()));
    let critical = allowed.critical(claim.false_alarm.millionths.into());
    let observed = format!(
        "{hits} of {all}; {} from {critical} on are more than chance explains",
        if lower_limit { "misses" } else { "hits" }
    );
    let numbers = vec![
        (if lower_limit { "misses" } else { "hits" }.to_owned(), offences.to_string()),
        ("most that chance explains".to_owned(), critical.saturating_sub(1).to_string()),
    ];
    if offences >= critical {
        return Ok(Weighed { weight: Weight::OffendsSoFar, observed, numbers });
    }
    let is_noticed = |offences: u64| {
        Binomial::new(tries, (offences.into(), WHOLE.into())).hardly_ever_at_most(critical - 1, MISSED)
    };
    let smallest = smallest_noticed(offence_share(limit), WHOLE, is_noticed).map(|offences| {
        format!("{} or {}", share(offence_share(offences)), if lower_limit { "less" } else { "more" })
    });
    if !is_noticed(offence_share(claim.notices.millionths.into())) {
        let smallest = smallest.map_or("nothing at all".to_owned(), |share| format!("only {share}"));
        let reason =
            format!("{all} are too few to notice {} reliably: they would show {smallest}", claim.notices);
        return Err(Inconclusive::TooWeak(reason));
    }
    let smallest =
        smallest.map_or_else(String::new, |share| format!("; {share} would be seen nine times in ten"));
    Ok(Weighed { weight: Weight::Holds, observed: observed + &smallest, numbers })
}

/// Breaches are told in steps of so many millionths, rounded away from what is allowed.
const STEP: u64 = 100;

/// The smallest breach above what is allowed, and up to the largest that there can be, that is noticed, if any is. Whatever is larger is
/// noticed as well.
fn smallest_noticed(allowed: u64, largest: u64, is_noticed: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut unnoticed, mut noticed) = (allowed / STEP, largest.div_ceil(STEP));
    if !is_noticed(largest) {
        return None;
    }
    while noticed - unnoticed > 1 {
        let middle = unnoticed.midpoint(noticed);
        if is_noticed(middle * STEP) { noticed = middle } else { unnoticed = middle }
    }
    Some((noticed * STEP).min(largest))
}

fn share(millionths: u64) -> Share {
    Share { millionths: u32::try_from(millionths).unwrap_or(u32::MAX) }
}

/// Whether it is a lower limit, and the limit in millionths.
fn limit_of(claim: &EstimateClaim) -> Option<(bool, u64)> {
    let [comparison] = claim.test.comparisons.as_slice() else { return None };
    let [Operand::Literal(Literal::Share(share))] = comparison.right.as_slice() else { return None };
    Some((comparison.comparator == Comparator::AtLeast, share.millionths.into()))
}

/// How the values of a field are distributed: so many of all rows have each of the values that have a weight.
pub(crate) fn distribution(
    claim: &DistributionClaim,
    counted: &[u64],
    tries: u64,
) -> Result<Weighed, Inconclusive> {
    let named: u64 = counted.iter().sum();
    let numbers: Vec<(String, String)> = claim
        .weights
        .iter()
        .zip(counted)
        .map(|((name, weight), count)| (format!("`{}` (weight {weight})", name.value), count.to_string()))
        .collect();
    let observed = || {
        let parts =
            claim.weights.iter().zip(counted).map(|((name, _), count)| format!("{count} `{}`", name.value));
        parts.collect::<Vec<_>>().join(", ")
    };
    let unwanted = claim.weights.iter().zip(counted).find(|((_, weight), count)| *weight == 0 && **count > 0);
    if named < tries || unwanted.is_some() {
        let observed = format!("{}, and {} of a value that has no weight", observed(), tries - named);
        return Ok(Weighed { weight: Weight::Offends, observed, numbers });
    }
    let weights: Vec<(u64, u64)> = claim
        .weights
        .iter()
        .zip(counted)
        .filter(|((_, weight), _)| *weight > 0)
        .map(|((_, weight), count)| (u64::from(*weight), *count))
        .collect();
    let whole: u64 = weights.iter().map(|(weight, _)| weight).sum();
    let degrees = u32::try_from(weights.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let critical = ChiSquare::new(degrees).critical_thousandths(claim.false_alarm.millionths.into());
    let rarest = weights.iter().map(|(weight, _)| *weight).min().unwrap_or(1);
    let least = LEAST_EXPECTED.saturating_mul(whole).div_ceil(rarest);
    // No share can change by more than the largest may lose or the smallest may gain.
    let shares = weights.iter().map(|(weight, _)| weight * WHOLE / whole.max(1));
    let largest = shares.map(|share| share.max(WHOLE - share)).max().unwrap_or(WHOLE);
    let noticed =
        || smallest_noticed(0, largest, |change| notices_any(change, &weights, tries, critical)).map(share);
    let takes = || match enough(claim, &weights, tries.max(least), critical) {
        Some(enough) => format!("{enough} are enough"),
        None => format!("more than {MOST_TRIED} are needed"),
    };
    if tries < least {
        let reason = format!(
            "{tries} are too few: at least {LEAST_EXPECTED} of each value have to be expected; {}",
            takes()
        );
        return Err(Inconclusive::TooFew(reason));
    }
    let statistic = statistic_thousandths(&weights, whole, tries);
    let told = format!(
        "{}; chi-square {} where chance explains {}",
        observed(),
        thousandths(statistic),
        thousandths(critical)
    );
    if statistic > critical {
        return Ok(Weighed { weight: Weight::OffendsSoFar, observed: told, numbers });
    }
    if !notices_any(claim.notices.millionths.into(), &weights, tries, critical) {
        let only = noticed().map_or_else(String::new, |change| format!(", only one of {change}"));
        let reason = format!(
            "{tries} are too few to notice a change of {} reliably{only}; {}",
            claim.notices,
            takes()
        );
        return Err(Inconclusive::TooWeak(reason));
    }
    let noticed = noticed().map_or_else(String::new, |change| {
        format!("; a change of {change} in any share would be seen nine times in ten")
    });
    Ok(Weighed { weight: Weight::Holds, observed: told + &noticed, numbers })
}

/// The sum of `(seen - expected)^2 / expected`, in thousandths, rounded down. With the weight `w` of the whole `W` among `n`
/// rows, the part of a value is `(seen * W - n * w)^2 / (n * w * W)`.
fn statistic_thousandths(weights: &[(u64, u64)], whole: u64, tries: u64) -> u128 {
    let (whole, tries) = (u128::from(whole), u128::from(tries));
    let parts = weights.iter().map(|(weight, seen)| {
        let apart = (u128::from(*seen) * whole).abs_diff(tries * u128::from(*weight));
        1_000 * apart * apart / (tries * u128::from(*weight) * whole).max(1)
    });
    parts.sum()
}

/// More rows than this are not tried out, to tell how many would be enough.
const MOST_TRIED: u64 = 65_536;

/// How many rows would be enough, if so many are not: no more than a quarter above the least.
fn enough(claim: &DistributionClaim, weights: &[(u64, u64)], at_least: u64, critical: u128) -> Option<u64> {
    let more = |tries: &u64| Some(tries + (tries / 4).max(1));
    let tried = std::iter::successors(Some(at_least), more).take_while(|tries| *tries <= MOST_TRIED);
    let change = claim.notices.millionths.into();
    tried.into_iter().find(|tries| notices_any(change, weights, *tries, critical))
}

/// Whether a change of any value's share would be noticed.
fn notices_any(change: u64, weights: &[(u64, u64)], tries: u64, critical: u128) -> bool {
    let whole: u64 = weights.iter().map(|(weight, _)| weight).sum();
    weights.iter().all(|(weight, _)| notices(change.into(), (*weight, whole), tries, critical))
}

/// Whether a change of one value's share would be noticed. The statistic is never below that value's own part,
/// `(seen - n p)^2 / (n p (1 - p))`, so that a change is noticed whenever this part exceeds what chance explains.
fn notices(change: u128, (weight, whole): (u64, u64), tries: u64, critical: u128) -> bool {
    let (share, tries_wide) = (u128::from(weight) * 1_000_000 / u128::from(whole), u128::from(tries));
    let expected = tries_wide * share / 1_000_000;
    // How far the count may stray before the value's own part exceeds the critical value.
    let variance = tries_wide * share * (1_000_000 - share) / 1_000_000;
    let strays = (critical * variance / 1_000_000_000).isqrt() + 1;
    let small = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    let more = share + change > 1_000_000
        || Binomial::new(tries, (share + change, 1_000_000))
            .hardly_ever_at_most(small(expected + strays), MISSED);
    let less = share < change
        || expected >= strays
            && Binomial::new(tries, (share - change, 1_000_000))
                .nearly_always_at_most(small(expected - strays), MISSED);
    more && less
}

fn thousandths(number: u128) -> String {
    format!("{}.{:03}", number / 1_000, number % 1_000)
}
