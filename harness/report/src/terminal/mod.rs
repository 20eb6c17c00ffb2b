//! What people read at the end of a run: stories of what went wrong, and a summary. 80 columns, colour only when told.

mod again;
mod evidence;
pub(crate) mod layout;
mod palette;
mod source;
pub(crate) mod span;
mod story;
mod summary;
mod upstreams;

pub use again::again;
pub use palette::Palette;
pub(crate) use palette::paint;
pub use story::{stories, story, trial_story};
pub use summary::summary;
pub use upstreams::{upstream_line, upstream_table};
