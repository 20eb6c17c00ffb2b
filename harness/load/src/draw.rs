//! Draws that do not depend on what was drawn before: each is a pure function of a seed and a number.

/// A number between 0 (excluded) and 1 (included).
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a floating-point number holds")]
pub(crate) fn unit(seed: u64, index: u64) -> f64 {
    let bits = mixed(seed ^ mixed(index)) >> 11;
    (bits as f64 + 1.0) / (1_u64 << 53) as f64
}

/// A number of the exponential distribution with the mean of one.
pub(crate) fn exponential(seed: u64, index: u64) -> f64 {
    -unit(seed, index).ln()
}

/// SplitMix64's finalizer: every bit of the result depends on every bit of the number.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_lie_between_their_ends_and_fill_what_is_between() {
        let drawn: Vec<f64> = (0..10_000).map(|index| unit(7, index)).collect();
        assert!(drawn.iter().all(|number| *number > 0.0 && *number <= 1.0));
        let mean = drawn.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let low = drawn.iter().filter(|number| **number < 0.1).count();
        assert!((850..1_150).contains(&low), "{low}");
    }

    #[test]
    fn a_draw_depends_on_its_seed_and_its_number_alone() {
        assert_eq!(unit(7, 3).to_bits(), unit(7, 3).to_bits());
        assert_ne!(unit(7, 3).to_bits(), unit(7, 4).to_bits());
        assert_ne!(unit(7, 3).to_bits(), unit(8, 3).to_bits());
    }
}
