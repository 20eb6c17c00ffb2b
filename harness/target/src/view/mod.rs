//! What templates see of a world and of one start, and which settings they read.

mod shown;
mod start;
mod world;

pub(crate) use start::{StartView, StoreView};
pub(crate) use world::view;
