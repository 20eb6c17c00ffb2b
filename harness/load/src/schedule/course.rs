//! The arrivals of an open schedule: a rate, a ramp, or several one after the other.

use std::time::Duration;

use crate::draw::exponential;
use crate::schedule::{Arrivals, Piece};

/// Arrivals at rates one after the other. Each time is a pure function of the seed and its number.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pieces: Vec<Piece>,
    arrivals: Arrivals,
    seed: u64,
    /// The piece that the next arrival falls into, and when it began.
    piece: usize,
    began: Duration,
    /// How many arrivals the pieces before it had.
    before: u64,
    /// How many arrivals there were.
    index: u64,
    /// Poisson arrivals come evenly when time is counted in expected arrivals and each waits for its own draw: so many were
    /// expected up to the last one, counted from the start of its piece.
    expected: f64,
}

impl Course {
    pub(crate) fn new(pieces: Vec<Piece>, arrivals: Arrivals, seed: u64) -> Self {
        Self { pieces, arrivals, seed, piece: 0, began: Duration::ZERO, before: 0, index: 0, expected: 0.0 }
    }

    fn constant(&mut self) -> Option<Duration> {
        loop {
            let piece = self.pieces.get(self.piece)?;
            let index = self.index - self.before;
            if piece.evenly().is_none_or(|count| index < count) {
                return self.began.checked_add(piece.even_time(index)?);
            }
            self.before = self.index;
            self.next_piece()?;
        }
    }

    fn poisson(&mut self) -> Option<Duration> {
        self.expected += exponential(self.seed, self.index);
        loop {
            let piece = self.pieces.get(self.piece)?;
            match piece.expected().filter(|whole| self.expected >= *whole) {
                None => return self.began.checked_add(piece.time_of(self.expected)?),
                Some(whole) => {
                    // What is left of the draw is waited for at the next rate.
                    self.expected -= whole;
                    self.next_piece()?;
                }
            }
        }
    }

    fn next_piece(&mut self) -> Option<()> {
        let lasts = self.pieces.get(self.piece)?.lasts()?;
        self.began = self.began.checked_add(lasts)?;
        self.piece += 1;
        Some(())
    }
}

impl Iterator for Course {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let time = match self.arrivals {
            Arrivals::Constant => self.constant(),
            Arrivals::Poisson => self.poisson(),
        }?;
        self.index += 1;
        Some(time)
    }
}
