//! Looks ahead: whether the use of a key or of an API grows towards its limit.
//!
//! This is not the provider's own word on growth (`slow_down`), which comes when it is too late; it is a guess, made before
//! anything was refused.

/// All of a limit, in millionths.
pub(crate) const WHOLE: u64 = 1_000_000;

/// Tells from the latest shares of a limit, the oldest first, whether it is reached soon.
pub(crate) type Prediction = fn(&[u64]) -> bool;

/// So many seconds are looked back.
pub(crate) const LOOKS_BACK: usize = 10;
/// What is fewer is no pattern.
const FEWEST: usize = 5;
/// So many seconds are looked ahead.
pub(crate) const LOOKS_AHEAD: u64 = 3;
/// What grows by less in a second, in millionths of the limit, is noise.
const LEAST_GROWTH: u64 = WHOLE / 50;

/// Whether a limit is reached soon if its use goes on growing. `shares` are the latest seconds, the oldest first, each in
/// millionths of the limit.
///
/// The growth is the median of the growths between all pairs of seconds, so that a single peak is none, and so are as many
/// falls as rises. The use must not have begun to fall again.
pub(crate) fn grows_to_the_limit(shares: &[u64]) -> bool {
    let shares = &shares[shares.len().saturating_sub(LOOKS_BACK)..];
    let (Some(&latest), true) = (shares.last(), shares.len() >= FEWEST) else { return false };
    let before = shares[shares.len() - 2];
    if latest < before {
        return false;
    }
    let mut growths: Vec<i64> = Vec::with_capacity(shares.len() * shares.len() / 2);
    for (from, share) in shares.iter().enumerate() {
        for (to, later) in shares.iter().enumerate().skip(from + 1) {
            let seconds = i64::try_from(to - from).unwrap_or(i64::MAX);
            growths.push((signed(*later) - signed(*share)) / seconds);
        }
    }
    growths.sort_unstable();
    let growth = u64::try_from(growths[growths.len() / 2]).unwrap_or_default();
    growth >= LEAST_GROWTH && latest.saturating_add(growth.saturating_mul(LOOKS_AHEAD)) >= WHOLE
}

fn signed(share: u64) -> i64 {
    // More than a thousand times the limit is as much as can be told apart here, and far from any overflow.
    i64::try_from(share.min(WHOLE * 1_000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicts(tenths: &[u64]) -> bool {
        let shares: Vec<u64> = tenths.iter().map(|tenth| tenth * WHOLE / 10).collect();
        grows_to_the_limit(&shares)
    }

    #[test]
    fn rising_use_predicts_the_limit_before_it_is_reached() {
        let ramp = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        let first = (1..=10).find(|seconds| predicts(&ramp[..*seconds]));
        // At seven tenths: before the limit, and before the threshold of eight tenths.
        assert_eq!(first, Some(7));
        assert!((7..=10).all(|seconds| predicts(&ramp[..seconds])));
        assert!(predicts(&[0, 0, 1, 3, 3, 5, 6, 7]), "not every second has to rise");
        assert!(predicts(&[1, 1, 1, 2, 4, 6, 8]), "a late rise is one");
    }

    #[test]
    fn other_patterns_predict_nothing() {
        let cases: [(&str, &[u64]); 9] = [
            ("none", &[]),
            ("one", &[9]),
            ("too few", &[1, 4, 7, 10]),
            ("flat", &[5; 10]),
            ("flat and high", &[10; 10]),
            ("falling", &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
            ("a single peak", &[1, 1, 1, 1, 10, 1, 1, 1, 1, 1]),
            ("a single peak at the end", &[1, 1, 1, 1, 1, 1, 1, 1, 1, 10]),
            ("up and down", &[3, 9, 3, 9, 3, 9, 3, 9, 3, 9]),
        ];
        for (name, tenths) in cases {
            assert!(!predicts(tenths), "{name}");
        }
    }

    #[test]
    fn constant_use_never_predicts_anything() {
        let random = crate::splitmix::Splitmix::with_seed(3);
        for _ in 0..2_000 {
            let (share, seconds) =
                (random.next() % (2 * WHOLE), usize::try_from(random.next() % 20).unwrap());
            assert!(!grows_to_the_limit(&vec![share; seconds]), "{share} for {seconds}");
            // Not even when it is a little uneven.
            let uneven: Vec<u64> =
                (0..seconds).map(|_| (share + random.next() % (LEAST_GROWTH / 2)).min(2 * WHOLE)).collect();
            assert!(!grows_to_the_limit(&uneven), "{uneven:?}");
        }
    }

    #[test]
    fn absurd_use_breaks_nothing() {
        assert!(!grows_to_the_limit(&[u64::MAX; 10]));
        assert!(grows_to_the_limit(&[0, 0, u64::MAX, u64::MAX, u64::MAX, u64::MAX]));
    }
}
