//! Streamed answers as an upstream tells them.

mod course;
mod cutter;
mod events;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use course::{Event, Telling};
pub(crate) use events::EventWriter;
pub use events::{Frame, FrameKind, StreamEvents};
pub use shape::{Framing, StreamShape, UsagePlace};
