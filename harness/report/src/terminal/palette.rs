//! The few styles that terminal reports use. Whether colour is wanted is the caller's decision, who knows the terminal.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use record::Verdict;

/// The styles of a terminal report.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    pub(crate) good: Style,
    pub(crate) bad: Style,
    pub(crate) doubt: Style,
    pub(super) strong: Style,
    pub(crate) quiet: Style,
}

impl Palette {
    /// No colour at all: for files, pipes and `NO_COLOR`.
    #[must_use]
    pub const fn plain() -> Self {
        let plain = Style::new();
        Self { good: plain, bad: plain, doubt: plain, strong: plain, quiet: plain }
    }

    /// The terminal's own colours, so that they suit its background.
    #[must_use]
    pub const fn colour() -> Self {
        Self {
            good: AnsiColor::Green.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
            doubt: AnsiColor::Yellow.on_default().bold(),
            strong: Style::new().bold(),
            quiet: Style::new().dimmed(),
        }
    }

    /// The style in which a verdict is shown.
    pub(super) fn of(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Fail | Verdict::UnexpectedPass | Verdict::Blocked => self.bad,
            Verdict::Warn | Verdict::Inconclusive | Verdict::NotExercised => self.doubt,
            Verdict::KnownFailure | Verdict::Gated | Verdict::NotClaimed | Verdict::NotObservable => {
                self.quiet
            }
        }
    }
}

/// The text in a style. Pad it before: what a style adds has no width.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
