//! What a pool knows of one key: what each choice reads of it, and everything else.

use std::time::Duration;

use tokio::time::Instant;

use super::{Latency, Standing};

/// What each choice reads and changes. It is small and lies beside that of the other keys, apart from everything else: so that
/// of thousands of keys stays in the processor's cache, where each choice meets another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyTurn {
    /// The place of its next turn.
    pub(super) next: u64,
    pub(super) weight: u32,
    /// Requests that are not over, where those are counted.
    pub(super) busy: u32,
    /// It was closed, and nothing has succeeded since.
    pub(super) is_unproven: bool,
}

/// Everything else.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyState {
    /// Until when it is closed.
    pub(super) until: Option<Instant>,
    /// Its place in the order of the settings.
    pub(super) rank: usize,
    pub(super) probes_open: u32,
    /// Failures in a row.
    pub(super) failures: u32,
    /// What was learned of it, also while it is taken out.
    pub(super) standing: Standing,
    /// The operator took it out.
    pub(super) is_disabled: bool,
    /// It is in the settings no more.
    pub(super) is_removed: bool,
    /// When it was last looked at for how fast it is, as the number of that look.
    pub(super) looked: u64,
    /// How fast it answers, where that is measured.
    pub(super) latency: Latency,
    pub(super) latest_probe: Option<Instant>,
    /// Until when its provider said that little is left of it.
    pub(super) used_up_until: Option<Instant>,
}

/// The way to the next turn of a key whose weight is one. Divisible by most small weights, so that turns stay even.
pub(super) const STRIDE: u64 = 5_040 * 1_000;
/// A probe that is under way for so long was not refused: refusals come fast, and answers may take minutes.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

impl KeyTurn {
    /// Turns that it missed are not made up for.
    pub(super) fn misses_turns(&mut self, now_at: u64) {
        self.next = self.next.max(now_at + STRIDE / u64::from(self.weight));
    }
}

impl KeyState {
    pub(super) fn is_out(&self) -> bool {
        self.is_disabled || self.is_removed
    }

    /// Whether it can be chosen.
    pub(super) fn is_open(&self) -> bool {
        self.until.is_none() && !self.is_out()
    }

    /// Its standing as it is shown.
    pub(super) fn shown(&self) -> Standing {
        if self.is_disabled { Standing::Disabled } else { self.standing }
    }

    /// Whether one more request may try whether it is back.
    pub(super) fn admits_probe(&self, probes: u32, now: Instant) -> bool {
        let is_patient = self.latest_probe.is_some_and(|latest| now < latest + PROBE_PATIENCE);
        self.probes_open < probes || !is_patient
    }
}
