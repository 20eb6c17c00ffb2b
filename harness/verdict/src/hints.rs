//! Wait hints: which keys were asked to be left alone, since when and until when.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use record::{AttemptRow, Moment, NOT_REACHED, NameId, Outcome};

/// How many hints of one key are remembered. Only a hint that extends the wait counts, so an attempt would have to stay open
/// while its key's wait is extended more often than this for one to be missed; it is then taken as allowed.
const REMEMBERED: usize = 256;

/// The hints of every key.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    keys: HashMap<(NameId, NameId), KeyHints>,
}

/// What had become of a key when an attempt arrived on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPast {
    /// When it was last limited.
    pub(crate) limited: Option<Moment>,
    /// The last wait that it had been asked for, if that was over.
    pub(crate) waited: Option<Asked>,
    /// Whether its wait was over and it had not succeeded again yet.
    pub(crate) probing: bool,
}

/// A wait that a key was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// When it was asked for; the beginning of time for a key that never was.
    pub(crate) given: Moment,
    /// Until when.
    pub(crate) until: Moment,
}

/// A wait that ran when an attempt arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunningHint {
    /// When the first of the hints that were still running had been given.
    pub(crate) since: Moment,
    /// Until when the key had to be left alone.
    pub(crate) until: Moment,
    /// The reply that asked for it.
    pub(crate) giver: AttemptRow,
}

impl Hints {
    /// The wait that an attempt broke, if its key was asked to be left alone longer before its arrival than the grace.
    pub(crate) fn running(&self, row: &AttemptRow, grace: Duration) -> Option<RunningHint> {
        self.keys.get(&key_of(row)?)?.running(row.arrived, grace)
    }

    /// What had become of an attempt's key when it arrived.
    pub(crate) fn past(&self, row: &AttemptRow) -> KeyPast {
        let key = key_of(row).and_then(|key| self.keys.get(&key));
        key.map(|key| key.past(row.arrived)).unwrap_or_default()
    }

    /// What had been asked, at a moment, of the key that is free first of some keys, each an upstream and a key. None where waiting
    /// frees none of them.
    pub(crate) fn first_free(
        &self,
        keys: impl Iterator<Item = (NameId, NameId)>,
        moment: Moment,
    ) -> Option<Asked> {
        let known = keys.map(|key| self.keys.get(&key));
        let hopeful = known.filter(|key| key.is_none_or(|key| !key.is_refused(moment)));
        let asked = hopeful.map(|key| key.and_then(|key| key.asked(moment)).unwrap_or_default());
        asked.min_by_key(|asked| (asked.until, asked.given))
    }

    /// Notes what a reply says of its key, once all of the reply had been sent. One that refuses the key itself and asks for no wait
    /// says that waiting does not help.
    pub(crate) fn note(&mut self, row: &AttemptRow, refuses_key: bool) {
        let Some(key) = key_of(row) else { return };
        if row.ended == NOT_REACHED || row.outcome != Outcome::Complete {
            return;
        }
        if let Some(hint) = row.hint() {
            self.keys.entry(key).or_default().hopeful.note(row.end());
            // Nobody is bound by a wait before it was told in full, and whoever read it at once has waited from then on.
            self.keys.entry(key).or_default().note(row.end(), row.replied().after(hint), row);
        } else if refuses_key {
            self.keys.entry(key).or_default().refused.note(row.end());
        }
        if row.status == 429 {
            self.keys.entry(key).or_default().limited.note(row.end());
        } else if let (200..=299, Some(known)) = (row.status, self.keys.get_mut(&key)) {
            known.succeeded.note(row.end());
            known.hopeful.note(row.end());
        }
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.keys.values().map(|key| key.waits.len()).sum()
    }
}

fn key_of(row: &AttemptRow) -> Option<(NameId, NameId)> {
    row.key.is_some().then_some((row.upstream, row.key))
}

/// The waits of one key, in the order in which they were given; each one ends later than those before it.
#[derive(Debug, Default)]
struct KeyHints {
    waits: VecDeque<Wait>,
    limited: Ends,
    succeeded: Ends,
    /// Replies by which waiting does not help.
    refused: Ends,
    /// Replies by which the key works, or will after a wait.
    hopeful: Ends,
}

/// When replies of one kind were over, in the order of time.
#[derive(Debug, Default)]
struct Ends(VecDeque<Moment>);

impl Ends {
    fn note(&mut self, end: Moment) {
        let at = self.0.partition_point(|known| *known <= end);
        self.0.insert(at, end);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    /// The last one that was not after a moment.
    fn until(&self, moment: Moment) -> Option<Moment> {
        let end = self.0.partition_point(|known| *known <= moment);
        self.0.get(end.checked_sub(1)?).copied()
    }
}

#[derive(Debug)]
struct Wait {
    given: Moment,
    until: Moment,
    giver: AttemptRow,
}

impl KeyHints {
    fn note(&mut self, given: Moment, until: Moment, giver: &AttemptRow) {
        let at = self.waits.partition_point(|wait| wait.given <= given);
        if at.checked_sub(1).is_some_and(|before| self.waits[before].until >= until) {
            // A shorter hint does not shorten the wait.
            return;
        }
        while self.waits.get(at).is_some_and(|wait| wait.until <= until) {
            self.waits.remove(at);
        }
        self.waits.insert(at, Wait { given, until, giver: *giver });
        if self.waits.len() > REMEMBERED {
            self.waits.pop_front();
        }
    }

    /// A key that was limited is tried, once its wait is over, until it has succeeded.
    fn past(&self, arrived: Moment) -> KeyPast {
        let limited = self.limited.until(arrived);
        let recovered =
            limited.is_some_and(|limited| self.succeeded.until(arrived).is_some_and(|end| end > limited));
        let asked = self.asked(arrived);
        // No wait is over for a key that waiting does not free.
        let refused = self.is_refused(arrived);
        let waited = asked.filter(|asked| !refused && asked.until <= arrived);
        let probing =
            limited.is_some() && !recovered && !refused && asked.is_none_or(|asked| asked.until <= arrived);
        KeyPast { limited, waited, probing }
    }

    /// Whether the last that was said of the key, at a moment, is that waiting does not help.
    fn is_refused(&self, moment: Moment) -> bool {
        let refused = self.refused.until(moment);
        refused.is_some_and(|refused| self.hopeful.until(moment).is_none_or(|hopeful| hopeful < refused))
    }

    /// The last wait that the key had been asked for at a moment.
    fn asked(&self, moment: Moment) -> Option<Asked> {
        let given = self.waits.partition_point(|wait| wait.given <= moment);
        let Wait { given, until, .. } = self.waits.get(given.checked_sub(1)?)?;
        Some(Asked { given: *given, until: *until })
    }

    fn running(&self, arrived: Moment, grace: Duration) -> Option<RunningHint> {
        let broken = |wait: &Wait| wait.given.after(grace) < arrived;
        let first = self.waits.partition_point(|wait| wait.until <= arrived);
        let end = self.waits.partition_point(broken);
        if first >= end {
            return None;
        }
        let last = &self.waits[end - 1];
        Some(RunningHint { since: self.waits[first].given, until: last.until, giver: last.giver })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_millis(10);

    /// A reply that was over at `end` and asked for a wait, all in milliseconds.
    fn reply(end: u64, hint: u32) -> AttemptRow {
        let mut row = attempt(end);
        (row.ended, row.outcome, row.hint_ms) = (0, Outcome::Complete, hint);
        row
    }

    fn attempt(arrived: u64) -> AttemptRow {
        let mut row = AttemptRow::opened(NameId(0), Moment(arrived * 1_000_000));
        row.key = NameId(1);
        row
    }

    #[test]
    fn a_wait_runs_from_the_grace_after_its_last_byte_to_its_end() {
        let short_then_long: &[(u64, u32)] = &[(100, 100), (150, 1_000)];
        let long_then_short: &[(u64, u32)] = &[(100, 1_000), (150, 100)];
        let one: &[(u64, u32)] = &[(100, 1_000)];
        for (replies, arrived, until) in [
            (one, 99, None),
            (one, 100, None),
            (one, 110, None),
            (one, 111, Some(1_100)),
            (one, 1_099, Some(1_100)),
            (one, 1_100, None),
            (one, 5_000, None),
            (short_then_long, 155, Some(200)),
            (short_then_long, 170, Some(1_150)),
            (short_then_long, 300, Some(1_150)),
            (short_then_long, 1_150, None),
            (long_then_short, 155, Some(1_100)),
            (long_then_short, 700, Some(1_100)),
            (&[(100, 50), (1_000, 50)], 900, None),
            (&[(100, 50), (1_000, 50)], 1_020, Some(1_050)),
            (&[(100, 0)], 120, None),
        ] {
            // Also in the wrong order: rows of different upstreams' threads may change places.
            for order in [replies.to_vec(), replies.iter().rev().copied().collect()] {
                let mut hints = Hints::default();
                for (end, hint) in order {
                    hints.note(&reply(end, hint), false);
                }
                let running = hints.running(&attempt(arrived), GRACE);
                let seen = running.map(|running| running.until.0 / 1_000_000);
                assert_eq!(seen, until, "{replies:?} at {arrived}");
            }
        }
    }

    #[test]
    fn a_wait_is_over_so_long_after_the_first_byte_of_its_reply() {
        let mut hints = Hints::default();
        let mut slow = reply(100, 1_000);
        (slow.head, slow.ended) = (5_000, 50_000);
        hints.note(&slow, false);
        for (arrived, until) in [(150, None), (161, Some(1_105)), (1_104, Some(1_105)), (1_105, None)] {
            let running = hints.running(&attempt(arrived), GRACE);
            assert_eq!(running.map(|running| running.until.0 / 1_000_000), until, "at {arrived}");
        }
    }

    #[test]
    fn a_hint_that_was_not_given_whole_is_none() {
        let mut hints = Hints::default();
        let mut broken = reply(100, 1_000);
        broken.outcome = Outcome::Reset;
        hints.note(&broken, false);
        let mut keyless = reply(100, 1_000);
        keyless.key = NameId::NONE;
        hints.note(&keyless, false);
        assert_eq!(hints.running(&attempt(500), GRACE), None);
        assert_eq!(hints.remembered(), 0);
    }

    #[test]
    fn a_hint_binds_its_own_key_alone() {
        let mut hints = Hints::default();
        hints.note(&reply(100, 1_000), false);
        let mut other = attempt(500);
        other.key = NameId(2);
        assert_eq!(hints.running(&other, GRACE), None);
        other.key = NameId(1);
        other.upstream = NameId(7);
        assert_eq!(hints.running(&other, GRACE), None);
    }

    #[test]
    fn what_is_remembered_of_a_key_is_bounded() {
        let mut hints = Hints::default();
        for end in 0..10_000 {
            hints.note(&reply(end, 1_000), false);
        }
        assert_eq!(hints.remembered(), REMEMBERED);
    }
}
