//! How a client behaves beside sending: when it leaves, how slowly it reads and writes, how it tries again.

use std::time::{Duration, SystemTime};

use record::{ExchangeRow, Outcome};

use crate::sdk::{Sdk, Tried};

/// The manner in which something is sent. By default a client stays to the end, reads and writes as fast as it can, and tries
/// nothing again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// When the client leaves before the answer is over.
    pub leaving: Option<Leaving>,
    /// How slowly the client reads.
    pub reads: Option<Pace>,
    /// How slowly the client writes its request, the head included.
    pub writes: Option<Pace>,
    /// The library whose way of trying again the client has.
    pub sdk: Option<Sdk>,
    /// The seed of its draws.
    pub seed: u64,
}

/// When a client leaves before the answer is over. Its connection is closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// So long after it began.
    After(Duration),
    /// After so many events with content; at the head of a stream if it wants none.
    Contents(u32),
}

/// How slowly a client reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many bytes at a time.
    pub bytes: usize,
    /// Once in this time.
    pub every: Duration,
}

impl Sending {
    /// After how many contents the client has had enough.
    pub(crate) fn most_contents(&self) -> u32 {
        match self.leaving {
            Some(Leaving::Contents(contents)) => contents,
            Some(Leaving::After(_)) | None => u32::MAX,
        }
    }

    /// After what time the client leaves.
    pub(crate) fn leaves_after(&self) -> Option<Duration> {
        match self.leaving {
            Some(Leaving::After(after)) => Some(after),
            Some(Leaving::Contents(_)) | None => None,
        }
    }

    /// How long the client waits before it sends once more what came to this; none if it does not. `headers` are those of the
    /// response, `retries` those that it has made.
    pub(crate) fn wait_of_retry(
        &self,
        row: &ExchangeRow,
        headers: &[(String, String)],
        retries: u32,
    ) -> Option<Duration> {
        let sdk = self.sdk?;
        if matches!(row.outcome, Outcome::CallerLeft | Outcome::Abandoned) {
            return None;
        }
        // Libraries read a plain body as a part of the try, and a stream when the try has succeeded.
        let answered = row.status != 0 && (row.streamed || row.outcome == Outcome::Complete);
        let tried = match row.outcome {
            _ if answered => Tried::Answered { status: row.status, headers },
            Outcome::Refused | Outcome::TimedOut => Tried::Unreached,
            _ => Tried::Broken,
        };
        let draw = Sdk::draw(self.seed, row.id.0, retries);
        sdk.wait(retries, tried, SystemTime::now(), draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{ExchangeId, Moment, NameId};

    #[test]
    fn a_body_that_breaks_is_tried_again_and_a_stream_that_breaks_is_not() {
        use Outcome::{Abandoned, CallerLeft, Complete, Cut, Refused, TimedOut};
        let sending = Sending { sdk: Some(Sdk::OpenaiPython), ..Sending::default() };
        for (streamed, status, outcome, retried) in [
            (false, 200, Complete, false),
            (false, 200, Cut, true),
            (true, 200, Cut, false),
            (true, 200, TimedOut, false),
            (true, 0, TimedOut, true),
            (false, 0, Refused, true),
            (false, 429, Complete, true),
            (true, 400, Cut, false),
            (true, 503, Cut, true),
            (false, 503, CallerLeft, false),
            (false, 503, Abandoned, false),
        ] {
            let mut row = ExchangeRow::opened(ExchangeId(1), NameId::NONE, NameId::NONE, Moment(0));
            (row.streamed, row.status, row.outcome) = (streamed, status, outcome);
            let waits = |sending: &Sending| sending.wait_of_retry(&row, &[], 0).is_some();
            assert_eq!(waits(&sending), retried, "{streamed} {status} {outcome:?}");
            assert!(!waits(&Sending::default()));
        }
    }
}
