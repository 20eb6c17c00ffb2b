//! What is shown while upstreams are served: a block that is drawn in place on a terminal, lines of words elsewhere.

use std::time::{Duration, Instant};

use record::UpstreamCounts;
use report::terminal::{Palette, upstream_line, upstream_table};

use crate::terminal::{colours_errors, screen, tell};
use crate::upstreams::serving::Serving;

/// How often a terminal is drawn at most, and how often lines are told.
const DRAWN: Duration = Duration::from_millis(250);
const TOLD: Duration = Duration::from_secs(1);

/// Shows what upstreams have counted, on standard error.
pub(crate) struct Live {
    began: Instant,
    palette: Palette,
    /// Whether there is a terminal to draw on.
    draws: bool,
    /// The lines that stand on the terminal now.
    drawn: Vec<String>,
    /// What was told last.
    told: Vec<UpstreamCounts>,
    /// How many mistakes of the world were told.
    mistakes: usize,
}

impl Live {
    pub(crate) fn new() -> Self {
        let palette = if colours_errors() { Palette::colour() } else { Palette::plain() };
        Self {
            began: Instant::now(),
            palette,
            draws: screen().is_some(),
            drawn: Vec::new(),
            told: Vec::new(),
            mistakes: 0,
        }
    }

    /// How often there is something to show.
    pub(crate) fn period(&self) -> Duration {
        if self.draws { DRAWN } else { TOLD }
    }

    /// Shows what has changed.
    pub(crate) fn show(&mut self, serving: &Serving) {
        self.tell_mistakes(serving);
        let counts = serving.counts();
        if self.draws { self.draw(&counts) } else { self.tell_changed(counts) }
    }

    /// Shows what it came to.
    pub(crate) fn conclude(&mut self, signal: &str, serving: &Serving) {
        self.tell_mistakes(serving);
        let counts = serving.counts();
        let lasted = humantime::format_duration(Duration::from_secs(self.began.elapsed().as_secs()));
        let ended = format!("{signal}: ended after {lasted}\n");
        if self.draws {
            self.draw(&counts);
            // The terminal has shown the key that was pressed.
            tell(&format!("\r\x1b[K{ended}"));
        } else {
            let lines: String = counts.iter().map(|counts| upstream_line(counts) + "\n").collect();
            tell(&(ended + &lines));
        }
    }

    /// Draws the block over the one before, unless it is the same.
    fn draw(&mut self, counts: &[UpstreamCounts]) {
        let (columns, rows) = screen().unwrap_or((80, 24));
        // A line that fills the last column wraps on some terminals.
        let mut lines = upstream_table(counts, columns.saturating_sub(1).max(2), &self.palette);
        let room = rows.saturating_sub(2).max(1);
        if lines.len() > room {
            let hidden = lines.len() - room + 1;
            lines.truncate(room - 1);
            lines.push(format!("and {hidden} more"));
        }
        if lines != self.drawn {
            let block: String = lines.iter().map(|line| format!("{line}\x1b[K\n")).collect();
            tell(&format!("{}{block}\x1b[J", self.back()));
            self.drawn = lines;
        }
    }

    /// Leads back to where the block begins.
    fn back(&self) -> String {
        match self.drawn.len() {
            0 => String::new(),
            lines => format!("\r\x1b[{lines}A"),
        }
    }

    fn tell_changed(&mut self, counts: Vec<UpstreamCounts>) {
        let is_new = |counts: &&UpstreamCounts| counts.requests > 0 && !self.told.contains(counts);
        let lines: String = counts.iter().filter(is_new).map(|counts| upstream_line(counts) + "\n").collect();
        tell(&lines);
        self.told = counts;
    }

    /// Tells what the world asked for and could not be made, above the block.
    fn tell_mistakes(&mut self, serving: &Serving) {
        let mistakes = serving.upstreams.mistakes();
        let new: String =
            mistakes.iter().skip(self.mistakes).map(|mistake| format!("note: {mistake}\n")).collect();
        if !new.is_empty() {
            let wipe = if self.draws { format!("{}\x1b[J", self.back()) } else { String::new() };
            tell(&(wipe + &new));
            self.drawn.clear();
        }
        self.mistakes = mistakes.len();
    }
}
