//! Spans of time as people write them.

/// A span in the unit that suits it: `0.4 ms`, `250 ms`, `1.5 s`, `2 min 5 s`.
pub(crate) fn span(milliseconds: f64) -> String {
    if !milliseconds.is_finite() {
        return String::from("unknown");
    }
    let size = milliseconds.abs();
    if size < 1_000.0 {
        format!("{} ms", short(milliseconds, 1))
    } else if size < 60_000.0 {
        format!("{} s", short(milliseconds / 1_000.0, 3))
    } else {
        let seconds = (milliseconds / 1_000.0).round();
        format!("{} min {} s", (seconds / 60.0).trunc(), (seconds % 60.0).abs())
    }
}

/// Offsets that stand below each other: one unit for all of them, so that they can be compared at a glance.
pub(super) fn offsets(milliseconds: &[f64]) -> Vec<String> {
    let in_seconds = milliseconds.iter().any(|offset| offset.abs() >= 10_000.0);
    let show = |offset: &f64| {
        if !offset.is_finite() {
            String::from("unknown")
        } else if in_seconds {
            format!("{:+.3} s", offset / 1_000.0)
        } else {
            format!("{offset:+.1} ms")
        }
    };
    milliseconds.iter().map(show).collect()
}

/// At most so many decimals, and none that say nothing.
fn short(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { String::from("0") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_the_unit_that_suits_it() {
        let cases = [
            (0.0, "0 ms"),
            (0.42, "0.4 ms"),
            (-0.01, "0 ms"),
            (250.0, "250 ms"),
            (1_500.0, "1.5 s"),
            (20_000.0, "20 s"),
            (12_034.0, "12.034 s"),
            (125_000.0, "2 min 5 s"),
            (119_999.9, "2 min 0 s"),
            (f64::NAN, "unknown"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(span(milliseconds), text);
        }
    }

    #[test]
    fn offsets_below_each_other_share_a_unit() {
        assert_eq!(offsets(&[2.0, 44.26, -0.5]), ["+2.0 ms", "+44.3 ms", "-0.5 ms"]);
        assert_eq!(offsets(&[2.0, 30_044.0]), ["+0.002 s", "+30.044 s"]);
    }
}
