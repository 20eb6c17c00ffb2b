//! Streamed answers as an upstream tells them.

mod course;
mod cutter;
mod events;
mod framing;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use course::{Event, Telling};
pub(crate) use events::{COMMENT, EventWriter};
pub use events::{Frame, FrameKind, StreamEvents};
pub use framing::{Framing, LineEnd};
pub use shape::{StreamShape, UsagePlace};
