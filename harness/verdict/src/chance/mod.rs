//! How likely something is by chance alone, with bounds that are proven: no verdict hangs on the rounding of a float.

mod binomial;
mod chi_square;
mod interval;

pub(crate) use binomial::Binomial;
pub(crate) use chi_square::ChiSquare;

/// A part of a whole in millionths, as error rates are written.
pub(crate) const WHOLE: u64 = 1_000_000;
