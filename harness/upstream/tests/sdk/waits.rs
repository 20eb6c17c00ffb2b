//! How many attempts the libraries make, and how long they wait between them.

use std::ops::RangeInclusive;

use record::AttemptRow;

use crate::stage::Seen;

/// What a library does at one upstream, by the models of `world.yaml`.
pub(crate) struct Manner {
    upstream: &'static str,
    models: &'static [&'static [Model]],
}

/// A model with the waits between the attempts that it gets.
type Model = (&'static str, &'static [Wait]);

/// The milliseconds between an attempt's end and the next one's arrival.
type Wait = RangeInclusive<u64>;

/// A busy machine wakes a client so much later.
const LATE: u64 = 2_000;

/// An attempt's end is noted once its last byte was handed over, and a client may have read it before that.
const EARLY: u64 = 25;

const fn about(from: u64, to: u64) -> Wait {
    from.saturating_sub(EARLY)..=to + LATE
}

/// Half a second, less up to a quarter.
const FIRST: Wait = about(375, 500);
/// A second, less up to a quarter.
const SECOND: Wait = about(750, 1_000);
/// That a client went away is noticed late, so that no wait behind it is measured.
const UNKNOWN: Wait = about(0, 2_000);
/// The wait was noted by the script and not slept.
const NOTED: Wait = about(0, 10);

impl Manner {
    /// Sees that what the upstream saw is what the library does, model by model, and that nothing else was asked for.
    pub(crate) fn compare(&self, seen: &Seen) {
        let mut wrong = Vec::new();
        for (model, expected) in self.models() {
            let attempts = seen.attempts(self.upstream, model);
            let waits: Vec<u64> = attempts.windows(2).map(|two| wait(&two[0], &two[1])).collect();
            let as_expected = attempts.len() == expected.len() + 1
                && waits.iter().zip(*expected).all(|(wait, expected)| expected.contains(wait));
            println!("{model}: {} attempts, waits of {waits:?} ms", attempts.len());
            if !as_expected {
                wrong.push(format!(
                    "{model}: {} attempts, waits of {waits:?} ms, not {expected:?}",
                    attempts.len()
                ));
            }
        }
        let known = |model: &str| self.models().any(|(known, _)| *known == model);
        let unknown = seen.models(self.upstream).filter(|model| !known(model));
        wrong.extend(unknown.map(|model| format!("{model}: nobody expected it")));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn models(&self) -> impl Iterator<Item = &'static Model> {
        self.models.iter().flat_map(|models| models.iter())
    }
}

fn wait(before: &AttemptRow, after: &AttemptRow) -> u64 {
    let micros = after.arrived.micros_after(before.end());
    u64::from(micros / 1_000)
}

/// What the libraries of OpenAI and Anthropic have in common. A hint of 1 s is obeyed to the letter, as are 1.1 s and 1.2 s; a date
/// two seconds away is rounded up; where there is no hint that they read, the library's own wait is taken.
const IN_COMMON: &[Model] = &[
    ("seconds", &[about(1_000, 1_000)]),
    ("fraction", &[about(1_200, 1_200)]),
    ("millis", &[about(1_100, 1_100)]),
    ("date", &[about(1_900, 3_000)]),
    ("overloaded-for-a-second", &[about(1_000, 1_000)]),
    ("two-hints", &[about(1_100, 1_100)]),
    ("azure-millis", &[FIRST]),
    ("at-once", &[FIRST]),
    ("reset", &[FIRST]),
    ("reset-duration", &[FIRST]),
    ("reset-seconds", &[FIRST]),
    ("reset-timestamp", &[FIRST]),
    ("reset-epoch", &[FIRST]),
    ("reset-unknown", &[FIRST]),
    ("quota-reset", &[FIRST]),
    ("no-hint", &[FIRST]),
    ("in-words", &[FIRST]),
    ("past", &[FIRST]),
    ("negative", &[FIRST]),
    ("nonsense", &[FIRST]),
    ("told-to", &[FIRST]),
    ("told-not-to", &[]),
    ("conflict-once", &[FIRST]),
    ("status-501-once", &[FIRST]),
    ("closed-once", &[FIRST]),
    ("cut-once", &[FIRST]),
    ("garbage-once", &[FIRST]),
    ("silent-once", &[UNKNOWN]),
    ("never", &[FIRST, SECOND]),
    ("a-minute", &[NOTED]),
    ("more-than-a-minute", &[NOTED]),
    ("two-minutes", &[NOTED]),
];

/// More than two minutes end a call.
pub(crate) const OPENAI: Manner = Manner {
    upstream: "openai",
    models: &[IN_COMMON, &[("more-than-two-minutes", &[]), ("a-day", &[]), ("too-long-and-told-to", &[])]],
};

/// No hint is too long.
pub(crate) const ANTHROPIC: Manner = Manner {
    upstream: "anthropic",
    models: &[
        IN_COMMON,
        &[("more-than-two-minutes", &[NOTED]), ("a-day", &[NOTED]), ("too-long-and-told-to", &[NOTED])],
    ],
};

/// It reads no hint, and waits a second with up to a second more, doubled with each try.
pub(crate) const GOOGLE: Manner = Manner {
    upstream: "gemini",
    models: &[&[
        // Without being asked to try again.
        ("in-words", &[]),
        ("no-hint", &[about(1_000, 2_000)]),
        ("at-once", &[about(1_000, 2_000)]),
        ("a-day", &[about(1_000, 2_000)]),
        ("azure-millis", &[about(1_000, 2_000)]),
        ("quota-reset", &[about(1_000, 2_000)]),
        ("reset-timestamp", &[about(1_000, 2_000)]),
        ("seconds", &[about(1_000, 2_000)]),
        ("millis", &[about(1_000, 2_000)]),
        ("two-hints", &[about(1_000, 2_000)]),
        ("nonsense", &[about(1_000, 2_000)]),
        ("more-than-two-minutes", &[about(1_000, 2_000)]),
        ("told-not-to", &[about(1_000, 2_000)]),
        ("silent-once", &[UNKNOWN]),
        ("told-to", &[]),
        ("conflict-once", &[]),
        ("status-501-once", &[]),
        ("closed-once", &[]),
        ("garbage-once", &[]),
        ("cut-once", &[]),
        ("never", &[about(1_000, 2_000), about(2_000, 3_000), about(4_000, 5_000), about(8_000, 9_000)]),
    ]],
};
