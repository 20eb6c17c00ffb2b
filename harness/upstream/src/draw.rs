//! Draws from the seed. Each is a pure function of seed, upstream, key and the request's ordinal on that key, so that no
//! scheduling changes it.

use std::time::Duration;

use scenario::{Distribution, Share};

/// The source of every draw for one key of one upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DrawSource(u64);

/// The draws of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    bits: u64,
    /// Which request it is, from 1.
    ordinal: u32,
}

/// What a draw is for. Draws for different purposes do not depend on each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The time until the head of the reply.
    Latency,
    /// The ids in the reply.
    Ids,
    /// The ids of the tools that it calls.
    ToolIds,
    /// Whether an entry of the script or the timeline takes it.
    Chance,
    /// The time until a connection is served.
    Accept,
    /// The times between the events of a stream, with the time until the first.
    Gaps,
}

impl DrawSource {
    pub(crate) fn new(seed: u64, upstream: &str, key: Option<&str>) -> Self {
        let upstream = mix(seed ^ hash(upstream));
        Self(key.map_or(upstream, |key| mix(upstream ^ hash(key))))
    }

    /// The seed of what is generated there once.
    pub(crate) fn seed(self) -> u64 {
        self.0
    }

    pub(crate) fn draws(self, ordinal: u32) -> Draws {
        Draws { bits: mix(self.0 ^ mix(u64::from(ordinal))), ordinal }
    }
}

impl Draws {
    /// Uniform bits, by purpose and number.
    pub(crate) fn bits(self, purpose: Purpose, number: u64) -> u64 {
        let counter = ((purpose as u64) << 32) + number + 1;
        mix(self.bits.wrapping_add(counter.wrapping_mul(GOLDEN)))
    }

    /// An id that no other request of the trial has.
    pub(crate) fn id(self, opening: &str) -> String {
        self.id_for(Purpose::Ids, 0, opening)
    }

    /// The id of a call of a tool, by its number in the reply.
    pub(crate) fn tool_id(self, opening: &str, index: u64) -> String {
        self.id_for(Purpose::ToolIds, index * 2, opening)
    }

    fn id_for(self, purpose: Purpose, first: u64, opening: &str) -> String {
        let mut id = String::with_capacity(opening.len() + 32);
        id.push_str(opening);
        for number in [first, first + 1] {
            let bits = self.bits(purpose, number);
            let mut digits = [0; 16];
            for (place, digit) in digits.iter_mut().enumerate() {
                *digit = b"0123456789abcdef"[(bits >> (60 - 4 * place)) as usize & 15];
            }
            id.push_str(str::from_utf8(&digits).unwrap_or_default());
        }
        id
    }

    /// The duration that a request has from a distribution.
    pub(crate) fn duration(self, purpose: Purpose, distribution: &Distribution) -> Duration {
        self.nth_duration(purpose, u64::from(self.ordinal).saturating_sub(1), distribution)
    }

    /// One of several durations that a request has from a distribution, counted from 0.
    pub(crate) fn nth_duration(self, purpose: Purpose, nth: u64, distribution: &Distribution) -> Duration {
        match distribution {
            Distribution::Fixed(duration) => *duration,
            Distribution::Uniform(uniform) => {
                let span = uniform.to.saturating_sub(uniform.from);
                uniform.from + span.mul_f64(self.unit(purpose, nth * 2))
            }
            Distribution::Normal(normal) => {
                let seconds = normal
                    .deviation
                    .as_secs_f64()
                    .mul_add(self.normal(purpose, nth), normal.mean.as_secs_f64());
                Duration::try_from_secs_f64(seconds).unwrap_or_default()
            }
            Distribution::Lognormal(lognormal) => {
                let spread = (lognormal.p99.as_secs_f64() / lognormal.p50.as_secs_f64()).ln() / Z_99;
                let factor = (spread * self.normal(purpose, nth)).exp();
                Duration::try_from_secs_f64(lognormal.p50.as_secs_f64() * factor).unwrap_or(Duration::MAX)
            }
            Distribution::Trace(durations) => {
                let place = nth.checked_rem(durations.len() as u64).and_then(|nth| usize::try_from(nth).ok());
                place.and_then(|place| durations.get(place)).copied().unwrap_or_default()
            }
        }
    }

    /// Whether something happens to a request that happens in a share of all cases, at a place of its upstream.
    pub(crate) fn happens_at(self, place: u32, share: Share) -> bool {
        self.unit(Purpose::Chance, place.into()) * 1e6 < f64::from(share.millionths)
    }

    /// A number between zero and one, neither of which it is.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    fn unit(self, purpose: Purpose, number: u64) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.bits(purpose, number) >> 11) as f64 + 0.5) * STEP
    }

    /// A number from the standard normal distribution, by the method of Box and Muller.
    fn normal(self, purpose: Purpose, nth: u64) -> f64 {
        let radius = (-2.0 * self.unit(purpose, nth * 2).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit(purpose, nth * 2 + 1)).cos()
    }
}

/// The number below which 99 of 100 numbers of the standard normal distribution lie.
const Z_99: f64 = 2.326_347_874_040_841;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of `SplitMix64`: every bit of the input changes every bit of the output with an even chance.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The number of a place of an upstream, by its name.
pub(crate) fn place_number(name: &str) -> u32 {
    u32::try_from(hash(name) >> 32).unwrap_or_default()
}

/// FNV-1a over the name's bytes, then mixed; the length keeps a name apart from nothing.
fn hash(name: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64.wrapping_add(GOLDEN);
    mix(name.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

#[cfg(test)]
mod tests {
    use scenario::{Lognormal, Span, Uniform};

    use super::*;

    fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn lognormal(p50: u64, p99: u64) -> Distribution {
        Distribution::Lognormal(Lognormal { p50: millis(p50), p99: millis(p99), span: Span::default() })
    }

    fn sorted(distribution: &Distribution) -> Vec<Duration> {
        let source = DrawSource::new(7, "main", Some("key-1"));
        let mut drawn: Vec<Duration> =
            (1..=20_000).map(|n| source.draws(n).duration(Purpose::Latency, distribution)).collect();
        drawn.sort();
        drawn
    }

    #[test]
    fn equal_places_draw_alike_and_different_ones_do_not() {
        let bits = |seed, upstream, key, ordinal, number| {
            DrawSource::new(seed, upstream, key).draws(ordinal).bits(Purpose::Latency, number)
        };
        let first = bits(7, "main", Some("a"), 1, 0);
        assert_eq!(first, bits(7, "main", Some("a"), 1, 0));
        for other in [
            bits(8, "main", Some("a"), 1, 0),
            bits(7, "other", Some("a"), 1, 0),
            bits(7, "main", Some("b"), 1, 0),
            bits(7, "main", None, 1, 0),
            bits(7, "main", Some("a"), 2, 0),
            bits(7, "main", Some("a"), 1, 1),
            DrawSource::new(7, "main", Some("a")).draws(1).bits(Purpose::Ids, 0),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_share_of_all_cases_happens_and_none_or_all_where_it_says_so() {
        let source = DrawSource::new(7, "main", Some("key-1"));
        let place = place_number("unlucky");
        let happened = |millionths: u32| {
            let share = Share { millionths };
            (1..=20_000).filter(|n| source.draws(*n).happens_at(place, share)).count()
        };
        assert_eq!((happened(0), happened(1_000_000)), (0, 20_000));
        let tenth = happened(100_000);
        assert!((1_850..=2_150).contains(&tenth), "{tenth} of 20000 are no tenth");
    }

    #[test]
    fn what_happens_at_one_place_says_nothing_of_another() {
        let source = DrawSource::new(7, "main", Some("key-1"));
        let half = Share { millionths: 500_000 };
        let both = (1..=20_000).filter(|n| {
            let draws = source.draws(*n);
            draws.happens_at(place_number("one"), half) && draws.happens_at(place_number("two"), half)
        });
        let both = both.count();
        assert!((4_750..=5_250).contains(&both), "{both} of 20000 are no quarter");
    }

    #[test]
    fn a_trace_is_replayed_in_order_and_again() {
        let trace = Distribution::Trace(vec![millis(1), millis(2), millis(3)]);
        let source = DrawSource::new(7, "main", Some("key-1"));
        let replayed = |n: u32| source.draws(n).duration(Purpose::Latency, &trace);
        assert_eq!([1, 2, 3, 4].map(replayed), [1, 2, 3, 1].map(millis));
        assert_eq!(source.draws(9).nth_duration(Purpose::Gaps, 1, &trace), millis(2));
    }

    #[test]
    fn a_normal_draw_keeps_its_mean_and_its_deviation_and_is_never_below_zero() {
        let normal = |mean, deviation| {
            let (mean, deviation) = (millis(mean), millis(deviation));
            Distribution::Normal(scenario::Normal { mean, deviation, span: Span::default() })
        };
        let drawn = sorted(&normal(100, 10));
        for (index, expected) in [(10_000, 100.0), (16_827, 110.0), (3_173, 90.0)] {
            let found = drawn[index].as_secs_f64() * 1_000.0;
            assert!((found - expected).abs() < 0.6, "{found} is not near {expected}");
        }
        assert_eq!(sorted(&normal(1, 10))[5_000], Duration::ZERO);
    }

    #[test]
    fn a_uniform_draw_fills_its_range_evenly() {
        let uniform = Uniform { from: millis(10), to: millis(30), span: Span::default() };
        let drawn = sorted(&Distribution::Uniform(uniform));
        assert!(drawn[0] >= millis(10) && drawn[drawn.len() - 1] <= millis(30));
        for (index, expected) in [(2_000, 12.0), (10_000, 20.0), (18_000, 28.0)] {
            let found = drawn[index].as_secs_f64() * 1_000.0;
            assert!((found - expected).abs() < 0.5, "{found} is not near {expected}");
        }
    }

    #[test]
    fn a_lognormal_draw_keeps_its_percentiles() {
        let drawn = sorted(&lognormal(100, 900));
        for (index, expected) in [(10_000, 100.0), (19_800, 900.0)] {
            let found = drawn[index].as_secs_f64() * 1_000.0;
            assert!((found / expected - 1.0).abs() < 0.1, "{found} is not near {expected}");
        }
    }

    #[test]
    fn equal_percentiles_leave_no_choice() {
        let drawn = sorted(&lognormal(5, 5));
        assert_eq!((drawn[0], drawn[drawn.len() - 1]), (millis(5), millis(5)));
    }
}
