//! The tally of one answer: what the provider reported so far, and what was seen to pass.

use std::sync::Arc;

use super::{UsagePolicy, UsageReport};
use crate::accounts::{Counted, RowState, Tokens};

/// Counts along with an answer.
pub(crate) struct Tally {
    policy: Arc<dyn UsagePolicy>,
    report: Option<UsageReport>,
    /// Whether a report told of the output, and not only of the input.
    output_reported: bool,
    /// What the request's input comes to when the provider does not say.
    input_estimate: u64,
    /// What has passed since the last report.
    pieces: u64,
    characters: u64,
}

/// Text runs at about four characters a token, in the languages in which most of it is written.
const CHARACTERS_PER_TOKEN: u64 = 4;

impl Tally {
    /// `request_bytes` is the length of the caller's body, the best that is known of its input.
    pub(crate) fn new(policy: Arc<dyn UsagePolicy>, request_bytes: usize) -> Self {
        let input_estimate = u64::try_from(request_bytes).unwrap_or(u64::MAX).div_ceil(CHARACTERS_PER_TOKEN);
        Self { policy, report: None, output_reported: false, input_estimate, pieces: 0, characters: 0 }
    }

    /// Takes in a report at the beginning of an answer, which tells of the input.
    pub(crate) fn opens_with(&mut self, report: impl Into<UsageReport>) {
        let report = report.into();
        self.report = Some(self.report.map_or(report, |known| self.policy.take(known, report)));
    }

    /// Takes in a report that also tells of the output so far.
    pub(crate) fn reports(&mut self, report: impl Into<UsageReport>) {
        let report = report.into();
        if report.output.is_some() {
            self.output_reported = true;
            (self.pieces, self.characters) = (0, 0);
        }
        self.opens_with(report);
    }

    /// Takes in a piece of the answer on its way to the client.
    pub(crate) fn passes(&mut self, text: &str) {
        if !text.is_empty() {
            self.pieces += 1;
            self.characters += u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        }
    }

    /// What the provider reported.
    pub(crate) fn report(&self) -> Option<UsageReport> {
        self.report
    }

    /// The tokens of each class, as reported, with what has passed since.
    pub(crate) fn tokens(&self) -> Tokens {
        // A piece is at least a token.
        let passed = self.pieces.max(self.characters.div_ceil(CHARACTERS_PER_TOKEN));
        match self.report {
            Some(report) => {
                let tokens = report.tokens();
                Tokens { output: tokens.output.saturating_add(passed), ..tokens }
            }
            None if passed > 0 => Tokens { input: self.input_estimate, output: passed, ..Tokens::default() },
            None => Tokens::default(),
        }
    }

    /// For an answer that came to its end.
    pub(crate) fn completed(&self) -> Counted {
        let state = if self.is_settled() {
            RowState::Settled
        } else if self.saw_something() {
            RowState::Estimated
        } else {
            RowState::Unknown
        };
        Counted { tokens: self.tokens(), state }
    }

    /// For an answer that broke off. When nothing at all came it was no answer, and there is nothing to pay.
    pub(crate) fn broken_off(&self) -> Counted {
        let is_known = self.is_settled() || !self.saw_something();
        let state = if is_known { RowState::Settled } else { RowState::Estimated };
        Counted { tokens: self.tokens(), state }
    }

    /// For an answer whose client left.
    pub(crate) fn left(&self) -> Counted {
        Counted { tokens: self.tokens(), state: RowState::Left }
    }

    /// Whether the provider counted all that has passed.
    fn is_settled(&self) -> bool {
        self.output_reported && self.pieces == 0
    }

    fn saw_something(&self) -> bool {
        self.report.is_some() || self.pieces > 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::LatestReport;
    use super::*;

    fn tally() -> Tally {
        Tally::new(Arc::new(LatestReport), 40)
    }

    fn output(tokens: u64) -> UsageReport {
        UsageReport { output: Some(tokens), ..UsageReport::default() }
    }

    #[test]
    fn the_providers_count_outranks_what_was_seen() {
        let mut tally = tally();
        tally.opens_with(UsageReport { input: Some(100), output: Some(1), ..UsageReport::default() });
        for _ in 0..7 {
            tally.passes("word ");
        }
        assert_eq!(tally.left().tokens, Tokens { input: 100, output: 1 + 9, ..Tokens::default() });
        assert_eq!(tally.broken_off().state, RowState::Estimated);
        tally.reports(output(5));
        tally.reports(output(8));
        assert_eq!(
            tally.completed(),
            Counted {
                tokens: Tokens { input: 100, output: 8, ..Tokens::default() },
                state: RowState::Settled
            }
        );
    }

    #[test]
    fn what_passes_after_a_report_is_added_to_it() {
        let mut tally = tally();
        tally.reports(output(8));
        tally.passes("more");
        assert_eq!(tally.left().tokens.output, 9);
        assert_eq!(tally.completed().state, RowState::Estimated);
    }

    #[test]
    fn without_any_report_an_answer_is_estimated_and_nothing_costs_nothing() {
        let mut tally = tally();
        assert_eq!(tally.completed().state, RowState::Unknown);
        assert_eq!(tally.broken_off(), Counted::nothing());
        assert_eq!(tally.left().tokens, Tokens::default());
        tally.passes("twelve chars");
        tally.passes("");
        let expected = Tokens { input: 10, output: 3, ..Tokens::default() };
        assert_eq!(tally.completed(), Counted { tokens: expected, state: RowState::Estimated });
    }
}
