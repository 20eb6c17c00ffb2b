//! One report of usage, in whatever dialect it came, and how a later report changes an earlier one.

use crate::accounts::Tokens;

/// What a provider said, by class. What it did not speak of is none, which is not the same as zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UsageReport {
    pub(crate) input: Option<u64>,
    pub(crate) cache_read: Option<u64>,
    pub(crate) cache_write: Option<u64>,
    pub(crate) output: Option<u64>,
    /// The part of the output that was spent on reasoning.
    pub(crate) reasoning: Option<u64>,
}

impl UsageReport {
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens {
            input: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write: self.cache_write.unwrap_or(0),
            output: self.output.unwrap_or(0),
            reasoning: self.reasoning.unwrap_or(0),
        }
    }

    /// The same with each class put together from both reports.
    pub(crate) fn joined(self, later: Self, join: fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            input: join(self.input, later.input),
            cache_read: join(self.cache_read, later.cache_read),
            cache_write: join(self.cache_write, later.cache_write),
            output: join(self.output, later.output),
            reasoning: join(self.reasoning, later.reasoning),
        }
    }
}

/// Decides what a later report of the same answer means.
pub(crate) trait UsagePolicy: Send + Sync {
    /// Both reports as one.
    fn take(&self, known: UsageReport, later: UsageReport) -> UsageReport;
}

/// The sound policy: reports are cumulative, so the latest number of each class counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LatestReport;

impl UsagePolicy for LatestReport {
    fn take(&self, known: UsageReport, later: UsageReport) -> UsageReport {
        known.joined(later, |known, later| later.or(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_number_replaces_an_earlier_one_and_silence_keeps_it() {
        let first =
            UsageReport { input: Some(10), cache_read: Some(5), output: Some(1), ..UsageReport::default() };
        let second = UsageReport { output: Some(40), ..UsageReport::default() };
        let third = UsageReport { input: Some(11), output: Some(90), ..UsageReport::default() };
        let last = LatestReport.take(LatestReport.take(first, second), third);
        assert_eq!(last.tokens(), Tokens { input: 11, cache_read: 5, output: 90, ..Tokens::default() });
    }
}
