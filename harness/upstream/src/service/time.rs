//! When something happens at a service: by the trial's clock, and as its replies tell it.

use std::time::{Duration, UNIX_EPOCH};

use record::Moment;

/// The time at which a request is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) now: Moment,
    /// The Unix time of the clock's zero.
    pub(crate) epoch: Duration,
}

impl Time {
    /// Now, in words: `2026-10-21T07:28:00.250Z`.
    pub(crate) fn text(self) -> String {
        self.text_of(self.now)
    }

    /// A moment in words.
    pub(crate) fn text_of(self, moment: Moment) -> String {
        let unix = self.epoch + moment.since(Moment(0));
        let whole = dialect::rfc3339(UNIX_EPOCH + unix);
        format!("{}.{:03}Z", whole.trim_end_matches('Z'), unix.subsec_millis())
    }

    /// How many milliseconds there are left until a moment, rounded up.
    pub(crate) fn millis_until(self, moment: Moment) -> u64 {
        u64::try_from(moment.since(self.now).as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// The same in seconds.
    pub(crate) fn seconds_until(self, moment: Moment) -> u64 {
        self.millis_until(moment).div_ceil(1_000)
    }
}
